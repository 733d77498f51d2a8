//! One thread for each running view: commands in, frames out.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::thread::CapabilitySet;
use tokio::sync::mpsc::{self, Sender, error::TrySendError};

use crate::bug;
use crate::enrich::{self, Names};
use crate::feed::{BACKLOG, Command, Event, Feed, LoadStep, Opener, Request};
use crate::frame::{
    Cost, Frame, Interval, Kind, Reason, ReasonClass, Schema, SettingValue, Stamp, Status, Table, Unavailable,
};
use crate::privilege::rights::{self, Role};
use crate::probes::probe::{Probe, Wish};
use crate::probes::refusal::{remedy, wrong_setting};
use crate::probes::settings::in_initial_pid_namespace;
use crate::probes::stats::Overhead;
use crate::views::settings;
use crate::views::{Registry, View, ViewDecl};

pub mod budget;
mod running;

use budget::{Budget, Order, Seat};
use running::Running;

/// New look-ups in /proc for one interval; the rest are filled in by later ones.
const NAMES_PER_TICK: usize = 2000;

/// How often rings are emptied: programs wake nobody, so what they write between two times has to fit.
const DRAIN: Duration = Duration::from_millis(100);

/// Opens views of the running kernel.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// BTF to use instead of the kernel's own (`--btf`).
    pub btf: Option<PathBuf>,
    /// How much of the time the cost of the programs is measured.
    pub overhead: Overhead,
    /// What all programs together may cost (`--max-overhead`).
    pub budget: Option<Arc<Mutex<Budget>>>,
}

impl Opener for Live {
    fn open(&self, request: Request) -> Feed {
        let (events, receiver) = mpsc::channel(BACKLOG);
        let (commands, inbox) = channel();
        let view = request.view.clone();
        let (btf, overhead, budget) = (self.btf.clone(), self.overhead, self.budget.clone());
        let named = std::thread::Builder::new().name(format!("view-{view}"));
        let spawned = named.spawn(move || {
            if let Some(view) = Registry::get().find(&request.view) {
                let seat = budget.map(|budget| Seat::take(&budget, view.decl.sampled));
                // What is not measured cannot be kept within a limit.
                let overhead = if seat.is_some() { Overhead::Always } else { overhead };
                let (names, schema) = (Names::new(), None);
                Sampler { view, request, btf, overhead, seat, events, inbox, names, schema, dropped: 0, index: 0 }
                    .run();
            }
        });
        if let Err(error) = spawned {
            log::error!("no thread for {view}: {error}");
        }
        Feed { view, events: receiver, commands }
    }
}

/// Why a stretch of sampling ended.
enum End {
    /// Load it again: other settings, or a retry.
    Reload,
    /// What it watched is not there any more.
    Gone(Box<Unavailable>),
    /// It costs too much: leave the kernel, for the reason given.
    Suspend(String),
    /// No more frames are wanted.
    Done,
}

struct Sampler {
    view: &'static View,
    request: Request,
    btf: Option<PathBuf>,
    overhead: Overhead,
    seat: Option<Seat>,
    events: Sender<Event>,
    inbox: Receiver<Command>,
    names: Names,
    /// Columns of the last frame: a suspended view has them still.
    schema: Option<Arc<Schema>>,
    /// Intervals the reader was too slow for, not told yet.
    dropped: u64,
    index: u64,
}

impl Sampler {
    fn run(mut self) {
        rights::narrow(Role::Loader);
        loop {
            let end = match self.load() {
                Ok(running) => self.sample(running),
                Err(unavailable) => self.refuse(*unavailable),
            };
            let end = match end {
                End::Gone(unavailable) => self.refuse(*unavailable),
                End::Suspend(why) => self.suspended(why),
                end => end,
            };
            if let End::Done = end {
                let _ = self.events.blocking_send(Event::Ended);
                return;
            }
        }
    }

    fn load(&mut self) -> Result<Running, Box<Unavailable>> {
        let events = self.events.clone();
        // What comes back from a pause was shown all the time.
        let shown = self.schema.is_some();
        let mut step = |step| {
            if !shown {
                drop(events.try_send(Event::Loading(step)))
            }
        };
        let settings = resolve_filters(&self.view.decl, &self.request.settings);
        let mut settings = settings.map_err(|m| Unavailable { reason: wrong_setting(m), tried: vec![] })?;
        if self.seat.is_some() && self.view.decl.sampled {
            settings.push(("filter_sampled".to_owned(), SettingValue::Int(1)));
        }
        let wish = Wish { settings, force: self.request.force.clone(), btf: self.btf.clone() };
        let probe = Probe::start(self.view, &wish, &mut step)?;
        step(LoadStep::FirstSample);
        let running = rights::raised(rights::LOAD, || Running::new(self.view, probe, self.overhead));
        let running = running.map_err(|reason| Box::new(Unavailable { reason, tried: vec![] }))?;
        let (always, sometimes) = running.needs();
        rights::attached(always, sometimes);
        Ok(running)
    }

    /// A frame that says why, then waits to be asked again.
    fn refuse(&mut self, unavailable: Unavailable) -> End {
        log::warn!("{}: {}", self.view.decl.name, unavailable.reason.message);
        rights::attached(CapabilitySet::empty(), CapabilitySet::empty());
        let mut frame = self.empty_frame();
        frame.status = Status::Unavailable(Box::new(unavailable));
        let _ = self.events.blocking_send(Event::Frame(Arc::new(frame)));
        loop {
            match self.inbox.recv() {
                Ok(Command::Retry) => return End::Reload,
                Ok(Command::Settings(settings)) => {
                    self.request.settings = settings;
                    return End::Reload;
                }
                Ok(Command::Interval(interval)) => self.request.interval = interval,
                Ok(Command::Finish | Command::Stop) | Err(_) => return End::Done,
            }
        }
    }

    fn empty_frame(&self) -> Frame {
        Frame {
            view: self.view.decl.name.as_str().into(),
            kind: self.view.decl.kind_with(&self.request.settings),
            status: Status::Ok,
            time: now(),
            interval: Interval { index: self.index, asked_ns: nanos(self.request.interval), ..Interval::default() },
            settings: shown_settings(self.view, &self.request.settings),
            hooks: Arc::new([]),
            table: Table::default(),
            histograms: vec![],
            lost: Default::default(),
            cost: Cost::default(),
        }
    }

    fn sample(&mut self, mut running: Running) -> End {
        let _ = self.events.blocking_send(Event::Attached);
        if let Some(first) = self.request.first.take() {
            match self.wait(Instant::now() + first, &mut running) {
                Some(end) => return self.end(running, end),
                None => {
                    let frame = self.tick(&mut running);
                    self.index = 0;
                    let _ = self.events.try_send(Event::First(Arc::new(frame)));
                }
            }
        }
        let mut deadline = Instant::now() + self.request.interval;
        loop {
            if let Some(end) = self.wait(deadline, &mut running) {
                return self.end(running, end);
            }
            let mut frame = self.tick(&mut running);
            frame.lost.late_ns = frame.interval.real_ns.saturating_sub(frame.interval.asked_ns);
            let suspended = self.keep_within(&mut running, &frame);
            self.deliver(frame);
            if let Some(unavailable) = running.gone() {
                return End::Gone(Box::new(unavailable));
            }
            if let Some(why) = suspended {
                return End::Suspend(why);
            }
            // Missed deadlines are not made up for: the next interval is a whole one.
            deadline = (deadline + self.request.interval).max(Instant::now());
        }
    }

    /// Tells what the interval cost, and has the view do what it may; a reason if it has to go.
    fn keep_within(&mut self, running: &mut Running, frame: &Frame) -> Option<String> {
        let seat = self.seat.as_ref()?;
        match seat.report(running.measured(frame)) {
            Order::OneIn(one_in) => running.count_one_in(one_in),
            Order::Suspend(why) => {
                log::warn!("{}: {why}", self.view.decl.name);
                self.schema = Some(frame.table.schema.clone());
                return Some(why);
            }
        }
        None
    }

    /// Out of the kernel: a frame for each interval says so, until there is room again.
    fn suspended(&mut self, why: String) -> End {
        let class = ReasonClass::Overhead;
        let mut begun = Instant::now();
        loop {
            let command = self.pause(begun);
            let mut frame = self.empty_frame();
            let reason = Reason { class, message: why.clone(), remedy: remedy(class).to_owned() };
            frame.status = Status::Partial(reason);
            frame.interval.real_ns = nanos(begun.elapsed());
            begun = Instant::now();
            frame.table = self.schema.clone().map(Table::new).unwrap_or_default();
            if frame.kind == Kind::Counters {
                // Not known is not 0.
                frame.table.push_row();
            }
            self.index += 1;
            match command {
                None => self.deliver(frame),
                Some(Command::Finish) => {
                    let _ = self.events.blocking_send(Event::Frame(Arc::new(frame)));
                    return End::Done;
                }
                Some(Command::Settings(settings)) => {
                    self.request.settings = settings;
                    self.schema = None;
                    return End::Reload;
                }
                Some(_) => return End::Done,
            }
            if let Some(Order::OneIn(_)) = self.seat.as_ref().map(|seat| seat.report(None)) {
                log::info!("{}: loaded again", self.view.decl.name);
                return End::Reload;
            }
        }
    }

    /// Waits an interval; a command that ends the pause comes back.
    fn pause(&mut self, begun: Instant) -> Option<Command> {
        loop {
            match self.inbox.recv_timeout((begun + self.request.interval).saturating_duration_since(Instant::now())) {
                Ok(Command::Interval(interval)) => self.request.interval = interval,
                // It is not for the user to say when there is room.
                Ok(Command::Retry) => {}
                Ok(command) => return Some(command),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => return Some(Command::Stop),
            }
        }
    }

    /// The last frame of a view that was asked to finish must arrive.
    fn end(&mut self, mut running: Running, command: Command) -> End {
        match command {
            Command::Finish => {
                let frame = self.tick(&mut running);
                let _ = self.events.blocking_send(Event::Frame(Arc::new(frame)));
                End::Done
            }
            Command::Settings(settings) => {
                self.request.settings = settings;
                End::Reload
            }
            Command::Retry => End::Reload,
            Command::Stop | Command::Interval(_) => End::Done,
        }
    }

    /// Waits until `deadline` and empties rings meanwhile; a command that ends the stretch comes back.
    fn wait(&mut self, mut deadline: Instant, running: &mut Running) -> Option<Command> {
        loop {
            let whole = deadline.saturating_duration_since(Instant::now());
            let left = if running.has_events() { whole.min(DRAIN) } else { whole };
            match self.inbox.recv_timeout(left) {
                Ok(Command::Interval(interval)) => {
                    let begun = deadline.checked_sub(self.request.interval).unwrap_or_else(Instant::now);
                    self.request.interval = interval;
                    deadline = begun + interval;
                }
                Ok(Command::Retry) => {}
                Ok(command) => return Some(command),
                Err(RecvTimeoutError::Timeout) if left < whole => running.drain(&mut self.names),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => return Some(Command::Stop),
            }
        }
    }

    fn deliver(&mut self, mut frame: Frame) {
        frame.lost.intervals = self.dropped;
        match self.events.try_send(Event::Frame(Arc::new(frame))) {
            Ok(()) => self.dropped = 0,
            Err(TrySendError::Full(_)) => self.dropped += 1,
            // Nobody reads any more: the next wait sees the commands closed too.
            Err(TrySendError::Closed(_)) => {}
        }
    }

    fn tick(&mut self, running: &mut Running) -> Frame {
        bug::provoke("view");
        self.names.begin_tick(NAMES_PER_TICK);
        let mut frame = self.empty_frame();
        self.index += 1;
        if let Err(message) = running.read(&mut frame, &mut self.names) {
            log::error!("{}: {message}", self.view.decl.name);
            frame.lost.events += 1;
        }
        frame
    }
}

/// `cgroup` by path, a disk by name, a directory, and a filesystem by a path on it, become what the program compares.
fn resolve_filters(decl: &ViewDecl, given: &[(String, SettingValue)]) -> Result<Vec<(String, SettingValue)>, String> {
    let mut resolved = Vec::with_capacity(given.len() + 1);
    for (name, value) in given {
        let kind = decl.setting(name).map(|(_, set)| settings::kind(set));
        match (name.as_str(), value) {
            ("cgroup", SettingValue::Text(path)) => {
                let (id, level) = enrich::cgroup_of(path)?;
                resolved.push(("filter_cgroup".to_owned(), SettingValue::Int(i64::from_ne_bytes(id.to_ne_bytes()))));
                resolved.push(("filter_cgroup_level".to_owned(), SettingValue::Int(level)));
            }
            (name, SettingValue::Text(disk)) if kind == Some(settings::Kind::Disk) => {
                resolved.push((name.to_owned(), SettingValue::Int(enrich::disk_number(disk)?)));
            }
            (name, SettingValue::Text(path)) if kind == Some(settings::Kind::Mount) => {
                let magic = decl.constants.get("fs_magic").copied();
                resolved.push((name.to_owned(), SettingValue::Int(enrich::mount_device(path, magic)?)));
            }
            (name, SettingValue::Text(path)) if kind == Some(settings::Kind::Directory) => {
                let numbers = enrich::directory(path)?.map(SettingValue::Int);
                resolved.extend(enrich::directory_filters(name).into_iter().zip(numbers));
            }
            ("pid" | "tree" | "tid" | "ppid", SettingValue::Int(pid @ 1..)) if !in_initial_pid_namespace() => {
                return Err(format!("{pid} is a process id of this pid namespace, which programs do not see"));
            }
            _ => resolved.push((name.clone(), value.clone())),
        }
    }
    Ok(resolved)
}

/// All settings of a view as a frame shows them: those not set are null or their default.
fn shown_settings(view: &View, set: &[(String, SettingValue)]) -> Arc<[(String, SettingValue)]> {
    let of = |name: &str| set.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    let filters = ["pid", "comm", "cgroup"].into_iter().map(|n| (n.to_owned(), of(n).unwrap_or(SettingValue::Null)));
    let own = view.decl.set.iter();
    let own = own.map(|(name, decl)| (name.clone(), of(name).unwrap_or_else(|| settings::unset(decl))));
    filters.chain(own).collect()
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn now() -> Stamp {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mono = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Stamp { wall_ns: nanos(wall), mono_ns: mono.tv_sec as u64 * 1_000_000_000 + mono.tv_nsec as u64 }
}
