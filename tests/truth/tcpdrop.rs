//! What `tcpdrop` must be right about: as many segments as the kernel's counters tell in a namespace with nobody else in it, and why.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::support::asked::{But, check_groupings_but};
use crate::support::numbers::{is, number};
use crate::support::cell::once_with;
use crate::support::{Case, Cell, Job, Need, Test, Way, Worker, eventually, hosts, ok, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(calls_of_a_closed_port).every_way().needs(&[Need::Program(hosts::IP)]),
    test!(calls_of_a_closed_port_over_ipv6).needs(&[Need::Program(hosts::IP)]),
    test!(each_end_and_namespace_is_asked_for).needs(&[Need::Program(hosts::IP)]),
    test!(reasons_are_asked_for_by_the_names_of_the_kernel).needs(&[Need::Program(hosts::IP)]),
    test!(wrong_checksums).needs(&[Need::Program(hosts::IP)]),
    test!(segments_that_their_own_socket_drops).needs(&[Need::Program(hosts::IP)]),
    test!(each_grouping_adds_up_to_the_same).needs(&[Need::Program(hosts::IP)]),
];

/// Segments that are to be dropped.
const DROPS: u64 = 25;

/// What the workers do.
pub fn work(job: &Job) {
    hosts::isolate();
    job.step(&json!(hosts::namespace()));
    match job.word(0) {
        "closed" => call_closed(job),
        "checksum" => send_wrong(job),
        "filter" => drop_by_filter(job),
        other => panic!("unknown work {other}"),
    }
}

/// Each call is answered with a reset, which the kernel counts.
fn call_closed(job: &Job) {
    let address: SocketAddr = job.word(1).parse().expect("an address");
    for _ in 0..DROPS {
        assert!(TcpStream::connect(address).is_err(), "nobody listens there");
    }
    job.last(&json!(hosts::counter("Tcp", "OutRsts")));
}

/// Sends segments whose checksum is wrong.
fn send_wrong(job: &Job) {
    // SAFETY: no memory is involved.
    let raw = ok("socket", unsafe { libc::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_TCP) });
    let raw = i32::try_from(raw).expect("a descriptor");
    let mut segment = [0_u8; 20];
    segment[0..2].copy_from_slice(&1234_u16.to_be_bytes());
    segment[2..4].copy_from_slice(&7001_u16.to_be_bytes());
    segment[12..14].copy_from_slice(&[5 << 4, 0x29]);
    segment[16..18].copy_from_slice(&[0xde, 0xad]);
    // SAFETY: zero is an address.
    let mut to: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    to.sin_family = libc::AF_INET as u16;
    to.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
    for _ in 0..DROPS {
        let (bytes, size) = (segment.as_ptr().cast(), size_of::<libc::sockaddr_in>() as libc::socklen_t);
        // SAFETY: a segment and an address with their lengths.
        ok("sendto", unsafe { libc::sendto(raw, bytes, segment.len(), 0, (&raw const to).cast(), size) } as i64);
    }
    job.last(&json!(hosts::counter("Tcp", "InCsumErrors")));
}

/// Sends to a socket that throws all away: the segment, and each time that it is sent again.
fn drop_by_filter(job: &Job) {
    let listener = TcpListener::bind("127.0.0.1:7001").expect("a listener");
    let mut client = TcpStream::connect("127.0.0.1:7001").expect("connected");
    let (mut server, _) = listener.accept().expect("a connection");
    for _ in 0..10 {
        client.write_all(&[1]).expect("sent");
        server.read_exact(&mut [0]).expect("received");
    }
    hosts::deafen(&server);
    client.write_all(&[1; 100]).expect("queued");
    let again = || hosts::counter("Tcp", "RetransSegs");
    eventually("it was sent again", || again() >= 2);
    // A reset, after which the other end has nothing more to send.
    hosts::abort(server);
    eventually("the reset has arrived", || matches!(client.take_error(), Ok(Some(_))) || client.write(&[1]).is_err());
    job.last(&json!(1 + again()));
}

/// The kernel's name of a reason; 5.10 gives none.
fn reason(name: &str) -> Value {
    if Cell::here().name == "5.10" { Value::Null } else { json!(name) }
}

/// The function that threw it away; a kernel tells its name since 5.13.
fn location(name: &str) -> Value {
    if Cell::here().name == "5.10" { Value::Null } else { json!(name) }
}

fn check(case: &Case, words: &[&str], address: &str, flags: &str, reason: &Value) {
    let mut worker = Worker::start("tcpdrop", words);
    let watch = case.watch(&["tcpdrop"]);
    let by_port = case.watch_plain(&["tcpdrop", "--by", "dport"]);
    let with_stack = case.watch(&["tcpdrop", "--stack", "--dport", "7001"]);
    let truth = worker.step();
    assert_eq!(truth, json!(DROPS), "the kernel counted something else");
    watch.check(|rows| {
        let here = |row: &&Value| row["netns"] == worker.hello && is(row, "dport", 7001);
        let own: Vec<&Value> = rows.iter().filter(here).collect();
        assert_eq!(own.len() as u64, DROPS, "{own:?}");
        for row in own {
            let columns = ["saddr", "daddr", "flags", "reason", "location", "pid", "comm"];
            let found: Vec<&Value> = columns.iter().map(|column| &row[*column]).collect();
            let place = location(if address.contains(':') { "tcp_v6_rcv" } else { "tcp_v4_rcv" });
            let expected =
                [json!(address), json!(address), json!(flags), reason.clone(), place, Value::Null, Value::Null];
            assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{row}");
        }
    });
    with_stack.check(|rows| {
        let own: Vec<&Value> = rows.iter().filter(|row| row["netns"] == worker.hello).collect();
        assert_eq!(own.len() as u64, DROPS, "{own:?}");
        for row in own {
            let stack: Vec<&str> = row["stack"].as_str().unwrap_or("").split(';').collect();
            // Whatever is in between: what came over the loopback device was received in a softirq.
            let told = Cell::here().name != "5.10";
            let expected = if told { row["location"].as_str().expect("a function") } else { "" };
            assert_eq!(stack[0], expected, "{row}");
            assert_eq!(stack.contains(&"__netif_receive_skb_one_core"), told, "{row}");
            assert!(stack.len() == 12 || !told, "a softirq is deeper: {row}");
        }
    });
    by_port.check(|rows| {
        let counted = total(rows, "count", |row| is(row, "dport", 7001));
        assert!(counted >= DROPS, "counted by port: {counted}");
        rows.iter().for_each(|row| assert!(number(row, "count") > 0, "{row}"));
    });
}

fn calls_of_a_closed_port(case: &Case) {
    check(case, &["closed", "127.0.0.1:7001"], "127.0.0.1", "S", &reason("NO_SOCKET"));
}

fn calls_of_a_closed_port_over_ipv6(case: &Case) {
    check(case, &["closed", "[::1]:7001"], "::1", "S", &reason("NO_SOCKET"));
}

fn wrong_checksums(case: &Case) {
    check(case, &["checksum"], "127.0.0.1", "FPU", &reason("TCP_CSUM"));
}

fn segments_that_their_own_socket_drops(case: &Case) {
    let mut worker = Worker::start("tcpdrop", &["filter"]);
    let watch = case.watch(&["tcpdrop"]);
    let sent = worker.step();
    // The receiving socket is told since 6.11.
    let told = !matches!(Cell::here().name.as_str(), "5.10" | "6.1");
    let known = |value: Value| if told { value } else { Value::Null };
    watch.check(|rows| {
        let here = |row: &&Value| row["netns"] == worker.hello && is(row, "dport", 7001);
        let own: Vec<&Value> = rows.iter().filter(here).collect();
        assert_eq!(json!(own.len()), sent, "{own:?}");
        for row in own {
            assert_eq!(row["reason"], reason("SOCKET_FILTER"), "{row}");
            assert_eq!((&row["pid"], &row["state"]), (&known(json!(worker.pid)), &known(json!("ESTABLISHED"))), "{row}");
        }
    });
}

fn each_end_and_namespace_is_asked_for(case: &Case) {
    let mut four = Worker::start("tcpdrop", &["closed", "127.0.0.1:7001"]);
    let mut six = Worker::start("tcpdrop", &["closed", "[::1]:7002"]);
    let spaces = [four.hello.clone(), six.hello.clone()];
    let space = spaces[1].to_string();
    let asked: &[crate::support::asked::Asked<'_>] = &[
        (&["--saddr", "127.0.0.0/8"], &|row| is(row, "saddr", "127.0.0.1")),
        (&["--daddr", "::1"], &|row| is(row, "daddr", "::1")),
        (&["--daddr", "192.0.2.0/24"], &|_| false),
        (&["--dport", "7002,7003"], &|row| is(row, "dport", 7002)),
        (&["--sport", "1"], &|_| false),
        (&["--family", "4"], &|row| is(row, "family", 4)),
        (&["--netns", &space], &|row| row["netns"] == spaces[1]),
        (&["--named"], &|row| !row["reason"].is_null()),
    ];
    let work = || [&mut four, &mut six].into_iter().for_each(|worker| drop(worker.step()));
    crate::support::asked::check(case, &["tcpdrop"], asked, work, |row| spaces.contains(&row["netns"]));
}

fn reasons_are_asked_for_by_the_names_of_the_kernel(case: &Case) {
    let refused = |name: &str| {
        let (code, frames) = once_with(&Way::Plain, "tcpdrop", &[format!("--reason={name}")]);
        (code, frames[0]["reason"]["message"].to_string())
    };
    if Cell::here().name == "5.10" {
        let (code, why) = refused("NO_SOCKET");
        assert!(code == 4 && why.contains("this kernel has no names"), "{code}: {why}");
        return;
    }
    let (code, why) = refused("NO_SOCKT");
    assert!(code == 4 && why.contains("`NO_SOCKT` is no name") && why.contains("NO_SOCKET"), "{code}: {why}");
    let mut closed = Worker::start("tcpdrop", &["closed", "127.0.0.1:7001"]);
    let mut checksum = Worker::start("tcpdrop", &["checksum"]);
    let spaces = [closed.hello.clone(), checksum.hello.clone()];
    let because = |row: &Value, reason: &str| is(row, "reason", reason);
    let asked: &[crate::support::asked::Asked<'_>] = &[
        (&["--reason", "TCP_CSUM"], &|row| because(row, "TCP_CSUM")),
        (&["--reason", "no_socket,tcp_csum"], &|row| because(row, "NO_SOCKET") || because(row, "TCP_CSUM")),
        (&["--reason", "SOCKET_FILTER"], &|row| because(row, "SOCKET_FILTER")),
        (&["--not-reason", "NO_SOCKET,SOCKET_FILTER"], &|row| !because(row, "NO_SOCKET")),
    ];
    let work = || [&mut closed, &mut checksum].into_iter().for_each(|worker| drop(worker.step()));
    crate::support::asked::check(case, &["tcpdrop"], asked, work, |row| spaces.contains(&row["netns"]));
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    // Of sockets that are there, so that they have a state.
    let mut worker = Worker::start("tcpdrop", &["filter"]);
    let space = worker.hello.to_string();
    // Drops have their socket since 6.10, their reason since 5.17.
    let is_old = matches!(Cell::here().name.as_str(), "5.10" | "6.1");
    let unnamed: &[&str] = if is_old { &["reason", "state"] } else { &[] };
    let but = But { unnamed, ..But::default() };
    check_groupings_but(case, &["tcpdrop", "--netns", &space], &but, None, || drop(worker.step()));
}
