//! What `tcpretrans` must be right about: as many segments as the kernel itself counts in a namespace with nobody else in it, whose they are.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::numbers::{is, number};
use crate::support::{Case, Job, Need, Test, Worker, hosts, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(lost_syns_are_those_that_the_kernel_counts).every_way().needs(&[Need::Program(hosts::IP)]),
    test!(lost_syns_over_ipv6).needs(&[Need::Program(hosts::IP)]),
    test!(lost_data_is_what_the_kernel_counts).needs(&[Need::Program(hosts::IP)]),
];

/// Segments that are sent again before the work is done.
const RETRANSMITS: u64 = 3;

/// What the workers do.
pub fn work(job: &Job) {
    hosts::isolate();
    hosts::join_deaf();
    match job.word(0) {
        "syn" => lose_syns(job),
        "data" => lose_data(job),
        other => panic!("unknown work {other}"),
    }
}

/// Connects to a host that never answers, until the kernel has sent the SYN again. The socket is closed by then, so that no more come.
fn lose_syns(job: &Job) {
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
    let truth = worker.step();
    let ends = [("raddr", json!("127.0.0.1")), ("rport", json!(7001))];
    watch.check(|rows| check(rows, &worker, &truth, "ESTABLISHED", ends.clone()));
}
