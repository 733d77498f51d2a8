//! Numbers of a filter: with the units of the column they are compared to.

use std::cmp::Ordering;

use super::super::{Unit, Value};

/// A number of a filter. Whole ones compare exactly, also beyond 2^53.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    /// How a cell stands to this number; `None` if the cell holds no number.
    pub fn compare(self, cell: Value) -> Option<Ordering> {
        match (cell, self) {
            (Value::Uint(n), Number::Whole(limit)) => Some(i128::from(n).cmp(&limit)),
            (Value::Int(n), Number::Whole(limit)) => Some(i128::from(n).cmp(&limit)),
            (cell, Number::Whole(limit)) => cell.as_f64()?.partial_cmp(&(limit as f64)),
            (cell, Number::Real(limit)) => cell.as_f64()?.partial_cmp(&limit),
        }
    }

    /// Reads `1.5M`, `2ms`, `90%`, `0x1f` for a column with this unit.
    ///
    /// # Errors
    /// What such a number looks like.
    pub fn parse(text: &str, unit: Option<Unit>) -> Result<Number, String> {
        let wrong = || format!("`{text}` is not {}", expected(unit));
        if let Some(hex) = text.strip_prefix("0x") {
            return i128::from_str_radix(hex, 16).map(Number::Whole).map_err(|_| wrong());
        }
        let end = text.find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c))).unwrap_or(text.len());
        let (digits, suffix) = text.split_at(end);
        if unit == Some(Unit::Ratio) {
            return ratio(digits, suffix).ok_or_else(wrong);
        }
        let scale = scale(suffix, unit).ok_or_else(wrong)?;
        if let Ok(whole) = digits.parse::<i128>() {
            return whole.checked_mul(scale).map(Number::Whole).ok_or_else(wrong);
        }
        let real: f64 = digits.parse().map_err(|_| wrong())?;
        Ok(Number::Real(real * scale as f64))
    }
}

/// `90%` and `0.9` mean the same. The screen shows percent without the sign, so a plain number
/// above 1, which no ratio can be, is percent too.
fn ratio(digits: &str, suffix: &str) -> Option<Number> {
    let number: f64 = digits.parse().ok()?;
    match suffix {
        "%" => Some(Number::Real(number / 100.0)),
        "" if number > 1.0 => Some(Number::Real(number / 100.0)),
        "" => Some(Number::Real(number)),
        _ => None,
    }
}

fn scale(suffix: &str, unit: Option<Unit>) -> Option<i128> {
    let suffix = suffix.to_lowercase();
    match unit {
        Some(Unit::Ns) => Some(match suffix.as_str() {
            "" | "ns" => 1,
            // The two code points of the micro sign.
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "min" => 60_000_000_000,
            _ => return None,
        }),
        Some(Unit::Bytes) => Some(match suffix.as_str() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            "t" | "tb" | "tib" => 1 << 40,
            _ => return None,
        }),
        Some(Unit::Id) => suffix.is_empty().then_some(1),
        _ => Some(match suffix.as_str() {
            "" => 1,
            "k" => 1_000,
            "m" => 1_000_000,
            "g" => 1_000_000_000,
            _ => return None,
        }),
    }
}

fn expected(unit: Option<Unit>) -> &'static str {
    match unit {
        Some(Unit::Ns) => "a time: a number with ns, us, ms or s",
        Some(Unit::Bytes) => "a size: a number with K, M, G or T (binary)",
        Some(Unit::Ratio) => "a ratio: a number with %, or a fraction of 1",
        Some(Unit::Id) => "a plain number",
        _ => "a number, k, M and G being decimal",
    }
}
