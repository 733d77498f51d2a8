//! Columns of a recorded frame: what the file says, and what this program knows of a view besides.

use super::shape::{Column as Shape, Few, Name, Pairs};
use crate::frame::{Agg, Align, Column, Formula, Schema, Type, Unit};

/// Puts a schema together. `known` is that of the view in this program, if it has one: labels, widths
/// and help come from there. Without it they are made from the names.
pub fn merge(
    columns: &[Shape],
    key: &[Name],
    totals: &Pairs<serde::de::IgnoredAny>,
    wide: &[String],
    known: Option<&Schema>,
) -> Schema {
    let place = |name: &str| columns.iter().position(|column| column.name.0 == name);
    let key: Vec<usize> = key.iter().filter_map(|name| place(&name.0)).collect();
    let totals: Vec<usize> = totals.0.iter().filter_map(|(name, _)| place(name)).collect();
    let column = |(at, shape): (usize, &Shape)| {
        let ty = type_of(&shape.ty.0);
        let known = known.and_then(|known| {
            let column = &known.columns[known.index(&shape.name.0)?];
            // Counts per second are fractions of what is counted as a whole number.
            let same = column.ty == ty || (column.ty == Type::Int && ty == Type::Float);
            same.then_some((known, column))
        });
        match known {
            Some((schema, column)) => Column {
                ty,
                agg: agg_here(schema, column.agg, &place),
                wide: wide.contains(&column.name) || column.wide,
                ..column.clone()
            },
            None => unknown(shape, ty, key.contains(&at), totals.contains(&at), wide),
        }
    };
    let columns: Vec<Column> = columns.iter().enumerate().map(column).collect();
    let sort = known.and_then(|known| {
        let (column, descending) = known.sort?;
        Some((place(&known.columns[column].name)?, descending))
    });
    Schema { columns, key, totals, sort }
}

/// Formulas name their sources by place, which is another one here; without a source the recorded
/// value stands for itself.
fn agg_here(known: &Schema, agg: Agg, place: &impl Fn(&str) -> Option<usize>) -> Agg {
    let here = |column: usize| place(&known.columns[column].name);
    match agg {
        Agg::Formula(Formula::Mean { sum, count }) => match (here(sum), here(count)) {
            (Some(sum), Some(count)) => Agg::Formula(Formula::Mean { sum, count }),
            _ => Agg::Last,
        },
        Agg::Formula(Formula::Share { part, rest }) => match (here(part), here(rest)) {
            (Some(part), Some(rest)) => Agg::Formula(Formula::Share { part, rest }),
            _ => Agg::Last,
        },
        other => other,
    }
}

fn type_of(word: &str) -> Type {
    match word {
        "int" => Type::Int,
        "float" => Type::Float,
        _ => Type::Text,
    }
}

fn unit_of(word: &str) -> Option<Unit> {
    Some(match word {
        "ns" => Unit::Ns,
        "bytes" => Unit::Bytes,
        "count" => Unit::Count,
        "pages" => Unit::Pages,
        "id" => Unit::Id,
        "ratio" => Unit::Ratio,
        _ => return None,
    })
}

/// A column of a view that this program does not know, as well as its name and unit tell.
fn unknown(shape: &Shape, ty: Type, key: bool, total: bool, wide: &[String]) -> Column {
    let name = shape.name.0.clone();
    let unit = shape.unit.as_ref().and_then(|unit| unit_of(&unit.0));
    let counts = matches!(unit, Some(Unit::Bytes | Unit::Count | Unit::Pages));
    let agg = match () {
        () if key => Agg::Key,
        () if ty == Type::Text => Agg::Last,
        () if name == "max" || name.ends_with("_max") => Agg::Max,
        () if total || counts || name == "sum" || name.ends_with("_sum") => Agg::Sum,
        () => Agg::Last,
    };
    let text = ty == Type::Text;
    let least = u16::try_from(name.len().min(6)).unwrap_or(6).max(if text { 6 } else { 5 });
    Column {
        label: name.to_uppercase(),
        bcc: name.to_uppercase(),
        help: "recorded by another version".to_owned(),
        ty,
        unit,
        agg,
        min_width: least,
        ideal_width: least.max(if text { 16 } else { 9 }),
        align: if text { Align::Left } else { Align::Right },
        priority: if key { 1 } else { 5 },
        visible: true,
        cut_middle: matches!(name.as_str(), "path" | "cgroup"),
        wide: wide.contains(&name),
        name,
    }
}

/// What a schema was made of: the same again needs no new one.
#[derive(Debug, PartialEq)]
pub struct Made {
    /// Columns.
    pub columns: Few<Shape, { super::limits::NAMES }>,
    /// Columns that name a row.
    pub key: Few<Name, { super::limits::NAMES }>,
    /// Columns that are summed.
    pub totals: Vec<String>,
    /// Numbers written as strings.
    pub wide: Vec<String>,
    /// Settings in force: they choose the columns of a view.
    pub settings: Vec<(String, crate::frame::SettingValue)>,
}
