//! Frames over time: per second, and since the start.

use std::collections::HashMap;

use super::ids::ById;
use super::{Agg, Cost, Frame, Kind, Mode, Table, Value};

/// Most keys that "since start" keeps; beyond it, rows are counted in `lost.map_full`. On a host that starts hundreds of
/// processes a second there is a new one in each interval, for as long as it is watched.
const MAX_KEYS: usize = 16_384;

/// This frame with additive columns divided by the real length of the interval. Maxima,
/// distributions and formulas stay as they are.
pub fn per_second(frame: &Frame) -> Frame {
    let mut out = frame.clone();
    // Recorded per second or since the start: there is nothing to divide any more. An event is not divided at all.
    if frame.interval.mode != Mode::Interval || frame.kind == Kind::Events {
        return out;
    }
    out.interval.mode = Mode::PerSecond;
    spread(&mut out);
    out
}

/// Divides the additive columns by the real length of the interval.
pub fn spread(frame: &mut Frame) {
    let seconds = frame.interval.real_ns as f64 / 1e9;
    if seconds <= 0.0 {
        return;
    }
    let schema = frame.table.schema.clone();
    let additive = |(index, column): (usize, &super::Column)| (column.agg == Agg::Sum).then_some(index);
    let columns: Vec<usize> = schema.columns.iter().enumerate().filter_map(additive).collect();
    for row in 0..frame.table.len() {
        let cells = frame.table.row_mut(row);
        for &column in &columns {
            if let Some(n) = cells[column].as_f64() {
                cells[column] = Value::Float(n / seconds);
            }
        }
    }
}

/// Adds interval frames of one view up to a "since start" frame.
#[derive(Clone, Debug, Default)]
pub struct Accumulator {
    total: Option<Frame>,
    /// Row of the total by identity.
    rows: HashMap<u64, u32, ById>,
}

impl Accumulator {
    /// Adds an interval frame. A frame with other columns (the view was reloaded) starts anew.
    pub fn push(&mut self, frame: &Frame) {
        // Events do not add up: what was told once is not told again.
        if frame.kind == Kind::Events {
            return *self = Accumulator::default();
        }
        // Recorded per second or since the start: that does not add up.
        if frame.interval.mode != Mode::Interval {
            self.rows.clear();
            self.total = Some(frame.clone());
            return;
        }
        let same = |total: &Frame| total.table.schema == frame.table.schema && total.settings == frame.settings;
        if !self.total.as_ref().is_some_and(same) {
            self.rows.clear();
            self.total = Some(Frame { lost: Default::default(), ..frame.clone_head() });
            if let Some(total) = &mut self.total {
                total.interval.real_ns = 0;
                total.interval.mode = Mode::SinceStart;
            }
        }
        let Some(total) = &mut self.total else { return };
        total.status = frame.status.clone();
        total.hooks = frame.hooks.clone();
        total.time = frame.time;
        total.interval.index = frame.interval.index;
        total.interval.asked_ns = frame.interval.asked_ns;
        total.interval.real_ns = total.interval.real_ns.saturating_add(frame.interval.real_ns);
        total.lost.add(&frame.lost);
        let sampled = total.cost.sampled.max(frame.cost.sampled);
        total.cost = Cost { sampled, ..frame.cost.clone() };
        for row in 0..frame.table.len() {
            let id = frame.table.ids()[row];
            match self.rows.get(&id) {
                Some(&mine) => merge_row(total, mine as usize, frame, row),
                None if total.table.len() >= MAX_KEYS => total.lost.map_full = total.lost.map_full.saturating_add(1),
                None => {
                    self.rows.insert(id, total.table.len() as u32);
                    total.table.push_from(&frame.table, row);
                    total.histograms.extend(frame.histograms.get(row).cloned());
                }
            }
        }
        total.table.derive();
    }

    /// The totals so far; `None` before the first frame.
    pub fn total(&self) -> Option<&Frame> {
        self.total.as_ref()
    }
}

fn merge_row(total: &mut Frame, mine: usize, frame: &Frame, row: usize) {
    merge_cells(&mut total.table, mine, &frame.table, row);
    if let (Some(hist), Some(other)) = (total.histograms.get_mut(mine), frame.histograms.get(row)) {
        hist.merge(other);
    }
}

/// Adds the cells of `row` of `other` into row `mine` of `table` by each column's [`Agg`]. Both have
/// the same columns.
pub(super) fn merge_cells(table: &mut Table, mine: usize, other: &Table, row: usize) {
    for (index, column) in other.schema.columns.iter().enumerate() {
        let theirs = other.cell(row, index);
        let ours = table.cell(mine, index);
        let merged = match column.agg {
            Agg::Sum => ours.plus(theirs),
            Agg::Max => larger(ours, theirs),
            Agg::Last => newest(table, ours, other, theirs),
            Agg::Key | Agg::Formula(_) => continue,
        };
        if merged != ours {
            table.row_mut(mine)[index] = merged;
        }
    }
}

/// The larger of two cells of a maximum column; null is "not measured" and loses.
pub fn larger(a: Value, b: Value) -> Value {
    match (a.as_f64(), b.as_f64()) {
        (Some(x), Some(y)) if x >= y => a,
        (Some(_), None) => a,
        _ => b,
    }
}

/// Text is only interned again when it changed, so that the arena does not grow for ever.
fn newest(table: &mut Table, ours: Value, other: &Table, theirs: Value) -> Value {
    match theirs {
        Value::Null => ours,
        Value::Text(span) => match ours {
            Value::Text(old) if table.text(old) == other.text(span) => ours,
            _ => table.intern(other.text(span)),
        },
        number => number,
    }
}
