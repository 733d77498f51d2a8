//! Processes choose their own names. None of that may reach the terminal.

use crate::support::load::Load;
use crate::support::{begin, eventually, scratch};
use crate::{quit, sized};

const HOSTILE: [&[u8]; 6] = [
    b"\x1b]0;x\x07",
    b"\x1b[2Jgone",
    b"\x9b31mred",
    "\u{9b}31mred".as_bytes(),
    "\u{202e}evil".as_bytes(),
    b"a\nb\tc\x7f\xff",
];

/// What asks the terminal for the colour of its ground.
pub const QUESTION: &[u8] = b"\x1b]11;?\x1b\\";

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let _alone = begin();
    let dir = scratch();
    let mut loads: Vec<Load> = HOSTILE.iter().map(|name| Load::start(name, dir.path())).collect();
    loads.iter_mut().for_each(Load::busy);
    for args in [&["biotop"][..], &["tcptop"], &["runqlat", "--by", "pid"]] {
        let terminal = sized(&[args, &["-d", "0.25"]].concat(), 50, 160);
        terminal.wait_for("every load", |screen| {
            let text = screen.contents();
            loads.iter().all(|load| text.contains(&load.pid.to_string()))
        });
        // Detail pages, filters and toasts show names too.
        terminal.send("j\r");
        terminal.wait_for("the detail page", |screen| screen.contents().contains("Esc back"));
        terminal.send("\x1b");
        terminal.wait_for("the table", |screen| !screen.contents().contains("Esc back"));
        terminal.send("/evil\r");
        terminal.wait_for("one row", |screen| {
            let text = screen.contents();
            text.contains(&loads[4].pid.to_string()) && !text.contains(&loads[0].pid.to_string())
        });
        terminal.send("/\x15\r");
        let seen = terminal.bytes().len();
        eventually("some frames more", || terminal.bytes().len() > seen + 2000);
        // The one question that the program itself asks, for the colour of the ground, begins alike.
        let bytes = terminal.bytes();
        let question = bytes.windows(QUESTION.len()).position(|window| window == QUESTION).expect("it is asked once");
        let bytes = [&bytes[..question], &bytes[question + QUESTION.len()..]].concat();
        let contains = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        for name in HOSTILE {
            assert!(!contains(name), "{args:?}: {:?} got through", String::from_utf8_lossy(name));
        }
        for part in [&b"\x1b]"[..], b"\x1b[2Jgone", b"\x07", b"\x7f", b"\t", b"\xc2\x9b", "\u{202e}".as_bytes()] {
            assert!(!contains(part), "{args:?}: {:?} got through", String::from_utf8_lossy(part));
        }
        let text = String::from_utf8(bytes.clone()).expect("all of it is UTF-8, so no C1 control is a byte of its own");
        let own = |c: char| c == '\x1b' || c == '\r' || c == '\n' || c == '\x08';
        assert!(!text.contains(|c: char| c.is_control() && !own(c)), "{args:?}");
        quit(terminal);
    }
}
