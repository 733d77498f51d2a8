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
        let styles: Vec<Style> =
            shown.iter().map(|&column| Style::of(&schema.columns[column], &frame.interval)).collect();
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
        let under = format!("{} {} {partial}\n{head}", frame.view, frame.interval.mode.label());
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
