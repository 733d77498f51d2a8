//! What `statsnoop` must be right about: every call that asks about a file, what it asked about, and what came of it.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::numbers::is;
use crate::support::{Case, Job, Test, Worker, files, in_guest, number, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_kind_of_call_is_told_with_what_came_of_it).every_way(),
    test!(a_burst_is_told_or_declared_lost_and_counted_exactly),
    test!(a_full_path_is_that_of_the_directory_it_is_relative_to),
    test!(each_grouping_adds_up_to_the_same),
];

/// Calls of a burst.
fn burst() -> usize {
    if in_guest() { 4_000 } else { 20_000 }
}

/// What the workers do, with a directory of their own.
pub fn work(job: &Job) {
    let dir = Path::new(job.word(1));
    let path = |name: &str| CString::new(dir.join(name).as_os_str().as_bytes()).expect("no NUL");
    let file = File::create(dir.join("there")).expect("a file");
    let (reads, _writes) = std::io::pipe().expect("a pipe");
    job.step(&json!("ready"));
    match job.word(0) {
        "kinds" => job.last(&json!((0..10).flat_map(|_| kinds(dir, &file, &reads)).collect::<Vec<_>>())),
        "burst" => {
            let missing = path("missing");
            (0..burst()).for_each(|_| assert_eq!(raw(libc::SYS_statx, libc::AT_FDCWD, &missing, 0), libc::ENOENT));
            (0..burst()).for_each(|_| assert_eq!(raw_fd(libc::SYS_fstat, file.as_raw_fd()), 0));
        }
        "relative" => {
            std::env::set_current_dir(dir).expect("a directory");
            let opened = File::open("..").expect("a directory");
            assert_eq!(raw(libc::SYS_statx, libc::AT_FDCWD, c"there", 0), 0);
            assert_eq!(raw(libc::SYS_newfstatat, opened.as_raw_fd(), c"no/there", 0), libc::ENOENT);
            assert_eq!(raw(libc::SYS_statx, libc::AT_FDCWD, &path("there"), 0), 0);
        }
        other => panic!("unknown work {other}"),
    }
    job.last(&json!("done"));
}

/// The buffer is larger than any structure that a call fills.
type Buffer = [u64; 64];

fn error_of(ret: i64) -> i32 {
    if ret < 0 { std::io::Error::last_os_error().raw_os_error().expect("an error") } else { 0 }
}

/// A call with a directory, a path and flags; its error, 0 if it did well.
fn raw(call: i64, dir: i32, path: &CStr, flags: i32) -> i32 {
    let mut buffer: Buffer = [0; 64];
    let basic = 0x7ff; // STATX_BASIC_STATS
    // SAFETY: system calls with a string and a buffer that live until they return.
    error_of(unsafe {
        match call {
            libc::SYS_statx => libc::syscall(call, dir, path.as_ptr(), flags, basic, buffer.as_mut_ptr()),
            _ => libc::syscall(call, dir, path.as_ptr(), buffer.as_mut_ptr(), flags),
        }
    })
}

/// A call with a path only.
fn raw_path(call: i64, path: &CStr) -> i32 {
    let mut buffer: Buffer = [0; 64];
    // SAFETY: as above.
    error_of(unsafe { libc::syscall(call, path.as_ptr(), buffer.as_mut_ptr()) })
}

/// A call with a descriptor only.
fn raw_fd(call: i64, fd: i32) -> i32 {
    let mut buffer: Buffer = [0; 64];
    // SAFETY: as above.
    error_of(unsafe { libc::syscall(call, fd, buffer.as_mut_ptr()) })
}

/// Each way to ask about a file. What it did: name of the call, path, error.
fn kinds(dir: &Path, file: &File, pipe: &impl AsRawFd) -> Vec<Value> {
    let c = |path: &Path| CString::new(path.as_os_str().as_bytes()).expect("no NUL");
    let whole = std::fs::canonicalize(dir).expect("it is there").join("there");
    let (there, missing) = (c(&dir.join("there")), c(&dir.join("missing")));
    let (here, fd, empty) = (libc::AT_FDCWD, file.as_raw_fd(), libc::AT_EMPTY_PATH);
    let mut done = Vec::new();
    let mut tell = |call: &str, path: &str, error: i32| done.push(json!([call, path, error]));
    let text = |path: &CStr| path.to_str().expect("text").to_owned();
    for path in [&there, &missing] {
        tell("newfstatat", &text(path), raw(libc::SYS_newfstatat, here, path, 0));
        tell("statx", &text(path), raw(libc::SYS_statx, here, path, 0));
        tell("statfs", &text(path), raw_path(libc::SYS_statfs, path));
        #[cfg(target_arch = "x86_64")]
        {
            tell("stat", &text(path), raw_path(libc::SYS_stat, path));
            tell("lstat", &text(path), raw_path(libc::SYS_lstat, path));
        }
    }
    let whole = whole.to_str().expect("text");
    tell("fstat", whole, raw_fd(libc::SYS_fstat, fd));
    tell("fstatfs", whole, raw_fd(libc::SYS_fstatfs, fd));
    tell("newfstatat", whole, raw(libc::SYS_newfstatat, fd, c"", empty));
    tell("statx", whole, raw(libc::SYS_statx, fd, c"", empty));
    // A mount of its own, the root, what has no path, and no descriptor at all.
    let mounted = File::open("/proc/self/status").expect("proc is mounted");
    let pid = std::process::id();
    tell("fstat", &format!("/proc/{pid}/status"), raw_fd(libc::SYS_fstat, mounted.as_raw_fd()));
    tell("fstat", "/", raw_fd(libc::SYS_fstat, File::open("/").expect("the root").as_raw_fd()));
    tell("fstat", "pipefs", raw_fd(libc::SYS_fstat, pipe.as_raw_fd()));
    tell("fstat", "", raw_fd(libc::SYS_fstat, 9999));
    done
}

fn every_kind_of_call_is_told_with_what_came_of_it(case: &Case) {
    let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
    let mut worker = Worker::start("statsnoop", &["kinds", dir.path().to_str().expect("text")]);
    let pid = worker.pid.to_string();
    let watch = case.watch(&["statsnoop", "--pid", &pid, "--min-latency", "1ns"]);
    let statx = case.watch_plain(&["statsnoop", "--pid", &pid, "--syscall", "statx", "--failed"]);
    let some = case.watch_plain(&["statsnoop", "--pid", &pid, "--syscall", "statfs,newfstatat"]);
    let start = dir.path().join("mis");
    let prefixed = case.watch_plain(&["statsnoop", "--pid", &pid, "--prefix", start.to_str().expect("text")]);
    let slow = case.watch_plain(&["statsnoop", "--pid", &pid, "--min-latency", "1h"]);
    let done = worker.step();
    let mut expected = done.as_array().expect("a list").clone();
    // Reading links on the way asks about nothing, but the C library may ask about descriptors of its own.
    let of_row = |row: &Value| json!([row["syscall"], row["path"].as_str().unwrap_or(""), row["errno"]]);
    watch.check(|rows| {
        let mut wanted = done.as_array().expect("a list").iter().peekable();
        for row in rows {
            if wanted.peek() == Some(&&of_row(row)) {
                wanted.next();
                assert!(number(row, "latency") > 0, "{row}");
            }
        }
        assert_eq!(wanted.next(), None, "in their order: {rows:?}");
        let others = rows.len() - done.as_array().expect("a list").len();
        assert!(others <= 40, "{others} calls that it did not make itself");
    });
    let of_missing = |done: &&Value| done[1].as_str().is_some_and(|path| path.starts_with(start.to_str().expect("text")));
    let missing: Vec<Value> = expected.iter().filter(of_missing).cloned().collect();
    prefixed.check(|rows| assert_eq!(rows.iter().map(of_row).collect::<Vec<_>>(), missing));
    slow.check(|rows| assert!(rows.is_empty(), "none takes an hour: {rows:?}"));
    some.check(|rows| {
        let of = |calls: &[Value], call: &str, at: &dyn Fn(&Value) -> Value| calls.iter().filter(|c| at(c) == call).count();
        let [told, asked] = ["statfs", "newfstatat"].map(|call| {
            let truth = of(&expected, call, &|done| done[0].clone());
            (of(rows, call, &|row| row["syscall"].clone()), truth)
        });
        assert_eq!(told.0, told.1, "statfs");
        assert!(asked.0 >= asked.1 && told.0 + asked.0 == rows.len(), "{asked:?}, and nothing else: {rows:?}");
    });
    expected.retain(|done| done[0] == "statx" && done[2] != 0);
    statx.check(|rows| assert_eq!(rows.iter().map(of_row).collect::<Vec<_>>(), expected));
}

fn a_burst_is_told_or_declared_lost_and_counted_exactly(case: &Case) {
    let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
    let mut worker = Worker::start("statsnoop", &["burst", dir.path().to_str().expect("text")]);
    let pid = worker.pid.to_string();
    let log = case.watch(&["statsnoop", "--pid", &pid, "--max-events", "100000"]);
    let [by_syscall, by_path, by_pid] = ["syscall", "path", "pid"].map(|by| case.watch(&["statsnoop", "--by", by]));
    worker.step();
    let (count, missing) = (burst() as u64, json!(dir.path().join("missing")));
    log.check_with_lost(|rows, lost| {
        assert_eq!(rows.len() as u64 + lost, 2 * count, "{} shown, {lost} lost", rows.len());
    });
    by_path.check(|rows| {
        let of = |column: &str| total(rows, column, |row| row["path"] == missing);
        assert_eq!((of("count"), of("failed")), (count, count));
    });
    by_pid.check(|rows| {
        let of = |column: &str| total(rows, column, |row| is(row, "pid", worker.pid));
        assert_eq!((of("count"), of("failed")), (2 * count, count));
    });
    by_syscall.check(|rows| {
        // Others of the machine ask too.
        let of = |call: &str, column: &str| total(rows, column, |row| is(row, "syscall", call));
        assert!(of("statx", "failed") >= count && of("fstat", "count") >= count, "{rows:?}");
    });
}

fn a_full_path_is_that_of_the_directory_it_is_relative_to(case: &Case) {
    let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
    let mut worker = Worker::start("statsnoop", &["relative", dir.path().to_str().expect("text")]);
    let pid = worker.pid.to_string();
    let [full, given] = [&["--full-path"][..], &[]].map(|words| case.watch(&[&["statsnoop", "--pid", &pid], words].concat()));
    worker.step();
    let there = dir.path().join("there");
    let real = std::fs::canonicalize(&there).expect("it is there");
    let missing = real.parent().and_then(Path::parent).expect("a directory above").join("no/there");
    let paths = |rows: &[Value]| -> Vec<Value> {
        let is_own = |row: &&Value| row["path"].as_str().is_some_and(|path| path.ends_with("there"));
        rows.iter().filter(is_own).map(|row| row["path"].clone()).collect()
    };
    full.check(|rows| assert_eq!(paths(rows), [json!(real), json!(missing), json!(there)]));
    given.check(|rows| assert_eq!(paths(rows), [json!("there"), json!("no/there"), json!(there)]));
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
    let mut worker = Worker::start("statsnoop", &["kinds", dir.path().to_str().expect("text")]);
    let pid = worker.pid.to_string();
    crate::support::asked::check_groupings(case, &["statsnoop", "-p", &pid], None, || drop(worker.step()));
}
