//! How the explorer begins and ends: rights, terminals, signals, bugs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command as Plain, Stdio};
use std::time::{Duration, Instant};

use crate::support::batch::{run, stderr};
use crate::support::kernel::Before;
use crate::support::terminal::Terminal;
use crate::support::{BIN, NOBODY, SIGNAL_LIMIT, begin, eventually, kill, shell_code};
use crate::{command, explorer, quit};

/// What the explorer sends first when it takes the terminal.
const TAKEN: &[u8] = b"\x1b[?1049h";

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn without_rights_it_says_what_is_missing_and_leaves_the_terminal_alone() {
    let _alone = begin();
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("bcc-top");
    fs::copy(BIN, &copy).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    for args in [&[][..], &["biotop"]] {
        let command = pty_process::blocking::Command::new(&copy).args(args).uid(NOBODY).gid(NOBODY);
        let mut terminal = Terminal::spawn(command, 24, 160, &[]);
        assert_eq!(terminal.exit_code(), 3);
        terminal.assert_restored();
        let bytes = String::from_utf8(terminal.bytes()).unwrap();
        assert!(bytes.starts_with("bcc-top: live views need permission to load BPF programs.\r\n"), "{bytes:?}");
        let setcap = format!("+ep {}    for good", copy.display());
        for part in ["missing   CAP_BPF, CAP_PERFMON", "uid 65534", "sudo bcc-top", &setcap, "bcc-top doctor"] {
            assert!(bytes.contains(part), "{part} is missing: {bytes:?}");
        }
        assert!(!bytes.contains('\x1b') && !bytes.contains("panicked"), "{bytes:?}");
    }
}

#[test]
fn without_a_keyboard_it_suggests_batch_mode() {
    let _alone = begin();
    let (_pty, pts) = pty_process::blocking::open().unwrap();
    let mut command = Plain::new(BIN);
    let screen = std::os::fd::AsFd::as_fd(&pts).try_clone_to_owned().unwrap();
    command.stdin(Stdio::null()).stdout(screen).stderr(Stdio::piped());
    // SAFETY: setsid() is async-signal-safe; a new session has no terminal that controls it.
    unsafe {
        command.pre_exec(|| if libc::setsid() < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) });
    }
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    let text = stderr(&output);
    assert_eq!((output.status.code(), text.lines().count()), (Some(2), 1), "{text}");
    assert!(text.contains("-b"), "{text}");
}

#[test]
fn keys_come_from_the_terminal_when_standard_input_is_something_else() {
    let _alone = begin();
    let terminal = Terminal::spawn(command(&["biotop"]).stdin(Stdio::null()), 24, 80, &[]);
    terminal.wait_for_text("block I/O by process");
    quit(terminal);
}

#[test]
fn an_unknown_view_is_the_same_error_with_and_without_a_terminal() {
    let _alone = begin();
    let mut terminal = explorer(&["biotpo"]);
    assert_eq!(terminal.exit_code(), 2);
    terminal.assert_restored();
    let text = String::from_utf8(terminal.bytes()).unwrap();
    assert!(text.contains("biotop") && text.lines().count() == 1 && !text.contains('\x1b'), "{text:?}");
    let output = run(&["biotpo"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert_eq!(stderr(&output).trim_end(), text.trim_end());
}

#[test]
fn a_signal_gives_the_terminal_back_at_any_moment() {
    let _alone = begin();
    let before = Before::look();
    let signals = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];
    for (moment, signal) in (0..24).zip(signals.into_iter().cycle()) {
        let mut terminal = explorer(&["-d", "0.25"]);
        let after = Duration::from_millis(moment * 12);
        let deadline = Instant::now() + after;
        std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
        let sent = Instant::now();
        kill(terminal.pid(), signal);
        let code = shell_code(terminal.wait_exit());
        let took = sent.elapsed();
        assert!(took < SIGNAL_LIMIT, "signal {signal} after {after:?}: {took:?}");
        terminal.assert_restored();
        // Until it has taken the terminal it is any program that a signal ends.
        let taken = contains(&terminal.bytes(), TAKEN);
        assert!(code == 0 || !taken && code == 128 + signal, "signal {signal} after {after:?}: {code}");
    }
    before.assert_nothing_left();
}

#[test]
fn however_it_is_ended_while_live_nothing_stays() {
    let _alone = begin();
    for way in ["\x03", "q", "Q", "\x1b[21~", "INT", "TERM", "HUP"] {
        let before = Before::look();
        let mut terminal = explorer(&["biotop,runqlat", "-d", "0.25"]);
        terminal.wait_for_text("LIVE");
        assert!(before.has_new());
        let sent = Instant::now();
        match way {
            "INT" => kill(terminal.pid(), libc::SIGINT),
            "TERM" => kill(terminal.pid(), libc::SIGTERM),
            "HUP" => kill(terminal.pid(), libc::SIGHUP),
            keys => terminal.send(keys),
        }
        assert_eq!(terminal.exit_code(), 0, "{way:?}");
        let took = sent.elapsed();
        println!("{way:?}: {took:?}");
        assert!(took < SIGNAL_LIMIT, "{way:?}: {took:?}");
        terminal.assert_restored();
        // Q leaves the last frame behind, nothing else does.
        assert_eq!(terminal.text().contains("runqlat"), way == "Q", "{way:?}: {}", terminal.text());
        before.assert_nothing_left();
    }
}

#[test]
fn a_terminal_that_takes_nothing_does_not_hold_up_a_signal() {
    let _alone = begin();
    let mut terminal = explorer(&["-d", "0.25"]);
    terminal.wait_for_text("LIVE");
    terminal.stop_reading();
    // Redraws until the line is full, which is when the program's writes do not return.
    let pid = terminal.pid();
    let writing = || {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
        tasks.map(|task| task.path()).any(|task| {
            let read = |file: &str| fs::read_to_string(task.join(file)).unwrap_or_default();
            read("comm").trim() == "screen" && read("syscall").starts_with(&format!("{} 0x1 ", libc::SYS_write))
        })
    };
    let (mut redraws, mut stuck) = (0, 0);
    eventually("the terminal is full", || {
        if redraws < 200 {
            terminal.send("\x0c");
            redraws += 1;
        }
        stuck = if writing() { stuck + 1 } else { 0 };
        stuck > 20
    });
    let sent = Instant::now();
    kill(pid, libc::SIGTERM);
    assert_eq!(shell_code(terminal.wait_exit()), 0);
    assert!(sent.elapsed() < SIGNAL_LIMIT, "{:?}", sent.elapsed());
    terminal.assert_line_restored();
}

#[test]
fn count_ends_it_and_several_views_are_a_dashboard() {
    let _alone = begin();
    let mut terminal = explorer(&["runqlat", "0.2", "3"]);
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
    let terminal = explorer(&["biotop,tcptop"]);
    terminal.wait_for("both panes", |screen| {
        let text = screen.contents();
        text.contains("LIVE") && text.contains(" biotop ─") || text.contains("━ biotop") || {
            let panes = |name: &str| text.lines().skip(1).any(|line| line.contains(name));
            panes("biotop") && panes("tcptop")
        }
    });
    quit(terminal);
}

#[test]
fn a_killed_explorer_leaves_nothing_in_the_kernel() {
    let _alone = begin();
    let before = Before::look();
    let mut terminal = explorer(&["-d", "0.25"]);
    terminal.wait_for_text("LIVE");
    kill(terminal.pid(), libc::SIGKILL);
    terminal.wait_exit();
    before.assert_nothing_left();
}

#[cfg(debug_assertions)]
#[test]
fn a_bug_gives_the_terminal_back_and_is_three_lines() {
    let _alone = begin();
    let before = Before::look();
    let dir = tempfile::tempdir().unwrap();
    let env = [("BCC_TOP_TEST_PANIC", "screen"), ("TMPDIR", dir.path().to_str().unwrap())];
    let mut terminal = Terminal::spawn(command(&["biotop", "-d", "0.25"]), 24, 160, &env);
    assert_eq!(terminal.exit_code(), 101);
    terminal.assert_restored();
    let text = terminal.text();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("bcc-top: our bug: provoked in screen") && text.contains("report"), "{text}");
    let report = fs::read_dir(dir.path()).unwrap().flatten().next().expect("a report");
    assert!(fs::read_to_string(report.path()).unwrap().contains("provoked in screen"));
    assert_eq!(report.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    before.assert_nothing_left();
}

#[cfg(debug_assertions)]
#[test]
fn a_bug_of_one_view_leaves_the_screen_and_the_others_alone() {
    let _alone = begin();
    let env = [("BCC_TOP_TEST_PANIC", "view")];
    let terminal = Terminal::spawn(command(&["biotop", "-d", "0.25"]), 24, 80, &env);
    terminal.wait_for_text("ENDED");
    // Its words are in the log, not over the screen.
    terminal.send("!");
    terminal.wait_for_text("provoked in view");
    terminal.send("!");
    terminal.send("vrunqlat\r");
    terminal.wait_for("another view", |screen| {
        let text = screen.contents();
        text.contains(" runqlat  ~p50") && text.contains("LIVE") && !text.contains("ENDED")
    });
    let mut terminal = terminal;
    terminal.send("q");
    // The others went on, but a bug is a bug.
    assert_eq!(terminal.exit_code(), 101);
    terminal.assert_restored();
    assert!(terminal.text().contains("bcc-top: our bug: provoked in view"), "{}", terminal.text());
}

#[test]
fn a_view_that_cannot_run_is_a_page() {
    let _alone = begin();
    let forced = ["fentry", "kprobe"]
        .into_iter()
        .find(|kind| run(&["biotop", "--json", "-d", "0.1", "--hook", kind]).status.code() == Some(4));
    let forced = forced.unwrap_or("submit=9");
    let terminal = explorer(&["biotop", "--hook", forced]);
    terminal.wait_for("the page", |screen| {
        let text = screen.contents();
        text.contains("This view cannot run") && text.contains("Why") && text.contains("Do ")
    });
    if !forced.contains('=') {
        terminal.wait_for("the hooks that were tried", |screen| {
            let text = screen.contents();
            text.contains(&format!("{forced}/blk_account_io_start")) && text.contains("submit")
        });
    }
    // Trying again ends on the same page, and is not ignored.
    let frames = terminal.bytes().len();
    terminal.send("r");
    eventually("it tried again", || terminal.bytes().len() > frames);
    terminal.wait_for_text("This view cannot run");
    // Another view runs.
    terminal.send("vrunqlat\r");
    terminal.wait_for("another view", |screen| screen.contents().contains("LIVE"));
    quit(terminal);
}

#[test]
fn it_can_be_suspended() {
    let _alone = begin();
    let terminal = explorer(&["biotop", "-d", "0.25"]);
    terminal.wait_for_text("LIVE");
    terminal.send("\x1a");
    let pid = terminal.pid();
    let state = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit(')').next().unwrap().trim().chars().next().unwrap()
    };
    // Its group has no shell above it: the kernel does not stop such a group, so it may go on by itself.
    eventually("it has given the terminal back", || contains(&terminal.bytes(), b"\x1b[?1049l"));
    if state() == 'T' {
        assert!(!terminal.screen().alternate_screen());
        kill(pid, libc::SIGCONT);
    }
    terminal.wait_for("the screen again", |screen| screen.alternate_screen() && screen.contents().contains("LIVE"));
    quit(terminal);
}
