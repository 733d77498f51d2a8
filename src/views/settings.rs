//! Settings: what a declaration takes, and what the user gave.

use std::time::Duration;

use super::network::Network;
use super::pattern::Pattern;
use super::tables::Table;
use super::{SettingDecl, TimeUnit, ViewDecl, nearest};
use crate::frame::SettingValue;

/// What a setting takes.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// On or off.
    Switch,
    /// A number in a range.
    Number {
        /// Smallest value.
        min: Option<i64>,
        /// Largest value.
        max: Option<i64>,
    },
    /// One of these words.
    Choice(Vec<&'a str>),
    /// A length of time; a number without a unit is in this one.
    Time(TimeUnit),
    /// Any text that is not empty.
    Text,
    /// Names out of a table, with commas.
    Names(Table, u16),
    /// At most so many names that the running kernel has for the values of an enum.
    ValuesOf(u16),
    /// A text with `*` and `?`.
    Pattern,
    /// A path on the filesystem that is meant.
    Mount,
    /// The path of a directory.
    Directory,
    /// An address, or a network.
    Network,
    /// The name of a disk.
    Disk,
    /// Numbers in a range, with commas.
    List {
        /// How many at most.
        most: u16,
        /// Smallest value.
        min: Option<i64>,
        /// Largest value.
        max: Option<i64>,
    },
}

/// What this setting takes: words if it has any, a number if it has bounds, else on or off.
pub fn kind(setting: &SettingDecl) -> Kind<'_> {
    if !setting.choices.is_empty() {
        return Kind::Choice(setting.choices.iter().map(|choice| choice.name.as_str()).collect());
    }
    if let Some(unit) = setting.time {
        return Kind::Time(unit);
    }
    if let Some(table) = setting.names {
        return Kind::Names(table, setting.list.unwrap_or(1));
    }
    if setting.values_of.is_some() {
        return Kind::ValuesOf(setting.list.unwrap_or(1));
    }
    match (setting.min, setting.max) {
        _ if setting.text || setting.library => Kind::Text,
        _ if setting.network => Kind::Network,
        _ if setting.disk => Kind::Disk,
        _ if setting.pattern => Kind::Pattern,
        _ if setting.mount => Kind::Mount,
        _ if setting.directory => Kind::Directory,
        (min, max) if setting.list.is_some() => Kind::List { most: setting.list.unwrap_or(1), min, max },
        (None, None) => Kind::Switch,
        (min, max) => Kind::Number { min, max },
    }
}

/// What a setting that nobody has set is shown as: its default, or the first of its words; null where it filters nothing then. A
/// number is not 0, which may be one that is asked for, as root's is.
pub fn unset(setting: &SettingDecl) -> SettingValue {
    let default = setting.choices.first().map(|choice| &choice.name).or(setting.default.as_ref());
    match (default, kind(setting)) {
        (Some(word), _) => value(setting, word).unwrap_or(SettingValue::Null),
        (None, Kind::Switch) => SettingValue::Bool(false),
        (None, _) => SettingValue::Null,
    }
}

/// Reads the value of a setting.
///
/// # Errors
/// What it takes, and the nearest word.
pub fn value(setting: &SettingDecl, text: &str) -> Result<SettingValue, String> {
    match kind(setting) {
        Kind::Choice(words) if words.contains(&text) => Ok(SettingValue::Text(text.to_owned())),
        Kind::Choice(words) => {
            let near = nearest(text, words.iter().copied());
            Err(format!("`{text}` is not one of {}{}", words.join(", "), did_you_mean(&near)))
        }
        Kind::Number { min, max } => number(text, min, max).map(SettingValue::Int),
        Kind::List { most, min, max } => list(text, most, min, max),
        Kind::Network => Network::parse(text).map(|_| SettingValue::Text(text.to_owned())),
        Kind::Names(table, most) => table.read(text, most),
        Kind::ValuesOf(most) if text.split(',').count() > usize::from(most) => {
            Err(format!("{} names; it takes {most}", text.split(',').count()))
        }
        Kind::Pattern => Pattern::parse(text).map(|_| SettingValue::Text(text.to_owned())),
        // Whether there is such a name, disk or path is known where the view is opened.
        Kind::Disk if text.is_empty() => Err("the name is empty".to_owned()),
        // Kept as text with its unit, so that it means the same wherever it is written and read again.
        Kind::Time(unit) => {
            let text = if text.parse::<u64>().is_ok() { format!("{text}{}", unit.name()) } else { text.to_owned() };
            time(&text).map(|_| SettingValue::Text(text))
        }
        Kind::Mount | Kind::Directory if !text.starts_with('/') => {
            Err(format!("`{text}` is no path that begins with /"))
        }
        Kind::Text | Kind::ValuesOf(_) if text.is_empty() => Err("the text is empty".to_owned()),
        Kind::Text | Kind::ValuesOf(_) | Kind::Mount | Kind::Directory | Kind::Disk => {
            Ok(SettingValue::Text(text.to_owned()))
        }
        Kind::Switch => match text {
            "true" | "yes" | "on" | "1" => Ok(SettingValue::Bool(true)),
            "false" | "no" | "off" | "0" => Ok(SettingValue::Bool(false)),
            _ => Err(format!("`{text}` is neither true nor false")),
        },
    }
}

fn number(text: &str, min: Option<i64>, max: Option<i64>) -> Result<i64, String> {
    let number = text.parse::<i64>().map_err(|_| format!("`{text}` is not a whole number"))?;
    match (min, max) {
        (Some(min), _) if number < min => Err(format!("{number} is less than {min}, the smallest value")),
        (_, Some(max)) if number > max => Err(format!("{number} is more than {max}, the largest value")),
        _ => Ok(number),
    }
}

/// One number stays a number.
fn list(text: &str, most: u16, min: Option<i64>, max: Option<i64>) -> Result<SettingValue, String> {
    let numbers: Vec<i64> = text.split(',').map(|part| number(part.trim(), min, max)).collect::<Result<_, _>>()?;
    match numbers[..] {
        [one] => Ok(SettingValue::Int(one)),
        _ if numbers.len() > usize::from(most) => Err(format!("{} numbers; it takes {most}", numbers.len())),
        _ if numbers.contains(&0) => Err("0 is any, and stands alone".to_owned()),
        _ => Ok(SettingValue::Text(numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(","))),
    }
}

/// Reads a length of time with its unit, nanoseconds.
///
/// # Errors
/// What it takes.
pub fn time(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a time such as 10ms or 500us");
    let duration: Duration = humantime::parse_duration(text).map_err(|_| wrong())?;
    u64::try_from(duration.as_nanos()).map_err(|_| wrong())
}

/// What stands for its value behind a flag; nothing behind one that is on or off.
pub fn placeholder(setting: &SettingDecl) -> Option<String> {
    let text = match kind(setting) {
        Kind::Switch => return None,
        Kind::Choice(words) => return Some(words.join("|")),
        Kind::Number { min: Some(min), max: Some(max) } => return Some(format!("{min}..{max}")),
        Kind::Number { .. } => "N",
        Kind::Time(_) => "TIME",
        Kind::Text => "TEXT",
        Kind::Names(table, _) => table.placeholder(),
        Kind::ValuesOf(_) => "NAME[,NAME...]",
        Kind::Pattern => "PATTERN",
        Kind::Mount | Kind::Directory => "PATH",
        Kind::Network => "ADDRESS[/BITS]",
        Kind::Disk => "DISK",
        Kind::List { .. } => "N[,N...]",
    };
    Some(text.to_owned())
}

/// What it takes, in a few words.
pub fn takes(setting: &SettingDecl) -> String {
    let bound = |bound: Option<i64>| bound.map_or(String::new(), |n| n.to_string());
    let takes = match kind(setting) {
        Kind::Switch => "true, false".to_owned(),
        Kind::Choice(words) => words.join(", "),
        Kind::Number { min, max } => format!("{}..{}", bound(min), bound(max)),
        Kind::Text => "text".to_owned(),
        Kind::Names(table, 1) => format!("the name of a {}, as {}", table.one(), table.example()),
        Kind::Names(table, most) => {
            format!("up to {most} names of {}s with commas between them, each as {}", table.one(), table.example())
        }
        Kind::ValuesOf(most) => format!("up to {most} names with commas between them, as the running kernel has them"),
        Kind::Pattern => "a text in which * stands for anything and ? for one byte, at most 63 bytes".to_owned(),
        Kind::Mount => "a path, which stands for the filesystem it is on".to_owned(),
        Kind::Directory => "the path of a directory".to_owned(),
        Kind::Network => "an address, or a network such as 10.0.0.0/8 or fd00::/8".to_owned(),
        Kind::Disk => "the name of a whole disk, as in /proc/diskstats".to_owned(),
        Kind::List { most, min, max } => {
            format!("{}..{}, up to {most} with commas between them", bound(min), bound(max))
        }
        Kind::Time(unit) => format!("a time such as 500us or 1s; without a unit {}", unit.name()),
    };
    match &setting.default {
        Some(default) => format!("{takes}; default {default}"),
        None => takes,
    }
}

/// Reads a capture filter that every view has; `None` if `name` is not one.
///
/// # Errors
/// What it takes.
pub fn capture(name: &str, text: &str) -> Option<Result<SettingValue, String>> {
    match name {
        "pid" => Some(match text.parse::<i32>() {
            Ok(pid) if pid > 0 => Ok(SettingValue::Int(i64::from(pid))),
            _ => Err(format!("`{text}` is not a process id")),
        }),
        "comm" if text == "*" => Some(Err("`*` alone is every name".to_owned())),
        "comm" | "cgroup" if text.is_empty() => Some(Err("the name is empty".to_owned())),
        "comm" | "cgroup" => Some(Ok(SettingValue::Text(text.to_owned()))),
        _ => None,
    }
}

/// The value that a setting was given last.
pub fn given<'a>(settings: &'a [(String, SettingValue)], name: &str) -> Option<&'a SettingValue> {
    settings.iter().rev().find(|(set, _)| set == name).map(|(_, value)| value)
}

/// The number that a setting was given; 0 stands for what is without.
pub fn number_given(settings: &[(String, SettingValue)], name: &str) -> Option<u64> {
    match given(settings, name) {
        Some(SettingValue::Int(n)) if *n > 0 => Some(n.unsigned_abs()),
        _ => None,
    }
}

/// Names that `--set` takes for these views.
pub fn names<'a>(views: &'a [&ViewDecl]) -> impl Iterator<Item = &'a str> {
    let own = views.iter().flat_map(|view| &view.set);
    let own = own.flat_map(|(name, set)| std::iter::once(name.as_str()).chain(set.former.as_deref()));
    own.chain(["pid", "comm", "cgroup"])
}

/// `; did you mean a or b?`, or nothing.
pub fn did_you_mean(near: &[&str]) -> String {
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(toml: &str) -> SettingDecl {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn values_are_checked_against_the_declaration() {
        let switch = setting("help = 'h'");
        let number = setting("help = 'h'\nmin = 1\nmax = 10");
        let choice = setting("help = 'h'\nchoices = [{ name = 'all' }, { name = 'cgroup' }]");
        assert_eq!(value(&switch, "on"), Ok(SettingValue::Bool(true)));
        assert_eq!(value(&switch, "0"), Ok(SettingValue::Bool(false)));
        assert!(value(&switch, "maybe").is_err());
        assert_eq!(value(&number, "10"), Ok(SettingValue::Int(10)));
        assert!(value(&number, "11").unwrap_err().contains("largest"));
        assert!(value(&number, "0").unwrap_err().contains("smallest"));
        assert!(value(&number, "1.5").is_err());
        assert_eq!(value(&choice, "all"), Ok(SettingValue::Text("all".into())));
        assert_eq!(value(&choice, "cgrp").unwrap_err(), "`cgrp` is not one of all, cgroup; did you mean cgroup?");
    }

    #[test]
    fn what_is_not_set_is_its_default_or_null() {
        let shown = |toml: &str| unset(&setting(&format!("help = 'h'\n{toml}")));
        assert_eq!(shown("min = 0\nmax = 4294967294"), SettingValue::Null, "0 is a user");
        assert_eq!(shown("min = 0\nlist = 8"), SettingValue::Null);
        assert_eq!(shown("min = 1\ndefault = '99'"), SettingValue::Int(99));
        assert_eq!(shown("text = true"), SettingValue::Null, "not false");
        assert_eq!(shown(""), SettingValue::Bool(false));
        assert_eq!(shown("choices = [{ name = 'all' }, { name = 'cgroup' }]"), SettingValue::Text("all".into()));
        assert_eq!(shown("time = 'ms'\ndefault = '10ms'"), SettingValue::Text("10ms".into()));
        for kind in ["network", "disk", "mount", "directory", "pattern"] {
            assert_eq!(shown(&format!("{kind} = true")), SettingValue::Null, "{kind}");
        }
    }

    #[test]
    fn times_keep_their_unit_and_have_one_without() {
        let time = setting("help = 'h'\ntime = 'ms'");
        for (text, kept, ns) in [("10", "10ms", 10_000_000), ("0", "0ms", 0), ("500us", "500us", 500_000)] {
            assert_eq!(value(&time, text), Ok(SettingValue::Text(kept.into())));
            assert_eq!(super::time(kept), Ok(ns));
            assert_eq!(value(&time, kept), Ok(SettingValue::Text(kept.into())), "it is read again as it was");
        }
        assert!(value(&time, "-1").is_err() && value(&time, "soon").is_err() && value(&time, "").is_err());
    }

    #[test]
    fn names_patterns_and_paths_are_checked() {
        let calls = setting("help = 'h'\nnames = 'syscalls'\nlist = 2");
        assert_eq!(value(&calls, "openat, getpid"), Ok(SettingValue::Text("openat,getpid".into())));
        assert!(value(&calls, "opnat").unwrap_err().contains("openat"));
        assert!(value(&calls, "").is_err() && value(&calls, "read,write,open").is_err());
        assert!(takes(&calls).contains("up to 2 names of system calls"));
        let pattern = setting("help = 'h'\npattern = true");
        assert_eq!(value(&pattern, "a*"), Ok(SettingValue::Text("a*".into())));
        assert!(value(&pattern, "").is_err() && value(&pattern, &"x".repeat(64)).is_err());
        let mount = setting("help = 'h'\nmount = true");
        assert_eq!(value(&mount, "/"), Ok(SettingValue::Text("/".into())));
        assert!(value(&mount, "data").is_err() && value(&mount, "").is_err());
        let text = setting("help = 'h'\ntext = true");
        assert_eq!(value(&text, "/etc"), Ok(SettingValue::Text("/etc".into())));
        assert!(value(&text, "").is_err());
    }

    #[test]
    fn a_list_is_numbers_with_commas_and_one_stays_a_number() {
        let ports = setting("help = 'h'\nlist = 3\nmin = 0\nmax = 65535");
        assert_eq!(value(&ports, "80"), Ok(SettingValue::Int(80)));
        assert_eq!(value(&ports, "0"), Ok(SettingValue::Int(0)));
        assert_eq!(value(&ports, "80, 443"), Ok(SettingValue::Text("80,443".into())));
        for wrong in ["", "80,", "80,65536", "1,2,3,4", "80,0", "http"] {
            assert!(value(&ports, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_are_read_and_kept_as_written() {
        let net = setting("help = 'h'\nnetwork = true");
        assert_eq!(value(&net, "10.0.0.0/8"), Ok(SettingValue::Text("10.0.0.0/8".into())));
        assert!(value(&net, "ten").is_err());
    }

    #[test]
    fn process_ids_are_positive() {
        assert_eq!(capture("pid", "12"), Some(Ok(SettingValue::Int(12))));
        for wrong in ["0", "-1", "x", "99999999999"] {
            assert!(capture("pid", wrong).unwrap().is_err(), "{wrong}");
        }
        assert_eq!(capture("by", "pid"), None);
    }
}
