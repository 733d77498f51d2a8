//! What `cpudist` must be right about: how often, and for how long, one process had a CPU, and how long it had none.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Case, Job, Test, Thing, Worker, assert_near, in_guest, monotonic, note, number, schedule};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(stretches_on_a_cpu_are_those_of_the_schedstat).every_way().uses(&[Thing::Machine]),
    test!(time_off_a_cpu_is_what_is_left_of_the_clock).every_way().uses(&[Thing::Machine]),
    test!(idle_tasks_are_shown_when_asked_for).uses(&[Thing::Machine]),
];

/// Bursts of work, how long each is, and the sleep behind it. Emulated, a switch takes 50 µs, more with every program that
/// watches it: bursts are longer there, so that this stays small beside them.
fn plan() -> (u64, Duration, Duration) {
    if in_guest() {
        (200, Duration::from_millis(6), Duration::from_millis(4))
    } else {
        (1_000, Duration::from_millis(1), Duration::from_micros(500))
    }
}

/// What the worker does: works and sleeps.
pub fn work(job: &Job) {
    let (bursts, burst, sleep) = plan();
    job.step(&json!("ready"));
    let (begin, started) = (schedule::statistics(), Instant::now());
    for _ in 0..bursts {
        schedule::burn(burst);
        std::thread::sleep(sleep);
    }
    let (end, elapsed) = (schedule::statistics(), started.elapsed().as_nanos() as u64);
    let run = end.run - begin.run;
    // The turn in which it began ends too.
    job.last(&json!({ "turns": end.turns - begin.turns + 1, "on": run, "off": elapsed - run }));
}

/// The sums over distributions, by whoever they are for.
struct Found {
    count: u64,
    sum: u64,
    long: u64,
}

impl Found {
    /// `least` is what a long one lasts.
    fn of(histograms: &[Value], least: Duration, wanted: impl Fn(&Value) -> bool) -> Found {
        let mut found = Found { count: 0, sum: 0, long: 0 };
        for histogram in histograms.iter().filter(|histogram| wanted(&histogram["key"])) {
            let mut in_buckets = 0;
            for bucket in histogram["buckets"].as_array().expect("buckets") {
                in_buckets += number(bucket, "count");
                if u128::from(number(bucket, "hi")) >= least.as_nanos() {
                    found.long += number(bucket, "count");
                }
            }
            assert_eq!(in_buckets, number(histogram, "count"), "every stretch is in a bucket: {histogram}");
            found.count += in_buckets;
            found.sum += number(histogram, "sum");
        }
        found
    }

    fn check(&self, how: &str, truth: &Value, time: &str) {
        let (of_turns, of_sum) = if in_guest() { (3.0, 6.0) } else { (1.0, 3.0) };
        assert_near(&format!("stretches, {how}"), self.count, number(truth, "turns"), of_turns);
        assert_near(&format!("their sum, {how}"), self.sum, number(truth, time), of_sum);
        let least = plan().0 * 9 / 10;
        assert!(self.long >= least, "{} of {least} long ones, {how}", self.long);
    }
}

fn stretches_on_a_cpu_are_those_of_the_schedstat(case: &Case) {
    let mut worker = Worker::start("cpudist", &[]);
    let pid = worker.pid.to_string();
    let filtered = case.watch(&["cpudist", "-p", &pid]);
    let by_pid = case.watch_plain(&["cpudist", "--by", "pid"]);
    let by_tid = case.watch_plain(&["cpudist", "--by", "tid"]);
    let by_cpu = case.watch_plain(&["cpudist", "--by", "cpu", "-p", &pid]);
    let truth = worker.step();
    note(format!("in truth {truth}"));
    let burst = plan().1;
    filtered.check(|rows| Found::of(rows, burst, |_| true).check("with -p", &truth, "on"));
    by_pid.check(|rows| Found::of(rows, burst, |key| key["pid"] == worker.pid).check("by pid", &truth, "on"));
    by_tid.check(|rows| Found::of(rows, burst, |key| key["tid"] == worker.pid).check("by tid", &truth, "on"));
    by_cpu.check(|rows| Found::of(rows, burst, |key| key["cpu"].is_u64()).check("by cpu", &truth, "on"));
}

fn time_off_a_cpu_is_what_is_left_of_the_clock(case: &Case) {
    let mut worker = Worker::start("cpudist", &[]);
    let pid = worker.pid.to_string();
    let filtered = case.watch(&["cpudist", "--off", "-p", &pid]);
    let by_pid = case.watch_plain(&["cpudist", "--off", "--by", "pid"]);
    let truth = worker.step();
    note(format!("in truth {truth}"));
    let sleep = plan().2;
    filtered.check(|rows| Found::of(rows, sleep, |_| true).check("with -p", &truth, "off"));
    by_pid.check(|rows| Found::of(rows, sleep, |key| key["pid"] == worker.pid).check("by pid", &truth, "off"));
}

/// Time that no task wanted a CPU, of all of them, ns.
fn idle_time() -> u64 {
    let text = std::fs::read_to_string("/proc/stat").expect("it is always there");
    let mut fields = text.lines().next().expect("a line").split_whitespace().skip(4);
    let mut ticks = || fields.next().and_then(|field| field.parse::<u64>().ok()).expect("a number");
    (ticks() + ticks()) * (1_000_000_000 / 100)
}

fn idle_tasks_are_shown_when_asked_for(case: &Case) {
    let mut worker = Worker::start("cpudist", &[]);
    let begun = monotonic();
    let with = case.watch_plain(&["cpudist", "--idle", "--by", "pid"]);
    let without = case.watch_plain(&["cpudist", "--by", "pid"]);
    let before = idle_time();
    worker.step();
    let idle = idle_time() - before;
    let of_idle = |rows: &[Value]| {
        let idle = rows.iter().filter(|row| row["key"]["pid"] == 0);
        idle.map(|row| number(row, "sum")).sum::<u64>()
    };
    with.check(|rows| {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        let most = (monotonic() - begun) * cpus;
        note(format!("{} ns idle of {most}, in truth at least {idle}", of_idle(rows)));
        // A stretch that has not ended is not told yet.
        assert!((idle / 2..=most).contains(&of_idle(rows)), "{} ns idle of {most}, in truth at least {idle}", of_idle(rows));
    });
    without.check(|rows| assert_eq!(of_idle(rows), 0, "{rows:?}"));
}
