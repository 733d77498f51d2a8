//! What `bitesize` must be right about: how many requests of which size a program made.

use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::disk::Disk;
use crate::support::{Case, Job, Test, Thing, Worker, files, in_guest, number};
use crate::test;

/// The tests, on a disk of their own.
pub const TESTS: &[Test] =
    &[test!(each_size_is_in_its_bucket_under_its_program).every_way().uses(&[Thing::ScratchDisk]), test!(each_grouping_adds_up_to_the_same).uses(&[Thing::ScratchDisk])];

/// Sizes, each with its own number of writes.
fn plan() -> [(usize, usize); 4] {
    let times = if in_guest() { 10 } else { 100 };
    [(4096, 5 * times), (12_288, 3 * times), (16_384, 2 * times), (65_536, times)]
}

/// Reads of one page each.
const READS: usize = 17;

/// Writes blocks of known sizes past the page cache, under a name of its own.
pub fn work(job: &Job) {
    std::fs::write("/proc/self/comm", job.word(1)).expect("a name");
    let disk = files::open_direct(Path::new(job.word(0)));
    let mut block = files::Pages::new(65_536);
    job.step(&json!("ready"));
    for (size, times) in plan() {
        for number in 0..times {
            disk.write_all_at(&block.bytes()[..size], number as u64 * 65_536).expect("written");
        }
    }
    for number in 0..READS {
        disk.read_exact_at(&mut block.bytes()[..4096], number as u64 * 65_536).expect("read");
    }
    job.last(&json!("done"));
}

/// Requests by bucket, of the distributions that are wanted.
fn buckets(rows: &[Value], wanted: impl Fn(&Value) -> bool) -> Vec<(u64, u64)> {
    let mut found = std::collections::BTreeMap::<u64, u64>::new();
    for row in rows.iter().filter(|row| wanted(&row["key"])) {
        for bucket in row["buckets"].as_array().expect("buckets") {
            *found.entry(number(bucket, "lo")).or_default() += number(bucket, "count");
        }
    }
    found.into_iter().filter(|(_, count)| *count > 0).collect()
}

fn each_size_is_in_its_bucket_under_its_program(case: &Case) {
    let disk = Disk::scratch(64 << 20);
    let name = format!("bite{}", std::process::id());
    let mut worker = Worker::start("bitesize", &[&disk.path.to_string_lossy(), &name]);
    let pid = worker.pid.to_string();
    let by_comm = case.watch(&["bitesize"]);
    let by_disk = case.watch(&["bitesize", "--by", "disk"]);
    let by_rw = case.watch_plain(&["bitesize", "--by", "rw", "-p", &pid]);
    let by_pid = case.watch_plain(&["bitesize", "--by", "pid"]);
    let [writes, reads] = ["W", "R"].map(|rw| case.watch_plain(&["bitesize", "--rw", rw, "--by", "pid", "-p", &pid]));
    let here = case.watch_plain(&["bitesize", "--disk", &disk.name, "-p", &pid]);
    let elsewhere = case.watch_plain(&["bitesize", "--disk", &disk.another(), "-p", &pid]);
    let before = disk.stats();
    worker.step();
    let done = disk.stats().since(before);

    let of = |size: usize, reads: usize| {
        let counts = plan().into_iter().filter(|(s, _)| s.ilog2() == size.ilog2()).map(|(_, times)| times);
        (1u64 << size.ilog2(), (counts.sum::<usize>() + reads) as u64)
    };
    let written = [of(4096, 0), of(12_288, 0), of(16_384, 0), of(65_536, 0)];
    let all = [of(4096, READS), written[1], written[2], written[3]];
    let (count, bytes) = plan().iter().fold((0, 0), |(n, b), (size, times)| (n + times, b + size * times));
    assert_eq!(done.writes, [count as u64, bytes as u64], "the disk did something else");
    by_comm.check(|rows| {
        let own = |key: &Value| key["comm"] == name.as_str();
        assert_eq!(buckets(rows, own), all, "by comm");
        let sum: u64 = rows.iter().filter(|row| own(&row["key"])).map(|row| number(row, "sum")).sum();
        assert_eq!(sum, (bytes + READS * 4096) as u64, "bytes");
        let max = rows.iter().filter(|row| own(&row["key"])).map(|row| number(row, "max")).max();
        assert_eq!(max, Some(65_536), "the largest");
        assert!(rows.iter().all(|row| row["unit"] == "bytes"), "{rows:?}");
    });
    by_disk.check(|rows| assert_eq!(buckets(rows, |key| key["disk"] == disk.name.as_str()), all, "by disk"));
    by_rw.check(|rows| {
        assert_eq!(buckets(rows, |key| key["rw"] == "W"), written, "writes");
        assert_eq!(buckets(rows, |key| key["rw"] == "R"), [(4096, READS as u64)], "reads");
    });
    writes.check(|rows| assert_eq!(buckets(rows, |_| true), written, "only writes"));
    reads.check(|rows| assert_eq!(buckets(rows, |_| true), [(4096, READS as u64)], "only reads"));
    here.check(|rows| assert_eq!(buckets(rows, |_| true), all, "of this disk"));
    elsewhere.check(|rows| assert_eq!(buckets(rows, |_| true), [], "of another disk"));
    by_pid.check(|rows| assert_eq!(buckets(rows, |key| key["pid"] == worker.pid), all, "by pid"));
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let disk = Disk::scratch(64 << 20);
    let mut worker = Worker::start("bitesize", &[&disk.path.to_string_lossy(), "bite"]);
    let pid = worker.pid.to_string();
    crate::support::asked::check_groupings(case, &["bitesize", "-p", &pid], None, || drop(worker.step()));
}
