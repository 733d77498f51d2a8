//! Reading the text of a configuration. A mistake costs the value it is in, never the rest.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize as _;
use toml::de::{DeTable, DeValue};

use crate::ui::keymap::{Keymap, Wish};
use crate::views::nearest;
use crate::views::settings::did_you_mean;

use super::{Config, check};

/// Most values of a file. Each is looked at by itself, and a file is read before the screen opens.
const VALUES: usize = 2000;

/// Mistakes that are told one by one; what follows them is counted.
const TOLD: usize = 20;

/// A mistake: where, and what to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file.
    pub line: usize,
    /// One sentence.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

/// What a text says.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// What holds; the defaults where nothing is said.
    pub config: Config,
    /// Lines of what is set, by its path with dots.
    pub lines: BTreeMap<String, usize>,
    /// The keys in effect.
    pub keys: Keymap,
    /// What is wrong, by line.
    pub problems: Vec<Problem>,
}

/// One value, the path to it, and its line.
struct Leaf {
    path: Vec<String>,
    value: toml::Value,
    line: usize,
}

/// Reads a text; `foreign`: it is not from somebody who may do what this process may.
pub fn read(text: &str, foreign: bool) -> Parsed {
    let mut out = Parsed::default();
    let line_of = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    let (table, plain) = match (DeTable::parse(text), toml::from_str::<toml::Table>(text)) {
        (Ok(table), Ok(plain)) => (table, plain),
        (Err(error), _) | (_, Err(error)) => {
            let line = line_of(error.span().map_or(0, |span| span.start));
            let text = format!("{}; nothing of this file is used", error.message().replace('\n', ", "));
            out.problems.push(Problem { line, text });
            return out;
        }
    };
    let mut leaves = Vec::new();
    collect(table.get_ref(), &plain, &mut Vec::new(), &line_of, &mut leaves);
    leaves.sort_by_key(|leaf| leaf.line);
    if let Some(first) = leaves.get(VALUES) {
        let text = format!("more than {VALUES} values; from here on they are not used");
        out.problems.push(Problem { line: first.line, text });
        leaves.truncate(VALUES);
    }
    let mut good = toml::Table::new();
    for leaf in leaves {
        match one(&leaf, foreign) {
            Ok(()) => {
                out.lines.insert(leaf.path.join("."), leaf.line);
                insert(&mut good, &leaf.path, leaf.value);
            }
            Err(text) => out.problems.push(Problem { line: leaf.line, text }),
        }
    }
    // Every value of it was read by itself.
    out.config = Config::deserialize(good).unwrap_or_default();
    bind(&mut out);
    out.problems.sort_by_key(|problem| problem.line);
    let more = out.problems.len().saturating_sub(TOLD);
    if more > 0 {
        out.problems.truncate(TOLD);
        let line = out.problems.last().map_or(1, |problem| problem.line);
        out.problems.push(Problem { line, text: format!("{more} more mistakes after this one") });
    }
    out
}

fn collect(
    table: &DeTable<'_>,
    plain: &toml::Table,
    path: &mut Vec<String>,
    line_of: &dyn Fn(usize) -> usize,
    out: &mut Vec<Leaf>,
) {
    for (key, value) in table {
        let Some(known) = plain.get(key.get_ref().as_ref()) else { continue };
        path.push(key.get_ref().to_string());
        match (value.get_ref(), known) {
            (DeValue::Table(inner), toml::Value::Table(known)) if !inner.is_empty() && path.len() < 8 => {
                collect(inner, known, path, line_of, out);
            }
            // An empty table says nothing, but its name may be wrong.
            _ => out.push(Leaf { path: path.clone(), value: known.clone(), line: line_of(key.span().start) }),
        }
        path.pop();
    }
}

fn insert(table: &mut toml::Table, path: &[String], value: toml::Value) {
    let Some((last, folders)) = path.split_last() else { return };
    let mut at = table;
    for folder in folders {
        let inner = at.entry(folder.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        match inner {
            toml::Value::Table(inner) => at = inner,
            _ => return,
        }
    }
    at.insert(last.clone(), value);
}

/// Reads one value as if nothing else were set.
fn one(leaf: &Leaf, foreign: bool) -> Result<(), String> {
    let mut table = toml::Table::new();
    insert(&mut table, &leaf.path, leaf.value.clone());
    let name = leaf.path.join(".");
    let config = Config::deserialize(table).map_err(|error| explain(&name, error.message()))?;
    check::check(&config, foreign).map_err(|problem| format!("{name}: {problem}"))
}

/// What serde says, with the nearest of the words that it expected.
fn explain(name: &str, message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let said = message.split(',').next().unwrap_or(message);
    if message.starts_with("unknown") {
        let wrong = words.next().unwrap_or_default();
        let known: Vec<&str> = words.collect();
        let near = nearest(wrong, known.iter().copied());
        return match (message.starts_with("unknown field"), near.is_empty()) {
            (true, _) => format!("{name}: `{wrong}` is not a setting{}", did_you_mean(&near)),
            (false, false) => format!("{name}: `{wrong}` is not one of {}{}", known.join(", "), did_you_mean(&near)),
            (false, true) => format!("{name}: `{wrong}` is not one of {}", known.join(", ")),
        };
    }
    if message.contains("untagged enum KeepWarm") {
        return format!("{name}: takes a number of seconds, or \"always\"");
    }
    if message.contains("untagged enum MaxOverhead") {
        return format!("{name}: takes percent of one CPU, or \"off\"");
    }
    if message.contains("untagged enum SetValue") {
        return format!("{name}: takes true or false, a number or a word");
    }
    match message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected ")) {
        Some((found, wanted)) => format!("{name}: takes {}, not {found}", plain_type(wanted.trim())),
        None => format!("{name}: {said}"),
    }
}

fn plain_type(serde: &str) -> &str {
    match serde.split(['\n', ' ']).next().unwrap_or(serde) {
        "f64" => "a number",
        "u16" | "u32" | "u64" | "usize" | "i64" => "a whole number",
        "a" if serde.starts_with("a string") => "a text in quotes",
        "a" if serde.starts_with("a boolean") => "true or false",
        "a" if serde.starts_with("a sequence") => "a list in brackets",
        "a" if serde.starts_with("a map") => "a table",
        _ => serde,
    }
}

/// Keys are looked at together, in the order of the file: each may only be bound once.
fn bind(out: &mut Parsed) {
    let line = |action: &str| out.lines.get(&format!("keys.{action}")).copied().unwrap_or(1);
    let mut wishes: Vec<Wish> = out.config.keys.clone().into_iter().collect();
    wishes.sort_by_key(|(action, _)| line(action));
    let (keys, problems) = Keymap::new(&wishes);
    let problems = problems.into_iter();
    let problems: Vec<Problem> = problems
        .map(|(action, text)| Problem { line: line(&action), text: format!("keys.{action}: {text}") })
        .collect();
    out.problems.extend(problems);
    out.keys = keys;
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
