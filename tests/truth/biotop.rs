//! What `biotop` must be right about: whose I/O it is, how many requests, how many bytes.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::disk::{Disk, Stats};
use crate::support::numbers::{is, number, unseen};
use crate::support::{Case, Job, Need, Test, Thing, Worker, aio, assert_near, files, in_guest, total};
use crate::test;

const MIB: usize = 1 << 20;
const SIZE: usize = 64 * MIB;
const BLOCK: usize = 64 << 10;
const SMALL: usize = 4096;
/// Requests in flight in the test with a scheduler.
const DEPTH: usize = 64;

/// The tests, all on a disk of their own.
pub const TESTS: &[Test] = &[
    test!(direct_io_is_counted_to_the_byte_under_its_process_and_disk).every_way().uses(&[Thing::ScratchDisk]),
    test!(behind_a_scheduler_the_owner_is_the_submitter).every_way().uses(&[Thing::ScratchDisk]),
    test!(queued_is_the_time_that_the_disk_accounts).every_way().uses(&[Thing::ScratchDisk]),
    test!(what_is_written_back_adds_up_to_what_the_disk_did).uses(&[Thing::ScratchDisk]),
    test!(a_command_is_followed_into_its_children_and_nobody_else)
        .uses(&[Thing::ScratchDisk])
        .needs(&[Need::Program("/usr/bin/dd")]),
];

/// What the workers do.
pub fn work(job: &Job) {
    match job.word(0) {
        "direct" => direct(job),
        "async" => asynchronous(job),
        "buffered" => buffered(job),
        other => panic!("unknown work {other}"),
    }
}

/// Writes, then reads, `SIZE` bytes, each block a request: a call ends when its request has.
fn direct(job: &Job) {
    let disk = files::open_direct(Path::new(job.word(1)));
    let mut block = files::Pages::new(BLOCK);
    job.step(&json!("ready"));
    for at in (0..SIZE).step_by(BLOCK) {
        disk.write_all_at(block.bytes(), at as u64).expect("written");
    }
    job.step(&io_of_self());
    for at in (0..SIZE).step_by(BLOCK) {
        disk.read_exact_at(block.bytes(), at as u64).expect("read");
    }
    job.last(&io_of_self());
}

/// Writes blocks that do not touch each other, many at once: what the scheduler holds back is
/// handed to the driver later, by whoever comes by.
fn asynchronous(job: &Job) {
    let disk = files::open_direct(Path::new(job.word(1)));
    let mut queue = aio::Queue::new(&disk, DEPTH, SMALL);
    job.step(&json!("ready"));
    let places = (SIZE / SMALL / 2) as u64;
    for number in 0..places {
        // A permutation (7919 is odd and prime, `places` a power of two), so the order is not the disk's.
        let place = number * 7919 % places;
        queue.write(place * 2 * SMALL as u64);
    }
    queue.finish();
    job.last(&io_of_self());
}

/// Writes through the page cache, then has it written back.
fn buffered(job: &Job) {
    let disk = OpenOptions::new().write(true).open(job.word(1)).expect("the disk");
    let block = vec![0x5a; BLOCK];
    job.step(&json!("ready"));
    for at in (0..SIZE).step_by(BLOCK) {
        disk.write_all_at(&block, at as u64).expect("written");
    }
    disk.sync_all().expect("written back");
    job.last(&json!("written"));
}

/// What the kernel says this process had the disks do: the workers check themselves.
fn io_of_self() -> Value {
    let text = std::fs::read_to_string("/proc/self/io").expect("task I/O accounting");
    let field = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)).expect("its field");
        value.trim().parse::<u64>().expect("a number")
    };
    json!({ "read": field("read_bytes:"), "written": field("write_bytes:") })
}

/// Runs the steps of a worker; what the disk counted, and what the worker said.
fn observe(disk: &Disk, worker: &mut Worker, steps: usize) -> (Stats, Value) {
    let before = disk.stats();
    let mut said = Value::Null;
    for _ in 0..steps {
        said = worker.step();
    }
    (disk.stats().since(before), said)
}

fn direct_io_is_counted_to_the_byte_under_its_process_and_disk(case: &Case) {
    let disk = Disk::scratch(SIZE as u64);
    let mut worker = Worker::start("biotop", &["direct", &disk.path.to_string_lossy()]);
    let watch = case.watch(&["biotop"]);
    let writes = case.watch_plain(&["biotop", "--rw", "W", "--disk", &disk.name]);
    let elsewhere = case.watch_plain(&["biotop", "--disk", &disk.another()]);
    let (done, said) = observe(&disk, &mut worker, 2);

    let (requests, bytes) = ((SIZE / BLOCK) as u64, SIZE as u64);
    assert_eq!(said, json!({ "read": bytes, "written": bytes }), "the worker did something else");
    assert_eq!(done.writes, [requests, bytes], "the disk did something else");
    let own = |rw: &'static str| {
        let (pid, name) = (worker.pid, disk.name.clone());
        move |row: &Value| is(row, "pid", pid) && is(row, "disk", name.as_str()) && is(row, "rw", rw)
    };
    writes.check(|rows| {
        assert_near("only writes", total(rows, "bytes", own("W")), bytes, 0.5);
        assert!(rows.iter().all(|row| is(row, "rw", "W") && is(row, "disk", disk.name.as_str())), "{rows:?}");
    });
    elsewhere.check(|rows| assert!(!rows.iter().any(|row| is(row, "pid", worker.pid)), "{rows:?}"));
    watch.check(|rows| {
        for rw in ["W", "R"] {
            assert_near(&format!("{rw} bytes"), total(rows, "bytes", own(rw)), bytes, 0.5);
            assert_near(&format!("{rw} requests"), total(rows, "io", own(rw)), requests, 0.5);
        }
        for row in rows.iter().filter(|row| is(row, "pid", worker.pid)) {
            assert!(number(row, "latency_max") > 0, "no request takes no time: {row}");
            assert!(number(row, "latency_max") <= number(row, "latency_sum"), "{row}");
        }
    });
}

fn behind_a_scheduler_the_owner_is_the_submitter(case: &Case) {
    let disk = Disk::scratch(SIZE as u64);
    disk.set_scheduler("mq-deadline");
    let mut worker = Worker::start("biotop", &["async", &disk.path.to_string_lossy()]);
    let watch = case.watch(&["biotop"]);
    let (done, said) = observe(&disk, &mut worker, 1);

    let (requests, bytes) = ((SIZE / SMALL / 2) as u64, SIZE as u64 / 2);
    assert_eq!(said["written"], bytes, "the worker did something else");
    assert_eq!(done.writes, [requests, bytes], "the disk did something else");
    let own = |row: &Value| is(row, "pid", worker.pid) && is(row, "disk", disk.name.as_str()) && is(row, "rw", "W");
    watch.check(|rows| {
        assert_near("bytes", total(rows, "bytes", own), bytes, 0.5);
        assert_near("requests", total(rows, "io", own), requests, 0.5);
    });
    disk.set_scheduler("none");
}

fn what_is_written_back_adds_up_to_what_the_disk_did(case: &Case) {
    let disk = Disk::scratch(SIZE as u64);
    let mut worker = Worker::start("biotop", &["buffered", &disk.path.to_string_lossy()]);
    let watch = case.watch(&["biotop"]);
    let (done, _) = observe(&disk, &mut worker, 1);

    assert_eq!(done.writes[1], SIZE as u64, "the disk did something else");
    let written = |row: &Value| is(row, "disk", disk.name.as_str()) && is(row, "rw", "W");
    watch.check(|rows| {
        assert_near("bytes", total(rows, "bytes", written), done.writes[1], 0.5);
        assert_near("requests", total(rows, "io", written), done.writes[0], 0.5);
    });
}

fn a_command_is_followed_into_its_children_and_nobody_else(case: &Case) {
    let disk = Disk::scratch(SIZE as u64);
    let path = disk.path.to_string_lossy();
    let mut other = Worker::start("biotop", &["direct", &path]);
    let before = disk.stats();
    other.order();
    // A child of a child, twice; the shell is one that forks for each.
    let write = format!("/usr/bin/dd if=/dev/zero of={path} bs=64k count=64 oflag=direct 2>/dev/null");
    let script = format!("({write}; true); ({write}; true)");
    case.follow(&["biotop"], &["/bin/sh", "-c", &script], |rows| {
        let bytes = 2 * 64 * BLOCK as u64;
        let written = |row: &Value| is(row, "disk", disk.name.as_str()) && is(row, "rw", "W");
        assert_eq!(total(rows, "bytes", |row| is(row, "pid", other.pid)), 0, "another process was counted");
        assert_near("bytes", total(rows, "bytes", written), bytes, 0.5);
        assert_near("requests", total(rows, "io", written), 128, 0.5);
        assert!(rows.iter().filter(|row| written(row)).all(|row| is(row, "comm", "dd")), "{rows:?}");
    });
    other.answer();
    assert!(disk.stats().since(before).writes[1] >= (SIZE + 2 * 64 * BLOCK) as u64, "the disk did something else");
}

fn queued_is_the_time_that_the_disk_accounts(case: &Case) {
    let disk = Disk::scratch(SIZE as u64);
    disk.set_scheduler("mq-deadline");
    let mut worker = Worker::start("biotop", &["async", &disk.path.to_string_lossy()]);
    let pid = worker.pid.to_string();
    let queued = case.watch(&["biotop", "--queued", "-p", &pid]);
    let issued = case.watch(&["biotop", "-p", &pid]);
    let (done, _) = observe(&disk, &mut worker, 1);
    disk.set_scheduler("none");

    let ns = done.ticks * 1_000_000;
    let of = |rows: &[Value], column: &str| total(rows, column, |row| is(row, "disk", disk.name.as_str()));
    queued.check(|rows| {
        assert_near("requests", of(rows, "io"), done.writes[0], unseen());
        assert_near("their time since submission", of(rows, "latency_sum"), ns, if in_guest() { 30.0 } else { 8.0 });
    });
    issued.check(|rows| {
        assert_near("requests", of(rows, "io"), done.writes[0], unseen());
        assert!(of(rows, "latency_sum") < ns, "{} ns since they were issued, {ns} since submission", of(rows, "latency_sum"));
    });
}
