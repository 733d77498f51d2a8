//! Rows put together by one column: each number by its own aggregation, so that the result is exact.

use std::sync::Arc;

use super::accumulate::merge_cells;
use super::ids::ById;
use super::{Agg, Frame, Histogram, Schema, Table, Value};

/// Columns that rows may be put together by, as far as a view has them.
pub const BY: [&str; 13] =
    ["pid", "comm", "container", "cgroup", "user", "uid", "cpu", "disk", "rw", "laddr", "raddr", "rport", "lport"];

/// The columns of `schema` that rows can be put together by: those that do not name each row already.
pub fn choices(schema: &Schema) -> Vec<usize> {
    let named = BY.iter().filter_map(|name| schema.index(name));
    named.filter(|column| schema.key.as_slice() != [*column]).collect()
}

/// `schema` with `by` as the only key. The other keys hold only what all rows of a group agree on.
fn regrouped(schema: &Schema, by: usize) -> Schema {
    let mut grouped = schema.clone();
    for (index, column) in grouped.columns.iter_mut().enumerate() {
        if index == by {
            (column.agg, column.visible) = (Agg::Key, true);
        } else if column.agg == Agg::Key {
            (column.agg, column.visible) = (Agg::Last, false);
        }
    }
    grouped.key = vec![by];
    grouped
}

/// The rows of `frame` put together by column `by`. Where the rows of a group do not agree on an
/// attribute it is unknown.
pub fn group(frame: &Frame, by: usize) -> Frame {
    let source = &frame.table;
    let schema = Arc::new(regrouped(&source.schema, by));
    // The same cells under another key: identities are those of the groups.
    let keyed = source.with_schema(schema.clone());
    let mut places: std::collections::HashMap<u64, usize, ById> = Default::default();
    let mut unclear = Vec::new();
    let mut out = Frame { table: Table::new(schema.clone()), histograms: Vec::new(), ..frame.clone_head() };
    for row in 0..keyed.len() {
        let id = keyed.ids()[row];
        match places.get(&id) {
            None => {
                places.insert(id, out.table.len());
                unclear.push(0u128);
                out.table.push_from(&keyed, row);
                out.histograms.extend(frame.histograms.get(row).cloned());
            }
            Some(&mine) => {
                unclear[mine] |= differing(&out.table, mine, &keyed, row);
                merge_cells(&mut out.table, mine, &keyed, row);
                if let (Some(hist), Some(other)) = (out.histograms.get_mut(mine), frame.histograms.get(row)) {
                    Histogram::merge(hist, other);
                }
            }
        }
    }
    for (row, bits) in unclear.into_iter().enumerate().filter(|&(_, bits)| bits != 0) {
        (0..schema.columns.len().min(128))
            .filter(|index| bits >> index & 1 == 1)
            .for_each(|index| out.table.row_mut(row)[index] = Value::Null);
    }
    out.table.derive();
    out
}

/// The attributes, a bit each, that row `mine` and `row` of `other` do not agree on. Once it is so it stays so: the
/// last of many would only look like the truth.
fn differing(table: &Table, mine: usize, other: &Table, row: usize) -> u128 {
    let attributes = other.schema.columns.iter().enumerate().take(128).filter(|(_, column)| column.agg == Agg::Last);
    attributes.fold(0, |bits, (index, _)| {
        let same = match (table.cell(mine, index), other.cell(row, index)) {
            (Value::Text(a), Value::Text(b)) => table.text(a) == other.text(b),
            (a, b) => a == b,
        };
        bits | u128::from(!same) << index
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::disk_frame;

    #[test]
    fn groups_are_exact() {
        let frame = disk_frame(3);
        let schema = &frame.table.schema;
        let column = |name: &str| schema.index(name).unwrap();
        let by_disk = group(&frame, column("disk"));
        let table = &by_disk.table;
        assert_eq!(table.len(), 3);
        for name in ["io", "bytes", "latency_sum"] {
            assert_eq!(table.sum(column(name)), frame.table.sum(column(name)), "{name}");
        }
        for row in 0..table.len() {
            let disk = table.text_at(row, column("disk")).unwrap();
            let rows: Vec<usize> =
                (0..frame.table.len()).filter(|&r| frame.table.text_at(r, column("disk")) == Some(disk)).collect();
            let of = |name: &str| -> Vec<u64> {
                rows.iter().map(|&r| frame.table.cell(r, column(name)).as_u64().unwrap()).collect()
            };
            let cell = |name: &str| table.cell(row, column(name)).as_u64();
            assert_eq!(cell("latency_max"), of("latency_max").into_iter().max());
            let mean = of("latency_sum").iter().sum::<u64>() as f64 / of("io").iter().sum::<u64>() as f64;
            assert_eq!(cell("latency_avg"), Some(mean.round() as u64), "weighted by count");
            assert_eq!(table.cell(row, column("pid")), Value::Null, "they do not agree");
        }
    }

    #[test]
    fn what_three_rows_do_not_agree_on_stays_unknown() {
        let frame = disk_frame(0);
        let all = group(&frame.select(&[0, 1, 3]), frame.table.schema.index("disk").unwrap());
        assert_eq!(all.table.len(), 1);
        let comm = frame.table.schema.index("comm").unwrap();
        assert_eq!(all.table.cell(0, comm), Value::Null);
    }

    #[test]
    fn a_column_that_names_each_row_is_no_choice() {
        let schema = crate::ui::testing::cache_frame(0).table.schema.clone();
        let names: Vec<&str> = choices(&schema).into_iter().map(|c| schema.columns[c].name.as_str()).collect();
        assert_eq!(names, ["comm", "user"]);
    }
}
