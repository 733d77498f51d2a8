//! Pictures over time: which frames are in which column, and what scale they are on.
//!
//! A column keeps its place while it is on the screen: the newest one overwrites the oldest, as a
//! heart monitor does. So a tick changes one column, not all of them.

use std::collections::BTreeMap;

use ratatui::layout::Rect;

use crate::frame::filter::Filter;
use crate::frame::{Frame, Histogram, Kind, Table};

use super::app::{App, Screen};
use super::history::History;
use super::layout;
use super::view::{Rendering, View};

/// Cells of the bucket labels, with the tick.
pub const LABEL: u16 = 9;

/// Decades of the colour scale.
pub const DECADES: i32 = 4;

/// Most lines of one row. Each costs bytes with every tick.
const HIGHEST: u16 = 3;

/// Frames that one column may put together.
const ZOOM: [u64; 6] = [1, 2, 5, 10, 30, 60];

/// One column: some frames put together.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// What happened in it.
    pub hist: Histogram,
    /// Events in it of which it is not known how long they took.
    pub unknown: u64,
    /// How long it was.
    pub seconds: f64,
    /// When it ended.
    pub wall_ns: u64,
    /// When it ended, for going there.
    pub mono_ns: u64,
    /// Something was lost in it.
    pub lost: bool,
    /// The view was not running for a while just before it.
    pub gap: bool,
    /// How many frames it is made of.
    frames: u64,
}

/// What a picture counts of each frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted<'a> {
    /// The distribution of this row; `None`: those of all rows.
    pub key: Option<u64>,
    /// Single events, by what this column holds.
    pub latency: Option<&'static str>,
    /// The display filter, which events have to pass.
    pub filter: &'a str,
}

impl Counted<'_> {
    fn of(&self, frame: &Frame) -> (Histogram, u64) {
        let Some(name) = self.latency else { return (frame.distribution(self.key), 0) };
        let schema = &frame.table.schema;
        // Events counted by key, of before a reload, have no times.
        let Some(column) = schema.index(name).filter(|_| frame.kind == Kind::Events) else { return Default::default() };
        let (filter, _) = Filter::parse(self.filter, schema);
        frame.distribution_of(column, |table: &Table, row| filter.is_empty() || filter.matches(table, row))
    }
}

/// A choice of time and buckets, corners included: columns and buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// First and last column.
    pub columns: (u64, u64),
    /// Lowest and highest bucket.
    pub buckets: (usize, usize),
}

/// The picture of one view. What is on the screen only grows: equal colours stay equal, rows stay where they are.
#[derive(Clone, Debug, Default)]
pub struct Heat {
    /// Columns on the screen by number.
    pub columns: BTreeMap<u64, Column>,
    /// The newest column.
    pub end: u64,
    /// The column that is looked at while time stands still.
    pub here: Option<u64>,
    /// Lowest and highest bucket seen.
    pub buckets: Option<(usize, usize)>,
    /// The power of ten of events a second that the scale ends at.
    pub top: i32,
    /// Bucket of the cross-hair, once it was moved.
    pub row: Option<usize>,
    /// What was chosen with the mouse.
    pub choice: Option<Choice>,
    /// Where the mouse button went down.
    pub anchor: Option<(u64, usize)>,
    /// Index into [`ZOOM`].
    zoom: usize,
    /// Whose distribution it is.
    key: Option<u64>,
    /// Which events are counted.
    filter: String,
    width: u64,
    height: u16,
}

impl Heat {
    /// Frames in one column.
    pub fn frames(&self) -> u64 {
        ZOOM[self.zoom]
    }

    /// More (or less) time in a column; `false` if that is not possible.
    pub fn zoom(&mut self, by: isize) -> bool {
        let Some(to) = self.zoom.checked_add_signed(by).filter(|&to| to < ZOOM.len()) else { return false };
        *self = Heat { zoom: to, ..Heat::default() };
        true
    }

    /// Brings the columns in line with the history: `at` is the frame that is looked at.
    pub fn sync(&mut self, history: &History, at: usize, live: bool, what: Counted<'_>, (width, height): (u16, u16)) {
        if self.key != what.key || self.filter != what.filter || self.top == 0 {
            let filter = what.filter.to_owned();
            *self = Heat { zoom: self.zoom, key: what.key, filter, top: DECADES, ..Heat::default() };
        }
        (self.width, self.height) = (u64::from(width.max(2)), height);
        let (z, held) = (self.frames(), self.width - 1);
        let here = history.number(at) / z;
        self.here = (!live).then_some(here);
        if live {
            (self.row, self.choice, self.anchor, self.end) = (None, None, None, here);
        } else if here > self.end || here + held <= self.end {
            // Outside: the column that is looked at moves to the middle, as far as there are newer ones.
            let last = history.number(history.len().saturating_sub(1)) / z;
            self.end = (here + held / 2).min(last).max(here);
        }
        let first = (self.end + 1).saturating_sub(held);
        self.columns.retain(|number, column| (first..=self.end).contains(number) && column.frames == z);
        for number in first..=self.end {
            if !self.columns.contains_key(&number)
                && let Some(column) = gather(history, number * z..(number + 1) * z, what)
            {
                self.grow(&column);
                self.columns.insert(number, column);
            }
        }
    }

    fn grow(&mut self, column: &Column) {
        let Some((low, high)) = column.hist.used() else { return };
        self.buckets = Some(self.buckets.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
        let most = column.hist.buckets.iter().copied().max().unwrap_or(0) as f64 / column.seconds.max(1e-9);
        while most >= 10f64.powi(self.top) && self.top < 18 {
            self.top += 1;
        }
    }

    /// Where column `number` is on a picture; newest at the right when it scrolls.
    pub fn place(&self, number: u64, scroll: bool) -> u16 {
        // Before the first whole frame there is no width yet.
        let width = self.width.max(1);
        let x = if scroll { (width - 1).saturating_sub(self.end.saturating_sub(number)) } else { number % width };
        x as u16
    }

    /// The column at a place.
    pub fn at(&self, x: u16, scroll: bool) -> Option<u64> {
        self.columns.keys().copied().find(|&number| self.place(number, scroll) == x)
    }

    /// The step of the ramp for so many events a second: half a decade each.
    pub fn step(&self, rate: f64) -> usize {
        let step = (rate.log10() - f64::from(self.top - DECADES)) * 2.0;
        (step.floor().max(0.0) as usize).min(super::theme::ramp::STEPS - 1)
    }

    /// The buckets of each row, lowest first: several are put together rather than cut.
    pub fn rows(&self) -> Vec<(usize, usize)> {
        let Some((low, high)) = self.buckets else { return Vec::new() };
        let step = (high - low + 1).div_ceil(usize::from(self.height.max(1))).max(1);
        (low..=high).step_by(step).map(|from| (from, from + step - 1)).collect()
    }

    /// Lines that each row takes: few buckets on a large screen are drawn higher.
    pub fn lines(&self) -> u16 {
        (self.height / self.rows().len().max(1) as u16).clamp(1, HIGHEST)
    }

    /// What the cross-hair is on: a column and the buckets of a row.
    pub fn cross(&self) -> Option<Choice> {
        let (column, bucket) = self.here.zip(self.bucket())?;
        let row = self.rows().into_iter().find(|(low, high)| (low..=high).contains(&&bucket))?;
        Some(Choice { columns: (column, column), buckets: row })
    }

    /// The bucket of the cross-hair: where most happened, until it was moved.
    pub fn bucket(&self) -> Option<usize> {
        let column = self.columns.get(&self.here?)?;
        let most = || column.hist.buckets.iter().enumerate().max_by_key(|&(at, n)| (*n, std::cmp::Reverse(at)));
        self.row.or_else(|| most().map(|(at, _)| at)).filter(|_| self.buckets.is_some())
    }

    /// Number of events of some columns and buckets, and of all buckets of those columns.
    pub fn count(&self, choice: &Choice) -> (u64, u64) {
        let (low, high) = choice.buckets;
        let columns = self.columns.range(choice.columns.0..=choice.columns.1).map(|(_, column)| &column.hist);
        columns.fold((0, 0), |(some, all), hist| {
            let inside: u64 = hist.buckets.iter().take(high + 1).skip(low).sum();
            (some + inside, all + hist.count())
        })
    }
}

fn gather(history: &History, numbers: std::ops::Range<u64>, what: Counted<'_>) -> Option<Column> {
    let mut column = Column::default();
    for at in numbers.filter_map(|number| history.numbered(number)) {
        let Some(frame) = history.get(at) else { continue };
        column.gap |= history.gap_before(at);
        let (hist, unknown) = what.of(frame);
        column.hist.merge(&hist);
        column.unknown += unknown;
        column.seconds += frame.interval.real_ns as f64 / 1e9;
        column.lost |= frame.lost.total() > 0;
        (column.wall_ns, column.mono_ns) = (frame.time.wall_ns, frame.time.mono_ns);
        column.frames += 1;
    }
    (column.frames > 0).then_some(column)
}

/// The parts of a picture over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The histogram above it, with its border.
    pub hist: Rect,
    /// What the colours mean.
    pub legend: Rect,
    /// Labels of the rows.
    pub labels: Rect,
    /// The map.
    pub map: Rect,
    /// Time.
    pub axis: Rect,
}

/// Whether pictures have a border: where nothing is lost by it.
pub fn framed(app: &App, area: Rect) -> bool {
    app.area.width >= 80 && app.area.height >= 24 && matches!(app.screen, Screen::View(_)) && area.width >= 60
}

/// Whether a view has several distributions, one of which is drawn.
pub fn is_keyed(view: &View) -> bool {
    let keyed = |frame: &Frame| frame.kind == Kind::Histogram && !frame.table.schema.key.is_empty();
    view.shown.as_ref().is_some_and(|shown| keyed(&shown.frame))
}

/// Where the distribution of a view is drawn: beside the list, if there is one.
pub fn picture(app: &App, view: &View, area: Rect) -> Option<Rect> {
    if !is_keyed(view) {
        return Some(area);
    }
    (layout::list_area(app, area) != area).then(|| layout::split_list(area).1)
}

/// The parts of the picture of a view in `area`; `None` where it has none, or no room for one.
pub fn parts(app: &App, view: &View, area: Rect) -> Option<Parts> {
    let area = picture(app, view, area)?;
    let edge = u16::from(framed(app, area));
    let pane = app.screen == Screen::Dashboard && !layout::single_pane(app);
    let hist = match view.rendering() {
        Rendering::Histogram if pane || area.height < 13 || area.width < 36 => return None,
        Rendering::Histogram => {
            let map = ((area.height - 2 - edge) * 6 / 17).max(4);
            (area.height - 1 - map).min(24)
        }
        Rendering::HeatMap | Rendering::Percentiles if area.height >= 3 && area.width >= 16 => 1,
        _ => return None,
    };
    let top = area.y + hist;
    let height = area.bottom().saturating_sub(top + 1);
    let labels = Rect::new(area.x + edge, top, LABEL, height);
    let map = Rect::new(labels.right(), top, area.width.saturating_sub(LABEL + 2 * edge), height);
    let hist_height = if hist == 1 { 0 } else { hist - 1 + edge };
    Some(Parts {
        hist: Rect { height: hist_height, ..area },
        legend: Rect::new(area.x, top - 1, area.width, 1),
        labels,
        map,
        axis: Rect::new(area.x, map.bottom(), area.width, 1),
    })
    .filter(|parts| parts.map.width >= 4 && parts.map.height > 0)
}

impl App {
    /// Brings the picture of a view in line with what is held. Called before each drawing.
    pub(super) fn sync_heat(&mut self, at: usize) {
        let area = layout::area_of(self, at);
        let Some(parts) = self.views.get(at).and_then(|view| parts(self, view, area)) else { return };
        let live = self.cursor.is_none();
        let view = &mut self.views[at];
        let Some(frame) = view.shown.as_ref().and_then(|shown| shown.at) else { return };
        let row = view.selected_row().and_then(|row| view.shown.as_ref()?.rows.get(row).map(|row| row.id));
        let key = row.filter(|_| is_keyed(view));
        let latency = view.latency().filter(|_| view.kind() == Kind::Events);
        // Filters of distributions choose rows of the list, those of events what is counted.
        let filter = latency.map_or("", |_| view.filter.as_str());
        let mut heat = std::mem::take(&mut view.heat);
        heat.sync(&view.history, frame, live, Counted { key, latency, filter }, (parts.map.width, parts.map.height));
        view.heat = heat;
    }

    /// Whether the cross-hair of a heat map is on the screen.
    pub fn has_cross(&self) -> bool {
        let Some((at, view)) = self.current().zip(self.view()) else { return false };
        let map = matches!(view.rendering(), Rendering::Histogram | Rendering::HeatMap);
        map && self.cursor.is_some()
            && view.heat.here.is_some()
            && parts(self, view, layout::area_of(self, at)).is_some()
    }

    /// Moves the cross-hair to another bucket.
    pub(super) fn move_cross(&mut self, by: isize) {
        let Some(at) = self.current() else { return };
        let heat = &mut self.views[at].heat;
        let rows = heat.rows();
        let Some(bucket) = heat.bucket() else { return };
        let row = rows.iter().position(|&(low, high)| (low..=high).contains(&bucket)).unwrap_or(0);
        match rows.get((row as isize - by).clamp(0, rows.len() as isize - 1) as usize) {
            Some(&(low, _)) => heat.row = Some(low),
            None => self.say("nothing was measured yet"),
        }
        self.views[at].heat.choice = None;
        self.dirty = true;
    }
}
