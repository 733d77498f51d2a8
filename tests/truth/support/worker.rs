//! Processes that do a known amount of work.
//!
//! A worker is this test binary again, so that it stays one static file and its pid is known. What
//! it runs is decided before `main`: libtest would run it on a second thread, and the truth about a
//! process with a single thread needs one.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use super::patience;

/// Names the view whose `work` a worker runs.
const VIEW: &str = "BCC_TOP_WORKER";
/// The [`Job`]'s words, as a JSON array.
const WORDS: &str = "BCC_TOP_WORKER_WORDS";

/// A worker, seen by the test. It is killed when this is dropped.
pub struct Worker {
    /// Its process.
    pub pid: u32,
    /// What it said when it was ready.
    pub hello: Value,
    child: Child,
    orders: ChildStdin,
    answers: Receiver<String>,
}

impl Worker {
    /// Starts a worker that runs `work` of the test of `view` and waits until it is ready.
    pub fn start(view: &str, words: &[&str]) -> Worker {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.env(VIEW, view).env(WORDS, json!(words).to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a worker starts");
        let output = child.stdout.take().expect("its output is piped");
        let (send, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let orders = child.stdin.take().expect("its input is piped");
        let mut worker = Worker { pid: child.id(), hello: Value::Null, child, orders, answers };
        worker.hello = worker.answer();
        worker
    }

    /// Lets it do its next step and returns what it says of it.
    pub fn step(&mut self) -> Value {
        self.order();
        self.answer()
    }

    /// Lets it do its next step, without waiting for it.
    pub fn order(&mut self) {
        self.orders.write_all(b"go\n").expect("the worker lives");
    }

    /// Waits for what it says of a step.
    pub fn answer(&mut self) -> Value {
        let line = self.answers.recv_timeout(patience());
        let line = line.unwrap_or_else(|error| panic!("worker {} said nothing: {error}", self.pid));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A worker, seen by itself.
pub struct Job {
    words: Vec<String>,
}

impl Job {
    /// The words it was started with.
    pub fn word(&self, at: usize) -> &str {
        &self.words[at]
    }

    /// One of its words, a number.
    pub fn count(&self, at: usize) -> usize {
        self.words[at].parse().expect("a number")
    }

    /// Says what came of a step (at first: that it is ready) and waits for the order to do the next.
    pub fn step(&self, answer: &Value) {
        println!("{answer}");
        let mut order = String::new();
        if std::io::stdin().lock().read_line(&mut order).is_ok_and(|length| length > 0) {
            return;
        }
        // The test is over.
        std::process::exit(0);
    }

    /// Says what came of the last step and stays until the test is over: a process that is gone can
    /// no longer be looked up.
    pub fn last(&self, answer: &Value) -> ! {
        loop {
            self.step(answer);
        }
    }

    /// Has two threads: the number of the second is what the job says first; it does `there` once the first has done `here`, and
    /// both are done when this returns.
    pub fn two_threads(&self, here: impl FnOnce(), there: impl FnOnce() + Send) {
        let (say, number) = channel();
        let (go, wait) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // SAFETY: a call without arguments.
                say.send(unsafe { libc::gettid() }).expect("heard");
                wait.recv().expect("told");
                there();
            });
            self.step(&json!(number.recv().expect("a number")));
            here();
            go.send(()).expect("heard");
        });
    }
}

/// Runs before `main`, in every start of this binary.
extern "C" fn before_main() {
    let (Ok(view), Ok(words)) = (std::env::var(VIEW), std::env::var(WORDS)) else { return };
    let words = serde_json::from_str(&words).expect("a list of words");
    let (_, work) = crate::WORK.iter().find(|(name, _)| *name == view).expect("a view with a test");
    work(&Job { words });
    std::process::exit(0);
}

// SAFETY: the C library calls what this section lists with arguments that may be ignored, once it is
// itself ready; std's environment, files and memory need no more than that.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;
