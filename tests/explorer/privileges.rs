//! What the explorer may still do while it runs, and that further views open nevertheless.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use pty_process::blocking::Command;

use crate::support::rights::{BPF, Copy, DAC_READ_SEARCH, FILES, PERFMON, assert_narrow, threads};
use crate::support::terminal::Terminal;
use crate::support::{NOBODY, begin, eventually, scratch};
use crate::{command, quit};

/// What opening a view may take, see `rights::LOAD`: CAP_SYS_PTRACE, _SYS_ADMIN, _SYS_RESOURCE and _SYSLOG besides.
const LOAD: u64 = BPF | PERFMON | DAC_READ_SEARCH | 1 << 19 | 1 << 21 | 1 << 24 | 1 << 34;

/// Opens a view, other settings of it, and the menu, which asks what could run; each time nothing more is in force.
fn look_around(terminal: &Terminal, root: bool, held: u64) {
    let check = || {
        let others = if root { FILES } else { 0 };
        // The menu asks whether libraries can be watched, which takes a thread for a moment.
        let opens = |name: &str| ["rights", "doctor", "libraries"].contains(&name) || name.starts_with("view-");
        assert_narrow(terminal.pid(), root, |name| if opens(name) { held } else { others });
        let keeper = threads(terminal.pid()).into_iter().find(|thread| thread.name == "rights");
        assert_eq!(keeper.expect("the thread that opens views").permitted, held);
    };
    terminal.wait_for_text("LIVE");
    check();
    terminal.send("vrunqlat\r");
    terminal.wait_for("another view", |screen| {
        let text = screen.contents();
        text.contains(" runqlat  ~p50") && text.contains("LIVE")
    });
    check();
    terminal.send("vsyscount\r");
    terminal.wait_for("one more", |screen| {
        let text = screen.contents();
        text.contains("syscount") && text.contains("LIVE") && !text.contains("This view cannot run")
    });
    check();
}

#[test]
fn root_opens_views_and_has_nothing_in_force_between() {
    let _alone = begin();
    let terminal = Terminal::spawn(command(&["biotop", "-d", "0.25"]), 24, 80, &[]);
    // In a container root may have less.
    let own = threads(std::process::id())[0].permitted;
    look_around(&terminal, true, LOAD & own);
    quit(terminal);
}

#[test]
fn an_ordinary_user_opens_views_with_two_capabilities() {
    let _alone = begin();
    let (plain, with_file) = (Copy::with(0), Copy::with(BPF | PERFMON));
    for words in [plain.as_user(&["bpf", "perfmon"]), with_file.as_user(&[])] {
        // SAFETY: what it calls is async-signal-safe.
        let command = unsafe { Command::new(&words[0]).pre_exec(crate::support::take_signals) };
        let command = command.args(&words[1..]).args(["biotop", "-d", "0.25"]);
        let terminal = Terminal::spawn(command, 24, 80, &[]);
        look_around(&terminal, false, BPF | PERFMON);
        quit(terminal);
    }
}

#[test]
fn under_sudo_what_keys_write_is_the_callers() {
    let _alone = begin();
    let dir = scratch();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    let id = NOBODY.to_string();
    let env = [("SUDO_UID", id.as_str()), ("SUDO_GID", id.as_str()), ("HOME", home.to_str().unwrap())];
    let terminal = Terminal::spawn(command(&["runqlat", "-d", "0.25"]).current_dir(&home), 24, 80, &env);
    // The first picture is of no frame that is held yet.
    eventually("frames are held", || seconds(&terminal) >= 2);
    // Written by the export line, recorded, and kept by W.
    terminal.send("w");
    terminal.wait_for_text("bcc-top-");
    terminal.send("\r");
    eventually("it is written", || files(&home).len() == 1);
    terminal.send("x");
    eventually("it records", || {
        fs::read_dir(&home).unwrap().flatten().any(|e| e.path().extension().is_some_and(|e| e == "part"))
    });
    // A recording of nothing is no file.
    let begun = seconds(&terminal);
    eventually("frames are recorded", || seconds(&terminal) >= begun + 2);
    terminal.send("x");
    eventually("it is recorded", || files(&home).len() == 2);
    terminal.send("W");
    let config = home.join(".config/bcc-top/config.toml");
    eventually("it is kept", || config.exists());
    quit(terminal);
    let mut all = files(&home);
    all.extend([home.join(".config"), home.join(".config/bcc-top"), config]);
    for path in all {
        let found = fs::symlink_metadata(&path).unwrap();
        assert_eq!((found.uid(), found.mode() & 0o077), (NOBODY, 0), "{}", path.display());
    }
}

/// How long a time the picture shows, rounded down.
fn seconds(terminal: &Terminal) -> u32 {
    let text = terminal.text();
    let shown = text.split_once("├ last ").and_then(|(_, rest)| rest.split_once('s'));
    shown.and_then(|(number, _)| number.trim().parse().ok()).unwrap_or(0)
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_file() && path.extension().is_none_or(|end| end != "part")).collect()
}
