//! What `killsnoop` must be right about: every call that sends a signal, whom it reached, and what came of it.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::numbers::is;
use crate::support::{Case, Job, Test, Worker, ok, total, USER};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_call_with_its_receiver_and_result).every_way(),
    test!(only_failures_of_one_signal_when_asked),
    test!(calls_are_counted_exactly),
    test!(queued_refused_and_through_a_descriptor).every_way(),
    test!(each_grouping_adds_up_to_the_same),
];

/// Calls of the plain sort: children that are killed.
const CHILDREN: usize = 5;
/// Far above `pid_max`.
const NOBODY: i32 = i32::MAX - 1;

/// What the workers do: with the word `send` they have children, which wait.
pub fn work(job: &Job) {
    match job.word(0) {
        "send" => send_all(job),
        "queue" => queue_all(job),
        "wait" => loop {
            std::thread::park();
        },
        other => panic!("unknown work {other}"),
    }
}

fn child(group: i32) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    std::os::unix::process::CommandExt::process_group(&mut command, group);
    command.env("BCC_TOP_WORKER_WORDS", json!(["wait"]).to_string()).stdin(Stdio::null());
    command.spawn().expect("it starts")
}

fn pid(child: &Child) -> i32 {
    i32::try_from(child.id()).expect("a pid")
}

/// What a call of libc returned, as the kernel did.
fn result(returned: i64) -> i32 {
    if returned == 0 { 0 } else { -std::io::Error::last_os_error().raw_os_error().expect("an error") }
}

/// The calls that bring information of their own, one through a descriptor, and one that is refused.
fn queue_all(job: &Job) {
    let mut child = child(0);
    let pid = pid(&child);
    // SAFETY: takes numbers, of our own child.
    let fd = ok("pidfd_open", unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) });
    job.step(&json!({ "child": pid, "fd": fd }));
    // SAFETY: plain numbers, for which zero is a value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    (info.si_signo, info.si_code) = (libc::SIGWINCH, libc::SI_QUEUE);
    let info = &raw const info;
    // SAFETY: numbers of our own child, and information that lives until the calls return. The saved user is root's, as whom it goes on.
    let results = unsafe {
        let sent = [
            result(libc::syscall(libc::SYS_pidfd_send_signal, fd, libc::SIGWINCH, std::ptr::null::<u8>(), 0)),
            result(libc::syscall(libc::SYS_rt_sigqueueinfo, pid, libc::SIGWINCH, info)),
            result(libc::syscall(libc::SYS_rt_tgsigqueueinfo, pid, pid, libc::SIGWINCH, info)),
            result(libc::syscall(libc::SYS_tgkill, pid, pid, 0)),
        ];
        ok("setresuid", libc::setresuid(USER, USER, 0));
        let refused = result(libc::kill(pid, libc::SIGTERM).into());
        ok("setresuid", libc::setresuid(0, 0, 0));
        [sent[0], sent[1], sent[2], sent[3], refused]
    };
    child.kill().expect("killed");
    child.wait().expect("it ends");
    job.last(&json!(results));
}

fn send_all(job: &Job) {
    let mut children: Vec<Child> = (0..CHILDREN).map(|_| child(0)).collect();
    let leader = child(0);
    let group = [child(pid(&leader)), child(pid(&leader)), leader];
    let leader = pid(&group[2]);
    job.step(&json!({ "children": children.iter().map(pid).collect::<Vec<_>>(), "leader": leader }));
    let first = pid(&children[0]);
    // SAFETY: numbers of our own children, of nobody, and of a group of our children.
    let results = unsafe {
        [
            result(libc::kill(first, 0).into()),
            result(libc::syscall(libc::SYS_tkill, first, libc::SIGCONT)),
            result(libc::syscall(libc::SYS_tgkill, first, first, libc::SIGWINCH)),
            result(libc::kill(NOBODY, libc::SIGKILL).into()),
            result(libc::kill(first, 200).into()),
            result(libc::kill(-leader, libc::SIGTERM).into()),
        ]
    };
    for child in &mut children {
        // SAFETY: the number of a child that nobody has waited for.
        assert_eq!(unsafe { libc::kill(pid(child), libc::SIGKILL) }, 0);
        child.wait().expect("it ends");
    }
    for mut child in group {
        child.wait().expect("it ends");
    }
    job.last(&json!(results));
}

/// The worker's own calls.
fn own<'r>(rows: &'r [Value], worker: &Worker) -> Vec<&'r Value> {
    rows.iter().filter(|row| is(row, "pid", worker.pid)).collect()
}

fn every_call_with_its_receiver_and_result(case: &Case) {
    let mut worker = Worker::start("killsnoop", &["send"]);
    let watch = case.watch(&["killsnoop"]);
    let results = worker.step();
    assert_eq!(results, json!([0, 0, 0, -libc::ESRCH, -libc::EINVAL, 0]));
    let (first, leader) = (&worker.hello["children"][0], worker.hello["leader"].as_i64().expect("a pid"));
    watch.check(|rows| {
        let own = own(rows, &worker);
        assert_eq!(own.len(), 6 + CHILDREN, "{own:?}");
        let expected = [
            ("kill", Value::Null, first.clone(), Value::Null, 0),
            ("tkill", json!("SIGCONT"), first.clone(), first.clone(), 1),
            ("tgkill", json!("SIGWINCH"), first.clone(), first.clone(), 1),
            ("kill", json!("SIGKILL"), json!(NOBODY), Value::Null, 0),
            ("kill", json!("SIGRT168"), first.clone(), Value::Null, 0),
        ];
        for ((row, (call, signal, target, receiver, receivers)), result) in
            own.iter().zip(expected).zip(results.as_array().expect("results"))
        {
            let found = [&row["call"], &row["signal"], &row["target"], &row["receiver"], &row["receivers"], &row["ret"]];
            assert_eq!(found, [&json!(call), &signal, &target, &receiver, &json!(receivers), result], "{row}");
        }
        let group = own[5];
        assert_eq!((&group["target"], &group["receivers"]), (&json!(-leader), &json!(3)), "{group}");
        for (row, child) in own[6..].iter().zip(worker.hello["children"].as_array().expect("pids")) {
            assert_eq!((&row["signal"], &row["target"], &row["ret"]), (&json!("SIGKILL"), child, &json!(0)), "{row}");
            assert_eq!((&row["receiver"], &row["receivers"]), (child, &json!(1)), "{row}");
            assert!(row["receiver_comm"].is_string() && row["receiver_comm"] == row["comm"], "{row}");
        }
    });
}

fn only_failures_of_one_signal_when_asked(case: &Case) {
    let mut worker = Worker::start("killsnoop", &["send"]);
    let failed = case.watch(&["killsnoop", "--failed"]);
    let first = worker.hello["children"][0].to_string();
    let of_one = case.watch(&["killsnoop", "--signal-number", "9", "--target-pid", &first]);
    let pid = worker.pid.to_string();
    let of_some = case.watch(&["killsnoop", "--signal", "SIGTERM,winch,18"]);
    let counted = case.watch(&["killsnoop", "--signal", "KILL", "--by", "signal", "-p", &pid]);
    worker.step();
    failed.check(|rows| {
        let targets: Vec<&Value> = own(rows, &worker).iter().map(|row| &row["ret"]).collect();
        assert_eq!(targets, [&json!(-libc::ESRCH), &json!(-libc::EINVAL)]);
    });
    of_some.check(|rows| {
        let signals: Vec<&Value> = own(rows, &worker).iter().map(|row| &row["signal"]).collect();
        assert_eq!(signals, ["SIGCONT", "SIGWINCH", "SIGTERM"]);
    });
    counted.check(|rows| {
        assert_eq!(total(rows, "count", |row| is(row, "signal", "SIGKILL")), CHILDREN as u64 + 1);
        assert_eq!(total(rows, "count", |_| true), CHILDREN as u64 + 1, "{rows:?}");
    });
    of_one.check(|rows| {
        let own = own(rows, &worker);
        assert_eq!(own.len(), 1, "{own:?}");
        assert_eq!(own[0]["target"], worker.hello["children"][0]);
    });
}

fn calls_are_counted_exactly(case: &Case) {
    let mut worker = Worker::start("killsnoop", &["send"]);
    let by_target = case.watch(&["killsnoop", "--by", "target"]);
    let by_pair = case.watch(&["killsnoop", "--by", "pair", "-p", &worker.pid.to_string()]);
    worker.step();
    let first = &worker.hello["children"][0];
    by_target.check(|rows| {
        let of = |row: &Value| row["target"] == *first;
        assert_eq!((total(rows, "count", of), total(rows, "failed", of)), (5, 1));
        assert!(total(rows, "failed", |row| is(row, "target", NOBODY)) >= 1);
    });
    by_pair.check(|rows| {
        let kills = |row: &Value| is(row, "signal", "SIGKILL");
        assert_eq!(total(rows, "count", kills), CHILDREN as u64 + 1);
        assert_eq!(total(rows, "failed", kills), 1);
    });
}

fn queued_refused_and_through_a_descriptor(case: &Case) {
    let mut worker = Worker::start("killsnoop", &["queue"]);
    let watch = case.watch(&["killsnoop"]);
    let few = case.watch_plain(&["killsnoop", "--pid", &worker.pid.to_string(), "--max-events", "1"]);
    let results = worker.step();
    assert_eq!(results, json!([0, 0, 0, 0, -libc::EPERM]));
    let (child, fd) = (&worker.hello["child"], &worker.hello["fd"]);
    watch.check(|rows| {
        let own = own(rows, &worker);
        let (nobody, winch) = (&Value::Null, &json!("SIGWINCH"));
        // That it reached none is known: the number is 0, and who it was is null.
        let expected = [
            ("pidfd", winch, fd, child, 1, 0),
            ("sigqueue", winch, child, child, 1, 0),
            ("tgsigqueue", winch, child, child, 1, 0),
            ("tgkill", &Value::Null, child, nobody, 0, 0),
            ("kill", &json!("SIGTERM"), child, nobody, 0, -libc::EPERM),
        ];
        assert_eq!(own.len(), expected.len() + 1, "and the last kill: {own:?}");
        for (row, (call, signal, target, receiver, receivers, ret)) in own.iter().zip(expected) {
            let found = [&row["call"], &row["signal"], &row["target"], &row["receiver"], &row["receivers"], &row["ret"]];
            assert_eq!(found, [&json!(call), signal, target, receiver, &json!(receivers), &json!(ret)], "{row}");
            assert_eq!(row["receiver_comm"].is_null(), receiver.is_null(), "{row}");
            assert_eq!(row["uid"], if ret == 0 { 0 } else { USER }, "{row}");
        }
    });
    few.check_with_lost(|rows, lost| {
        assert!(rows.len() as u64 + lost == 6 && !rows.is_empty() && lost > 0, "{lost} lost of {rows:?}");
    });
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let mut worker = Worker::start("killsnoop", &["send"]);
    let pid = worker.pid.to_string();
    crate::support::asked::check_groupings(case, &["killsnoop", "-p", &pid], None, || drop(worker.step()));
}
