//! The configuration on a live screen: keys, mistakes, what `W` writes, what is remembered.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use crate::support::terminal::Terminal;
use crate::support::{begin, eventually};
use crate::{command, quit};

/// A home with a configuration.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new(text: &str) -> Home {
        let home = Home { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(home.config().parent().unwrap()).unwrap();
        fs::write(home.config(), text).unwrap();
        home
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join(".config/bcc-top/config.toml")
    }

    fn open(&self, args: &[&str], env: &[(&str, &str)]) -> Terminal {
        let home = self.dir.path().to_str().unwrap();
        Terminal::spawn(command(args), 24, 80, &[&[("HOME", home)], env].concat())
    }
}

fn shows(terminal: &Terminal, text: &str) {
    terminal.wait_for_text(text);
}

fn gone(terminal: &Terminal, text: &str) {
    terminal.wait_for(&format!("no {text:?}"), |screen| !screen.contents().contains(text));
}

#[test]
fn keys_are_those_of_the_configuration() {
    let _alone = begin();
    let home = Home::new("[keys]\npicker = [\"o\", \"gp\"]\nhelp = [\"z\"]\nquit-leave = [\"Ctrl-x\"]\n");
    let mut terminal = home.open(&["biotop", "-d", "0.25"], &[]);
    shows(&terminal, "LIVE");
    // Hints and help name the keys in effect.
    shows(&terminal, "z help");
    shows(&terminal, "o views");
    terminal.send("v");
    shows(&terminal, "v does nothing; help is z");
    terminal.send("o");
    shows(&terminal, "Open a view");
    terminal.send("\x1b");
    gone(&terminal, "Open a view");
    terminal.send("gp");
    shows(&terminal, "Open a view");
    terminal.send("\x1b");
    gone(&terminal, "Open a view");
    terminal.send("z");
    shows(&terminal, "o gp");
    terminal.send("z");
    gone(&terminal, "Keys in");
    terminal.send("\x18");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
}

#[test]
fn a_broken_configuration_starts_with_the_defaults_and_is_told() {
    let _alone = begin();
    let home = Home::new("interval = \"soon\"\n[keys]\npickr = [\"o\"]\n");
    let mut terminal = home.open(&["biotop"], &[]);
    shows(&terminal, "LIVE");
    shows(&terminal, "1.0s");
    terminal.send("!");
    shows(&terminal, "line 3: keys.pickr");
    terminal.send("!Q");
    assert_eq!(terminal.exit_code(), 0);
    terminal.assert_restored();
    // It was said before the screen opened, and is to be read when that is closed.
    let bytes = terminal.bytes();
    let text = String::from_utf8_lossy(&bytes);
    let (told, opened) = (text.find("line 1: interval: takes a number"), text.find("\x1b[?1049h"));
    assert!(told.is_some() && told < opened, "{told:?} {opened:?}");
    assert!(text.contains("line 3: keys.pickr: `pickr` is not an action; did you mean picker"), "{text}");
    // One that is no TOML at all is no different.
    let home = Home::new("interval = 5\n[keys\n");
    let terminal = home.open(&["biotop"], &[]);
    shows(&terminal, "1.0s");
    quit(terminal);
}

#[test]
fn what_is_kept_is_written_by_one_key_only_and_comments_stay() {
    let _alone = begin();
    let text = "# mine\ninterval = 0.25 # quick\n\n[views.biotop]\nsort = \"-io\" # most first\n";
    let home = Home::new(text);
    let terminal = home.open(&["biotop"], &[]);
    shows(&terminal, "LIVE");
    shows(&terminal, "0.25s");
    terminal.send(":theme dark\r");
    terminal.send(":show pid,comm,bytes\r");
    gone(&terminal, "DISK");
    assert_eq!(fs::read_to_string(home.config()).unwrap(), text, "nothing is written unless it is asked for");
    terminal.send("W");
    shows(&terminal, "are kept in");
    let after = fs::read_to_string(home.config()).unwrap();
    for part in ["# mine\n", "interval = 0.25 # quick\n", "sort = \"-io\" # most first\n", "theme = \"dark\"\n"] {
        assert!(after.contains(part), "{part}: {after}");
    }
    assert!(after.contains("columns = [\"pid\", \"comm\", \"bytes\"]"), "{after}");
    terminal.send("S");
    shows(&terminal, "this run");
    shows(&terminal, "line 2");
    terminal.send("\x1b");
    gone(&terminal, "this run");
    quit(terminal);
    let folder = home.config().parent().unwrap().read_dir().unwrap().count();
    assert_eq!(folder, 1, "nothing half written is left");
    // The next run looks like this one.
    let terminal = home.open(&["biotop"], &[]);
    shows(&terminal, "LIVE");
    shows(&terminal, "COMM");
    assert!(!terminal.text().contains("DISK"));
    quit(terminal);
}

#[test]
fn a_dashboard_is_kept_and_opened() {
    let _alone = begin();
    let home = Home::new("[dashboards]\ndefault = [\"runqlat\", \"biotop\"]\n");
    let terminal = home.open(&["-d", "0.5"], &[]);
    shows(&terminal, "LIVE");
    shows(&terminal, "1:runqlat  2:biotop  0:dash");
    terminal.send("Acachetop\r");
    shows(&terminal, "3:cachetop");
    terminal.send("W");
    shows(&terminal, "are kept in");
    let after = fs::read_to_string(home.config()).unwrap();
    assert!(after.contains("default = [\"runqlat\", \"biotop\", \"cachetop\"]"), "{after}");
    quit(terminal);
}

#[test]
fn lines_that_were_typed_come_back_where_that_is_asked_for() {
    let _alone = begin();
    let state = |home: &Path| home.join(".local/state/bcc-top/state.json");
    for (text, kept) in [("", false), ("save_state = true\n", true)] {
        let home = Home::new(text);
        let terminal = home.open(&["biotop", "-d", "0.25"], &[]);
        shows(&terminal, "LIVE");
        terminal.send("/pid>0\r");
        shows(&terminal, "filter pid>0");
        quit(terminal);
        assert_eq!(state(home.dir.path()).exists(), kept, "{text}");
        let terminal = home.open(&["biotop", "-d", "0.25"], &[]);
        shows(&terminal, "LIVE");
        terminal.send("/");
        shows(&terminal, "Esc clear");
        terminal.send("\x1b[A");
        terminal.wait_for("what was typed, or nothing", |screen| {
            let line = screen.contents().lines().last().unwrap_or_default().to_owned();
            line.contains("/ pid>0") == kept && line.contains('/')
        });
        terminal.send("\x1b");
        gone(&terminal, "Esc clear");
        quit(terminal);
    }
    // Broken state is a line in the log, no more.
    let home = Home::new("save_state = true\n");
    fs::create_dir_all(state(home.dir.path()).parent().unwrap()).unwrap();
    fs::write(state(home.dir.path()), "{").unwrap();
    let terminal = home.open(&["biotop", "-d", "0.25"], &[]);
    shows(&terminal, "LIVE");
    terminal.send("!");
    shows(&terminal, "state.json");
    terminal.send("!");
    quit(terminal);
}

#[test]
fn under_sudo_the_file_of_who_called_is_read_and_stays_theirs() {
    let _alone = begin();
    let (root, ann) = (Home::new(""), Home::new("interval = 0.5\nsave_state = true\n"));
    fs::remove_file(root.config()).unwrap();
    for path in ann.config().ancestors().take(4) {
        chown(path, Some(65534), Some(65534)).unwrap();
    }
    let home = ann.dir.path().to_str().unwrap();
    let env = [("SUDO_UID", "65534"), ("SUDO_GID", "65534"), ("SUDO_USER", "nobody"), ("SUDO_HOME", home)];
    let terminal = root.open(&["biotop"], &env);
    shows(&terminal, "0.5s");
    shows(&terminal, "LIVE");
    terminal.send(":sort io\r");
    terminal.send("W");
    shows(&terminal, "are kept in");
    let written = fs::metadata(ann.config()).unwrap();
    assert_eq!((written.uid(), written.gid()), (65534, 65534));
    assert!(fs::read_to_string(ann.config()).unwrap().contains("sort = \"-io\""));
    quit(terminal);
    eventually("no state of a file that is not root's", || !ann.dir.path().join(".local").exists());
    assert!(!root.dir.path().join(".local").exists());
}
