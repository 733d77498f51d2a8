//! Single events over several frames: as one log, and counted by what one column holds.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::iter::Peekable;
use std::sync::Arc;

use super::group::BY;
use super::ids::ById;
use super::{Agg, Align, Column, Frame, Schema, Table, Type, Unit, Value};

/// The newest `most` rows of `frames` (newest first) that `wanted` takes, oldest first, under the head of the first
/// frame. Frames with other columns, of before a reload, end the log.
pub fn log<'f>(
    frames: impl Iterator<Item = &'f Arc<Frame>>,
    most: usize,
    wanted: impl Fn(&Table, usize) -> bool,
) -> Option<Frame> {
    let mut frames = frames.peekable();
    let newest = *frames.peek()?;
    let schema = &newest.table.schema;
    let mut picked: Vec<(&Table, usize)> = Vec::new();
    for frame in frames.take_while(|frame| frame.table.schema == *schema) {
        let table = &frame.table;
        let rows = (0..table.len()).rev().filter(|&row| wanted(table, row)).map(|row| (table, row));
        picked.extend(rows.take(most - picked.len()));
        if picked.len() == most {
            break;
        }
    }
    let mut log = newest.clone_head();
    picked.iter().rev().for_each(|&(table, row)| log.table.push_from(table, row));
    Some(log)
}

/// Column that events are counted by unless the user says: the first of those that rows are put together by and that
/// does not name each event already.
pub fn default_by(schema: &Schema) -> Option<usize> {
    BY.iter().filter_map(|name| schema.index(name)).find(|column| schema.columns[*column].agg != Agg::Key)
}

/// The rows of `frames` (newest first) that `wanted` takes, counted by column `by`: its value, how many, and when last.
pub fn count_by<'f>(
    frames: impl Iterator<Item = &'f Arc<Frame>>,
    by: usize,
    wanted: impl Fn(&Table, usize) -> bool,
) -> Option<Frame> {
    let mut frames = frames.peekable();
    let schema = frames.peek()?.table.schema.clone();
    let clock = schema.index("clock");
    tally(frames, Arc::new(counted(&schema, by, clock)), [Some(by), None, clock], wanted)
}

/// What [`count_by`] made of several frames, newest first, put together: so a frame is counted once, not with every tick.
pub fn add_up<'f>(frames: impl Iterator<Item = &'f Arc<Frame>>) -> Option<Frame> {
    let mut frames = frames.peekable();
    let schema = frames.peek()?.table.schema.clone();
    let clock = (schema.columns.len() > 2).then_some(2);
    tally(frames, schema, [Some(0), Some(1), clock], |_, _| true)
}

/// Rows by what the first of `columns` holds: the sum of the second (without one, how many), the newest of the third.
fn tally<'f>(
    mut frames: Peekable<impl Iterator<Item = &'f Arc<Frame>>>,
    head: Arc<Schema>,
    columns: [Option<usize>; 3],
    wanted: impl Fn(&Table, usize) -> bool,
) -> Option<Frame> {
    let [by, count, clock] = columns;
    let newest = frames.peek()?.clone_head();
    let schema = newest.table.schema.clone();
    let mut out = Frame { table: Table::new(head), ..newest };
    let hasher = foldhash::quality::FixedState::with_seed(0);
    let mut places: HashMap<u64, usize, ById> = HashMap::default();
    for frame in frames.take_while(|frame| frame.table.schema == schema) {
        let table = &frame.table;
        for row in (0..table.len()).rev().filter(|&row| wanted(table, row)) {
            let id = match by.map_or(Value::Null, |by| table.cell(row, by)) {
                Value::Text(span) => hasher.hash_one(table.text(span)),
                Value::Null => 0,
                number => hasher.hash_one((1u8, number.as_i64())),
            };
            let place = *places.entry(id).or_insert_with(|| {
                // Newest first: the first one met is the last one of its kind.
                let cells = [by, None, clock].map(|column| copy(&mut out.table, table, row, column));
                let width = out.table.width();
                out.table.push_row().copy_from_slice(&cells[..width]);
                out.table.len() - 1
            });
            let more = count.map_or(Value::Uint(1), |count| table.cell(row, count));
            let cells = out.table.row_mut(place);
            cells[1] = cells[1].plus(more);
        }
    }
    Some(out)
}

fn copy(to: &mut Table, from: &Table, row: usize, column: Option<usize>) -> Value {
    match column.map(|column| from.cell(row, column)) {
        Some(Value::Text(span)) => to.intern(from.text(span)),
        Some(other) => other,
        None => Value::Uint(0),
    }
}

fn counted(schema: &Schema, by: usize, clock: Option<usize>) -> Schema {
    let key = Column { agg: Agg::Key, visible: true, ..schema.columns[by].clone() };
    let count = Column {
        name: "count".to_owned(),
        label: "COUNT".to_owned(),
        bcc: "COUNT".to_owned(),
        help: "events held".to_owned(),
        ty: Type::Int,
        unit: Some(Unit::Count),
        agg: Agg::Sum,
        min_width: 5,
        ideal_width: 8,
        align: Align::Right,
        priority: 1,
        visible: true,
        cut_middle: false,
        wide: false,
    };
    let last = clock.map(|clock| Column { label: "LAST".to_owned(), visible: true, ..schema.columns[clock].clone() });
    let columns = [key, count].into_iter().chain(last).collect();
    Schema { columns, key: vec![0], totals: vec![], sort: Some((1, true)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::exec_frame;

    fn held() -> Vec<Arc<Frame>> {
        (0..4).map(|index| Arc::new(exec_frame(index))).collect()
    }

    fn column(frame: &Frame, name: &str) -> Vec<String> {
        let column = frame.table.schema.index(name).unwrap();
        let text = |row| match frame.table.cell(row, column) {
            Value::Text(span) => String::from_utf8_lossy(frame.table.text(span)).into_owned(),
            number => number.as_u64().map(|n| n.to_string()).unwrap_or_default(),
        };
        (0..frame.table.len()).map(text).collect()
    }

    #[test]
    fn a_log_holds_the_newest_in_order() {
        let held = held();
        let all: usize = held.iter().map(|frame| frame.table.len()).sum();
        let whole = log(held.iter().rev(), 1000, |_, _| true).unwrap();
        assert_eq!(whole.table.len(), all);
        let times = column(&whole, "time_ns");
        assert!(times.is_sorted(), "{times:?}");
        let few = log(held.iter().rev(), 3, |_, _| true).unwrap();
        assert_eq!(column(&few, "time_ns"), times[all - 3..]);
        let comm = whole.table.schema.index("comm").unwrap();
        let own = log(held.iter().rev(), 2, |table, row| table.text_at(row, comm) == Some(b"make")).unwrap();
        assert_eq!(column(&own, "comm"), ["make", "make"], "filtered before the limit");
        assert!(log([].iter(), 3, |_, _| true).is_none());
    }

    #[test]
    fn counts_are_those_of_the_rows() {
        let held = held();
        let whole = log(held.iter().rev(), 1000, |_, _| true).unwrap();
        let by = default_by(&whole.table.schema).unwrap();
        assert_eq!(whole.table.schema.columns[by].name, "comm");
        let counted = count_by(held.iter().rev(), by, |_, _| true).unwrap();
        let all = column(&whole, "comm");
        for (name, count) in column(&counted, "comm").iter().zip(column(&counted, "count")) {
            assert_eq!(all.iter().filter(|comm| *comm == name).count().to_string(), count, "{name}");
        }
        let sum = counted.table.sum(1).as_u64().unwrap();
        assert_eq!(sum, all.len() as u64);
        assert_eq!(column(&counted, "clock").iter().max(), column(&whole, "clock").last());
    }

    #[test]
    fn frames_counted_one_by_one_add_up() {
        let held = held();
        let by = default_by(&held[0].table.schema).unwrap();
        let once = count_by(held.iter().rev(), by, |_, _| true).unwrap();
        let each = held.iter().map(|frame| Arc::new(count_by([frame].into_iter(), by, |_, _| true).unwrap()));
        let each: Vec<Arc<Frame>> = each.collect();
        let sum = add_up(each.iter().rev()).unwrap();
        let rows = |frame: &Frame| {
            let [comms, counts, clocks] = ["comm", "count", "clock"].map(|name| column(frame, name));
            let mut rows: Vec<_> = comms.into_iter().zip(counts.into_iter().zip(clocks)).collect();
            rows.sort();
            rows
        };
        assert_eq!(rows(&sum), rows(&once));
        assert_eq!((sum.time.mono_ns, sum.kind), (once.time.mono_ns, once.kind), "under the head of the newest");
    }
}
