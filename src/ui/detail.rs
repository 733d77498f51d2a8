//! All about one row: which one, what is known of its process, where to go from there.

use crate::frame::Kind;

use super::ProcessFacts;
use super::app::App;
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
        let current = app.view().map(|view| view.name.as_str());
        let views = crate::ui::registry().views().iter().map(|view| &view.decl);
        // A process that is there starts and ends in no view of events.
        let by_pid =
            views.filter(|decl| decl.kind != Kind::Events && decl.columns.iter().any(|column| column == "pid"));
        let others = by_pid.filter(|decl| Some(decl.name.as_str()) != current).map(|decl| decl.name.clone());
        let jumps = if pid.is_some() { others.collect() } else { Vec::new() };
        Detail { id, pid, facts: None, jumps, at: 0, top: 0 }
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
