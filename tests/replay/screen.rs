//! The demo in a terminal: drawn, stepped through, left.

use pty_process::blocking::Command;

use crate::support::terminal::Terminal;
use crate::support::{BIN, NOBODY, SIGNAL_LIMIT, kill};

/// The demo in a terminal, as somebody without rights where that can be.
pub fn demo(args: &[&str], rows: u16, cols: u16) -> (Terminal, tempfile::TempDir) {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("bcc-top");
    // By another process: a test beside this one that starts a program would have our open file for a moment, and what is open
    // for writing cannot be run.
    assert!(std::process::Command::new("cp").args([BIN, copy.to_str().unwrap()]).status().unwrap().success());
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let command = Command::new(&copy).arg("demo").args(args);
    let command = if rustix::process::geteuid().is_root() { command.uid(NOBODY).gid(NOBODY) } else { command };
    (Terminal::spawn(command, rows, cols, &[]), dir)
}

#[track_caller]
fn quit(mut terminal: Terminal) {
    terminal.send("q");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
}

#[test]
fn it_is_drawn_and_can_be_stepped_through() {
    let (terminal, _dir) = demo(&[], 24, 80);
    terminal.wait_for("the dashboard", |screen| {
        let text = screen.contents();
        ["┏▌biotop", "┌ tcptop", "┌ runqlat", "┌ cachetop", "REPLAY 20", "~p99"].iter().all(|part| text.contains(part))
    });
    terminal.send("1");
    terminal.wait_for("one view", |screen| screen.contents().contains("block I/O by process"));
    terminal.send(" ");
    terminal.wait_for_text("Space plays");
    let moment = |terminal: &Terminal| {
        let text = terminal.text();
        text.lines().next().and_then(|line| line.split("PAUSED ").nth(1)).unwrap_or_default().to_owned()
    };
    let stood = moment(&terminal);
    terminal.send("]");
    terminal.wait_for("a later moment", |screen| !screen.contents().contains(&format!("PAUSED {stood}")));
    let later = moment(&terminal);
    assert!(later > stood, "{stood} {later}");
    terminal.send("[");
    terminal.wait_for_text(&format!("PAUSED {stood}"));
    terminal.send("}");
    terminal.wait_for("a minute later", |screen| !screen.contents().contains(&format!("PAUSED {stood}")));
    terminal.wait_for_text("COMM");
    terminal.send(" ");
    terminal.wait_for("that it plays", |screen| screen.contents().contains("REPLAY 20"));
    terminal.send("?");
    terminal.wait_for_text("Keys in");
    terminal.send("?");
    quit(terminal);
}

#[test]
fn it_plays_to_its_end_and_again() {
    let (terminal, _dir) = demo(&["--speed", "100"], 24, 80);
    terminal.wait_for_text("REPLAY END");
    terminal.send(" ");
    terminal.wait_for("that it plays again", |screen| screen.contents().contains("REPLAY x100"));
    terminal.wait_for_text("REPLAY END");
    terminal.send("[[[]]]]");
    terminal.wait_for_text("the end of the recording");
    quit(terminal);
}

#[test]
fn every_size_and_a_signal() {
    for (rows, cols) in [(60, 200), (16, 60), (10, 40), (5, 20)] {
        let (mut terminal, _dir) = demo(&["biotop", "--ascii"], rows, cols);
        terminal.wait_for_text("biotop");
        terminal.send(" ");
        let sent = std::time::Instant::now();
        kill(terminal.pid(), libc::SIGTERM);
        assert_eq!(terminal.exit_code(), 0);
        assert!(sent.elapsed() < SIGNAL_LIMIT);
        terminal.assert_restored();
    }
}

#[test]
fn it_ends_after_a_number_of_frames() {
    let (mut terminal, _dir) = demo(&["runqlat", "-n", "5", "--speed", "50"], 24, 80);
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
    assert!(terminal.text().contains("~p50"), "the last frame is left:\n{}", terminal.text());
}
