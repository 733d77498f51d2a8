//! What `tcprtt` must be right about: a look for each segment that arrives, and times that a delayed cable makes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::support::numbers::number;
use crate::support::{Case, Job, Need, Test, Worker, hosts, in_guest, note};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(each_segment_is_looked_at_once).every_way().needs(&[Need::Program(hosts::IP)]),
    test!(each_end_is_asked_for).needs(&[Need::Program(hosts::IP)]),
    test!(over_ipv6).needs(&[Need::Program(hosts::IP)]),
    test!(a_delay_is_seen).needs(&[Need::Program(hosts::IP), Need::Program(hosts::TC)]),
    test!(each_grouping_adds_up_to_the_same).needs(&[Need::Program(hosts::IP)]),
];

/// Bytes that go there and back.
const ROUNDS: usize = 50;
/// What a cable adds to each way, where it can.
const DELAY_MS: u32 = 20;

/// What the workers do: exchange bytes on one connection, over a cable as word 1 says, and tell how many segments arrived.
pub fn work(job: &Job) {
    hosts::isolate();
    let delayed = job.word(1) == "delayed" && hosts::delay(DELAY_MS);
    let listener = TcpListener::bind(job.word(0)).expect("a listener");
    let mut client = TcpStream::connect(job.word(0)).expect("connected");
    let (mut server, _) = listener.accept().expect("a connection");
    [&client, &server].iter().for_each(|stream| stream.set_nodelay(true).expect("a setting"));
    exchange(&mut client, &mut server, 2);
    job.step(&json!({ "netns": hosts::namespace(), "delayed": delayed }));
    let before = hosts::counter("Tcp", "InSegs");
    exchange(&mut client, &mut server, ROUNDS);
    job.last(&json!(hosts::counter("Tcp", "InSegs") - before));
}

fn exchange(client: &mut TcpStream, server: &mut TcpStream, rounds: usize) {
    let mut byte = [0];
    for _ in 0..rounds {
        client.write_all(&[1]).expect("sent");
        server.read_exact(&mut byte).expect("received");
        server.write_all(&[2]).expect("sent");
        client.read_exact(&mut byte).expect("received");
    }
}

fn check(case: &Case, words: &[&str]) {
    let mut worker = Worker::start("tcprtt", words);
    let delayed = worker.hello["delayed"] == json!(true);
    assert!(delayed || !in_guest() || words[1] != "delayed", "guests are to have netem");
    let watch = case.watch(&["tcprtt", "--by", "netns"]);
    let truth = worker.step().as_u64().expect("segments");
    // A delayed acknowledgement may be on its way before and after.
    let slack = 3;
    watch.check(|histograms| {
        let own: Vec<&Value> = histograms.iter().filter(|found| found["key"]["netns"] == worker.hello["netns"]).collect();
        let sum = |column: &str| own.iter().map(|found| number(found, column)).sum::<u64>();
        let (count, total) = (sum("count"), sum("sum"));
        note(format!("{count} looks, in truth {truth} segments; mean {} ns", total / count.max(1)));
        assert!(count.abs_diff(truth) <= slack, "{count} looks, in truth {truth} segments: {own:?}");
        if delayed {
            let least = 2 * u64::from(DELAY_MS) * 1_000_000;
            let low = |bucket: &Value| number(bucket, "hi") < least;
            let buckets = own.iter().flat_map(|found| found["buckets"].as_array().expect("buckets"));
            assert_eq!(buckets.filter(|bucket| low(bucket)).count(), 0, "both ways take {least} ns: {own:?}");
        }
    });
}

fn each_segment_is_looked_at_once(case: &Case) {
    check(case, &["127.0.0.1:7001", "straight"]);
}

fn over_ipv6(case: &Case) {
    check(case, &["[::1]:7001", "straight"]);
}

fn a_delay_is_seen(case: &Case) {
    // Elsewhere the kernel may have no netem; then this is one more look at the number.
    check(case, &["127.0.0.1:7001", "delayed"]);
}

fn each_end_is_asked_for(case: &Case) {
    let mut worker = Worker::start("tcprtt", &["127.0.0.1:7001", "straight"]);
    let watch = |args: &[&str]| case.watch(&[&["tcprtt", "--by", "netns"], args].concat());
    let ends = ["--lport", "--rport"].map(|end| watch(&[end, "7001"]));
    let all = [["--raddr", "127.0.0.0/8"], ["--laddr", "127.0.0.1"], ["--family", "4"]].map(|asked| watch(&asked));
    let none = [["--raddr", "10.0.0.1"], ["--laddr", "::1"], ["--lport", "22811"], ["--family", "6"]].map(|asked| watch(&asked));
    let truth = worker.step().as_u64().expect("segments");
    let count = |histograms: &[Value]| {
        let own = histograms.iter().filter(|found| found["key"]["netns"] == worker.hello["netns"]);
        own.map(|found| number(found, "count")).sum::<u64>()
    };
    // Each end gets half of the segments, but for acknowledgements that were on their way before and after.
    let near = |found: u64, truth: u64| assert!(found.abs_diff(truth) <= truth / 4 + 3, "{found} looks of {truth}");
    ends.into_iter().for_each(|watch| watch.check(|histograms| near(count(histograms), truth / 2)));
    all.into_iter().for_each(|watch| watch.check(|histograms| assert!(count(histograms).abs_diff(truth) <= 3)));
    none.into_iter().for_each(|watch| watch.check(|histograms| assert_eq!(count(histograms), 0)));
}

fn each_grouping_adds_up_to_the_same(case: &Case) {
    let mut worker = Worker::start("tcprtt", &["127.9.1.1:7001", "straight"]);
    crate::support::asked::check_groupings(case, &["tcprtt", "--raddr", "127.9.1.1"], None, || drop(worker.step()));
}
