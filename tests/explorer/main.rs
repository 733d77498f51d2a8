//! The explorer in a real pseudo-terminal, against the live kernel. Needs root, and fails without it.

#[path = "../support/mod.rs"]
mod support;

mod config;
mod faults;
mod hostile;
mod keys;
mod life;
mod names;
mod privileges;
mod sizes;
mod wire;

use pty_process::blocking::Command;

use support::BIN;
use support::terminal::Terminal;

/// The explorer on a terminal of the size that everything is drawn for.
fn explorer(args: &[&str]) -> Terminal {
    sized(args, 24, 80)
}

fn sized(args: &[&str], rows: u16, cols: u16) -> Terminal {
    Terminal::spawn(command(args), rows, cols, &[])
}

fn command(args: &[&str]) -> Command {
    let command = Command::new(BIN).args(args);
    // SAFETY: what it calls is async-signal-safe.
    unsafe { command.pre_exec(support::take_signals) }
}

/// Quits with `q` and asserts that all is as before.
#[track_caller]
fn quit(mut terminal: Terminal) {
    terminal.send("q");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
}

/// A key as a terminal sends it, by the name that the key table uses.
fn key(name: &str) -> String {
    let known = [
        ("Space", " "),
        ("Enter", "\r"),
        ("Esc", "\x1b"),
        ("Tab", "\t"),
        ("Shift-Tab", "\x1b[Z"),
        ("Backspace", "\x7f"),
        ("Up", "\x1b[A"),
        ("Down", "\x1b[B"),
        ("Right", "\x1b[C"),
        ("Left", "\x1b[D"),
        ("Home", "\x1b[H"),
        ("End", "\x1b[F"),
        ("PgUp", "\x1b[5~"),
        ("PgDn", "\x1b[6~"),
        ("Ctrl-Up", "\x1b[1;5A"),
        ("Ctrl-Down", "\x1b[1;5B"),
        ("Ctrl-Right", "\x1b[1;5C"),
        ("Ctrl-Left", "\x1b[1;5D"),
        ("F1", "\x1bOP"),
        ("F2", "\x1bOQ"),
        ("F3", "\x1bOR"),
        ("F4", "\x1bOS"),
        ("F6", "\x1b[17~"),
        ("F10", "\x1b[21~"),
    ];
    if let Some((_, bytes)) = known.iter().find(|(known, _)| *known == name) {
        return (*bytes).to_owned();
    }
    match name.strip_prefix("Ctrl-") {
        Some(letter) => char::from(letter.as_bytes()[0] & 0x1f).to_string(),
        None => {
            assert!(name.chars().count() <= 2 && !name.starts_with('F') || name == "F", "no bytes for the key {name}");
            name.to_owned()
        }
    }
}
