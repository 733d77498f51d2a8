//! The key table against the specification.

use super::super::bindings::BINDINGS;
use super::super::glyphs::Level;
use super::super::{help, help::Line};
use super::table;

/// The keys of the specification's table.
const KEYS: &[&str] = &[
    "q",
    "Q",
    "Ctrl-c",
    "F10",
    "?",
    "F1",
    "Esc",
    "1",
    "9",
    "0",
    "Tab",
    "Shift-Tab",
    "'",
    "v",
    ":",
    "j",
    "k",
    "Down",
    "Up",
    "h",
    "l",
    "Left",
    "Right",
    "gg",
    "Home",
    "G",
    "End",
    "PgUp",
    "PgDn",
    "Ctrl-u",
    "Ctrl-d",
    "Enter",
    "Backspace",
    "/",
    "f",
    "F4",
    "\\",
    "F3",
    "n",
    "N",
    "F",
    "s",
    "F6",
    "<",
    ">",
    "r",
    "R",
    "I",
    "a",
    "u",
    "c",
    "o",
    "b",
    "p",
    "m",
    "i",
    "Space",
    "[",
    "]",
    "T",
    "t",
    "{",
    "}",
    "(",
    ")",
    "B",
    "Ctrl-r",
    "+",
    "-",
    "d",
    "e",
    "H",
    "J",
    "K",
    "L",
    "Ctrl-Left",
    "Ctrl-Down",
    "Ctrl-Up",
    "Ctrl-Right",
    "A",
    "X",
    "M",
    "=",
    "w",
    "W",
    "y",
    "Y",
    "x",
    "!",
    "S",
    "F2",
    "Ctrl-t",
    "Ctrl-l",
    "Ctrl-z",
];

#[test]
fn every_key_of_the_specification_is_bound_and_in_the_help() {
    let rig = table((200, 60), Level::Unicode);
    let help: Vec<String> = help::lines(&rig.app, "")
        .into_iter()
        .filter_map(|line| if let Line::Pair(key, _) = line { Some(key) } else { None })
        .flat_map(|keys| keys.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    for key in KEYS {
        let binding = BINDINGS.iter().find(|binding| binding.keys.contains(key));
        let binding = binding.unwrap_or_else(|| panic!("{key} is not bound"));
        let told = help.iter().any(|shown| shown == key) || matches!(binding.name, "tab-9");
        assert!(told, "{key} is not in the help");
    }
    let mut names: Vec<&str> = BINDINGS.iter().map(|binding| binding.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), BINDINGS.len(), "names are told apart");
}
