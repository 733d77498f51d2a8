//! The display filter: one grammar for the filter line of the screen and for `--filter`.
//!
//! ```text
//! any  = all { "|" all }            all  = item { item }
//! item = { "!" } ( "(" any ")" | word | column op value )
//! op   = "=" "!=" "~" "!~" ">" ">=" "<" "<="
//! ```
//! A word is a substring, in any case, of any text column. `=` and `!=` take several values,
//! `pid=1,2,3`. Numbers take the units of their column: `bytes>1M`, `avg>2ms`, `ratio<90%`. Quotes
//! take the meaning from everything special. A cell that is unknown matches no comparison.

mod number;
mod parse;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use regex::bytes::Regex;

use super::{Column, Schema, Table, Type, Value};
use number::Number;

/// A number with the units of a column, as filters write it: `1.5M`, `2ms`, `90%`.
///
/// # Errors
/// What such a number looks like.
pub fn number_of(text: &str, unit: Option<super::Unit>) -> Result<f64, String> {
    Number::parse(text, unit).map(|number| match number {
        Number::Whole(n) => n as f64,
        Number::Real(n) => n,
    })
}

/// What is wrong with a filter text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// First byte of the wrong part.
    pub start: usize,
    /// Byte behind the wrong part.
    pub end: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// A filter that says of each row whether it is shown. The default one shows every row.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    root: Option<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    /// Lower-case text, searched in all text columns.
    Word(String),
    Compare {
        column: usize,
        test: Test,
    },
}

#[derive(Clone, Debug)]
enum Test {
    /// Equal to one of these, or with `false` to none of them.
    Text(Vec<Vec<u8>>, bool),
    /// As `Text`, for a column of numbers.
    Numbers(Vec<Number>, bool),
    Regex(Regex, bool),
    /// The order must be the first of these, or equal if the second says so.
    Order(Ordering, bool, Number),
}

impl Filter {
    /// Reads a filter for tables with these columns. Where the text is wrong the first wrong part is
    /// named, and the filter is made of the parts that are right: the screen goes on with it.
    pub fn parse(text: &str, schema: &Schema) -> (Filter, Option<Bad>) {
        let (root, bad) = parse::parse(text, schema);
        (Filter { root }, bad)
    }

    /// Whether every row passes.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Whether this row passes. The table must have the columns that the filter was parsed for.
    pub fn matches(&self, table: &Table, row: usize) -> bool {
        self.root.as_ref().is_none_or(|node| node.matches(table, row))
    }

    /// The rows that pass, in their order in the table.
    pub fn rows(&self, table: &Table) -> Vec<u32> {
        (0..table.len() as u32).filter(|&row| self.matches(table, row as usize)).collect()
    }
}

impl Node {
    fn matches(&self, table: &Table, row: usize) -> bool {
        match self {
            Node::All(nodes) => nodes.iter().all(|node| node.matches(table, row)),
            Node::Any(nodes) => nodes.iter().any(|node| node.matches(table, row)),
            Node::Not(node) => !node.matches(table, row),
            Node::Word(word) => table.row(row).iter().any(|&cell| match cell {
                Value::Text(span) => contains(table.text(span), word),
                _ => false,
            }),
            Node::Compare { column, test } => test.matches(table, table.row(row).get(*column).copied()),
        }
    }
}

impl Test {
    fn matches(&self, table: &Table, cell: Option<Value>) -> bool {
        let cell = match cell {
            None | Some(Value::Null) => return false,
            Some(cell) => cell,
        };
        match self {
            Test::Text(set, wanted) => match cell {
                Value::Text(span) => set.iter().any(|text| text == table.text(span)) == *wanted,
                _ => false,
            },
            Test::Numbers(set, wanted) => set.iter().any(|n| n.compare(cell) == Some(Ordering::Equal)) == *wanted,
            Test::Regex(regex, wanted) => match cell {
                Value::Text(span) => regex.is_match(table.text(span)) == *wanted,
                Value::Uint(n) => regex.is_match(n.to_string().as_bytes()) == *wanted,
                Value::Int(n) => regex.is_match(n.to_string().as_bytes()) == *wanted,
                Value::Float(n) => regex.is_match(n.to_string().as_bytes()) == *wanted,
                Value::Null => false,
            },
            Test::Order(order, or_equal, number) => match number.compare(cell) {
                Some(Ordering::Equal) => *or_equal,
                found => found == Some(*order),
            },
        }
    }
}

/// Whether `text` contains the lower-case `word`, in any case.
fn contains(text: &[u8], word: &str) -> bool {
    if word.is_ascii() {
        let word = word.as_bytes();
        return text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    }
    String::from_utf8_lossy(text).to_lowercase().contains(word)
}

/// The column that a user means: by name, else by its head on the screen if only one column has it.
///
/// # Errors
/// A sentence that says what is wrong and names the columns that are nearest.
pub fn find_column(schema: &Schema, name: &str) -> Result<usize, String> {
    if let Some(index) = schema.index(name) {
        return Ok(index);
    }
    let by = |head: fn(&Column) -> &String| -> Vec<usize> {
        let columns = schema.columns.iter().enumerate();
        columns.filter(|(_, c)| head(c).to_lowercase() == name.to_lowercase()).map(|(index, _)| index).collect()
    };
    for found in [by(|c| &c.name), by(|c| &c.label)] {
        match found[..] {
            [] => {}
            [index] => return Ok(index),
            _ => {
                let names: Vec<&str> = found.iter().map(|&i| schema.columns[i].name.as_str()).collect();
                return Err(format!("`{name}` can be {}", names.join(" or ")));
            }
        }
    }
    Err(format!("no column `{name}`{}", hint(schema, name)))
}

/// `; did you mean ...?` with the nearest columns, else all of them.
fn hint(schema: &Schema, name: &str) -> String {
    let mut near: Vec<(f64, &str)> =
        schema.columns.iter().map(|c| (strsim::jaro_winkler(name, &c.name), c.name.as_str())).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let close: Vec<&str> = near.iter().filter(|(score, _)| *score > 0.7).take(3).map(|(_, name)| *name).collect();
    if close.is_empty() {
        let all: Vec<&str> = schema.columns.iter().map(|c| c.name.as_str()).collect();
        return format!("; there are {}", all.join(", "));
    }
    format!("; did you mean {}?", close.join(" or "))
}

/// Whether a column is compared as text.
fn is_text(column: &Column) -> bool {
    column.ty == Type::Text
}
