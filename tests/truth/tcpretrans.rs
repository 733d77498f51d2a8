//! What `tcpretrans` must be right about: as many segments as the kernel itself counts in a namespace with nobody else in it, whose they are.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::asked::{self, Filter};
use crate::support::hosts::Hosts;
use crate::support::net::begin_connect;
use crate::support::numbers::{is, number};
use crate::support::{Case, Job, Need, Test, Worker, eventually, hosts, in_guest, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(lost_syns_are_those_that_the_kernel_counts).every_way().needs(&[Need::Program(hosts::IP)]),
    test!(lost_syns_over_ipv6).needs(&[Need::Program(hosts::IP)]),
    test!(each_end_is_asked_for).needs(&[Need::Program(hosts::IP)]),
    test!(lost_data_is_what_the_kernel_counts).needs(&[Need::Program(hosts::IP)]),
    test!(lost_answers_to_syns_are_what_the_kernel_counts).needs(&[Need::Program(hosts::IP)]),
    test!(a_lossy_cable).needs(&[Need::Program(hosts::IP), Need::Program(hosts::TC)]),
    test!(each_grouping_adds_up_to_the_same).needs(&[Need::Program(hosts::IP)]),
];

/// Segments that are sent again before the work is done.
const RETRANSMITS: u64 = 3;
/// Of a hundred packets on the lossy cable, how many are lost.
const LOSS: u32 = 15;
/// Segments that each host sends over it. That none is lost happens once in thirty thousand times.
const ROUNDS: usize = 64;

/// What the workers do.
pub fn work(job: &Job) {
    hosts::isolate();
    match job.word(0) {
        "syn" => lose_syns(job),
        "data" => lose_data(job),
        "answer" => lose_answers(job),
        "cable" => lose_some(job),
        other => panic!("unknown work {other}"),
    }
}

/// Connects to a host that never answers, until the kernel has sent the SYN again. The socket is closed by then, so that no more come.
fn lose_syns(job: &Job) {
    hosts::join_deaf();
    job.step(&json!(hosts::namespace()));
    let address: SocketAddr = job.word(1).parse().expect("an address");
    while retransmits() < RETRANSMITS {
        // The first SYN is sent again after a second.
        let _ = TcpStream::connect_timeout(&address, Duration::from_millis(2500));
    }
    job.last(&json!({ "segments": retransmits(), "probes": 0 }));
}

/// Sends to itself, and no longer hears it in the end.
fn lose_data(job: &Job) {
    hosts::join_deaf();
    let listener = TcpListener::bind("127.0.0.1:7001").expect("a listener");
    let mut client = TcpStream::connect("127.0.0.1:7001").expect("connected");
    let (mut server, _) = listener.accept().expect("a connection");
    job.step(&json!(hosts::namespace()));
    let mut byte = [0];
    for _ in 0..10 {
        client.write_all(&[1]).expect("sent");
        server.read_exact(&mut byte).expect("received");
    }
    hosts::deafen(&server);
    client.write_all(&[1; 100]).expect("queued");
    let until = Instant::now() + Duration::from_secs(60);
    while retransmits() < RETRANSMITS {
        assert!(Instant::now() < until, "nothing was sent again");
        std::thread::sleep(Duration::from_millis(10));
    }
    // Without an orderly end: a FIN would be sent again too.
    hosts::abort(client);
    hosts::abort(server);
    let probes = hosts::counter("TcpExt", "TCPLossProbes");
    job.last(&json!({ "segments": retransmits(), "probes": probes }));
}

/// Of two hosts, what each counts, and its namespace.
fn both(hosts: &Hosts) -> Value {
    hosts.go_near();
    let near = [retransmits(), hosts::namespace()];
    hosts.go_far();
    json!([near, [retransmits(), hosts::namespace()]])
}

/// The far host calls the near one, whose answers never reach it.
fn lose_answers(job: &Job) {
    let hosts = Hosts::join();
    hosts::misdirect();
    job.step(&both(&hosts));
    hosts.go_near();
    let listener = TcpListener::bind("10.7.0.1:7001").expect("a listener");
    hosts.go_far();
    let caller = begin_connect("10.7.0.1:7001".parse().expect("an address"));
    eventually("SYNs and the answers were sent again", || {
        let counted = both(&hosts);
        counted[0][0].as_u64() >= Some(RETRANSMITS) && counted[1][0].as_u64() >= Some(1)
    });
    drop(caller);
    drop(listener);
    job.last(&both(&hosts));
}

/// Both send a byte in turn, each of which is a segment, and many are lost.
fn lose_some(job: &Job) {
    let hosts = Hosts::join();
    hosts.go_near();
    let listener = TcpListener::bind("10.7.0.1:7001").expect("a listener");
    hosts.go_far();
    let mut there = TcpStream::connect("10.7.0.1:7001").expect("connected");
    let (mut here, _) = listener.accept().expect("a connection");
    let lossy = hosts::lose("v1", LOSS);
    hosts.go_near();
    let lossy = lossy && hosts::lose("v0", LOSS);
    job.step(&both(&hosts));
    if lossy {
        for _ in 0..ROUNDS {
            here.write_all(&[1]).expect("sent");
            there.read_exact(&mut [0]).expect("received");
            there.write_all(&[1]).expect("sent");
            here.read_exact(&mut [0]).expect("received");
        }
    }
    hosts::abort(here);
    hosts::abort(there);
    job.last(&json!({ "lossy": lossy, "counted": both(&hosts) }));
}

fn retransmits() -> u64 {
    hosts::counter("Tcp", "RetransSegs")
}

fn check(rows: &[Value], worker: &Worker, truth: &Value, state: &str, ends: [(&str, Value); 2]) {
    let own: Vec<Value> = rows.iter().filter(|row| row["netns"] == worker.hello).cloned().collect();
    assert_eq!(total(&own, "segments", |_| true), number(truth, "segments"), "segments: {own:?}");
    let probes = own.iter().filter(|row| is(row, "type", "L")).count() as u64;
    assert_eq!(probes, number(truth, "probes"), "tail loss probes: {own:?}");
    for row in &own {
        assert_eq!((&row["pid"], &row["state"]), (&json!(worker.pid), &json!(state)), "{row}");
        ends.iter().for_each(|(column, value)| assert_eq!(row[*column], *value, "{column} of {row}"));
    }
}

fn lost_syns(case: &Case, address: &str, remote: &str) {
    let mut worker = Worker::start("tcpretrans", &["syn", address]);
    let watch = case.watch(&["tcpretrans"]);
    let by_flow = case.watch_plain(&["tcpretrans", "--by", "pid"]);
    let truth = worker.step();
    watch.check(|rows| check(rows, &worker, &truth, "SYN_SENT", [("raddr", json!(remote)), ("rport", json!(7001))]));
    by_flow.check(|rows| {
        let own = |row: &Value| is(row, "pid", worker.pid);
        assert_eq!(total(rows, "segments", own), number(&truth, "segments"), "counted by process");
    });
}

fn lost_syns_are_those_that_the_kernel_counts(case: &Case) {
    lost_syns(case, "10.7.0.2:7001", "10.7.0.2");
}

fn lost_syns_over_ipv6(case: &Case) {
    lost_syns(case, "[fd07::2]:7001", "fd07::2");
}

fn lost_data_is_what_the_kernel_counts(case: &Case) {
    let mut worker = Worker::start("tcpretrans", &["data"]);
    let watch = case.watch(&["tcpretrans"]);
    let [without, only] = ["no", "only"].map(|probes| case.watch(&["tcpretrans", "--lossprobe", probes]));
    let truth = worker.step();
    let probes = number(&truth, "probes");
    for (watch, segments) in [(without, number(&truth, "segments") - probes), (only, probes)] {
        watch.check(|rows| assert_eq!(total(rows, "segments", |row| row["netns"] == worker.hello), segments, "{rows:?}"));
    }
    let ends = [("raddr", json!("127.0.0.1")), ("rport", json!(7001))];
    watch.check(|rows| check(rows, &worker, &truth, "ESTABLISHED", ends.clone()));
}

/// The rows of each host, with what it counted from `before` until `after`.
fn each<'r>(rows: &'r [Value], before: &Value, after: &Value) -> [(u64, Vec<&'r Value>); 2] {
    [0, 1].map(|host| {
        let counted = |when: &Value| when[host][0].as_u64().expect("a number");
        let own = rows.iter().filter(|row| row["netns"] == after[host][1]).collect();
        (counted(after) - counted(before), own)
    })
}

fn lost_answers_to_syns_are_what_the_kernel_counts(case: &Case) {
    let mut worker = Worker::start("tcpretrans", &["answer"]);
    let watch = case.watch(&["tcpretrans"]);
    let counted = worker.step();
    watch.check(|rows| {
        let [(answers, near), (syns, far)] = each(rows, &worker.hello, &counted);
        for (count, own, state, end) in [(answers, near, "NEW_SYN_RECV", "lport"), (syns, far, "SYN_SENT", "rport")] {
            let segments: u64 = own.iter().map(|row| number(row, "segments")).sum();
            assert_eq!(segments, count, "{state}: {own:?}");
            for row in own {
                assert_eq!((&row["state"], &row["pid"]), (&json!(state), &json!(worker.pid)), "{row}");
                assert_eq!((&row[end], &row["type"]), (&json!(7001), &json!("R")), "{row}");
            }
        }
    });
}

fn a_lossy_cable(case: &Case) {
    let mut worker = Worker::start("tcpretrans", &["cable"]);
    let watch = case.watch(&["tcpretrans"]);
    let done = worker.step();
    // Where the kernel has no netem nothing is lost, and nothing may be shown.
    assert!(!in_guest() || done["lossy"] == true, "guests are to have netem");
    watch.check(|rows| {
        for (count, own) in each(rows, &worker.hello, &done["counted"]) {
            let segments: u64 = own.iter().map(|row| number(row, "segments")).sum();
            assert_eq!((segments, count > 0), (count, done["lossy"] == true), "{own:?}");
            own.iter().for_each(|row| assert_eq!(row["pid"], json!(worker.pid), "{row}"));
        }
    });
}

fn each_end_is_asked_for(case: &Case) {
    let mut four = Worker::start("tcpretrans", &["syn", "10.7.0.2:7001"]);
    let mut six = Worker::start("tcpretrans", &["syn", "[fd07::2]:7002"]);
    let pids = [four.pid, six.pid];
    let own = [
        Filter::same("raddr", "fd07::2"),
        Filter::same("laddr", "10.7.0.1"),
        Filter::same("rport", 7002),
        Filter::new("raddr", "10.7.0.0/16", |row| is(row, "raddr", "10.7.0.2")),
    ];
    let asked = asked::ends("tcpretrans").chain(own);
    let work = || [&mut four, &mut six].into_iter().for_each(|worker| drop(worker.step()));
    asked::check(case, &["tcpretrans"], asked, work, |row| pids.iter().any(|&pid| is(row, "pid", pid)));
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let mut worker = Worker::start("tcpretrans", &["syn", "10.7.0.2:7001"]);
    let pid = worker.pid.to_string();
    crate::support::asked::check_groupings(case, &["tcpretrans", "-p", &pid], None, || drop(worker.step()));
}
