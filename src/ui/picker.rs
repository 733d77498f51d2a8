//! The list of all views, searched as it is typed.

use crossterm::event::KeyEvent;
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input;

use crate::frame::Hook;
use crate::views::ViewDecl;

use super::app::{App, Screen};
use super::message::Effect;
use super::overlay::{Overlay, edit};

/// The open picker.
#[derive(Debug)]
pub struct Picker {
    /// What is typed.
    pub input: Input,
    /// Views that match, best first; with nothing typed by group.
    pub found: Vec<&'static ViewDecl>,
    /// The line with the cursor.
    pub at: usize,
    /// How many of them, first, are those opened last.
    pub recent: usize,
    /// What is chosen becomes a pane.
    pub add: bool,
}

/// Views opened last that are offered first.
const RECENT: usize = 5;

/// Why a view is found, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Exact,
    Prefix,
    Alias,
    Name(std::cmp::Reverse<u32>),
    Words(std::cmp::Reverse<u32>),
}

impl Picker {
    /// All views, the cursor on the current one.
    pub fn new(app: &App, add: bool) -> Picker {
        let mut picker = Picker { input: Input::default(), found: Vec::new(), at: 0, recent: 0, add };
        picker.search(app);
        let current = app.view().map(|view| view.name.as_str());
        picker.at = picker.found.iter().rposition(|decl| Some(decl.name.as_str()) == current).unwrap_or(0);
        picker
    }

    /// The name of the view under the cursor.
    fn name(&self) -> Option<String> {
        self.found.get(self.at).map(|decl| decl.name.clone())
    }

    /// Finds what matches the text typed.
    pub fn search(&mut self, app: &App) {
        let query = self.input.value().trim();
        let views = crate::ui::registry().views().iter().map(|view| &view.decl);
        self.at = 0;
        self.recent = 0;
        if query.is_empty() {
            // Favourites first, then what was opened last.
            let last = app.recent.iter().filter(|name| !app.favourites.contains(name)).take(RECENT);
            let names = app.favourites.iter().chain(last);
            self.found = names.filter_map(|name| crate::ui::registry().find(name)).map(|view| &view.decl).collect();
            self.recent = self.found.len();
            self.found.extend(views);
            return;
        }
        let pattern = Pattern::new(query, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut found: Vec<(Rank, &'static ViewDecl)> = views
            .filter_map(|decl| rank(decl, query, &pattern, &mut matcher).map(|rank| (rank, decl)))
            // A view that cannot run is only in the way, unless it is asked for by name.
            .filter(|(rank, decl)| *rank == Rank::Exact || !app.unavailable.contains_key(&decl.name))
            .collect();
        // Ties by use, then in the order of the menu.
        let uses = |decl: &ViewDecl| std::cmp::Reverse(app.uses.get(&decl.name).copied().unwrap_or(0));
        found.sort_by_key(|(rank, decl)| (*rank, uses(decl)));
        self.found = found.into_iter().map(|(_, decl)| decl).collect();
    }
}

fn rank(decl: &ViewDecl, query: &str, pattern: &Pattern, matcher: &mut Matcher) -> Option<Rank> {
    let query = query.to_ascii_lowercase();
    if decl.name == query {
        return Some(Rank::Exact);
    }
    if decl.name.starts_with(&query) {
        return Some(Rank::Prefix);
    }
    if decl.aliases.iter().any(|alias| alias.starts_with(&query)) {
        return Some(Rank::Alias);
    }
    let mut chars = Vec::new();
    let mut score = |text: &str| pattern.score(Utf32Str::new(text, &mut chars), matcher).map(std::cmp::Reverse);
    score(&decl.name).map(Rank::Name).or_else(|| score(&decl.title).or_else(|| score(&decl.question)).map(Rank::Words))
}

impl App {
    /// Opens the list of views; with `add` what is chosen becomes a pane.
    pub(super) fn open_picker(&mut self, add: bool) {
        self.effects.push(Effect::Availability);
        let picker = Picker::new(self, add);
        self.want_hooks(picker.name());
        self.overlays.push(Overlay::Picker(picker));
    }

    /// Looks up, once, what a view may be attached to.
    pub(super) fn want_hooks(&mut self, view: Option<String>) {
        if let Some(view) = view.filter(|view| !self.hooks.contains_key(view)) {
            self.hooks.insert(view.clone(), Vec::new());
            self.effects.push(Effect::Hooks(view));
        }
    }

    pub(super) fn know_hooks(&mut self, view: String, hooks: Vec<Hook>) {
        self.hooks.insert(view, hooks);
        self.dirty = true;
    }

    pub(super) fn picker_key(&mut self, mut picker: Picker, name: &str, key: &KeyEvent) {
        let last = picker.found.len().saturating_sub(1);
        match name {
            "Esc" => return,
            "Enter" | "Tab" => {
                let Some(decl) = picker.found.get(picker.at) else {
                    return self.keep(Overlay::Picker(picker), "no view matches");
                };
                self.recent.retain(|name| *name != decl.name);
                self.recent.insert(0, decl.name.clone());
                *self.uses.entry(decl.name.clone()).or_default() += 1;
                if picker.add || name == "Tab" {
                    return self.add_pane(&decl.name);
                }
                let at = self.tab_of(&decl.name);
                return self.show(Screen::View(at));
            }
            // No name of a view has this sign in it.
            "*" => {
                if let Some(decl) = picker.found.get(picker.at) {
                    let known = self.favourites.iter().position(|name| *name == decl.name);
                    match known {
                        Some(at) => drop(self.favourites.remove(at)),
                        None => self.favourites.push(decl.name.clone()),
                    }
                    let here = decl.name.clone();
                    picker.search(self);
                    picker.at = picker.found.iter().position(|decl| decl.name == here).unwrap_or(0);
                }
            }
            "Down" => picker.at = (picker.at + 1).min(last),
            "Up" => picker.at = picker.at.saturating_sub(1),
            "PgDn" => picker.at = (picker.at + 10).min(last),
            "PgUp" => picker.at = picker.at.saturating_sub(10),
            _ => {
                edit(&mut picker.input, key);
                picker.search(self);
            }
        }
        self.want_hooks(picker.name());
        self.overlays.push(Overlay::Picker(picker));
    }
}
