//! What keys do: one table that the dispatcher, the help page, the hints and the tests read.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Everything a key can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the table below says what each one is, once
pub enum Action {
    Close,
    QuitLeave,
    Quit,
    Help,
    Cancel,
    Tab(u8),
    Dashboard,
    Next,
    Previous,
    Toggle,
    Picker,
    Palette,
    Down,
    Up,
    Left,
    Right,
    First,
    Last,
    PageDown,
    PageUp,
    HalfDown,
    HalfUp,
    Detail,
    DrillUp,
    Filter,
    Find,
    FindNext,
    FindPrevious,
    Capture,
    SortMenu,
    SortLeft,
    SortRight,
    Reverse,
    Mode,
    Units,
    Columns,
    Idle,
    GroupBy,
    Pin,
    Rendering,
    Explain,
    Pause,
    Earlier,
    Later,
    MinuteEarlier,
    MinuteLater,
    Narrower,
    Wider,
    Baseline,
    Reset,
    Shorter,
    Longer,
    Interval,
    Expand,
    FocusLeft,
    FocusDown,
    FocusUp,
    FocusRight,
    AddPane,
    ClosePane,
    MovePane,
    EqualPanes,
    Export,
    SaveLayout,
    CopyRow,
    CopyTable,
    Record,
    Log,
    Settings,
    Themes,
    Redraw,
    Suspend,
    Retry,
}

/// Where a binding works. A key may mean different things only in places that never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A view that delivers, full screen.
    View,
    /// A view that cannot run.
    Unavailable,
    /// The grid of panes.
    Dashboard,
}

/// One line of the key table.
#[derive(Debug)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Keys, the first one is shown in hints.
    pub keys: &'static [&'static str],
    /// A few words for the help page.
    pub help: &'static str,
    /// One word for the hints; empty: not hinted.
    pub hint: &'static str,
    /// Where it works.
    pub places: &'static [Place],
    /// Whether it is built. What is not says so instead of doing nothing.
    pub built: bool,
}

use Place::{Dashboard as D, Unavailable as U, View as V};
const ALL: &[Place] = &[V, U, D];
const DATA: &[Place] = &[V, D];

const fn bind(
    action: Action,
    keys: &'static [&'static str],
    hint: &'static str,
    help: &'static str,
    places: &'static [Place],
) -> Binding {
    Binding { action, keys, help, hint, places, built: true }
}

const fn later(action: Action, keys: &'static [&'static str], help: &'static str) -> Binding {
    Binding { action, keys, help, hint: "", places: ALL, built: false }
}

/// The key table, in the order of the help page.
pub const BINDINGS: &[Binding] = &[
    bind(Action::Help, &["?", "F1"], "help", "help for this place", ALL),
    bind(Action::Picker, &["v"], "views", "open a view", ALL),
    bind(Action::Retry, &["r"], "retry", "try again to run this view", &[U]),
    bind(Action::Filter, &["/", "f", "F4", "\\"], "filter", "display filter", DATA),
    bind(Action::SortMenu, &["s", "F6"], "sort", "choose the column to sort by", DATA),
    bind(Action::Rendering, &["m"], "mode", "next way of drawing this view", DATA),
    bind(Action::GroupBy, &["b"], "group", "group by: next choice of this view", DATA),
    bind(Action::Expand, &["e"], "expand", "one pane on the whole screen, and back", DATA),
    bind(Action::Pause, &["Space"], "pause", "stand still, or go live again; collection goes on", ALL),
    bind(Action::Detail, &["Enter"], "detail", "everything about the selected row", DATA),
    bind(Action::Close, &["q"], "quit", "close the top layer; at the base: quit", ALL),
    bind(Action::Export, &["w"], "export", "write what is held as JSON", ALL),
    bind(Action::Mode, &["a"], "", "interval totals, per second, since start", DATA),
    bind(Action::Units, &["u"], "", "human units or raw numbers", DATA),
    bind(Action::Idle, &["o"], "", "hide idle rows", DATA),
    bind(Action::Reverse, &["r", "R", "I"], "", "reverse the order", DATA),
    bind(Action::SortLeft, &["<"], "", "sort by the column to the left", DATA),
    bind(Action::SortRight, &[">"], "", "sort by the column to the right", DATA),
    bind(Action::Explain, &["i"], "", "what this view measures, and what it cannot see", ALL),
    bind(Action::Down, &["j", "Down"], "", "next row", ALL),
    bind(Action::Up, &["k", "Up"], "", "row before", ALL),
    bind(Action::Left, &["h", "Left"], "", "scroll columns left", DATA),
    bind(Action::Right, &["l", "Right"], "", "scroll columns right", DATA),
    bind(Action::First, &["gg", "Home"], "", "first row", DATA),
    bind(Action::Last, &["G", "End"], "", "last row", DATA),
    bind(Action::PageDown, &["PgDn"], "", "page down", DATA),
    bind(Action::PageUp, &["PgUp"], "", "page up", DATA),
    bind(Action::HalfDown, &["Ctrl-d"], "", "half a page down", DATA),
    bind(Action::HalfUp, &["Ctrl-u"], "", "half a page up", DATA),
    bind(Action::Earlier, &["[", "T"], "", "one frame earlier", ALL),
    bind(Action::Later, &["]", "t"], "", "one frame later", ALL),
    bind(Action::MinuteEarlier, &["{"], "", "one minute earlier", ALL),
    bind(Action::MinuteLater, &["}"], "", "one minute later", ALL),
    bind(Action::Shorter, &["+"], "", "shorter interval", ALL),
    bind(Action::Longer, &["-"], "", "longer interval", ALL),
    bind(Action::Next, &["Tab"], "", "next tab, or pane", ALL),
    bind(Action::Previous, &["Shift-Tab"], "", "tab, or pane, before", ALL),
    bind(Action::Dashboard, &["0"], "", "dashboard", ALL),
    bind(Action::Tab(1), &["1"], "", "running view 1, and so on to 9", ALL),
    bind(Action::Toggle, &["'"], "", "view before this one", ALL),
    bind(Action::FocusLeft, &["H", "Ctrl-Left"], "", "pane to the left", &[D]),
    bind(Action::FocusDown, &["J", "Ctrl-Down"], "", "pane below", &[D]),
    bind(Action::FocusUp, &["K", "Ctrl-Up"], "", "pane above", &[D]),
    bind(Action::FocusRight, &["L", "Ctrl-Right"], "", "pane to the right", &[D]),
    bind(Action::Record, &["x"], "", "record to a file, or end that", ALL),
    bind(Action::Log, &["!"], "", "log and problems", ALL),
    bind(Action::Redraw, &["Ctrl-l"], "", "draw everything again", ALL),
    bind(Action::Suspend, &["Ctrl-z"], "", "suspend", ALL),
    bind(Action::Cancel, &["Esc"], "", "cancel, close, go live again", ALL),
    bind(Action::QuitLeave, &["Q"], "", "quit and leave the last frame on the terminal", ALL),
    bind(Action::Quit, &["Ctrl-c", "F10"], "", "quit now", ALL),
    bind(Action::Tab(2), &["2"], "", "", ALL),
    bind(Action::Tab(3), &["3"], "", "", ALL),
    bind(Action::Tab(4), &["4"], "", "", ALL),
    bind(Action::Tab(5), &["5"], "", "", ALL),
    bind(Action::Tab(6), &["6"], "", "", ALL),
    bind(Action::Tab(7), &["7"], "", "", ALL),
    bind(Action::Tab(8), &["8"], "", "", ALL),
    bind(Action::Tab(9), &["9"], "", "", ALL),
    later(Action::DrillUp, &["Backspace"], "drill up"),
    later(Action::Palette, &[":"], "command palette"),
    later(Action::Find, &["F3"], "find without hiding rows"),
    later(Action::FindNext, &["n"], "next match"),
    later(Action::FindPrevious, &["N"], "match before"),
    later(Action::Capture, &["F"], "capture filter"),
    later(Action::Columns, &["c"], "choose columns"),
    later(Action::Pin, &["p"], "pin a row to the top"),
    later(Action::Narrower, &["("], "time axis narrower"),
    later(Action::Wider, &[")"], "time axis wider"),
    later(Action::Baseline, &["B"], "set a baseline"),
    later(Action::Reset, &["Ctrl-r"], "reset counters"),
    later(Action::Interval, &["d"], "type the interval"),
    later(Action::AddPane, &["A"], "add a pane"),
    later(Action::ClosePane, &["X"], "close a pane"),
    later(Action::MovePane, &["M"], "move a pane"),
    later(Action::EqualPanes, &["="], "panes of equal size"),
    later(Action::SaveLayout, &["W"], "save layout"),
    later(Action::CopyRow, &["y"], "copy the row"),
    later(Action::CopyTable, &["Y"], "copy the table"),
    later(Action::Settings, &["S", "F2"], "settings"),
    later(Action::Themes, &["Ctrl-t"], "themes"),
];

/// The word for a key press, as the table writes it; `None` for what no binding can mean.
pub fn key_name(key: &KeyEvent) -> Option<String> {
    if key.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    let base = match key.code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::F(n) => format!("F{n}"),
        KeyCode::Enter => "Enter".to_owned(),
        KeyCode::Esc => "Esc".to_owned(),
        KeyCode::Tab if key.modifiers.contains(KeyModifiers::SHIFT) => "Shift-Tab".to_owned(),
        KeyCode::Tab => "Tab".to_owned(),
        KeyCode::BackTab => "Shift-Tab".to_owned(),
        KeyCode::Backspace => "Backspace".to_owned(),
        KeyCode::Up => "Up".to_owned(),
        KeyCode::Down => "Down".to_owned(),
        KeyCode::Left => "Left".to_owned(),
        KeyCode::Right => "Right".to_owned(),
        KeyCode::Home => "Home".to_owned(),
        KeyCode::End => "End".to_owned(),
        KeyCode::PageUp => "PgUp".to_owned(),
        KeyCode::PageDown => "PgDn".to_owned(),
        _ => return None,
    };
    if !key.modifiers.contains(KeyModifiers::CONTROL) {
        return Some(base);
    }
    Some(format!("Ctrl-{}", if base.len() == 1 { base.to_ascii_lowercase() } else { base }))
}

/// What a key press amounts to.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    /// Does this here.
    Does(&'static Binding),
    /// Would do something elsewhere.
    Elsewhere(&'static Binding),
    /// First key of a longer one.
    Prefix,
    /// Nothing at all.
    Nothing,
}

/// What `key` means in `place`; `pending` is the first key of a longer one.
pub fn meaning(key: &str, pending: Option<&str>, place: Place) -> Meaning {
    let whole = pending.map(|first| format!("{first}{key}"));
    let find = |name: &str| {
        let mut found = BINDINGS.iter().filter(|binding| binding.keys.contains(&name));
        let here = found.clone().find(|binding| binding.places.contains(&place));
        here.map(Meaning::Does).or_else(|| found.next().map(Meaning::Elsewhere))
    };
    if let Some(meaning) = whole.as_deref().and_then(find).or_else(|| find(key)) {
        return meaning;
    }
    let prefix = |name: &&str| name.len() == 2 && name.starts_with(key) && name.is_ascii();
    match key.len() == 1 && BINDINGS.iter().any(|binding| binding.keys.iter().any(|name| prefix(name) && name != &key))
    {
        true => Meaning::Prefix,
        false => Meaning::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for place in [Place::View, Place::Unavailable, Place::Dashboard] {
            let mut seen = HashMap::new();
            for binding in BINDINGS.iter().filter(|b| b.places.contains(&place)) {
                for key in binding.keys {
                    if let Some(other) = seen.insert(key, binding.action) {
                        panic!("{key} is both {other:?} and {:?} in {place:?}", binding.action);
                    }
                }
            }
        }
    }

    #[test]
    fn function_keys_have_a_twin_and_eaten_keys_are_not_used() {
        for binding in BINDINGS {
            let function = |key: &&str| key.len() > 1 && key.starts_with('F');
            let twin = binding.keys.iter().any(|key| !function(key));
            assert!(twin || binding.action == Action::Find, "{:?} has only function keys", binding.action);
            for eaten in ["Ctrl-a", "Ctrl-b", "Ctrl-s", "Ctrl-q"] {
                assert!(!binding.keys.contains(&eaten), "{eaten} never arrives");
            }
        }
    }

    #[test]
    fn every_key_of_the_table_can_be_pressed() {
        for name in BINDINGS.iter().flat_map(|binding| binding.keys) {
            let key = crate::ui::testing::key(name);
            assert_eq!(key_name(&key).as_deref(), Some(if *name == "gg" { "g" } else { name }));
        }
    }

    #[test]
    fn a_chord_needs_both_keys() {
        assert!(matches!(meaning("g", None, Place::View), Meaning::Prefix));
        assert!(matches!(meaning("g", Some("g"), Place::View), Meaning::Does(b) if b.action == Action::First));
        assert!(matches!(meaning("j", Some("g"), Place::View), Meaning::Does(b) if b.action == Action::Down));
        assert!(matches!(meaning("Z", None, Place::View), Meaning::Nothing));
        assert!(matches!(meaning("r", None, Place::Unavailable), Meaning::Does(b) if b.action == Action::Retry));
    }
}
