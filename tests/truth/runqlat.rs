//! What `runqlat` must be right about: how often, and for how long, one process waited for a CPU.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Job, Tool, Worker, assert_near, begin, number, schedule};

/// Waits that the process under test goes through.
const WAITS: usize = 10_500;
/// How long the hog keeps the CPU before it offers it: what each wait lasts, more or less.
const HOLD: Duration = Duration::from_micros(2_000);

/// What the workers do: word 1 is the CPU they share.
pub fn work(job: &Job) {
    schedule::pin(job.count(1));
    match job.word(0) {
        "hog" => hog(job),
        "wait" => wait(job),
        other => panic!("unknown work {other}"),
    }
}

/// Burns the CPU, which it offers to others every now and then.
fn hog(job: &Job) {
    job.step(&json!("ready"));
    println!("\"burning\"");
    loop {
        schedule::burn(HOLD);
        std::thread::yield_now();
    }
}

/// Wants the CPU again and again while the hog has it.
fn wait(job: &Job) {
    schedule::do_not_preempt();
    job.step(&json!("ready"));
    let (begin, started) = (schedule::statistics(), Instant::now());
    while schedule::statistics().turns - begin.turns < WAITS as u64 {
        for _ in 0..50 {
            schedule::burn(Duration::from_micros(20));
            std::thread::sleep(Duration::from_micros(100));
        }
        // Now and then it burns for so long that it is preempted.
        schedule::burn(Duration::from_millis(10));
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
        assert_near(&format!("waits, {how}"), self.count, waits, 0.1);
        assert_near(&format!("their sum, {how}"), self.sum, ns, 2.0);
        assert_eq!(self.in_buckets, self.count, "every wait is in a bucket, {how}");
        assert!(self.in_long_buckets * 2 > self.count, "{} long waits, {how}", self.in_long_buckets);
        assert!(self.max >= ns / waits && self.max <= self.sum, "longest {} ns, {how}", self.max);
    }
}

#[test]
fn the_waits_of_a_process_beside_a_hog_are_those_of_its_schedstat() {
    let _alone = begin();
    let cpu = schedule::last_cpu().to_string();
    let mut worker = Worker::start("runqlat", &["wait", &cpu]);
    let mut hog = Worker::start("runqlat", &["hog", &cpu]);
    let pid = worker.pid.to_string();
    // Both ways of asking for one process, at the same time.
    let filtered = Tool::start(&["runqlat", "-p", &pid]);
    let keyed = Tool::start(&["runqlat", "--by", "pid"]);
    assert_eq!(hog.step(), "burning");
    let truth = worker.step();
    drop(hog);
    println!("in truth {truth}");
    let (filtered, keyed) = (filtered.finish(), keyed.finish());

    let (waits, ns) = (number(&truth, "waits"), number(&truth, "ns"));
    assert!(waits >= 10_000 && ns / waits >= 1_000_000, "not the waits that this test is about: {truth}");
    Found::of(&filtered, |_| true).check("with -p", &truth);
    Found::of(&keyed, |key| key["pid"] == worker.pid).check("by pid", &truth);
}
