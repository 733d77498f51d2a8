//! The keys in effect: those of the table, and what the user put in their place.

use crate::views::nearest;
use crate::views::settings::did_you_mean;

use super::action::Action;
use super::bindings::{BINDINGS, Binding, Place};

/// Names of keys that are more than a letter. Where there are function keys, they go up to F24.
const NAMED: [&str; 17] = [
    "Space",
    "Enter",
    "Esc",
    "Tab",
    "Shift-Tab",
    "Backspace",
    "Delete",
    "Insert",
    "Up",
    "Down",
    "Left",
    "Right",
    "Home",
    "End",
    "PgUp",
    "PgDn",
    "F1",
];

/// Other spellings that people use.
const ALSO: [(&str, &str); 11] = [
    ("return", "Enter"),
    ("escape", "Esc"),
    ("backtab", "Shift-Tab"),
    ("bs", "Backspace"),
    ("del", "Delete"),
    ("ins", "Insert"),
    ("pageup", "PgUp"),
    ("pagedown", "PgDn"),
    ("page-up", "PgUp"),
    ("page-down", "PgDn"),
    ("blank", "Space"),
];

/// What the user wants bound: the action and its keys.
pub type Wish = (String, Vec<String>);

/// What is wrong with a wish: the action it was for, and what to say.
pub type Problem = (String, String);

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

/// The keys of each line of the key table.
#[derive(Clone, Debug)]
pub struct Keymap {
    bound: Vec<Vec<String>>,
}

impl Default for Keymap {
    fn default() -> Keymap {
        let keys = |binding: &Binding| binding.keys.iter().map(|&key| key.to_owned()).collect();
        Keymap { bound: BINDINGS.iter().map(keys).collect() }
    }
}

impl Keymap {
    /// The table with these wishes. One that cannot be granted is told and costs only itself.
    pub fn new(wishes: &[Wish]) -> (Keymap, Vec<Problem>) {
        let mut map = Keymap::default();
        let mut problems = Vec::new();
        let mut given: Vec<usize> = Vec::new();
        for (action, keys) in wishes {
            let Some(at) = BINDINGS.iter().position(|binding| binding.name == action) else {
                let near = nearest(action, BINDINGS.iter().map(|binding| binding.name));
                problems.push((action.clone(), format!("`{action}` is not an action{}", did_you_mean(&near))));
                continue;
            };
            map.bound[at].clear();
            for text in keys {
                match map.grant(at, text, &given) {
                    Ok(key) if map.bound[at].contains(&key) => {}
                    Ok(key) => map.bound[at].push(key),
                    Err(problem) => problems.push((action.clone(), problem)),
                }
            }
            given.push(at);
        }
        map.drop_unreachable(&given, &mut problems);
        map.keep_a_way_out(&mut problems);
        (map, problems)
    }

    /// Takes a key for the action at `at`: from defaults silently, from other wishes not.
    fn grant(&mut self, at: usize, text: &str, given: &[usize]) -> Result<String, String> {
        let key = key_of(text)?;
        for (other, binding) in BINDINGS.iter().enumerate() {
            if other == at || !overlap(binding, &BINDINGS[at]) || !self.bound[other].contains(&key) {
                continue;
            }
            if given.contains(&other) {
                return Err(format!("`{key}` is bound to {} already", binding.name));
            }
            self.bound[other].retain(|known| *known != key);
        }
        Ok(key)
    }

    /// Two keys one after the other are never seen where the first of them means something by itself.
    fn drop_unreachable(&mut self, given: &[usize], problems: &mut Vec<Problem>) {
        for (at, binding) in BINDINGS.iter().enumerate() {
            let hidden = |key: &String| {
                let first = first_of(key)?;
                let alone = |other: &usize| overlap(&BINDINGS[*other], binding) && self.has(*other, &first);
                (0..BINDINGS.len()).find(alone).map(|other| (first.clone(), BINDINGS[other].name))
            };
            let lost: Vec<_> =
                self.bound[at].iter().filter_map(|key| hidden(key).map(|by| (key.clone(), by))).collect();
            for (key, (first, by)) in lost {
                self.bound[at].retain(|known| *known != key);
                if given.contains(&at) {
                    let text = format!("`{key}` can never be typed: `{first}` alone is {by}");
                    problems.push((binding.name.to_owned(), text));
                }
            }
        }
    }

    fn has(&self, at: usize, key: &str) -> bool {
        self.bound[at].iter().any(|known| known == key)
    }

    fn keep_a_way_out(&mut self, problems: &mut Vec<Problem>) {
        let ends = |action| matches!(action, Action::Close | Action::Quit | Action::QuitLeave);
        let mut out = BINDINGS.iter().zip(&self.bound).filter(|(binding, _)| ends(binding.action));
        if out.all(|(_, keys)| keys.is_empty()) {
            let Some(at) = BINDINGS.iter().position(|binding| binding.action == Action::Quit) else { return };
            self.bound.iter_mut().for_each(|keys| keys.retain(|key| key != "Ctrl-c"));
            self.bound[at].push("Ctrl-c".to_owned());
            problems.push((BINDINGS[at].name.to_owned(), "no key would quit; Ctrl-c does".to_owned()));
        }
    }

    /// Lines of the table with their keys.
    pub fn lines(&self) -> impl Iterator<Item = (&'static Binding, &[String])> {
        BINDINGS.iter().zip(self.bound.iter().map(Vec::as_slice))
    }

    /// The keys of a line of the table.
    pub fn keys(&self, binding: &Binding) -> &[String] {
        self.of(binding.action)
    }

    /// The keys of an action.
    pub fn of(&self, action: Action) -> &[String] {
        self.lines().find(|(binding, _)| binding.action == action).map_or(&[], |(_, keys)| keys)
    }

    /// The key that hints name for an action; without one, what to say in the palette.
    pub fn hint(&self, action: Action) -> String {
        let first = self.of(action).first().cloned();
        first.unwrap_or_else(|| format!(":{}", action.binding().map_or("", |binding| binding.name)))
    }

    /// The key that a page over the screen names for one that stands in the table: that of the same action here.
    pub fn shown<'a>(&'a self, key: &'a str, place: Place) -> &'a str {
        let line = self.lines().find(|(binding, _)| binding.places.contains(&place) && binding.keys.contains(&key));
        line.and_then(|(_, keys)| keys.first()).map_or(key, String::as_str)
    }

    /// What `key` means in `place`; `pending` is the first key of a longer one.
    pub fn meaning(&self, key: &str, pending: Option<&str>, place: Place) -> Meaning {
        let find = |name: &str| {
            let mut found = self.lines().filter(|(_, keys)| keys.iter().any(|known| known == name));
            let here = self.lines().find(|(b, keys)| b.places.contains(&place) && keys.iter().any(|k| k == name));
            let here = here.map(|(binding, _)| Meaning::Does(binding));
            here.or_else(|| found.next().map(|(binding, _)| Meaning::Elsewhere(binding)))
        };
        let whole = pending.map(|first| chord(first, key));
        if let Some(meaning) = whole.as_deref().and_then(find).or_else(|| find(key)) {
            return meaning;
        }
        match self.bound.iter().flatten().any(|known| first_of(known).is_some_and(|first| first == key)) {
            true => Meaning::Prefix,
            false => Meaning::Nothing,
        }
    }

    /// Pages over the screen know actions by the key they have in the table: that of the action that `key`
    /// has here; a key without one stays itself.
    pub fn as_in_table<'a>(&self, key: &'a str, place: Place) -> &'a str {
        match self.meaning(key, None, place) {
            Meaning::Does(binding) if !binding.keys.contains(&key) => binding.keys.first().copied().unwrap_or(key),
            _ => key,
        }
    }
}

fn overlap(a: &Binding, b: &Binding) -> bool {
    a.places.iter().any(|place| b.places.contains(place))
}

/// The name of two keys one after the other: letters are written as they are typed.
fn chord(first: &str, second: &str) -> String {
    let joined = format!("{first}{second}");
    let letters = first.chars().count() == 1 && second.chars().count() == 1;
    if letters && single(&joined).is_none() { joined } else { format!("{first} {second}") }
}

/// The first key of two.
fn first_of(key: &str) -> Option<String> {
    if single(key).is_some() {
        return None;
    }
    match key.split_once(' ') {
        Some((first, _)) => Some(first.to_owned()),
        None => key.chars().next().map(String::from),
    }
}

/// The name of one key, as the table writes it.
fn single(text: &str) -> Option<String> {
    let mut chars = text.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (!c.is_control() && c != ' ').then(|| text.to_owned());
    }
    let lower = text.to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix("ctrl-").or_else(|| lower.strip_prefix("c-")) {
        let key = single(rest).filter(|key| !key.starts_with("Ctrl-"))?;
        return Some(format!("Ctrl-{key}"));
    }
    if let Some(number) = lower.strip_prefix('f') {
        let number: u8 = number.parse().ok().filter(|n| (1..=24).contains(n))?;
        return Some(format!("F{number}"));
    }
    let named = NAMED.iter().find(|name| name.eq_ignore_ascii_case(text));
    let also = ALSO.iter().find(|(known, _)| *known == lower).map(|(_, name)| name);
    named.or(also).map(|&name| name.to_owned())
}

/// Reads a key, or two that are typed one after the other, as people write them.
fn key_of(text: &str) -> Result<String, String> {
    let key = match (single(text), text.split_once(' ')) {
        (Some(key), _) => key,
        (None, Some((first, second))) => chord(&one(first)?, &one(second.trim())?),
        (None, None) => {
            let letters: Vec<char> = text.chars().collect();
            match letters.as_slice() {
                [a, b] if a.is_ascii_graphic() && b.is_ascii_graphic() => chord(&a.to_string(), &b.to_string()),
                _ => one(text)?,
            }
        }
    };
    // A terminal sends the same byte for both.
    let same = [("Ctrl-i", "Tab"), ("Ctrl-m", "Enter"), ("Ctrl-[", "Esc")];
    match same.iter().find(|(never, _)| key.split(' ').any(|part| part == *never)) {
        Some((never, name)) => Err(format!("a terminal sends {name} for {never}: bind {name}")),
        None => Ok(key),
    }
}

fn one(text: &str) -> Result<String, String> {
    if text.to_ascii_lowercase().starts_with("alt-") {
        return Err(format!("`{text}`: keys with Alt cannot be bound, they are slow or lost on many lines"));
    }
    single(text).ok_or_else(|| {
        let near = nearest(text, NAMED.into_iter().chain(["Ctrl-x"]));
        format!("`{text}` is not a key{}", did_you_mean(&near))
    })
}

#[cfg(test)]
#[path = "keymap_tests.rs"]
mod tests;
