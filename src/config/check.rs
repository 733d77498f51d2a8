//! What a value may be, beyond its type: views, columns and settings that exist, numbers within their bounds.

use crate::frame::Schema;
use crate::frame::threshold::Threshold;
use crate::probes::object;
use crate::views::settings::{self, did_you_mean};
use crate::views::{Registry, View, nearest};

use super::view::{rendering, renderings};
use super::{Config, KeepWarm, MAX_OVERHEAD, ViewConfig};

/// Fewest and most panes of a dashboard.
const PANES: std::ops::RangeInclusive<usize> = 2..=9;

/// Says what is wrong with a configuration in which one value is set.
///
/// A foreign file belongs to somebody who may do less than this process: what writes files is not theirs to say.
pub fn check(config: &Config, foreign: bool) -> Result<(), String> {
    within(config.interval, 0.1, 3600.0, "seconds")?;
    within(f64::from(config.history_frames), 2.0, 100_000.0, "frames")?;
    within(f64::from(config.history_mib), 1.0, 4096.0, "MiB")?;
    if let KeepWarm::Seconds(seconds) = config.keep_warm {
        within(f64::from(seconds), 0.0, 86_400.0, "seconds")?;
    }
    if let Some(percent) = config.max_overhead.percent() {
        within(percent, *MAX_OVERHEAD.start(), *MAX_OVERHEAD.end(), "percent")?;
    }
    if foreign && config.save_state {
        return Err("not from a file of another user: it would write files as root".to_owned());
    }
    // A name, never a path: the file would be read with the rights of this process.
    if config.theme.contains(['/', '\0']) || config.theme.is_empty() {
        return Err(format!("{:?} is not the name of a theme; files go into themes/", config.theme));
    }
    config.favourites.iter().try_for_each(|name| known(name).map(drop))?;
    config.dashboards.values().try_for_each(|panes| dashboard(panes))?;
    config.views.iter().try_for_each(|(name, view)| one_view(name, view, foreign))
}

fn within(value: f64, least: f64, most: f64, what: &str) -> Result<(), String> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err(format!("{value} is not between {least} and {most} {what}")),
    }
}

fn known(name: &str) -> Result<&'static View, String> {
    let registry = Registry::get();
    match registry.find(name) {
        Some(view) if view.decl.name == name => Ok(view),
        Some(view) => Err(format!("`{name}` is called {} here", view.decl.name)),
        None => Err(format!("there is no view `{name}`{}", did_you_mean(&registry.nearest(name)))),
    }
}

fn dashboard(panes: &[String]) -> Result<(), String> {
    for (at, name) in panes.iter().enumerate() {
        known(name)?;
        if panes[..at].contains(name) {
            return Err(format!("{name} is there twice"));
        }
    }
    match PANES.contains(&panes.len()) {
        true => Ok(()),
        false => Err(format!("{} views; a dashboard has 2 to 9", panes.len())),
    }
}

fn one_view(name: &str, config: &ViewConfig, foreign: bool) -> Result<(), String> {
    let view = known(name)?;
    for (name, value) in &config.set {
        let Some((_, setting)) = view.decl.setting(name) else {
            let near = nearest(name, view.decl.set.keys().map(String::as_str));
            return Err(format!("there is no such setting{}", did_you_mean(&near)));
        };
        settings::value(setting, &value.text())?;
    }
    if let Some(draw) = &config.draw
        && rendering(&view.decl, draw).is_none()
    {
        let names: Vec<&str> = renderings(&view.decl).iter().map(|r| r.name()).collect();
        return Err(format!("`{draw}` is not one of {}", names.join(", ")));
    }
    let sort = config.sort.as_deref().map(|sort| sort.strip_prefix('-').unwrap_or(sort));
    let named = sort.into_iter().chain(config.group.as_deref());
    let named = named.chain(config.columns.iter().flatten().map(String::as_str));
    let named = named.chain(config.widths.keys().map(String::as_str));
    let mut named = named.chain(config.thresholds.keys().map(String::as_str)).peekable();
    if named.peek().is_none() {
        return Ok(());
    }
    // A program that cannot be read says so itself when its view is opened.
    let Some(schema) = schemas(view).next() else { return Ok(()) };
    named.try_for_each(|name| column(view, name))?;
    for (name, text) in &config.thresholds {
        let limit = schema.index(name).map(|at| Threshold::parse(&schema.columns[at], text)).transpose()?;
        if foreign && limit.is_some_and(|limit| limit.snapshot) {
            return Err("no snapshots from a file of another user: they would be written as root".to_owned());
        }
    }
    match config.widths.values().find(|width| !(1..=200).contains(*width)) {
        Some(width) => Err(format!("{width} is not between 1 and 200 cells")),
        None => Ok(()),
    }
}

/// The columns of a view; some are there only with some choice of a setting.
fn schemas(view: &'static View) -> impl Iterator<Item = std::sync::Arc<Schema>> {
    let choices = view.decl.set.iter().flat_map(|(name, setting)| {
        let value = |word: &str| vec![(name.clone(), crate::frame::SettingValue::Text(word.to_owned()))];
        setting.choices.iter().map(move |choice| value(&choice.name))
    });
    let all = std::iter::once(Vec::new()).chain(choices);
    all.filter_map(|settings| object::layout(view, &settings).ok()).map(|layout| layout.schema)
}

fn column(view: &'static View, name: &str) -> Result<(), String> {
    let mut known: Vec<String> = Vec::new();
    for schema in schemas(view) {
        if schema.index(name).is_some() {
            return Ok(());
        }
        known.extend(schema.columns.iter().map(|column| column.name.clone()));
    }
    let near = nearest(name, known.iter().map(String::as_str));
    Err(format!("{} has no column `{name}`{}", view.decl.name, did_you_mean(&near)))
}
