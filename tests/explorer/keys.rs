//! Every key, on live views.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use bcc_top::ui::action::{Action, BINDINGS};
use serde_json::Value;

use crate::support::load::Load;
use crate::support::terminal::Terminal;
use crate::support::{begin, eventually, scratch};
use crate::{command, explorer, key, quit};

/// Asserts that the program still takes keys: the help opens and closes.
#[track_caller]
fn assert_alive(terminal: &Terminal) {
    terminal.send("?");
    terminal.wait_for_text("Keys in");
    terminal.send("?");
    terminal.wait_for("no help", |screen| !screen.contents().contains("Keys in"));
}

#[test]
fn every_key_of_the_table_can_be_pressed() {
    let _alone = begin();
    // One of the keys records to a file.
    let dir = tempfile::tempdir().unwrap();
    for args in [&["biotop", "-d", "0.25"][..], &["runqlat", "-d", "0.25"], &["-d", "0.25"]] {
        let mut terminal = Terminal::spawn(command(args).current_dir(dir.path()), 24, 80, &[]);
        terminal.wait_for_text("LIVE");
        for binding in BINDINGS {
            if matches!(binding.action, Action::Close | Action::Quit | Action::QuitLeave | Action::Suspend) {
                continue;
            }
            for name in binding.keys {
                terminal.send(&key(name));
                // Answered, not only swallowed: what it opens is closed again before the next one.
                terminal.send("\x1b");
                eventually(&format!("the key {name} is taken"), || {
                    terminal.send("\x1b");
                    std::thread::sleep(std::time::Duration::from_millis(30));
                    let text = terminal.text();
                    assert!(terminal.screen().alternate_screen(), "{name} ended it: {text}");
                    !text.contains("Esc") && !text.contains(" log  ! closes")
                        || *name == "!" && {
                            terminal.send("!");
                            false
                        }
                });
            }
        }
        assert_alive(&terminal);
        terminal.send("Q");
        assert_eq!(terminal.exit_code(), 0);
        terminal.assert_restored();
    }
}

#[test]
fn keys_do_what_they_say() {
    let _alone = begin();
    let dir = scratch();
    let mut loads: Vec<Load> =
        ["key-alpha", "key-beta", "key-gamma"].map(|name| Load::start(name.as_bytes(), dir.path())).into();
    loads.iter_mut().for_each(Load::busy);
    let terminal = explorer(&["biotop", "-d", "0.25"]);
    let shows = |what: &str, wanted: &[&str], not: &[&str]| {
        terminal.wait_for(what, |screen| {
            let text = screen.contents();
            wanted.iter().all(|part| text.contains(part)) && !not.iter().any(|part| text.contains(part))
        });
    };
    shows("all loads", &["LIVE", "key-alpha", "key-beta", "key-gamma", "interval"], &[]);
    terminal.send("/key-b");
    shows("the filter as it is typed", &["/ key-b", "key-beta"], &["key-alpha"]);
    terminal.send("\x1b");
    shows("no filter", &["key-alpha", "key-beta"], &["/ key-b"]);
    terminal.send("a");
    shows("rates", &["per second"], &[]);
    terminal.send("a");
    shows("totals", &["since start"], &[]);
    terminal.send("a");
    shows("intervals", &["interval"], &["since start", "per second"]);
    terminal.send("s");
    shows("the sort menu", &["letter"], &[]);
    terminal.send("\x1b");
    shows("no menu", &["key-alpha"], &["letter"]);
    terminal.send("m");
    assert_alive(&terminal);
    // The short first frame is not held: there is nothing to stand still at before a whole one.
    shows("frames that are held", &["rec 1s"], &[]);
    terminal.send(" ");
    shows("it stands still", &["PAUSED"], &["LIVE"]);
    terminal.send("[[");
    assert_alive(&terminal);
    terminal.send("]");
    shows("still paused", &["PAUSED"], &[]);
    terminal.send(" ");
    shows("live again", &["LIVE"], &["PAUSED"]);
    terminal.send("j\r");
    shows("the detail page", &["Esc back", "pid", "key-"], &[]);
    terminal.send("\x1b");
    shows("the table", &["key-alpha", "key-beta"], &["Esc back"]);
    terminal.send("!");
    shows("the log", &[" log  ! closes"], &[]);
    terminal.send("!");
    shows("no log", &["key-alpha"], &[" log  ! closes"]);
    terminal.send("v");
    shows("the picker", &["Open a view", "biotop", "Storage"], &[]);
    terminal.send("tcptop\r");
    shows("tcptop", &["LADDR", "LIVE", "2:tcptop", "key-alpha"], &[]);
    terminal.send("1");
    shows("biotop", &["DISK"], &["LADDR"]);
    terminal.send("\t");
    shows("the next tab", &["LADDR"], &["DISK"]);
    terminal.send("'");
    shows("the one before", &["DISK"], &["LADDR"]);
    terminal.send("0");
    shows("a dashboard of both", &["┏▌biotop", "┌ tcptop", "LIVE"], &[]);
    quit(terminal);
}

/// Files in a directory whose names end in `.json`.
fn documents(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(dir).unwrap().flatten().map(|file| file.path());
    files.filter(|path| path.extension().is_some_and(|e| e == "json")).collect()
}

#[test]
fn an_export_is_a_document_of_its_own() {
    let _alone = begin();
    let dir = tempfile::tempdir().unwrap();
    let command = command(&["biotop,runqlat", "-d", "0.25"]).current_dir(dir.path());
    let terminal = Terminal::spawn(command, 24, 80, &[]);
    // Paused, so that a second export has the same name; the short first frame is never held.
    terminal.wait_for("numbers of both", |screen| {
        let text = screen.contents();
        text.contains("LIVE") && text.contains("p50") && text.contains("rec 1s")
    });
    terminal.send(" ");
    terminal.wait_for_text("PAUSED");
    terminal.send("w");
    terminal.wait_for_text("bcc-top-");
    terminal.send("\r");
    eventually("a file", || documents(dir.path()).len() == 1);
    let path = documents(dir.path()).remove(0);
    let text = fs::read_to_string(&path).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let views: Vec<&str> =
        document["frames"].as_array().unwrap().iter().map(|frame| frame["view"].as_str().unwrap()).collect();
    assert!(views.contains(&"biotop") && views.contains(&"runqlat"), "{views:?}");
    assert!(document["frames"].as_array().unwrap().iter().all(|frame| frame["status"] == "ok"), "{text}");
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert!(path.file_name().unwrap().to_str().unwrap().contains("-dashboard-"), "{}", path.display());
    // Once more: the same name is taken, and the file is left as it is.
    terminal.send("w");
    terminal.wait_for("the line", |screen| screen.contents().lines().last().is_some_and(|l| l.contains("bcc-top-")));
    terminal.send("\r");
    terminal.wait_for("what became of it", |screen| {
        let text = screen.contents();
        text.contains("exists") || text.contains("there already")
    });
    assert_eq!((fs::read_to_string(&path).unwrap(), fs::metadata(&path).unwrap().ino()), (text, metadata.ino()));
    let parts = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(parts, documents(dir.path()).len(), "nothing half written is left");
    terminal.send("\x1b\x1b");
    assert_alive(&terminal);
    quit(terminal);
}
