//! The program under test, run as anyone would run it.

use std::io::{BufRead, BufReader};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use serde_json::Value;

use super::way::interrupt;
use super::{Way, eventually, note, patience};

/// `bcc-top` in batch mode.
pub struct Tool {
    child: Child,
    lines: Receiver<String>,
    frames: Vec<Value>,
}

/// What came of one run.
pub struct Seen {
    /// Hooks in use.
    pub hooks: Value,
    /// Its settings, as it shows them.
    pub settings: Value,
    /// Rows, or distributions.
    pub rows: Vec<Value>,
    /// Events that the program says it lost.
    pub lost: u64,
    /// What the program says it had to cut.
    pub truncated: u64,
    /// It says that the kernel skipped programs.
    pub missed: bool,
}

impl Tool {
    /// Starts `bcc-top ARGS --ndjson` in this way.
    pub fn spawn(way: &Way, args: &[&str]) -> Tool {
        let mut command = way.command();
        // Before the arguments: they may end with a command.
        command.args(["--ndjson", "-d", "1"]).args(args).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = child.stdout.take().expect("its output is piped");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { return };
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Tool { child, lines, frames: Vec::new() }
    }

    /// Waits until it is attached: its header says so.
    pub fn attached(&mut self) {
        let header = self.next_line().expect("the program ended without a header");
        assert_eq!((&header["type"], &header["schema"]), (&"header".into(), &"bcc-top/1".into()), "{header}");
    }

    /// Waits for an interval that ended after `now`, interrupts the program, and returns the hooks in
    /// use, the rows (or the distributions) of all its frames, and how much it says that it lost.
    pub fn finish(mut self, now: u64) -> Seen {
        while self.frames.last().is_none_or(|frame| frame["time"]["mono_ns"].as_u64() <= Some(now)) {
            let line = self.next_line().expect("the program runs until it is interrupted");
            self.take(line);
        }
        interrupt(&self.child);
        while let Some(line) = self.next_line() {
            self.take(line);
        }
        assert!(self.end().success(), "interrupted after whole frames, the program must exit with 0");
        self.result()
    }

    /// Waits until it ends by itself; as [`Tool::finish`].
    pub fn into_end(mut self) -> Seen {
        while let Some(line) = self.next_line() {
            self.take(line);
        }
        assert!(self.end().success(), "it must exit with 0 when its command has");
        self.result()
    }

    fn result(&self) -> Seen {
        let last = |key: &str| self.frames.last().map(|frame| frame[key].clone()).unwrap_or_default();
        let (hooks, settings) = (last("hooks"), last("settings"));
        let sum = |what: &str| self.frames.iter().map(|frame| frame["lost"][what].as_u64().expect("a count")).sum();
        let (lost, truncated) = (sum("events"), sum("truncated"));
        let missed = self.frames.iter().any(|frame| frame["lost"]["missed"].as_u64() > Some(0));
        Seen { hooks, settings, rows: self.rows(), lost, truncated, missed }
    }

    /// Stops it, as a busy machine may, or lets it go on.
    pub fn stop(&self, stopped: bool) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        let signal = if stopped { libc::SIGSTOP } else { libc::SIGCONT };
        // SAFETY: the child has not been waited for, so its pid is still its own.
        super::ok("kill", unsafe { libc::kill(pid, signal) });
    }

    fn rows(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        for frame in &self.frames {
            // What is told is no lie: the comparisons decide whether it is too much.
            let lost = &frame["lost"];
            if ["events", "map_full", "intervals", "missed"].iter().any(|key| lost[*key] != 0) {
                note(format!("the program says that it lost something: {lost}"));
            }
            let key = if frame["kind"] == "histogram" { "histograms" } else { "rows" };
            rows.extend(frame[key].as_array().unwrap_or_else(|| panic!("no {key} in {frame}")).iter().cloned());
        }
        rows
    }

    fn take(&mut self, frame: Value) {
        assert_eq!(frame["type"], "frame", "{frame}");
        assert_ne!(frame["status"], "unavailable", "the view cannot run here: {}", frame["reason"]);
        self.frames.push(frame);
    }

    fn next_line(&mut self) -> Option<Value> {
        match self.lines.recv_timeout(patience()) {
            Ok(line) => Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line from the program for {:?}", patience()),
        }
    }

    fn end(&mut self) -> ExitStatus {
        let started = Instant::now();
        let mut status = None;
        eventually("the program has ended", || {
            status = self.child.try_wait().expect("it is our child");
            status.is_some()
        });
        note(format!("the program ended {:?} after its last line", started.elapsed()));
        status.expect("it has ended")
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        // Ended already, unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
