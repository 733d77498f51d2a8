//! What `tcpaccept` must be right about: every connection that is accepted, by whom, and how long it waited for that.

use std::os::fd::AsRawFd;

use serde_json::{Value, json};

use crate::support::asked::{self, Asked, check_pairs};
use crate::support::net::{self, Call, Pair, Place, burst, mapped, tcp_info, v4, v6};
use crate::support::numbers::{is, number};
use crate::support::{Case, Job, Test, Worker, eventually, monotonic, ok, total};
use crate::test;

/// Connections that wait in the queue.
const WAITING: usize = 8;
/// How long they have to wait at least.
const HELD_MS: u64 = 50;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_accept_of_a_burst).every_way(),
    test!(accepts_over_ipv6),
    test!(accepts_over_ipv4_in_ipv6_sockets),
    test!(time_in_the_queue_is_told_and_what_stays_there_is_not).every_way(),
    test!(another_network_namespace_is_named),
    test!(accepts_are_counted_exactly),
    test!(filters_take_what_they_say),
    test!(each_end_is_asked_for),
    test!(only_long_waits_when_asked),
    test!(each_grouping_adds_up_to_the_same),
];

/// What the workers do.
pub fn work(job: &Job) {
    match job.word(0) {
        "queue" => queue(job),
        _ => assert!(net::work(job), "unknown work {}", job.word(0)),
    }
}

/// Connects to itself, and lets a child accept all but one of the connections when they have waited for a while. Says who
/// that child was, and for how long they waited at least and at most.
fn queue(job: &Job) {
    let listener = net::listen(job.word(1));
    let address = listener.local_addr().expect("an address").to_string();
    job.step(&json!("ready"));
    let begun = monotonic();
    let _open: Vec<_> = (0..WAITING).map(|_| net::connect(&address)).collect();
    eventually("all are in the queue", || tcp_info(&listener).tcpi_unacked as usize == WAITING);
    let complete = monotonic();
    while monotonic() < complete + HELD_MS * 1_000_000 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let least = monotonic() - complete;
    // SAFETY: a worker has one thread, so the child may go on; it accepts and ends without running anything else.
    let child = unsafe { libc::fork() };
    if ok("fork", child) == 0 {
        for _ in 1..WAITING {
            // SAFETY: an open descriptor; no address is asked for.
            unsafe { libc::accept(listener.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut()) };
        }
        // SAFETY: ends the child.
        unsafe { libc::_exit(0) }
    }
    // SAFETY: our child, whose status nobody wants.
    ok("waitpid", unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) });
    job.last(&json!([u64::from(child.unsigned_abs()), least, monotonic() - begun]));
}

fn own(rows: &[Value], pid: u32) -> Vec<&Value> {
    rows.iter().filter(|row| is(row, "pid", pid)).collect()
}

fn check(pair: &Pair, calls: &[Call], rows: &[Value], most: u64) {
    let own = own(rows, pair.server.pid);
    assert_eq!(own.len(), calls.len(), "{own:?}");
    for (row, call) in own.iter().zip(calls) {
        assert!(pair.is_shown(row, false, call.port), "{call:?} in turn: {row}");
        assert!(number(row, "wait") <= most, "{most} ns at most: {row}");
    }
    assert!(!rows.iter().any(|row| is(row, "pid", pair.client.pid)), "a client does not accept");
}

fn check_new(case: &Case, place: Place, count: usize) {
    let mut pair = Pair::new("tcpaccept", place, count, "new");
    let watch = case.watch(&["tcpaccept"]);
    let begun = monotonic();
    let calls = pair.run();
    let most = monotonic() - begun;
    watch.check(|rows| check(&pair, &calls, rows, most));
}

fn every_accept_of_a_burst(case: &Case) {
    check_new(case, v4("127.7.3.1"), burst());
}

fn accepts_over_ipv6(case: &Case) {
    check_new(case, v6(), 3);
}

fn accepts_over_ipv4_in_ipv6_sockets(case: &Case) {
    check_new(case, mapped(), 3);
}

fn time_in_the_queue_is_told_and_what_stays_there_is_not(case: &Case) {
    let mut worker = Worker::start("tcpaccept", &["queue", "127.7.3.2:7001"]);
    let watch = case.watch(&["tcpaccept"]);
    let [child, least, most]: [u64; 3] = serde_json::from_value(worker.step()).expect("three numbers");
    watch.check(|rows| {
        let of: Vec<&Value> = rows.iter().filter(|row| is(row, "laddr", "127.7.3.2")).collect();
        assert_eq!(of.len(), WAITING - 1, "one is still in the queue: {of:?}");
        for row in of {
            assert_eq!((&row["pid"], &row["lport"]), (&json!(child), &json!(7001)), "the child accepted: {row}");
            assert!((least..=most).contains(&number(row, "wait")), "{least} to {most} ns: {row}");
        }
    });
}

fn another_network_namespace_is_named(case: &Case) {
    let mut worker = Worker::start("tcpaccept", &["alone", "2"]);
    let watch = case.watch(&["tcpaccept"]);
    worker.step();
    watch.check(|rows| {
        let both = own(rows, worker.pid);
        assert_eq!(both.len(), 2, "{both:?}");
        both.iter().for_each(|row| assert_eq!(row["netns"], worker.hello, "{row}"));
    });
}

fn accepts_are_counted_exactly(case: &Case) {
    let count = burst();
    let mut pair = Pair::new("tcpaccept", v4("127.7.3.3"), count, "new");
    let pid = case.watch(&["tcpaccept", "--by", "pid"]);
    let lport = case.watch(&["tcpaccept", "--by", "lport", "--pid", &pair.server.pid.to_string()]);
    let raddr = case.watch(&["tcpaccept", "--by", "raddr", "--pid", &pair.server.pid.to_string()]);
    pair.run();
    let count = count as u64;
    pid.check(|rows| assert_eq!(total(rows, "count", |row| is(row, "pid", pair.server.pid)), count));
    lport.check(|rows| assert_eq!(total(rows, "count", |row| is(row, "lport", 7001)), count));
    raddr.check(|rows| assert_eq!(total(rows, "count", |row| is(row, "raddr", "127.0.0.1")), count));
}

fn filters_take_what_they_say(case: &Case) {
    let mut pair = Pair::new("tcpaccept", v4("127.7.3.4"), 5, "new");
    let lport = case.watch(&["tcpaccept", "--lport", "7001"]);
    let swapped = case.watch(&["tcpaccept", "--lport", "22811"]);
    let six = case.watch(&["tcpaccept", "--family", "6"]);
    let net = case.watch(&["tcpaccept", "--laddr", "127.7.3.4/31", "--lport", "1,2,7001"]);
    let beside = case.watch(&["tcpaccept", "--laddr", "127.7.3.5"]);
    let slow = case.watch(&["tcpaccept", "--min-wait-us", "4000000000"]);
    pair.run();
    lport.check(|rows| assert_eq!(own(rows, pair.server.pid).len(), 5));
    net.check(|rows| assert_eq!(own(rows, pair.server.pid).len(), 5));
    let none = |rows: &[Value]| assert_eq!(own(rows, pair.server.pid).len(), 0);
    [swapped, beside, six, slow].into_iter().for_each(|watch| watch.check(none));
}

fn each_end_is_asked_for(case: &Case) {
    check_pairs(case, "tcpaccept", "127.7.3.9", false);
}

fn only_long_waits_when_asked(case: &Case) {
    let mut pair = Pair::new("tcpaccept", v4("127.7.3.6"), 5, "new");
    let mut worker = Worker::start("tcpaccept", &["queue", "127.7.3.7:7001"]);
    let least = format!("{HELD_MS}ms");
    let asked: &[Asked<'_>] = &[
        (&["--min-wait", &least], &|row| number(row, "wait") >= HELD_MS * 1_000_000),
        (&["--min-wait", "1ns"], &|row| number(row, "wait") >= 1),
        (&["--min-wait", "1h"], &|_| false),
    ];
    let work = || {
        worker.step();
        pair.run();
    };
    let own = |row: &Value| ["127.7.3.6", "127.7.3.7"].iter().any(|&address| is(row, "laddr", address));
    asked::check(case, &["tcpaccept"], asked, work, own);
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let mut pair = Pair::new("tcpaccept", v4("127.7.3.9"), 5, "new");
    let pid = pair.server.pid.to_string();
    crate::support::asked::check_groupings(case, &["tcpaccept", "-p", &pid], Some(5), || drop(pair.run()));
}
