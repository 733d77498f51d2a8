//! `--max-overhead` under a storm of system calls: our own, so that how many there were is known.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::support::batch::{Stream, command};
use crate::support::begin;

/// Calls in one go, and the time from one go to the next: a rate that a busy machine can keep.
const CALLS: u64 = 6000;
const EVERY: Duration = Duration::from_millis(10);

/// A thread that calls getppid, and the number of its calls over time.
struct Storm {
    on: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<(u64, u64)>>>,
}

fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

impl Storm {
    fn start() -> Storm {
        let (on, done) = (Arc::new(AtomicBool::new(true)), AtomicU64::new(0));
        let raging = on.clone();
        let thread = std::thread::spawn(move || {
            let mut seen = Vec::new();
            while raging.load(Ordering::Relaxed) {
                let begun = std::time::Instant::now();
                seen.push((now(), done.load(Ordering::Relaxed)));
                for _ in 0..CALLS {
                    // SAFETY: a call without arguments.
                    unsafe { libc::syscall(libc::SYS_getppid) };
                    done.fetch_add(1, Ordering::Relaxed);
                }
                seen.push((now(), done.load(Ordering::Relaxed)));
                std::thread::sleep(EVERY.saturating_sub(begun.elapsed()));
            }
            seen
        });
        Storm { on, thread: Some(thread) }
    }

    /// Ends it: how many calls there were at which moment.
    fn end(&mut self) -> Vec<(u64, u64)> {
        self.on.store(false, Ordering::Relaxed);
        self.thread.take().expect("it runs").join().expect("a storm")
    }
}

/// Calls until a moment, between two that are known.
fn calls_until(seen: &[(u64, u64)], moment: u64) -> f64 {
    let after = seen.partition_point(|&(at, _)| at <= moment).clamp(1, seen.len() - 1);
    let ((from, before), (to, then)) = (seen[after - 1], seen[after]);
    let part = (moment.saturating_sub(from) as f64 / (to - from).max(1) as f64).min(1.0);
    before as f64 + part * (then - before) as f64
}

fn span(frame: &Value) -> (u64, u64) {
    let end = frame["time"]["mono_ns"].as_u64().expect("a time");
    (end - frame["interval"]["real_ns"].as_u64().expect("a length"), end)
}

/// Share of one CPU, percent; nothing while the view is suspended.
fn percent(frame: &Value) -> f64 {
    let (from, to) = span(frame);
    100.0 * frame["cost"]["bpf_ns"].as_u64().unwrap_or(0) as f64 / (to - from) as f64
}

fn counted(frame: &Value) -> f64 {
    let ours = |row: &&Value| row["pid"] == std::process::id() && row["syscall"] == "getppid";
    let rows = frame["rows"].as_array().expect("rows");
    rows.iter().filter(ours).map(|row| row["count"].as_u64().expect("a count") as f64).sum()
}

fn is_suspended(frame: &Value) -> bool {
    frame["reason"]["class"] == "overhead"
}

fn next(stream: &mut Stream) -> Value {
    stream.next().expect("it runs until it is told to end")
}

#[track_caller]
fn until(stream: &mut Stream, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let found = (0..150).map(|_| next(stream)).find(is);
    found.unwrap_or_else(|| panic!("{what}: not in 150 intervals"))
}

/// What the storm costs when every call is counted, percent.
fn whole_cost() -> f64 {
    let mut command = command(&["syscount", "--by", "both", "-d", "0.2", "-n", "8", "--json"]);
    let output = command.env("BCC_TOP_OVERHEAD", "always").output().expect("it runs");
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let frames = document["frames"].as_array().expect("frames");
    frames.iter().map(percent).sum::<f64>() / frames.len() as f64
}

#[test]
fn a_storm_is_counted_one_in_n_and_whole_again_when_it_is_over() {
    let _alone = begin();
    let mut storm = Storm::start();
    let limit = 0.87 * whole_cost();
    let asked = format!("{limit:.2}%");
    let mut stream = Stream::start(&["syscount", "--by", "both", "-d", "0.2", "--max-overhead", &asked]);
    let sampled = |frame: &Value| frame["cost"]["sampled"].is_u64();
    until(&mut stream, "one in N", sampled);
    let settled: Vec<Value> = (0..40).map(|_| next(&mut stream)).collect();
    let seen = storm.end();
    let cost = settled[10..].iter().map(percent).sum::<f64>() / 30.0;
    assert!(cost <= limit, "{cost:.2}% of a limit of {limit:.2}%");
    let (mut told, mut real) = (0.0, 0.0);
    for frame in settled.iter().filter(|frame| sampled(frame)) {
        let (from, to) = span(frame);
        told += counted(frame);
        real += calls_until(&seen, to) - calls_until(&seen, from);
    }
    assert!(real > 100_000.0 && (told / real - 1.0).abs() < 0.03, "{told} calls told, {real} were made");
    let calm = until(&mut stream, "whole again", |frame| !sampled(frame) && !is_suspended(frame));
    assert_eq!(calm["status"], "ok");
    stream.finish();
}

#[test]
fn what_sampling_cannot_help_leaves_the_kernel_until_the_storm_is_over() {
    let _alone = begin();
    let mut storm = Storm::start();
    // Below what it costs to be called at all, and above what an idle machine costs.
    let limit = 0.4 * whole_cost();
    let asked = format!("{limit:.2}");
    let mut stream = Stream::start(&["syscount", "-d", "0.2", "--by", "both", "--max-overhead", &asked]);
    let gone = until(&mut stream, "suspended", is_suspended);
    assert_eq!((&gone["status"], &gone["cost"]["bpf_ns"]), (&Value::from("partial"), &Value::Null));
    assert!(gone["reason"]["message"].as_str().expect("a reason").contains("--max-overhead"), "{gone}");
    assert_eq!(gone["rows"].as_array().map(Vec::len), Some(0), "nothing was counted, which is not a count of nothing");
    let settled: Vec<Value> = (0..40).map(|_| next(&mut stream)).collect();
    let cost = settled.iter().map(percent).sum::<f64>() / 40.0;
    assert!(cost <= limit, "{cost:.2}% of a limit of {limit:.2}%");
    storm.end();
    let back = until(&mut stream, "back", |frame| !is_suspended(frame));
    assert_eq!(back["status"], "ok");
    stream.finish();
}

#[test]
fn a_limit_is_refused_where_the_kernel_does_not_measure() {
    let _alone = begin();
    let binary = crate::support::BIN;
    let mut command = std::process::Command::new("setpriv");
    let drop = "-all,+bpf,+perfmon,+dac_read_search,+syslog";
    command.args(["--bounding-set", drop, "--inh-caps", drop, binary, "syscount", "-b", "-n", "1", "-d", "0.2"]);
    let refused = command.args(["--max-overhead", "1%"]).output().expect("setpriv runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("CAP_SYS_ADMIN") && said.lines().count() == 1, "{said}");
}
