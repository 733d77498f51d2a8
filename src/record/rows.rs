//! Rows and distributions from JSON straight into a table, without a value tree in between.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::limits;
use super::shape::Few;
use crate::frame::{Histogram, Schema, Table, Type, Value};

/// Where the fields of a row go.
#[derive(Debug)]
pub struct Places {
    names: HashMap<String, usize>,
    /// Fields that hold the bytes of a text column.
    hex: HashMap<String, usize>,
}

impl Places {
    /// For these columns.
    pub fn of(schema: &Schema) -> Places {
        let names: HashMap<String, usize> =
            schema.columns.iter().enumerate().rev().map(|(at, column)| (column.name.clone(), at)).collect();
        let text = schema.columns.iter().enumerate().filter(|(_, column)| column.ty == Type::Text);
        let hex = text.map(|(at, column)| (format!("{}_hex", column.name), at));
        let hex = hex.filter(|(name, _)| !names.contains_key(name)).collect();
        Places { names, hex }
    }
}

/// Reads `rows` into `table`.
///
/// # Errors
/// What is wrong with them.
pub fn rows(text: &RawValue, table: &mut Table, places: &Places) -> Result<(), String> {
    let mut json = serde_json::Deserializer::from_str(text.get());
    Rows { table, places }.deserialize(&mut json).map_err(|e| format!("rows: {e}"))
}

/// Reads `histograms`: a row of `table` for each.
///
/// # Errors
/// What is wrong with them.
pub fn histograms(text: &RawValue, table: &mut Table, places: &Places) -> Result<Vec<Histogram>, String> {
    let mut json = serde_json::Deserializer::from_str(text.get());
    Histograms { table, places }.deserialize(&mut json).map_err(|e| format!("histograms: {e}"))
}

struct Rows<'t> {
    table: &'t mut Table,
    places: &'t Places,
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut cells = vec![Value::Null; self.table.width()];
        loop {
            cells.fill(Value::Null);
            let row = Row { table: &mut *self.table, places: self.places, cells: &mut cells };
            if list.next_element_seed(row)?.is_none() {
                return Ok(());
            }
            push(self.table, &cells).map_err(A::Error::custom)?;
        }
    }
}

fn push(table: &mut Table, cells: &[Value]) -> Result<(), String> {
    if (table.len() + 1) * table.width() > limits::CELLS {
        return Err(format!("more than {} cells", limits::CELLS));
    }
    table.push_cells(cells);
    Ok(())
}

/// Fields of one row into its cells.
struct Row<'t> {
    table: &'t mut Table,
    places: &'t Places,
    cells: &'t mut [Value],
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // The bytes win over the text made of them, wherever they stand.
        let mut exact = 0u64;
        while let Some(Field(name)) = map.next_key()? {
            if let Some(&at) = self.places.names.get(&*name) {
                let ty = self.table.schema.columns[at].ty;
                let value = map.next_value_seed(Cell { table: &mut *self.table, ty })?;
                if at >= 64 || exact >> at & 1 == 0 {
                    self.cells[at] = value;
                }
            } else if let Some(&at) = self.places.hex.get(&*name) {
                let Field(text) = map.next_value()?;
                if let Some(bytes) = unhex(&text) {
                    self.cells[at] = self.table.intern(&bytes);
                    exact |= 1u64.checked_shl(at as u32).unwrap_or(0);
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Field<'a>(#[serde(borrow)] Cow<'a, str>);

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|n| n as u8);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| if let &[a, b] = pair { Some(digit(a)? << 4 | digit(b)?) } else { None }).collect()
}

/// One cell.
struct Cell<'t> {
    table: &'t mut Table,
    ty: Type,
}

impl<'de> DeserializeSeed<'de> for Cell<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Cell<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.ty == Type::Text { "text or null" } else { "a number or null" })
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<Value, E> {
        Ok(match self.ty {
            Type::Int => Value::Uint(n),
            Type::Float => Value::Float(n as f64),
            Type::Text => self.table.intern_display(n),
        })
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Value, E> {
        Ok(match self.ty {
            Type::Int => Value::Int(n),
            Type::Float => Value::Float(n as f64),
            Type::Text => self.table.intern_display(n),
        })
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<Value, E> {
        Ok(if self.ty == Type::Text { self.table.intern_display(n) } else { Value::Float(n) })
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<Value, E> {
        if self.ty == Type::Text { Ok(self.table.intern_display(on)) } else { Ok(Value::Uint(on.into())) }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        if self.ty == Type::Text {
            return Ok(self.table.intern(text.as_bytes()));
        }
        // What may exceed 2^53 is a string.
        let whole = text.parse().map(Value::Uint).or_else(|_| text.parse().map(Value::Int));
        whole.map_err(|_| E::custom("text where a number belongs"))
    }

    /// Columns of kinds that this version does not know hold lists: frames of a stack.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut joined = String::new();
        while let Some(item) = list.next_element::<Element<'de>>()? {
            if !joined.is_empty() {
                joined.push(';');
            }
            joined.push_str(&item.text());
        }
        Ok(if self.ty == Type::Text { self.table.intern(joined.as_bytes()) } else { Value::Null })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Null)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Element<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Number(f64),
    Other(IgnoredAny),
}

impl Element<'_> {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Element::Text(text) => Cow::Borrowed(text),
            Element::Number(n) => Cow::Owned(n.to_string()),
            Element::Other(_) => Cow::Borrowed("?"),
        }
    }
}

struct Histograms<'t> {
    table: &'t mut Table,
    places: &'t Places,
}

impl<'de> DeserializeSeed<'de> for Histograms<'_> {
    type Value = Vec<Histogram>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<Histogram>, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Histograms<'_> {
    type Value = Vec<Histogram>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of distributions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Histogram>, A::Error> {
        let mut histograms = Vec::new();
        let mut cells = vec![Value::Null; self.table.width()];
        while let Some(shape) = list.next_element::<HistogramShape<'de>>()? {
            if histograms.len() == limits::HISTOGRAMS {
                return Err(A::Error::custom(format_args!("more than {} distributions", limits::HISTOGRAMS)));
            }
            let histogram = shape.histogram().map_err(A::Error::custom)?;
            cells.fill(Value::Null);
            for text in [shape.key, shape.attributes].into_iter().flatten() {
                let row = Row { table: &mut *self.table, places: self.places, cells: &mut cells };
                let mut json = serde_json::Deserializer::from_str(text.get());
                row.deserialize(&mut json).map_err(A::Error::custom)?;
            }
            let max = histogram.max.map_or(Value::Null, Value::Uint);
            let numbers =
                [("count", Value::Uint(histogram.count())), ("sum", Value::Uint(histogram.sum)), ("max", max)];
            for (name, value) in numbers {
                if let Some(&at) = self.places.names.get(name) {
                    cells[at] = value;
                }
            }
            push(self.table, &cells).map_err(A::Error::custom)?;
            histograms.push(histogram);
        }
        Ok(histograms)
    }
}

#[derive(Deserialize)]
struct HistogramShape<'a> {
    #[serde(default, borrow)]
    key: Option<&'a RawValue>,
    #[serde(default, borrow)]
    attributes: Option<&'a RawValue>,
    #[serde(default)]
    sum: u64,
    #[serde(default)]
    max: Option<u64>,
    #[serde(default)]
    buckets: Few<Bucket, 64>,
}

#[derive(Deserialize)]
struct Bucket {
    lo: u64,
    count: u64,
}

impl HistogramShape<'_> {
    fn histogram(&self) -> Result<Histogram, String> {
        let mut buckets: Vec<u64> = Vec::new();
        for bucket in &self.buckets.0 {
            let at = if bucket.lo < 2 { 0 } else { bucket.lo.ilog2() as usize };
            if Histogram::lo(at) != bucket.lo {
                return Err(format!("a bucket that starts at {} is none of powers of two", bucket.lo));
            }
            buckets.resize(buckets.len().max(at + 1), 0);
            buckets[at] = buckets[at].saturating_add(bucket.count);
        }
        let count = buckets.iter().fold(0, |sum: u64, &n| sum.saturating_add(n));
        if count > limits::COUNT {
            return Err(format!("a distribution of {count} values"));
        }
        Ok(Histogram { buckets, sum: self.sum, max: self.max })
    }
}
