//! What can be said in the palette beside actions and names of views.

use crate::frame::filter::Filter;

use super::app::App;
use super::theme::BUILT_IN;
use super::view::{ONE_ROW, Rendering};

/// A word of the palette that takes an argument, or that no key has.
#[derive(Debug)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// What follows it, for people; empty: nothing does.
    pub argument: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Does it, and says what to tell the user.
    pub run: fn(&mut App, &str) -> Result<String, String>,
}

const fn word(
    name: &'static str,
    argument: &'static str,
    help: &'static str,
    run: fn(&mut App, &str) -> Result<String, String>,
) -> Word {
    Word { name, argument, help, run }
}

/// All of them.
pub const WORDS: &[Word] = &[
    word("at", "HH:MM[:SS]", "go to a moment, UTC; or -5m", |app, text| app.go_to(text).map(|()| String::new())),
    word("next-loss", "", "go to the next frame in which something was lost", |app, _| go_to_loss(app, true)),
    word("previous-loss", "", "go to the frame before in which something was lost", |app, _| go_to_loss(app, false)),
    word("theme", "NAME", "other colours", theme),
    word("interval", "SECONDS", "refresh interval", |app, text| app.type_interval(text).map(|()| String::new())),
    word("log-scale", "", "bars and trends on a log scale, and back", log_scale),
    word("scroll", "", "pictures over time move along, or are overwritten", scroll),
    word("filter", "EXPRESSION", "display filter", filter),
    word("find", "TEXT", "find without hiding rows", |app, text| app.find(text)),
    word("sort", "COLUMN", "sort by a column", sort),
    word("group", "COLUMN|none", "put rows together", |app, text| app.group_rows(text)),
    word("show", "COLUMN[,COLUMN]", "show these columns", show),
    word("draw", "RENDERING", "table, trend, histogram, heat map, percentiles", draw),
    word("threshold", "COLUMN warn N crit N", "limits on a column; none takes them away", threshold),
    word("dashboard", "NAME", "open a dashboard of the configuration", |app, text| app.open_dashboard(text)),
    word("log-level", "LEVEL", "error, warn, info, debug or trace", log_level),
    word("log-view", "", "only what the log says of this view, or all", |app, _| {
        app.log_view = !app.log_view;
        Ok(if app.log_view { "the log shows this view only" } else { "the log shows everything" }.to_owned())
    }),
];

fn go_to_loss(app: &mut App, forward: bool) -> Result<String, String> {
    app.go_to_loss(forward);
    Ok(String::new())
}

fn theme(app: &mut App, name: &str) -> Result<String, String> {
    let known = names_of_themes(app);
    if !known.iter().any(|known| known == name) {
        return Err(format!("themes are {}", known.join(", ")));
    }
    app.set_theme(name);
    app.changed("theme");
    Ok(String::new())
}

/// The themes there are.
pub fn names_of_themes(app: &App) -> Vec<String> {
    let mut names: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
    for theme in &app.options.user_themes {
        if !names.contains(&theme.name) {
            names.push(theme.name.clone());
        }
    }
    names
}

fn log_scale(app: &mut App, _: &str) -> Result<String, String> {
    let view = app.view_mut().ok_or("there is no view")?;
    view.log_scale = !view.log_scale;
    let log = view.log_scale;
    app.dirty = true;
    Ok(if log { "log scale" } else { "linear scale" }.to_owned())
}

fn scroll(app: &mut App, _: &str) -> Result<String, String> {
    app.scroll = !app.scroll;
    app.changed("scroll");
    Ok(if app.scroll { "pictures move along" } else { "the newest column overwrites the oldest" }.to_owned())
}

fn filter(app: &mut App, text: &str) -> Result<String, String> {
    let view = app.view_mut().ok_or("there is no view")?;
    if view.is_one_row() {
        return Err(ONE_ROW.to_owned());
    }
    let schema = view.shown.as_ref().map(|shown| &shown.frame.table.schema);
    if let Some(bad) = schema.and_then(|schema| Filter::parse(text, schema).1) {
        return Err(bad.message);
    }
    text.clone_into(&mut view.filter);
    app.refresh();
    Ok(String::new())
}

fn column(app: &App, name: &str) -> Result<usize, String> {
    let shown = app.view().and_then(|view| view.shown.as_ref()).ok_or("there are no columns yet")?;
    crate::frame::filter::find_column(&shown.frame.table.schema, name)
}

fn sort(app: &mut App, text: &str) -> Result<String, String> {
    let (name, descending) = text.strip_prefix('-').map_or((text, None), |name| (name, Some(true)));
    let column = column(app, name)?;
    app.sort(column, descending);
    Ok(String::new())
}

fn show(app: &mut App, text: &str) -> Result<String, String> {
    let mut chosen = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let column = column(app, name)?;
        let shown = app.view().and_then(|view| view.shown.as_ref()).ok_or("there are no columns yet")?;
        chosen.push(shown.frame.table.schema.columns[column].name.clone());
    }
    if chosen.is_empty() {
        let key = app.options.keys.hint(super::action::Action::Columns);
        return Err(format!("which columns? {key} shows what there is"));
    }
    app.view_mut().ok_or("there is no view")?.chosen = Some(chosen);
    app.refresh();
    Ok(String::new())
}

fn draw(app: &mut App, text: &str) -> Result<String, String> {
    let view = app.view_mut().ok_or("there is no view")?;
    let allowed = view.renderings();
    let named = |rendering: &&Rendering| rendering.name().replace(' ', "").starts_with(&text.replace([' ', '-'], ""));
    let found = allowed.iter().find(named).filter(|_| !text.is_empty());
    let names: Vec<&str> = allowed.iter().map(|rendering| rendering.name()).collect();
    let found = found.ok_or_else(|| format!("this view can be drawn as {}", names.join(", ")))?;
    view.show_as(*found);
    app.refresh();
    Ok(String::new())
}

fn threshold(app: &mut App, text: &str) -> Result<String, String> {
    let (name, limits) = text.split_once(' ').ok_or("COLUMN warn N crit N")?;
    let column = column(app, name)?;
    app.set_threshold(column, limits)
}

fn log_level(app: &mut App, text: &str) -> Result<String, String> {
    let level: log::LevelFilter = text.parse().map_err(|_| "error, warn, info, debug or trace".to_owned())?;
    app.set_log_level(level);
    app.log = true;
    Ok(format!("the log shows {text} and worse"))
}

impl App {
    /// Says a word of the palette, or does an action, that takes no argument.
    pub(super) fn say_word(&mut self, name: &str) {
        if let Some(word) = WORDS.iter().find(|word| word.name == name) {
            match (word.run)(self, "") {
                Ok(text) | Err(text) => self.say(text),
            }
        } else if let Some(binding) = super::bindings::BINDINGS.iter().find(|binding| binding.name == name) {
            self.act(binding.action);
        }
    }
}
