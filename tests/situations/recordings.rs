//! Recordings of live views: whole after a signal, of use after a crash, nobody else's, and honest
//! about a disk that is full.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pty_process::blocking::Command as PtyCommand;
use serde_json::Value;

use crate::support::batch::{command, end_by, run, said, stderr};
use crate::support::load::Load;
use crate::support::terminal::Terminal;
use crate::support::{BIN, NOBODY, begin, eventually, kill, scratch, wait};

/// The frames of a recording as the program gives them back.
#[track_caller]
fn replayed(path: &Path) -> Vec<Value> {
    let output = run(&["replay", path.to_str().unwrap(), "--ndjson"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    frames_of(output.stdout)
}

fn frames_of(ndjson: Vec<u8>) -> Vec<Value> {
    let text = String::from_utf8(ndjson).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["type"] == "frame").collect()
}

fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

#[test]
fn a_recording_holds_every_frame_and_is_its_owners_alone() {
    let _alone = begin();
    let dir = scratch();
    let path = dir.path().join("out.rec");
    let load = Load::start(b"recorded\x1b[2J", dir.path());
    let output =
        run(&["record", "-o", path.to_str().unwrap(), "biotop,runqlat", "-d", "0.1", "-n", "7", "--by", "pid"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    drop(load);
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.permissions().mode() & 0o777, part(&path).exists()), (0o600, false));
    for view in ["biotop", "runqlat"] {
        let indices: Vec<u64> = replayed(&path)
            .iter()
            .filter(|frame| frame["view"] == view)
            .map(|frame| frame["interval"]["index"].as_u64().unwrap())
            .collect();
        assert_eq!(indices, (0..7).collect::<Vec<_>>(), "{view}");
    }
    if let Ok(lines) = Command::new("zstd").arg("-dcq").arg(&path).output() {
        let again = run(&["replay", path.to_str().unwrap(), "--ndjson"]).stdout;
        assert!(lines.stdout == again, "what zstd unpacks is what is replayed");
    }
    // Under sudo it is the caller's.
    let mine = dir.path().join("mine.rec");
    let mut child = command(&["record", "-o", mine.to_str().unwrap(), "runqlat", "-d", "0.1", "-n", "2"]);
    let id = NOBODY.to_string();
    let status = child.env("SUDO_UID", &id).env("SUDO_GID", &id).status().unwrap();
    assert_eq!((status.code(), fs::metadata(&mine).unwrap().uid()), (Some(0), NOBODY));
}

#[test]
fn a_signal_completes_a_recording() {
    let _alone = begin();
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let dir = scratch();
        let path = dir.path().join("out.rec");
        let mut child = command(&["record", "-o", path.to_str().unwrap(), "-d", "0.1"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        let (code, took) = end_by(&mut child, signal);
        println!("signal {signal}: {took:?}");
        assert_eq!((code, said(child.stderr.take()).as_str(), part(&path).exists()), (0, "", false));
        assert!(replayed(&path).len() > 8);
        assert!(fs::read(&path).unwrap().ends_with(b"BCCTOPIX"), "with its index");
    }
    // Before the first frame there is nothing to keep.
    let dir = scratch();
    let path = dir.path().join("out.rec");
    let mut child = command(&["record", "-o", path.to_str().unwrap(), "-d", "60"]).spawn().unwrap();
    eventually("it has begun", || part(&path).exists());
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(end_by(&mut child, libc::SIGINT).0, 130);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_crash_costs_ten_seconds_at_most() {
    let _alone = begin();
    let dir = scratch();
    let path = dir.path().join("out.rec");
    let mut child = command(&["record", "-o", path.to_str().unwrap(), "runqlat", "-d", "0.1"]).spawn().unwrap();
    let size = || fs::metadata(part(&path)).map_or(0, |file| file.len());
    eventually("the first ten seconds are on the disk", || size() > 0);
    // They are one piece, which may still be on its way; behind the next one it is whole.
    std::thread::sleep(Duration::from_millis(500));
    let first = size();
    eventually("so is some of the next", || size() > first);
    kill(child.id(), libc::SIGKILL);
    wait(&mut child);
    assert!(!path.exists());
    let frames = replayed(&part(&path));
    assert!(frames.len() > 80, "{}", frames.len());
    // Nor does it cost more where the last piece is cut off in its middle.
    let bytes = fs::read(part(&path)).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
    let output = run(&["replay", path.to_str().unwrap(), "--ndjson"]);
    assert!(stderr(&output).contains("cut off"), "{}", stderr(&output));
    let kept = frames_of(output.stdout);
    assert!(kept.len() > 80, "{}", kept.len());
}

/// A file system of a few pages; gone when dropped.
struct Tiny(tempfile::TempDir);

impl Tiny {
    fn new() -> Tiny {
        let dir = tempfile::tempdir().unwrap();
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8k", "tiny"]).arg(dir.path()).status();
        assert!(status.unwrap().success());
        Tiny(dir)
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_exit_5_and_nothing_half_written_has_the_name() {
    let _alone = begin();
    for args in [&["record", "-o"][..], &["biotop,runqlat", "--ndjson", "--record"]] {
        let disk = Tiny::new();
        let path = disk.0.path().join("out.rec");
        fs::write(disk.0.path().join("filler"), [7; 7000]).unwrap();
        let more = ["-d", "0.1", "-n", "40"];
        let output = run(&[args, &[path.to_str().unwrap()], &more].concat());
        let told = stderr(&output);
        assert_eq!((output.status.code(), told.lines().count()), (Some(5), 1), "{told}");
        assert!(told.contains("No space left"), "{told}");
        assert!(!path.exists());
        if args[0] != "record" {
            let lines = String::from_utf8(output.stdout).unwrap();
            assert_eq!(lines.lines().count(), 81, "what is shown beside goes on to its end");
        }
    }
}

#[test]
fn links_are_not_followed() {
    let _alone = begin();
    let dir = scratch();
    let (victim, link) = (dir.path().join("victim"), dir.path().join("link.rec"));
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, &link).unwrap();
    for args in [&["record", "-o"][..], &["biotop", "-b", "--record"]] {
        let output = run(&[args, &[link.to_str().unwrap(), "-n", "1", "-d", "0.1"]].concat());
        assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    }
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
}

#[test]
fn what_is_recorded_beside_is_what_is_shown() {
    let _alone = begin();
    let dir = scratch();
    let path = dir.path().join("out.rec");
    let output = run(&["biotop,runqlat", "--ndjson", "-d", "0.1", "-n", "5", "--record", path.to_str().unwrap()]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    assert_eq!(run(&["replay", path.to_str().unwrap(), "--ndjson"]).stdout.len(), output.stdout.len());
    let shown = String::from_utf8(output.stdout).unwrap();
    let shown: Vec<Value> = shown.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut again = replayed(&path);
    again.sort_by_key(|frame| (frame["view"].to_string(), frame["interval"]["index"].as_u64()));
    let mut shown = shown;
    shown.sort_by_key(|frame| (frame["view"].to_string(), frame["interval"]["index"].as_u64()));
    assert_eq!(again, shown);
}

#[test]
fn the_explorer_records_by_a_key_and_by_a_flag() {
    let _alone = begin();
    let dir = scratch();
    let command = PtyCommand::new(BIN).args(["biotop", "-d", "0.25"]).current_dir(dir.path());
    let mut terminal = Terminal::spawn(command, 24, 100, &[]);
    terminal.wait_for_text("rec 1s");
    terminal.send("x");
    terminal.wait_for_text("REC 2s");
    terminal.send("x");
    terminal.wait_for_text("recorded bcc-top-");
    terminal.send("q");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
    let files: Vec<PathBuf> = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(matches!(&files[..], [one] if one.extension().is_some_and(|e| e == "rec")), "{files:?}");
    assert!(replayed(&files[0]).len() >= 6);

    for signal in [None, Some(libc::SIGHUP), Some(libc::SIGTERM)] {
        let path = dir.path().join(format!("flag{}.rec", signal.unwrap_or(0)));
        let args = ["biotop,runqlat", "-d", "0.25", "--record", path.to_str().unwrap()];
        let mut terminal = Terminal::spawn(PtyCommand::new(BIN).args(args), 24, 100, &[]);
        // A busy machine takes its time to load two views.
        terminal.wait_for_text("REC 4s");
        match signal {
            None => terminal.send("q"),
            Some(signal) => kill(terminal.pid(), signal),
        }
        assert_eq!(terminal.exit_code(), 0);
        terminal.assert_restored();
        assert!(replayed(&path).len() >= 4, "{signal:?}");
        assert!(!part(&path).exists());
    }
    let args = ["biotop", "--record", "/no/such/dir/file"];
    let mut terminal = Terminal::spawn(PtyCommand::new(BIN).args(args), 24, 100, &[]);
    assert_eq!(terminal.exit_code(), 5);
}
