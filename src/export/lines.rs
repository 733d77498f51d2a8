//! Text of a view that has one row: a line for each interval under one head, as BCC's `...stat` tools print it.

use super::shape::wall;
use super::text::{Style, title};
use crate::frame::text::width;
use crate::frame::{Frame, Status};

/// What the last lines were printed under.
#[derive(Default)]
pub(super) struct Lines {
    head: Option<String>,
}

impl Lines {
    /// Something else was printed: the next line has its head again.
    pub fn interrupt(&mut self) {
        self.head = None;
    }

    /// The line of a frame, with a head before it where that is another one than before; and whether it has a head.
    pub fn line(&mut self, frame: &Frame) -> (String, bool) {
        let schema = &frame.table.schema;
        let shown: Vec<usize> = (0..schema.columns.len()).filter(|&column| schema.columns[column].visible).collect();
        let styles: Vec<Style> = shown.iter().map(|&column| Style::of(&schema.columns[column], frame)).collect();
        // Widths come from the declaration: later lines are not known yet.
        let place = |&column: &usize, head: &str| width(head).max(schema.columns[column].ideal_width.into());
        let places: Vec<usize> = shown.iter().zip(&styles).map(|(c, style)| place(c, style.head())).collect();
        let heads = styles.iter().map(|style| style.head().to_owned());
        let mut out = String::new();
        let head = format!("{:8}{}", "TIME", padded(heads, &places));
        // What makes the numbers doubtful for good is told in the title, which then is another one.
        let partial = match &frame.status {
            Status::Partial(reason) => reason.message.as_str(),
            _ => "",
        };
        let sampled = frame.cost.sampled.unwrap_or(1);
        let under = format!("{} {} {partial} {sampled}\n{head}", frame.view, frame.interval.mode.label());
        let begun = self.head.as_ref() != Some(&under);
        if begun {
            out.push_str(&title(frame));
            out.push_str(&head);
            out.push('\n');
            self.head = Some(under);
        }
        for row in 0..frame.table.len() {
            let cells = shown.iter().zip(&styles);
            let cells = cells.map(|(&column, style)| style.cell(&frame.table, frame.table.cell(row, column)));
            let wall = wall(frame);
            out.push_str(&format!("{:8}{}", wall.get(11..19).unwrap_or(""), padded(cells, &places)));
            if frame.lost.total() > 0 {
                out.push_str(&format!("  lost {}", frame.lost.total()));
            }
            out.push('\n');
        }
        (out, begun)
    }
}

/// Cells at the right of their places.
fn padded(cells: impl Iterator<Item = String>, places: &[usize]) -> String {
    let mut out = String::new();
    for (cell, place) in cells.zip(places) {
        out.extend([" ", &" ".repeat(place.saturating_sub(width(&cell))), &cell]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::frame::accumulate::{Accumulator, per_second};
    use crate::frame::{Mode, Value};

    fn lines(frames: &[Frame]) -> Vec<String> {
        let mut lines = Lines::default();
        let text: String = frames.iter().map(|frame| lines.line(frame).0).collect();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn one_head_and_a_line_for_each_interval() {
        let mut idle = sample::counters();
        idle.table.row_mut(0)[..3].copy_from_slice(&[Value::Uint(0), Value::Uint(0), Value::Null]);
        idle.lost.events = 3;
        assert_eq!(
            lines(&[sample::counters(), idle]),
            [
                "2026-11-22T11:10:31Z samplestat  interval, 2.0 s",
                "TIME         READ/s    WRITE/s      RATIO  CACHED_MB",
                "11:10:31      512.0        2.0      99.6%       64.0",
                "11:10:31        0.0        0.0          -       64.0  lost 3",
            ]
        );
    }

    #[test]
    fn a_head_says_by_second_only_where_it_is() {
        let second = lines(&[per_second(&sample::counters())]);
        assert!(second[1].contains("READ/s") && second[2].contains(" 512.0 "), "{second:?}");
        let mut total = Accumulator::default();
        total.push(&sample::counters());
        total.push(&sample::counters());
        let total = total.total().expect("two frames").clone();
        assert_eq!(total.interval.mode, Mode::SinceStart);
        let total = lines(&[total]);
        assert!(!total[1].contains("/s") && total[2].contains(" 2048 ") && total[2].ends_with("64.0"), "{total:?}");
    }

    #[test]
    fn what_changes_the_meaning_has_its_head_again() {
        let mut lines = Lines::default();
        assert!(lines.line(&sample::counters()).1);
        assert!(!lines.line(&sample::counters()).1);
        assert!(lines.line(&per_second(&sample::counters())).1);
        lines.interrupt();
        assert!(lines.line(&per_second(&sample::counters())).1);
    }
}
