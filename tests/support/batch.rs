//! The program without a terminal.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{BIN, PATIENCE, SIGNAL_LIMIT, default_signals, kill, shell_code, wait};

/// A command line of the program, nothing to read and both outputs piped.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(BIN);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    default_signals(&mut command);
    command
}

/// Runs it to its end.
pub fn run(args: &[&str]) -> Output {
    command(args).output().expect("the program runs")
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// The document that it wrote.
#[track_caller]
pub fn document(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text:?}, on standard error: {}", stderr(output)))
}

/// The frames of a document.
pub fn frames(document: &Value) -> &Vec<Value> {
    document["frames"].as_array().expect("frames")
}

/// All rows of the frames of a view, of which nothing was lost; those of distributions by their key.
pub fn rows<'a>(frames: impl IntoIterator<Item = &'a Value>, view: &str) -> Vec<Value> {
    let whole = |frame: &&Value| {
        let lost = &frame["lost"];
        assert!(lost["events"] == 0 && lost["map_full"] == 0, "the program says that it lost something: {lost}");
    };
    rows_there_are(frames.into_iter().filter(|frame| frame["view"] == view).inspect(whole), view)
}

/// The same where it is no matter if something was lost: a connection may be made while the view is being attached.
pub fn rows_there_are<'a>(frames: impl IntoIterator<Item = &'a Value>, view: &str) -> Vec<Value> {
    let mut rows = vec![];
    for frame in frames.into_iter().filter(|frame| frame["view"] == view) {
        assert_eq!(frame["status"], "ok", "{frame}");
        if let Some(histograms) = frame["histograms"].as_array() {
            for histogram in histograms {
                let mut row = histogram["key"].clone();
                let attributes = histogram["attributes"].as_object().into_iter().flatten();
                attributes.for_each(|(name, value)| row[name] = value.clone());
                rows.push(row);
            }
        }
        rows.extend(frame["rows"].as_array().into_iter().flatten().cloned());
    }
    rows
}

/// `bcc-top … --ndjson`, running.
pub struct Stream {
    child: Child,
    lines: Receiver<String>,
}

impl Stream {
    /// Starts it; everything is attached when this returns.
    pub fn start(args: &[&str]) -> Stream {
        let mut command = command(args);
        let mut child = command.arg("--ndjson").stderr(Stdio::inherit()).spawn().expect("the program starts");
        let output = child.stdout.take().expect("piped");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let mut stream = Stream { child, lines };
        let header = stream.next().expect("a header");
        assert_eq!(header["type"], "header", "{header}");
        stream
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line; none at the end.
    pub fn next(&mut self) -> Option<Value> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line for {PATIENCE:?}"),
        }
    }

    /// Waits for an interval that began after now.
    pub fn whole_interval(&mut self) -> Vec<Value> {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let now = now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64;
        let mut frames = vec![];
        loop {
            let frame = self.next().expect("it runs until it is told to end");
            let began = frame["time"]["mono_ns"].as_u64().zip(frame["interval"]["real_ns"].as_u64());
            frames.push(frame);
            if began.is_some_and(|(end, length)| end - length > now) {
                return frames;
            }
        }
    }

    /// Interrupts it and reads the rest; the exit code must be 0.
    pub fn finish(mut self) -> Vec<Value> {
        kill(self.child.id(), libc::SIGINT);
        let rest = std::iter::from_fn(|| self.next()).collect();
        assert_eq!(shell_code(wait(&mut self.child)), 0, "interrupted after whole frames");
        rest
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal and waits for the end.
///
/// # Panics
/// If that takes longer than [`SIGNAL_LIMIT`].
#[track_caller]
pub fn end_by(child: &mut Child, signal: i32) -> (i32, Duration) {
    let sent = Instant::now();
    kill(child.id(), signal);
    let status = wait(child);
    let took = sent.elapsed();
    assert!(took < SIGNAL_LIMIT, "signal {signal}: it took {took:?} to end, with {status}");
    (shell_code(status), took)
}

/// What it said so far on standard error, to its end.
pub fn said(error: Option<ChildStderr>) -> String {
    let mut text = String::new();
    error.expect("piped").read_to_string(&mut text).expect("text");
    text
}
