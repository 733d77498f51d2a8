//! Terminals that stop and terminals that go.

use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use pty_process::Size;
use rustix::termios::{Action, tcflow};

use crate::support::kernel::Before;
use crate::support::{SIGNAL_LIMIT, begin, eventually, scratch};
use crate::{command, explorer, quit};

fn resident_kib(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_terminal_that_is_stopped_for_a_minute_holds_up_the_screen_alone() {
    let _alone = begin();
    let terminal = explorer(&["biotop,runqlat", "-d", "0.25"]);
    terminal.wait_for_text("LIVE");
    let pid = terminal.pid();
    // What Ctrl-S does where the terminal, not the program, takes it.
    let tty = fs::File::options().read(true).write(true).open(format!("/proc/{pid}/fd/1")).unwrap();
    tcflow(&tty, Action::OOff).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let (seen, before) = (terminal.bytes().len(), resident_kib(pid));
    std::thread::sleep(Duration::from_secs(60));
    assert_eq!(terminal.bytes().len(), seen, "it was stopped");
    let after = resident_kib(pid);
    // A minute of frames is held, as it always is; pictures that nobody took are not.
    assert!(after < before + 16_384, "{before} KiB before, {after} KiB after");
    tcflow(&tty, Action::OOn).unwrap();
    // Its end is seen only where nobody else has it open.
    drop(tty);
    eventually("it is drawn again", || terminal.bytes().len() > seen);
    // Collection went on: the minute can be looked at.
    terminal.wait_for("what happened meanwhile", |screen| {
        let text = screen.contents();
        let held = text.split("rec ").nth(1).and_then(|rest| rest.split_whitespace().next().map(str::to_owned));
        text.contains("LIVE")
            && held.is_some_and(|held| {
                held.contains('m') || held.trim_end_matches('s').parse::<u32>().is_ok_and(|s| s > 55)
            })
    });
    quit(terminal);
}

#[test]
fn a_line_that_hangs_up_ends_it_and_completes_its_recording() {
    let _alone = begin();
    let before = Before::look();
    let dir = scratch();
    let path = dir.path().join("out.rec");
    let (pty, pts) = pty_process::blocking::open().unwrap();
    pty.resize(Size::new(24, 80)).unwrap();
    let command = command(&["biotop", "-d", "0.25", "--record", path.to_str().unwrap()]).env("TERM", "xterm-256color");
    let mut child = command.spawn(pts).unwrap();
    let (mut pty, mut began) = (pty, None::<Instant>);
    let part = dir.path().join("out.rec.part");
    // It draws four times a second, so reading does not wait for long; some frames are enough.
    while began.is_none_or(|began| began.elapsed() < Duration::from_secs(3)) {
        let mut buffer = [0; 4096];
        assert!(pty.read(&mut buffer).unwrap() > 0);
        began = began.or_else(|| part.exists().then(Instant::now));
    }
    // As when sshd closes its side: the session is told, and every read and write fails from now on.
    let gone = Instant::now();
    drop(pty);
    let mut status = None;
    eventually("it has ended", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert!(gone.elapsed() < SIGNAL_LIMIT, "{:?}", gone.elapsed());
    let status = status.unwrap();
    assert_eq!((status.code(), status.signal()), (Some(0), None));
    let output = crate::support::batch::run(&["replay", path.to_str().unwrap(), "--ndjson"]);
    assert!(output.status.success() && output.stdout.iter().filter(|&&b| b == b'\n').count() > 3);
    before.assert_nothing_left();
}
