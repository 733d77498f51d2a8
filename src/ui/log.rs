//! Single events on the screen: a log of what is held, or its events counted.

use std::sync::Arc;

use crate::frame::filter::Filter;
use crate::frame::{Frame, Kind, Table, events};

use super::view::{Rendering, View};

/// Rows of a log that the user can go back through; a filter is applied before they are picked.
pub const LOG_ROWS: usize = 1000;

impl View {
    /// Whether it is drawn as a log, which has its own order and follows the newest event.
    pub fn is_log(&self) -> bool {
        self.rendering() == Rendering::Log
    }

    /// Whether frame `at` of the history holds single events.
    pub(super) fn holds_events(&self, at: usize) -> bool {
        self.history.get(at).is_some_and(|frame| frame.kind == Kind::Events)
    }

    /// The events held up to frame `at`: the newest as a log, or all of them counted.
    pub(super) fn events_shown(&self, at: usize) -> Option<Arc<Frame>> {
        let newest = self.history.get(at)?;
        if matches!(newest.status, crate::frame::Status::Unavailable(_)) {
            return Some(newest.clone());
        }
        let schema = &newest.table.schema;
        let frames = || self.history.iter().take(at + 1).rev();
        let allowed = Rendering::of(Kind::Events, self.latency().is_some());
        if allowed[self.rendering % allowed.len()] == Rendering::Table {
            let asked = self.group.as_ref().and_then(|name| schema.index(name));
            let by = asked.or_else(|| events::default_by(schema))?;
            // What the filter names may be a column that is counted away, or the count.
            return events::count_by(frames(), by, |_, _| true).map(Arc::new);
        }
        let (filter, _) = Filter::parse(&self.filter, schema);
        let wanted = |table: &Table, row: usize| filter.is_empty() || filter.matches(table, row);
        events::log(frames(), LOG_ROWS, wanted).map(Arc::new)
    }

    /// Events held up to what is shown.
    pub fn events_held(&self) -> usize {
        let end = self.shown.as_ref().and_then(|shown| shown.at).map_or(0, |at| at + 1);
        self.history.iter().take(end).map(|frame| frame.table.len()).sum()
    }
}
