//! What `tcpconnect` must be right about: every connect of a burst, whoever answers it or not, from whom and where to.

use std::net::{IpAddr, TcpStream};

use serde_json::{Value, json};

use crate::support::asked::check_pairs;
use crate::support::dns::{self, Answer};
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
    test!(an_address_has_the_name_that_was_asked_for).every_way(),
    test!(what_is_cut_of_an_answer_is_counted),
    test!(each_grouping_adds_up_to_the_same),
];

/// What the workers do.
pub fn work(job: &Job) {
    match job.word(0) {
        "unanswered" => unanswered(job),
        "user" => connect_as(job),
        "names" => ask_and_connect(job),
        "cut" => ask_for_too_much(job),
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

/// In a network namespace of its own, where it is the name server: asks, and connects to where nobody listens.
fn ask_and_connect(job: &Job) {
    net::leave_network();
    let servers = ["127.0.0.1", "::1"].map(dns::pair);
    job.step(&json!("ready"));
    let connect = |address: &str| drop(TcpStream::connect((address, 7001)).expect_err("nobody listens there"));
    let address = |text: &str| text.parse().expect("an address");
    let learn = |server: usize, name: &str, answers: &[Answer], code| dns::answer(&servers[server], &dns::message(name, answers, code));
    connect("127.7.2.61");
    let cdn = [Answer::Alias("edge-7.cdn.test"), Answer::Address(address("127.7.2.61")), Answer::Spelt(address("127.7.2.62"))];
    learn(0, "www.bcc-top.test", &cdn, 0);
    learn(1, "six.bcc-top.test", &[Answer::Address(address("::1"))], 0);
    learn(0, "none.bcc-top.test", &[Answer::Address(address("127.7.2.63"))], 3);
    ["127.7.2.61", "127.7.2.62", "::1", "127.7.2.63"].into_iter().for_each(connect);
    learn(0, "new.bcc-top.test", &[Answer::Address(address("127.7.2.61"))], 0);
    connect("127.7.2.61");
    job.last(&json!("done"));
}

/// Answers with more addresses than are looked at, and to a question with too long a name.
fn ask_for_too_much(job: &Job) {
    net::leave_network();
    let server = dns::pair("127.0.0.1");
    job.step(&json!("ready"));
    let addresses: Vec<Answer> = (1..=20).map(|n| Answer::Address(IpAddr::from([127, 7, 3, n]))).collect();
    dns::answer(&server, &dns::message("many.bcc-top.test", &addresses, 0));
    let long = ["l".repeat(60), "o".repeat(60), "n".repeat(60)].join(".");
    dns::answer(&server, &dns::message(&long, &[Answer::Address(IpAddr::from([127, 7, 3, 30]))], 0));
    for last in [1, 16, 17, 30] {
        TcpStream::connect((IpAddr::from([127, 7, 3, last]), 7001)).expect_err("nobody listens there");
    }
    job.last(&json!("done"));
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

fn an_address_has_the_name_that_was_asked_for(case: &Case) {
    let mut worker = Worker::start("tcpconnect", &["names"]);
    let (with, without) = (case.watch_plain(&["tcpconnect", "--dns"]), case.watch_plain(&["tcpconnect"]));
    worker.step();
    let (www, six, new) = (json!("www.bcc-top.test"), json!("six.bcc-top.test"), json!("new.bcc-top.test"));
    let truth = [
        ("127.7.2.61", Value::Null),
        ("127.7.2.61", www.clone()),
        ("127.7.2.62", www),
        ("::1", six),
        ("127.7.2.63", Value::Null),
        ("127.7.2.61", new),
    ];
    with.check(|rows| {
        let told: Vec<_> = own(rows, &worker).into_iter().map(|row| (row["raddr"].as_str().expect("text"), row["query"].clone())).collect();
        assert_eq!(told, truth);
    });
    without.check(|rows| {
        let own = own(rows, &worker);
        assert_eq!(own.len(), truth.len());
        assert!(own.iter().all(|row| row["query"].is_null()), "{own:?}");
    });
}

fn what_is_cut_of_an_answer_is_counted(case: &Case) {
    let mut worker = Worker::start("tcpconnect", &["cut"]);
    let watch = case.watch_plain(&["tcpconnect", "--dns"]);
    worker.step();
    watch.check_seen(|seen| {
        let many = json!("many.bcc-top.test");
        let told: Vec<_> = own(&seen.rows, &worker).into_iter().map(|row| row["query"].clone()).collect();
        assert_eq!(told, [many.clone(), many, Value::Null, Value::Null]);
        assert!(seen.truncated >= 2, "an answer and a name: {}", seen.truncated);
    });
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let mut pair = Pair::new("tcpconnect", v4("127.7.2.9"), 5, "new");
    let pid = pair.client.pid.to_string();
    crate::support::asked::check_groupings(case, &["tcpconnect", "-p", &pid], Some(5), || drop(pair.run()));
}
