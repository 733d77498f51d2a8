//! Plain data: what one view produced in one interval.
//!
//! Screen, batch output, exports, history and replay are all made from [`Frame`]. Nothing here
//! knows a kernel, a terminal or a view by name.

pub mod accumulate;
pub mod events;
pub mod filter;
pub mod format;
pub mod group;
pub mod histogram;
pub mod ids;
pub mod order;
pub mod schema;
pub mod table;
pub mod text;
pub mod threshold;

use std::sync::Arc;

pub use histogram::{Histogram, Percentile};
pub use schema::{Agg, Align, Column, Formula, Schema, Type, Unit};
pub use table::{Table, TextSpan, Value};

/// How the data of a view is shaped. Closed on purpose: a renderer exists for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Keyed rows, sorted; the `...top` tools.
    Table,
    /// One or more log2 distributions; the `...lat` and `...dist` tools.
    Histogram,
    /// One row of numbers for the whole host; the `...stat` tools.
    Counters,
    /// Single events, oldest first, each with its time; the `...snoop` and `...slower` tools.
    Events,
}

impl Kind {
    /// The word used in JSON, help and declarations.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Table => "table",
            Kind::Histogram => "histogram",
            Kind::Counters => "counters",
            Kind::Events => "events",
        }
    }
}

/// How the numbers of a frame are accumulated over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Totals of this interval: what BCC prints.
    #[default]
    Interval,
    /// Interval totals divided by the real length of the interval.
    PerSecond,
    /// Totals since the view was started.
    SinceStart,
}

impl Mode {
    /// The mode after this one, as the accumulation key cycles.
    pub fn next(self) -> Mode {
        match self {
            Mode::Interval => Mode::PerSecond,
            Mode::PerSecond => Mode::SinceStart,
            Mode::SinceStart => Mode::Interval,
        }
    }

    /// The words shown in the title of a view.
    pub fn label(self) -> &'static str {
        match self {
            Mode::Interval => "interval",
            Mode::PerSecond => "per second",
            Mode::SinceStart => "since start",
        }
    }
}

/// Why a view is not, or not fully, running.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Reason {
    /// What sort of cause it is; scripts branch on this.
    pub class: ReasonClass,
    /// One sentence: what is wrong.
    pub message: String,
    /// One sentence: what to do about it.
    pub remedy: String,
}

/// The classes of causes a user can act on, each with its own remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonClass {
    /// The process lacks capabilities.
    NoPrivilege,
    /// Kernel lockdown forbids reading kernel memory.
    Lockdown,
    /// A program type is refused although all capabilities are present.
    ProgTypeDenied,
    /// `perf_event_paranoid` forbids opening an event.
    PerfParanoid,
    /// The kernel has no BTF.
    NoBtf,
    /// A function, tracepoint or field does not exist on this kernel.
    SymbolMissing,
    /// The kernel has no kprobes.
    NoKprobes,
    /// The kernel has no (or refuses) fentry/fexit.
    NoFentry,
    /// tracefs is not mounted.
    NoTracefs,
    /// A kernel module is not loaded.
    ModuleMissing,
    /// A library, binary or USDT provider was not found.
    TargetMissing,
    /// The verifier rejected our program: our bug.
    Verifier,
    /// The memory lock limit is too low (kernels before 5.11).
    Memlock,
    /// It would cost more than `--max-overhead` allows, so it is suspended.
    Overhead,
}

/// Whether a view delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Every required hook is attached.
    Ok,
    /// It runs, but an optional hook is missing.
    Partial(Reason),
    /// It does not run at all; the frame has no rows.
    Unavailable(Box<Unavailable>),
}

/// A view that cannot run: the cause, and everything that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// The cause and its remedy.
    pub reason: Reason,
    /// Each purpose with the alternatives that were tried.
    pub tried: Vec<HookReport>,
}

impl Status {
    /// The word used in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Partial(_) => "partial",
            Status::Unavailable(_) => "unavailable",
        }
    }

    /// The reason, unless everything is well.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Status::Ok => None,
            Status::Partial(reason) => Some(reason),
            Status::Unavailable(unavailable) => Some(&unavailable.reason),
        }
    }
}

/// An attach point: `tp_btf/block_io_start`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, schemars::JsonSchema)]
pub struct Hook {
    /// What the view needs it for: `submit`, `send`, ...
    pub purpose: String,
    /// Which of the view's alternatives for the purpose this is: `--hook PURPOSE=N` asks for it. 0 if there is no other.
    pub alternative: u32,
    /// `tp_btf`, `raw_tp`, `tracepoint`, `fentry`, `fexit`, `kprobe`, `kretprobe`, `iter`, ...
    pub kind: String,
    /// Function or tracepoint.
    pub target: String,
}

/// One alternative that was tried for a purpose and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Tried {
    /// As [`Hook::alternative`].
    pub alternative: u32,
    /// As [`Hook::kind`].
    pub kind: String,
    /// As [`Hook::target`].
    pub target: String,
    /// `attached`, or why not, in plain words.
    pub result: String,
}

/// One purpose of a view: what is attached for it, and the better ones that were passed over.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct HookReport {
    /// As [`Hook::purpose`].
    pub purpose: String,
    /// As [`Hook::alternative`]; `null` if none could be attached.
    pub alternative: Option<u32>,
    /// The kind in use, `null` if none could be attached.
    pub kind: Option<String>,
    /// The target in use, `null` if none could be attached.
    pub target: Option<String>,
    /// The alternatives tried before it, best first.
    pub tried: Vec<Tried>,
}

/// What was not seen in this interval. Every field is a count for the interval but `late_ns`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Lost {
    /// Events the programs saw but could not record.
    pub events: u64,
    /// Inserts refused by a full map.
    pub map_full: u64,
    /// Stacks dropped or cut.
    pub stacks: u64,
    /// Whole intervals dropped because the reader was slow.
    pub intervals: u64,
    /// How much later than asked the interval ended, ns.
    pub late_ns: u64,
    /// Events whose owner is not known; they are shown under an unknown owner.
    pub unattributed: u64,
    /// Strings or paths cut short.
    pub truncated: u64,
    /// Program runs that the kernel skipped because the program was already running on that CPU
    /// (`recursion_misses` of `bpf_prog_info`).
    pub missed: u64,
}

impl Lost {
    /// Everything that makes a shown number too small.
    pub fn total(&self) -> u64 {
        // A recording may claim anything.
        let all = [self.events, self.map_full, self.stacks, self.intervals, self.missed];
        all.into_iter().fold(0, u64::saturating_add)
    }

    /// Adds the counts of `other`; `late_ns` adds up too.
    pub fn add(&mut self, other: &Lost) {
        self.events = self.events.saturating_add(other.events);
        self.map_full = self.map_full.saturating_add(other.map_full);
        self.stacks = self.stacks.saturating_add(other.stacks);
        self.intervals = self.intervals.saturating_add(other.intervals);
        self.late_ns = self.late_ns.saturating_add(other.late_ns);
        self.unattributed = self.unattributed.saturating_add(other.unattributed);
        self.truncated = self.truncated.saturating_add(other.truncated);
        self.missed = self.missed.saturating_add(other.missed);
    }
}

/// What one of our programs cost in one interval.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct ProgramCost {
    /// Name of the program.
    pub name: String,
    /// Kind of its hook, as in `hooks`.
    pub kind: String,
    /// Function or tracepoint that it is attached to.
    pub target: String,
    /// CPU spent in it, ns.
    pub ns: u64,
    /// Its runs.
    pub runs: u64,
}

/// What this view cost in this interval.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Cost {
    /// User-space CPU of the thread that samples this view, ns.
    pub self_cpu_ns: u64,
    /// CPU spent in this view's BPF programs, ns; `null` outside the sampled intervals.
    pub bpf_ns: Option<u64>,
    /// Runs of this view's BPF programs; `null` outside the sampled intervals.
    pub bpf_runs: Option<u64>,
    /// Kernel memory held by this view's maps, bytes.
    pub map_bytes: u64,
    /// Entries in the fullest map when it was read.
    pub map_entries: u64,
    /// Capacity of that map; 0 if it cannot fill up (arrays).
    pub map_capacity: u64,
    /// One event in so many was counted, to keep within `--max-overhead`: additive numbers of this frame are estimates, what was
    /// counted times this. Left out where every event was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled: Option<u32>,
    /// What each program cost, where it was measured; left out where it was not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<ProgramCost>,
}

impl Cost {
    /// Fill of the fullest map, percent; `None` where a map cannot fill up.
    pub fn map_fill_percent(&self) -> Option<f64> {
        (self.map_capacity > 0).then(|| 100.0 * self.map_entries as f64 / self.map_capacity as f64)
    }
}

/// When the interval ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Nanoseconds since the Unix epoch.
    pub wall_ns: u64,
    /// `CLOCK_MONOTONIC`, ns.
    pub mono_ns: u64,
}

/// Which interval a frame covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Counts from 0 since the view was started.
    pub index: u64,
    /// The length that was asked for, ns.
    pub asked_ns: u64,
    /// The real length, between the two flips of the kernel side's epoch, ns.
    pub real_ns: u64,
    /// How the numbers are accumulated.
    pub mode: Mode,
}

/// The value of one setting of a view.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum SettingValue {
    /// Not set: the filter is off.
    Null,
    /// On or off.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A word.
    Text(String),
}

/// All that one view produced in one interval.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Name of the view.
    pub view: Arc<str>,
    /// Shape of the data.
    pub kind: Kind,
    /// Whether the view delivers.
    pub status: Status,
    /// When the interval ended.
    pub time: Stamp,
    /// Which interval it is.
    pub interval: Interval,
    /// Settings in force, by name.
    pub settings: Arc<[(String, SettingValue)]>,
    /// Hooks in use, one for each program attached.
    pub hooks: Arc<[Hook]>,
    /// Rows. For [`Kind::Histogram`]: one row for each distribution, with its key columns and the
    /// scalar columns `count`, `sum` and `max`.
    pub table: Table,
    /// For [`Kind::Histogram`]: the distributions, in the order of the rows. Else empty.
    pub histograms: Vec<Histogram>,
    /// What was not seen.
    pub lost: Lost,
    /// What it cost.
    pub cost: Cost,
}

impl Frame {
    /// Sums of the additive columns named in the schema's `totals`, over all rows.
    pub fn totals(&self) -> Vec<(usize, Value)> {
        let schema = &self.table.schema;
        schema.totals.iter().map(|&column| (column, self.table.sum(column))).collect()
    }

    /// Bytes this frame holds in memory: what the history counts against its limit.
    pub fn held_bytes(&self) -> usize {
        size_of::<Frame>()
            + self.table.held_bytes()
            + self.histograms.iter().map(|h| size_of::<Histogram>() + 8 * h.buckets.len()).sum::<usize>()
    }
}
