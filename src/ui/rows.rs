//! Which rows and columns of a view are shown, in which order.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use crate::frame::filter::Filter;
use crate::frame::group::group;
use crate::frame::ids::ById;
use crate::frame::threshold::Level;
use crate::frame::{Agg, Frame, Kind, Mode, Schema, Table, order};

use super::view::{Row, View};

/// Grouped frames that are kept: as many as a trend is long.
const GROUPED: usize = 32;

/// A frame with its rows put together by the column called `by`, if it has one.
pub fn grouped_by(frame: &Frame, by: &str) -> Frame {
    match frame.table.schema.index(by) {
        Some(column) => group(frame, column),
        None => frame.clone(),
    }
}

impl View {
    /// The columns on the screen, in their order: those the user chose, else those of the view.
    pub fn columns(&self, schema: &Schema, sort: Option<usize>) -> Vec<usize> {
        let mut columns = self.columns_in_order(schema, sort);
        // What rows were put together by names them: it comes first, and is always there.
        if let Some(by) = self.group.as_ref().and_then(|name| schema.index(name)) {
            columns.retain(|&column| column != by);
            columns.insert(0, by);
        }
        columns
    }

    fn columns_in_order(&self, schema: &Schema, sort: Option<usize>) -> Vec<usize> {
        let own = || (0..schema.columns.len()).filter(|&c| schema.columns[c].visible || Some(c) == sort).collect();
        let Some(chosen) = &self.chosen else { return own() };
        let known = chosen.iter().filter_map(|name| schema.index(name));
        // A grouping takes the columns away that its rows do not have.
        let has = |&c: &usize| self.group.is_none() || schema.columns[c].visible || schema.columns[c].agg != Agg::Last;
        let mut columns: Vec<usize> = known.filter(has).collect();
        columns.extend(sort.filter(|c| !columns.contains(c)));
        if columns.is_empty() { own() } else { columns }
    }

    /// Frame `at` of the history as it is shown, its rows put together if the user wants that.
    pub(super) fn frame_shown(&self, at: usize) -> Option<Arc<Frame>> {
        if self.holds_events(at) {
            return self.events_shown(at);
        }
        let Some(by) = &self.group else { return self.history.shown(at, self.mode) };
        if self.mode == Mode::Interval {
            return self.interval(at);
        }
        Some(Arc::new(grouped_by(&*self.history.shown(at, self.mode)?, by)))
    }

    /// Interval frame `at` with its rows put together.
    pub(super) fn interval(&self, at: usize) -> Option<Arc<Frame>> {
        let Some(by) = self.group.as_ref().filter(|_| !self.holds_events(at)) else {
            return self.history.get(at).cloned();
        };
        let known = self.grouped.get(&self.history.number(at)).cloned();
        known.or_else(|| Some(Arc::new(grouped_by(self.history.get(at)?, by))))
    }

    /// Puts the rows of the frames before `at` together, as far as that is not done: one frame for each tick.
    pub(super) fn sync_groups(&mut self, at: usize) {
        if self.holds_events(at) {
            return self.sync_counts(at);
        }
        let Some(by) = self.group.as_ref() else { return self.grouped.clear() };
        let wanted = at.saturating_sub(GROUPED - 1)..=at;
        let numbers = self.history.number(*wanted.start())..=self.history.number(*wanted.end());
        self.grouped.retain(|number, _| numbers.contains(number));
        for at in wanted {
            if let Some(frame) = self.history.get(at) {
                self.grouped.entry(self.history.number(at)).or_insert_with(|| Arc::new(grouped_by(frame, by)));
            }
        }
    }

    pub(super) fn rows(&mut self, frame: &Frame, at: Option<usize>, now: Instant) -> Vec<Row> {
        let table = &frame.table;
        // The one row of counters is always there.
        let one = frame.kind == Kind::Counters;
        let (filter, bad) = if one { Default::default() } else { Filter::parse(&self.filter, &table.schema) };
        self.bad = bad;
        let busy = |row: usize| {
            let mut sums = table.schema.columns.iter().enumerate().filter(|(_, column)| column.agg == Agg::Sum);
            // An event is never idle.
            self.is_log() || sums.any(|(column, _)| table.cell(row, column).as_f64().is_some_and(|n| n != 0.0))
        };
        let wanted =
            |row: usize| (filter.is_empty() || filter.matches(table, row)) && (!self.hide_idle || one || busy(row));
        let mut order: Vec<u32> = (0..table.len()).filter(|&row| wanted(row)).map(|row| row as u32).collect();
        if let Some((column, descending)) = self.sort_by(table) {
            order::sort_rows(table, &mut order, column, descending);
        }
        let known = self.ids_before(at);
        let live = at.is_none_or(|at| at + 1 == self.history.len());
        let row = |at: u32| {
            let id = table.ids()[at as usize];
            let fresh = known.as_ref().is_some_and(|known| !known.contains(&id));
            let level = if live {
                self.watch.levels.get(&id).copied().unwrap_or_default()
            } else {
                self.level(table, at as usize)
            };
            Row { at, fresh, id, level, pinned: self.pinned.contains(&id), gone: false }
        };
        let mut rows: Vec<Row> = order.into_iter().map(row).collect();
        if self.holds(now)
            && let Some(shown) = &self.shown
        {
            let places: HashMap<u64, usize, ById> =
                shown.rows.iter().enumerate().map(|(place, row)| (row.id, place)).collect();
            rows.sort_by_key(|row| places.get(&row.id).copied().unwrap_or(usize::MAX));
        }
        if !self.pinned.is_empty() {
            rows.sort_by_key(|row| !row.pinned);
        }
        rows
    }

    /// How far over its limits a row is; of the past it is not known for how long it was.
    fn level(&self, table: &Table, row: usize) -> Level {
        let levels = self.thresholds.iter().filter_map(|limit| {
            let column = table.schema.index(&limit.column)?;
            table.cell(row, column).as_f64().map(|value| limit.level(value))
        });
        levels.max().unwrap_or_default()
    }

    /// Identities of the frame before, where "new" means something.
    fn ids_before(&self, at: Option<usize>) -> Option<HashSet<u64, ById>> {
        let at = at.filter(|&at| {
            at > 0 && !self.holds_events(at) && self.mode != Mode::SinceStart && !self.history.gap_before(at)
        })?;
        let before = self.interval(at - 1)?;
        (!before.table.schema.key.is_empty()).then(|| before.table.ids().iter().copied().collect())
    }

    /// Collects the values of `column` over the `frames` frames up to the one shown, for the rows on the
    /// screen. With `sweep` a frame keeps its place, and the newest one overwrites the oldest.
    pub fn collect_trends(&mut self, column: usize, frames: usize, height: usize, sweep: bool) {
        let mut trends = std::mem::take(&mut self.trends);
        trends.clear();
        let Some((shown, end)) = self.shown.as_ref().and_then(|shown| shown.at.map(|end| (shown, end))) else { return };
        let Some(name) = shown.frame.table.schema.columns.get(column).map(|column| column.name.as_str()) else {
            return;
        };
        // A few rows are on the screen and many in each frame: most are told apart by one bit.
        let mut sieve = [0u64; 64];
        for row in shown.rows.iter().skip(self.top).take(height) {
            trends.insert(row.id, vec![0.0; frames]);
            sieve[row.id as usize >> 6 & 63] |= 1 << (row.id & 63);
        }
        // The cell behind the newest one stays empty where places are kept.
        let start = (end + 1).saturating_sub(frames - usize::from(sweep && frames > 1));
        for at in start..=end {
            let Some(frame) = self.interval(at) else { continue };
            let table = &frame.table;
            let Some(column) = table.schema.index(name) else { continue };
            let slot = if sweep { (self.history.number(at) % frames as u64) as usize } else { frames - 1 - (end - at) };
            let maybe = |id: u64| sieve[id as usize >> 6 & 63] >> (id & 63) & 1 == 1;
            for (row, id) in table.ids().iter().enumerate().filter(|&(_, &id)| maybe(id)) {
                if let Some(values) = trends.get_mut(id) {
                    values[slot] = table.cell(row, column).as_f64().unwrap_or(0.0);
                }
            }
        }
        self.trends = trends;
    }
}
