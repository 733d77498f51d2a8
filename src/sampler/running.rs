//! A view while it is attached: from what its programs wrote to a frame.

use std::time::Instant;

use rustix::thread::CapabilitySet;

use super::budget::Measured;
use super::{nanos, now};
use crate::enrich::Names;
use crate::frame::{Agg, Cost, Frame, Histogram, ProgramCost, Reason, ReasonClass, Status, Table, Unavailable, Value};
use crate::probes::decode::{Resolve, decode};
use crate::probes::probe::{Data, Probe};
use crate::probes::reader::RawRows;
use crate::probes::refusal::map_refused;
use crate::probes::requires::Module;
use crate::probes::settings::in_initial_pid_namespace;
use crate::probes::stats::{Overhead, Stats};
use crate::probes::sys::{Barrier, thread_cpu_ns};
use crate::views::View;
use crate::views::post::{self, Post};

/// A view that is attached.
pub(super) struct Running {
    probe: Probe,
    module: Option<Module>,
    barrier: Barrier,
    stats: Stats,
    raw: RawRows,
    post: Option<Box<dyn Post>>,
    epoch: u32,
    /// One event in so many is counted, in each half; and from the next interval on.
    one_in: [u32; 2],
    next_one_in: u32,
    flipped: Instant,
    cpu_ns: u64,
    foreign_pids: bool,
}

impl Running {
    pub(super) fn new(view: &View, probe: Probe, overhead: Overhead) -> Result<Running, Reason> {
        // With little memory that may be locked, those of the view may just have fitted.
        let barrier = Barrier::new().map_err(|error| map_refused("the map for waiting", &error))?;
        let mut stats = Stats::new(overhead);
        stats.begin(probe.programs());
        Ok(Running {
            probe,
            module: view.decl.requires.as_ref().and_then(Module::find),
            barrier,
            stats,
            raw: RawRows::default(),
            post: view.decl.post.as_deref().and_then(post::find),
            epoch: 0,
            one_in: [1; 2],
            next_one_in: 1,
            flipped: Instant::now(),
            cpu_ns: thread_cpu_ns(),
            foreign_pids: !in_initial_pid_namespace(),
        })
    }

    /// What this thread has to keep for reading: what is always in force, and what is used now and then. To be asked
    /// when nothing is in force.
    pub(super) fn needs(&self) -> (CapabilitySet, CapabilitySet) {
        // Where programs of ordinary users are off, kernels before 5.19 ask for CAP_BPF at each call of bpf(2)
        // (`__sys_bpf`), later ones only when something is made.
        let refused = self.barrier.wait().is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
        let always = if refused { CapabilitySet::BPF } else { CapabilitySet::empty() };
        // Groups that come are named by their handles.
        (always, self.probe.needs() | self.stats.needs() | CapabilitySet::DAC_READ_SEARCH)
    }

    pub(super) fn has_events(&self) -> bool {
        matches!(self.probe.data, Data::Events(_))
    }

    /// Why it sees nothing any more.
    pub(super) fn gone(&self) -> Option<Unavailable> {
        let reason = self.module.as_ref()?.gone()?;
        Some(Unavailable { reason, tried: self.probe.reports.clone() })
    }

    /// Has one event in so many counted, from the next interval on: a half is counted in one way.
    pub(super) fn count_one_in(&mut self, one_in: u32) {
        self.next_one_in = one_in.max(1);
    }

    /// What an interval cost.
    pub(super) fn measured(&self, frame: &Frame) -> Option<Measured> {
        let (ns, runs) = frame.cost.bpf_ns.zip(frame.cost.bpf_runs)?;
        Some(Measured { ns, runs, real_ns: frame.interval.real_ns, one_in: frame.cost.sampled.unwrap_or(1) })
    }

    /// Reads the events that have happened until now.
    pub(super) fn drain(&mut self, names: &mut Names) {
        let now = now();
        if let Data::Events(events) = &mut self.probe.data {
            let mut resolver = Resolver { names, foreign_pids: self.foreign_pids };
            events.drain(&self.probe.layout, now.wall_ns.saturating_sub(now.mono_ns), &mut resolver);
        }
    }

    /// Ends an interval: reads what happened in it and makes rows.
    pub(super) fn read(&mut self, frame: &mut Frame, names: &mut Names) -> Result<(), String> {
        let over = if self.has_events() { self.read_events(frame, names) } else { self.read_halves(frame, names)? };
        if let Some(post) = &mut self.post {
            post.finish(&mut frame.table);
        }
        if let Err(error) = self.probe.follow_cpus() {
            log::warn!("{}: a CPU is not sampled: {error}", frame.view);
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
        self.probe.iterate().map_err(|e| format!("walking over objects of the kernel: {e}"))?;
        let old = self.epoch & 1;
        self.epoch = self.epoch.wrapping_add(1);
        let new = (self.epoch & 1) as usize;
        if self.one_in[new] != self.next_one_in {
            self.probe.set_one_in(self.epoch & 1, self.next_one_in)?;
            self.one_in[new] = self.next_one_in;
        }
        // Before the halves are flipped: what had happened by then is in this interval, however late this thread gets the CPU again.
        let flipped = Instant::now();
        frame.time = now();
        self.probe.set_epoch(self.epoch)?;
        frame.interval.real_ns = nanos(flipped - self.flipped);
        self.flipped = flipped;
        self.barrier.wait().map_err(|e| format!("waiting for running programs: {e}"))?;
        let Data::Halves(halves) = &self.probe.data else { return Ok(0) };
        halves.drain(old, &mut self.raw).map_err(|e| format!("reading the map: {e}"))?;
        let mut resolver = Resolver { names, foreign_pids: self.foreign_pids };
        let (mut table, histograms) = decode(&self.probe.layout, frame.kind, &mut self.raw, &mut resolver);
        let one_in = self.one_in[old as usize];
        let mut histograms = histograms;
        if one_in > 1 {
            frame.cost.sampled = Some(one_in);
            scale(&mut table, &mut histograms, one_in);
        }
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
        let self_cpu_ns = cpu_ns - self.cpu_ns + self.probe.take_search_ns();
        self.cpu_ns = cpu_ns;
        let (map_entries, map_capacity) = self.fill();
        let programs = self.probe.program_hooks().zip(&sample.programs).map(|((name, hook), seen)| ProgramCost {
            name: name.to_owned(),
            kind: hook.kind.clone(),
            target: hook.target.clone(),
            ns: seen.run_time_ns,
            runs: seen.runs,
        });
        let programs = programs.collect();
        Cost {
            self_cpu_ns,
            bpf_ns: sample.bpf_ns,
            bpf_runs: sample.bpf_runs,
            map_bytes: self.probe.map_bytes,
            map_entries,
            map_capacity,
            sampled: frame.cost.sampled,
            programs,
        }
    }

    fn status(&self) -> Status {
        if let Some(reason) = self.probe.lacks() {
            return Status::Partial(reason);
        }
        if self.foreign_pids {
            let message = "pids are those of the first pid namespace, not of this one; names from /proc are left out";
            let remedy = "run it in the host's pid namespace (docker run --pid=host)".to_owned();
            return Status::Partial(Reason { class: ReasonClass::TargetMissing, message: message.to_owned(), remedy });
        }
        Status::Ok
    }
}

/// What was counted of one event in `one_in` stands for as many.
fn scale(table: &mut Table, histograms: &mut [Histogram], one_in: u32) {
    let times = u64::from(one_in);
    let schema = table.schema.clone();
    for row in 0..table.len() {
        let cells = table.row_mut(row);
        for (cell, _) in cells.iter_mut().zip(&schema.columns).filter(|(_, column)| column.agg == Agg::Sum) {
            *cell = match *cell {
                Value::Uint(n) => Value::Uint(n.saturating_mul(times)),
                Value::Int(n) => Value::Int(n.saturating_mul(i64::from(one_in))),
                Value::Float(n) => Value::Float(n * f64::from(one_in)),
                other => other,
            };
        }
    }
    for histogram in histograms {
        histogram.buckets.iter_mut().for_each(|count| *count = count.saturating_mul(times));
        histogram.sum = histogram.sum.saturating_mul(times);
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
