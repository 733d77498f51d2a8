//! The numbers of a view that has one row: each with its past.

use crate::frame::{Agg, Frame, Kind, Mode};

use super::view::{Rendering, View};

/// One number of the view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Its column in the frame that is shown.
    pub column: usize,
    /// Its values over the newest frames, a cell for each; 0 where there is none.
    pub values: Vec<f64>,
    /// The smallest and the largest value of all frames held.
    pub range: Option<(f64, f64)>,
}

/// Whether the view is drawn as a line for each of its numbers.
pub fn is_drawn_for(view: &View) -> bool {
    view.kind() == Kind::Counters && view.rendering() == Rendering::Trend
}

/// The columns that have a line, in their order.
pub fn columns(view: &View) -> Vec<usize> {
    let Some(shown) = &view.shown else { return Vec::new() };
    let table = &shown.frame.table;
    let sort = view.sort_by(table).map(|(column, _)| column);
    view.columns(&table.schema, sort)
}

/// The lines from `first` on, `count` at most, with `cells` values each. With `sweep` a frame keeps its place, and the
/// newest one overwrites the oldest.
pub fn lines(view: &View, first: usize, count: usize, cells: usize, sweep: bool) -> Vec<Line> {
    let Some(shown) = &view.shown else { return Vec::new() };
    let schema = &shown.frame.table.schema;
    let columns = columns(view).into_iter().skip(first).take(count);
    let mut lines: Vec<Line> = columns.map(|column| Line { column, values: vec![0.0; cells], range: None }).collect();
    // The cell behind the newest one stays empty where places are kept.
    let start = shown.at.map(|end| (end + 1).saturating_sub(cells - usize::from(sweep && cells > 1)));
    for (at, frame) in view.history.iter().enumerate() {
        let slot = match (shown.at, start) {
            (Some(end), Some(start)) if (start..=end).contains(&at) && cells > 0 => {
                Some(if sweep { (view.history.number(at) % cells as u64) as usize } else { cells - 1 - (end - at) })
            }
            _ => None,
        };
        // Frames of one loading share their columns; another loading may have had others.
        let same = frame.table.schema == *schema;
        for line in &mut lines {
            let name = &schema.columns[line.column].name;
            let column = if same { Some(line.column) } else { frame.table.schema.index(name) };
            let Some(value) = column.and_then(|column| value(frame, column, view.mode)) else { continue };
            let (least, most) = line.range.unwrap_or((value, value));
            line.range = Some((least.min(value), most.max(value)));
            if let Some(cell) = slot.and_then(|slot| line.values.get_mut(slot)) {
                *cell = value;
            }
        }
    }
    lines
}

/// A number of an interval. What is shown since the start has a past of intervals: a sum only ever grows.
fn value(frame: &Frame, column: usize, mode: Mode) -> Option<f64> {
    let table = &frame.table;
    if table.is_empty() {
        return None;
    }
    let value = table.cell(0, column).as_f64()?;
    let seconds = frame.interval.real_ns as f64 / 1e9;
    let per_second = mode == Mode::PerSecond && frame.interval.mode == Mode::Interval;
    let divide = per_second && table.schema.columns[column].agg == Agg::Sum && seconds > 0.0;
    Some(if divide { value / seconds } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::Rig;
    use crate::ui::tests::counters::counters_frame;

    fn rig(frames: u64) -> Rig {
        let mut rig = Rig::new(&["cachestat"], (80, 24), crate::ui::glyphs::Level::Unicode);
        for index in 0..frames {
            let mut frame = counters_frame(index);
            frame.interval.real_ns = 2_000_000_000;
            rig.frame(frame);
        }
        rig
    }

    fn hits(index: u64) -> f64 {
        let frame = counters_frame(index);
        frame.table.cell(0, 0).as_f64().unwrap()
    }

    #[test]
    fn the_range_is_of_all_that_is_held_and_the_values_are_the_newest() {
        let rig = rig(12);
        let lines = lines(&rig.app.views[0], 0, 9, 4, false);
        let all: Vec<f64> = (0..12).map(hits).collect();
        let most = all.iter().copied().fold(0.0, f64::max);
        let least = all.iter().copied().fold(f64::MAX, f64::min);
        assert_eq!(lines[0].range, Some((least, most)));
        assert_eq!(lines[0].values, all[8..]);
        assert_eq!(lines.len(), 6);
    }

    #[test]
    fn sums_are_divided_per_second_and_gauges_are_not() {
        let mut rig = rig(3);
        rig.keys("a");
        let lines = lines(&rig.app.views[0], 0, 9, 2, false);
        assert_eq!(lines[0].values, [hits(1) / 2.0, hits(2) / 2.0]);
        let gauge = lines.last().unwrap();
        let newest = counters_frame(2);
        assert_eq!(Some(gauge.values[1]), newest.table.cell(0, gauge.column).as_f64());
    }

    #[test]
    fn a_frame_keeps_its_cell_where_pictures_sweep() {
        let (five, six) = (rig(5), rig(6));
        let before = lines(&five.app.views[0], 0, 1, 4, true).remove(0).values;
        let after = lines(&six.app.views[0], 0, 1, 4, true).remove(0).values;
        let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
        assert!(changed <= 2, "{before:?} {after:?}");
        assert_eq!(after[2], 0.0, "the cell behind the newest is empty");
    }

    #[test]
    fn what_has_no_past_has_no_range() {
        let rig = rig(0);
        assert!(lines(&rig.app.views[0], 0, 9, 4, false).is_empty());
    }
}
