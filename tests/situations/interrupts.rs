//! Signals and crashes, at any moment.

use std::io::Read;
use std::time::{Duration, Instant};

use crate::support::batch::{command, end_by, said};
use crate::support::kernel::Before;
use crate::support::{begin, eventually, kill, wait};

/// Loading takes some 100 ms: these moments are spread over it, from exec on.
const MOMENTS: u32 = 30;
const STEP: Duration = Duration::from_millis(5);

const SIGNALS: [(i32, i32); 3] = [(libc::SIGINT, 130), (libc::SIGTERM, 143), (libc::SIGHUP, 129)];

/// Waits until so long after a moment: the moment is what is tested.
fn until(from: Instant, after: Duration) {
    std::thread::sleep((from + after).saturating_duration_since(Instant::now()));
}

#[test]
fn a_signal_ends_a_run_at_any_moment() {
    let _alone = begin();
    let before = Before::look();
    let mut slowest = Duration::ZERO;
    for (moment, (signal, early)) in (0..MOMENTS).zip(SIGNALS.into_iter().cycle()) {
        for format in ["--ndjson", "--json", "-b"] {
            let mut child = command(&["-d", "0.1", "-n", "1000", format]).spawn().unwrap();
            until(Instant::now(), STEP * moment);
            let (code, took) = end_by(&mut child, signal);
            slowest = slowest.max(took);
            let mut text = String::new();
            child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
            let what = format!("{format} {signal} after {:?}", STEP * moment);
            let complete = match format {
                "--json" if text.is_empty() => false,
                "--json" => {
                    let document: serde_json::Value = serde_json::from_str(&text)
                        .unwrap_or_else(|e| panic!("{what}: the document is not whole: {e}: {text}"));
                    !document["frames"].as_array().expect("frames").is_empty()
                }
                "--ndjson" => {
                    assert!(text.is_empty() || text.ends_with('\n'), "{what}: {text}");
                    text.lines().any(|line| line.contains(r#""type":"frame""#))
                }
                _ => !text.is_empty(),
            };
            assert_eq!(code, if complete { 0 } else { early }, "{what}: {text}");
            assert_eq!(said(child.stderr.take()), "", "{what}");
        }
    }
    println!("the slowest took {slowest:?}");
    before.assert_nothing_left();
}

#[test]
fn a_signal_after_whole_frames_is_exit_0_and_leaves_nothing() {
    let _alone = begin();
    for (signal, _) in SIGNALS {
        let before = Before::look();
        let mut child = command(&["-d", "0.1", "--ndjson"]).spawn().unwrap();
        let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains(r#""type":"frame""#) {
            line.clear();
            std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        }
        assert!(before.has_new(), "while it runs it has programs in the kernel");
        let (code, took) = end_by(&mut child, signal);
        println!("signal {signal}: {took:?}");
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!((code, rest.is_empty() || rest.ends_with('\n')), (0, true), "{rest}");
        before.assert_nothing_left();
    }
}

#[test]
fn a_file_is_whole_or_not_there_after_a_signal() {
    let _alone = begin();
    for moment in [0, 20, 60, 150, 400] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.json");
        let args = ["-d", "0.1", "-n", "1000", "--json", "-o", path.to_str().unwrap()];
        let mut child = command(&args).spawn().unwrap();
        until(Instant::now(), Duration::from_millis(moment));
        let (code, _) = end_by(&mut child, libc::SIGTERM);
        assert!(matches!(code, 0 | 143), "{code}");
        assert_eq!(path.exists(), code == 0, "after {moment} ms");
        if code == 0 {
            let text = std::fs::read_to_string(&path).unwrap();
            serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        }
    }
}

#[test]
fn nothing_of_a_killed_program_stays_in_the_kernel() {
    let _alone = begin();
    for moment in [0, 30, 60, 90, 120, 150, 250, 400] {
        let before = Before::look();
        let mut child = command(&["-d", "0.1", "--ndjson"]).spawn().unwrap();
        until(Instant::now(), Duration::from_millis(moment));
        kill(child.id(), libc::SIGKILL);
        wait(&mut child);
        before.assert_nothing_left();
    }
    let before = Before::look();
    let mut child = command(&["-d", "0.1", "--ndjson"]).spawn().unwrap();
    eventually("programs are in the kernel", || before.has_new());
    kill(child.id(), libc::SIGKILL);
    wait(&mut child);
    before.assert_nothing_left();
}

#[test]
fn a_request_to_end_reaches_the_command_too() {
    let _alone = begin();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let script = format!("echo $$ > {}; exec sleep 1000", file.display());
    let mut child = command(&["biotop", "-d", "0.1", "--ndjson", "--", "sh", "-c", &script]).spawn().unwrap();
    let name = |pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let mut pid = 0;
    eventually("the command runs", || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        pid = text.trim().parse::<u32>().unwrap_or(0);
        name(pid).trim() == "sleep"
    });
    // A terminal sends its signals to the command as well; whoever sends this one knows only us.
    let (code, took) = end_by(&mut child, libc::SIGTERM);
    println!("{took:?}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(code, 0, "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.lines().any(|line| line.contains(r#""type":"frame""#)), "what it did until now is a frame: {text}");
    eventually("the command has ended too", || name(pid).trim() != "sleep");
}

/// What a panic must look like: three lines, code 101.
#[cfg(debug_assertions)]
#[test]
fn a_bug_is_three_lines_and_exit_101() {
    use crate::support::shell_code;
    let _alone = begin();
    for place in ["batch", "view", "writer"] {
        for format in ["--json", "--ndjson", "-b"] {
            let before = Before::look();
            let mut command = command(&["biotop,runqlat", "-d", "0.1", "-n", "3", format]);
            let mut child = command.env("BCC_TOP_TEST_PANIC", place).spawn().unwrap();
            let mut output = String::new();
            child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
            let code = shell_code(wait(&mut child));
            let text = said(child.stderr.take());
            assert_eq!(code, 101, "{place} {format}: {text}");
            assert!(text.contains("provoked") && !text.contains("RUST_BACKTRACE"), "{place} {format}: {text}");
            assert_eq!(text.lines().count(), 3, "{place} {format}: {text}");
            before.assert_nothing_left();
        }
    }
}
