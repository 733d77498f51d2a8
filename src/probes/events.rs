//! Single events: from a ring to the rows of an interval, within a limit.

use super::decode::{Resolve, push_event};
use super::layout::Layout;
use super::ring::Ring;
use crate::frame::order::sort_rows;
use crate::frame::{SettingValue, Table, Value};
use crate::views::settings::number_given;

/// Events kept of an interval unless the setting [`LIMIT`] says otherwise.
const MAX_EVENTS: usize = 20_000;
/// Memory for the events of an interval, bytes: many long command lines stay within it too.
const MAX_BYTES: usize = 24 << 20;
/// The setting of every view of events: see `events.h`.
const LIMIT: &str = "max_events";

/// A ring and what was read from it in this interval.
pub struct Events {
    ring: Ring,
    table: Table,
    limit: usize,
    over: u64,
    /// Where the fill was highest in this interval, bytes.
    fill: u64,
}

impl Events {
    /// Nothing is read yet.
    pub fn new(ring: Ring, layout: &Layout, settings: &[(String, SettingValue)]) -> Events {
        let limit = number_given(settings, LIMIT).and_then(|n| usize::try_from(n).ok()).unwrap_or(MAX_EVENTS);
        Events { ring, table: Table::new(layout.schema.clone()), limit, over: 0, fill: 0 }
    }

    /// Empties the ring. `wall_offset` is what the wall clock is ahead of `CLOCK_MONOTONIC`, ns.
    pub fn drain(&mut self, layout: &Layout, wall_offset: u64, names: &mut dyn Resolve) {
        self.fill = self.fill.max(self.ring.fill().0);
        let (table, over, limit) = (&mut self.table, &mut self.over, self.limit);
        self.ring.consume(|record| {
            if table.len() < limit && table.held_bytes() < MAX_BYTES {
                push_event(layout, record, wall_offset, table, names);
            } else {
                *over += 1;
            }
        });
    }

    /// The events of an interval that has ended, oldest first, and how many of it were not kept.
    pub fn take(&mut self) -> (Table, u64) {
        let empty = Table::new(self.table.schema.clone());
        let table = std::mem::replace(&mut self.table, empty);
        (in_order(table), std::mem::take(&mut self.over))
    }

    /// The highest fill of the ring in this interval and its size, bytes.
    pub fn fill(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.fill), self.ring.fill().1)
    }
}

/// A CPU may be overtaken between taking the time of an event and reserving its room.
fn in_order(table: Table) -> Table {
    let Some((column, _)) = table.schema.sort else { return table };
    let time = |row: usize| match table.cell(row, column) {
        Value::Uint(time) => time,
        _ => 0,
    };
    if (1..table.len()).all(|row| time(row - 1) <= time(row)) {
        return table;
    }
    let mut rows: Vec<u32> = (0..table.len() as u32).collect();
    sort_rows(&table, &mut rows, column, false);
    table.select(&rows)
}
