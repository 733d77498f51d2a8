//! Rows and columns: one flat vector of cells and one arena of text, so that a frame of 10,000
//! rows is two allocations.

use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use super::schema::{Agg, Column, Schema};

/// A piece of a table's text arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextSpan {
    start: u32,
    len: u32,
}

/// One cell. Text lives in the table's arena; see [`Table::text`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Unknown, or not measured in this interval. Never stands for 0.
    Null,
    /// Whole number.
    Uint(u64),
    /// Whole number that may be negative.
    Int(i64),
    /// Fraction.
    Float(f64),
    /// Text: bytes as the kernel gave them.
    Text(TextSpan),
}

impl Value {
    /// The number in it, `None` for text and null. Integers above 2^53 are rounded.
    pub fn as_f64(self) -> Option<f64> {
        match self {
            Value::Uint(n) => Some(n as f64),
            Value::Int(n) => Some(n as f64),
            Value::Float(n) => Some(n),
            Value::Null | Value::Text(_) => None,
        }
    }

    /// The whole non-negative number in it.
    pub fn as_u64(self) -> Option<u64> {
        match self {
            Value::Uint(n) => Some(n),
            Value::Int(n) => u64::try_from(n).ok(),
            _ => None,
        }
    }

    /// Sum of two cells of an additive column; null counts as "not measured" and yields the other.
    pub fn plus(self, other: Value) -> Value {
        match (self, other) {
            (Value::Uint(a), Value::Uint(b)) => Value::Uint(a.saturating_add(b)),
            (Value::Null, b) => b,
            (a, Value::Null) => a,
            (Value::Float(_), _) | (_, Value::Float(_)) => {
                Value::Float(self.as_f64().unwrap_or(0.0) + other.as_f64().unwrap_or(0.0))
            }
            _ => match (self.as_i64(), other.as_i64()) {
                (Some(a), Some(b)) => Value::Int(a.saturating_add(b)),
                _ => Value::Null,
            },
        }
    }

    /// The whole number in it, saturating.
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Value::Uint(n) => Some(i64::try_from(n).unwrap_or(i64::MAX)),
            Value::Int(n) => Some(n),
            _ => None,
        }
    }
}

/// Rows of cells, row-major, with the text they refer to.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The columns.
    pub schema: Arc<Schema>,
    cells: Vec<Value>,
    text: Vec<u8>,
    /// See [`Table::ids`]; made when first asked for.
    ids: OnceLock<Box<[u64]>>,
}

impl Table {
    /// An empty table with these columns.
    pub fn new(schema: Arc<Schema>) -> Table {
        Table { schema, ..Table::default() }
    }

    /// Room for `rows` rows.
    pub fn reserve(&mut self, rows: usize) {
        self.cells.reserve(rows * self.width());
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.schema.columns.len()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        if self.width() == 0 { 0 } else { self.cells.len() / self.width() }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Appends a row of nulls and gives its cells.
    pub fn push_row(&mut self) -> &mut [Value] {
        self.ids.take();
        let start = self.cells.len();
        self.cells.resize(start + self.width(), Value::Null);
        &mut self.cells[start..]
    }

    /// Appends a row of these cells, one for each column.
    pub fn push_cells(&mut self, cells: &[Value]) {
        debug_assert_eq!(cells.len(), self.width());
        self.ids.take();
        self.cells.extend_from_slice(cells);
    }

    /// The cells of row `row`.
    pub fn row(&self, row: usize) -> &[Value] {
        let width = self.width();
        &self.cells[row * width..(row + 1) * width]
    }

    /// The cells of row `row`, to be changed.
    pub fn row_mut(&mut self, row: usize) -> &mut [Value] {
        self.ids.take();
        let width = self.width();
        &mut self.cells[row * width..(row + 1) * width]
    }

    /// One cell.
    pub fn cell(&self, row: usize, column: usize) -> Value {
        self.cells[row * self.width() + column]
    }

    /// Puts text into the arena; the result goes into a cell.
    pub fn intern(&mut self, bytes: &[u8]) -> Value {
        let start = self.text.len();
        // 4 GiB of text in one frame cannot be: a map of 2^20 rows holds 16 bytes of comm each.
        let (Ok(start32), Ok(len)) = (u32::try_from(start), u32::try_from(bytes.len())) else {
            return Value::Null;
        };
        self.text.extend_from_slice(bytes);
        Value::Text(TextSpan { start: start32, len })
    }

    /// Puts the text of `what` into the arena, without a string in between.
    pub fn intern_display(&mut self, what: impl std::fmt::Display) -> Value {
        use std::io::Write;
        let start = self.text.len();
        // Writing to a vector does not fail.
        let _ = write!(self.text, "{what}");
        let (Ok(start), Ok(len)) = (u32::try_from(start), u32::try_from(self.text.len() - start)) else {
            return Value::Null;
        };
        Value::Text(TextSpan { start, len })
    }

    /// The bytes of a text cell of *this* table.
    pub fn text(&self, span: TextSpan) -> &[u8] {
        let start = span.start as usize;
        self.text.get(start..start + span.len as usize).unwrap_or_default()
    }

    /// The bytes of a text cell, `None` if it holds something else.
    pub fn text_at(&self, row: usize, column: usize) -> Option<&[u8]> {
        match self.cell(row, column) {
            Value::Text(span) => Some(self.text(span)),
            _ => None,
        }
    }

    /// Appends row `row` of `other`, which must have the same columns.
    pub fn push_from(&mut self, other: &Table, row: usize) {
        self.ids.take();
        let start = self.cells.len();
        self.cells.extend_from_slice(other.row(row));
        for index in start..self.cells.len() {
            if let Value::Text(span) = self.cells[index] {
                self.cells[index] = self.intern(other.text(span));
            }
        }
    }

    /// A table with the rows `rows` of this one, in that order. Text is shared by copy of the arena.
    pub fn select(&self, rows: &[u32]) -> Table {
        let mut cells = Vec::with_capacity(rows.len() * self.width());
        for &row in rows {
            cells.extend_from_slice(self.row(row as usize));
        }
        Table { schema: self.schema.clone(), cells, text: self.text.clone(), ids: OnceLock::new() }
    }

    /// A table with only these columns, in that order. Key and totals follow where they are kept.
    pub fn project(&self, columns: &[usize]) -> Table {
        let old = &self.schema;
        let place = |column: usize| columns.iter().position(|&c| c == column);
        let mut kept: Vec<Column> = columns.iter().map(|&c| old.columns[c].clone()).collect();
        for column in &mut kept {
            column.visible = true;
            column.agg = match column.agg {
                Agg::Formula(_) => Agg::Last, // its sources may be gone; the value stays
                other => other,
            };
        }
        let schema = Schema {
            columns: kept,
            key: old.key.iter().filter_map(|&c| place(c)).collect(),
            totals: old.totals.iter().filter_map(|&c| place(c)).collect(),
            sort: old.sort.and_then(|(c, desc)| place(c).map(|c| (c, desc))),
        };
        let mut cells = Vec::with_capacity(self.len() * columns.len());
        for row in 0..self.len() {
            let source = self.row(row);
            cells.extend(columns.iter().map(|&c| source[c]));
        }
        Table { schema: Arc::new(schema), cells, text: self.text.clone(), ids: OnceLock::new() }
    }

    /// The same cells under other columns, as many as there are.
    pub fn with_schema(&self, schema: Arc<Schema>) -> Table {
        debug_assert_eq!(schema.columns.len(), self.width());
        Table { schema, cells: self.cells.clone(), text: self.text.clone(), ids: OnceLock::new() }
    }

    /// Sum of an additive column over all rows; 0 for an empty table.
    pub fn sum(&self, column: usize) -> Value {
        (0..self.len()).fold(Value::Uint(0), |sum, row| sum.plus(self.cell(row, column)))
    }

    /// Computes the formula columns of every row from the others.
    pub fn derive(&mut self) {
        let schema = self.schema.clone();
        for (index, column) in schema.columns.iter().enumerate() {
            let Agg::Formula(formula) = column.agg else { continue };
            for row in 0..self.len() {
                let cells = self.row_mut(row);
                cells[index] = formula.of(cells, column.ty);
            }
        }
    }

    /// Appends the identity of a row to `key`: the same bytes in another frame mean the same thing.
    pub fn key_bytes(&self, row: usize, key: &mut Vec<u8>) {
        for &column in &self.schema.key {
            match self.cell(row, column) {
                Value::Null => key.push(0),
                Value::Uint(n) => {
                    key.push(1);
                    key.extend_from_slice(&n.to_ne_bytes());
                }
                Value::Int(n) => {
                    key.push(2);
                    key.extend_from_slice(&n.to_ne_bytes());
                }
                Value::Float(n) => {
                    key.push(3);
                    key.extend_from_slice(&n.to_bits().to_ne_bytes());
                }
                Value::Text(span) => {
                    let text = self.text(span);
                    key.push(4);
                    key.extend_from_slice(&(text.len() as u32).to_ne_bytes());
                    key.extend_from_slice(text);
                }
            }
        }
    }

    /// The identity of each row as a number: equal in two frames if they mean the same thing. Worked
    /// out once for a table; two rows of a million share one by chance once in 30 million tables.
    pub fn ids(&self) -> &[u64] {
        self.ids.get_or_init(|| {
            // The same seed always: a frame may be compared with one of another process.
            let hasher = foldhash::quality::FixedState::with_seed(0);
            let mut key = Vec::new();
            let id = |row| {
                key.clear();
                self.key_bytes(row, &mut key);
                hasher.hash_one(key.as_slice())
            };
            (0..self.len()).map(id).collect()
        })
    }

    /// Bytes held in memory, identities included before they are asked for: what is counted for a
    /// frame must not change while it is held.
    pub fn held_bytes(&self) -> usize {
        self.cells.capacity() * size_of::<Value>() + self.text.capacity() + self.len() * size_of::<u64>()
    }
}
