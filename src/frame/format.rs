//! Numbers as people read them: at most four significant digits, a unit in every cell. Only for
//! screen and text output; everything that is computed uses the raw numbers.

use std::borrow::Cow;

use super::text::clean;
use super::{Agg, Table, Unit, Value};

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Base units with thousands separators instead of scaled ones.
    pub raw: bool,
    /// `u` for `µ`.
    pub ascii: bool,
}

/// The cell of `row` and `column` as text. Text cells are cleaned.
pub fn cell(table: &Table, row: usize, column: usize, look: Look) -> Cow<'_, str> {
    let meta = &table.schema.columns[column];
    match table.cell(row, column) {
        Value::Text(span) => clean(table.text(span)),
        // A quotient of nothing does not exist; anything else that is missing is unknown.
        Value::Null if matches!(meta.agg, Agg::Formula(_)) => Cow::Borrowed("-"),
        Value::Null => Cow::Borrowed("?"),
        number => Cow::Owned(value(number, meta.unit, look)),
    }
}

/// A number in its unit. Null is `?`, text (which only its table can read) is empty.
pub fn value(value: Value, unit: Option<Unit>, look: Look) -> String {
    match (value, unit) {
        (Value::Null, _) => "?".to_owned(),
        (Value::Text(_), _) => String::new(),
        (Value::Uint(n), Some(Unit::Id) | None) => n.to_string(),
        (Value::Int(n), Some(Unit::Id) | None) => n.to_string(),
        (number, unit) => self::number(number.as_f64().unwrap_or(0.0), unit.unwrap_or(Unit::Count), look),
    }
}

/// A number in its unit.
pub fn number(n: f64, unit: Unit, look: Look) -> String {
    match unit {
        Unit::Ratio => percent(n),
        _ if n == 0.0 => "0".to_owned(),
        Unit::Id => format!("{n:.0}"),
        _ if look.raw => separated(n),
        Unit::Ns => scaled(n, 1000.0, if look.ascii { &TIME_ASCII } else { &TIME }),
        Unit::Bytes => scaled(n, 1024.0, &BYTES),
        Unit::Count | Unit::Pages => scaled(n, 1000.0, &COUNT),
    }
}

/// As [`number`], as short as it goes, for titles: `18µs`.
pub fn tight(n: f64, unit: Unit, look: Look) -> String {
    let mut text = number(n, unit, look);
    text.retain(|c| c != ' ');
    // Titles are read at a glance; a zero behind the point says nothing there.
    if let Some(at) = text.find(".0").filter(|&at| !text[at + 2..].starts_with(|c: char| c.is_ascii_digit())) {
        text.replace_range(at..at + 2, "");
    }
    text
}

/// As [`number`], without a fraction and with one letter of the unit, for cells that have no room: `51M`.
pub fn shortest(n: f64, unit: Unit, look: Look) -> String {
    let text = tight(n, unit, look);
    let whole: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-')).chars().next();
    format!("{whole}{}", unit.map(String::from).unwrap_or_default())
}

/// Both ends of a bucket in one unit: `("16", "33", "µs")`.
pub fn range(lo: u64, hi: u64, unit: Unit, look: Look) -> (String, String, &'static str) {
    let (base, units): (f64, &[&'static str]) = match unit {
        _ if look.raw => (f64::INFINITY, if unit == Unit::Ns { &TIME } else { &[""] }),
        Unit::Ns if look.ascii => (1000.0, &TIME_ASCII),
        Unit::Ns => (1000.0, &TIME),
        Unit::Bytes => (1024.0, &BYTES),
        _ => (1000.0, &COUNT),
    };
    let (mut step, mut by) = (0, 1.0);
    while step + 1 < units.len() && lo as f64 >= base * by {
        by *= base;
        step += 1;
    }
    let show = |n: u64| {
        let n = n as f64 / by;
        if step == 0 || n >= 9.95 { format!("{n:.0}") } else { format!("{n:.1}") }
    };
    (show(lo), show(hi), units[step].trim())
}

/// What a unit is called in a head when the cells are raw: `ns`, `B`; empty where there is nothing to say.
pub fn raw_unit(unit: Option<Unit>) -> &'static str {
    match unit {
        Some(Unit::Ns) => "ns",
        Some(Unit::Bytes) => "B",
        _ => "",
    }
}

const TIME: [&str; 4] = [" ns", " µs", " ms", " s"];
const TIME_ASCII: [&str; 4] = [" ns", " us", " ms", " s"];
const BYTES: [&str; 7] = [" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];
const COUNT: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];

/// Counts stay whole up to 9999: a step at 1000 would hide digits for nothing.
fn scaled(n: f64, base: f64, units: &[&str]) -> String {
    let first = if units[0].is_empty() { 9999.5 } else { base };
    let (mut n, mut step) = (n, 0);
    while step + 1 < units.len() && n.abs() >= (if step == 0 { first } else { base }) {
        n /= base;
        step += 1;
    }
    let mut text = digits(n, step > 0);
    // Rounding may reach the next unit: 999.96 µs is 1.0 ms, not 1000 µs.
    if step + 1 < units.len() && text == digits(base, true) && (step > 0 || !units[0].is_empty()) {
        step += 1;
        text = "1.0".to_owned();
    }
    text.push_str(units[step]);
    text
}

fn digits(n: f64, scaled: bool) -> String {
    if n.abs() >= 99.95 || (!scaled && n.fract() == 0.0) {
        format!("{n:.0}")
    } else if n.abs() < 0.05 {
        "0.0".to_owned()
    } else {
        format!("{n:.1}")
    }
}

fn percent(n: f64) -> String {
    let n = n * 100.0;
    match n {
        _ if n == 0.0 => "0%".to_owned(),
        // 100 % is a promise: one miss in a million is not a hundred.
        _ if n > 99.9 && n < 100.0 => "99.9%".to_owned(),
        _ if n >= 99.95 => format!("{n:.0}%"),
        _ => format!("{n:.1}%"),
    }
}

/// A whole number with separators; fractions keep one digit.
pub fn separated(n: f64) -> String {
    let text = if n.fract() == 0.0 { format!("{:.0}", n.abs()) } else { format!("{:.1}", n.abs()) };
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::with_capacity(text.len() + whole.len() / 3 + 1);
    if n < 0.0 {
        out.push('-');
    }
    for (at, c) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out.push_str(fraction);
    out
}

/// A duration for people: `8s`, `4m12s`, `2h05m`.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn human(n: f64, unit: Unit) -> String {
        number(n, unit, Look::default())
    }

    #[test]
    fn four_digits_at_most_with_the_unit() {
        let mib = 1048576.0;
        assert_eq!(human(51.3 * mib, Unit::Bytes), "51.3 MiB");
        assert_eq!(human(1023.0, Unit::Bytes), "1023 B");
        assert_eq!(human(147456.0, Unit::Bytes), "144 KiB");
        assert_eq!(human(1023.97 * 1024.0, Unit::Bytes), "1.0 MiB");
        assert_eq!(human(180_000.0, Unit::Ns), "180 µs");
        assert_eq!(human(2_100_000.0, Unit::Ns), "2.1 ms");
        assert_eq!(human(999_960.0, Unit::Ns), "1.0 ms");
        assert_eq!(human(72e9, Unit::Ns), "72.0 s");
        assert_eq!(human(812.0, Unit::Count), "812");
        assert_eq!(human(9999.0, Unit::Count), "9999");
        assert_eq!(human(91_202.0, Unit::Count), "91.2k");
        assert_eq!(human(0.25, Unit::Count), "0.2");
        assert_eq!(human(0.971, Unit::Ratio), "97.1%");
        assert_eq!(human(0.9999999, Unit::Ratio), "99.9%");
        assert_eq!(human(1.0, Unit::Ratio), "100%");
    }

    #[test]
    fn zero_has_no_unit_and_ids_are_never_scaled() {
        assert_eq!(human(0.0, Unit::Bytes), "0");
        assert_eq!(value(Value::Uint(1_234_567), Some(Unit::Id), Look::default()), "1234567");
        assert_eq!(value(Value::Null, Some(Unit::Ns), Look::default()), "?");
    }

    #[test]
    fn raw_mode_has_separators_and_ascii_has_no_micro() {
        let raw = Look { raw: true, ascii: false };
        assert_eq!(number(4_194_304.0, Unit::Bytes, raw), "4,194,304");
        assert_eq!(number(999.0, Unit::Ns, raw), "999");
        assert_eq!(number(-1234.5, Unit::Count, raw), "-1,234.5");
        assert_eq!(number(1500.0, Unit::Ns, Look { raw: false, ascii: true }), "1.5 us");
        assert_eq!(tight(18_000.0, Unit::Ns, Look::default()), "18µs");
    }

    #[test]
    fn both_ends_of_a_bucket_share_a_unit() {
        let range = |lo, hi, unit| {
            let (lo, hi, unit) = range(lo, hi, unit, Look::default());
            format!("{lo}-{hi} {unit}")
        };
        assert_eq!(range(0, 1, Unit::Ns), "0-1 ns");
        assert_eq!(range(512, 1023, Unit::Ns), "512-1023 ns");
        assert_eq!(range(4096, 8191, Unit::Ns), "4.1-8.2 µs");
        assert_eq!(range(16384, 32767, Unit::Ns), "16-33 µs");
        assert_eq!(range(1 << 20, (1 << 21) - 1, Unit::Ns), "1.0-2.1 ms");
        assert_eq!(range(4096, 8191, Unit::Bytes), "4.0-8.0 KiB");
    }

    #[test]
    fn the_shortest_form_keeps_the_unit() {
        assert_eq!(shortest(53_792_000.0, Unit::Bytes, Look::default()), "51M");
        assert_eq!(shortest(180_000.0, Unit::Ns, Look::default()), "180µ");
        assert_eq!(shortest(3e9, Unit::Ns, Look::default()), "3s");
    }

    #[test]
    fn durations() {
        assert_eq!(duration(8), "8s");
        assert_eq!(duration(252), "4m12s");
        assert_eq!(duration(7500), "2h05m");
    }
}
