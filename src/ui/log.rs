//! Single events on the screen: a log of what is held, or its events counted.

use std::sync::Arc;

use crate::frame::filter::Filter;
use crate::frame::{Frame, Kind, Schema, Table, events};

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
        if let Some(by) = self.counted_by(schema) {
            // What the filter names may be a column that is counted away, or the count.
            let counted = (0..=at).rev().take_while(|&at| self.same_events(at, schema));
            let counted = counted.map_while(|at| self.counted(at, by));
            let counted: Vec<Arc<Frame>> = counted.collect();
            return events::add_up(counted.iter()).map(Arc::new);
        }
        let (filter, _) = Filter::parse(&self.filter, schema);
        let wanted = |table: &Table, row: usize| filter.is_empty() || filter.matches(table, row);
        events::log(frames(), LOG_ROWS, wanted).map(Arc::new)
    }

    /// The column that events are counted by, where they are.
    fn counted_by(&self, schema: &Schema) -> Option<usize> {
        let allowed = Rendering::of(Kind::Events, self.latency().is_some());
        if allowed[self.rendering % allowed.len()] != Rendering::Table {
            return None;
        }
        let asked = self.group.as_ref().and_then(|name| schema.index(name));
        asked.or_else(|| events::default_by(schema))
    }

    /// Whether frame `at` has these columns: before a reload it may have had others.
    fn same_events(&self, at: usize, schema: &Arc<Schema>) -> bool {
        let same = |frame: &Arc<Frame>| Arc::ptr_eq(&frame.table.schema, schema) || frame.table.schema == *schema;
        self.history.get(at).is_some_and(same)
    }

    /// The events of frame `at`, counted.
    fn counted(&self, at: usize, by: usize) -> Option<Arc<Frame>> {
        let known = self.grouped.get(&self.history.number(at)).cloned();
        known.or_else(|| events::count_by(self.history.get(at).into_iter(), by, |_, _| true).map(Arc::new))
    }

    /// Counts the events of the frames up to `at`, as far as that is not done: with a tick those of one frame.
    pub(super) fn sync_counts(&mut self, at: usize) {
        let schema = self.history.get(at).map(|frame| frame.table.schema.clone()).unwrap_or_default();
        let Some(by) = self.counted_by(&schema) else { return self.grouped.clear() };
        let name = &schema.columns[by].name;
        let held = self.history.number(0)..=self.history.number(self.history.len().saturating_sub(1));
        let counted = |frame: &Frame| frame.kind == Kind::Events && frame.table.schema.columns[0].name == *name;
        self.grouped.retain(|number, frame| held.contains(number) && counted(frame));
        for at in (0..=at).rev().take_while(|&at| self.same_events(at, &schema)).collect::<Vec<_>>() {
            let number = self.history.number(at);
            if !self.grouped.contains_key(&number)
                && let Some(frame) = self.counted(at, by)
            {
                self.grouped.insert(number, frame);
            }
        }
    }

    /// Events held up to what is shown.
    pub fn events_held(&self) -> usize {
        let end = self.shown.as_ref().and_then(|shown| shown.at).map_or(0, |at| at + 1);
        self.history.iter().take(end).map(|frame| frame.table.len()).sum()
    }
}
