//! What `opensnoop` must be right about: every open of a burst, what came of it, and what it could not show.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::asked::{self, Filter};
use crate::support::numbers::is;
use crate::support::{Case, Job, Test, Worker, files, in_guest, monotonic, mount_namespace, note, number, ok, pose_as, total, USER};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_kind_of_open_is_told_with_what_came_of_it).every_way(),
    test!(what_a_burst_shows_and_what_it_declares_lost_are_the_truth),
    test!(what_a_full_ring_refuses_is_told),
    test!(a_burst_is_counted_exactly),
    test!(a_full_path_is_that_of_the_directory_it_is_relative_to),
    test!(only_what_is_asked_for_is_shown),
    test!(only_one_thread_when_asked),
    test!(only_one_user_when_asked),
    test!(only_one_mount_namespace_when_asked).every_way(),
];

/// Rounds of the work that is told one by one.
const ROUNDS: usize = 20;
/// A name that is longer than the 255 bytes that are kept is cut: this one is not, by one.
const LONG: usize = 255;

/// Opens of a burst, one behind the other as fast as they go.
fn burst() -> usize {
    if in_guest() { 4_000 } else { 20_000 }
}

/// What the workers do, with a directory of their own.
pub fn work(job: &Job) {
    let dir = Path::new(job.word(1));
    let path = |name: &str| CString::new(dir.join(name).as_os_str().as_bytes()).expect("no NUL");
    drop(std::fs::File::create(dir.join("there")).expect("a file"));
    if job.word(0) == "mounts" {
        job.step(&json!(mount_namespace(job.word(2) == "apart")));
        close(open(&path("there"), libc::O_RDONLY));
        assert_eq!(open(&path("missing"), libc::O_RDONLY), -1);
        job.last(&json!("done"));
    }
    if job.word(0) == "threads" {
        return threads(job, &path("there"), &path("missing"));
    }
    job.step(&json!("ready"));
    match job.word(0) {
        "kinds" => job.last(&json!(kinds(dir, &path("there"), &path("missing")))),
        "burst" => {
            let begun = monotonic();
            (0..job.count(2)).for_each(|_| close(open(&path("there"), libc::O_RDONLY)));
            job.last(&json!(monotonic() - begun));
        }
        "count" => {
            let (there, missing) = (path("there"), path("missing"));
            (0..burst()).for_each(|_| close(open(&there, libc::O_RDONLY)));
            (0..burst()).for_each(|_| assert_eq!(open(&missing, libc::O_RDONLY), -1));
        }
        "relative" => {
            let opened = std::fs::File::open(dir).expect("a directory");
            std::env::set_current_dir(dir.join("..")).expect("a directory");
            let here = CString::new(Path::new(dir.file_name().expect("a name")).join("there").as_os_str().as_bytes());
            close(open(&here.expect("no NUL"), libc::O_RDONLY));
            close(open_at(std::os::fd::AsRawFd::as_raw_fd(&opened), c"there", libc::O_RDONLY, 0));
            assert_eq!(open(c"relative-missing", libc::O_RDONLY), -1);
            std::env::set_current_dir("/").expect("the root");
            assert_eq!(open(c"relative-to-root", libc::O_RDONLY), -1);
        }
        "modes" => {
            close(open(&path("there"), libc::O_RDONLY));
            close(open(&path("there"), libc::O_RDWR));
            close(open_at(libc::AT_FDCWD, &path("made"), libc::O_RDONLY | libc::O_CREAT, 0o600));
            assert_eq!(open(&path("missing"), libc::O_WRONLY), -1);
        }
        "users" => {
            close(open(&path("there"), libc::O_RDONLY));
            pose_as(USER);
            close(open(&path("there"), libc::O_RDONLY));
            assert_eq!(open(&path("missing"), libc::O_RDONLY), -1);
        }
        other => panic!("unknown work {other}"),
    }
    job.last(&json!("done"));
}

/// Of two threads the second opens what is there, the first what is not.
fn threads(job: &Job, there: &CStr, missing: &CStr) {
    let opens_nothing = || assert_eq!(open(missing, libc::O_RDONLY), -1);
    job.two_threads(opens_nothing, || close(open(there, libc::O_RDONLY)));
    job.last(&json!("done"));
}

fn open(path: &CStr, flags: i32) -> i32 {
    open_at(libc::AT_FDCWD, path, flags, 0)
}

fn open_at(dir: i32, path: &CStr, flags: i32, mode: libc::mode_t) -> i32 {
    // SAFETY: a system call with a string that lives until it returns.
    unsafe { libc::openat(dir, path.as_ptr(), flags, mode) }
}

fn close(fd: i32) {
    // SAFETY: a descriptor that was just opened, and that nobody else has.
    ok("close", unsafe { libc::close(ok("open", fd) as i32) });
}

/// Each way to open a file, again and again. What it did: name of the call, path, descriptor or negative error, flags, mode.
fn kinds(dir: &Path, there: &CStr, missing: &CStr) -> Vec<Value> {
    let long = dir.join("l".repeat(LONG - 1 - dir.as_os_str().len()));
    let long = CString::new(long.as_os_str().as_bytes()).expect("no NUL");
    let mut done = Vec::new();
    let mut tell = |call: &str, path: &CStr, ret: i64, flags: i32, mode: u32| {
        let ret = if ret < 0 { -i64::from(std::io::Error::last_os_error().raw_os_error().expect("an error")) } else { ret };
        done.push(json!([call, path.to_str().expect("text"), ret, flags, mode]));
        if ret >= 0 {
            close(ret as i32);
        }
    };
    let (write, make) = (libc::O_WRONLY | libc::O_CLOEXEC, libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC);
    for _ in 0..ROUNDS {
        // SAFETY: system calls with strings and a structure that live until they return.
        unsafe {
            let at = libc::AT_FDCWD;
            let how = [write as u64, 0, 0];
            let openat2 = |path: &CStr| libc::syscall(libc::SYS_openat2, at, path.as_ptr(), how.as_ptr(), 24);
            let openat = |path: &CStr, flags: i32, mode: u32| libc::syscall(libc::SYS_openat, at, path.as_ptr(), flags, mode);
            tell("openat", there, openat(there, write, 0), write, 0);
            tell("openat", missing, openat(missing, write, 0), write, 0);
            tell("openat", &long, openat(&long, make, 0o640), make, 0o640);
            tell("openat", c"/", openat(c"/", write, 0), write, 0);
            tell("openat2", there, openat2(there), write, 0);
            tell("openat2", missing, openat2(missing), write, 0);
            #[cfg(target_arch = "x86_64")]
            {
                tell("open", there, libc::syscall(libc::SYS_open, there.as_ptr(), write, 0), write, 0);
                tell("open", missing, libc::syscall(libc::SYS_open, missing.as_ptr(), write, 0), write, 0);
                tell("creat", there, libc::syscall(libc::SYS_creat, there.as_ptr(), 0o640), make, 0o640);
            }
        }
    }
    done
}

fn every_kind_of_open_is_told_with_what_came_of_it(case: &Case) {
    let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
    let path = dir.path().to_str().expect("text");
    let mut worker = Worker::start("opensnoop", &["kinds", path]);
    let watch = case.watch(&["opensnoop", "--min-latency", "1ns"]);
    let without = case.watch_plain(&["opensnoop"]);
    let begun = monotonic();
    let done = worker.step();
    let took = monotonic() - begun;
    let done = done.as_array().expect("a list");
    let compare = |rows: &[Value]| -> Vec<Value> {
        let own = |row: &&Value| {
            let path = row["path"].as_str();
            is(row, "pid", worker.pid) && path.is_some_and(|p| p == "/" || p.starts_with(path_of(&dir)))
        };
        let own: Vec<Value> = rows.iter().filter(own).cloned().collect();
        assert_eq!(own.len(), done.len(), "opens");
        for (row, done) in own.iter().zip(done) {
            let ret = done[2].as_i64().expect("a number");
            let (fd, errno) = if ret < 0 { (Value::Null, json!(-ret)) } else { (json!(ret), json!(0)) };
            let expected = [&done[0], &done[1], &fd, &errno, &done[3], &done[4]];
            let found = ["syscall", "path", "fd", "errno", "flags", "mode"].map(|column| &row[column]);
            assert_eq!(found, expected, "{row}");
            assert_eq!((&row["tid"], &row["uid"]), (&json!(worker.pid), &json!(0)), "{row}");
        }
        own
    };
    watch.check(|rows| {
        let own = compare(rows);
        let latencies: Vec<u64> = own.iter().map(|row| number(row, "latency")).collect();
        let sum: u64 = latencies.iter().sum();
        assert!(latencies.iter().all(|&ns| ns > 0) && sum < took, "{latencies:?} ns of {took}");
    });
    without.check(|rows| assert!(compare(rows).iter().all(|row| row["latency"].is_null())));
}

fn path_of(dir: &tempfile::TempDir) -> &str {
    dir.path().to_str().expect("text")
}

/// A worker with a directory of its own.
struct Opener {
    dir: tempfile::TempDir,
    worker: Worker,
    pid: String,
}

impl Opener {
    fn new(what: &str, count: usize) -> Opener {
        let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
        let worker = Worker::start("opensnoop", &[what, path_of(&dir), &count.to_string()]);
        let pid = worker.pid.to_string();
        Opener { dir, worker, pid }
    }

    fn path(&self, name: &str) -> Value {
        json!(self.dir.path().join(name))
    }
}

fn what_a_burst_shows_and_what_it_declares_lost_are_the_truth(case: &Case) {
    let mut opener = Opener::new("burst", burst());
    let small = case.watch(&["opensnoop", "--pid", &opener.pid, "--max-events", "700"]);
    let watch = case.watch(&["opensnoop", "--pid", &opener.pid, "--max-events", "100000"]);
    let ns = opener.worker.step().as_u64().expect("a time");
    note(format!("{} opens in {} ms", burst(), ns / 1_000_000));
    for (what, watch) in [("kept", watch), ("over the limit", small)] {
        watch.check_with_lost(|rows, lost| {
            let shown = rows.iter().filter(|row| row["path"] == opener.path("there")).count();
            assert_eq!(shown as u64 + lost, burst() as u64, "{what}: {shown} shown, {lost} lost");
            assert!(shown > 0 && (what == "kept" || lost > 0), "{what}: {shown} shown, {lost} lost");
        });
    }
}

/// More than the ring holds.
const RING_OVERFLOW: usize = 40_000;

fn what_a_full_ring_refuses_is_told(case: &Case) {
    let mut opener = Opener::new("burst", RING_OVERFLOW);
    let watch = case.watch(&["opensnoop", "--pid", &opener.pid, "--max-events", "100000"]);
    watch.stop(true);
    opener.worker.step();
    watch.stop(false);
    watch.check_with_lost(|rows, lost| {
        let shown = rows.iter().filter(|row| row["path"] == opener.path("there")).count();
        assert_eq!(shown as u64 + lost, RING_OVERFLOW as u64, "{shown} shown, {lost} lost");
        assert!(shown > 20_000 && lost > 0, "the ring holds {shown}, {lost} lost");
    });
}

fn a_burst_is_counted_exactly(case: &Case) {
    let mut opener = Opener::new("count", 0);
    let by_path = case.watch(&["opensnoop", "--by", "path"]);
    let by_comm = case.watch(&["opensnoop", "--by", "comm", "--pid", &opener.pid]);
    let by_pid = case.watch(&["opensnoop", "--by", "pid", "--failed"]);
    opener.worker.step();
    let count = burst() as u64;
    by_path.check(|rows| {
        let of = |name: &str, column: &str| total(rows, column, |row| row["path"] == opener.path(name));
        assert_eq!((of("there", "count"), of("there", "failed")), (count, 0));
        assert_eq!((of("missing", "count"), of("missing", "failed")), (count, count));
    });
    by_comm.check(|rows| {
        let sums = ["count", "failed"].map(|column| total(rows, column, |row| row["comm"].is_string()));
        assert_eq!(sums, [2 * count, count]);
    });
    by_pid.check(|rows| {
        let of = |column: &str| total(rows, column, |row| is(row, "pid", opener.worker.pid));
        assert_eq!((of("count"), of("failed")), (count, count), "only those that failed");
    });
}

fn a_full_path_is_that_of_the_directory_it_is_relative_to(case: &Case) {
    let mut opener = Opener::new("relative", 0);
    let watch = case.watch(&["opensnoop", "--full-path", "--pid", &opener.pid]);
    let given = case.watch(&["opensnoop", "--pid", &opener.pid]);
    opener.worker.step();
    let dir = std::fs::canonicalize(opener.dir.path()).expect("it is there");
    let name = Path::new(dir.file_name().expect("a name")).join("there");
    let is_own = |row: &&Value| row["path"].as_str().is_some_and(|path| path.contains("there") || path.contains("relative"));
    let paths = |rows: &[Value]| -> Vec<Value> { rows.iter().filter(is_own).map(|row| row["path"].clone()).collect() };
    let missing = dir.parent().expect("it has one").join("relative-missing");
    watch.check(|rows| {
        assert_eq!(paths(rows), [json!(dir.join("there")), json!(dir.join("there")), json!(missing), json!("/relative-to-root")]);
    });
    given.check(|rows| {
        assert_eq!(paths(rows), [json!(name), json!("there"), json!("relative-missing"), json!("relative-to-root")]);
    });
}

fn only_what_is_asked_for_is_shown(case: &Case) {
    let mut opener = Opener::new("modes", 0);
    let prefix = opener.dir.path().join("m");
    let watch = |args: &[&str]| case.watch(&[&["opensnoop", "--pid", &opener.pid], args].concat());
    let prefixed = watch(&["--prefix", prefix.to_str().expect("text")]);
    let (write, create, failed) = (watch(&["--access", "write"]), watch(&["--access", "create"]), watch(&["--failed"]));
    let slow = watch(&["--min-latency", "1h"]);
    let [creates, writes, both, neither] =
        ["O_CREAT", "O_RDWR", "o_cloexec,O_WRONLY", "O_CREAT,O_RDWR"].map(|flags| watch(&["--flags", flags]));
    opener.worker.step();
    let check = |watch: crate::support::case::Watch<'_>, names: &[&str]| {
        watch.check(|rows| {
            let found: Vec<&Value> = rows.iter().map(|row| &row["path"]).collect();
            let expected: Vec<Value> = names.iter().map(|name| opener.path(name)).collect();
            assert_eq!(found, expected.iter().collect::<Vec<_>>());
        });
    };
    check(prefixed, &["made", "missing"]);
    check(write, &["there", "missing"]);
    check(create, &["made"]);
    check(failed, &["missing"]);
    check(slow, &[]);
    check(creates, &["made"]);
    check(writes, &["there"]);
    check(both, &[]);
    check(neither, &[]);
}

fn only_one_thread_when_asked(case: &Case) {
    let mut opener = Opener::new("threads", 0);
    let (second, first) = (opener.worker.hello.to_string(), opener.pid.clone());
    let watches = [(second, "there"), (first, "missing")]
        .map(|(tid, name)| (case.watch(&["opensnoop", "--pid", &opener.pid, "--tid", &tid]), tid, name));
    opener.worker.step();
    for (watch, tid, name) in watches {
        watch.check(|rows| {
            let paths: Vec<&Value> = rows.iter().map(|row| &row["path"]).filter(|path| path.as_str().is_some_and(|p| p.starts_with(path_of(&opener.dir)))).collect();
            assert_eq!(paths, [&opener.path(name)]);
            assert!(rows.iter().all(|row| is(row, "tid", tid.parse::<u32>().expect("a number"))), "{rows:?}");
        });
    }
}

fn only_one_user_when_asked(case: &Case) {
    let mut opener = Opener::new("users", 0);
    let pid = opener.pid.clone();
    let counted = case.watch(&["opensnoop", "--pid", &pid, "--by", "pid", "--uid", &USER.to_string()]);
    let own = |row: &Value| row["path"].as_str().is_some_and(|path| path.starts_with(path_of(&opener.dir)));
    let asked = [Filter::same("uid", 0), Filter::same("uid", USER), Filter::none("uid", USER + 1)];
    asked::check(case, &["opensnoop", "--pid", &pid], asked, || drop(opener.worker.step()), own);
    counted.check(|rows| assert_eq!((total(rows, "count", |_| true), total(rows, "failed", |_| true)), (2, 1), "{rows:?}"));
}

fn only_one_mount_namespace_when_asked(case: &Case) {
    let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
    asked::check_mount_namespaces(case, &["opensnoop", "--min-latency", "1ns"], &["mounts", path_of(&dir)], "pid");
}
