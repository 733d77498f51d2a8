//! Kernel time per program run, by the kernel's own statistics, and the slow-down of what is watched:
//! beside libbpf-tools, and beside empty programs on the same hooks.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bcc_top::probes::sys;
use libbpf_rs::query::ProgInfoIter;

use super::floor::Floor;
use super::works::{self, Work};
use super::{bcc_top, libbpf_tool, median};

const ROUNDS: usize = 7;

/// What is compared.
struct Subject {
    view: &'static str,
    ours: &'static [&'static str],
    /// Arguments of the tool of the same name; none where it does not run on current kernels.
    theirs: Option<&'static [&'static str]>,
    /// Tracepoints that the empty programs are on.
    hooks: &'static [&'static str],
    what: &'static str,
    work: Work,
    /// Our cost per program run divided by theirs: at most this.
    goal: Option<f64>,
}

const SUBJECTS: &[Subject] = &[
    Subject {
        view: "runqlat",
        ours: &[],
        theirs: Some(&["1"]),
        hooks: &["sched_wakeup", "sched_wakeup_new", "sched_switch"],
        what: "round trip of a pipe on one CPU",
        work: works::ping_pong,
        goal: Some(0.5),
    },
    Subject {
        view: "cpudist",
        ours: &[],
        theirs: Some(&["1"]),
        hooks: &["sched_switch"],
        what: "round trip of a pipe on one CPU",
        work: works::ping_pong,
        goal: Some(0.8),
    },
    Subject {
        view: "syscount",
        ours: &[],
        theirs: Some(&["-i", "1"]),
        hooks: &["sys_exit"],
        what: "getppid()",
        work: works::system_calls,
        goal: Some(0.5),
    },
    Subject {
        view: "opensnoop",
        ours: &[],
        theirs: Some(&[]),
        hooks: &["sys_enter", "sys_exit"],
        what: "open() and close()",
        work: works::opens,
        goal: Some(0.3),
    },
    Subject {
        view: "execsnoop",
        ours: &[],
        theirs: Some(&[]),
        hooks: &["sched_process_exec"],
        what: "a program started",
        work: works::execs,
        goal: Some(0.8),
    },
    Subject {
        view: "softirqs",
        ours: &[],
        theirs: Some(&["1"]),
        hooks: &["softirq_entry", "softirq_exit"],
        what: "a datagram over loopback",
        work: works::datagrams,
        goal: Some(0.8),
    },
    Subject {
        view: "hardirqs",
        ours: &[],
        theirs: Some(&["1"]),
        hooks: &["irq_handler_entry", "irq_handler_exit"],
        what: "4 KiB read from the disk",
        work: works::disk_reads,
        goal: Some(0.8),
    },
    Subject {
        view: "biosnoop",
        ours: &[],
        theirs: None,
        hooks: &["block_io_start", "block_rq_issue", "block_rq_complete"],
        what: "4 KiB read from the disk",
        work: works::disk_reads,
        goal: None,
    },
];

/// Medians of one side.
#[derive(Default)]
struct Side {
    /// ns of each run of a program.
    run: Vec<f64>,
    /// ns of all programs together for each operation.
    programs: Vec<f64>,
    /// Wall ns of an operation.
    operation: Vec<f64>,
}

/// Run time and runs of all programs but those of `before`.
fn counters(before: &HashSet<u32>) -> (u64, u64) {
    let new = ProgInfoIter::default().filter(|program| !before.contains(&program.id));
    new.fold((0, 0), |(ns, runs), p| (ns + p.run_time_ns, runs + p.run_cnt))
}

fn programs() -> HashSet<u32> {
    ProgInfoIter::default().map(|program| program.id).collect()
}

impl Side {
    fn measure(&mut self, work: Work, counters: impl Fn() -> (u64, u64)) {
        let before = counters();
        let begun = Instant::now();
        let operation = work();
        let count = begun.elapsed().as_nanos() as f64 / operation;
        let after = counters();
        let ns = (after.0 - before.0) as f64;
        self.run.push(ns / (after.1 - before.1).max(1) as f64);
        self.programs.push(ns / count);
        self.operation.push(operation);
    }

    fn with_tool(&mut self, mut command: Command, work: Work) {
        let before = programs();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        if let Ok(child) = &mut child
            && wait_until_attached(child, &before)
        {
            self.measure(work, || counters(&before));
        }
        if let Ok(mut child) = child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A tool is attached a little after its programs are loaded. What it prints is read away.
fn wait_until_attached(child: &mut Child, before: &HashSet<u32>) -> bool {
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).for_each(drop));
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    let loaded = || programs().difference(before).count();
    let (mut last, mut since) = (0, Instant::now());
    while Instant::now() < deadline && child.try_wait().is_ok_and(|end| end.is_none()) {
        std::thread::sleep(Duration::from_millis(20));
        if loaded() != last {
            (last, since) = (loaded(), Instant::now());
        } else if last > 0 && since.elapsed() > Duration::from_millis(500) {
            return true;
        }
    }
    false
}

/// What sentences below the table need.
struct Outcome {
    floor_run: f64,
    theirs_run: f64,
    floor_operation: f64,
    operation: f64,
}

fn compare(subject: &Subject) -> Outcome {
    let (mut off, mut floor, mut ours, mut theirs) = (vec![], Side::default(), Side::default(), Side::default());
    for _ in 0..ROUNDS {
        off.push((subject.work)());
        let empty = Floor::attach(subject.hooks);
        floor.measure(subject.work, || empty.counters());
        drop(empty);
        let mut command = Command::new(bcc_top());
        command.arg(subject.view).args(subject.ours).arg("--ndjson");
        ours.with_tool(command, subject.work);
        if let (Some(args), Some(tool)) = (subject.theirs, libbpf_tool(subject.view)) {
            let mut command = Command::new(tool);
            command.args(args);
            theirs.with_tool(command, subject.work);
        }
    }
    let off = median(off);
    println!("| {} | nothing | | | {off:.0} | 1.00 |", subject.what);
    let (mut runs, mut operations) = (vec![], vec![]);
    let tool = format!("libbpf-tools {}", subject.view);
    for (name, side) in [("empty programs", floor), (subject.view, ours), (&tool, theirs)] {
        let (run, programs, operation) = (median(side.run), median(side.programs), median(side.operation));
        runs.push(run);
        operations.push(operation);
        if run.is_nan() {
            println!("| | {name} | does not run here | | | |");
        } else {
            println!("| | {name} | {run:.0} | {programs:.0} | {operation:.0} | {:.2} |", operation / off);
        }
    }
    let (beside, goal) = (runs[1] / runs[2], subject.goal);
    if let Some(goal) = goal.filter(|_| !beside.is_nan()) {
        let missed = if beside > goal { ": **missed**" } else { "" };
        println!("| | {} / libbpf-tools | {beside:.2}, goal {goal}{missed} | | | |", subject.view);
    }
    Outcome { floor_run: runs[0], theirs_run: runs[2], floor_operation: operations[0], operation: operations[1] }
}

pub fn run() {
    let _statistics = sys::enable_stats().expect("run-time statistics: this needs root");
    println!(
        "| operation | watched by | ns per program run | ns of programs per operation | operation, ns | slow-down |"
    );
    println!("|---|---|---|---|---|---|");
    for (subject, outcome) in SUBJECTS.iter().map(|subject| (subject, compare(subject))).collect::<Vec<_>>() {
        match subject.view {
            "opensnoop" => println!(
                "\nWhile `opensnoop` writes its log, {:.0} opens a second are made and seen: the traced work keeps {:.0} % of the \
                 speed that it has with empty programs at both ends of every system call; goal 80 %. Ours needs only the end. What \
                 is over the 20,000 events that an interval keeps is counted as lost; with `--by` nothing is.",
                1e9 / outcome.operation,
                outcome.floor_operation / outcome.operation * 100.0
            ),
            "syscount" => println!(
                "\nOf `syscount`'s cost, {:.0} ns are what an empty program on the same hook costs by the same clock: {:.2} of \
                 libbpf-tools', before anything is counted.",
                outcome.floor_run,
                outcome.floor_run / outcome.theirs_run
            ),
            _ => {}
        }
    }
}
