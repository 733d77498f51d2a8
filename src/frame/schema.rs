//! What the columns of a table are: type, unit, how they add up, how they are shown.

use super::table::Value;

/// What kind of value a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// Whole number.
    Int,
    /// Fraction.
    Float,
    /// Text, possibly not UTF-8.
    Text,
}

/// The unit of a column: how it is shown, never what is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Nanoseconds.
    Ns,
    /// Bytes; shown with binary prefixes.
    Bytes,
    /// Events or things.
    Count,
    /// Pages of the page cache.
    Pages,
    /// A number that names something (pid, port): never scaled.
    Id,
    /// A fraction of 1, shown in percent.
    Ratio,
}

/// How a column behaves when rows of several CPUs, intervals or groups are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agg {
    /// Part of what names the row.
    Key,
    /// Adds up.
    Sum,
    /// The largest wins.
    Max,
    /// An attribute: the newest known value wins (comm, uid).
    Last,
    /// Computed from other columns of the same row after everything else.
    Formula(Formula),
}

/// The fixed derivations. There is no expression language on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    /// `sum / count`, null when count is 0. Column indices.
    Mean {
        /// Column with the sum.
        sum: usize,
        /// Column with the number of things summed.
        count: usize,
    },
    /// `part / (part + rest)`, null when both are 0. Column indices.
    Share {
        /// Column with the part.
        part: usize,
        /// Column with what is not the part.
        rest: usize,
    },
}

/// Which side a cell is aligned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One column: what it is, and what a renderer needs to know to place it.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Name used in JSON, flags and filters.
    pub name: String,
    /// Head on the screen: `COMM`.
    pub label: String,
    /// BCC's column name, for text output.
    pub bcc: String,
    /// One sentence of help, with the formula if there is one.
    pub help: String,
    /// Type of the values.
    pub ty: Type,
    /// Unit, `None` for text.
    pub unit: Option<Unit>,
    /// How it is put together.
    pub agg: Agg,
    /// Narrowest useful width, cells.
    pub min_width: u16,
    /// Width at which nothing is cut in ordinary cases, cells.
    pub ideal_width: u16,
    /// Alignment.
    pub align: Align,
    /// Columns with a higher number are dropped first when the pane is narrow.
    pub priority: u8,
    /// Shown unless the user asks otherwise.
    pub visible: bool,
    /// Cut in the middle (paths) rather than at the end.
    pub cut_middle: bool,
    /// Int values may exceed 2^53 and are strings in JSON.
    pub wide: bool,
}

/// The columns of a table, shared by all frames of a running view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// In display order.
    pub columns: Vec<Column>,
    /// Columns that name a row across frames.
    pub key: Vec<usize>,
    /// Columns summed into the frame's totals.
    pub totals: Vec<usize>,
    /// Default sort: column and whether descending.
    pub sort: Option<(usize, bool)>,
}

impl Schema {
    /// How a column is derived from others, by their names, as it stands behind its help: ` = sum / count`. Nothing if it is read as it
    /// is, or its help says so.
    pub fn formula(&self, column: &Column) -> String {
        let name = |index: usize| self.columns.get(index).map_or("?", |column| column.name.as_str());
        let formula = match column.agg {
            Agg::Formula(Formula::Mean { sum, count }) => format!("{} / {}", name(sum), name(count)),
            Agg::Formula(Formula::Share { part, rest }) => format!("{0} / ({0} + {1})", name(part), name(rest)),
            _ => return String::new(),
        };
        if column.help.contains(&formula) { String::new() } else { format!(" = {formula}") }
    }

    /// Index of the column called `name`.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

impl Formula {
    /// Its value in a row of these cells, of a column of this type.
    pub(super) fn of(self, cells: &[Value], ty: Type) -> Value {
        let number = |column: usize| cells[column].as_f64();
        let result = match self {
            Formula::Mean { sum, count } => number(sum).zip(number(count)),
            Formula::Share { part, rest } => number(part).zip(number(rest)).map(|(p, r)| (p, p + r)),
        };
        match result {
            Some((top, bottom)) if bottom > 0.0 && ty == Type::Int => Value::Uint((top / bottom).round() as u64),
            Some((top, bottom)) if bottom > 0.0 => Value::Float(top / bottom),
            _ => Value::Null,
        }
    }
}
