//! One thread for each running view: commands in, frames out.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::{self, Sender, error::TrySendError};

use crate::bug;
use crate::enrich::{self, Names};
use crate::feed::{BACKLOG, Command, Event, Feed, LoadStep, Opener, Request};
use crate::frame::{Cost, Frame, Interval, Reason, ReasonClass, SettingValue, Stamp, Status, Table, Unavailable};
use crate::probes::decode::{Resolve, decode};
use crate::probes::probe::{Data, Probe, Wish};
use crate::probes::reader::RawRows;
use crate::probes::settings::in_initial_pid_namespace;
use crate::probes::stats::{Overhead, Stats};
use crate::probes::sys::Barrier;
use crate::views::post::{self, Post};
use crate::views::{Registry, View};

/// New look-ups in /proc for one interval; the rest are filled in by later ones.
const NAMES_PER_TICK: usize = 2000;

/// How often rings are emptied: programs wake nobody, so what they write between two times has to fit.
const DRAIN: Duration = Duration::from_millis(100);

/// Opens views of the running kernel.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// BTF to use instead of the kernel's own (`--btf`).
    pub btf: Option<PathBuf>,
}

impl Opener for Live {
    fn open(&self, request: Request) -> Feed {
        let (events, receiver) = mpsc::channel(BACKLOG);
        let (commands, inbox) = channel();
        let view = request.view.clone();
        let btf = self.btf.clone();
        let named = std::thread::Builder::new().name(format!("view-{view}"));
        let spawned = named.spawn(move || {
            if let Some(view) = Registry::get().find(&request.view) {
                Sampler::new(view, request, btf, events, inbox).run();
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
    /// No more frames are wanted.
    Done,
}

struct Sampler {
    view: &'static View,
    request: Request,
    btf: Option<PathBuf>,
    events: Sender<Event>,
    inbox: Receiver<Command>,
    names: Names,
    /// Intervals the reader was too slow for, not told yet.
    dropped: u64,
    index: u64,
}

impl Sampler {
    fn new(
        view: &'static View,
        request: Request,
        btf: Option<PathBuf>,
        events: Sender<Event>,
        inbox: Receiver<Command>,
    ) -> Sampler {
        Sampler { view, request, btf, events, inbox, names: Names::new(), dropped: 0, index: 0 }
    }

    fn run(mut self) {
        loop {
            let end = match self.load() {
                Ok(running) => self.sample(running),
                Err(unavailable) => self.refuse(*unavailable),
            };
            if let End::Done = end {
                let _ = self.events.blocking_send(Event::Ended);
                return;
            }
        }
    }

    fn load(&mut self) -> Result<Running, Box<Unavailable>> {
        let events = self.events.clone();
        let mut step = |step| drop(events.try_send(Event::Loading(step)));
        let settings = resolve_filters(&self.request.settings).map_err(|m| Box::new(wrong_setting(m)))?;
        let wish = Wish { settings, force: self.request.force.clone(), btf: self.btf.clone() };
        let probe = Probe::start(self.view, &wish, &mut step)?;
        step(LoadStep::FirstSample);
        let running = Running::new(self.view, probe).map_err(|m| Box::new(wrong_setting(m)))?;
        Ok(running)
    }

    /// A frame that says why, then waits to be asked again.
    fn refuse(&mut self, unavailable: Unavailable) -> End {
        log::warn!("{}: {}", self.view.decl.name, unavailable.reason.message);
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
            self.deliver(frame);
            // Missed deadlines are not made up for: the next interval is a whole one.
            deadline = (deadline + self.request.interval).max(Instant::now());
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

/// A view that is attached.
struct Running {
    probe: Probe,
    barrier: Barrier,
    stats: Stats,
    raw: RawRows,
    post: Option<Box<dyn Post>>,
    epoch: u32,
    flipped: Instant,
    cpu_ns: u64,
    foreign_pids: bool,
}

impl Running {
    fn new(view: &View, probe: Probe) -> Result<Running, String> {
        let barrier = Barrier::new().map_err(|e| format!("the map for waiting cannot be created: {e}"))?;
        let mut stats = Stats::new(Overhead::from_env());
        stats.begin(probe.programs());
        Ok(Running {
            probe,
            barrier,
            stats,
            raw: RawRows::default(),
            post: view.decl.post.as_deref().and_then(post::find),
            epoch: 0,
            flipped: Instant::now(),
            cpu_ns: thread_cpu_ns(),
            foreign_pids: !in_initial_pid_namespace(),
        })
    }

    fn has_events(&self) -> bool {
        matches!(self.probe.data, Data::Events(_))
    }

    /// Reads the events that have happened until now.
    fn drain(&mut self, names: &mut Names) {
        let now = now();
        if let Data::Events(events) = &mut self.probe.data {
            let mut resolver = Resolver { names, foreign_pids: self.foreign_pids };
            events.drain(&self.probe.layout, now.wall_ns.saturating_sub(now.mono_ns), &mut resolver);
        }
    }

    /// Ends an interval: reads what happened in it and makes rows.
    fn read(&mut self, frame: &mut Frame, names: &mut Names) -> Result<(), String> {
        let over = if self.has_events() { self.read_events(frame, names) } else { self.read_halves(frame, names)? };
        if let Some(post) = &mut self.post {
            post.finish(&mut frame.table);
        }
        frame.lost = self.probe.lost.read().map_err(|e| format!("reading the lost counters: {e}"))?;
        frame.lost.events = frame.lost.events.saturating_add(over);
        frame.hooks = self.probe.hooks.clone();
        frame.status = self.status();
        frame.cost = self.cost(frame);
        Ok(())
    }

    /// A ring has no halves: what is in it by now is of this interval. How many events were too many comes back.
    fn read_events(&mut self, frame: &mut Frame, names: &mut Names) -> u64 {
        let ended = Instant::now();
        frame.time = now();
        frame.interval.real_ns = nanos(ended - self.flipped);
        self.flipped = ended;
        self.drain(names);
        let Data::Events(events) = &mut self.probe.data else { return 0 };
        let (table, over) = events.take();
        frame.table = table;
        over
    }

    /// Flips the halves, waits for programs that still write the old one, reads it and makes rows.
    fn read_halves(&mut self, frame: &mut Frame, names: &mut Names) -> Result<u64, String> {
        let old = self.epoch & 1;
        self.epoch = self.epoch.wrapping_add(1);
        self.probe.set_epoch(self.epoch)?;
        let flipped = Instant::now();
        frame.time = now();
        frame.interval.real_ns = nanos(flipped - self.flipped);
        self.flipped = flipped;
        self.barrier.wait().map_err(|e| format!("waiting for running programs: {e}"))?;
        let Data::Halves(halves) = &self.probe.data else { return Ok(0) };
        halves.drain(old, &mut self.raw).map_err(|e| format!("reading the map: {e}"))?;
        let mut resolver = Resolver { names, foreign_pids: self.foreign_pids };
        let (mut table, histograms) = decode(&self.probe.layout, frame.kind, &mut self.raw, &mut resolver);
        table.derive();
        (frame.table, frame.histograms) = (table, histograms);
        Ok(0)
    }

    /// Entries in the fullest map and how many it can hold, or bytes of a ring.
    fn fill(&mut self) -> (u64, u64) {
        match &mut self.probe.data {
            Data::Events(events) => events.fill(),
            Data::Halves(halves) if halves.capacity() > 0 => (self.raw.count as u64, halves.capacity()),
            Data::Halves(_) => (0, 0),
        }
    }

    fn cost(&mut self, frame: &mut Frame) -> Cost {
        let sample = self.stats.tick(self.probe.programs(), frame.interval.real_ns);
        frame.lost.missed = sample.missed;
        let cpu_ns = thread_cpu_ns();
        let self_cpu_ns = cpu_ns - self.cpu_ns;
        self.cpu_ns = cpu_ns;
        let (map_entries, map_capacity) = self.fill();
        Cost {
            self_cpu_ns,
            bpf_ns: sample.bpf_ns,
            bpf_runs: sample.bpf_runs,
            map_bytes: self.probe.map_bytes,
            map_entries,
            map_capacity,
        }
    }

    fn status(&self) -> Status {
        if let Some(reason) = &self.probe.partial {
            return Status::Partial(reason.clone());
        }
        if self.foreign_pids {
            let message = "pids are those of the first pid namespace, not of this one; names from /proc are left out";
            let remedy = "run it in the host's pid namespace (docker run --pid=host)".to_owned();
            return Status::Partial(Reason { class: ReasonClass::TargetMissing, message: message.to_owned(), remedy });
        }
        Status::Ok
    }
}

/// Names for the decoder. Pids of another namespace are never joined with our /proc.
struct Resolver<'a> {
    names: &'a mut Names,
    foreign_pids: bool,
}

impl Resolve for Resolver<'_> {
    fn disk(&mut self, dev: u32) -> &[u8] {
        self.names.disk(dev)
    }

    fn user(&mut self, uid: u32) -> &[u8] {
        self.names.user(uid)
    }

    fn cgroup(&mut self, id: u64) -> Option<&[u8]> {
        self.names.cgroup_path(id)
    }

    fn container(&mut self, pid: Option<u32>, cgroup: Option<u64>) -> Option<&[u8]> {
        self.names.container(pid.filter(|_| !self.foreign_pids), cgroup)
    }
}

/// `cgroup` by path becomes what the program compares.
fn resolve_filters(settings: &[(String, SettingValue)]) -> Result<Vec<(String, SettingValue)>, String> {
    let mut resolved = Vec::with_capacity(settings.len() + 1);
    for (name, value) in settings {
        match (name.as_str(), value) {
            ("cgroup", SettingValue::Text(path)) => {
                let (id, level) = enrich::cgroup_of(path)?;
                resolved.push(("filter_cgroup".to_owned(), SettingValue::Int(i64::from_ne_bytes(id.to_ne_bytes()))));
                resolved.push(("filter_cgroup_level".to_owned(), SettingValue::Int(level)));
            }
            ("pid" | "tree", SettingValue::Int(pid)) if !in_initial_pid_namespace() => {
                return Err(format!("{pid} is a process id of this pid namespace, which programs do not see"));
            }
            _ => resolved.push((name.clone(), value.clone())),
        }
    }
    Ok(resolved)
}

fn wrong_setting(message: String) -> Unavailable {
    let remedy = "change the setting, then retry".to_owned();
    Unavailable { reason: Reason { class: ReasonClass::TargetMissing, message, remedy }, tried: vec![] }
}

/// All settings of a view as a frame shows them: those not set are null or their default.
fn shown_settings(view: &View, set: &[(String, SettingValue)]) -> Arc<[(String, SettingValue)]> {
    let of = |name: &str| set.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    let filters = ["pid", "comm", "cgroup"].into_iter().map(|n| (n.to_owned(), of(n).unwrap_or(SettingValue::Null)));
    let own = view.decl.set.iter().map(|(name, decl)| {
        let default = match decl.choices.first() {
            Some(choice) => SettingValue::Text(choice.name.clone()),
            None if decl.min.is_some() || decl.max.is_some() => SettingValue::Int(0),
            None => SettingValue::Bool(false),
        };
        (name.clone(), of(name).unwrap_or(default))
    });
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

fn thread_cpu_ns() -> u64 {
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    cpu.tv_sec as u64 * 1_000_000_000 + cpu.tv_nsec as u64
}
