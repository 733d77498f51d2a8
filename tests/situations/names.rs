//! Processes choose their own names. None of that may reach a terminal, or break a document.

use crate::support::batch::{Stream, rows_there_are, run, stderr};
use crate::support::load::Load;
use crate::support::{begin, eventually, scratch};

/// Names that do harm where they are printed as they are.
pub const HOSTILE: [(&str, &[u8]); 6] = [
    ("a title", b"\x1b]0;x\x07"),
    ("a cleared screen", b"\x1b[2Jgone"),
    ("a C1 control", b"\x9b31mred"),
    ("a C1 control in UTF-8", "\u{9b}31mred".as_bytes()),
    ("text that turns round", "\u{202e}evil".as_bytes()),
    ("a line of its own", b"a\nb\tc\x7f\xff"),
];

#[test]
fn hostile_names_are_whole_in_documents_and_harmless_in_text() {
    let _alone = begin();
    let dir = scratch();
    let mut loads: Vec<(&[u8], Load)> =
        HOSTILE.iter().map(|&(_, name)| (name, Load::start(name, dir.path()))).collect();
    loads.iter_mut().for_each(|(_, load)| load.busy());
    for (view, more) in [("biotop", &[][..]), ("tcptop", &[]), ("runqlat", &["--by", "pid"])] {
        let mut stream = Stream::start(&[&[view, "-d", "0.3"], more].concat());
        let mut seen = vec![];
        eventually("every load has been seen", || {
            let frame = stream.next().expect("it runs");
            seen.extend(rows_there_are([&frame], view));
            loads.iter().all(|(_, load)| seen.iter().any(|row| row["pid"] == load.pid))
        });
        stream.finish();
        for (name, load) in &loads {
            for row in seen.iter().filter(|row| row["pid"] == load.pid) {
                let text = String::from_utf8_lossy(name);
                assert_eq!(row["comm"], text.as_ref(), "{view}: {row}");
                let hex: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
                let whole = std::str::from_utf8(name).is_ok();
                assert_eq!(row["comm_hex"].as_str(), (!whole).then_some(hex.as_str()), "{view}: {row}");
            }
        }
        for format in ["-b", "--csv", "--json", "--ndjson"] {
            let output = run(&[&[view, "-d", "0.5", "-n", "1", "-r", "0", format], more].concat());
            assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{view} {format}");
            let text = String::from_utf8(output.stdout).unwrap_or_else(|e| panic!("{view} {format}: {e}"));
            let harmful = |c: char| c.is_control() && c != '\n' && c != '\r';
            assert!(!text.contains(harmful), "{view} {format}: {text:?}");
            assert!(!text.contains('\u{202e}'), "{view} {format}: {text:?}");
            // A distribution in CSV has its key and nothing else.
            let named = (view, format) != ("runqlat", "--csv");
            assert!(!named || text.contains("evil") && text.contains("gone"), "{view} {format}: {text}");
            assert!(!text.lines().any(|line| line.starts_with("b\t")), "{view} {format}: {text}");
        }
    }
}
