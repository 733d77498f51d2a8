//! `config` and `keys`: what can be set, what is set, and what is wrong with it.

use std::path::PathBuf;

use clap::ArgMatches;

use super::usage::Usage;
use super::{print, say};
use crate::config::{self, Found};
use crate::ui::bindings::{BINDINGS, Binding};

/// `config`: prints the defaults or the schema, checks a file, or shows what is in effect.
pub(super) fn config(matches: &ArgMatches) -> Result<u8, Usage> {
    if matches.get_flag("default") {
        return Ok(print(config::DEFAULT));
    }
    if matches.get_flag("schema") {
        return Ok(print(&config::schema()));
    }
    let file = matches.get_one::<PathBuf>("check").or(matches.get_one("config"));
    let found = config::here(file.map(PathBuf::as_path)).map_err(Usage::wrong)?;
    if matches.contains_id("check") {
        return Ok(check(&found));
    }
    Ok(print(&shown(&found)))
}

/// All that is wrong, a line each. Exit 2 if anything is.
fn check(found: &Found) -> u8 {
    let mistakes = mistakes(found);
    mistakes.iter().for_each(|mistake| say(mistake));
    match (mistakes.is_empty(), &found.file) {
        (false, _) => 2,
        (true, Some((path, _))) => print(&format!("{}: fine\n", path.display())),
        (true, None) => print("no configuration was found: built in\n"),
    }
}

/// What is wrong with the configuration that was found, and on the way to it.
fn mistakes(found: &Found) -> Vec<String> {
    let mut mistakes = found.problems.clone();
    if let Some((path, _)) = &found.file {
        let at = |line: usize, text: &str| format!("{}, line {line}: {text}", path.display());
        mistakes.extend(found.parsed.problems.iter().map(|problem| at(problem.line, &problem.text)));
        let (themes, problems) = config::themes(found, &config::surroundings());
        mistakes.extend(problems);
        if let Some(problem) = config::unknown_theme(&found.parsed.config.theme, &themes) {
            mistakes.push(at(found.parsed.lines.get("theme").copied().unwrap_or(1), &format!("theme: {problem}")));
        }
    }
    mistakes
}

/// Every setting with its value and where it is from.
fn shown(found: &Found) -> String {
    let file = found.file.as_ref().map(|(path, _)| path.display().to_string());
    let mut text = format!("# {}\n", file.as_deref().unwrap_or("no configuration was found: built in"));
    for problem in mistakes(found) {
        text.push_str(&format!("# wrong: {problem}\n"));
    }
    let all = toml::Table::try_from(&found.parsed.config).unwrap_or_default();
    let (tables, values): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, value)| value.is_table());
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (name, value) in values {
        let from = found.parsed.lines.get(&name).map_or("default".to_owned(), |line| format!("line {line}"));
        let place = config::DEFAULT.find(&format!("\n{name} =")).unwrap_or(usize::MAX);
        lines.push((place, format!("{:<32} # {from}\n", format!("{name} = {value}"))));
    }
    // In the order of the complete file.
    lines.sort();
    lines.iter().for_each(|(_, line)| text.push_str(line));
    let tables: toml::Table =
        tables.into_iter().filter(|(_, value)| value.as_table().is_some_and(|table| !table.is_empty())).collect();
    if !tables.is_empty() {
        text.push_str(&format!("\n{}", toml::to_string(&tables).unwrap_or_default()));
    }
    text
}

/// `keys`: the table in effect, or lines for the file.
pub(super) fn keys(matches: &ArgMatches) -> Result<u8, Usage> {
    let found = config::here(matches.get_one::<PathBuf>("config").map(PathBuf::as_path)).map_err(Usage::wrong)?;
    found.problems.iter().for_each(|problem| say(problem));
    if let Some((path, _)) = &found.file {
        let of_keys = found.parsed.problems.iter().filter(|problem| problem.text.starts_with("keys."));
        of_keys.for_each(|problem| say(&format!("{}, {problem}", path.display())));
    }
    if matches.get_flag("print-keys-config") {
        return Ok(print(&keys_config(&found)));
    }
    let wide = BINDINGS.iter().map(|binding| binding.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (binding, keys) in found.parsed.keys.lines() {
        let keys = if keys.is_empty() { "-".to_owned() } else { keys.join(" ") };
        text.push_str(&format!("{:<wide$}  {keys:<14}  {}\n", binding.name, help(binding)));
    }
    Ok(print(&text))
}

/// The `[keys]` of a file: what is as it was is a comment.
fn keys_config(found: &Found) -> String {
    let mut text = "# Keys, by action. Take the sign away from a line to change it.\n[keys]\n".to_owned();
    for (binding, keys) in found.parsed.keys.lines() {
        let sign = if keys == binding.keys { "# " } else { "" };
        let keys = toml::Value::from(keys.to_vec());
        text.push_str(&format!("\n# {}\n{sign}{} = {keys}\n", help(binding), binding.name));
    }
    text
}

fn help(binding: &Binding) -> String {
    match binding.help {
        "" => binding.name.replace("tab-", "running view "),
        help => help.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Found {
        Found { parsed: config::read(text, false), text: text.to_owned(), ..Found::default() }
    }

    #[test]
    fn lines_for_the_file_say_the_keys_in_effect() {
        let text = keys_config(&found("[keys]\npicker = [\"o\"]\n"));
        let again = config::read(&text, false);
        assert_eq!(again.problems, []);
        assert_eq!(again.config.keys["picker"], ["o"]);
        // Every line says what holds, also when all signs are taken away.
        let line = |line: &str| line.strip_prefix("# ").filter(|line| line.contains(" = [")).map(str::to_owned);
        let bare: Vec<String> = text.lines().map(|l| line(l).unwrap_or_else(|| l.to_owned())).collect();
        let bare = config::read(&bare.join("\n"), false);
        assert_eq!(bare.problems, []);
        assert_eq!(bare.config.keys.len(), BINDINGS.len());
        for ((binding, keys), (_, other)) in bare.keys.lines().zip(again.keys.lines()) {
            assert_eq!(keys, other, "{}", binding.name);
        }
    }

    #[test]
    fn what_is_shown_is_a_file_that_says_the_same() {
        let text = "interval = 2\n\n[views.biotop]\nsort = \"-bytes\"\n[dashboards]\na = [\"biotop\", \"tcptop\"]\n";
        let shown = shown(&found(text));
        assert!(shown.contains("interval = 2.0") && shown.contains("# line 1"), "{shown}");
        let again = config::read(&shown, false);
        assert_eq!((again.problems, again.config), (vec![], found(text).parsed.config));
    }
}
