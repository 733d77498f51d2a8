//! Sums over rows, and comparisons that tell what they compared.

use serde_json::Value;

/// The sum of an integer column over the rows that `wanted` takes.
pub fn total(rows: &[Value], column: &str, wanted: impl Fn(&Value) -> bool) -> u64 {
    rows.iter().filter(|row| wanted(row)).map(|row| number(row, column)).sum()
}

/// An integer column of a row.
///
/// # Panics
/// If there is none, or if it is negative.
pub fn number(row: &Value, column: &str) -> u64 {
    row[column].as_u64().unwrap_or_else(|| panic!("{column} is no count in {row}"))
}

/// Whether a column of a row has this value.
pub fn is(row: &Value, column: &str, value: impl Into<Value>) -> bool {
    row[column] == value.into()
}

/// Asserts that `found` is `truth`, or differs by `percent` of it at most.
#[track_caller]
pub fn assert_near(what: &str, found: u64, truth: u64, percent: f64) {
    let error = found.abs_diff(truth) as f64 * 100.0 / truth.max(1) as f64;
    super::note(format!("{what}: {found}, in truth {truth} ({error:.3} % apart, {percent} % allowed)"));
    assert!(error <= percent, "{what}: {found}, in truth {truth}: {error:.3} % apart, {percent} % allowed");
}

/// So many of a hundred events that strike whoever has the CPU (interrupts, completions of requests, switches) may be missing: a host may
/// keep BPF programs from running while certain processes are on the CPU. The one without kprobes does so for its first process: ftrace
/// and perf(1) see what happens then, no program of anybody does. Guests have nothing to hide.
pub fn unseen() -> f64 {
    if super::in_guest() { 0.0 } else { 3.0 }
}
