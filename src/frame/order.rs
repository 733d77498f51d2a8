//! Sorting: on raw numbers, stable, with the key columns as tie-break so that rows do not jitter.

use std::cmp::Ordering;

use super::{Frame, Table, Value};

/// Orders two cells of `table`: null first, then numbers, then text by bytes.
pub fn compare(table: &Table, a: Value, b: Value) -> Ordering {
    match (a, b) {
        (Value::Uint(a), Value::Uint(b)) => a.cmp(&b),
        (Value::Text(a), Value::Text(b)) => table.text(a).cmp(table.text(b)),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Text(_), _) => Ordering::Greater,
        (_, Value::Text(_)) => Ordering::Less,
        (a, b) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

/// Row numbers of `table` sorted by `column`; ties by the key columns, ascending.
pub fn sorted_rows(table: &Table, column: usize, descending: bool) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..table.len() as u32).collect();
    sort_rows(table, &mut rows, column, descending);
    rows
}

/// Sorts a choice of rows in place, as [`sorted_rows`] does.
pub fn sort_rows(table: &Table, rows: &mut [u32], column: usize, descending: bool) {
    let compare_cells =
        |a: u32, b: u32, column: usize| compare(table, table.cell(a as usize, column), table.cell(b as usize, column));
    let ties = |a: u32, b: u32| {
        let mut keys = table.schema.key.iter().map(|&key| compare_cells(a, b, key));
        keys.find(|order| order.is_ne()).unwrap_or(Ordering::Equal).then(a.cmp(&b))
    };
    // Whole numbers, the usual case, are taken out of the table first, with the first key column, which decides most ties,
    // both as one number: comparing cells in place costs three times as much, and what else decides would be asked in
    // each comparison.
    let number = |row: u32, column: usize| match table.cell(row as usize, column) {
        Value::Uint(n) => Some(n),
        _ => None,
    };
    let first_key = |row: u32| table.schema.key.first().and_then(|&key| number(row, key)).unwrap_or(0);
    let rank = |row: u32| {
        let value = number(row, column)?;
        Some(u128::from(if descending { !value } else { value }) << 64 | u128::from(first_key(row)))
    };
    match rows.iter().map(|&row| Some((rank(row)?, row))).collect::<Option<Vec<(u128, u32)>>>() {
        Some(mut taken) => {
            taken.sort_unstable_by_key(|&(rank, _)| rank);
            for same in taken.chunk_by_mut(|a, b| a.0 == b.0) {
                same.sort_unstable_by(|&(_, a), &(_, b)| ties(a, b));
            }
            rows.iter_mut().zip(taken).for_each(|(row, (_, sorted))| *row = sorted);
        }
        None => {
            let direction = |order: Ordering| if descending { order.reverse() } else { order };
            rows.sort_unstable_by(|&a, &b| direction(compare_cells(a, b, column)).then_with(|| ties(a, b)));
        }
    }
}

impl Frame {
    /// This frame with only the rows `rows`, in that order; distributions follow their rows.
    pub fn select(&self, rows: &[u32]) -> Frame {
        let mut frame = Frame { table: self.table.select(rows), histograms: Vec::new(), ..self.clone_head() };
        if !self.histograms.is_empty() {
            frame.histograms = rows.iter().map(|&row| self.histograms[row as usize].clone()).collect();
        }
        frame
    }

    /// Everything but rows and distributions.
    pub fn clone_head(&self) -> Frame {
        Frame {
            view: self.view.clone(),
            kind: self.kind,
            status: self.status.clone(),
            time: self.time,
            interval: self.interval,
            settings: self.settings.clone(),
            hooks: self.hooks.clone(),
            table: Table::new(self.table.schema.clone()),
            histograms: Vec::new(),
            lost: self.lost,
            cost: self.cost.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::frame::Schema;

    #[test]
    fn ties_go_by_the_whole_key_and_null_is_least() {
        let columns = crate::export::sample::table().table.schema.columns[..3].to_vec();
        let schema = Schema { columns, key: vec![1, 2], ..Schema::default() };
        let mut table = Table::new(Arc::new(schema));
        // Sort column, then the two key columns.
        let cells = [(Some(5), 2, 9), (Some(7), 1, 1), (Some(5), 1, 8), (Some(5), 1, 7), (None, 0, 0)];
        for (value, a, b) in cells {
            table.push_row().copy_from_slice(&[value.map_or(Value::Null, Value::Uint), Value::Uint(a), Value::Uint(b)]);
        }
        assert_eq!(sorted_rows(&table, 0, true), [1, 3, 2, 0, 4]);
        assert_eq!(sorted_rows(&table, 0, false), [4, 3, 2, 0, 1]);
        let known = table.select(&[0, 1, 2, 3]);
        assert_eq!(sorted_rows(&known, 0, true), [1, 3, 2, 0], "without null, by the quick way");
    }
}
