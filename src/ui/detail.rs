//! All about one row: which one, what is known of its process, where to go from there.

use crate::frame::{Kind, SettingValue};
use crate::views::ViewDecl;

use super::ProcessFacts;
use super::app::{App, Screen};
use super::overlay::Overlay;

/// The open detail page.
#[derive(Debug)]
pub struct Detail {
    /// Identity of the row.
    pub id: u64,
    /// Its process.
    pub pid: Option<u32>,
    /// What is known of the process; `None`: asked for.
    pub facts: Option<Option<Box<ProcessFacts>>>,
    /// Other views that tell processes apart.
    pub jumps: Vec<String>,
    /// The jump with the cursor.
    pub at: usize,
    /// Lines scrolled away.
    pub top: usize,
}

impl Detail {
    /// The page of the row `id` of the current view.
    pub fn new(app: &App, id: u64, pid: Option<u32>) -> Detail {
        let jumps = if pid.is_some() { jumps(app) } else { Vec::new() };
        Detail { id, pid, facts: None, jumps, at: 0, top: 0 }
    }
}

/// Where there is something to be seen of one process. Every program can be told to look at one only; a table without
/// processes in it is about something else.
fn jumps(app: &App) -> Vec<String> {
    let current = app.view().map(|view| view.name.as_str());
    let views = crate::ui::registry().views().iter().map(|view| &view.decl);
    let by_pid = |decl: &&ViewDecl| decl.columns.iter().any(|column| column == "pid");
    // A recording is filtered by what is shown only.
    let can = |decl: &&ViewDecl| by_pid(decl) || decl.kind != Kind::Table && app.replay.is_none();
    let others = views.filter(|decl| Some(decl.name.as_str()) != current && !app.unavailable.contains_key(&decl.name));
    let mut others: Vec<&ViewDecl> = others.filter(can).collect();
    // What it does all the time before what it does now and then.
    others.sort_by_key(|decl| match decl.kind {
        Kind::Table => 0,
        Kind::Histogram => 1,
        Kind::Counters => 2,
        Kind::Events => 3,
    });
    others.into_iter().map(|decl| decl.name.clone()).collect()
}

/// Where a jump came from, and what the view that it went to was like.
#[derive(Debug)]
pub(super) struct Drilled {
    from: Screen,
    to: usize,
    filter: String,
    settings: Vec<(String, SettingValue)>,
}

/// Jumps that can be taken back.
const DRILLED: usize = 50;

impl App {
    /// Opens a view of one process only.
    pub(super) fn drill(&mut self, to: &str, pid: u32) {
        let at = self.tab_of(to);
        let view = &mut self.views[at];
        let mut settings = view.request.settings.clone();
        let before = Drilled { from: self.screen, to: at, filter: view.filter.clone(), settings: settings.clone() };
        if self.replay.is_some() {
            view.filter = format!("pid={pid}");
        } else {
            settings.retain(|(name, _)| !matches!(name.as_str(), "pid" | "comm" | "cgroup"));
            settings.push(("pid".to_owned(), SettingValue::Int(i64::from(pid))));
            self.capture(at, settings);
        }
        self.drilled.push(before);
        let extra = self.drilled.len().saturating_sub(DRILLED);
        self.drilled.drain(..extra);
        self.show(Screen::View(at));
        let back = self.key_here("Backspace");
        self.say(format!("{to} of process {pid} only; {back} goes back"));
    }

    /// Back to where a jump came from.
    pub(super) fn drill_up(&mut self) {
        let Some(before) = self.drilled.pop() else { return self.say("nothing to go back to") };
        if let Some(view) = self.views.get_mut(before.to) {
            view.filter = before.filter;
            if view.request.settings != before.settings {
                self.capture(before.to, before.settings);
            }
        }
        self.refresh();
        self.show(before.from);
    }
}

impl App {
    pub(super) fn facts(&mut self, pid: u32, facts: Option<Box<ProcessFacts>>) {
        let details = self.overlays.iter_mut().filter_map(|overlay| match overlay {
            Overlay::Detail(detail) if detail.pid == Some(pid) => Some(detail),
            _ => None,
        });
        for detail in details {
            detail.facts = Some(facts.clone());
            self.dirty = true;
        }
    }
}
