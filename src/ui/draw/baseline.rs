//! The distribution that others are compared with.

use crate::frame::format::{Look, number};
use crate::frame::{Frame, Histogram, Mode, Unit};

use super::super::view::View;

/// Cells of the column of differences.
pub const WIDTH: u16 = 8;

/// An old distribution, as it would be over the length of the one that is shown.
#[derive(Debug)]
pub struct Baseline {
    hist: Histogram,
    ratio: f64,
}

impl Baseline {
    /// The baseline of a view for the distribution that is drawn.
    pub fn of(view: &View, frame: &Frame) -> Option<Baseline> {
        let base = view.baseline.as_ref()?;
        let keyed = !frame.table.schema.key.is_empty();
        let row = view.selected_row().and_then(|row| view.shown.as_ref()?.rows.get(row));
        let hist = base.distribution(row.map(|row| row.id).filter(|_| keyed));
        let seconds = |frame: &Frame| frame.interval.real_ns.max(1) as f64;
        // Totals since the start were meant as they were; intervals may have got another length.
        let whole = base.interval.mode == Mode::SinceStart;
        Some(Baseline { hist, ratio: if whole { 1.0 } else { seconds(frame) / seconds(base) } })
    }

    /// Its count in some buckets.
    pub fn count(&self, first: usize, last: usize) -> f64 {
        let sum: u64 = self.hist.buckets.iter().take(last + 1).skip(first).sum();
        sum as f64 * self.ratio
    }

    /// Its largest count.
    pub fn most(&self) -> f64 {
        self.hist.buckets.iter().copied().max().unwrap_or(0) as f64 * self.ratio
    }
}

/// A difference with its sign.
pub fn delta(by: f64) -> String {
    match by.round() {
        0.0 => "0".to_owned(),
        by if by > 0.0 => format!("+{}", number(by, Unit::Count, Look::default())),
        by => format!("-{}", number(-by, Unit::Count, Look::default())),
    }
}
