//! What goes over the line: how many bytes, and of which kind.

use std::time::{Duration, Instant};

use crate::support::load::Load;
use crate::support::terminal::Terminal;
use crate::support::{begin, eventually, scratch};
use crate::{command, explorer, quit};

/// Marks around what is drawn in one go.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// The sizes of what was drawn after `from`, marks included, whole drawings only.
fn drawings(bytes: &[u8], from: usize) -> Vec<usize> {
    let find = |part: &[u8], from: usize| bytes[from..].windows(part.len()).position(|w| w == part).map(|at| at + from);
    let mut sizes = vec![];
    let mut at = from;
    while let Some((begin, end)) = find(BEGIN, at).and_then(|begin| Some((begin, find(END, begin)?))) {
        at = end + END.len();
        sizes.push(at - begin);
    }
    sizes
}

/// The mean size of some drawings from now on.
fn mean(terminal: &Terminal, wanted: usize) -> usize {
    let from = terminal.bytes().len();
    eventually("some drawings", || drawings(&terminal.bytes(), from).len() >= wanted);
    let sizes = drawings(&terminal.bytes(), from);
    println!("{sizes:?}");
    sizes.iter().sum::<usize>() / sizes.len()
}

#[test]
fn a_refresh_is_small() {
    let _alone = begin();
    let dir = scratch();
    let mut loads: Vec<Load> =
        (0..12).map(|n| Load::start(format!("load-number-{n}").as_bytes(), dir.path())).collect();
    loads.iter_mut().for_each(Load::busy);
    for (args, limit) in [(&["biotop", "-d", "0.5"][..], 2000), (&["-d", "0.5"], 3000)] {
        let terminal = explorer(args);
        terminal.wait_for("all that there is", |screen| {
            let text = screen.contents();
            text.contains("LIVE") && loads.iter().take(3).all(|load| text.contains(&load.pid.to_string()))
        });
        let largest = drawings(&terminal.bytes(), 0).into_iter().max().expect("drawings");
        assert!(largest <= 4000, "{args:?}: {largest} bytes for a whole screen, 4000 allowed");
        let steady = mean(&terminal, 8);
        assert!(steady <= limit, "{args:?}: {steady} bytes a refresh, {limit} allowed");
        // Paused, only the age and the strip of frames held go on.
        terminal.send(" ");
        terminal.wait_for_text("PAUSED");
        let paused = mean(&terminal, 8);
        assert!(paused <= 100, "{args:?}: {paused} bytes a refresh while paused");
        for key in ["j", "j", "k"] {
            let from = terminal.bytes().len();
            terminal.send(key);
            eventually("the key is answered", || !drawings(&terminal.bytes(), from).is_empty());
            let sizes = drawings(&terminal.bytes(), from);
            assert!(sizes.iter().sum::<usize>() <= 400, "{args:?}: {sizes:?} bytes for the key {key}");
        }
        quit(terminal);
    }
}

/// Whether nothing below the first row was drawn: what this host is doing stands there, and is not ours to hold still.
fn is_of_first_row(sent: &str) -> bool {
    let mut moves = sent.split("\x1b[").filter_map(|part| part.split_once('H').map(|(place, _)| place));
    let numbers = |place: &str| place.chars().all(|c| c.is_ascii_digit() || c == ';');
    !sent.contains("\r\n") && moves.all(|place| !numbers(place) || place.is_empty() || place.starts_with("1;"))
}

#[test]
fn nothing_is_sent_while_nothing_changes() {
    let _alone = begin();
    // A view that cannot run delivers nothing that could change.
    let terminal = explorer(&["biotop", "-d", "0.25", "--hook", "submit=9"]);
    terminal.wait_for_text("This view cannot run");
    let quiet = Duration::from_secs(2);
    let mut last = (terminal.bytes().len(), Instant::now());
    eventually("nothing is sent for many intervals", || {
        let bytes = terminal.bytes();
        let sent = String::from_utf8_lossy(&bytes[last.0..]).into_owned();
        if !is_of_first_row(&sent) {
            println!("{sent:?}");
            last.1 = Instant::now();
        }
        last.0 = bytes.len();
        last.1.elapsed() > quiet
    });
    quit(terminal);
}

/// Runs a dashboard for a while in an environment; gives its bytes.
fn bytes_with(env: &[(&str, &str)]) -> Vec<u8> {
    let terminal = Terminal::spawn(command(&["-d", "0.25"]), 24, 80, env);
    terminal.wait_for_text("LIVE");
    terminal.send("?");
    terminal.wait_for_text("Keys in");
    terminal.send("?3");
    terminal.wait_for("runqlat alone", |screen| screen.contents().contains("cum %"));
    let bytes = terminal.bytes();
    quit(terminal);
    bytes
}

/// The parameters of every SGR sequence.
fn styles(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let sequences = text.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m'));
    let sgr = |part: &&str| part.bytes().all(|b| b.is_ascii_digit() || b == b';');
    sequences.map(|(part, _)| part).filter(sgr).map(str::to_owned).collect()
}

fn is_colour(style: &str) -> bool {
    style.split(';').filter_map(|code| code.parse::<u32>().ok()).any(|code| matches!(code, 30..=49 | 90..=107))
}

#[test]
fn without_colour_no_colour_is_sent() {
    let _alone = begin();
    let with = |env: &[(&str, &str)]| styles(&bytes_with(env));
    assert!(with(&[]).iter().any(|style| is_colour(style)), "with colours there are some");
    for env in [[("NO_COLOR", "1"), ("COLORTERM", "truecolor")], [("TERM", "dumb"), ("COLORTERM", "truecolor")]] {
        let coloured: Vec<String> = with(&env).into_iter().filter(|style| is_colour(style)).collect();
        assert!(coloured.is_empty(), "{env:?}: {coloured:?}");
    }
}

#[test]
fn terminals_get_the_signs_that_they_have() {
    let _alone = begin();
    // What was sent so far may end within a sign.
    let text = |env: &[(&str, &str)]| String::from_utf8_lossy(&bytes_with(env)).into_owned();
    let linux = text(&[("TERM", "linux")]);
    // The console's font has lines, and blocks of halves.
    let missing = |c: char| matches!(c, '\u{2581}'..='\u{2587}' | '\u{2589}'..='\u{258b}' | '\u{258d}'..='\u{258f}' | '\u{2800}'..='\u{28ff}');
    assert!(!linux.contains(missing) && linux.contains('─'), "{linux}");
    for part in ["\x1b[?2026", "\x1b[?1000h", "\x1b[?1006h"] {
        assert!(!linux.contains(part), "the console gets {part:?}");
    }
    let ascii = text(&[("LANG", "C")]);
    assert!(ascii.is_ascii(), "{:?}", ascii.chars().filter(|c| !c.is_ascii()).collect::<String>());
    let dumb = text(&[("TERM", "dumb")]);
    assert!(!dumb.contains("\x1b[?1000h"));
    // Any movement of the pointer is never asked for: every report is bytes over the line.
    assert!(!text(&[]).contains("\x1b[?1003h"));
}

#[test]
fn a_heat_map_costs_one_column() {
    let _alone = begin();
    for env in [[("COLORTERM", "truecolor")], [("COLORTERM", "")]] {
        let terminal = Terminal::spawn(command(&["runqlat", "-d", "0.25"]), 24, 80, &env);
        terminal.wait_for("a histogram and a map", |screen| {
            let text = screen.contents();
            text.contains("LIVE") && text.contains("cum %") && text.contains("events/s") && text.contains("rec 2s")
        });
        let steady = mean(&terminal, 8);
        assert!(steady <= 2500, "{env:?}: {steady} bytes a refresh, 2500 allowed");
        terminal.send("m");
        terminal.wait_for("the map alone", |screen| !screen.contents().contains("cum %"));
        let steady = mean(&terminal, 8);
        assert!(steady <= 1000, "{env:?}: {steady} bytes a refresh of a map alone, 1000 allowed");
        quit(terminal);
    }
}
