//! What the views of one filesystem's latency must be right about: how many operations of each kind there were, and that
//! their times are those that the process itself measured.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::filesystem::{Filesystem, another};
use crate::support::{Case, Job, Need, Test, Worker, in_guest, note, number};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(operations_on_ext4_are_counted).every_way().needs(&[Need::Filesystem("ext4")]),
    test!(operations_on_xfs_are_counted).every_way().needs(&[Need::Filesystem("xfs")]),
    test!(operations_on_btrfs_are_counted).every_way().needs(&[Need::Filesystem("btrfs")]),
    test!(operations_on_nfs_are_counted).every_way().needs(&[Need::Mounted("nfs")]),
    test!(only_files_and_mounts_that_are_asked_for).every_way().needs(&[Need::Filesystem("ext4")]),
    test!(another_filesystem_is_not_counted).needs(&[Need::Filesystem("ext4"), Need::Filesystem("xfs")]),
];

/// What the worker does of each operation. Half of the reads and writes say where, half do not.
const OPENS: u64 = 60;
const WRITES: u64 = 300;
const READS: u64 = 400;
const FSYNCS: u64 = 6;
/// Asked of NFS only.
const GETATTRS: u64 = 25;
/// Bytes of a read and of a write, all but the big ones.
const SMALL: usize = 100;
/// Writes that take so long that what a system call costs besides is nothing beside it.
const BIG_WRITES: u64 = 4;

fn big() -> usize {
    if in_guest() { 4 << 20 } else { 32 << 20 }
}

/// How often, and how long all of them and the longest took, ns.
#[derive(Default)]
struct Times {
    count: u64,
    sum: u64,
    max: u64,
}

impl Times {
    fn of<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = call();
        let took = u64::try_from(begun.elapsed().as_nanos()).expect("a time");
        self.count += 1;
        self.sum += took;
        self.max = self.max.max(took);
        result
    }

    fn json(&self) -> Value {
        json!({ "count": self.count, "sum": self.sum, "max": self.max })
    }
}

/// What the workers do: the word is a directory of their own.
pub fn work(job: &Job) {
    let dir = Path::new(job.word(0));
    let (mut open, mut read, mut write, mut fsync, mut big_write) =
        (Times::default(), Times::default(), Times::default(), Times::default(), Times::default());
    let block = vec![0x5a; big()];
    job.step(&json!("ready"));
    let path = dir.join("file");
    let options = || OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
    let mut file = open.of(|| options().open(&path)).expect("opened");
    while open.count < OPENS {
        drop(open.of(|| File::open(&path)).expect("opened"));
    }
    // None of these reaches the filesystem's operations for files.
    assert!(File::open(dir.join("missing")).is_err());
    drop(File::open(dir).expect("a directory"));
    for number in 0..WRITES / 2 {
        write.of(|| file.write_all(&block[..SMALL])).expect("written");
        write.of(|| file.write_all_at(&block[..SMALL], number)).expect("written");
    }
    for _ in 0..BIG_WRITES {
        let whole = big_write.of(|| write.of(|| file.write_at(&block, 0))).expect("written");
        assert_eq!(whole, block.len(), "one call writes all of it");
    }
    let mut bytes = [0; SMALL];
    let mut other = open.of(|| File::open(&path)).expect("opened");
    for number in 0..READS / 2 {
        read.of(|| other.read(&mut bytes)).expect("read");
        read.of(|| other.read_at(&mut bytes, number)).expect("read");
    }
    // Not opened for that: refused before the filesystem hears of it.
    assert!(other.write(b"x").is_err());
    while fsync.count < FSYNCS {
        let even = fsync.count.is_multiple_of(2);
        fsync.of(|| if even { file.sync_all() } else { file.sync_data() }).expect("written back");
    }
    for _ in 0..GETATTRS {
        file.metadata().expect("attributes");
    }
    let of_big = json!({ "sum": big_write.sum });
    job.last(&json!({
        "open": open.json(), "read": read.json(), "write": write.json(), "fsync": fsync.json(), "big": of_big,
    }));
}

/// Sums over the distributions of one operation.
#[derive(Debug, Default)]
struct Found {
    count: u64,
    sum: u64,
    max: u64,
    in_buckets: u64,
}

fn found(histograms: &[Value], op: &str, wanted: impl Fn(&Value) -> bool) -> Found {
    let mut found = Found::default();
    for histogram in histograms.iter().filter(|h| h["key"]["op"] == op && wanted(&h["key"])) {
        found.count += number(histogram, "count");
        found.sum += number(histogram, "sum");
        found.max = found.max.max(number(histogram, "max"));
        let buckets = histogram["buckets"].as_array().expect("buckets");
        found.in_buckets += buckets.iter().map(|bucket| number(bucket, "count")).sum::<u64>();
    }
    found
}

fn check(histograms: &[Value], truth: &Value, wanted: impl Fn(&Value) -> bool + Copy) {
    note(format!("in truth {truth}"));
    for op in ["open", "read", "write", "fsync"] {
        let (found, truth) = (found(histograms, op, wanted), &truth[op]);
        note(format!("{op}: {found:?}"));
        assert_eq!(found.count, number(truth, "count"), "{op}: {found:?}, in truth {truth}");
        assert_eq!(found.in_buckets, found.count, "every {op} is in a bucket");
        assert!(found.sum > 0 && found.sum <= number(truth, "sum"), "{op}: {found:?}, in truth {truth}");
        assert!(found.max <= number(truth, "max") && found.max * found.count >= found.sum, "{op}: {found:?}");
    }
    // Of the big writes nearly all the time is the filesystem's, emulated or not.
    let (sum, big) = (found(histograms, "write", wanted).sum, number(&truth["big"], "sum"));
    assert!(sum >= big / 10 * 8, "writes: {sum} ns, of which the big ones alone take {big}");
}

fn worker(dir: &tempfile::TempDir) -> Worker {
    Worker::start("fsdist", &[&dir.path().to_string_lossy()])
}

/// One process and all of them by process.
fn operations_are_counted(case: &Case, kind: &str) {
    let filesystem = Filesystem::of_kind(kind);
    let dir = tempfile::tempdir_in(&filesystem.dir).expect("a directory");
    let mut worker = worker(&dir);
    let (view, pid) = (format!("{kind}dist"), worker.pid.to_string());
    let filtered = case.watch(&[&view, "-p", &pid]);
    let by_pid = case.watch_plain(&[&view, "--by", "pid"]);
    let only_writes = case.watch_plain(&[&view, "-p", &pid, "--op", "write"]);
    let truth = worker.step();
    filtered.check(|histograms| {
        check(histograms, &truth, |_| true);
        let getattrs = found(histograms, "getattr", |_| true).count;
        let least = if kind == "nfs" { GETATTRS } else { 0 };
        assert!(getattrs >= least && (least > 0 || getattrs == 0), "{getattrs} getattrs, {least} in truth");
    });
    by_pid.check(|histograms| check(histograms, &truth, |key| key["pid"] == worker.pid));
    only_writes.check(|histograms| {
        let other = histograms.iter().find(|histogram| histogram["key"]["op"] != "write");
        assert_eq!(other, None, "only writes were asked for");
        assert_eq!(found(histograms, "write", |_| true).count, number(&truth["write"], "count"));
    });
}

fn operations_on_ext4_are_counted(case: &Case) {
    operations_are_counted(case, "ext4");
}

fn operations_on_xfs_are_counted(case: &Case) {
    operations_are_counted(case, "xfs");
}

fn operations_on_btrfs_are_counted(case: &Case) {
    operations_are_counted(case, "btrfs");
}

fn operations_on_nfs_are_counted(case: &Case) {
    operations_are_counted(case, "nfs");
}

fn another_filesystem_is_not_counted(case: &Case) {
    let filesystem = Filesystem::of_kind("xfs");
    let dir = tempfile::tempdir_in(&filesystem.dir).expect("a directory");
    let mut worker = worker(&dir);
    let pid = worker.pid.to_string();
    let of_other = case.watch(&["ext4dist", "-p", &pid]);
    let of_device = case.watch(&["xfsdist", "-p", &pid, "--by", "device"]);
    let truth = worker.step();
    of_other.check(|histograms| assert_eq!(histograms, &[] as &[Value], "nothing was done on ext4"));
    of_device.check(|histograms| {
        let device = histograms.first().expect("a distribution")["key"]["device"].clone();
        assert!(device.is_string(), "{histograms:?}");
        check(histograms, &truth, |key| key["device"] == device);
    });
}

fn only_files_and_mounts_that_are_asked_for(case: &Case) {
    let filesystem = Filesystem::of_kind("ext4");
    let dir = tempfile::tempdir_in(&filesystem.dir).expect("a directory");
    let mut worker = worker(&dir);
    let pid = worker.pid.to_string();
    let mounted = case.watch(&["ext4dist", "-p", &pid, "--mount", &dir.path().to_string_lossy()]);
    // The name of a file is read by a helper that lockdown forbids.
    let restricted = crate::support::Cell::here().is_restricted();
    let named = ["fi*", "fil"].map(|name| (!restricted).then(|| case.watch(&["ext4dist", "-p", &pid, "--file", name])));
    let elsewhere = another("ext4", dir.path()).map(|place| case.watch(&["ext4dist", "-p", &pid, "--mount", &place]));
    let truth = worker.step();
    mounted.check(|histograms| check(histograms, &truth, |_| true));
    let [named, other] = named;
    if let Some(watch) = named {
        watch.check(|histograms| check(histograms, &truth, |_| true));
    }
    for watch in [other, elsewhere].into_iter().flatten() {
        watch.check(|histograms| assert_eq!(histograms, &[] as &[Value]));
    }
}
