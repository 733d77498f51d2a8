//! What `runqlen` must be right about: how many tasks wait for a CPU that is known to be wanted by some, whatever groups they
//! are in, and how often it looks.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::numbers::is;
use crate::support::{Case, Job, Test, Thing, Way, Worker, cell, in_guest, monotonic, note, number, schedule, total};
use crate::test;

/// The tests: this one has the machine for itself, as it is about who has to wait for a CPU.
pub const TESTS: &[Test] = &[
    test!(beside_one_of_many_the_others_wait).every_way().uses(&[Thing::Machine]),
    test!(what_the_host_forbids_to_users_is_told).uses(&[Thing::Machine]),
    test!(a_cpu_that_comes_back_is_sampled).uses(&[Thing::Machine]),
];

/// Processes that want the same CPU all the time.
const HOGS: u64 = 4;
/// Samples in a second.
const FREQUENCY: u64 = 199;
/// How long it is looked at.
const WINDOW: Duration = Duration::from_secs(3);

/// What the workers do: word 0 is the CPU they share. Each has a session of its own, so that with autogroup each is in a group of
/// the scheduler, whose own queue has nobody else.
pub fn work(job: &Job) {
    // SAFETY: no arguments. It fails for the leader of a process group, which then has its session.
    unsafe { libc::setsid() };
    schedule::pin(job.count(0));
    job.step(&json!("ready"));
    println!("\"burning\"");
    loop {
        schedule::burn(Duration::from_secs(1));
    }
}

/// Debian's kernels let only root open events at level 3; others know no such level.
fn what_the_host_forbids_to_users_is_told(_: &Case) {
    const LEVEL: &str = "/proc/sys/kernel/perf_event_paranoid";
    if !in_guest() {
        return;
    }
    let before = std::fs::read_to_string(LEVEL).expect("a level");
    std::fs::write(LEVEL, "3").expect("another level");
    let (code, frames) = cell::once(&Way::User, "runqlen");
    std::fs::write(LEVEL, before).expect("the level it had");
    let frame = frames.first().expect("a frame");
    let message = frame["reason"]["message"].as_str().unwrap_or_default();
    assert!(code == 0 || message.contains("kernel.perf_event_paranoid = 3"), "exit {code}: {frame}");
}

/// Its timer died with it, and a new one has to be made.
fn a_cpu_that_comes_back_is_sampled(case: &Case) {
    let cpu = schedule::last_cpu();
    let switch = format!("/sys/devices/system/cpu/cpu{cpu}/online");
    if !in_guest() || !std::path::Path::new(&switch).exists() {
        return;
    }
    let set = |online: &str| std::fs::write(&switch, online).expect("a CPU that can be switched off");
    set("0");
    let watch = case.watch(&["runqlen", "--by", "cpu"]);
    // Seen by the end of the interval in which it came; then a second of samples.
    set("1");
    std::thread::sleep(Duration::from_secs(4));
    watch.check(|rows| {
        let samples = total(rows, "samples", |row| is(row, "cpu", cpu));
        assert!(samples >= 99, "{samples} samples of a CPU that came");
    });
}

fn beside_one_of_many_the_others_wait(case: &Case) {
    let cpu = schedule::last_cpu();
    let mut hogs: Vec<Worker> = (0..HOGS).map(|_| Worker::start("runqlen", &[&cpu.to_string()])).collect();
    hogs.iter_mut().for_each(|hog| assert_eq!(hog.step(), "burning"));
    let (frequency, one) = (FREQUENCY.to_string(), hogs[0].pid.to_string());
    let started = monotonic();
    let lengths = case.watch(&["runqlen", "--by", "cpu_length", "--frequency", &frequency]);
    let by_cpu = case.watch_plain(&["runqlen", "--by", "cpu", "--frequency", &frequency]);
    let behind_one = case.watch_plain(&["runqlen", "--by", "cpu", "--frequency", &frequency, "-p", &one]);
    let watching = monotonic();
    std::thread::sleep(WINDOW);
    let least = (monotonic() - watching) * FREQUENCY / 1_000_000_000;
    // A CPU that the hypervisor takes away has no timer meanwhile.
    let least = if in_guest() { least / 2 } else { least * 8 / 10 };

    let here = |row: &Value| is(row, "cpu", cpu);
    let is_looked_at = |samples: u64| {
        let most = (monotonic() - started) * FREQUENCY / 1_000_000_000 + 2;
        note(format!("{samples} samples of {least} to {most}"));
        assert!((least..=most).contains(&samples), "{samples} samples of {least} to {most}");
    };
    lengths.check(|rows| {
        let samples = total(rows, "samples", here);
        is_looked_at(samples);
        let of = |wanted: fn(u64) -> bool| total(rows, "samples", |row| here(row) && wanted(number(row, "length")));
        let (fewer, right) = (of(|length| length < HOGS - 1), of(|length| length == HOGS - 1));
        note(format!("{fewer} of {samples} samples saw fewer, {right} those"));
        // Others may want the CPU as well, but never fewer.
        assert!(fewer * 50 <= samples, "{fewer} of {samples} samples saw fewer than {} wait", HOGS - 1);
        assert!(right * 2 >= samples, "{right} of {samples} samples saw {} wait", HOGS - 1);
    });
    by_cpu.check(|rows| {
        let (samples, waiting) = (total(rows, "samples", here), total(rows, "waiting", here));
        is_looked_at(samples);
        assert!(waiting * 50 >= samples * 49, "{waiting} of {samples} samples saw somebody wait");
        assert_eq!(waiting + total(rows, "free", here), samples);
        let longest = rows.iter().filter(|row| here(row)).map(|row| number(row, "longest")).max();
        assert!(longest >= Some(HOGS - 1), "{longest:?}");
    });
    behind_one.check(|rows| {
        // Of the fair scheduler's turns each of them gets the same.
        let (samples, share) = (total(rows, "samples", here), least / HOGS);
        assert!(samples >= share / 2, "{samples} samples of one of them, {share} expected");
        assert!(samples <= total(rows, "samples", |_| true), "only where it may run: {rows:?}");
        assert_eq!(total(rows, "samples", |row| !here(row)), 0, "only where it may run");
    });
}
