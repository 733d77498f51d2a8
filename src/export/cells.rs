//! Cells as JSON, written straight from the table so that 10,000 rows make no 10,000 maps.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use crate::frame::{SettingValue, Table, Value};

/// The rows of a table, each an object with a field per column.
pub struct Rows<'a>(pub &'a Table);

/// Named cells: totals, or some columns of one row.
pub struct Pairs<'a>(Source<'a>);

enum Source<'a> {
    Values(&'a [(String, Value)]),
    Cells { table: &'a Table, row: usize, columns: Vec<usize> },
}

/// Settings by name.
pub struct Settings<'a>(pub &'a [(String, SettingValue)]);

impl<'a> Pairs<'a> {
    /// Numbers by name.
    pub fn values(values: &'a [(String, Value)]) -> Pairs<'a> {
        Pairs(Source::Values(values))
    }

    /// Some columns of a row.
    pub fn cells(table: &'a Table, row: usize, columns: Vec<usize>) -> Pairs<'a> {
        Pairs(Source::Cells { table, row, columns })
    }
}

/// One number, or null.
struct Number {
    value: Value,
    wide: bool,
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Uint(n) if self.wide => serializer.collect_str(&n),
            Value::Int(n) if self.wide => serializer.collect_str(&n),
            Value::Uint(n) => serializer.serialize_u64(n),
            Value::Int(n) => serializer.serialize_i64(n),
            Value::Float(n) if n.is_finite() => serializer.serialize_f64(n),
            Value::Float(_) | Value::Null | Value::Text(_) => serializer.serialize_none(),
        }
    }
}

/// Adds a cell under its column's name. Text that is not UTF-8 is given whole in hex beside it.
fn entry<M: SerializeMap>(map: &mut M, table: &Table, row: usize, column: usize) -> Result<(), M::Error> {
    let about = &table.schema.columns[column];
    let Value::Text(span) = table.cell(row, column) else {
        return map.serialize_entry(&about.name, &Number { value: table.cell(row, column), wide: about.wide });
    };
    let bytes = table.text(span);
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => map.serialize_entry(&about.name, text),
        Cow::Owned(text) => {
            map.serialize_entry(&about.name, &text)?;
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            map.serialize_entry(&format!("{}_hex", about.name), &hex)
        }
    }
}

/// One row.
struct Row<'a>(&'a Table, usize);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for column in 0..self.0.width() {
            entry(&mut map, self.0, self.1, column)?;
        }
        map.end()
    }
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.len()))?;
        for row in 0..self.0.len() {
            rows.serialize_element(&Row(self.0, row))?;
        }
        rows.end()
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.0 {
            Source::Values(values) => {
                for (name, value) in *values {
                    map.serialize_entry(name, &Number { value: *value, wide: false })?;
                }
            }
            Source::Cells { table, row, columns } => {
                for &column in columns {
                    entry(&mut map, table, *row, column)?;
                }
            }
        }
        map.end()
    }
}

impl Serialize for Settings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl JsonSchema for Pairs<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Cells".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Cells by column. Numbers that may exceed 2^53 are strings; null is unknown, never 0. \
                            Text that is not UTF-8 has its bytes in hex in a field with _hex at the end.",
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "null"] }
        })
    }
}

impl JsonSchema for Rows<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Rows".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let row = generator.subschema_for::<Pairs<'_>>();
        json_schema!({ "type": "array", "items": row })
    }
}

impl JsonSchema for Settings<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, SettingValue>::json_schema(generator)
    }
}
