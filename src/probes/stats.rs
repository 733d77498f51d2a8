//! What our own programs cost, measured by the kernel.
//!
//! The statistics cost time themselves, so they are on for one second in ten.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::thread::CapabilitySet;

use super::sys::{self, ProgramCounters};

/// The part of the time that is measured.
const ONE_IN: u64 = 10;
/// How long one measurement runs at least, ns.
const WINDOW_NS: u64 = 1_000_000_000;

/// How much of the time is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Overhead {
    /// One second in ten.
    #[default]
    Sampled,
    /// Never: switching the statistics patches the kernel's text, which an emulator may get wrong.
    Off,
    /// Always.
    Always,
}

/// Decides when to measure, and does it.
#[derive(Default)]
pub struct Stats {
    overhead: Overhead,
    on: Option<OwnedFd>,
    /// Length of the current stretch with or without statistics, ns.
    stretch_ns: u64,
    started: bool,
    before: Vec<ProgramCounters>,
}

/// What one interval showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// CPU time of the programs, ns; `None` if it was not measured.
    pub bpf_ns: Option<u64>,
    /// Runs of the programs; `None` if it was not measured.
    pub bpf_runs: Option<u64>,
    /// Runs the kernel skipped.
    pub missed: u64,
    /// Each program, in the order given; empty if it was not measured.
    pub programs: Vec<ProgramCounters>,
}

impl Stats {
    /// Measures that much of the time.
    pub fn new(overhead: Overhead) -> Stats {
        Stats { overhead, ..Stats::default() }
    }

    /// Call right after attaching: the first interval is measured.
    pub fn begin<'a>(&mut self, programs: impl Iterator<Item = BorrowedFd<'a>>) {
        self.switch_on();
        self.before = read(programs);
    }

    /// Call at the end of each interval of `real_ns`: what it showed. Switches on and off.
    pub fn tick<'a>(&mut self, programs: impl Iterator<Item = BorrowedFd<'a>>, real_ns: u64) -> Sample {
        let now = read(programs);
        let grown = |(now, before): (&ProgramCounters, &ProgramCounters)| ProgramCounters {
            run_time_ns: now.run_time_ns.saturating_sub(before.run_time_ns),
            runs: now.runs.saturating_sub(before.runs),
            misses: now.misses.saturating_sub(before.misses),
        };
        let programs: Vec<ProgramCounters> = now.iter().zip(&self.before).map(grown).collect();
        let mut sample = Sample { missed: programs.iter().map(|p| p.misses).sum(), ..Sample::default() };
        if self.on.is_some() {
            sample.bpf_ns = Some(programs.iter().map(|p| p.run_time_ns).sum());
            sample.bpf_runs = Some(programs.iter().map(|p| p.runs).sum());
            sample.programs = programs;
        }
        self.before = now;
        self.stretch_ns += real_ns;
        let window = WINDOW_NS.max(real_ns);
        if self.on.is_some() && self.stretch_ns >= WINDOW_NS && self.overhead == Overhead::Sampled {
            self.on = None;
            self.stretch_ns = 0;
        } else if self.on.is_none() && self.stretch_ns >= (ONE_IN - 1) * window {
            self.switch_on();
        }
        sample
    }

    /// What measuring takes from time to time.
    pub fn needs(&self) -> CapabilitySet {
        // Always on needs nothing more once it is on, and off needs nothing.
        let again = self.overhead == Overhead::Sampled && self.on.is_some();
        if again { CapabilitySet::SYS_ADMIN } else { CapabilitySet::empty() }
    }

    fn switch_on(&mut self) {
        self.stretch_ns = 0;
        if self.overhead == Overhead::Off {
            return;
        }
        match sys::enable_stats() {
            Ok(fd) => self.on = Some(fd),
            // Without CAP_SYS_ADMIN the cost is unknown, which the frame says.
            Err(error) if !self.started => log::info!("no BPF run-time statistics: {error}"),
            Err(_) => {}
        }
        self.started = true;
    }
}

/// A program that cannot be read counts nothing, so that the others keep their places.
fn read<'a>(programs: impl Iterator<Item = BorrowedFd<'a>>) -> Vec<ProgramCounters> {
    programs.map(|program| sys::program_counters(program.as_fd()).unwrap_or_default()).collect()
}
