//! What `tcpconnect` must be right about: every connect of a burst, whoever answers it or not, from whom and where to.

use serde_json::{Value, json};

use crate::support::asked::check_pairs;
use crate::support::net::{self, Call, Pair, Place, begin_connect, burst, mapped, tcp_info, v4, v6};
use crate::support::numbers::is;
use crate::support::{Case, Job, Test, Worker, eventually, ok, total};
use crate::test;

/// A user whom nobody has.
const USER: u32 = 54_321;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_connect_of_a_burst).every_way(),
    test!(connects_over_ipv6),
    test!(connects_over_ipv4_in_ipv6_sockets),
    test!(refused_and_unanswered_ones_are_connects).every_way(),
    test!(another_network_namespace_is_named),
    test!(connects_are_counted_exactly),
    test!(filters_take_what_they_say),
    test!(each_end_is_asked_for),
];

/// What the workers do.
pub fn work(job: &Job) {
    match job.word(0) {
        "unanswered" => unanswered(job),
        "user" => connect_as(job),
        _ => assert!(net::work(job), "unknown work {}", job.word(0)),
    }
}

/// Connects where no SYN is answered, until it was sent twice, and holds on to it.
fn unanswered(job: &Job) {
    let (listener, _first) = net::full(job.word(1));
    job.step(&json!("ready"));
    let stream = begin_connect(listener.local_addr().expect("an address"));
    eventually("the SYN was sent again", || tcp_info(&stream).tcpi_total_retrans > 0);
    job.last(&json!(stream.local_addr().expect("an address").port()));
}

/// Connects to itself as another user.
fn connect_as(job: &Job) {
    let listener = net::listen("127.0.0.1:0");
    // SAFETY: takes a number; the worker has one thread.
    ok("setuid", unsafe { libc::setuid(USER) });
    job.step(&json!("ready"));
    drop(net::connect(&listener.local_addr().expect("an address").to_string()));
    job.last(&json!(net::port_of(&listener)));
}

fn own<'r>(rows: &'r [Value], worker: &Worker) -> Vec<&'r Value> {
    rows.iter().filter(|row| is(row, "pid", worker.pid)).collect()
}

fn check(pair: &Pair, calls: &[Call], rows: &[Value]) {
    let own = own(rows, &pair.client);
    assert_eq!(own.len(), calls.len(), "{own:?}");
    for (row, call) in own.iter().zip(calls) {
        assert!(pair.is_shown(row, true, call.port), "{call:?} in turn: {row}");
        assert_eq!(row["uid"], 0, "{row}");
    }
    assert!(!rows.iter().any(|row| is(row, "pid", pair.server.pid)), "a server does not connect");
}

fn check_new(case: &Case, place: Place, count: usize) {
    let mut pair = Pair::new("tcpconnect", place, count, "new");
    let watch = case.watch(&["tcpconnect"]);
    let calls = pair.run();
    watch.check(|rows| check(&pair, &calls, rows));
}

fn every_connect_of_a_burst(case: &Case) {
    check_new(case, v4("127.7.2.1"), burst());
}

fn connects_over_ipv6(case: &Case) {
    check_new(case, v6(), 3);
}

fn connects_over_ipv4_in_ipv6_sockets(case: &Case) {
    check_new(case, mapped(), 3);
}

fn refused_and_unanswered_ones_are_connects(case: &Case) {
    let mut refused = Worker::start("tcpconnect", &["refused", "127.7.2.2:7001", "10"]);
    let mut unanswered = Worker::start("tcpconnect", &["unanswered", "127.7.2.3:7001"]);
    let watch = case.watch(&["tcpconnect"]);
    refused.step();
    let port = unanswered.step();
    watch.check(|rows| {
        let ten = own(rows, &refused);
        assert_eq!(ten.len(), 10, "{ten:?}");
        assert!(ten.iter().all(|row| is(row, "raddr", "127.7.2.2") && is(row, "rport", 7001)), "{ten:?}");
        assert!(ten.iter().all(|row| row["lport"].as_u64() > Some(0)), "{ten:?}");
        let [row] = own(rows, &unanswered)[..] else { panic!("one, not {:?}", own(rows, &unanswered)) };
        assert_eq!((&row["raddr"], &row["rport"], &row["lport"]), (&json!("127.7.2.3"), &json!(7001), &port), "{row}");
    });
}

fn another_network_namespace_is_named(case: &Case) {
    let mut worker = Worker::start("tcpconnect", &["alone", "2"]);
    let watch = case.watch(&["tcpconnect"]);
    worker.step();
    watch.check(|rows| {
        let both = own(rows, &worker);
        assert_eq!(both.len(), 2, "{both:?}");
        both.iter().for_each(|row| assert_eq!(row["netns"], worker.hello, "{row}"));
    });
}

fn connects_are_counted_exactly(case: &Case) {
    let count = burst();
    let mut pair = Pair::new("tcpconnect", v4("127.7.2.4"), count, "new");
    let mut refused = Worker::start("tcpconnect", &["refused", "127.7.2.4:7002", "10"]);
    let endpoint = case.watch(&["tcpconnect", "--by", "endpoint"]);
    let raddr = case.watch(&["tcpconnect", "--by", "raddr"]);
    let pid = case.watch(&["tcpconnect", "--by", "pid"]);
    pair.run();
    refused.step();
    let count = count as u64;
    endpoint.check(|rows| {
        let to = |row: &Value| is(row, "raddr", "127.7.2.4") && is(row, "laddr", "127.0.0.1");
        assert_eq!(total(rows, "count", |row| to(row) && is(row, "rport", 7001)), count);
        assert_eq!(total(rows, "count", |row| to(row) && is(row, "rport", 7002)), 10);
    });
    raddr.check(|rows| assert_eq!(total(rows, "count", |row| is(row, "raddr", "127.7.2.4")), count + 10));
    pid.check(|rows| {
        assert_eq!(total(rows, "count", |row| is(row, "pid", pair.client.pid)), count);
        assert_eq!(total(rows, "count", |row| is(row, "pid", refused.pid)), 10);
    });
}

fn filters_take_what_they_say(case: &Case) {
    let mut refused = Worker::start("tcpconnect", &["refused", "127.7.2.5:7001", "10"]);
    let mut user = Worker::start("tcpconnect", &["user"]);
    let uid = case.watch(&["tcpconnect", "--uid", &USER.to_string()]);
    let rport = case.watch(&["tcpconnect", "--rport", "7001"]);
    let swapped = case.watch(&["tcpconnect", "--rport", "22811"]);
    let six = case.watch(&["tcpconnect", "--family", "6"]);
    refused.step();
    let port = user.step();
    uid.check(|rows| {
        let [row] = rows else { panic!("one, not {rows:?}") };
        assert_eq!((&row["pid"], &row["uid"], &row["rport"]), (&json!(user.pid), &json!(USER), &port), "{row}");
    });
    rport.check(|rows| assert_eq!((own(rows, &refused).len(), own(rows, &user).len()), (10, 0)));
    let none = |rows: &[Value]| assert_eq!((own(rows, &refused).len(), own(rows, &user).len()), (0, 0));
    swapped.check(none);
    six.check(none);
}

fn each_end_is_asked_for(case: &Case) {
    check_pairs(case, "tcpconnect", "127.7.2.9", true);
}
