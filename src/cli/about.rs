//! What there is to know about views: `list`, `explain` and `VIEW --help`.

use clap::Command;

use super::settings;
use crate::frame::{Column, Hook, Schema, Unit};
use crate::views::proof::Way;
use crate::views::{SettingDecl, ViewDecl};

/// `list`: views under the headings of their groups.
pub fn list(views: &[&ViewDecl]) -> String {
    let wide = views.iter().map(|view| view.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut group = None;
    for view in views {
        if group != Some(view.group) {
            let gap = if group.is_some() { "\n" } else { "" };
            text.push_str(&format!("{gap}{} ({})\n", view.group.title(), view.group.name()));
            group = Some(view.group);
        }
        let unproven = if view.unproven.is_some() { " (unproven)" } else { "" };
        text.push_str(&format!("  {:<wide$}  {:<9}  {}{unproven}\n", view.name, view.kind.name(), view.question));
    }
    text
}

/// The command with what `--help` says about this view.
pub fn with_help(command: Command, view: &ViewDecl) -> Command {
    let usage = format!("bcc-top {} {} [OPTIONS] [-- COMMAND [ARG...]]", view.name, positionals(view));
    let mut after = String::from("Columns:\n");
    for (name, help) in column_names(view) {
        after.push_str(&format!("  {name:<14} {help}\n"));
    }
    after.push_str("\nCannot see:\n");
    for line in &view.cannot {
        after.push_str(&format!("  {line}\n"));
    }
    if let Some(why) = &view.unproven {
        after.push_str(&format!("\nUnproven:\n  {why}\n"));
    }
    let about = format!("{}: {}\n\n{}", view.name, view.title, view.question);
    command.override_usage(usage).about(about).after_help(after)
}

/// What may stand behind the name of a view.
pub fn positionals(view: &ViewDecl) -> String {
    if view.positionals.is_empty() {
        return "[INTERVAL [COUNT]]".to_owned();
    }
    let names: Vec<String> = view.positionals.iter().map(|name| format!("[{}]", name.to_uppercase())).collect();
    names.join(" ")
}

/// Columns that the declaration names, those shown first.
pub fn column_names(view: &ViewDecl) -> Vec<(&str, &str)> {
    let help = |name: &str| view.col.get(name).map_or("", |column| column.help.as_str());
    let mut names: Vec<&str> = Vec::new();
    let choices = view.set.values().flat_map(|set| &set.choices);
    let grouped = choices.flat_map(|choice| choice.key.iter().chain(&choice.columns));
    let shown = view.columns.iter().chain(&view.key).chain(grouped).map(String::as_str);
    for name in shown.chain(view.col.keys().map(String::as_str)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().map(|name| (name, help(name))).collect()
}

/// `explain`: everything that is known without running the view. The columns are those of `schema`
/// where it could be read, else those of the declaration; the alternatives of its purposes are those of `hooks`.
pub fn explain(view: &ViewDecl, schema: Option<&Schema>, hooks: &[Hook]) -> String {
    let mut text = format!("{}: {}\n\n{}\n\n{}\n", view.name, view.title, view.question, view.help.trim());
    let aliases = if view.aliases.is_empty() { "none".to_owned() } else { view.aliases.join(", ") };
    text.push_str(&format!("\nkind     {}\ngroup    {}\n", view.kind.name(), view.group.title()));
    text.push_str(&format!("aliases  {aliases}\nsort     {}\ncost     {}\n", view.sort, view.cost));
    if let Some(why) = &view.unproven {
        text.push_str(&format!("unproven {why}\n"));
    }
    text.push_str("\nColumns\n");
    match schema {
        Some(schema) => schema.columns.iter().for_each(|column| text.push_str(&column_line(schema, column))),
        None => column_names(view).iter().for_each(|(name, help)| text.push_str(&format!("  {name:<14} {help}\n"))),
    }
    if !view.set.is_empty() {
        text.push_str("\nSettings\n");
        view.set.iter().for_each(|(name, set)| text.push_str(&setting_line(name, set)));
    }
    text.push_str("\nHooks\n");
    for (purpose, hook) in &view.hooks {
        text.push_str(&format!("  {purpose:<14} {}\n", hook.what));
        view.ways(purpose, hooks).iter().for_each(|way| text.push_str(&way_line(way)));
    }
    if !view.unavailable.is_empty() {
        let cells: Vec<&str> = view.unavailable.keys().map(String::as_str).collect();
        text.push_str(&format!("\nCannot run on\n  {}\n", cells.join(", ")));
    }
    text.push_str("\nCannot see\n");
    view.cannot.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    text
}

/// A line for each way to serve a purpose.
fn way_line(way: &Way) -> String {
    let proven =
        if way.proven.is_empty() { "unproven".to_owned() } else { format!("proven on {}", way.proven.join(", ")) };
    format!("  {:<14} {} {}  ({proven})\n", "", way.number, way.hooks)
}

fn column_line(schema: &Schema, column: &Column) -> String {
    format!("  {:<14} {:<6} {}{}\n", column.name, unit(column.unit), column.help, schema.formula(column))
}

fn unit(unit: Option<Unit>) -> &'static str {
    match unit {
        None => "text",
        Some(Unit::Ns) => "ns",
        Some(Unit::Bytes) => "bytes",
        Some(Unit::Count) => "count",
        Some(Unit::Pages) => "pages",
        Some(Unit::Id) => "id",
        Some(Unit::Ratio) => "ratio",
    }
}

fn setting_line(name: &str, set: &SettingDecl) -> String {
    format!("  {name:<14} {} ({})\n", set.help, settings::takes(set))
}
