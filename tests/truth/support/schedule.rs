//! The scheduler: which CPU, how eager, and what it has counted.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Job, Worker, files, ok};

/// The last CPU that this process may run on.
pub fn last_cpu() -> usize {
    let mut set = empty();
    // SAFETY: the set is as large as the size says.
    ok("sched_getaffinity", unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) });
    // SAFETY: the numbers are within the set.
    (0..libc::CPU_SETSIZE as usize).rev().find(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).expect("a CPU")
}

/// Keeps this thread on one CPU.
pub fn pin(cpu: usize) {
    let mut set = empty();
    // SAFETY: the number is one that `last_cpu` found; the set is as large as the size says.
    ok("sched_setaffinity", unsafe {
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set)
    });
}

/// Two workers on the last CPU, the one that waits and its hog: each runs `work` of the test of `view`, which is [`share_cpu`].
pub struct Sharers {
    /// Whom the test is about.
    pub waiter: Worker,
    /// Whom it waits for.
    pub hog: Worker,
    /// The pipes between them.
    _pipes: tempfile::TempDir,
}

impl Sharers {
    pub fn start(view: &str) -> Sharers {
        let pipes = tempfile::tempdir().expect("a directory");
        for name in ["wake", "woken"] {
            files::make_fifo(&pipes.path().join(name));
        }
        let (cpu, dir) = (last_cpu().to_string(), pipes.path().to_string_lossy().into_owned());
        let start = |role| Worker::start(view, &[role, &cpu, &dir]);
        Sharers { waiter: start("wait"), hog: start("hog"), _pipes: pipes }
    }

    /// Has the hog begin to burn and the other wait for it, to the end; returns what that one says.
    pub fn run(&mut self) -> Value {
        assert_eq!(self.hog.step(), "burning");
        self.waiter.step()
    }
}

/// What one of two workers on the same CPU does, who wake each other through the pipes `wake` and `woken`: word 0 says which of them
/// it is, `hog` or `wait`, word 1 is the CPU, word 2 the directory with the pipes.
pub fn share_cpu(job: &Job, hog: impl FnOnce(&Job, &File, &File), wait: impl FnOnce(&Job, &File, &File)) {
    pin(job.count(1));
    let pipe = |name: &str| {
        let path = Path::new(job.word(2)).join(name);
        // Open for both, a pipe does not wait for the other end.
        OpenOptions::new().read(true).write(true).open(path).expect("a pipe")
    };
    match job.word(0) {
        "hog" => hog(job, &pipe("wake"), &pipe("woken")),
        "wait" => wait(job, &pipe("wake"), &pipe("woken")),
        other => panic!("unknown work {other}"),
    }
}

/// Makes this thread wait for its turn when it wakes up, instead of taking the CPU from who has it:
/// wakeup_preempt_fair() does not preempt for SCHED_BATCH.
pub fn do_not_preempt() {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the call reads `parameters`.
    ok("SCHED_BATCH", unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameters) });
    // SAFETY: numbers only. Timers are late by 50 us without this.
    ok("PR_SET_TIMERSLACK", unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) });
}

/// Keeps the CPU from all that is not real time, however long this thread wants it.
pub fn become_real_time() {
    let parameters = libc::sched_param { sched_priority: 1 };
    // SAFETY: the call reads `parameters`.
    ok("SCHED_FIFO", unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) });
}

/// Uses the CPU for a while.
pub fn burn(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// What `/proc/PID/schedstat` counts.
#[derive(Clone, Copy, Debug)]
pub struct Statistics {
    /// Time spent on a CPU, ns.
    pub run: u64,
    /// Time spent waiting for a CPU, ns.
    pub delay: u64,
    /// Times it was given a CPU.
    pub turns: u64,
}

/// What the scheduler has counted for this process, which has one thread.
pub fn statistics() -> Statistics {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("CONFIG_SCHED_INFO");
    let fields: Vec<u64> = text.split_whitespace().map(|field| field.parse().expect("a number")).collect();
    Statistics { run: fields[0], delay: fields[1], turns: fields[2] }
}

fn empty() -> libc::cpu_set_t {
    // SAFETY: a set of bits, of which all may be zero.
    unsafe { std::mem::zeroed() }
}
