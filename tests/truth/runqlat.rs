//! What `runqlat` must be right about: how often, and for how long, one process waited for a CPU.

use std::fs::File;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::asked::{But, check_groupings_but};
use crate::support::numbers::unseen;
use crate::support::schedule::{self, Sharers};
use crate::support::{Case, Cell, Job, Test, Thing, assert_near, in_guest, note, number};
use crate::test;

/// The tests: this one has the machine for itself, as it is about who has to wait for a CPU.
pub const TESTS: &[Test] =
    &[test!(the_waits_of_a_process_beside_a_hog_are_those_of_its_schedstat).every_way().uses(&[Thing::Machine]),
    test!(each_grouping_adds_up_to_the_same).uses(&[Thing::Machine])];

/// Waits after a preemption, at least.
const PREEMPTED: u64 = 500;

/// Waits after a wake-up that the process under test goes through, at least; and how long the hog keeps
/// the CPU after it has woken the other, which is what such a wait lasts unless the scheduler ends the
/// hog's turn earlier. Emulated, a switch alone takes 50 µs, and more for every program that watches it,
/// part of which one clock counts and the other does not: there fewer waits are longer, so that this stays
/// small beside them.
fn plan() -> (u64, Duration) {
    if in_guest() { (3_000, Duration::from_millis(6)) } else { (10_000, Duration::from_micros(1_500)) }
}

/// What the workers do.
pub fn work(job: &Job) {
    schedule::share_cpu(job, hog, wait);
}

/// Burns the CPU; wakes the other process again and again, in the end leaves it alone.
fn hog(job: &Job, mut wake: &File, mut woken: &File) {
    job.step(&json!("ready"));
    println!("\"burning\"");
    let hold = plan().1;
    let mut answer = [b'+'];
    while answer == [b'+'] {
        // Back from sleep it has a whole slice before it. If it did not sleep, its slice could be over
        // when it wakes the other, which update_curr() notices then, and the other would not wait.
        std::thread::sleep(Duration::from_micros(50));
        wake.write_all(b"!").expect("woken");
        schedule::burn(hold);
        woken.read_exact(&mut answer).expect("an answer");
    }
    loop {
        schedule::burn(hold);
    }
}

/// Is woken while the hog has the CPU; in the end wants as much of it as the hog does.
fn wait(job: &Job, mut wake: &File, mut woken: &File) {
    schedule::do_not_preempt();
    job.step(&json!("ready"));
    let (begin, started) = (schedule::statistics(), Instant::now());
    let turns = || schedule::statistics().turns - begin.turns;
    let mut bang = [0];
    let least = plan().0;
    while turns() < least {
        wake.read_exact(&mut bang).expect("woken");
        woken.write_all(b"+").expect("an answer");
    }
    wake.read_exact(&mut bang).expect("woken");
    woken.write_all(b"-").expect("an answer");
    while turns() < least + PREEMPTED {
        schedule::burn(Duration::from_micros(100));
    }
    let (end, seconds) = (schedule::statistics(), started.elapsed().as_secs_f64());
    job.last(&json!({ "waits": end.turns - begin.turns, "ns": end.delay - begin.delay, "seconds": seconds }));
}

/// The sums over distributions, by whoever they are for.
struct Found {
    count: u64,
    sum: u64,
    max: u64,
    in_buckets: u64,
    in_long_buckets: u64,
}

impl Found {
    fn of(histograms: &[Value], wanted: impl Fn(&Value) -> bool) -> Found {
        let mut found = Found { count: 0, sum: 0, max: 0, in_buckets: 0, in_long_buckets: 0 };
        for histogram in histograms.iter().filter(|histogram| wanted(&histogram["key"])) {
            found.count += number(histogram, "count");
            found.sum += number(histogram, "sum");
            // A distribution without waits has no longest one.
            found.max = found.max.max(histogram["max"].as_u64().unwrap_or(0));
            for bucket in histogram["buckets"].as_array().expect("buckets") {
                found.in_buckets += number(bucket, "count");
                if number(bucket, "hi") >= 1_000_000 {
                    found.in_long_buckets += number(bucket, "count");
                }
            }
        }
        found
    }

    fn check(&self, how: &str, truth: &Value) {
        let (waits, ns) = (number(truth, "waits"), number(truth, "ns"));
        // A task preempted on its way to sleep waits too, but its schedstat does not count that (sched_info_depart): rare,
        // unless an emulated CPU is interrupted all the time.
        let (of_waits, of_sum) = if in_guest() { (0.5, 5.0) } else { (unseen(), unseen()) };
        assert_near(&format!("waits, {how}"), self.count, waits, of_waits);
        assert_near(&format!("their sum, {how}"), self.sum, ns, of_sum);
        assert_eq!(self.in_buckets, self.count, "every wait is in a bucket, {how}");
        assert!(self.in_long_buckets * 2 > self.count, "{} long waits, {how}", self.in_long_buckets);
        assert!(self.max >= ns / waits && self.max <= self.sum, "longest {} ns, {how}", self.max);
    }
}

fn the_waits_of_a_process_beside_a_hog_are_those_of_its_schedstat(case: &Case) {
    let mut pair = Sharers::start("runqlat");
    let pid = pair.waiter.pid;
    // Both ways of asking for one process, at the same time.
    let filtered = case.watch(&["runqlat", "-p", &pid.to_string()]);
    let keyed = case.watch_plain(&["runqlat", "--by", "pid"]);
    let truth = pair.run();
    drop(pair.hog);
    note(format!("in truth {truth}"));

    let (waits, ns) = (number(&truth, "waits"), number(&truth, "ns"));
    assert!(waits >= plan().0 && ns / waits >= 1_000_000, "not the waits that this test is about: {truth}");
    filtered.check(|rows| Found::of(rows, |_| true).check("with -p", &truth));
    keyed.check(|rows| Found::of(rows, |key| key["pid"] == pid).check("by pid", &truth));
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let mut pair = Sharers::start("runqlat");
    let pid = pair.waiter.pid.to_string();
    // The namespace of a pid is at a place that its level says, which is read by a helper that lockdown forbids.
    let without: &[&str] = if Cell::here().is_restricted() { &["pidns"] } else { &[] };
    let but = But { without, ..But::default() };
    check_groupings_but(case, &["runqlat", "-p", &pid], &but, None, || drop(pair.run()));
}
