//! The loop around the core: it owns the terminal, the clock and the feeds, and does nothing else.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;

use anyhow::Context as _;
use crossterm::event::{Event as TermEvent, EventStream};
use futures_util::StreamExt as _;
use ratatui::layout::Size;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::bug;
use crate::feed::{Command, Event, Opener, Request};
use crate::host::{self, Host};
use crate::record::Recorder;

use super::app::App;
use super::glyphs::{Depth, Level, detect_depth, detect_level};
use super::message::{Effect, Input};
use super::pace::{Pace, What};
use super::recording::{self, Recorded};
use super::screen::{self, Screen};
use super::surroundings::{LateReply, Taken};
use super::terminal::{self, Writer};
use super::{Callbacks, Exit, Options, copy, export, logger, surroundings};

/// Messages that may wait for the loop; feeds behind it wait, and count what they lose.
const INBOX: usize = 64;

/// Opens the explorer and returns when it is closed.
///
/// # Errors
/// If there is no terminal to show it on or to read keys from.
pub fn run(
    mut options: Options,
    opener: Arc<dyn Opener>,
    layout: Vec<Request>,
    callbacks: Callbacks,
    recorder: Option<Recorder>,
) -> anyhow::Result<Exit> {
    // Whoever started a log before keeps it; a log on standard error would spoil the screen.
    logger::start(log::LevelFilter::Info, None);
    let env = |name: &str| std::env::var(name).ok();
    let term = env("TERM").unwrap_or_default();
    options.slow |= surroundings::is_serial();
    // What the user asked for by name wins over the slow profile.
    let slow = options.slow;
    options.level.get_or_insert_with(|| if slow { Level::Ascii } else { detect_level(&env) });
    options.depth.get_or_insert_with(|| detect_depth(&env).min(if slow { Depth::Ansi } else { Depth::True }));
    options.clipboard &= !slow && !matches!(term.as_str(), "linux" | "dumb" | "");
    options.mouse &= !options.slow && !matches!(term.as_str(), "linux" | "dumb" | "");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    terminal::install_panic_hook();
    let mouse = options.mouse;
    // From here on a signal does not end the program by itself: it would leave the terminal as it is.
    let guard = runtime.enter();
    let ends = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()].map(signal);
    drop(guard);
    terminal::enter(mouse).context("there is no terminal to read keys from; -b needs none")?;
    let ended = runtime.block_on(explore(options, opener, layout, callbacks, recorder, term != "linux", ends));
    terminal::restore();
    if let Some(lines) = bug::kept() {
        terminal::print(&lines);
    }
    // Feeds detach on threads of their own; nobody waits for them.
    runtime.shutdown_background();
    let (left, recorded) = ended?;
    if let Some(left) = left {
        terminal::print(&left);
    }
    match recorded {
        Some(Err(why)) => Ok(Exit::NotRecorded(why)),
        Some(Ok(tape)) => {
            terminal::print(&format!("{}\r\n", recording::words(&tape)));
            Ok(Exit::Done)
        }
        None => Ok(Exit::Done),
    }
}

struct Shell {
    app: App,
    screen: Screen,
    writer: Writer,
    pace: Pace,
    opener: Arc<dyn Opener>,
    callbacks: Callbacks,
    inbox: mpsc::Sender<Input>,
    feeds: HashMap<usize, (Sender<Command>, JoinHandle<()>)>,
    /// Bytes that go out beside the next picture: they change nothing on the screen.
    aside: Vec<u8>,
    late: LateReply,
    recorder: Option<Recorder>,
    asked: bool,
    suspend: bool,
    quit: Option<bool>,
}

async fn explore(
    options: Options,
    opener: Arc<dyn Opener>,
    layout: Vec<Request>,
    callbacks: Callbacks,
    recorder: Option<Recorder>,
    synchronised: bool,
    mut ends: [std::io::Result<Signal>; 3],
) -> anyhow::Result<(Option<String>, Option<Recorded>)> {
    let (inbox, mut arrived) = mpsc::channel(INBOX);
    let (drained, mut free) = mpsc::channel(1);
    let now = Instant::now();
    let mut app = App::new(options, layout, now);
    let (width, height) = terminal::size();
    app.area = ratatui::layout::Rect::new(0, 0, width, height);
    if let Some(recorder) = &recorder {
        app.recording_runs(recorder.path());
    }
    let effects = app.start();
    let mut shell = Shell {
        screen: Screen::new(Size::new(width, height), app.glyphs.level, synchronised),
        writer: Writer::start(drained)?,
        pace: Pace::new(now),
        app,
        opener,
        callbacks,
        inbox: inbox.clone(),
        feeds: HashMap::new(),
        aside: Vec::new(),
        late: LateReply::new(false, now),
        recorder,
        asked: false,
        suspend: false,
        quit: None,
    };
    let env = |name: &str| std::env::var(name).unwrap_or_default();
    if !surroundings::erases_with_ground(&env("TERM"), !env("TMUX").is_empty()) {
        shell.screen.writes_ground();
    }
    shell.perform(effects);
    // Views load meanwhile.
    shell.find_ground(synchronised);
    // How this host is doing says nothing about that of a recording.
    let _host = if shell.app.replay.is_none() { Some(gauges(inbox)?) } else { None };
    let mut keys = EventStream::new();
    let mut go_on = signal(SignalKind::from_raw(libc::SIGCONT))?;
    loop {
        shell.draw_if_due();
        if let Some(leave) = shell.quit {
            (shell.callbacks.remember)(&shell.app.memory());
            let recorded = shell.recorder.take().map(|recorder| recorder.finish(recording::FINISH));
            return Ok((leave.then(|| screen::text(&mut shell.app)), recorded));
        }
        if std::mem::take(&mut shell.suspend) {
            suspend(shell.app.options.mouse, &mut go_on).await?;
            shell.input(Input::Resumed, What::User);
            continue;
        }
        // While the terminal takes no bytes there is nothing to be on time for: it says when it does.
        let due = shell.pace.due(&shell.app).filter(|_| !shell.writer.busy());
        let wake = [shell.app.wake(), due].into_iter().flatten().min();
        let sleep = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = keys.next() => shell.term(event)?,
            Some(input) = arrived.recv() => shell.arrived(input),
            Some(()) = free.recv() => {}
            () = sleep => shell.input(Input::Tick, What::Time),
            () = any(&mut ends) => {
                // Restore and go: detaching may take longer than the one who sends signals waits.
                terminal::restore();
                (shell.callbacks.remember)(&shell.app.memory());
                let recorded = shell.recorder.take().map(|recorder| recorder.finish(recording::FINISH));
                std::process::exit(if let Some(Err(_)) = recorded { 5 } else { 0 });
            }
        }
    }
}

/// Waits for one of the signals that end the program.
async fn any(signals: &mut [std::io::Result<Signal>; 3]) {
    let [a, b, c] = signals;
    let wait = async |signal: &mut std::io::Result<Signal>| match signal {
        Ok(signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(a) => {}
        () = wait(b) => {}
        () = wait(c) => {}
    }
}

fn gauges(inbox: mpsc::Sender<Input>) -> std::io::Result<Host> {
    host::start(move |sample| match inbox.try_send(Input::Host(sample)) {
        Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => true,
        Err(mpsc::error::TrySendError::Closed(_)) => false,
    })
}

async fn suspend(mouse: bool, go_on: &mut Signal) -> anyhow::Result<()> {
    terminal::restore();
    rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
    // Without job control nobody stops us and nobody tells us to go on.
    let _ = tokio::time::timeout(std::time::Duration::from_millis(300), go_on.recv()).await;
    terminal::enter(mouse)?;
    Ok(())
}

impl Shell {
    /// Finds out whether the terminal is light, where that makes a difference: only ramps need to know, and
    /// only with many colours is there a choice.
    fn find_ground(&mut self, may_ask: bool) {
        let app = &mut self.app;
        if app.depth < Depth::Indexed || app.theme.is_light().is_some() {
            return;
        }
        let known = surroundings::light_by_env(std::env::var("COLORFGBG").ok().as_deref());
        let asks = known.is_none() && may_ask && !app.options.slow;
        let light = if asks { surroundings::ask_light() } else { known };
        self.late = LateReply::new(asks && light.is_none(), Instant::now());
        self.set_ground(light.unwrap_or(false));
    }

    fn set_ground(&mut self, light: bool) {
        self.app.options.light = light;
        let theme = self.app.theme_name.clone();
        self.app.set_theme(&theme);
    }

    fn draw_if_due(&mut self) {
        let now = Instant::now();
        self.app.problems(logger::problems());
        self.pace.sluggish = self.app.options.slow && self.writer.took() > self.app.interval / 2;
        if !self.app.dirty || !self.pace.may_draw(&self.app, now) || self.writer.busy() {
            return;
        }
        if self.app.log {
            tui_logger::move_events();
        }
        let mut bytes = self.screen.draw(&mut self.app);
        bytes.append(&mut self.aside);
        if self.app.views.iter().any(|view| view.seen > 0) {
            bug::provoke("screen");
        }
        self.pace.drawn(now);
        if !bytes.is_empty() {
            self.writer.write(bytes);
        }
    }

    fn input(&mut self, input: Input, what: What) {
        let now = Instant::now();
        self.pace.happened(what, now);
        let effects = self.app.handle(now, input);
        self.perform(effects);
    }

    fn arrived(&mut self, input: Input) {
        let what = match &input {
            Input::Feed(view, _, Event::Frame(_)) => What::Frame(*view),
            Input::Feed(..) => What::Progress,
            Input::Host(_) => What::Gauge,
            _ => What::User,
        };
        recording::tap(&mut self.recorder, &mut self.app, &input);
        self.input(input, what);
    }

    fn term(&mut self, event: Option<std::io::Result<TermEvent>>) -> anyhow::Result<()> {
        let event = event.context("the terminal is gone")?.context("cannot read from the terminal")?;
        let input = match event {
            TermEvent::Key(key) => match self.late.take(&key, Instant::now()) {
                Taken::No => Input::Key(key),
                Taken::Yes => return Ok(()),
                Taken::Light(light) => {
                    self.set_ground(light.unwrap_or(self.app.options.light));
                    return Ok(());
                }
            },
            TermEvent::Mouse(mouse) => Input::Mouse(mouse),
            TermEvent::Paste(text) => Input::Paste(text),
            TermEvent::Resize(width, height) => {
                // A window that is being dragged sends many sizes: one picture for all of them.
                self.screen.resize(Size::new(width, height));
                self.input(Input::Resize(width, height), What::Progress);
                return Ok(());
            }
            TermEvent::FocusGained | TermEvent::FocusLost => return Ok(()),
        };
        self.input(input, What::User);
        Ok(())
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Open(at, generation, request) => self.open(at, generation, request),
                Effect::Send(at, command) => {
                    if let Some((commands, _)) = self.feeds.get(&at) {
                        // A view that has ended takes no commands.
                        let _ = commands.send(command);
                    }
                }
                Effect::Close(at) => self.close(at),
                Effect::Facts(pid) => {
                    let facts = self.callbacks.facts.clone();
                    self.ask(move || Input::Facts(pid, facts(pid).map(Box::new)));
                }
                Effect::Hooks(view) => {
                    let hooks = self.callbacks.hooks.clone();
                    self.ask(move || Input::Hooks(view.clone(), hooks(&view)));
                }
                Effect::Availability if self.asked => {}
                Effect::Availability => {
                    self.asked = true;
                    let availability = self.callbacks.availability.clone();
                    self.ask(move || Input::Unavailable(availability()));
                }
                Effect::Export(path, format, frames) => {
                    let document = self.callbacks.document.clone();
                    self.ask(move || Input::Exported(export::write(&path, &document(format, &frames))));
                }
                Effect::Measure(format, frames) => {
                    let document = self.callbacks.document.clone();
                    self.ask(move || Input::Measured(document(format, &frames).len() as u64));
                }
                Effect::Write(path, bytes) => self.ask(move || Input::Exported(export::write(&path, &bytes))),
                Effect::Copy(text) => self.aside.extend(copy::sequence(&text)),
                Effect::Bell => self.aside.push(7),
                Effect::LogLevel(level) => logger::set_level(level),
                Effect::Keep(kept) => {
                    let keep = self.callbacks.keep.clone();
                    self.ask(move || Input::Kept(keep(&kept)));
                }
                Effect::Record(name) => self.record(name),
                Effect::Play(transport) => self.opener.control(transport),
                Effect::Redraw => self.screen.redraw(),
                Effect::Suspend => self.suspend = true,
                Effect::Quit(leave) => self.quit = Some(leave),
            }
        }
    }

    /// Starts a recording, or ends the one that runs.
    fn record(&mut self, name: Option<String>) {
        match name {
            Some(name) => match (self.callbacks.record)(Path::new(&name)) {
                Ok(recorder) => {
                    self.app.recording_runs(recorder.path());
                    self.recorder = Some(recorder);
                }
                Err(problem) => self.app.say(format!("not recorded: {problem}")),
            },
            None => {
                if let Some(recorder) = self.recorder.take() {
                    self.ask(move || Input::Recorded(recorder.finish(recording::FINISH)));
                }
            }
        }
    }

    /// Does something slow off this thread.
    fn ask(&self, question: impl FnOnce() -> Input + Send + 'static) {
        let inbox = self.inbox.clone();
        tokio::task::spawn_blocking(move || inbox.blocking_send(question()));
    }

    fn open(&mut self, at: usize, generation: u32, request: Request) {
        self.close(at);
        let mut feed = self.opener.open(request);
        let inbox = self.inbox.clone();
        let task = tokio::spawn(async move {
            while let Some(event) = feed.events.recv().await {
                if inbox.send(Input::Feed(at, generation, event)).await.is_err() {
                    return;
                }
            }
            let _ = inbox.send(Input::Feed(at, generation, Event::Ended)).await;
        });
        self.feeds.insert(at, (feed.commands, task));
    }

    fn close(&mut self, at: usize) {
        if let Some((commands, task)) = self.feeds.remove(&at) {
            let _ = commands.send(Command::Stop);
            task.abort();
        }
    }
}
