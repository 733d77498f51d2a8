//! What `hardirqs` must be right about: how often the handler of each interrupt line is called, and what it is called.

use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::counts::{Counts, EachCpu, assert_within, interrupts, since};
use crate::support::{Case, Job, Test, Worker, files, in_guest, monotonic, number, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[test!(calls_are_those_of_proc_interrupts).every_way()];

/// Size of the file that is read.
const SIZE: usize = 1 << 20;

/// Reads of a disk, one after the other: an interrupt each.
fn reads() -> usize {
    if in_guest() { 1_000 } else { 10_000 }
}

/// What the worker does: with the word that names a file, reads it past the page cache.
pub fn work(job: &Job) {
    let file = files::open_direct(Path::new(job.word(0)));
    let mut page = files::Pages::new(files::PAGE);
    job.step(&json!("ready"));
    for number in 0..reads() {
        let at = number * files::PAGE % SIZE;
        file.read_exact_at(page.bytes(), at as u64).expect("read");
    }
    job.last(&json!("done"));
}

/// Whether two handlers share the line: then a call of each is counted, and one interrupt.
fn is_shared(line: &str) -> bool {
    let text = std::fs::read_to_string(format!("/sys/kernel/irq/{line}/actions")).unwrap_or_default();
    text.contains(',')
}

fn calls_are_those_of_proc_interrupts(case: &Case) {
    let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
    let path = dir.path().join("file");
    std::fs::write(&path, vec![1; SIZE]).expect("written");
    std::fs::File::open(&path).and_then(|file| file.sync_all()).expect("on the disk");
    let mut worker = Worker::start("hardirqs", &[path.to_str().expect("text")]);
    let (before, started) = (interrupts(None), monotonic());
    let totals = case.watch(&["hardirqs"]);
    let by_cpu = case.watch_plain(&["hardirqs", "--show", "cpu"]);
    let distributions = case.watch_plain(&["hardirqs", "--show", "distribution"]);
    let each = EachCpu::watch(case, "hardirqs", interrupts);
    let of_none = case.watch_plain(&["hardirqs", "--cpu", "65535"]);
    let begun = interrupts(None);
    worker.step();
    let least = since(&interrupts(None), &begun);
    let busiest = least.values().max().expect("lines");
    assert!(*busiest >= reads() as u64 / 2, "not the work that this test is about: {least:?}");

    let cpus = std::thread::available_parallelism().expect("CPUs").get() as u64;
    let most = || {
        let mut most = since(&interrupts(None), &before);
        most.retain(|line, _| !is_shared(line));
        most
    };
    let count = |rows: &[Value], line: &dyn Fn(&Value) -> u64| {
        let mut found = Counts::new();
        for row in rows {
            *found.entry(line(row).to_string()).or_default() += number(row, "count");
        }
        found
    };
    let check = |rows: &[Value]| {
        assert_within("calls", &count(rows, &|row| number(row, "irq")), &least, &most());
        for row in rows {
            let line = number(row, "irq");
            let names = std::fs::read_to_string(format!("/sys/kernel/irq/{line}/actions")).expect("its handlers");
            let name = row["name"].as_str().expect("a name");
            assert!(names.trim().split(',').any(|known| known == name), "{name} is none of {names}");
            assert!(number(row, "max") > 0 && number(row, "max") <= number(row, "sum"), "{row}");
            assert!(number(row, "unhandled") <= number(row, "count"), "{row}");
        }
        let (time, elapsed) = (total(rows, "sum", |_| true), monotonic() - started);
        assert!(time < elapsed * cpus, "{time} ns of {elapsed} ns on each of {cpus} CPUs");
    };
    totals.check(check);
    by_cpu.check(|rows| {
        check(rows);
        assert!(rows.iter().all(|row| number(row, "cpu") < 4096), "{rows:?}");
    });
    each.check(|rows| count(rows, &|row| number(row, "irq")), is_shared);
    of_none.check(|rows| assert!(rows.is_empty(), "{rows:?}"));
    distributions.check(|histograms| {
        let found = count(histograms, &|row| number(&row["key"], "irq"));
        assert_within("calls in distributions", &found, &least, &most());
        for histogram in histograms {
            let buckets = histogram["buckets"].as_array().expect("buckets");
            assert_eq!(total(buckets, "count", |_| true), number(histogram, "count"), "{histogram}");
        }
    });
}
