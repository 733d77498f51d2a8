//! Terminals of every size, and of sizes that change.

use crate::support::load::Load;
use crate::support::{begin, eventually, scratch};
use crate::{explorer, quit, sized};

#[test]
fn every_size_shows_something_sensible() {
    let _alone = begin();
    let dir = scratch();
    let mut load = Load::start(b"sizes", dir.path());
    load.busy();
    for (cols, rows, shows) in [
        (80, 24, &["block I/O by process", "PID", "sizes", "LIVE"][..]),
        (60, 16, &["biotop", "PID", "sizes"]),
        (40, 10, &["biotop", "PID", "BYTES"]),
        (20, 5, &["biotop", "iB/s"]),
        (10, 2, &["biotop"]),
        (1, 1, &["b"]),
    ] {
        let terminal = sized(&["biotop", "-d", "0.25"], rows, cols);
        terminal.wait_for(&format!("{shows:?} at {cols}x{rows}"), |screen| {
            shows.iter().all(|text| screen.contents().contains(text))
        });
        if rows >= 5 {
            let pid = load.pid.to_string();
            terminal.wait_for(&format!("a row at {cols}x{rows}"), |screen| screen.contents().contains(&pid));
        }
        quit(terminal);
        let terminal = sized(&["-d", "0.25"], rows, cols);
        terminal.wait_for(&format!("a dashboard at {cols}x{rows}"), |screen| !screen.contents().trim().is_empty());
        quit(terminal);
    }
}

#[test]
fn a_storm_of_sizes_ends_in_the_right_screen() {
    let _alone = begin();
    for args in [&["biotop", "-d", "0.25"][..], &["-d", "0.25"]] {
        let terminal = explorer(args);
        terminal.wait_for_text("LIVE");
        let mut seed = 7u32;
        for _ in 0..200 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (rows, cols) = ((seed >> 8) % 100 + 1, (seed >> 16) % 300 + 1);
            terminal.resize(rows as u16, cols as u16);
        }
        terminal.resize(24, 80);
        terminal.wait_for("the screen for 80x24", |screen| {
            let text = screen.contents();
            let (first, last) = (text.lines().next().unwrap_or_default(), text.lines().last().unwrap_or_default());
            first.contains("1:") && first.contains("LIVE") && last.contains("? help") && text.lines().count() == 24
        });
        // What is drawn from now on is drawn for this size.
        let from = terminal.bytes().len();
        terminal.send("?");
        terminal.wait_for_text("Keys in");
        terminal.send("?");
        terminal.wait_for("the view", |screen| screen.contents().contains("LIVE"));
        eventually("something was drawn", || terminal.bytes().len() > from);
        quit(terminal);
    }
}
