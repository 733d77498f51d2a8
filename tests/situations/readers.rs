//! Who reads standard output: somebody who has read enough, somebody slow, nobody.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::batch::{command, end_by, said};
use crate::support::{begin, eventually, shell_code, wait};

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let _alone = begin();
    for format in ["--ndjson", "-b", "--csv", "--json"] {
        let mut child = command(&["biotop", "-d", "0.1", "-n", "100", format]).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        // A document comes when it is complete; its reader may be gone before.
        if format != "--json" {
            output.read_line(&mut line).unwrap();
            assert!(!line.is_empty());
        }
        drop(output);
        let code = shell_code(wait(&mut child));
        assert_eq!((code, said(child.stderr.take()).as_str()), (0, ""), "{format}");
    }
}

/// Starts the program with an output that takes little, and waits until that is full.
fn full(args: &[&str]) -> (Child, ChildStdout) {
    let mut child = command(args).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&output);
    // SAFETY: an open pipe, and a number.
    let size = unsafe { libc::fcntl(fd, libc::F_SETPIPE_SZ, 4096) };
    assert!(size > 0, "{}", std::io::Error::last_os_error());
    let waiting = || {
        let mut bytes = 0;
        // SAFETY: the call writes one number.
        assert_eq!(unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut bytes) }, 0);
        bytes
    };
    // Full is when the writer waits, and it does so with less room than its next write needs.
    let (mut last, mut since) = (0, Instant::now());
    eventually("the pipe is full", || {
        let now = waiting();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        last > 0 && since.elapsed() > Duration::from_secs(3)
    });
    (child, output)
}

#[test]
fn a_slow_reader_is_told_what_it_missed() {
    let _alone = begin();
    let (mut child, output) = full(&["runqlat", "--ndjson", "-d", "0.1"]);
    let mut lost = 0;
    let mut before: Option<u64> = None;
    for line in BufReader::new(output).lines() {
        let frame: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if frame["type"] != "frame" {
            continue;
        }
        let index = frame["interval"]["index"].as_u64().unwrap();
        let missed = frame["lost"]["intervals"].as_u64().unwrap();
        if let Some(before) = before {
            assert_eq!(index, before + 1 + missed, "collection went on, and every interval is accounted for");
        }
        before = Some(index);
        lost += missed;
        if lost > 0 && missed == 0 {
            break;
        }
    }
    assert!(lost >= 5, "{lost} intervals lost in 3 s in which nobody read");
    assert_eq!(end_by(&mut child, libc::SIGTERM).0, 0);
}

#[test]
fn a_reader_that_is_stuck_does_not_hold_up_a_signal() {
    let _alone = begin();
    for format in ["--ndjson", "-b"] {
        let (mut child, output) = full(&["-d", "0.1", format]);
        let (code, _) = end_by(&mut child, libc::SIGINT);
        assert_eq!(code, 0, "whole frames had been written: {format}");
        let told = said(child.stderr.take());
        assert!(told.lines().count() == 1 && told.contains("the end of the output is missing"), "{format}: {told}");
        drop(output);
    }
}

/// Processes that sleep and wake until they are dropped.
struct Crowd(Vec<i32>);

impl Crowd {
    fn start(many: usize) -> Crowd {
        let live = || {
            // SAFETY: the child calls what is async-signal-safe, and never returns.
            match unsafe { libc::fork() } {
                // SAFETY: numbers only.
                0 => unsafe {
                    libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                    loop {
                        libc::usleep(200_000);
                    }
                },
                pid => pid,
            }
        };
        let pids: Vec<i32> = (0..many).map(|_| live()).collect();
        let crowd = Crowd(pids.into_iter().filter(|&pid| pid > 0).collect());
        assert_eq!(crowd.0.len(), many, "no more processes are to be had");
        crowd
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // SAFETY: our own children, not waited for yet.
        self.0.iter().for_each(|&pid| unsafe {
            libc::kill(pid, libc::SIGKILL);
            libc::waitpid(pid, std::ptr::null_mut(), 0);
        });
    }
}

/// A reader that is slow rather than stuck, and frames that take longer to be read than a signal may take.
#[test]
fn a_line_is_whole_or_the_loss_is_told() {
    let _alone = begin();
    // Two thousand processes make lines of some hundred KiB.
    let crowd = Crowd::start(2000);
    let mut cut = 0;
    for pause in [0, 1, 4] {
        let (mut child, mut output) = full(&["runqlat", "--by", "pid", "--ndjson", "-d", "0.5"]);
        let reader = std::thread::spawn(move || {
            let (mut all, mut buffer) = (vec![], [0; 4096]);
            while let Ok(n @ 1..) = std::io::Read::read(&mut output, &mut buffer) {
                all.extend_from_slice(&buffer[..n]);
                std::thread::sleep(Duration::from_millis(pause));
            }
            all
        });
        let (code, _) = end_by(&mut child, libc::SIGINT);
        let text = String::from_utf8(reader.join().unwrap()).unwrap();
        let told = said(child.stderr.take());
        let last = text.lines().last().unwrap_or_default();
        let whole = text.ends_with('\n') && serde_json::from_str::<Value>(last).is_ok();
        assert!(whole || told.contains("the end of the output is missing"), "{pause}: {} bytes: {told}", last.len());
        assert!(matches!(code, 0 | 130), "{code}");
        cut += usize::from(!whole);
    }
    println!("{cut} of 3 were cut off, and told");
    drop(crowd);
}
