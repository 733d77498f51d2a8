//! A recording for the explorer: frames come when their time comes, by a clock that can be moved.

use std::collections::HashMap;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, Sender};

use super::super::Recording;
use super::super::recording::Trouble;
use super::absent;
use crate::feed::{BACKLOG, Command, Event, Feed, Opener, Request, Transport};
use crate::frame::Frame;

/// Frames before the moment that a view is opened at, which it gets for its history.
const BEFORE: u64 = 120;

/// A feed that nobody reads any more is noticed within this.
const NOTICE: Duration = Duration::from_millis(200);

/// The clock of a recording.
#[derive(Debug)]
struct Clock {
    /// Where it stood, ns.
    position: u64,
    /// When it did.
    since: Instant,
    running: bool,
    speed: f64,
    /// Time of the next frame of each view.
    next: HashMap<String, u64>,
}

impl Clock {
    fn now(&self) -> u64 {
        if !self.running {
            return self.position;
        }
        let passed = self.since.elapsed().as_nanos() as f64 * self.speed;
        self.position.saturating_add(passed as u64)
    }

    /// Lets it stand where it is, to be changed.
    fn settle(&mut self) {
        self.position = self.now();
        self.since = Instant::now();
    }

    /// How long until `time`; `None` while it stands still.
    fn until(&self, time: u64) -> Option<Duration> {
        let left = time.saturating_sub(self.now()) as f64 / self.speed;
        self.running.then(|| Duration::from_nanos(left as u64))
    }
}

/// Plays a recording.
#[derive(Clone)]
pub struct Player {
    recording: Arc<Recording>,
    clock: Arc<(Mutex<Clock>, Condvar)>,
}

impl Player {
    /// Plays from the start. Every view has a frame there.
    pub fn new(recording: Arc<Recording>, speed: f64) -> Player {
        let (first, last) = recording.span();
        let longest = recording.views().iter().map(|view| view.asked_ns).max().unwrap_or(0);
        // Intervals of an hour are no reason to wait for an hour.
        let lead = longest.min(Duration::from_secs(60).as_nanos() as u64);
        let position = first.mono_ns.saturating_add(lead).min(last.mono_ns);
        let clock = Clock { position, since: Instant::now(), running: true, speed, next: HashMap::new() };
        Player { recording, clock: Arc::new((Mutex::new(clock), Condvar::new())) }
    }

    fn clock(&self) -> Option<MutexGuard<'_, Clock>> {
        self.clock.0.lock().ok()
    }

    fn play(&self, request: &Request, events: &Sender<Event>) {
        let Some(start) = self.clock().map(|clock| clock.now()) else { return };
        let interval = self.recording.views().iter().find(|view| view.name == request.view);
        let before = interval.map_or(0, |view| view.asked_ns).saturating_mul(BEFORE);
        let from = start.saturating_sub(before);
        let mut frames = self.recording.frames(self.recording.chunk_at(from));
        let mut heavy = Heavy::default();
        while let Some(found) = frames.next(|view, time| view == request.view && time >= from) {
            let frame = match found {
                Ok(frame) => frame,
                Err(Trouble::Damage(what) | Trouble::Cut(what)) => {
                    log::warn!("{what}");
                    continue;
                }
            };
            if !self.wait(&request.view, frame.time.mono_ns, events) {
                return;
            }
            let frame = Arc::new(frame);
            heavy.wait_for_room(&frame);
            if events.blocking_send(Event::Frame(frame)).is_err() {
                return;
            }
        }
        if let Some(mut clock) = self.clock() {
            clock.next.remove(&request.view);
        }
    }

    /// Waits until the clock shows `time`; false: nobody waits for the frame any more.
    fn wait(&self, view: &str, time: u64, events: &Sender<Event>) -> bool {
        let Some(mut clock) = self.clock() else { return false };
        if clock.next.len() < super::super::limits::VIEWS || clock.next.contains_key(view) {
            clock.next.insert(view.to_owned(), time);
        }
        while clock.now() < time {
            if events.is_closed() {
                return false;
            }
            let left = clock.until(time).unwrap_or(NOTICE).min(NOTICE);
            match self.clock.1.wait_timeout(clock, left) {
                Ok((after, _)) => clock = after,
                Err(_) => return false,
            }
        }
        true
    }
}

impl Opener for Player {
    fn open(&self, request: Request) -> Feed {
        let (events, receiver) = mpsc::channel(BACKLOG);
        let (commands, inbox) = std::sync::mpsc::channel();
        let view = request.view.clone();
        let held = self.recording.views().iter().any(|known| known.name == view);
        let player = self.clone();
        let run = move || match held {
            true => player.play(&request, &events),
            false => refuse(&player.recording, &request, &events, &inbox),
        };
        if let Err(error) = thread::Builder::new().name(format!("replay-{view}")).spawn(run) {
            log::error!("no thread for {view}: {error}");
        }
        Feed { view, events: receiver, commands }
    }

    fn control(&self, transport: Transport) {
        let Some(mut clock) = self.clock() else { return };
        let (first, last) = self.recording.span();
        clock.settle();
        match transport {
            Transport::Play => clock.running = true,
            Transport::Pause => clock.running = false,
            Transport::Step(view) => {
                clock.running = false;
                if let Some(&next) = clock.next.get(&view) {
                    clock.position = clock.position.max(next);
                }
            }
            Transport::Seek(time) => {
                clock.position = time.clamp(first.mono_ns.min(last.mono_ns), last.mono_ns);
                clock.next.clear();
            }
            Transport::Speed(speed) => clock.speed = speed,
        }
        self.clock.1.notify_all();
    }
}

/// Large frames on their way: channels count frames, not bytes, and a file may hold many large ones.
#[derive(Default)]
struct Heavy(Vec<Weak<Frame>>);

impl Heavy {
    /// Frames from this size on are few at a time, bytes.
    const FROM: usize = 2 << 20;

    /// So few: those on the screen are among them.
    const FEW: usize = 6;

    /// How long a large frame is held back at most: the screen may keep the others for a reason.
    const PATIENCE: Duration = Duration::from_secs(2);

    fn wait_for_room(&mut self, frame: &Arc<Frame>) {
        if frame.held_bytes() < Heavy::FROM {
            return;
        }
        let begun = Instant::now();
        loop {
            self.0.retain(|frame| frame.strong_count() > 0);
            if self.0.len() < Heavy::FEW || begun.elapsed() > Heavy::PATIENCE {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.0.push(Arc::downgrade(frame));
    }
}

/// Says that the view is not held, as often as somebody asks.
fn refuse(recording: &Recording, request: &Request, events: &Sender<Event>, inbox: &Receiver<Command>) {
    loop {
        if events.blocking_send(Event::Frame(absent(recording, request))).is_err() {
            return;
        }
        loop {
            match inbox.recv() {
                Ok(Command::Retry) => break,
                Ok(Command::Stop | Command::Finish) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}
