//! The program is killed at any moment, and what it looks at vanishes while it looks.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::batch::{Stream, command, rows_there_are, run, stderr};
use crate::support::kernel::Before;
use crate::support::{BIN, begin, kill, wait};

/// A generator that gives the same moments in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[test]
fn killed_at_a_hundred_moments_it_leaves_nothing() {
    let _alone = begin();
    let before = Before::look();
    // How long it takes until it is attached: half of the moments are to lie before that.
    let begun = Instant::now();
    let mut child = command(&["runqlat,biotop,execsnoop", "-d", "0.1", "-n", "1", "--ndjson"]).spawn().unwrap();
    wait(&mut child);
    let load = begun.elapsed().as_micros() as u64;
    let (mut dice, mut early) = (Dice(0x9e37_79b9_7f4a_7c15), 0);
    for _ in 0..100 {
        let mut child = command(&["runqlat,biotop,execsnoop", "-d", "0.1", "--ndjson"]).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(dice.roll(2 * load)));
        kill(child.id(), libc::SIGKILL);
        wait(&mut child);
        let output = child.wait_with_output().unwrap();
        early += usize::from(output.stdout.is_empty());
        before.assert_nothing_left();
    }
    println!("{early} of 100 before it was attached, which takes {load} us");
    assert!(early > 10 && early < 95, "{early} of 100 moments were before it was attached");
}

#[test]
fn processes_that_vanish_are_still_told() {
    let _alone = begin();
    let mut stream = Stream::start(&["execsnoop,exitsnoop,runqlat", "--max-events", "100000", "-d", "0.2"]);
    // The first frame comes after all is attached, so that every process of the storm is to be told.
    stream.next().expect("it runs");
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    // Gone long before anybody can look them up in /proc.
    let storm = std::thread::spawn(move || {
        let mut pids = vec![];
        while !flag.load(Ordering::SeqCst) {
            let mut child = Command::new("/bin/true").spawn().expect("it runs");
            pids.push(child.id());
            child.wait().expect("our own child");
        }
        pids
    });
    let from = std::time::Instant::now();
    let mut frames = vec![];
    while from.elapsed() < Duration::from_secs(4) {
        frames.push(stream.next().expect("it runs"));
    }
    stop.store(true, Ordering::SeqCst);
    let pids = storm.join().unwrap();
    frames.extend(stream.whole_interval());
    frames.extend(stream.finish());
    let lost: u64 = frames.iter().filter_map(|frame| frame["lost"]["events"].as_u64()).sum();
    for view in ["execsnoop", "exitsnoop"] {
        let rows = rows_there_are(&frames, view);
        let told =
            pids.iter().filter(|&&pid| rows.iter().any(|row| row["pid"] == pid && row["comm"] == "true")).count();
        println!("{view}: {told} of {}", pids.len());
        assert!(told > 20 && told as u64 + lost >= pids.len() as u64, "{view}: {told} of {}, {lost} lost", pids.len());
    }
}

#[test]
fn little_locked_memory_that_cannot_be_raised_is_not_fatal() {
    let _alone = begin();
    let script = [
        "--bounding-set=-sys_resource",
        "--inh-caps=-sys_resource",
        "prlimit",
        "--memlock=65536:65536",
        BIN,
        "runqlat,biotop",
        "--ndjson",
        "-d",
        "0.1",
        "-n",
        "2",
    ];
    let output = Command::new("setpriv").args(script).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    // It could not have raised the limit itself.
    let status = ["--bounding-set=-sys_resource", "--inh-caps=-sys_resource", "grep", "CapEff", "/proc/self/status"];
    let status = Command::new("setpriv").args(status).output().unwrap();
    let text = String::from_utf8(status.stdout).unwrap();
    let caps = u64::from_str_radix(text.split_whitespace().last().unwrap(), 16).unwrap();
    assert_eq!(caps >> 24 & 1, 0, "CAP_SYS_RESOURCE is still there: {text}");
    assert_eq!(run(&["--version"]).status.code(), Some(0));
}
