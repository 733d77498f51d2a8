//! What `runqslower` must be right about: each long wait of a process, how long it was, and who had the CPU; and no short one.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::numbers::is;
use crate::support::schedule::{self, Sharers};
use crate::support::{Case, Job, Test, Thing, in_guest, note, number, total};
use crate::test;

/// The tests: this one has the machine for itself, as it is about who has to wait for a CPU.
pub const TESTS: &[Test] = &[test!(each_long_wait_is_told_and_no_short_one).every_way().uses(&[Thing::Machine])];

/// What is a long wait.
const LONG: Duration = Duration::from_millis(1);

/// What is one unless it is said, and how long the hog keeps the CPU from whoever waits to make it one.
const LONG_BY_DEFAULT: Duration = Duration::from_millis(10);
const HOLD_BY_DEFAULT: Duration = Duration::from_millis(15);
/// So often, behind the others.
const ROUNDS_BY_DEFAULT: u64 = 10;

/// How often the process under test is woken; how long the hog keeps the CPU then, for the first half of them and for the rest;
/// and by how many per cent the kernel's clock and that of the programs may differ at the limit. Emulated, all takes longer.
struct Plan {
    rounds: u64,
    holds: [Duration; 2],
    vague: u64,
}

fn plan() -> Plan {
    let (long, short) = if in_guest() { (6_000, 100) } else { (2_000, 200) };
    let holds = [Duration::from_micros(long), Duration::from_micros(short)];
    if in_guest() { Plan { rounds: 400, holds, vague: 30 } } else { Plan { rounds: 1_000, holds, vague: 10 } }
}

/// What the workers do.
pub fn work(job: &Job) {
    schedule::share_cpu(job, hog, wait);
}

/// Wakes the other process and keeps the CPU for a while, again and again.
fn hog(job: &Job, mut wake: &File, mut woken: &File) {
    job.step(&json!("ready"));
    println!("\"burning\"");
    let Plan { rounds, holds, .. } = plan();
    for round in 0.. {
        if round == rounds {
            // No slice ends what this one does.
            schedule::become_real_time();
        }
        // Back from sleep it has a whole slice before it: see runqlat's test.
        std::thread::sleep(Duration::from_micros(50));
        wake.write_all(b"!").expect("woken");
        schedule::burn(if round < rounds { holds[usize::from(round >= rounds / 2)] } else { HOLD_BY_DEFAULT });
        woken.read_exact(&mut [0]).expect("an answer");
    }
}

/// Is woken while the hog has the CPU, and reads how long it had to wait for it.
fn wait(job: &Job, mut wake: &File, mut woken: &File) {
    schedule::do_not_preempt();
    job.step(&json!("ready"));
    let (long, vague) = (LONG.as_nanos() as u64, plan().vague);
    let (mut sure, mut maybe, mut sum, mut sum_maybe) = (0u64, 0u64, 0u64, 0u64);
    let mut by_default = 0;
    let mut before = schedule::statistics();
    for _ in 0..plan().rounds + ROUNDS_BY_DEFAULT {
        wake.read_exact(&mut [0]).expect("woken");
        let now = schedule::statistics();
        let (waited, turns) = (now.delay - before.delay, now.turns - before.turns);
        by_default += u64::from(Duration::from_nanos(waited) > LONG_BY_DEFAULT);
        if waited > long / 100 * (100 - vague) {
            (maybe, sum_maybe) = (maybe + turns, sum_maybe + waited);
        }
        // Given the CPU twice, it has waited twice, and nobody has told it how long for each.
        if waited > long / 100 * (100 + vague) && turns == 1 {
            (sure, sum) = (sure + 1, sum + waited);
        }
        before = now;
        woken.write_all(b"+").expect("an answer");
    }
    job.last(&json!({ "sure": sure, "maybe": maybe, "ns": sum, "ns_maybe": sum_maybe, "by_default": by_default }));
}

fn each_long_wait_is_told_and_no_short_one(case: &Case) {
    let mut pair = Sharers::start("runqslower");
    let (waiter, hog) = (pair.waiter.pid, u64::from(pair.hog.pid));
    let (pid, long) = (waiter.to_string(), LONG.as_micros().to_string());
    let events = case.watch(&["runqslower", "--min-latency-us", &long]);
    let by_pid = case.watch_plain(&["runqslower", "--min-latency-us", &long, "--by", "pid"]);
    let by_prev = case.watch_plain(&["runqslower", "--min-latency-us", &long, "--by", "prev", "-p", &pid]);
    let by_comm = case.watch_plain(&["runqslower", "--min-latency-us", &long, "--by", "comm", "-p", &pid]);
    let of_thread = case.watch_plain(&["runqslower", "--min-latency-us", &long, "--tid", &pid]);
    let by_default = case.watch_plain(&["runqslower", "-p", &pid]);
    let truth = pair.run();
    note(format!("in truth {truth}"));

    let (sure, maybe) = (number(&truth, "sure"), number(&truth, "maybe"));
    let (ns, ns_maybe) = (number(&truth, "ns"), number(&truth, "ns_maybe"));
    assert!(sure >= plan().rounds / 5 && maybe < plan().rounds, "not the waits that this test is about: {truth}");
    // A wait may be split for the one or the other where the hog is preempted: rare.
    let slack = plan().rounds / 100;
    let is_told = |what: &str, found: u64| {
        let bounds = sure - slack..=maybe + slack;
        note(format!("{what}: {found} of {bounds:?}"));
        assert!(bounds.contains(&found), "{what}: {found} of {bounds:?}");
    };
    let is_behind_the_hog = |behind: &mut dyn Iterator<Item = (u64, u64)>| {
        let mut counts = std::collections::BTreeMap::new();
        behind.for_each(|(prev, count)| *counts.entry(prev).or_insert(0) += count);
        let most = counts.iter().max_by_key(|(_, count)| **count);
        // Whoever else wants the CPU may come between the two.
        assert_eq!(most.map(|(prev, _)| *prev), Some(hog), "{counts:?}");
        assert_eq!(counts.get(&u64::from(waiter)), None, "behind itself: {counts:?}");
    };
    let own = |row: &Value| is(row, "pid", waiter);
    events.check(|rows| {
        let own: Vec<Value> = rows.iter().filter(|row| own(row)).cloned().collect();
        is_told("long waits", own.len() as u64);
        let (sum, percent) = (total(&own, "latency", |_| true), if in_guest() { 12 } else { 6 });
        let bounds = ns / 100 * (100 - percent)..=ns_maybe / 100 * (100 + percent);
        assert!(bounds.contains(&sum), "their sum: {sum} of {bounds:?}");
        is_behind_the_hog(&mut own.iter().map(|row| (number(row, "prev_pid"), 1)));
        for row in &own {
            assert!(u128::from(number(row, "latency")) >= LONG.as_nanos(), "a short wait: {row}");
            assert_eq!((&row["tid"], &row["cpu"]), (&json!(waiter), &json!(schedule::last_cpu())), "{row}");
        }
    });
    by_pid.check(|rows| is_told("long waits by pid", total(rows, "count", own)));
    by_prev.check(|rows| {
        is_told("long waits by prev", total(rows, "count", |_| true));
        is_behind_the_hog(&mut rows.iter().map(|row| (number(row, "prev_pid"), number(row, "count"))));
    });
    by_comm.check(|rows| {
        is_told("long waits by comm", total(rows, "count", |_| true));
        assert!(rows.iter().all(|row| row["comm"] == rows[0]["comm"]), "one process, one name: {rows:?}");
    });
    of_thread.check(|rows| {
        is_told("long waits of a thread", rows.len() as u64);
        assert!(rows.iter().all(|row| is(row, "tid", waiter)), "{rows:?}");
    });
    by_default.check(|rows| {
        let (found, truth) = (rows.len() as u64, number(&truth, "by_default"));
        note(format!("by default: {found} of {truth}"));
        assert!(truth >= ROUNDS_BY_DEFAULT && found.abs_diff(truth) <= 1, "by default: {found} of {truth}");
        assert!(rows.iter().all(|row| u128::from(number(row, "latency")) >= LONG_BY_DEFAULT.as_nanos()), "{rows:?}");
    });
}
