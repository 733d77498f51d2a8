//! What `syscount` must be right about: how often each system call was made and failed, how long it took, and what it is called.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use bcc_top::views::syscalls;
use serde_json::{Value, json};

use crate::support::numbers::is;
use crate::support::{Case, Cell, Job, Test, Worker, in_guest, monotonic, number, ok, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_call_is_counted_and_timed).every_way(),
    test!(calls_of_all_are_counted_by_name_and_only_what_is_asked_for),
    test!(every_call_of_this_kernel_has_a_name),
    test!(only_one_thread_or_children_of_one_process_when_asked),
];

/// Calls of each kind.
fn count() -> u64 {
    if in_guest() { 5_000 } else { 200_000 }
}

/// Calls that wait, and for how long each.
const WAITS: u64 = 20;
const WAIT: Duration = Duration::from_millis(5);

/// What the worker does: calls that nobody else makes, some of which fail.
pub fn work(job: &Job) {
    if job.word(0) == "three" {
        return three(job);
    }
    job.step(&json!("ready"));
    let begun = monotonic();
    for _ in 0..count() {
        // SAFETY: calls with numbers only: the first always does well, the other has no such descriptor.
        unsafe {
            assert!(libc::syscall(libc::SYS_getpgid, 0) >= 0);
            assert_eq!(libc::syscall(libc::SYS_fchmod, -1, 0), -1);
        }
    }
    let wait = libc::timespec { tv_sec: 0, tv_nsec: WAIT.subsec_nanos().into() };
    for _ in 0..WAITS {
        // SAFETY: a time that lives until the call returns.
        assert_eq!(unsafe { libc::syscall(libc::SYS_nanosleep, &raw const wait, 0) }, 0);
    }
    job.last(&json!(monotonic() - begun));
}

/// Calls of the second thread; the first one makes as many again, and a child once more.
const FEW: u64 = 1_000;

fn call(times: u64) {
    for _ in 0..times {
        // SAFETY: a call with numbers only.
        assert!(unsafe { libc::syscall(libc::SYS_getpgid, 0) } >= 0);
    }
}

/// Two threads and a child process; says the number of the second thread.
fn three(job: &Job) {
    let first = || {
        call(2 * FEW);
        // SAFETY: the child makes system calls and ends, and asks the C library for nothing that another thread may hold.
        let child = unsafe { libc::fork() };
        if ok("fork", child) == 0 {
            call(3 * FEW);
            // SAFETY: ends the child.
            unsafe { libc::_exit(0) }
        }
        // SAFETY: our child, whose status nobody wants.
        ok("waitpid", unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) });
    };
    job.two_threads(first, || call(FEW));
    job.last(&json!("done"));
}

fn every_call_is_counted_and_timed(case: &Case) {
    // The name of a process is read by a helper that lockdown forbids; calls by name do without.
    if Cell::here().is_restricted() {
        return;
    }
    let mut worker = Worker::start("syscount", &["calls"]);
    let pid = worker.pid.to_string();
    let both = case.watch(&["syscount", "--by", "both", "--latency", "--pid", &pid]);
    let names = case.watch_plain(&["syscount", "--latency", "--pid", &pid]);
    let without = case.watch_plain(&["syscount", "--pid", &pid]);
    let took = worker.step().as_u64().expect("a time");
    let check = |rows: &[Value]| {
        let of = |call: &str, column: &str| total(rows, column, |row| is(row, "syscall", call));
        for (call, count, failed) in [("getpgid", count(), 0), ("fchmod", count(), count()), ("nanosleep", WAITS, 0)] {
            assert_eq!((of(call, "count"), of(call, "failed")), (count, failed), "{call}");
        }
    };
    let check_times = |rows: &[Value]| {
        let of = |call: &str, column: &str| total(rows, column, |row| is(row, "syscall", call));
        check(rows);
        for call in ["getpgid", "fchmod", "nanosleep"] {
            assert_eq!(of(call, "timed"), of(call, "count"), "{call}");
        }
        let [waited, gets, fails] = ["nanosleep", "getpgid", "fchmod"].map(|call| of(call, "latency_sum"));
        let least = WAIT.as_nanos() as u64;
        assert!(waited >= WAITS * least && waited + gets + fails < took, "{waited}, {gets}, {fails} ns of {took}");
        let longest = rows.iter().filter(|row| is(row, "syscall", "nanosleep")).map(|row| number(row, "latency_max")).max();
        assert!(longest.is_some_and(|ns| (least..=waited).contains(&ns)), "{longest:?} of {waited}");
    };
    both.check(|rows| {
        check_times(rows);
        assert!(rows.iter().all(|row| is(row, "pid", worker.pid) && row["comm"].is_string()), "{rows:?}");
    });
    names.check(check_times);
    without.check(|rows| {
        check(rows);
        let times = rows.iter().flat_map(|row| ["latency_sum", "latency_mean", "latency_max"].map(|column| &row[column]));
        assert!(times.into_iter().all(Value::is_null), "{rows:?}");
    });
}

fn calls_of_all_are_counted_by_name_and_only_what_is_asked_for(case: &Case) {
    let mut worker = Worker::start("syscount", &["calls"]);
    let pid = worker.pid.to_string();
    let of = |rows: &[Value], call: &str| total(rows, "count", |row| is(row, "syscall", call));
    // Hardly anybody else makes this call.
    let of_all =
        |rows: &[Value]| assert!((count()..count() + 50).contains(&of(rows, "getpgid")), "{}", of(rows, "getpgid"));
    let all = case.watch(&["syscount"]);
    if Cell::here().is_restricted() {
        worker.step();
        return all.check(of_all);
    }
    let by_pid = case.watch(&["syscount", "--by", "pid"]);
    let failed = case.watch(&["syscount", "--failed", "--pid", &pid]);
    let errno = case.watch(&["syscount", "--errno", &libc::EBADF.to_string(), "--pid", &pid]);
    let other = case.watch(&["syscount", "--errno", "1", "--pid", &pid]);
    let one = case.watch(&["syscount", "--syscall", "getpgid", "--pid", &pid]);
    let some = case.watch(&["syscount", "--syscall", "fchmod,nanosleep", "--latency", "--pid", &pid]);
    let errors = case.watch(&["syscount", "--errno", "EPERM,EBADF", "--pid", &pid]);
    let other_errors = case.watch(&["syscount", "--errno", "EPERM,ENOSYS,1", "--by", "both", "--pid", &pid]);
    worker.step();
    some.check(|rows| {
        assert_eq!(["fchmod", "nanosleep", "getpgid"].map(|call| of(rows, call)), [count(), WAITS, 0]);
        assert!(rows.iter().all(|row| is(row, "syscall", "fchmod") || is(row, "syscall", "nanosleep")), "{rows:?}");
    });
    errors.check(|rows| {
        assert_eq!((of(rows, "fchmod"), total(rows, "count", |_| true)), (count(), count()), "{rows:?}");
    });
    other_errors.check(|rows| assert!(rows.is_empty(), "{rows:?}"));
    all.check(of_all);
    by_pid.check(|rows| {
        let own = |column: &str| total(rows, column, |row| is(row, "pid", worker.pid));
        // It is told what to do, and answers.
        let calls = 2 * count() + WAITS;
        assert!((calls..calls + 10).contains(&own("count")), "{} calls of {calls}", own("count"));
        assert_eq!(own("failed"), count());
    });
    failed.check(|rows| assert_eq!((of(rows, "fchmod"), of(rows, "getpgid")), (count(), 0)));
    errno.check(|rows| assert_eq!((of(rows, "fchmod"), of(rows, "getpgid")), (count(), 0)));
    other.check(|rows| assert!(rows.is_empty(), "{rows:?}"));
    one.check(|rows| {
        assert_eq!(of(rows, "getpgid"), count());
        assert!(rows.iter().all(|row| is(row, "syscall", "getpgid")), "{rows:?}");
    });
}

/// Tracepoints are called as the function of the kernel is, which some have another name for than users.
fn user_name(tracepoint: &str) -> &str {
    match tracepoint {
        "newstat" => "stat",
        "newlstat" => "lstat",
        "newfstat" => "fstat",
        "newuname" => "uname",
        "sendfile64" => "sendfile",
        "umount" => "umount2",
        "sysctl" => "_sysctl",
        "arm64_personality" => "personality",
        other => other,
    }
}

fn every_call_of_this_kernel_has_a_name(_: &Case) {
    // Lockdown hides tracefs; the names are those of the same kernel without it.
    if Cell::here().is_restricted() {
        return;
    }
    let dir = Path::new("/sys/kernel/tracing/events/syscalls");
    let dir = if dir.is_dir() { dir } else { Path::new("/sys/kernel/debug/tracing/events/syscalls") };
    let names = std::fs::read_dir(dir).expect("tracefs").flatten().map(|entry| entry.file_name());
    let names: Vec<String> = names.filter_map(|name| name.to_str()?.strip_prefix("sys_enter_").map(str::to_owned)).collect();
    assert!(names.len() > 200, "{} calls", names.len());
    let unknown: BTreeSet<&String> =
        names.iter().filter(|name| syscalls::number(user_name(name)).is_none()).collect();
    assert!(unknown.is_empty(), "not in the table: {unknown:?}");
}

fn only_one_thread_or_children_of_one_process_when_asked(case: &Case) {
    // Whose child somebody is, is read by a helper that lockdown forbids.
    if Cell::here().is_restricted() {
        return;
    }
    let mut worker = Worker::start("syscount", &["three"]);
    let (pid, second) = (worker.pid.to_string(), worker.hello.to_string());
    let parent = std::process::id().to_string();
    let asked: &[(&[&str], u64)] = &[
        (&["--tid", &second], FEW),
        (&["--tid", &pid], 2 * FEW),
        (&["--tid", &pid, "--latency"], 2 * FEW),
        (&["--ppid", &pid], 3 * FEW),
        (&["--ppid", &pid, "--latency", "--by", "both"], 3 * FEW),
        (&["--pid", &pid, "--ppid", &parent], 3 * FEW),
        (&["--pid", &pid, "--ppid", &second], 0),
        (&["--pid", &pid, "--tid", &parent], 0),
    ];
    let watches: Vec<_> = asked.iter().map(|(words, _)| case.watch(&[&["syscount"], *words].concat())).collect();
    worker.step();
    for ((words, count), watch) in asked.iter().zip(watches) {
        watch.check(|rows| {
            let of = |column: &str| total(rows, column, |row| is(row, "syscall", "getpgid"));
            assert_eq!(of("count"), *count, "{words:?}: {rows:?}");
            assert!(!words.contains(&"--latency") || of("timed") == *count, "{words:?}: {rows:?}");
        });
    }
}
