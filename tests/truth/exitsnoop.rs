//! What `exitsnoop` must be right about: every end, why, and after how long.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::numbers::{is, number};
use crate::support::{Case, Job, Test, Worker, in_guest, monotonic, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_end_with_its_code_or_signal).every_way(),
    test!(a_leader_that_leaves_early_does_not_end_its_process),
    test!(a_burst_is_counted_exactly),
    test!(only_the_ages_that_are_asked_for),
];

/// How children end: a code, or the name of a signal with its number.
const ENDS: [(&str, i32, i32); 6] =
    [("0", 0, 0), ("3", 3, 0), ("255", 255, 0), ("", 0, libc::SIGKILL), ("", 0, libc::SIGTERM), ("", 0, libc::SIGUSR2)];
/// Names of the signals above.
const SIGNALS: [(i32, &str); 3] = [(libc::SIGKILL, "SIGKILL"), (libc::SIGTERM, "SIGTERM"), (libc::SIGUSR2, "SIGUSR2")];
/// Children of each sort.
fn each() -> usize {
    if in_guest() { 20 } else { 100 }
}
/// How long the slow child lives, at least.
const SLOW: Duration = Duration::from_millis(300);

/// What the workers do: with the word `parent` they have children, which get the other words.
pub fn work(job: &Job) {
    match job.word(0) {
        "parent" => parent(job),
        "leave" => std::process::exit(i32::try_from(job.count(1)).expect("a code")),
        "die" => loop {
            // SAFETY: our own pid and a number.
            unsafe { libc::kill(libc::getpid(), i32::try_from(job.count(1)).expect("a signal")) };
        },
        "slow" => {
            std::thread::sleep(SLOW);
            std::process::exit(9);
        }
        "early" => leave_before_the_other_thread(),
        other => panic!("unknown work {other}"),
    }
}

/// The leader ends with 0; the process ends when its other thread calls exit_group(7).
fn leave_before_the_other_thread() {
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_millis(100));
        std::process::exit(7);
    });
    // SAFETY: ends this thread only; the other one uses nothing of its stack.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
}

fn child(words: &[&str]) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.env("BCC_TOP_WORKER_WORDS", json!(words).to_string()).stdin(Stdio::null());
    command.spawn().expect("it starts")
}

fn parent(job: &Job) {
    job.step(&json!("ready"));
    for _ in 0..job.count(1) {
        for (_, code, signal) in ENDS {
            let (word, number) = if signal == 0 { ("leave", code) } else { ("die", signal) };
            let status = child(&[word, &number.to_string()]).wait().expect("it ends");
            assert_eq!((status.code().unwrap_or(0), status.signal().unwrap_or(0)), (code, signal));
        }
    }
    let begun = monotonic();
    let mut slow = child(&["slow"]);
    let slow_pid = slow.id();
    assert_eq!(slow.wait().expect("it ends").code(), Some(9));
    let lived = monotonic() - begun;
    let mut early = child(&["early"]);
    let early_pid = early.id();
    assert_eq!(early.wait().expect("it ends").code(), Some(7));
    job.last(&json!({ "slow": slow_pid, "lived": lived, "early": early_pid }));
}

fn start() -> Worker {
    Worker::start("exitsnoop", &["parent", &each().to_string()])
}

/// Whether a row says that it ended so.
fn ended(row: &Value, code: i32, signal: i32) -> bool {
    let name = SIGNALS.iter().find(|(number, _)| *number == signal).map(|(_, name)| *name);
    row["signal"] == json!(name) && row["code"] == if signal == 0 { json!(code) } else { Value::Null }
}

fn every_end_with_its_code_or_signal(case: &Case) {
    let mut worker = start();
    let watch = case.watch(&["exitsnoop"]);
    let done = worker.step();
    watch.check(|rows| {
        let own: Vec<&Value> = rows.iter().filter(|row| is(row, "ppid", worker.pid)).collect();
        assert_eq!(own.len(), ENDS.len() * each() + 2, "all children");
        for (_, code, signal) in ENDS {
            let so = own.iter().filter(|row| ended(row, code, signal)).count();
            assert_eq!(so, each(), "code {code}, signal {signal}");
        }
        let slow = own.iter().find(|row| row["pid"] == done["slow"]).expect("the slow one");
        assert!(ended(slow, 9, 0), "{slow}");
        let (age, lived) = (number(slow, "age"), done["lived"].as_u64().expect("a time"));
        assert!(u128::from(age) >= SLOW.as_nanos() && age <= lived, "{age} ns, it was waited for {lived} ns");
        assert!(own.iter().all(|row| is(row, "uid", 0) && row["comm"].is_string()), "{own:?}");
    });
}

fn a_leader_that_leaves_early_does_not_end_its_process(case: &Case) {
    let mut worker = start();
    let (processes, threads) = (case.watch(&["exitsnoop", "--failed"]), case.watch(&["exitsnoop", "--threads"]));
    let done = worker.step();
    processes.check(|rows| {
        let early: Vec<&Value> = rows.iter().filter(|row| row["pid"] == done["early"]).collect();
        assert_eq!(early.len(), 1, "{early:?}");
        assert!(ended(early[0], 7, 0) && early[0]["tid"] != early[0]["pid"], "{early:?}");
        assert!(!rows.iter().any(|row| ended(row, 0, 0)), "only failures were asked for");
    });
    threads.check(|rows| {
        let early: Vec<&Value> = rows.iter().filter(|row| row["pid"] == done["early"]).collect();
        assert_eq!(early.len(), 2, "{early:?}");
        assert!(early[0]["tid"] == early[0]["pid"] && ended(early[0], 0, 0) && ended(early[1], 7, 0), "{early:?}");
    });
}

fn a_burst_is_counted_exactly(case: &Case) {
    let mut worker = start();
    let by_ppid = case.watch(&["exitsnoop", "--by", "ppid"]);
    let by_status = case.watch(&["exitsnoop", "--by", "status"]);
    worker.step();
    let (all, each) = ((ENDS.len() * each() + 2) as u64, each() as u64);
    by_ppid.check(|rows| assert_eq!(total(rows, "count", |row| is(row, "ppid", worker.pid)), all));
    by_status.check(|rows| {
        for (_, code, signal) in ENDS.iter().filter(|(_, code, signal)| *code > 0 || *signal > 0) {
            // Others may end so too; a filter by name, which lockdown forbids, would leave them out.
            let so = total(rows, "count", |row| ended(row, *code, *signal));
            assert!(so >= each, "code {code}, signal {signal}: {so}");
        }
    });
}

fn only_the_ages_that_are_asked_for(case: &Case) {
    let mut worker = start();
    let pid = worker.pid;
    // The slow one is beyond each of these, and nothing else takes an hour.
    let ms = SLOW.as_millis() as u64;
    let (least, most) = (format!("{ms}ms"), "1us");
    let asked: &[crate::support::asked::Asked<'_>] = &[
        (&["--min-age", &least], &|row| number(row, "age") >= ms * 1_000_000),
        (&["--max-age", most], &|row| number(row, "age") <= 1000),
        (&["--max-age", "1h"], &|_| true),
        (&["--min-age", "1h"], &|_| false),
    ];
    crate::support::asked::check(case, &["exitsnoop"], asked, || drop(worker.step()), |row| is(row, "ppid", pid));
}
