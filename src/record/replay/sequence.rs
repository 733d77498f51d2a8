//! A recording for batch mode: one thread reads the file once and hands the frames out in their order.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::sync::mpsc::{self, Sender};

use super::super::Recording;
use super::super::recording::Trouble;
use super::absent;
use crate::feed::{Event, Feed, Opener, Request};

/// What went wrong while it was read.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What could not be read, one line each.
    pub damage: Vec<String>,
    /// That the file ends too early.
    pub cut: Option<String>,
}

/// Problems beyond this many are counted only.
const TOLD: usize = 20;

/// Hands out the frames of some views.
pub struct Sequence {
    recording: Arc<Recording>,
    /// Views that will be opened before the first frame is read.
    expected: usize,
    /// Frames later than this after the first one are not wanted.
    until: Option<Duration>,
    open: Mutex<HashMap<String, Sender<Event>>>,
    report: Arc<Mutex<Report>>,
}

impl Sequence {
    /// Over a recording, of which so many views will be opened.
    pub fn new(recording: Arc<Recording>, expected: usize, until: Option<Duration>) -> Sequence {
        let report = Report { damage: recording.problems().to_vec(), cut: None };
        Sequence { recording, expected, until, open: Mutex::default(), report: Arc::new(Mutex::new(report)) }
    }

    /// What went wrong so far.
    pub fn report(&self) -> Report {
        self.report.lock().map(|report| report.clone()).unwrap_or_default()
    }
}

impl Opener for Sequence {
    fn open(&self, request: Request) -> Feed {
        // One place: what is handed out is taken before the next frame is.
        let (events, receiver) = mpsc::channel(1);
        let (commands, _) = std::sync::mpsc::channel();
        let view = request.view.clone();
        if let Ok(mut open) = self.open.lock() {
            if self.recording.views().iter().any(|known| known.name == view) {
                let _ = events.try_send(Event::Attached);
            } else {
                let _ = events.try_send(Event::Frame(absent(&self.recording, &request)));
            }
            open.insert(view.clone(), events);
            if open.len() == self.expected {
                self.start(std::mem::take(&mut *open));
            }
        }
        Feed { view, events: receiver, commands }
    }
}

impl Sequence {
    fn start(&self, open: HashMap<String, Sender<Event>>) {
        let (recording, report) = (self.recording.clone(), self.report.clone());
        let (first, _) = recording.span();
        let until = self.until.and_then(|time| u64::try_from(time.as_nanos()).ok());
        // The recording began an interval before its first frame; frames come a little late.
        let interval = recording.views().first().map_or(0, |view| view.asked_ns);
        let begun = first.mono_ns.saturating_sub(interval / 2);
        let until = until.map_or(u64::MAX, |time| begun.saturating_add(time));
        let read = move || read(&recording, open, until, &report);
        if let Err(error) = thread::Builder::new().name("replay".to_owned()).spawn(read) {
            log::error!("no thread for the recording: {error}");
        }
    }
}

fn read(recording: &Recording, mut open: HashMap<String, Sender<Event>>, until: u64, report: &Mutex<Report>) {
    let mut frames = recording.frames(0);
    let mut last: Option<Sender<Event>> = None;
    while !open.is_empty() {
        let wanted = |view: &str, time: u64| open.contains_key(view) && time <= until;
        let Some(found) = frames.next(wanted) else { break };
        let frame = match found {
            Ok(frame) => Arc::new(frame),
            Err(trouble) => {
                if let Ok(mut report) = report.lock() {
                    match trouble {
                        Trouble::Damage(what) if report.damage.len() < TOLD => report.damage.push(what),
                        Trouble::Damage(_) => {}
                        Trouble::Cut(what) => report.cut = Some(what),
                    }
                }
                continue;
            }
        };
        let Some(events) = open.get(&*frame.view).cloned() else { continue };
        // The frame before is another view's: it has to be taken first, or the order is lost.
        if let Some(last) = last.take() {
            let _ = wait(last.reserve());
        }
        let view = frame.view.clone();
        match events.blocking_send(Event::Frame(frame)) {
            Ok(()) => last = Some(events),
            // It has enough.
            Err(_) => drop(open.remove(&*view)),
        }
        open.retain(|_, events| !events.is_closed());
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
