//! What `tcpconnlat` must be right about: how long each connect took, and what became of it.

use std::io::ErrorKind;
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::asked::check_pairs;
use crate::support::net::{self, Pair, Place, begin_connect, burst, limit_syns, mapped, tcp_info, v4, v6};
use crate::support::numbers::{is, number};
use crate::support::{Case, Job, Test, Worker, eventually, monotonic, total};
use crate::test;

/// What the kernel waits before it sends a SYN again (TCP_TIMEOUT_INIT), less a tick or two.
const SECOND: u64 = 990_000_000;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_connect_of_a_burst).every_way(),
    test!(connects_over_ipv6),
    test!(connects_over_ipv4_in_ipv6_sockets),
    test!(refused_late_given_up_and_timed_out_are_told_apart).every_way(),
    test!(another_network_namespace_is_named),
    test!(connects_are_counted_exactly),
    test!(filters_take_what_they_say),
    test!(each_end_is_asked_for),
    test!(each_grouping_adds_up_to_the_same),
];

/// What the workers do.
pub fn work(job: &Job) {
    match job.word(0) {
        "unanswered" => unanswered(job),
        _ => assert!(net::work(job), "unknown work {}", job.word(0)),
    }
}

/// Three connects where no SYN is answered: one is closed, one times out after the second SYN, and one is let in when its
/// first SYN is lost. Says of each its port and how long it took at least and at most.
fn unanswered(job: &Job) {
    let (listener, _first) = net::full(job.word(1));
    let address = listener.local_addr().expect("an address");
    job.step(&json!("ready"));

    let begun = monotonic();
    let closed = begin_connect(address);
    let open = monotonic();
    let port = port_of(&closed);
    eventually("the SYN was sent again", || tcp_info(&closed).tcpi_total_retrans > 0);
    let least = monotonic() - open;
    drop(closed);
    let given_up = [port, least, monotonic() - begun];

    let begun = monotonic();
    let limited = begin_connect(address);
    limit_syns(&limited, 1);
    let port = port_of(&limited);
    eventually("it has timed out", || limited.take_error().is_ok_and(|e| e.is_some_and(|e| e.kind() == ErrorKind::TimedOut)));
    let timed_out = [port, SECOND, monotonic() - begun];

    let begun = monotonic();
    let late = begin_connect(address);
    let port = port_of(&late);
    let _taken = listener.accept().expect("the first one");
    eventually("it is connected", || late.peer_addr().is_ok());
    job.last(&json!([given_up, timed_out, [port, SECOND, monotonic() - begun]]));
}

fn port_of(stream: &TcpStream) -> u64 {
    stream.local_addr().expect("an address").port().into()
}

fn own<'r>(rows: &'r [Value], worker: &Worker) -> Vec<&'r Value> {
    rows.iter().filter(|row| is(row, "pid", worker.pid)).collect()
}

fn check_new(case: &Case, place: Place, count: usize) {
    let mut pair = Pair::new("tcpconnlat", place, count, "new");
    let watch = case.watch(&["tcpconnlat"]);
    let calls = pair.run();
    watch.check(|rows| {
        let own = own(rows, &pair.client);
        assert_eq!(own.len(), calls.len(), "{own:?}");
        for (row, call) in own.iter().zip(&calls) {
            assert!(pair.is_shown(row, true, call.port), "{call:?} in turn: {row}");
            assert_eq!((&row["result"], &row["ret"]), (&json!("ok"), &json!(0)), "{row}");
            assert!((1..=call.connect).contains(&number(row, "latency")), "{} ns at most: {row}", call.connect);
        }
        assert!(!rows.iter().any(|row| is(row, "pid", pair.server.pid)), "a server does not connect");
    });
}

fn every_connect_of_a_burst(case: &Case) {
    check_new(case, v4("127.7.4.1"), burst());
}

fn connects_over_ipv6(case: &Case) {
    check_new(case, v6(), 3);
}

fn connects_over_ipv4_in_ipv6_sockets(case: &Case) {
    check_new(case, mapped(), 3);
}

fn refused_late_given_up_and_timed_out_are_told_apart(case: &Case) {
    let mut refused = Worker::start("tcpconnlat", &["refused", "127.7.4.2:7001", "10"]);
    let mut unanswered = Worker::start("tcpconnlat", &["unanswered", "127.7.4.3:7001"]);
    let watch = case.watch(&["tcpconnlat"]);
    refused.step();
    let times: [[u64; 3]; 3] = serde_json::from_value(unanswered.step()).expect("three times");
    let expected = [("given up", 0), ("timed out", -libc::ETIMEDOUT), ("ok", 0)];
    watch.check(|rows| {
        let ten = own(rows, &refused);
        assert_eq!(ten.len(), 10, "{ten:?}");
        let is_refused = |row: &&Value| is(row, "result", "refused") && is(row, "ret", -libc::ECONNREFUSED);
        assert!(ten.iter().all(is_refused), "{ten:?}");
        for ([port, least, most], (result, ret)) in times.iter().zip(expected) {
            let found: Vec<&Value> = own(rows, &unanswered).into_iter().filter(|row| is(row, "lport", *port)).collect();
            let [row] = found[..] else { panic!("{result}: {found:?} of {:?}", own(rows, &unanswered)) };
            assert_eq!((&row["result"], &row["ret"]), (&json!(result), &json!(ret)), "{row}");
            assert!(number(row, "retransmits") >= 1, "its SYN was sent again: {row}");
            assert!((*least..=*most).contains(&number(row, "latency")), "{least} to {most} ns: {row}");
        }
    });
}

fn another_network_namespace_is_named(case: &Case) {
    let mut worker = Worker::start("tcpconnlat", &["alone", "2"]);
    let watch = case.watch(&["tcpconnlat"]);
    worker.step();
    watch.check(|rows| {
        let both = own(rows, &worker);
        assert_eq!(both.len(), 2, "{both:?}");
        both.iter().for_each(|row| assert_eq!(row["netns"], worker.hello, "{row}"));
    });
}

fn connects_are_counted_exactly(case: &Case) {
    let count = burst();
    let mut pair = Pair::new("tcpconnlat", v4("127.7.4.4"), count, "new");
    let mut refused = Worker::start("tcpconnlat", &["refused", "127.7.4.4:7002", "10"]);
    let endpoint = case.watch(&["tcpconnlat", "--by", "endpoint"]);
    let raddr = case.watch(&["tcpconnlat", "--by", "raddr"]);
    let calls = pair.run();
    refused.step();
    let sums = |rows: &[Value], wanted: &dyn Fn(&Value) -> bool| {
        ["count", "failed", "established"].map(|column| total(rows, column, wanted))
    };
    let count = count as u64;
    let most: u64 = calls.iter().map(|call| call.connect).sum();
    endpoint.check(|rows| {
        let to = |row: &Value, port: u32| is(row, "raddr", "127.7.4.4") && is(row, "rport", port);
        assert_eq!(sums(rows, &|row| to(row, 7001)), [count, 0, count]);
        assert_eq!(sums(rows, &|row| to(row, 7002)), [10, 10, 0]);
        assert!((1..=most).contains(&total(rows, "latency_sum", |row| to(row, 7001))), "{most} ns at most");
    });
    raddr.check(|rows| assert_eq!(sums(rows, &|row| is(row, "raddr", "127.7.4.4")), [count + 10, 10, count]));
}

fn filters_take_what_they_say(case: &Case) {
    let mut refused = Worker::start("tcpconnlat", &["refused", "127.7.4.5:7001", "10"]);
    let failed = case.watch(&["tcpconnlat", "--results", "failed", "--rport", "7001"]);
    let good = case.watch(&["tcpconnlat", "--results", "ok"]);
    let slow = case.watch(&["tcpconnlat", "--min-latency-us", "4000000000"]);
    let swapped = case.watch(&["tcpconnlat", "--rport", "22811"]);
    refused.step();
    failed.check(|rows| assert_eq!(own(rows, &refused).len(), 10));
    let none = |rows: &[Value]| assert_eq!(own(rows, &refused).len(), 0);
    [good, slow, swapped].into_iter().for_each(|watch| watch.check(none));
}

fn each_end_is_asked_for(case: &Case) {
    check_pairs(case, "tcpconnlat", "127.7.4.9", true);
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let mut pair = Pair::new("tcpconnlat", v4("127.7.4.9"), 5, "new");
    let pid = pair.client.pid.to_string();
    crate::support::asked::check_groupings(case, &["tcpconnlat", "-p", &pid], Some(5), || drop(pair.run()));
}
