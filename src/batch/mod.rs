//! Batch mode: views without a screen. Frames are merged, shaped and written until the run ends
//! by count, by time, by its command, by a signal or because nobody reads any more.

mod end;
mod feeds;
mod shaper;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use rustix::thread::CapabilitySet;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

pub use shaper::{Plan, Shape};

use crate::bug;
use crate::command::{Held, Outcome};
use crate::enrich::host::Host;
use crate::export::output::PartFile;
use crate::export::redact::Redactor;
use crate::export::{Format, Shown};
use crate::feed::{Event, Opener, Request};
use crate::frame::{Frame, Reason, SettingValue, Status};
use crate::privilege::Invoker;
use crate::privilege::rights::{self, Role};
use crate::record::Recorder;
use feeds::Feeds;
use writer::{Progress, Writer};

/// A signal has to end the program within 200 ms; what is left of it after this goes to exit.
const SIGNAL_LIMIT: Duration = Duration::from_millis(150);

/// How long views may take for their last frame after they were asked for it.
const FINISH_LIMIT: Duration = Duration::from_secs(3);

/// What to run, and when it ends.
#[derive(Clone, Debug)]
pub struct Run {
    /// The views.
    pub requests: Vec<Request>,
    /// What is done to their frames.
    pub shape: Shape,
    /// How they are written; `None`: as a recording.
    pub format: Option<Format>,
    /// Frames per view, then the run ends.
    pub count: Option<u64>,
    /// Time from the moment everything is attached, then the run ends.
    pub duration: Option<Duration>,
    /// Any view that cannot run ends the run.
    pub strict: bool,
    /// A command to run and watch; the run ends with it.
    pub command: Vec<OsString>,
    /// As whom the command runs, if not as ourselves.
    pub invoker: Option<Invoker>,
    /// Names are left out of all that is written.
    pub redact: Option<Redactor>,
    /// The frames were recorded: what could not run then is what happened, not our failure.
    pub replayed: bool,
}

/// Where the frames go.
pub struct Sink {
    /// The bytes.
    pub out: Box<dyn Write + Send>,
    /// The file they end up in, if it is not standard output.
    pub file: Option<PartFile>,
    /// Records them besides, whole.
    pub recorder: Option<Recorder>,
}

/// Tells the user one thing, on one line of standard error.
pub type Tell<'a> = &'a dyn Fn(&str);

/// Runs until the end; the result is the exit code. Signals come as their numbers.
pub async fn run(
    opener: &dyn Opener,
    mut run: Run,
    host: Host,
    sink: Sink,
    signals: mpsc::Receiver<i32>,
    tell: Tell<'_>,
) -> u8 {
    let mut held = None;
    if !run.command.is_empty() {
        match Held::start(&run.command, run.invoker, sink.file.is_some()) {
            Ok(command) => {
                for request in &mut run.requests {
                    request.settings.push(("tree".to_owned(), SettingValue::Int(i64::from(command.pid))));
                }
                held = Some(command);
            }
            Err(error) => return fail(sink.file, 1, tell, &format!("cannot start the command: {error}")),
        }
    }
    // Only now: the command is to have what we were given.
    rights::narrow(Role::Starter);
    let feeds = Feeds::open(opener, &run.requests, &run.shape);
    rights::narrow(Role::Bystander);
    let mut batch = Batch {
        run,
        tell,
        feeds,
        pending: VecDeque::new(),
        unavailable: Vec::new(),
        deadline: None,
        command: None,
        signal: None,
        recorder: sink.recorder,
    };
    let (out, file) = (sink.out, sink.file);
    let mut signals = Signals(signals);
    if let Err(error) = batch.begin(&mut signals).await {
        return fail(file, error.0, tell, &error.1);
    }
    let mut writer = match Writer::start(batch.run.format, out, host) {
        Ok(writer) => writer,
        Err(error) => return fail(file, 1, tell, &format!("cannot start a thread: {error}")),
    };
    let ended = batch.merge(&mut writer, &mut signals, held).await;
    let code = batch.end(ended, writer, file, &mut signals).await;
    batch.end_recording(code)
}

fn fail(file: Option<PartFile>, code: u8, tell: Tell<'_>, message: &str) -> u8 {
    if let Some(file) = file {
        file.discard();
    }
    tell(message);
    code
}

/// Signals by number. When nobody can send any more, none comes.
struct Signals(mpsc::Receiver<i32>);

impl Signals {
    async fn next(&mut self) -> i32 {
        match self.0.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}

/// Exit code and message of a run that cannot go on.
struct Failure(u8, String);

struct Batch<'a> {
    run: Run,
    tell: Tell<'a>,
    feeds: Feeds,
    /// Frames that wait for the writer: one, but for those that came before it.
    pending: VecDeque<Shown>,
    unavailable: Vec<Reason>,
    deadline: Option<Instant>,
    command: Option<oneshot::Receiver<Outcome>>,
    signal: Option<i32>,
    recorder: Option<Recorder>,
}

impl Batch<'_> {
    /// Waits until every view is attached or known to be unavailable. Feeds that are attached keep
    /// their frames meanwhile.
    async fn begin(&mut self, signals: &mut Signals) -> Result<(), Failure> {
        while !self.feeds.all_ready() {
            tokio::select! {
                biased;
                signal = signals.next() => {
                    self.signal = Some(signal);
                    return Ok(());
                }
                (index, event) = self.feeds.next(|feed| !feed.ready) => self.take(index, event)?,
            }
        }
        Ok(())
    }

    /// Takes what a feed told.
    fn take(&mut self, index: usize, event: Option<Event>) -> Result<(), Failure> {
        match event {
            Some(Event::Attached) => self.feeds.at(index).ready = true,
            Some(Event::Frame(frame)) => self.frame(index, &frame)?,
            Some(Event::Loading(_) | Event::First(_)) => {}
            Some(Event::Ended) | None => self.feeds.close(index),
        }
        Ok(())
    }

    fn frame(&mut self, index: usize, frame: &Arc<Frame>) -> Result<(), Failure> {
        if let Some(recorder) = &mut self.recorder {
            match &self.run.redact {
                Some(redactor) => recorder.push(&Arc::new(redactor.frame(frame))),
                None => recorder.push(frame),
            }
        }
        let feed = self.feeds.at(index);
        let mut shown = feed.shaper.shape(frame).map_err(|e| Failure(2, format!("{}: {e}", frame.view)))?;
        // Last: filters and orders are meant for the names as they are.
        if let Some(redactor) = &self.run.redact {
            shown.frame = redactor.frame(&shown.frame);
        }
        self.pending.push_back(shown);
        match &frame.status {
            Status::Unavailable(unavailable) if !self.run.replayed => {
                let Reason { message, remedy, .. } = &unavailable.reason;
                (self.tell)(&format!("{} cannot run: {message}; {remedy}", frame.view));
                self.unavailable.push(unavailable.reason.clone());
                self.feeds.close(index);
                return Ok(());
            }
            Status::Partial(reason) if feed.frames == 0 && !self.run.replayed => {
                (self.tell)(&format!("{} runs in part: {}; {}", frame.view, reason.message, reason.remedy));
            }
            _ => {}
        }
        feed.ready = true;
        feed.frames += 1;
        if self.run.count.is_some_and(|count| feed.frames >= count) {
            self.feeds.close(index);
        }
        Ok(())
    }

    /// Whether the run is over because of views that cannot run.
    fn refused(&self) -> bool {
        self.run.strict && !self.unavailable.is_empty()
    }

    /// Moves frames to the writer until the run ends.
    async fn merge(&mut self, writer: &mut Writer, signals: &mut Signals, held: Option<Held>) -> Ended {
        let pid = held.as_ref().map(|held| held.pid);
        if self.signal.is_none() && !self.refused() && self.feeds.open_count() > 0 {
            if let Some(Err(error)) = held.map(|held| held.release().map(|outcome| self.command = Some(outcome))) {
                return Ended::Failed(Failure(1, format!("cannot start the command: {error}")));
            }
            self.deadline = self.run.duration.and_then(|duration| Instant::now().checked_add(duration));
        }
        let mut finishing = false;
        bug::provoke("batch");
        loop {
            let stop = self.refused() || (self.signal.is_some() && !finishing);
            if stop {
                self.feeds.close_all();
            }
            if self.pending.is_empty() && self.feeds.open_count() == 0 {
                return Ended::Done;
            }
            let deadline = self.deadline;
            tokio::select! {
                biased;
                signal = signals.next() => {
                    self.signal = Some(signal);
                    // What a command did until now is its frame.
                    if self.command.is_none() || finishing {
                        return Ended::Done;
                    }
                    self.pass_on(signal, pid);
                    finishing = self.finish(SIGNAL_LIMIT / 2);
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    if finishing {
                        self.feeds.close_all();
                        self.deadline = None;
                    } else {
                        finishing = self.finish(FINISH_LIMIT);
                    }
                }
                outcome = wait(&mut self.command), if self.command.is_some() => {
                    self.command = None;
                    if let Some(failure) = self.report(outcome) {
                        return Ended::Failed(failure);
                    }
                    if !finishing {
                        finishing = self.finish(FINISH_LIMIT);
                    }
                }
                progress = writer.progress(!self.pending.is_empty()) => match progress {
                    Progress::Ended(result) => return Ended::Written(result),
                    Progress::Room(permit) => {
                        if let Some(shown) = self.pending.pop_front() {
                            permit.send(shown);
                        }
                    }
                },
                (index, event) = self.feeds.next(|_| true), if self.pending.is_empty() => {
                    if let Err(failure) = self.take(index, event) {
                        return Ended::Failed(failure);
                    }
                }
            }
        }
    }

    /// Ends the command with us. Ctrl-C and a hang-up reach it by themselves: the terminal tells its
    /// whole group.
    fn pass_on(&self, signal: i32, pid: Option<u32>) {
        let pid = pid.and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed()));
        if let Some(pid) = pid.filter(|_| signal == libc::SIGTERM) {
            // An error means that it just ended by itself.
            let end = || rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = rights::raised(CapabilitySet::KILL, end);
        }
    }

    /// Asks every view for its last frame, and sets the time after which none is waited for.
    fn finish(&mut self, limit: Duration) -> bool {
        self.feeds.finish();
        self.deadline = Some(Instant::now() + limit);
        true
    }

    fn report(&self, outcome: Option<Outcome>) -> Option<Failure> {
        let name = self.run.command.first().map(|name| name.to_string_lossy()).unwrap_or_default();
        match outcome {
            Some(Ok(status)) if status.success() => None,
            Some(Ok(status)) => {
                (self.tell)(&format!("{name}: {status}"));
                None
            }
            Some(Err(error)) => Some(Failure(1, format!("cannot run {name}: {error}"))),
            None => Some(Failure(1, format!("cannot run {name}"))),
        }
    }
}

/// Why no more frames are moved.
enum Ended {
    Done,
    Written(io::Result<()>),
    Failed(Failure),
}

async fn wait(command: &mut Option<oneshot::Receiver<Outcome>>) -> Option<Outcome> {
    match command {
        Some(outcome) => outcome.await.ok(),
        None => std::future::pending().await,
    }
}
