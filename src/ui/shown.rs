//! What is on the screen of a view, and how it is drawn.

use std::sync::Arc;

use crate::frame::threshold::Level;
use crate::frame::{Frame, Kind, Table};

/// How a view is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendering {
    /// Rows and columns.
    Table,
    /// Each row's main number over time; of a view with one row, each of its numbers.
    Trend,
    /// Single events, the newest at the bottom.
    Log,
    /// Bars by bucket, and a heat map of the time before where there is room.
    Histogram,
    /// Time by bucket, colour is how many.
    HeatMap,
    /// Percentiles over time.
    Percentiles,
}

impl Rendering {
    /// What a kind allows, the default first; `timed`: of events it is known how long they took.
    pub fn of(kind: Kind, timed: bool) -> &'static [Rendering] {
        match kind {
            Kind::Counters => &[Rendering::Trend, Rendering::Table],
            Kind::Table => &[Rendering::Table, Rendering::Trend],
            Kind::Events if timed => &[Rendering::Log, Rendering::Table, Rendering::HeatMap],
            Kind::Events => &[Rendering::Log, Rendering::Table],
            Kind::Histogram => &[Rendering::Histogram, Rendering::HeatMap, Rendering::Percentiles, Rendering::Table],
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Rendering::Table => "table",
            Rendering::Trend => "trend",
            Rendering::Log => "log",
            Rendering::Histogram => "histogram",
            Rendering::HeatMap => "heat map",
            Rendering::Percentiles => "percentiles over time",
        }
    }
}

/// A row on the screen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    /// Row of the frame, or of the ghost's frame.
    pub at: u32,
    /// Not in the frame before.
    pub fresh: bool,
    /// The selected row, which is no longer in the frame.
    pub gone: bool,
    /// Kept at the top.
    pub pinned: bool,
    /// How far over its limits it is.
    pub level: Level,
    /// What names it: see [`Table::ids`].
    pub id: u64,
}

/// What is on the screen of a view, worked out once for each frame or key press.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The frame as the accumulation mode shows it.
    pub frame: Arc<Frame>,
    /// The interval frame it is made from: its losses, status and cost.
    pub source: Arc<Frame>,
    /// Its place in the history; `None` for the short first frame.
    pub at: Option<usize>,
    /// Rows after filter and sort.
    pub rows: Vec<Row>,
    /// Where the row that is gone can still be read.
    pub(super) ghost: Option<Arc<Frame>>,
    /// End of the scale of bars; it falls slowly so that bars do not jump.
    pub scale: f64,
}

impl Shown {
    /// The table that holds `row`.
    pub fn table(&self, row: &Row) -> &Table {
        match (&self.ghost, row.gone) {
            (Some(ghost), true) => &ghost.table,
            _ => &self.frame.table,
        }
    }

    /// The frame that holds `row`.
    pub fn frame_of(&self, row: &Row) -> &Frame {
        match (&self.ghost, row.gone) {
            (Some(ghost), true) => ghost,
            _ => &self.frame,
        }
    }
}
