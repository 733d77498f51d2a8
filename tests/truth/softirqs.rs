//! What `softirqs` must be right about: how often each kind runs, on every CPU, and that the time is one that can be.

use std::net::UdpSocket;

use serde_json::{Value, json};

use crate::support::counts::{Counts, EachCpu, assert_within, since, softirqs};
use crate::support::{Case, Job, Test, Worker, in_guest, monotonic, number, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[test!(runs_are_those_of_proc_softirqs).every_way()];

/// Packets over the loopback device: each is received in a soft interrupt.
fn packets() -> usize {
    if in_guest() { 5_000 } else { 50_000 }
}

/// What the worker does: sends packets to itself.
pub fn work(job: &Job) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(socket.local_addr().expect("its address")).expect("connected to itself");
    job.step(&json!("ready"));
    let mut byte = [0];
    for _ in 0..packets() {
        socket.send(&[1]).expect("sent");
        socket.recv(&mut byte).expect("received");
    }
    job.last(&json!("done"));
}

fn by_kind(rows: &[Value], kind: impl Fn(&Value) -> &Value) -> Counts {
    let mut found = Counts::new();
    for row in rows {
        *found.entry(kind(row).as_str().expect("a kind").to_owned()).or_default() += number(row, "count");
    }
    found
}

fn runs_are_those_of_proc_softirqs(case: &Case) {
    let mut worker = Worker::start("softirqs", &[]);
    let (before, started) = (softirqs(None), monotonic());
    let totals = case.watch(&["softirqs"]);
    let by_cpu = case.watch_plain(&["softirqs", "--show", "cpu"]);
    let distributions = case.watch_plain(&["softirqs", "--show", "distribution"]);
    let each = EachCpu::watch(case, "softirqs", softirqs);
    let of_none = case.watch_plain(&["softirqs", "--cpu", "65535"]);
    let begun = softirqs(None);
    worker.step();
    let least = since(&softirqs(None), &begun);
    assert!(least["net_rx"] >= packets() as u64 / 2, "not the work that this test is about: {least:?}");

    let cpus = std::thread::available_parallelism().expect("CPUs").get() as u64;
    let check = |rows: &[Value]| {
        assert_within("runs", &by_kind(rows, |row| &row["softirq"]), &least, &since(&softirqs(None), &before));
        for row in rows {
            assert!(number(row, "max") > 0 && number(row, "max") <= number(row, "sum"), "{row}");
        }
        let (time, elapsed) = (total(rows, "sum", |_| true), monotonic() - started);
        assert!(time < elapsed * cpus, "{time} ns of {elapsed} ns on each of {cpus} CPUs");
    };
    totals.check(check);
    by_cpu.check(|rows| {
        check(rows);
        assert!(rows.iter().all(|row| number(row, "cpu") < 4096), "{rows:?}");
    });
    each.check(|rows| by_kind(rows, |row| &row["softirq"]), |_| false);
    of_none.check(|rows| assert!(rows.is_empty(), "{rows:?}"));
    distributions.check(|histograms| {
        let found = by_kind(histograms, |histogram| &histogram["key"]["softirq"]);
        assert_within("runs in distributions", &found, &least, &since(&softirqs(None), &before));
        for histogram in histograms {
            let buckets = histogram["buckets"].as_array().expect("buckets");
            assert_eq!(total(buckets, "count", |_| true), number(histogram, "count"), "every run is in a bucket: {histogram}");
        }
    });
}
