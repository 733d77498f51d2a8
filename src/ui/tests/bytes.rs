//! Bytes on the wire: how many, and that none of them is the kernel's to choose.

use ratatui::layout::Size;

use super::super::glyphs::{Depth, Level};
use super::super::screen::Screen;
use super::super::testing::{Rig, cache_frame, disk_frame, exec_frame, frame, hist_frame, net_frame};
use super::{dashboard, heat, heat_frame, histogram, table};
use crate::frame::{Kind, Table, Value};

fn terminal(rig: &Rig) -> Screen {
    Screen::new(Size::new(rig.app.area.width, rig.app.area.height), rig.app.glyphs.level, true)
}

fn sent(rig: &mut Rig, screen: &mut Screen, most: usize, what: &str) -> usize {
    let bytes = screen.draw(&mut rig.app);
    println!("{what}: {} B of {most}", bytes.len());
    assert!(bytes.len() <= most, "{what}: {} B are more than {most}", bytes.len());
    bytes.len()
}

#[test]
fn the_budget_of_a_table_is_kept() {
    let mut rig = table((80, 24), Level::Unicode);
    let mut screen = terminal(&rig);
    sent(&mut rig, &mut screen, 4096, "first frame, table");
    assert_eq!(sent(&mut rig, &mut screen, 0, "nothing changed"), 0);
    rig.frame(full(8));
    sent(&mut rig, &mut screen, 4096, "full table");
    for index in 9..16 {
        rig.frame(full(index));
        sent(&mut rig, &mut screen, 2048, "all numbers changed");
    }
    rig.keys("j");
    sent(&mut rig, &mut screen, 400, "key press");
    rig.keys("k");
    sent(&mut rig, &mut screen, 400, "key press");
}

#[test]
fn the_budget_of_a_log_is_kept() {
    let mut rig = Rig::new(&["execsnoop"], (80, 24), Level::Unicode);
    (0..8).for_each(|index| rig.frame(exec_frame(index)));
    let mut screen = terminal(&rig);
    sent(&mut rig, &mut screen, 4096, "first frame, log");
    let mut frame = exec_frame(8);
    frame.table = frame.table.select(&[]);
    frame.time.mono_ns += 1;
    rig.frame(frame);
    sent(&mut rig, &mut screen, 300, "no event");
    for index in 9..16 {
        rig.frame(exec_frame(index));
        sent(&mut rig, &mut screen, 2048, "the log moves");
    }
}

/// As many rows as the screen has, and numbers that differ in every row and frame.
fn full(index: u64) -> crate::frame::Frame {
    let mut frame = disk_frame(index);
    for row in 0..6 {
        frame.table.push_from(&disk_frame(index).table, row);
        let at = frame.table.len() - 1;
        frame.table.row_mut(at)[0] = Value::Uint(100 + row as u64);
    }
    frame
}

#[test]
fn the_budget_of_a_dashboard_is_kept() {
    let mut rig = dashboard((80, 24), Level::Unicode);
    let mut screen = terminal(&rig);
    sent(&mut rig, &mut screen, 4096, "first frame, dashboard");
    for index in 4..8 {
        rig.frame(disk_frame(index));
        rig.frame(net_frame(index));
        rig.frame(hist_frame(index, false));
        rig.frame(cache_frame(index));
        sent(&mut rig, &mut screen, 3072, "dashboard");
    }
    rig.keys("Tab");
    sent(&mut rig, &mut screen, 1024, "focus moved");
}

#[test]
fn the_budget_of_a_large_screen_is_kept() {
    let mut rig = dashboard((200, 60), Level::Unicode);
    let mut screen = terminal(&rig);
    sent(&mut rig, &mut screen, 12_288, "first frame, 200x60");
}

#[test]
fn a_histogram_is_cheap() {
    let mut rig = histogram((80, 24), Level::Unicode, false);
    let mut screen = terminal(&rig);
    sent(&mut rig, &mut screen, 4096, "first frame, histogram");
    for index in 4..8 {
        rig.frame(hist_frame(index, false));
        sent(&mut rig, &mut screen, 1024, "histogram");
    }
}

/// A frame whose names try everything that names can try.
fn hostile() -> crate::frame::Frame {
    let schema = disk_frame(0).table.schema.clone();
    let mut table = Table::new(schema);
    let names: [&[u8]; 8] = [
        b"\x1b[2J\x1b]0;owned\x07",
        b"\x9b31m\x90q\x9c",
        "\u{202e}txt.exe\u{200b}".as_bytes(),
        b"\xff\xfe\xc3\x28",
        b"a\r\nb\tc\x7f\x08",
        "\u{9b}2J\u{85}".as_bytes(),
        "\u{2066}x\u{2069}\u{feff}\u{ad}".as_bytes(),
        "e\u{301}\u{301}\u{301}\u{fe0f}".as_bytes(),
    ];
    for (at, name) in names.into_iter().enumerate() {
        table.push_row();
        let name = table.intern(name);
        let row = table.row_mut(at);
        row[0] = Value::Uint(at as u64 + 1);
        row[1] = name;
        row[2] = name;
        row[3] = name;
        row[5] = Value::Uint(1000);
    }
    frame("biotop", Kind::Table, table, 1)
}

#[test]
fn names_cannot_steer_the_terminal() {
    for level in [Level::Unicode, Level::Box, Level::Ascii] {
        let mut rig = Rig::new(&["biotop"], (80, 24), level);
        let mut screen = terminal(&rig);
        rig.frame(hostile());
        harmless(&screen.draw(&mut rig.app), level);
        for keys in ["j", "Enter", "Esc", "s", "Esc", "i", "Esc"] {
            rig.keys(keys);
            harmless(&screen.draw(&mut rig.app), level);
        }
        rig.keys("/");
        rig.input(super::super::message::Input::Paste("\x1b[2Jx\u{202e}".to_owned()));
        harmless(&screen.draw(&mut rig.app), level);
        rig.keys("Enter");
        rig.app.say("\x1b]0;toast\x07");
        harmless(&screen.draw(&mut rig.app), level);
    }
}

/// Only sequences that this program makes may be in `bytes`, and only safe text between them.
fn harmless(bytes: &[u8], level: Level) {
    let text = std::str::from_utf8(bytes).expect("UTF-8 only");
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\x1b' => {
                let body = rest.strip_prefix('[').expect("only CSI");
                let end = body.find(|c: char| c.is_ascii_alphabetic()).expect("ended");
                assert!(matches!(&body[end..=end], "H" | "C" | "m" | "J" | "K" | "X" | "h" | "l"), "{text:?}");
                assert!(body[..end].chars().all(|c| c.is_ascii_digit() || c == ';' || c == '?'));
                rest = &body[end + 1..];
            }
            '\r' => assert!(rest.starts_with('\n'), "line feeds are ours"),
            '\n' => {}
            c => assert!(crate::frame::text::is_safe(c), "{c:?} in {text:?}"),
        }
    }
    if level == Level::Ascii {
        assert!(text.is_ascii());
        assert!(!text.contains("[3") || !text.contains("[36"), "no colour in mono");
    }
}

#[test]
fn a_picture_survives_the_way_through_a_terminal() {
    for (size, level) in [((80, 24), Level::Unicode), ((60, 16), Level::Ascii), ((200, 60), Level::Unicode)] {
        let mut rig = dashboard(size, level);
        let mut screen = terminal(&rig);
        let mut parser = vt100::Parser::new(size.1, size.0, 0);
        for index in 4..8 {
            rig.frame(disk_frame(index));
            rig.frame(net_frame(index));
            rig.frame(hist_frame(index, index % 2 == 0));
            rig.keys("Tab");
            parser.process(&screen.draw(&mut rig.app));
            let shown: String = (0..size.1).map(|y| row(parser.screen(), y, size.0)).collect();
            assert_eq!(shown, rig.screen());
        }
        rig.keys("1");
        parser.process(&screen.draw(&mut rig.app));
        let shown: String = (0..size.1).map(|y| row(parser.screen(), y, size.0)).collect();
        assert_eq!(shown, rig.screen());
    }
}

fn row(screen: &vt100::Screen, y: u16, width: u16) -> String {
    let mut line = String::new();
    for x in 0..width {
        let Some(cell) = screen.cell(y, x).filter(|cell| !cell.is_wide_continuation()) else { continue };
        line.push_str(if cell.contents().is_empty() { " " } else { cell.contents() });
    }
    format!("{}\n", line.trim_end())
}

#[test]
fn after_a_lost_picture_everything_is_drawn() {
    let mut rig = table((80, 24), Level::Unicode);
    let mut screen = terminal(&rig);
    let first = screen.draw(&mut rig.app).len();
    screen.redraw();
    assert_eq!(screen.draw(&mut rig.app).len(), first);
}

#[test]
fn a_heat_map_in_sweep_mode_is_cheap_at_every_depth() {
    for (depth, size, most) in [
        (Depth::True, (80, 24), 2500),
        (Depth::Indexed, (80, 24), 2500),
        (Depth::Ansi, (80, 24), 2500),
        (Depth::Mono, (80, 24), 2500),
        (Depth::True, (200, 60), 4000),
    ] {
        let mut rig = heat(size, Level::Unicode, 100);
        rig.set_depth(depth);
        let mut screen = terminal(&rig);
        screen.draw(&mut rig.app);
        for index in 100..140 {
            rig.frame(heat_frame(index));
            sent(&mut rig, &mut screen, most, "heat map");
        }
        rig.keys("m");
        rig.app.toast = None;
        screen.draw(&mut rig.app);
        rig.frame(heat_frame(140));
        // Nothing but one column, its mark and the title.
        sent(&mut rig, &mut screen, if size.1 > 24 { 1200 } else { 700 }, "heat map alone");
    }
}

#[test]
fn a_list_with_a_heat_map_is_cheap() {
    let mut rig = Rig::new(&["runqlat"], (80, 24), Level::Unicode);
    (0..80).for_each(|index| rig.frame(hist_frame(index, true)));
    for depth in [Depth::True, Depth::Indexed, Depth::Ansi, Depth::Mono] {
        rig.set_depth(depth);
        let mut screen = terminal(&rig);
        screen.draw(&mut rig.app);
        for index in 80..90 {
            rig.frame(hist_frame(index, true));
            sent(&mut rig, &mut screen, 2500, "list and heat map");
        }
    }
}

type Make = fn((u16, u16), Level) -> Rig;

const GROUNDED: [Make; 3] =
    [dashboard, |size, level| histogram(size, level, false), |size, level| heat(size, level, 100)];

#[test]
fn colours_and_attributes_survive_the_way_through_a_terminal() {
    for (make, theme) in GROUNDED.into_iter().flat_map(|make| ["default", "dark", "mono"].map(|theme| (make, theme))) {
        for (erases, size) in [(true, (80, 24)), (false, (80, 24)), (true, (200, 60))] {
            let mut rig = make(size, Level::Unicode);
            rig.set_depth(Depth::True);
            rig.app.set_theme(theme);
            let mut screen = terminal(&rig);
            if !erases {
                screen.writes_ground();
            }
            let mut parser = vt100::Parser::new(size.1, size.0, 0);
            for key in ["Esc", "j", "Tab", "m", "?", "Esc", "0", "1"] {
                rig.keys(key);
                parser.process(&screen.draw(&mut rig.app));
                same(parser.screen(), &rig.buffer(), theme);
            }
        }
    }
}

/// What is seen: of a blank without a line or a reversal, the ground alone.
fn same(shown: &vt100::Screen, wanted: &ratatui::buffer::Buffer, theme: &str) {
    use ratatui::style::{Color, Modifier};
    let named = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    let color = |color| match color {
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        Color::Indexed(index) => vt100::Color::Idx(index),
        Color::Reset => vt100::Color::Default,
        name => vt100::Color::Idx(named.iter().position(|known| *known == name).expect("one of sixteen") as u8),
    };
    for (x, y) in wanted.area.positions().map(|at| (at.x, at.y)) {
        let (cell, is) = (&wanted[(x, y)], shown.cell(y, x).expect("as large"));
        if is.is_wide_continuation() {
            continue;
        }
        let at = format!("{theme}: {x} {y}: {cell:?}, on the terminal {is:?}");
        let letter = if is.contents().is_empty() { " " } else { is.contents() };
        assert_eq!(letter, cell.symbol(), "{at}");
        assert_eq!(is.bgcolor(), color(cell.bg), "{at}");
        assert_eq!(is.underline(), cell.modifier.contains(Modifier::UNDERLINED), "{at}");
        assert_eq!(is.inverse(), cell.modifier.contains(Modifier::REVERSED), "{at}");
        if letter != " " {
            assert_eq!(is.fgcolor(), color(cell.fg), "{at}");
            // That terminal knows one of both at a time.
            let bold = cell.modifier.contains(Modifier::BOLD) && !cell.modifier.contains(Modifier::DIM);
            assert!(is.bold() == bold || cell.modifier.contains(Modifier::DIM), "{at}");
        }
    }
}

#[test]
fn themes_with_a_ground_keep_the_budget() {
    for theme in ["dark", "light", "high-contrast"] {
        for make in GROUNDED {
            let mut rig = make((80, 24), Level::Unicode);
            rig.set_depth(Depth::True);
            rig.app.set_theme(theme);
            let mut screen = terminal(&rig);
            sent(&mut rig, &mut screen, 4096, theme);
        }
        let mut rig = table((80, 24), Level::Unicode);
        rig.set_depth(Depth::True);
        rig.app.set_theme(theme);
        let mut screen = terminal(&rig);
        sent(&mut rig, &mut screen, 4096, "first frame");
        rig.frame(full(8));
        screen.draw(&mut rig.app);
        for index in 9..13 {
            rig.frame(full(index));
            sent(&mut rig, &mut screen, 2048, "all numbers changed");
        }
    }
}
