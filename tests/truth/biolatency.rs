//! What `biolatency` must be right about: how many requests a disk did, and how long they took.

use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::disk::Disk;
use crate::support::numbers::unseen;
use crate::support::{Case, Job, Test, Thing, Worker, aio, assert_near, files, in_guest, monotonic, number};
use crate::test;

/// The tests, all on a disk of their own.
pub const TESTS: &[Test] = &[
    test!(requests_are_timed_as_whoever_waits_for_them_does).every_way().uses(&[Thing::ScratchDisk]),
    test!(queued_is_the_time_that_the_disk_accounts).every_way().uses(&[Thing::ScratchDisk]),
    test!(each_grouping_adds_up_to_the_same).uses(&[Thing::ScratchDisk]),
];

const DISK: u64 = 64 << 20;
const BLOCK: usize = 64 << 10;
const SMALL: usize = 4096;
/// Requests in flight in the test with a scheduler.
const DEPTH: usize = 64;

/// How many are submitted together: these wait for each other, which takes long beside what the programs that watch take where a
/// CPU is emulated. Elsewhere one by one, as since 6.9 requests that are held back together begin at the same time to the
/// kernel (blk_time_get_ns). What the kernel accounts may be so many percent apart from what is seen.
fn batch() -> (usize, f64) {
    if in_guest() { (32, 30.0) } else { (1, 8.0) }
}

/// Writes, one after the other, and half as many reads.
fn writes() -> usize {
    if in_guest() { 100 } else { 800 }
}

/// Small writes, many at once.
fn places() -> u64 {
    if in_guest() { 1024 } else { 8192 }
}

/// What the workers do.
pub fn work(job: &Job) {
    match job.word(0) {
        "direct" => direct(job),
        "async" => asynchronous(job),
        other => panic!("unknown work {other}"),
    }
}

/// Blocks that are written and read one after the other; says how long each call took.
fn direct(job: &Job) {
    let disk = files::open_direct(Path::new(job.word(1)));
    let mut block = files::Pages::new(BLOCK);
    job.step(&json!("ready"));
    let mut took = [Vec::new(), Vec::new()];
    for number in 0..writes() {
        let begin = monotonic();
        disk.write_all_at(block.bytes(), (number * BLOCK) as u64).expect("written");
        took[0].push(monotonic() - begin);
    }
    for number in 0..writes() / 2 {
        let begin = monotonic();
        disk.read_exact_at(block.bytes(), (number * BLOCK) as u64).expect("read");
        took[1].push(monotonic() - begin);
    }
    job.last(&json!({ "W": took[0], "R": took[1] }));
}

/// Every other place, in an order that is not the disk's.
fn asynchronous(job: &Job) {
    let disk = files::open_direct(Path::new(job.word(1)));
    let mut queue = aio::Queue::new(&disk, DEPTH, SMALL);
    job.step(&json!("ready"));
    let together = batch().0;
    for first in (0..places()).step_by(together) {
        let place = |number| number * 7919 % places() * 2 * SMALL as u64;
        queue.write_all(&(first..first + together as u64).map(place).collect::<Vec<_>>());
    }
    queue.finish();
    job.last(&json!("written"));
}

/// Distributions put together.
#[derive(Default)]
struct Found {
    count: u64,
    sum: u64,
    max: u64,
    /// Count by the upper end of its bucket.
    buckets: Vec<(u64, u64)>,
}

impl Found {
    fn of(histograms: &[Value], wanted: impl Fn(&Value) -> bool) -> Found {
        let mut found = Found::default();
        for histogram in histograms.iter().filter(|histogram| wanted(&histogram["key"])) {
            found.count += number(histogram, "count");
            found.sum += number(histogram, "sum");
            found.max = found.max.max(histogram["max"].as_u64().unwrap_or(0));
            let buckets = histogram["buckets"].as_array().expect("buckets");
            found.buckets.extend(buckets.iter().map(|bucket| (number(bucket, "lo"), number(bucket, "count"))));
        }
        let in_buckets: u64 = found.buckets.iter().map(|(_, count)| count).sum();
        assert_eq!(in_buckets, found.count, "every request is in a bucket");
        found
    }

    /// Within the times of the calls, whose longest and shortest a request cannot exceed, and not much less.
    fn check(&self, how: &str, took: &Value) {
        let took: Vec<u64> = took.as_array().expect("times").iter().map(|ns| ns.as_u64().expect("a time")).collect();
        let (count, sum) = (took.len() as u64, took.iter().sum::<u64>());
        assert_eq!(self.count, count, "requests {how}");
        assert!(self.sum <= sum, "{} ns {how}, the calls took {sum}", self.sum);
        // Emulated, what comes before and after a request takes longer than a disk in memory.
        let least = if in_guest() { sum / 20 } else { sum / 4 };
        assert!(self.sum >= least, "{} ns {how}, the calls took {sum}", self.sum);
        let longest = took.iter().max().copied().unwrap_or(0);
        assert!(self.max <= longest && self.max >= self.sum / count, "longest {} ns {how}, a call {longest}", self.max);
        // No more of them were at least so long than calls were.
        for (lo, _) in &self.buckets {
            let longer: u64 = self.buckets.iter().filter(|(other, _)| other >= lo).map(|(_, count)| count).sum();
            let calls = took.iter().filter(|ns| *ns >= lo).count() as u64;
            assert!(longer <= calls, "{longer} of {lo} ns and more {how}, and {calls} calls");
        }
    }
}

fn requests_are_timed_as_whoever_waits_for_them_does(case: &Case) {
    let disk = Disk::scratch(DISK);
    let mut worker = Worker::start("biolatency", &["direct", &disk.path.to_string_lossy()]);
    let pid = worker.pid.to_string();
    let by_disk = case.watch(&["biolatency", "--by", "disk"]);
    let filtered = case.watch(&["biolatency", "-p", &pid]);
    let by_rw = case.watch_plain(&["biolatency", "--by", "rw", "-p", &pid]);
    let by_flags = case.watch_plain(&["biolatency", "--by", "flags", "-p", &pid]);
    let by_pid = case.watch_plain(&["biolatency", "--by", "pid"]);
    let only = ["W", "R"].map(|rw| (case.watch_plain(&["biolatency", "--rw", rw, "-p", &pid]), rw));
    let here = case.watch_plain(&["biolatency", "--disk", &disk.name, "-p", &pid]);
    let elsewhere = case.watch_plain(&["biolatency", "--disk", &disk.another(), "-p", &pid]);
    let before = disk.stats();
    let took = worker.step();
    let done = disk.stats().since(before);

    let (written, read) = (writes() as u64, writes() as u64 / 2);
    assert_eq!((done.writes[0], done.reads[0]), (written, read), "the disk did something else");
    let all: Value = ["W", "R"].iter().flat_map(|rw| took[rw].as_array().expect("times").clone()).collect();
    by_disk.check(|rows| Found::of(rows, |key| key["disk"] == disk.name.as_str()).check("by disk", &all));
    filtered.check(|rows| Found::of(rows, |_| true).check("with -p", &all));
    by_pid.check(|rows| Found::of(rows, |key| key["pid"] == worker.pid).check("by pid", &all));
    by_rw.check(|rows| ["W", "R"].iter().for_each(|rw| Found::of(rows, |key| key["rw"] == *rw).check(rw, &took[rw])));
    only.into_iter().for_each(|(watch, rw)| watch.check(|rows| Found::of(rows, |_| true).check(rw, &took[rw])));
    here.check(|rows| Found::of(rows, |_| true).check("of this disk", &all));
    elsewhere.check(|rows| assert_eq!(Found::of(rows, |_| true).count, 0, "of another disk"));
    by_flags.check(|rows| {
        // Since 4.10 direct writes are told from those that nobody waits for.
        assert_eq!(Found::of(rows, |key| key["flags"] == "WS").count, written, "sync writes: {rows:?}");
        assert_eq!(Found::of(rows, |key| key["flags"].as_str().is_some_and(|f| f.starts_with('R'))).count, read);
    });
}

fn queued_is_the_time_that_the_disk_accounts(case: &Case) {
    let disk = Disk::scratch(DISK);
    disk.set_scheduler("mq-deadline");
    let mut worker = Worker::start("biolatency", &["async", &disk.path.to_string_lossy()]);
    let pid = worker.pid.to_string();
    let queued = case.watch(&["biolatency", "--queued", "--by", "disk"]);
    let issued = case.watch(&["biolatency", "--by", "disk", "-p", &pid]);
    let before = disk.stats();
    worker.step();
    let after = disk.stats();
    disk.set_scheduler("none");

    let (done, ns) = (after.since(before), after.since(before).ticks * 1_000_000);
    assert_eq!(done.writes[0], places(), "the disk did something else");
    let of_disk = |key: &Value| key["disk"] == disk.name.as_str();
    queued.check(|rows| {
        let found = Found::of(rows, of_disk);
        assert_near("requests", found.count, places(), unseen());
        assert_near("their time since submission", found.sum, ns, batch().1);
    });
    issued.check(|rows| {
        let found = Found::of(rows, of_disk);
        assert_near("requests", found.count, places(), unseen());
        assert!(found.sum < ns, "{} ns since they were issued, {ns} since submission", found.sum);
    });
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let disk = Disk::scratch(DISK);
    let mut worker = Worker::start("biolatency", &["direct", &disk.path.to_string_lossy()]);
    let pid = worker.pid.to_string();
    crate::support::asked::check_groupings(case, &["biolatency", "-p", &pid], None, || drop(worker.step()));
}
