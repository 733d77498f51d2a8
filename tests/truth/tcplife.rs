//! What `tcplife` must be right about: every session at both ends, whose it was, each byte of it, and how long it lasted.

use std::io::Write;

use serde_json::{Value, json};

use crate::support::asked::{self, Filter};
use crate::support::net::{self, Call, Pair, Place, answered, burst, mapped, sent, v4, v6};
use crate::support::numbers::{is, number};
use crate::support::{Case, Job, Test, Worker, monotonic, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_session_of_a_burst_at_both_ends).every_way(),
    test!(sessions_over_ipv6),
    test!(sessions_over_ipv4_in_ipv6_sockets),
    test!(an_older_session_is_complete_but_for_its_duration).every_way(),
    test!(whoever_connected_is_the_owner_not_whoever_closes_last).every_way(),
    test!(another_network_namespace_is_named),
    test!(what_was_never_established_is_no_session),
    test!(what_nobody_accepted_is_nobodys).every_way(),
    test!(sessions_are_counted_exactly),
    test!(filters_take_what_they_say),
    test!(each_end_is_asked_for),
    test!(each_grouping_adds_up_to_the_same),
];

/// What the workers do.
pub fn work(job: &Job) {
    match job.word(0) {
        "leave" => leave(job),
        _ => assert!(net::work(job), "unknown work {}", job.word(0)),
    }
}

/// Connects to itself, and never accepts: both ends are closed by the end of the step.
fn leave(job: &Job) {
    let listener = net::listen(job.word(1));
    job.step(&json!("ready"));
    let mut stream = net::connect(&listener.local_addr().expect("an address").to_string());
    stream.write_all(&[1; 1001]).expect("sent");
    drop((stream, listener));
    job.last(&json!("done"));
}

/// The rows of the client or of the server, which must be as many as there were calls.
fn rows_of<'r>(rows: &'r [Value], worker: &Worker, calls: &[Call]) -> Vec<&'r Value> {
    let own: Vec<&Value> = rows.iter().filter(|row| is(row, "pid", worker.pid)).collect();
    assert_eq!(own.len(), calls.len(), "sessions of {}: {own:?}", worker.pid);
    own
}

/// Asserts that each call is a session at both ends, none of them there before `begun`; of older ones it is not known how long they lasted.
fn check(pair: &Pair, calls: &[Call], rows: &[Value], begun: Option<u64>) {
    for of_client in [true, false] {
        let worker = if of_client { &pair.client } else { &pair.server };
        let own = rows_of(rows, worker, calls);
        for (number, call) in calls.iter().enumerate() {
            let found: Vec<&&Value> = own.iter().filter(|row| pair.is_shown(row, of_client, call.port)).collect();
            let [row] = found[..] else { panic!("{number}, client {of_client}: {found:?} of {own:?}") };
            let (up, down) = (json!(sent(number)), json!(answered(number)));
            let (tx, rx) = if of_client { (up, down) } else { (down, up) };
            assert_eq!((&row["tx"], &row["rx"]), (&tx, &rx), "bytes of {number}, client {of_client}: {row}");
            check_duration(row, call, of_client, begun);
        }
    }
}

fn check_duration(row: &Value, call: &Call, of_client: bool, begun: Option<u64>) {
    let Some(begun) = begun else {
        assert_eq!(row["duration"], Value::Null, "nobody knows when it began: {row}");
        return;
    };
    let (duration, ended) = (self::number(row, "duration"), self::number(row, "time_ns"));
    assert!((begun..=monotonic()).contains(&ended), "it ended after {begun}: {row}");
    // Its sockets may outlive the calls that closed them, until the last FIN is acknowledged.
    let most = ended - begun;
    // The server's end may begin after the client's connect returned.
    let least = if of_client { call.life } else { 1 };
    assert!((least..=most).contains(&duration), "{least} to {most} ns: {row}");
}

fn check_new(case: &Case, place: Place, count: usize, how: &str) {
    let mut pair = Pair::new("tcplife", place, count, how);
    let watch = case.watch(&["tcplife"]);
    let begun = monotonic();
    let calls = pair.run();
    watch.check(|rows| check(&pair, &calls, rows, Some(begun)));
}

fn every_session_of_a_burst_at_both_ends(case: &Case) {
    check_new(case, v4("127.7.1.1"), burst(), "new");
}

fn sessions_over_ipv6(case: &Case) {
    check_new(case, v6(), 3, "new");
}

fn sessions_over_ipv4_in_ipv6_sockets(case: &Case) {
    check_new(case, mapped(), 3, "new");
}

fn whoever_connected_is_the_owner_not_whoever_closes_last(case: &Case) {
    check_new(case, v4("127.7.1.2"), 3, "lent");
}

fn an_older_session_is_complete_but_for_its_duration(case: &Case) {
    let mut pair = Pair::new("tcplife", v4("127.7.1.3"), 1, "older");
    pair.order();
    assert_eq!((pair.client.answer(), pair.server.answer()), ("open".into(), "open".into()));
    let watch = case.watch(&["tcplife"]);
    let calls = pair.run();
    watch.check(|rows| check(&pair, &calls, rows, None));
}

fn another_network_namespace_is_named(case: &Case) {
    let mut worker = Worker::start("tcplife", &["alone", "2"]);
    let watch = case.watch(&["tcplife"]);
    worker.step();
    let own = |row: &Value| is(row, "pid", worker.pid);
    watch.check(|rows| {
        let both: Vec<&Value> = rows.iter().filter(|row| own(row)).collect();
        assert_eq!(both.len(), 4, "two sessions, both ends: {both:?}");
        both.iter().for_each(|row| assert_eq!(row["netns"], worker.hello, "{row}"));
        assert_eq!(total(rows, "rx", own), sent(0) + sent(1));
    });
}

fn what_was_never_established_is_no_session(case: &Case) {
    let mut worker = Worker::start("tcplife", &["refused", "127.7.1.4:7001", "10"]);
    let watch = case.watch(&["tcplife"]);
    worker.step();
    watch.check(|rows| assert!(!rows.iter().any(|row| is(row, "pid", worker.pid)), "{rows:?}"));
}

fn what_nobody_accepted_is_nobodys(case: &Case) {
    let mut worker = Worker::start("tcplife", &["leave", "127.7.1.7:7001"]);
    let watch = case.watch(&["tcplife"]);
    worker.step();
    watch.check(|rows| {
        let of = |column: &str| rows.iter().filter(|row| is(row, column, "127.7.1.7")).collect::<Vec<_>>();
        let ([ours], [theirs]) = (&of("raddr")[..], &of("laddr")[..]) else { panic!("one at each end: {rows:?}") };
        assert_eq!((&ours["pid"], &ours["tx"]), (&json!(worker.pid), &json!(1001)), "{ours}");
        let nobody = ["pid", "comm", "uid", "user"].map(|column| &theirs[column]);
        assert_eq!((nobody, &theirs["rx"]), ([&Value::Null; 4], &json!(1001)), "{theirs}");
    });
}

fn sessions_are_counted_exactly(case: &Case) {
    let count = burst();
    let mut pair = Pair::new("tcplife", v4("127.7.1.5"), count, "new");
    let by_pid = case.watch(&["tcplife", "--by", "pid"]);
    let by_raddr = case.watch(&["tcplife", "--by", "raddr"]);
    let by_lport = case.watch(&["tcplife", "--by", "lport", "--pid", &pair.server.pid.to_string()]);
    pair.run();
    let up: u64 = (0..count).map(sent).sum();
    let down: u64 = (0..count).map(answered).sum();
    let sums = |rows: &[Value], wanted: &dyn Fn(&Value) -> bool| {
        ["count", "tx", "rx"].map(|column| total(rows, column, wanted))
    };
    let (ours, theirs) = ([count as u64, up, down], [count as u64, down, up]);
    by_pid.check(|rows| {
        assert_eq!(sums(rows, &|row| is(row, "pid", pair.client.pid)), ours, "of the client");
        assert_eq!(sums(rows, &|row| is(row, "pid", pair.server.pid)), theirs, "of the server");
    });
    by_raddr.check(|rows| assert_eq!(sums(rows, &|row| is(row, "raddr", "127.7.1.5")), ours));
    by_lport.check(|rows| assert_eq!(sums(rows, &|row| is(row, "lport", 7001)), theirs));
}

fn filters_take_what_they_say(case: &Case) {
    let mut pair = Pair::new("tcplife", v4("127.7.1.6"), 20, "new");
    let least = (sent(10) + answered(10)).to_string();
    let large = case.watch(&["tcplife", "--rport", "7001", "--min-bytes", &least, "--family", "4"]);
    let swapped = case.watch(&["tcplife", "--rport", "22811"]);
    let listed = case.watch(&["tcplife", "--rport", "7,7001", "--raddr", "127.7.1.0/29", "--laddr", "127.0.0.0/8"]);
    let beside = case.watch(&["tcplife", "--raddr", "127.7.1.8/29"]);
    let whole = case.watch(&["tcplife", "--rport", "7001", "--raddr", "127.7.1.7"]);
    let long = case.watch(&["tcplife", "--min-duration-ms", "4000000000"]);
    let longer = case.watch(&["tcplife", "--min-duration", "2h"]);
    let other = case.watch(&["tcplife", "--family", "6"]);
    pair.run();
    let own = |row: &&Value| is(row, "pid", pair.client.pid) || is(row, "pid", pair.server.pid);
    let count = |rows: &[Value]| rows.iter().filter(own).count();
    large.check(|rows| {
        assert_eq!(count(rows), 10, "half of the client's");
        assert!(rows.iter().filter(own).all(|row| is(row, "pid", pair.client.pid)));
    });
    listed.check(|rows| {
        assert_eq!(count(rows), 20, "all of the client's");
        assert!(rows.iter().filter(own).all(|row| is(row, "pid", pair.client.pid)));
    });
    [swapped, beside, whole, long, longer, other].into_iter().for_each(|watch| watch.check(|rows| assert_eq!(count(rows), 0)));
}

fn each_end_is_asked_for(case: &Case) {
    let mut pair = Pair::new("tcplife", v4("127.7.1.9"), 3, "new");
    let pids = [pair.client.pid, pair.server.pid];
    let ends = [("lport", 7001), ("rport", 7001)].map(|(port, number)| Filter::same(port, number));
    let address = ["laddr", "raddr"].map(|end| Filter::same(end, "127.7.1.9"));
    let asked = asked::ends("tcplife").chain(ends).chain(address).chain([Filter::none("lport", 22_811)]);
    asked::check(case, &["tcplife"], asked, || drop(pair.run()), |row| pids.iter().any(|&pid| is(row, "pid", pid)));
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let mut pair = Pair::new("tcplife", v4("127.7.1.9"), 5, "new");
    let pid = pair.client.pid.to_string();
    crate::support::asked::check_groupings(case, &["tcplife", "-p", &pid], Some(5), || drop(pair.run()));
}
