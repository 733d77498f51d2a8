//! What `vfsstat` must be right about: how many operations of each kind there were, of one process and of the whole host.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Case, Job, Test, Thing, Worker, files, in_guest, note, total};
use crate::test;

/// What the worker does of each operation, and the column that counts it.
const OPERATIONS: [(&str, u64); 8] = [
    ("read", 900),
    ("write", 800),
    ("create", 70),
    ("open", 110),
    ("fsync", 12),
    ("unlink", 70),
    ("mkdir", 50),
    ("rmdir", 50),
];
/// Reads and writes besides: orders and answers, and its own count of what it read.
const SLACK: u64 = 12;
/// What others may add on a guest that does nothing else. A host is never quiet: there only the lower bound holds.
const NOISE: u64 = 2000;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_operation_of_one_process_is_counted).every_way(),
    test!(the_whole_host_is_what_a_process_did_and_little_more).uses(&[Thing::Machine]),
];

/// What the workers do: the word is a directory of their own.
pub fn work(job: &Job) {
    let dir = Path::new(job.word(0));
    let times = |name: &str| OPERATIONS.iter().find(|(known, _)| *known == name).map_or(0, |(_, times)| *times);
    job.step(&json!("ready"));
    let before = own_calls();
    for at in 0..times("create") {
        drop(OpenOptions::new().write(true).create_new(true).open(dir.join(at.to_string())).expect("created"));
    }
    let file = OpenOptions::new().read(true).write(true).open(dir.join("0")).expect("opened");
    // Each of the files counts as opened when it is created; one more is open now, and /proc is read twice.
    for _ in times("create") + 3..times("open") {
        drop(File::open(dir.join("0")).expect("opened"));
    }
    for _ in 0..times("write") {
        file.write_all_at(b"truth", 0).expect("written");
    }
    let mut bytes = [0; 5];
    for _ in 0..times("read") {
        file.read_exact_at(&mut bytes, 0).expect("read");
    }
    for at in 0..times("fsync") {
        if at % 2 == 0 { file.sync_all() } else { file.sync_data() }.expect("written back");
        // SAFETY: a call with a number. No file is written back for a descriptor that is none.
        assert_eq!(unsafe { libc::fsync(-1) }, -1);
    }
    for at in 0..times("mkdir") {
        std::fs::create_dir(dir.join(format!("dir{at}"))).expect("made");
    }
    for at in 0..times("rmdir") {
        std::fs::remove_dir(dir.join(format!("dir{at}"))).expect("removed");
    }
    for at in 0..times("unlink") {
        std::fs::remove_file(dir.join(at.to_string())).expect("removed");
    }
    let after = own_calls();
    let (read, written) = (after.0 - before.0, after.1 - before.1);
    let near = |found: u64, name: &str| found.checked_sub(times(name)).is_some_and(|more| more <= SLACK);
    assert!(near(read, "read") && near(written, "write"), "the worker read {read} and wrote {written} times");
    job.last(&json!("done"));
}

/// Read and write calls of this process, as the kernel counts them (`inc_syscr` in vfs_read, `inc_syscw` in vfs_write).
fn own_calls() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/self/io").expect("CONFIG_TASK_IO_ACCOUNTING");
    let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).expect("a count");
    (of("syscr:"), of("syscw:"))
}

fn worker() -> (tempfile::TempDir, Worker) {
    let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
    let worker = Worker::start("vfsstat", &[&dir.path().to_string_lossy()]);
    (dir, worker)
}

/// Asserts that each operation was counted, and at most `more` beyond.
fn check(rows: &[Value], more: impl Fn(&str) -> u64) {
    assert!(!rows.is_empty(), "no interval has a row");
    note(format!("{rows:?}"));
    for (column, truth) in OPERATIONS {
        let found = total(rows, column, |_| true);
        let most = truth.saturating_add(more(column));
        assert!((truth..=most).contains(&found), "{column}: {found}, in truth {truth}, at most {most}");
    }
}

fn every_operation_of_one_process_is_counted(case: &Case) {
    let (_dir, mut worker) = worker();
    let watch = case.watch(&["vfsstat", "-p", &worker.pid.to_string()]);
    assert_eq!(worker.step(), "done");
    watch.check(|rows| check(rows, |column| if matches!(column, "read" | "write") { SLACK } else { 0 }));
}

fn the_whole_host_is_what_a_process_did_and_little_more(case: &Case) {
    let (_dir, mut worker) = worker();
    let watch = case.watch(&["vfsstat"]);
    assert_eq!(worker.step(), "done");
    watch.check(|rows| check(rows, |_| if in_guest() { NOISE } else { u64::MAX }));
}
