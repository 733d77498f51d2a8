//! What keys ask for, and what a key press amounts to.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub use super::bindings::{BINDINGS, Binding, Place};
pub use super::keymap::{Keymap, Meaning};

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
    Cost,
    Themes,
    Redraw,
    Suspend,
    Retry,
    Nearest,
}

impl Action {
    /// The line of the key table for it; there is always one.
    pub fn binding(self) -> Option<&'static Binding> {
        BINDINGS.iter().find(|binding| binding.action == self)
    }
}

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
        KeyCode::Delete => "Delete".to_owned(),
        KeyCode::Insert => "Insert".to_owned(),
        _ => return None,
    };
    if !key.modifiers.contains(KeyModifiers::CONTROL) {
        return Some(base);
    }
    Some(format!("Ctrl-{}", if base.len() == 1 { base.to_ascii_lowercase() } else { base }))
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
        let map = Keymap::default();
        let meaning = |key, pending, place| map.meaning(key, pending, place);
        assert!(matches!(meaning("g", None, Place::View), Meaning::Prefix));
        assert!(matches!(meaning("g", Some("g"), Place::View), Meaning::Does(b) if b.action == Action::First));
        assert!(matches!(meaning("j", Some("g"), Place::View), Meaning::Does(b) if b.action == Action::Down));
        assert!(matches!(meaning("Z", None, Place::View), Meaning::Nothing));
        assert!(matches!(meaning("r", None, Place::Unavailable), Meaning::Does(b) if b.action == Action::Retry));
    }
}
