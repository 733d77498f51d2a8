//! What `W` keeps: panes, and how each view is shown. Where it is kept is not decided here.

use std::collections::HashMap;

use super::app::App;
use super::view::View;

/// How one view is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct ViewLayout {
    /// Sort column; with `-` descending.
    pub sort: Option<String>,
    /// Columns, in order.
    pub columns: Option<Vec<String>>,
    /// Widths of columns.
    pub widths: HashMap<String, u16>,
    /// Column that rows are put together by.
    pub group: Option<String>,
}

/// The dashboard and the views.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Layout {
    /// Views of the dashboard, in the order of the panes.
    pub panes: Vec<String>,
    /// Views that the picker offers first.
    pub favourites: Vec<String>,
    /// Views by name.
    pub views: HashMap<String, ViewLayout>,
}

impl ViewLayout {
    fn of(view: &View) -> ViewLayout {
        let sort = view.sort.as_ref().map(|(name, desc)| format!("{}{name}", if *desc { "-" } else { "" }));
        ViewLayout { sort, columns: view.chosen.clone(), widths: view.widths.clone(), group: view.group.clone() }
    }

    fn apply(&self, view: &mut View) {
        view.sort = self.sort.as_ref().map(|sort| match sort.strip_prefix('-') {
            Some(name) => (name.to_owned(), true),
            None => (sort.clone(), false),
        });
        view.chosen.clone_from(&self.columns);
        view.widths.clone_from(&self.widths);
        view.group.clone_from(&self.group);
    }
}

impl App {
    /// What there is to keep.
    pub fn layout(&self) -> Layout {
        let panes = self.panes.iter().map(|&at| self.views[at].name.clone()).collect();
        let views = self.views.iter().map(|view| (view.name.clone(), ViewLayout::of(view)));
        // What is as the view declares it needs no word.
        Layout {
            panes,
            favourites: self.favourites.clone(),
            views: views.filter(|(_, view)| *view != ViewLayout::default()).collect(),
        }
    }

    /// Shows views as they were kept; views that are not open get theirs when they are.
    pub fn apply_layout(&mut self, layout: Layout) {
        for view in &mut self.views {
            if let Some(kept) = layout.views.get(&view.name) {
                kept.apply(view);
            }
        }
        self.favourites.clone_from(&layout.favourites);
        self.kept = layout;
    }

    /// A view that was just opened looks as it was kept.
    pub(super) fn recall_layout(&mut self, at: usize) {
        if let Some(kept) = self.kept.views.get(&self.views[at].name) {
            kept.apply(&mut self.views[at]);
        }
    }

    pub(super) fn save_layout(&mut self) {
        let layout = self.layout();
        self.kept.clone_from(&layout);
        self.effects.push(super::message::Effect::Keep(layout));
        self.say("panes, columns and order are kept for this run");
    }
}
