//! Kernel time per program run, by the kernel's own statistics, and the slow-down of what is watched.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bcc_top::probes::sys;
use libbpf_rs::query::ProgInfoIter;

use super::floor::Floor;
use super::{bcc_top, libbpf_tool, median};

const ROUNDS: usize = 7;
const TRIPS: usize = 100_000;

/// CPU ns of a round trip between two threads of one CPU.
pub fn ping_pong() -> f64 {
    let (mut a_read, mut a_write) = std::io::pipe().expect("a pipe");
    let (mut b_read, mut b_write) = std::io::pipe().expect("a pipe");
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            pin();
            let mut byte = [0];
            while a_read.read(&mut byte).is_ok_and(|n| n == 1) {
                if b_write.write_all(&byte).is_err() {
                    return;
                }
            }
        });
        scope.spawn(move || {
            pin();
            let mut byte = [1];
            for _ in 0..TRIPS {
                a_write.write_all(&byte).expect("the other end is there");
                b_read.read_exact(&mut byte).expect("the other end is there");
            }
        });
    });
    begun.elapsed().as_nanos() as f64 / TRIPS as f64
}

fn pin() {
    let mut cpus = rustix::thread::CpuSet::new();
    cpus.set(0);
    rustix::thread::sched_setaffinity(None, &cpus).expect("CPU 0 is there");
}

/// Run time and runs of all programs whose name starts with one of `names`.
fn counters(names: &[&str]) -> (u64, u64) {
    let ours = ProgInfoIter::default().filter(|p| names.iter().any(|n| p.name.to_string_lossy().starts_with(n)));
    ours.fold((0, 0), |(ns, runs), p| (ns + p.run_time_ns, runs + p.run_cnt))
}

fn measured(names: &[&str]) -> (f64, f64) {
    let (ns, runs) = counters(names);
    let trip = ping_pong();
    let (ns_after, runs_after) = counters(names);
    ((ns_after - ns) as f64 / (runs_after - runs).max(1) as f64, trip)
}

fn with_tool(mut command: Command, names: &[&str], programs: usize) -> (f64, f64) {
    let mut child: Child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the tool starts");
    let deadline = Instant::now() + Duration::from_secs(10);
    let loaded = || ProgInfoIter::default().filter(|p| names.iter().any(|n| p.name.to_string_lossy().starts_with(n)));
    while loaded().count() < programs && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(300)); // attached is a little later than loaded
    let result = measured(names);
    let _ = child.kill();
    let _ = child.wait();
    result
}

pub fn run() {
    let _statistics = sys::enable_stats().expect("run-time statistics: this needs root");
    let mut off = Vec::new();
    let mut rows: [(&str, Vec<f64>, Vec<f64>); 3] = [
        ("empty programs", vec![], vec![]),
        ("bcc-top runqlat", vec![], vec![]),
        ("libbpf-tools runqlat", vec![], vec![]),
    ];
    for _ in 0..ROUNDS {
        off.push(ping_pong());
        let floor = Floor::attach(&["sched_wakeup", "sched_wakeup_new", "sched_switch"]);
        let (per_run, trip) = {
            let before = floor.counters();
            let trip = ping_pong();
            let after = floor.counters();
            ((after.0 - before.0) as f64 / (after.1 - before.1).max(1) as f64, trip)
        };
        drop(floor);
        rows[0].1.push(per_run);
        rows[0].2.push(trip);
        let mut ours = Command::new(bcc_top());
        ours.args(["runqlat", "--ndjson"]);
        let (per_run, trip) = with_tool(ours, &["wait__"], 3);
        rows[1].1.push(per_run);
        rows[1].2.push(trip);
        if let Some(tool) = libbpf_tool("runqlat") {
            let mut theirs = Command::new(tool);
            theirs.arg("1");
            let (per_run, trip) = with_tool(theirs, &["sched_wakeup", "sched_switch"], 3);
            rows[2].1.push(per_run);
            rows[2].2.push(trip);
        }
    }
    let off = median(off);
    println!("| programs | ns per run | round trip, ns | slow-down |\n|---|---|---|---|");
    println!("| none | | {off:.0} | 1.00 |");
    let mut per_run = Vec::new();
    for (name, runs, trips) in rows {
        let (ns, trip) = (median(runs), median(trips));
        per_run.push(ns);
        println!("| {name} | {ns:.0} | {trip:.0} | {:.2} |", trip / off);
    }
    println!("\nbcc-top / libbpf-tools: {:.2} per program run (goal: at most 0.5).", per_run[1] / per_run[2]);
}
