//! What the views of slow operations must be right about: every operation, of which file, where, how many bytes, and how
//! long it took; and that quick ones are left out.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::filesystem::{Filesystem, another};
use crate::support::numbers::is;
use crate::support::{Case, Job, Need, Test, Worker, in_guest, note, number, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_operation_on_ext4_is_told).every_way().needs(&[Need::Filesystem("ext4")]),
    test!(every_operation_on_xfs_is_told).every_way().needs(&[Need::Filesystem("xfs")]),
    test!(every_operation_on_btrfs_is_told).every_way().needs(&[Need::Filesystem("btrfs")]),
    test!(every_operation_on_nfs_is_told).every_way().needs(&[Need::Mounted("nfs")]),
    test!(commits_are_those_that_the_mount_counts).every_way().needs(&[Need::Mounted("nfs")]),
    test!(only_slow_operations_are_told).needs(&[Need::Filesystem("ext4")]),
    test!(only_files_and_mounts_that_are_asked_for).every_way().needs(&[Need::Filesystem("ext4")]),
    test!(a_burst_is_counted_exactly).needs(&[Need::Filesystem("ext4")]),
    test!(each_grouping_adds_up_to_the_same).needs(&[Need::Filesystem("ext4")]),
];

/// As long as a name can be.
const LONG: usize = 255;
/// Operations of a burst of each kind.
const BURST: u64 = 2_000;
/// Slow writes.
const SLOW: u64 = 5;
/// What is asked for, and what each of them takes at least, several times over.
const LIMIT_NS: u64 = 500_000;
const LIMIT: &str = "500us";

fn big() -> usize {
    if in_guest() { 8 << 20 } else { 32 << 20 }
}

/// What the workers do: the words are `each`, `slow` or `burst`, and a directory of their own.
pub fn work(job: &Job) {
    let dir = Path::new(job.word(1));
    match job.word(0) {
        "each" => each(job, dir),
        "slow" => slow(job, dir),
        "burst" => burst(job, dir),
        "sync" => sync(job, dir),
        other => panic!("unknown work {other}"),
    }
}

/// What was done, in its order: the operation, the file, where, how many bytes, and how long that took.
#[derive(Default)]
struct Done(Vec<Value>);

impl Done {
    fn one<T>(&mut self, op: &str, file: &str, place: Option<u64>, bytes: usize, call: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = call();
        let ns = u64::try_from(begun.elapsed().as_nanos()).expect("a time");
        self.0.push(json!({ "op": op, "file": file, "offset": place, "bytes": bytes, "latency": ns }));
        result
    }
}

/// One after the other, each of another size or place.
fn each(job: &Job, dir: &Path) {
    job.step(&json!("ready"));
    let mut done = Done::default();
    let long = "n".repeat(LONG);
    for name in ["short", "größe \u{1b}[31m", &long] {
        let path = dir.join(name);
        let create = || OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        let mut file = done.one("open", name, None, 0, create).expect("created");
        done.one("write", name, Some(0), 5000, || file.write(&[1; 5000])).expect("written");
        done.one("write", name, Some(5000), 70, || file.write(&[2; 70])).expect("written");
        done.one("write", name, Some(1_000_000), 33, || file.write_at(&[3; 33], 1_000_000)).expect("written");
        let append = || OpenOptions::new().append(true).open(&path);
        let mut end = done.one("open", name, None, 0, append).expect("opened");
        done.one("write", name, Some(1_000_033), 11, || end.write(&[4; 11])).expect("written");
        let mut bytes = [0; 6000];
        let mut reader = done.one("open", name, None, 0, || File::open(&path)).expect("opened");
        done.one("read", name, Some(0), 6000, || reader.read(&mut bytes)).expect("read");
        done.one("read", name, Some(6000), 100, || reader.read(&mut bytes[..100])).expect("read");
        done.one("read", name, Some(1_000_030), 14, || reader.read_at(&mut bytes, 1_000_030)).expect("read");
        done.one("read", name, Some(2_000_000), 0, || reader.read_at(&mut bytes, 2_000_000)).expect("read");
        done.one("fsync", name, None, 0, || file.sync_all()).expect("written back");
        file.metadata().expect("attributes");
    }
    job.last(&json!(done.0));
}

fn slow(job: &Job, dir: &Path) {
    let block = vec![0x5a; big()];
    job.step(&json!("ready"));
    let mut done = Done::default();
    let file = File::create(dir.join("slow")).expect("created");
    for number in 0..SLOW {
        let written = done.one("write", "slow", Some(number), block.len(), || file.write_at(&block, number));
        assert_eq!(written.expect("written"), block.len(), "one call writes all of it");
        for _ in 0..100 {
            file.write_at(b"quick", number).expect("written");
        }
    }
    job.last(&json!(done.0));
}

fn burst(job: &Job, dir: &Path) {
    job.step(&json!("ready"));
    let file = File::create(dir.join("burst")).expect("created");
    for number in 0..BURST {
        file.write_at(b"burst", number).expect("written");
    }
    job.last(&json!("done"));
}

/// More than goes into one request, which a server could be asked to put on its disk at once.
fn sync(job: &Job, dir: &Path) {
    let block = vec![0x5a; big()];
    job.step(&json!("ready"));
    for name in ["short", "another", "third"] {
        let mut file = File::create(dir.join(name)).expect("created");
        file.write_all(&block).expect("written");
        file.sync_all().expect("written back");
    }
    job.last(&json!("done"));
}

fn start(kind: &str, words: &str) -> (Filesystem, tempfile::TempDir, Worker) {
    let filesystem = Filesystem::of_kind(kind);
    let dir = tempfile::tempdir_in(&filesystem.dir).expect("a directory");
    let worker = Worker::start("fsslower", &[words, &dir.path().to_string_lossy()]);
    (filesystem, dir, worker)
}

/// What is known of an operation is what the row says; it took no longer than the process waited for it.
fn check_row(row: &Value, truth: &Value) {
    for column in ["op", "file", "offset", "bytes"] {
        assert_eq!(row[column], truth[column], "{column} of {row}, in truth {truth}");
    }
    let (found, waited) = (number(row, "latency"), number(truth, "latency"));
    assert!(found > 0 && found <= waited, "{found} ns, and the process waited {waited}: {row}");
}

/// Whether this is what the process did, and not what the filesystem asked a server for.
fn is_call(row: &Value) -> bool {
    !is(row, "op", "getattr") && !is(row, "op", "commit")
}

fn every_operation_is_told(case: &Case, kind: &str) {
    let (_filesystem, dir, mut worker) = start(kind, "each");
    let watch = case.watch(&[&format!("{kind}slower"), "0", "-p", &worker.pid.to_string()]);
    let with_path = case.watch_plain(&[&format!("{kind}slower"), "0", "-p", &worker.pid.to_string(), "--full-path"]);
    let truth = worker.step();
    note(format!("in truth {truth}"));
    let truth = truth.as_array().expect("a list");
    with_path.check(|rows| {
        let own: Vec<&Value> = rows.iter().filter(|row| is_call(row)).collect();
        assert_eq!(own.len(), truth.len(), "operations");
        for row in own {
            let path = dir.path().join(row["file"].as_str().expect("a name"));
            assert_eq!(row["path"], json!(path), "{row}");
        }
    });
    watch.check(|rows| {
        assert!(rows.iter().all(|row| row["path"].is_null()), "nobody asked for paths");
        let own: Vec<&Value> = rows.iter().filter(|row| is_call(row)).collect();
        let told: Vec<Value> = own.iter().map(|row| json!([row["op"], row["file"], row["offset"], row["bytes"]])).collect();
        assert_eq!(own.len(), truth.len(), "operations: {told:?}");
        let asked = rows.iter().filter(|row| is(row, "op", "getattr") && is(row, "file", "short")).count();
        assert!((kind == "nfs") == (asked > 0), "{asked} requests for attributes");
        own.iter().zip(truth).for_each(|(row, truth)| check_row(row, truth));
        for row in rows.iter().filter(|row| is(row, "op", "getattr") && is(row, "file", "short")).chain(own.iter().copied()) {
            assert!(is(row, "pid", worker.pid) && is(row, "tid", worker.pid) && row["device"].is_string(), "{row}");
            let least = if is(row, "op", "open") { 0 } else { number(row, "bytes") };
            assert!(number(row, "ret") >= least, "{row}");
        }
    });
}

fn every_operation_on_ext4_is_told(case: &Case) {
    every_operation_is_told(case, "ext4");
}

fn every_operation_on_xfs_is_told(case: &Case) {
    every_operation_is_told(case, "xfs");
}

fn every_operation_on_btrfs_is_told(case: &Case) {
    every_operation_is_told(case, "btrfs");
}

fn every_operation_on_nfs_is_told(case: &Case) {
    every_operation_is_told(case, "nfs");
}

/// Commits that the kernel has counted for the mount that this directory is.
fn commits(directory: &Path) -> u64 {
    let text = std::fs::read_to_string("/proc/self/mountstats").expect("statistics");
    let place = format!(" mounted on {} with ", directory.display());
    let own = text.split("\ndevice ").find(|mount| mount.contains(&place)).expect("the mount");
    let line = own.lines().find_map(|line| line.trim().strip_prefix("COMMIT: ")).expect("commits");
    line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

fn commits_are_those_that_the_mount_counts(case: &Case) {
    let (filesystem, _dir, mut worker) = start("nfs", "sync");
    let pid = worker.pid.to_string();
    let all = case.watch(&["nfsslower", "0", "--op", "commit"]);
    let own = case.watch_plain(&["nfsslower", "0", "-p", &pid]);
    let of_file = case.watch_plain(&["nfsslower", "0", "--op", "commit", "--file", "short"]);
    let counted = case.watch_plain(&["nfsslower", "0", "--op", "commit", "--by", "op"]);
    let before = commits(&filesystem.dir);
    worker.step();
    let truth = commits(&filesystem.dir) - before;
    assert!(truth >= 3, "three files were written back, {truth} commits");
    let is_commit = |row: &&Value| is(row, "op", "commit");
    all.check(|rows| {
        assert_eq!(rows.len() as u64, truth, "commits: {rows:?}");
        for row in rows {
            assert!(is_commit(&row) && number(row, "latency") > 0 && row["comm"].is_string(), "{row}");
        }
    });
    // Who began it: the process, or a kernel thread that wrote back meanwhile.
    own.check(|rows| {
        let found = rows.iter().filter(is_commit).count() as u64;
        assert!(found <= truth && rows.iter().all(|row| is(row, "pid", worker.pid)), "{found} of {truth}: {rows:?}");
    });
    of_file.check(|rows| {
        assert!(!rows.is_empty() && (rows.len() as u64) < truth, "{rows:?}");
        for row in rows {
            assert_eq!((&row["file"], &row["ret"]), (&json!("short"), &json!(0)), "{row}");
            assert!(row["device"].is_string(), "{row}");
        }
    });
    counted.check(|rows| assert_eq!(total(rows, "count", |row| is_commit(&row)), truth, "{rows:?}"));
}

fn only_slow_operations_are_told(case: &Case) {
    let (_filesystem, _dir, mut worker) = start("ext4", "slow");
    let watch = case.watch(&["ext4slower", LIMIT, "-p", &worker.pid.to_string(), "--op", "write"]);
    let truth = worker.step();
    note(format!("in truth {truth}"));
    let truth = truth.as_array().expect("a list");
    assert!(truth.iter().all(|write| number(write, "latency") > 2 * LIMIT_NS), "not the slow ones this test is about");
    watch.check(|rows| {
        assert!(rows.iter().all(|row| number(row, "latency") >= LIMIT_NS), "a quick one is told: {rows:?}");
        // A quick one may have waited for its CPU.
        let slow: Vec<&Value> = rows.iter().filter(|row| is(row, "bytes", big())).collect();
        assert_eq!(slow.len(), truth.len(), "slow ones");
        for (row, truth) in slow.iter().zip(truth) {
            check_row(row, truth);
            assert!(number(row, "latency") >= number(truth, "latency") / 10 * 8, "{row}, in truth {truth}");
        }
    });
}

fn a_burst_is_counted_exactly(case: &Case) {
    let (_filesystem, _dir, mut worker) = start("ext4", "burst");
    let pid = worker.pid.to_string();
    let by_file = case.watch(&["ext4slower", "0", "-p", &pid, "--by", "file"]);
    let by_op = case.watch(&["ext4slower", "--min-latency", "0", "-p", &pid, "--by", "op"]);
    worker.step();
    by_file.check(|rows| {
        let of = |column: &str| total(rows, column, |row| is(row, "file", "burst"));
        assert_eq!((of("count"), of("bytes")), (BURST + 1, 5 * BURST));
        assert!(rows.iter().all(|row| number(row, "latency_max") <= number(row, "latency_sum")), "{rows:?}");
    });
    by_op.check(|rows| {
        let of = |op: &'static str| total(rows, "count", move |row| is(row, "op", op));
        assert_eq!((of("write"), of("open"), of("read")), (BURST, 1, 0));
    });
}

fn only_files_and_mounts_that_are_asked_for(case: &Case) {
    let (_filesystem, dir, mut worker) = start("ext4", "each");
    let pid = worker.pid.to_string();
    let watch = |args: &[&str]| case.watch(&[&["ext4slower", "0", "-p", &pid], args].concat());
    let here = dir.path().to_str().expect("text");
    let names = ["sho?t", "n*n", "short?", "gr*[31m"].map(|name| (watch(&["--file", name]), name));
    let mounted = watch(&["--mount", here, "--file", "*"]);
    let elsewhere = another("ext4", dir.path()).map(|place| watch(&["--mount", &place]));
    let counted = case.watch_plain(&["ext4slower", "0", "-p", &pid, "--by", "file", "--file", "*or*", "--mount", here]);
    let truth = worker.step();
    let truth = truth.as_array().expect("a list");
    let of = |start: &str| truth.iter().filter(|done| done["file"].as_str().is_some_and(|f| f.starts_with(start))).count();
    for (watch, name) in names {
        watch.check(|rows| {
            let start = if name == "short?" { "none" } else { &name[..1] };
            assert_eq!(rows.len(), of(start), "{name}: {rows:?}");
            assert!(rows.iter().all(|row| row["file"].as_str().is_some_and(|file| file.starts_with(start))), "{rows:?}");
        });
    }
    mounted.check(|rows| assert_eq!(rows.len(), truth.len(), "{rows:?}"));
    counted.check(|rows| {
        assert_eq!(total(rows, "count", |row| is(row, "file", "short")), of("short") as u64, "{rows:?}");
        assert_eq!(rows.iter().filter(|row| !is(row, "file", "short")).count(), 0, "{rows:?}");
    });
    match elsewhere {
        Some(watch) => watch.check(|rows| assert!(rows.is_empty(), "{rows:?}")),
        None => note("there is no other ext4 here".to_owned()),
    }
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let (_filesystem, _dir, mut worker) = start("ext4", "burst");
    let pid = worker.pid.to_string();
    crate::support::asked::check_groupings(case, &["ext4slower", "0", "-p", &pid], Some(BURST + 1), || drop(worker.step()));
}
