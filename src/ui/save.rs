//! What `W` keeps: panes, and how each view is shown; and what is remembered of a run. Where it is kept is not
//! decided here.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::frame::threshold::Threshold;
use crate::frame::{SettingValue, text};

use super::app::{App, Screen};
use super::view::View;

pub use super::view::Rendering;

/// How one view is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewLayout {
    /// Sort column; with `-` descending.
    pub sort: Option<String>,
    /// Columns, in order.
    pub columns: Option<Vec<String>>,
    /// Widths of columns.
    pub widths: HashMap<String, u16>,
    /// Column that rows are put together by.
    pub group: Option<String>,
    /// How it is drawn, unless as its kind is drawn first.
    pub draw: Option<Rendering>,
    /// Bars and trends on a log scale; `None`: as all views.
    pub log_scale: Option<bool>,
    /// Idle rows are hidden.
    pub hide_idle: bool,
    /// Limits on columns.
    pub limits: Vec<Threshold>,
    /// The view's own settings.
    pub settings: Vec<(String, SettingValue)>,
}

/// The dashboard and the views.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Bars and trends of all views on a log scale.
    pub log_scale: bool,
    /// Views of the dashboard, in the order of the panes.
    pub panes: Vec<String>,
    /// All dashboards by name.
    pub dashboards: BTreeMap<String, Vec<String>>,
    /// Views that the picker offers first.
    pub favourites: Vec<String>,
    /// Views by name.
    pub views: HashMap<String, ViewLayout>,
}

/// All that is to last: the layout, and settings that were changed in this run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// Panes and views.
    pub layout: Layout,
    /// The interval.
    pub interval: Option<Duration>,
    /// The theme.
    pub theme: Option<String>,
    /// Pictures over time move along.
    pub scroll: Option<bool>,
    /// Raw numbers.
    pub raw: Option<bool>,
}

/// What a later run knows of this one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Memory {
    /// Views opened from the picker, newest first.
    pub recent: Vec<String>,
    /// How often each was opened.
    pub uses: HashMap<String, u32>,
    /// Lines said in the palette, newest last.
    pub said: Vec<String>,
    /// Filters typed, by view, newest last.
    pub filters: HashMap<String, Vec<String>>,
}

/// Most of anything that is remembered.
const MOST: usize = 50;

/// Longest line that is remembered.
const LONGEST: usize = 4096;

impl Memory {
    /// Without what this program would not have remembered.
    pub fn bounded(mut self) -> Memory {
        let fine = |line: &String| line.len() <= LONGEST && line.chars().all(text::is_safe);
        let newest = |lines: &mut Vec<String>| {
            lines.retain(fine);
            lines.drain(..lines.len().saturating_sub(MOST));
        };
        self.recent.retain(fine);
        self.recent.truncate(MOST);
        newest(&mut self.said);
        self.uses.retain(|name, _| fine(name));
        self.filters.retain(|name, _| fine(name));
        self.filters.values_mut().for_each(newest);
        self
    }
}

impl ViewLayout {
    fn of(view: &View, log_scale: bool) -> ViewLayout {
        let sort = view.sort.as_ref().map(|(name, desc)| format!("{}{name}", if *desc { "-" } else { "" }));
        let first = view.renderings().first() == Some(&view.rendering());
        // What is captured is for now; the view's own settings are how it is shown.
        let own = |(name, _): &&(String, SettingValue)| view.decl.is_some_and(|decl| decl.set.contains_key(name));
        ViewLayout {
            sort,
            columns: view.chosen.clone(),
            widths: view.widths.clone(),
            group: view.group.clone(),
            draw: (!first).then(|| view.rendering()),
            log_scale: (view.log_scale != log_scale).then_some(view.log_scale),
            hide_idle: view.hide_idle,
            limits: view.thresholds.clone(),
            settings: view.request.settings.iter().filter(own).cloned().collect(),
        }
    }

    fn apply(&self, view: &mut View) {
        view.sort = self.sort.as_ref().map(|sort| match sort.strip_prefix('-') {
            Some(name) => (name.to_owned(), true),
            None => (sort.clone(), false),
        });
        view.chosen.clone_from(&self.columns);
        view.widths.clone_from(&self.widths);
        view.group.clone_from(&self.group);
        self.draw.into_iter().for_each(|draw| view.show_as(draw));
        view.log_scale = self.log_scale.unwrap_or(view.log_scale);
        view.hide_idle = self.hide_idle;
        view.thresholds.clone_from(&self.limits);
        // What the command line says counts more.
        for (name, value) in &self.settings {
            if !view.request.settings.iter().any(|(known, _)| known == name) {
                view.request.settings.push((name.clone(), value.clone()));
            }
        }
    }
}

impl App {
    /// What there is to keep.
    pub fn layout(&self) -> Layout {
        let panes = self.panes.iter().map(|&at| self.views[at].name.clone()).collect();
        let kept = &self.options.layout;
        let views = self.views.iter().map(|view| (view.name.clone(), ViewLayout::of(view, kept.log_scale)));
        Layout {
            panes,
            log_scale: kept.log_scale,
            dashboards: kept.dashboards.clone(),
            favourites: self.favourites.clone(),
            views: views.collect(),
        }
    }

    /// Shows views as they were kept; views that are not open get theirs when they are.
    pub fn apply_layout(&mut self, layout: Layout) {
        self.favourites.clone_from(&layout.favourites);
        self.options.layout = layout;
        (0..self.views.len()).for_each(|at| self.recall_layout(at));
    }

    /// A view that was just opened looks as it was kept, and knows what was typed for it.
    pub(super) fn recall_layout(&mut self, at: usize) {
        let view = &mut self.views[at];
        view.log_scale = self.options.layout.log_scale;
        if let Some(kept) = self.options.layout.views.get(&view.name) {
            kept.apply(view);
        }
        if let Some(typed) = self.options.memory.filters.get(&view.name) {
            view.typed.clone_from(typed);
        }
    }

    pub(super) fn save_layout(&mut self) {
        let layout = self.layout();
        self.options.layout.panes.clone_from(&layout.panes);
        self.options.layout.views.extend(layout.views.clone());
        let changed = |name: &str| self.changed.contains(name);
        let kept = Kept {
            layout,
            interval: changed("interval").then_some(self.interval),
            theme: changed("theme").then(|| self.theme_name.clone()),
            scroll: changed("scroll").then_some(self.scroll),
            raw: changed("raw").then_some(self.look.raw),
        };
        self.effects.push(super::message::Effect::Keep(Box::new(kept)));
        self.say("keeping it");
    }

    /// What a later run may know of this one.
    pub fn memory(&self) -> Memory {
        let mut filters = self.options.memory.filters.clone();
        let typed = self.views.iter().filter(|view| !view.typed.is_empty());
        filters.extend(typed.map(|view| (view.name.clone(), view.typed.clone())));
        let (recent, uses, said) = (self.recent.clone(), self.uses.clone(), self.said.clone());
        Memory { recent, uses, said, filters }.bounded()
    }

    /// Opens a dashboard of the configuration.
    ///
    /// # Errors
    /// Which there are.
    pub fn open_dashboard(&mut self, name: &str) -> Result<String, String> {
        let Some(panes) = self.options.layout.dashboards.get(name).cloned() else {
            let names: Vec<&str> = self.options.layout.dashboards.keys().map(String::as_str).collect();
            return Err(match names.is_empty() {
                true => "there are no dashboards in the configuration".to_owned(),
                false => format!("dashboards are {}", names.join(", ")),
            });
        };
        self.panes = panes.iter().map(|view| self.tab_of(view)).collect();
        self.focus = 0;
        self.show(Screen::Dashboard);
        Ok(String::new())
    }
}
