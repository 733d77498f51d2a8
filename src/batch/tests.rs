use std::io::ErrorKind;
use std::sync::Mutex;
use std::sync::mpsc as std_mpsc;
use std::thread;

use serde_json::Value as Json;

use super::*;
use crate::export::output::to_file;
use crate::export::sample;
use crate::export::schema::tests::validate;
use crate::export::tests::Shared;
use crate::feed::{BACKLOG, Command, Feed, LoadStep};
use crate::frame::ReasonClass;

/// What a view of the stage does.
#[derive(Clone)]
enum Act {
    /// Attaches, then gives frames as fast as they are taken.
    Endless,
    /// Attaches, gives this many frames, then waits for `Finish` or `Stop`.
    Frames(usize),
    /// Cannot run.
    Unavailable(ReasonClass),
    /// Never gets attached.
    Loads,
}

/// Opens views that follow a script.
struct Stage {
    acts: Vec<(&'static str, Act)>,
    opened: Mutex<Vec<Request>>,
}

impl Opener for Stage {
    fn open(&self, request: Request) -> Feed {
        let act = self.acts.iter().find(|(name, _)| *name == request.view).unwrap().1.clone();
        let (events, receiver) = mpsc::channel(BACKLOG);
        let (commands, inbox) = std_mpsc::channel();
        let view = request.view.clone();
        self.opened.lock().unwrap().push(request);
        let name = view.clone();
        thread::spawn(move || play(&act, &name, &events, &inbox));
        Feed { view, events: receiver, commands }
    }
}

fn frame(view: &str) -> Event {
    Event::Frame(Frame { view: view.into(), ..sample::table() }.into())
}

fn play(act: &Act, view: &str, events: &mpsc::Sender<Event>, inbox: &std_mpsc::Receiver<Command>) {
    let _ = events.blocking_send(Event::Loading(LoadStep::Verify));
    let mut left = match act {
        Act::Loads => {
            let _ = inbox.recv();
            return;
        }
        Act::Unavailable(class) => {
            let frame = Frame { view: view.into(), ..sample::unavailable(*class) };
            let _ = events.blocking_send(Event::Frame(frame.into()));
            let _ = inbox.recv();
            return;
        }
        Act::Frames(n) => *n,
        Act::Endless => usize::MAX,
    };
    let _ = events.blocking_send(Event::Attached);
    while left > 0 && events.blocking_send(frame(view)).is_ok() {
        left -= 1;
        if matches!(inbox.try_recv(), Ok(Command::Stop)) {
            return;
        }
    }
    if let Ok(Command::Finish) = inbox.recv() {
        let _ = events.blocking_send(frame(view));
        let _ = events.blocking_send(Event::Ended);
    }
}

/// A run, what came of it, and what the user was told.
struct Scene {
    acts: Vec<(&'static str, Act)>,
    run: Run,
    signals: Vec<i32>,
}

struct Outcome {
    code: u8,
    text: String,
    told: Vec<String>,
    opened: Vec<Request>,
}

impl Scene {
    fn new(acts: &[(&'static str, Act)]) -> Scene {
        let request = |(name, _): &(&'static str, Act)| Request {
            view: (*name).to_owned(),
            interval: Duration::from_secs(1),
            first: None,
            settings: Vec::new(),
            force: Vec::new(),
        };
        let run = Run {
            requests: acts.iter().map(request).collect(),
            shape: Shape::default(),
            format: Some(Format::Json),
            count: Some(1),
            duration: None,
            strict: false,
            command: Vec::new(),
            invoker: None,
            redact: None,
            replayed: false,
        };
        Scene { acts: acts.to_vec(), run, signals: Vec::new() }
    }

    fn play(self) -> Outcome {
        let out = Shared::default();
        let sink = Sink { out: Box::new(out.clone()), file: None, recorder: None };
        let mut outcome = self.play_into(sink);
        outcome.text = out.text();
        outcome
    }

    fn play_into(self, sink: Sink) -> Outcome {
        let stage = Stage { acts: self.acts, opened: Mutex::default() };
        let told = Mutex::new(Vec::new());
        let tell = |text: &str| told.lock().unwrap().push(text.to_owned());
        let (send, signals) = mpsc::channel(4);
        for signal in self.signals {
            send.try_send(signal).unwrap();
        }
        let host = Host { hostname: "h".into(), ..Host::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let code = runtime.block_on(run(&stage, self.run, host, sink, signals, &tell));
        drop(send);
        let (told, opened) = (told.into_inner().unwrap(), stage.opened.into_inner().unwrap());
        Outcome { code, text: String::new(), told, opened }
    }
}

fn document(text: &str) -> Json {
    let document = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    validate("Document", &document).unwrap();
    document
}

/// Status of each frame by view, sorted.
fn statuses(text: &str) -> Vec<(String, String)> {
    let document = document(text);
    let frames = document["frames"].as_array().unwrap();
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let mut all: Vec<_> = frames.iter().map(|frame| (text(&frame["view"]), text(&frame["status"]))).collect();
    all.sort();
    all
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn each_view_gives_the_frames_asked_for() {
    let mut scene = Scene::new(&[("a", Act::Endless), ("b", Act::Endless)]);
    scene.run.count = Some(2);
    let outcome = scene.play();
    assert_eq!((outcome.code, outcome.told), (0, vec![]));
    assert_eq!(statuses(&outcome.text), pairs(&[("a", "ok"), ("a", "ok"), ("b", "ok"), ("b", "ok")]));
}

#[test]
fn a_view_that_cannot_run_does_not_stop_the_others() {
    let outcome = Scene::new(&[("a", Act::Endless), ("b", Act::Unavailable(ReasonClass::NoBtf))]).play();
    assert_eq!(outcome.code, 0);
    assert_eq!(statuses(&outcome.text), pairs(&[("a", "ok"), ("b", "unavailable")]));
    assert_eq!(outcome.told, ["b cannot run: no hook for submit; use another kernel"]);
}

#[test]
fn strictly_it_does() {
    let mut scene = Scene::new(&[("a", Act::Endless), ("b", Act::Unavailable(ReasonClass::NoBtf))]);
    scene.run.strict = true;
    scene.run.count = None;
    let outcome = scene.play();
    assert_eq!(outcome.code, 4);
    assert!(statuses(&outcome.text).contains(&("b".to_owned(), "unavailable".to_owned())));
}

#[test]
fn without_any_view_the_document_still_says_why() {
    for (class, code) in [(ReasonClass::SymbolMissing, 4), (ReasonClass::NoPrivilege, 3)] {
        let outcome = Scene::new(&[("a", Act::Unavailable(class)), ("b", Act::Unavailable(class))]).play();
        assert_eq!(outcome.code, code);
        assert_eq!(statuses(&outcome.text), pairs(&[("a", "unavailable"), ("b", "unavailable")]));
    }
}

#[test]
fn a_signal_while_a_view_loads_ends_the_run() {
    for (signal, code) in [(2, 130), (15, 143), (1, 129)] {
        let mut scene = Scene::new(&[("a", Act::Loads)]);
        scene.signals = vec![signal];
        let outcome = scene.play();
        assert_eq!(outcome.code, code);
        assert_eq!(document(&outcome.text)["frames"], serde_json::json!([]));
    }
}

/// A reader that sends a signal when it has read a frame, and another one to be late.
struct Signalling {
    out: Shared,
    send: mpsc::Sender<i32>,
}

impl Write for Signalling {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.out.text().contains("\"type\":\"frame\"") {
            let _ = self.send.try_send(2);
        }
        Ok(())
    }
}

#[test]
fn a_signal_after_a_frame_is_a_good_end() {
    let scene = Scene::new(&[("a", Act::Endless)]);
    let out = Shared::default();
    let (send, signals) = mpsc::channel(1);
    let sink = Sink { out: Box::new(Signalling { out: out.clone(), send }), file: None, recorder: None };
    let stage = Stage { acts: scene.acts, opened: Mutex::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let run = Run { count: None, ..scene.run };
    assert_eq!(runtime.block_on(super::run(&stage, run, Host::default(), sink, signals, &|_| {})), 0);
    assert!(!statuses(&out.text()).is_empty());
}

struct Broken(ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_a_good_end_and_a_full_disk_is_not() {
    for (kind, code) in [(ErrorKind::BrokenPipe, 0), (ErrorKind::StorageFull, 5)] {
        let mut scene = Scene::new(&[("a", Act::Endless)]);
        scene.run.count = None;
        let outcome = scene.play_into(Sink { out: Box::new(Broken(kind)), file: None, recorder: None });
        assert_eq!((outcome.code, outcome.told.len()), (code, usize::from(code > 0)), "{:?}", outcome.told);
    }
}

/// A reader that reads nothing until the test is over.
struct Stuck(std_mpsc::Receiver<()>, mpsc::Sender<i32>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.1.try_send(15);
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write(&[]).map(|_| ())
    }
}

#[test]
fn a_stuck_reader_does_not_hold_up_a_signal() {
    let scene = Scene::new(&[("a", Act::Endless)]);
    let (over, wait) = std_mpsc::channel();
    let (send, signals) = mpsc::channel(1);
    let sink = Sink { out: Box::new(Stuck(wait, send)), file: None, recorder: None };
    let stage = Stage { acts: scene.acts, opened: Mutex::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let run = Run { count: None, ..scene.run };
    let told = Mutex::new(String::new());
    let tell = |text: &str| told.lock().unwrap().push_str(text);
    let code = runtime.block_on(super::run(&stage, run, Host::default(), sink, signals, &tell));
    drop(over);
    let told = told.into_inner().unwrap();
    assert!(code == 143 && told.contains("the end of the output is missing"), "{code} {told}");
}

#[test]
fn a_file_gets_its_name_only_when_it_is_complete() {
    for (act, signals, exists) in [(Act::Endless, vec![], true), (Act::Loads, vec![15], false)] {
        let dir = tempfile::tempdir().unwrap();
        let asked = dir.path().join("out");
        let (part, file) = PartFile::create(&asked, None).unwrap();
        let scene = Scene { signals, ..Scene::new(&[("a", act)]) };
        scene.play_into(Sink { out: to_file(file), file: Some(part), recorder: None });
        assert_eq!(asked.exists(), exists);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), usize::from(exists));
    }
}

#[test]
fn when_the_time_is_up_a_last_frame_is_asked_for() {
    let mut scene = Scene::new(&[("a", Act::Frames(1))]);
    scene.run.count = None;
    scene.run.duration = Some(Duration::from_millis(1));
    let outcome = scene.play();
    assert_eq!((outcome.code, statuses(&outcome.text).len()), (0, 2));
}

#[test]
fn the_run_ends_with_its_command_which_the_views_are_told_of() {
    let mut scene = Scene::new(&[("a", Act::Frames(0))]);
    scene.run.count = None;
    scene.run.command = ["sh", "-c", "exit 3"].map(OsString::from).to_vec();
    let outcome = scene.play();
    assert_eq!((outcome.code, statuses(&outcome.text).len()), (0, 1));
    assert_eq!(outcome.told, ["sh: exit status: 3"]);
    assert!(matches!(&outcome.opened[0].settings[..], [(name, SettingValue::Int(_))] if name == "tree"));
}

#[test]
fn a_command_that_does_not_exist_fails_the_run() {
    let mut scene = Scene::new(&[("a", Act::Frames(0))]);
    scene.run.command = vec!["/no/such/program".into()];
    let outcome = scene.play();
    assert_eq!(outcome.code, 1);
    assert!(outcome.told[0].starts_with("cannot run /no/such/program"), "{:?}", outcome.told);
}

#[test]
fn a_wrong_column_is_wrong_usage() {
    let mut scene = Scene::new(&[("a", Act::Endless)]);
    scene.run.shape.columns = vec!["byts".to_owned()];
    let outcome = scene.play();
    assert_eq!(
        (outcome.code, outcome.told),
        (2, vec!["a: --columns: no column `byts`; did you mean bytes?".to_owned()])
    );
}

#[test]
fn lines_begin_when_every_view_is_attached_or_known_not_to_run() {
    let mut scene = Scene::new(&[("a", Act::Endless), ("b", Act::Unavailable(ReasonClass::NoBtf))]);
    scene.run.format = Some(Format::Ndjson);
    let outcome = scene.play();
    let types: Vec<Json> =
        outcome.text.lines().map(|l| serde_json::from_str::<Json>(l).unwrap()["type"].clone()).collect();
    assert_eq!(types, ["header", "frame", "frame"]);
}
