//! What `biosnoop` must be right about: every request with its place, size, owner and time.

use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::disk::Disk;
use crate::support::numbers::is;
use crate::support::{Case, Job, Test, Thing, Worker, aio, files, in_guest, monotonic, number, total};
use crate::test;

/// The tests, all on a disk of their own.
pub const TESTS: &[Test] = &[
    test!(each_request_is_told_with_its_place_size_and_time).every_way().uses(&[Thing::ScratchDisk]),
    test!(behind_a_scheduler_each_request_waits_under_its_owner).every_way().uses(&[Thing::ScratchDisk]),
    test!(each_request_is_sequential_or_not).every_way().uses(&[Thing::ScratchDisk]),
    test!(what_is_faster_than_asked_for_is_left_out).uses(&[Thing::ScratchDisk]),
    test!(each_grouping_adds_up_to_the_same).uses(&[Thing::ScratchDisk]),
];

const DISK: u64 = 64 << 20;
const SMALL: usize = 4096;
/// Requests in flight in the test with a scheduler, and how many are submitted together: these wait for each other, which
/// takes long beside what the programs that watch take.
const DEPTH: usize = 64;
const BATCH: usize = 32;

/// Sizes of the I/Os, in turn.
const SIZES: [usize; 4] = [4096, 16_384, 65_536, 8192];

/// I/Os of each direction.
fn rounds() -> usize {
    if in_guest() { 60 } else { 400 }
}

/// Places with something between any two. Few enough that their rows are written quickly when the program is interrupted.
fn places() -> u64 {
    if in_guest() { 1024 } else { 2048 }
}

/// What the workers do.
pub fn work(job: &Job) {
    match job.word(0) {
        "direct" => direct(job),
        "async" => asynchronous(job),
        other => panic!("unknown work {other}"),
    }
}

/// Writes, then reads, one block after the other; says where, how much, and between which times.
fn direct(job: &Job) {
    let disk = files::open_direct(Path::new(job.word(1)));
    let mut block = files::Pages::new(65_536);
    job.step(&json!("ready"));
    let mut done = Vec::new();
    for rw in ["W", "R"] {
        for number in 0..rounds() {
            let (at, size) = (number as u64 * 65_536, SIZES[number % SIZES.len()]);
            let begin = monotonic();
            let bytes = &mut block.bytes()[..size];
            match rw {
                "W" => disk.write_all_at(bytes, at).expect("written"),
                _ => disk.read_exact_at(bytes, at).expect("read"),
            }
            done.push(json!({ "rw": rw, "sector": at / 512, "bytes": size, "begin": begin, "end": monotonic() }));
        }
    }
    job.last(&Value::Array(done));
}

/// The place of a write, of which every other is left out so that none are merged; in an order that is not the disk's.
fn place(number: u64) -> u64 {
    number * 7919 % places() * 2 * SMALL as u64
}

/// Writes many small blocks at once; says between which times each batch was submitted, and when all were done.
fn asynchronous(job: &Job) {
    let disk = files::open_direct(Path::new(job.word(1)));
    let mut queue = aio::Queue::new(&disk, DEPTH, SMALL);
    job.step(&json!("ready"));
    let mut batches = Vec::new();
    for batch in (0..places()).step_by(BATCH) {
        let offsets: Vec<u64> = (batch..batch + BATCH as u64).map(place).collect();
        let begin = monotonic();
        queue.write_all(&offsets);
        batches.push(json!([begin, monotonic()]));
    }
    queue.finish();
    job.last(&json!({ "batches": batches, "end": monotonic() }));
}

/// The rows about one process, one disk and one direction, in their order.
fn own<'r>(rows: &'r [Value], worker: &Worker, disk: &Disk) -> Vec<&'r Value> {
    let own = |row: &&Value| is(row, "pid", worker.pid) && is(row, "disk", disk.name.as_str());
    rows.iter().filter(own).collect()
}

fn each_request_is_told_with_its_place_size_and_time(case: &Case) {
    let disk = Disk::scratch(DISK);
    let mut worker = Worker::start("biosnoop", &["direct", &disk.path.to_string_lossy()]);
    let watch = case.watch(&["biosnoop"]);
    let counted = case.watch_plain(&["biosnoop", "--by", "disk"]);
    let before = disk.stats();
    let said = worker.step();
    let done = disk.stats().since(before);

    let said = said.as_array().expect("a list");
    let sum = |rw| total(said, "bytes", |io| is(io, "rw", rw));
    assert_eq!(done.writes, [rounds() as u64, sum("W")], "the disk did something else");
    assert_eq!(done.reads, [rounds() as u64, sum("R")], "the disk did something else");
    watch.check(|rows| {
        let own = own(rows, &worker, &disk);
        assert_eq!(own.len(), said.len(), "requests");
        for (io, row) in said.iter().zip(own) {
            for column in ["rw", "sector", "bytes"] {
                assert_eq!(row[column], io[column], "{column} of {row}, in truth {io}");
            }
            let (time, begin, end) = (number(row, "time_ns"), number(io, "begin"), number(io, "end"));
            assert!((begin..=end).contains(&time), "done within the call: {row}, in truth {io}");
            let (queue, latency) = (number(row, "queue"), number(row, "latency"));
            assert!(latency > 0 && begin + queue + latency <= time, "within the call: {row}, in truth {io}");
            assert_eq!(row["failed"], 0, "{row}");
            assert!(row["flags"].as_str().is_some_and(|flags| flags.starts_with(row["rw"].as_str().unwrap())), "{row}");
        }
    });
    counted.check(|rows| {
        let of = |column| total(rows, column, |row| is(row, "disk", disk.name.as_str()));
        assert_eq!((of("io"), of("bytes")), (said.len() as u64, sum("W") + sum("R")), "counted in the kernel");
    });
}

fn behind_a_scheduler_each_request_waits_under_its_owner(case: &Case) {
    let disk = Disk::scratch(DISK);
    disk.set_scheduler("mq-deadline");
    let mut worker = Worker::start("biosnoop", &["async", &disk.path.to_string_lossy()]);
    let watch = case.watch(&["biosnoop"]);
    let before = disk.stats();
    let said = worker.step();
    let done = disk.stats().since(before);
    disk.set_scheduler("none");

    assert_eq!(done.writes, [places(), places() * SMALL as u64], "the disk did something else");
    watch.check(|rows| {
        let own = own(rows, &worker, &disk);
        let sectors: HashMap<u64, &Value> = own.iter().map(|row| (number(row, "sector"), *row)).collect();
        let other = |row: &&Value| is(row, "disk", disk.name.as_str()) && !is(row, "pid", worker.pid);
        let others: Vec<&Value> = rows.iter().filter(other).collect();
        assert_eq!((own.len() as u64, sectors.len() as u64), (places(), places()), "each place once; others: {others:?}");
        for at in 0..places() {
            let row = sectors.get(&(place(at) / 512)).unwrap_or_else(|| panic!("nothing of the write at {}", place(at)));
            let batch = &said["batches"][at as usize / BATCH];
            let (begin, end) = (batch[0].as_u64().expect("a time"), batch[1].as_u64().expect("a time"));
            let (time, took) = (number(row, "time_ns"), number(row, "queue") + number(row, "latency"));
            assert!((begin..=end).contains(&(time - took)), "submitted between {begin} and {end}: {row}");
            assert!(number(row, "latency") > 0 && time <= number(&said, "end"), "done in time: {row}");
            assert!(is(row, "bytes", SMALL), "{row}");
        }
    });
}

fn what_is_faster_than_asked_for_is_left_out(case: &Case) {
    let disk = Disk::scratch(DISK);
    let mut worker = Worker::start("biosnoop", &["direct", &disk.path.to_string_lossy()]);
    let pid = worker.pid.to_string();
    let all = case.watch(&["biosnoop", "-p", &pid]);
    let none = case.watch(&["biosnoop", "-p", &pid, "--min-latency-us", "3600000000"]);
    let any = case.watch(&["biosnoop", "-p", &pid, "--min-latency", "1us"]);
    let here = case.watch(&["biosnoop", "-p", &pid, "--disk", &disk.name, "--rw", "W"]);
    let reads = case.watch(&["biosnoop", "-p", &pid, "--disk", &disk.name, "--rw", "R"]);
    worker.step();
    all.check(|rows| assert_eq!(rows.len(), 2 * rounds(), "of one process"));
    none.check(|rows| assert!(rows.is_empty(), "none takes an hour: {rows:?}"));
    any.check(|rows| assert_eq!(rows.len(), 2 * rounds(), "each takes a microsecond"));
    for (watch, rw) in [(here, "W"), (reads, "R")] {
        watch.check(|rows| {
            assert_eq!(rows.len(), rounds(), "each {rw} of this disk");
            assert!(rows.iter().all(|row| is(row, "rw", rw) && is(row, "disk", &*disk.name)), "{rows:?}");
        });
    }
}

/// A write or read begins where the last one ended if that one filled its place.
fn is_sequential(number: usize) -> bool {
    number > 0 && SIZES[(number - 1) % SIZES.len()] == 65_536
}

fn each_request_is_sequential_or_not(case: &Case) {
    let disk = Disk::scratch(DISK);
    let mut worker = Worker::start("biosnoop", &["direct", &disk.path.to_string_lossy()]);
    let pid = worker.pid.to_string();
    let shown = case.watch(&["biosnoop", "--pattern", "show"]);
    let sequential = case.watch_plain(&["biosnoop", "-p", &pid, "--pattern", "sequential"]);
    let random = case.watch_plain(&["biosnoop", "-p", &pid, "--pattern", "random", "--by", "rw"]);
    let without = case.watch_plain(&["biosnoop", "-p", &pid]);
    worker.step();
    let truth = (0..rounds()).filter(|&number| is_sequential(number)).count();
    shown.check(|rows| {
        let own = own(rows, &worker, &disk);
        assert_eq!(own.len(), 2 * rounds(), "requests");
        for (at, row) in own.iter().enumerate() {
            let number = at % rounds();
            // Of the first one it depends on who used the disk before.
            let right = number == 0 || is(row, "pattern", if is_sequential(number) { "S" } else { "R" });
            assert!(right, "number {number}: {row}");
        }
    });
    sequential.check(|rows| {
        assert!(rows.iter().all(|row| is(row, "pattern", "S")), "{rows:?}");
        assert!((2 * truth..=2 * truth + 2).contains(&rows.len()), "{} rows, {truth} in truth", rows.len());
    });
    random.check(|rows| {
        let (found, least) = (total(rows, "io", |_| true) as usize, 2 * (rounds() - truth - 1));
        assert!((least..=least + 2).contains(&found), "{found} requests, {least} in truth");
    });
    without.check(|rows| assert!(rows.iter().all(|row| row["pattern"].is_null()), "nobody asked"));
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let disk = Disk::scratch(DISK);
    let mut worker = Worker::start("biosnoop", &["direct", &disk.path.to_string_lossy()]);
    let pid = worker.pid.to_string();
    crate::support::asked::check_groupings(case, &["biosnoop", "-p", &pid], None, || drop(worker.step()));
}
