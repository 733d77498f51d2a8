//! The state of one view on the screen: what is held of it, and what is shown of that.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::feed::{LoadStep, Request};
use crate::frame::filter::Bad;
use crate::frame::ids::ById;
use crate::frame::threshold::{Alarm, Threshold, Watch};
use crate::frame::{Frame, Kind, Mode, Status, Table};
use crate::views::ViewDecl;

use super::heat::Heat;
use super::history::History;
use super::rows::grouped_by;
pub use super::shown::{Rendering, Row, Shown};

/// Why such a view cannot be filtered.
pub const ONE_ROW: &str = "this view has one row, which no filter applies to; c chooses its numbers, F what is counted";

/// How long a gone row stays, dimmed, frames.
const GONE_FRAMES: u8 = 3;

/// How long rows keep their order after the user moved among them.
pub const HOLD: Duration = Duration::from_secs(2);

/// Whether the programs of a view are in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Not loaded; frames of earlier may be held.
    Off,
    /// On its way since then.
    Loading(LoadStep, Instant),
    /// Frames come.
    Running,
    /// The source has no more frames.
    Ended,
}

#[derive(Clone, Debug)]
struct Gone {
    frame: Arc<Frame>,
    at: u32,
    place: usize,
    left: u8,
}

/// Why what is shown is worked out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Another frame.
    Frame,
    /// The user changed how it is shown.
    User,
}

/// One view: a tab.
#[derive(Debug)]
pub struct View {
    /// Name.
    pub name: String,
    /// Its declaration; a recording may hold views that this program does not know.
    pub decl: Option<&'static ViewDecl>,
    /// How it was asked for.
    pub request: Request,
    /// Whether it is loaded.
    pub load: Load,
    /// Counts loadings, so that events of an earlier one are told apart.
    pub generation: u32,
    /// Frames held.
    pub history: History,
    /// The short first frame, until a whole one comes.
    pub first: Option<Arc<Frame>>,
    /// Accumulation.
    pub mode: Mode,
    /// Sort column by name and whether descending; `None`: the view's own.
    pub sort: Option<(String, bool)>,
    /// Text of the display filter.
    pub filter: String,
    /// The part of it that is wrong.
    pub bad: Option<Bad>,
    /// Filters typed before, newest last.
    pub typed: Vec<String>,
    /// Rendering, an index into what the kind allows.
    pub rendering: usize,
    /// Idle rows are hidden.
    pub hide_idle: bool,
    /// Identity of the selected row; `None`: the first one.
    pub selected: Option<u64>,
    gone: Option<Gone>,
    /// First row on the screen.
    pub top: usize,
    /// Columns scrolled away at the left.
    pub left: usize,
    /// What is on the screen.
    pub shown: Option<Shown>,
    /// Values of the sorted column over the last frames, by key, of the rows on the screen.
    pub trends: HashMap<u64, Vec<f64>, ById>,
    /// Lost since the view was opened.
    pub lost: u64,
    /// Whether the newest frame lost something.
    pub lost_grew: bool,
    /// CPU spent in its programs, as a fraction of one CPU, when it was last sampled.
    pub bpf: Option<f64>,
    /// Frames received.
    pub seen: u64,
    /// Since when it is off the screen.
    pub hidden_since: Option<Instant>,
    /// Until when rows keep their order.
    pub hold: Option<Instant>,
    /// Its picture over time.
    pub heat: Heat,
    /// Bars and trends on a log scale.
    pub log_scale: bool,
    /// Columns that the user chose, in order; `None`: the view's own.
    pub chosen: Option<Vec<String>>,
    /// Widths that the user chose.
    pub widths: HashMap<String, u16>,
    /// The column that rows are put together by.
    pub group: Option<String>,
    /// Frames with their rows put together, by number: the newest few.
    pub(super) grouped: BTreeMap<u64, Arc<Frame>>,
    /// Rows that stay at the top.
    pub pinned: HashSet<u64, ById>,
    /// Limits on columns.
    pub thresholds: Vec<Threshold>,
    /// Which rows are over them.
    pub watch: Watch,
    /// What was found last.
    pub find: String,
    /// The frame that others are compared with.
    pub baseline: Option<Arc<Frame>>,
}

impl View {
    /// A view that is not loaded yet.
    pub fn new(request: Request, decl: Option<&'static ViewDecl>) -> View {
        View {
            name: request.view.clone(),
            decl,
            request,
            load: Load::Off,
            generation: 0,
            history: History::default(),
            first: None,
            mode: Mode::Interval,
            sort: None,
            filter: String::new(),
            bad: None,
            typed: Vec::new(),
            rendering: 0,
            hide_idle: false,
            selected: None,
            gone: None,
            top: 0,
            left: 0,
            shown: None,
            trends: HashMap::default(),
            lost: 0,
            lost_grew: false,
            bpf: None,
            seen: 0,
            hidden_since: None,
            hold: None,
            heat: Heat::default(),
            log_scale: false,
            chosen: None,
            widths: HashMap::new(),
            group: None,
            grouped: BTreeMap::new(),
            pinned: HashSet::default(),
            thresholds: Vec::new(),
            watch: Watch::default(),
            find: String::new(),
            baseline: None,
        }
    }

    /// A few words behind the name in titles.
    pub fn title(&self) -> &str {
        self.decl.map_or("", |decl| &decl.title)
    }

    /// Shape of its data.
    pub fn kind(&self) -> Kind {
        match (self.decl, &self.shown) {
            (_, Some(shown)) => shown.frame.kind,
            (Some(decl), None) => decl.kind,
            (None, None) => Kind::Table,
        }
    }

    /// Whether it has one row, which is always shown.
    pub fn is_one_row(&self) -> bool {
        self.kind() == Kind::Counters
    }

    /// The ways in which it can be drawn.
    pub fn renderings(&self) -> &'static [Rendering] {
        Rendering::of(self.kind(), self.latency().is_some())
    }

    /// The column that says how long an event took.
    pub fn latency(&self) -> Option<&'static str> {
        self.decl.and_then(|decl| decl.latency.as_deref())
    }

    /// How it is drawn.
    pub fn rendering(&self) -> Rendering {
        let allowed = self.renderings();
        allowed[self.rendering % allowed.len()]
    }

    /// Draws it in this way, if its kind allows it.
    pub fn show_as(&mut self, rendering: Rendering) {
        let place = self.renderings().iter().position(|&known| known == rendering);
        self.rendering = place.unwrap_or(self.rendering);
    }

    /// Why it cannot run, if it said so.
    pub fn unavailable(&self) -> Option<&crate::frame::Unavailable> {
        let newest = self.shown.as_ref().map(|shown| &shown.source).or(self.history.last());
        match &newest?.status {
            Status::Unavailable(unavailable) => Some(unavailable),
            _ => None,
        }
    }

    /// Whether it shows nothing but the offer to try again.
    pub fn needs_retry(&self) -> bool {
        self.unavailable().is_some() || (self.load == Load::Off && self.shown.is_none())
    }

    /// A whole interval has arrived.
    pub fn push(&mut self, frame: Arc<Frame>) -> Alarm {
        self.seen += 1;
        self.first = None;
        self.load = Load::Running;
        self.lost = self.lost.saturating_add(frame.lost.total());
        self.lost_grew = frame.lost.total() > 0;
        if let Some(ns) = frame.cost.bpf_ns {
            self.bpf = Some(ns as f64 / frame.interval.real_ns.max(1) as f64);
        }
        let reloaded =
            |last: &Arc<Frame>| last.settings != frame.settings || last.interval.index >= frame.interval.index;
        if self.history.last().is_some_and(reloaded) {
            self.history.restart();
        }
        let alarm = match (self.thresholds.is_empty(), &self.group) {
            (true, _) => Alarm::default(),
            // Limits are on what is shown: on groups where rows are put together.
            (false, Some(by)) => self.watch.push(&self.thresholds, &grouped_by(&frame, by)),
            (false, None) => self.watch.push(&self.thresholds, &frame),
        };
        self.history.push(frame);
        self.history.mark_last(alarm.worst);
        alarm
    }

    /// Column and direction of the sort in force.
    pub fn sort_by(&self, table: &Table) -> Option<(usize, bool)> {
        if self.is_log() {
            return None;
        }
        let asked = self.sort.as_ref().and_then(|(name, desc)| table.schema.index(name).map(|column| (column, *desc)));
        asked.or(table.schema.sort)
    }

    /// Whether rows keep their order now.
    pub fn holds(&self, now: Instant) -> bool {
        self.hold.is_some_and(|until| now < until)
    }

    /// Works out what is shown at the moment `cursor` (`None`: now).
    pub fn refresh(&mut self, cursor: Option<u64>, now: Instant, cause: Cause) {
        let at = match cursor {
            Some(moment) => self.history.at(moment),
            None => self.history.len().checked_sub(1),
        };
        let live_first = if cursor.is_none() { self.first.clone() } else { None };
        let picked = match (live_first, at) {
            (Some(first), _) => {
                let shown = self.group.as_ref().map(|by| Arc::new(grouped_by(&first, by)));
                Some((None, first.clone(), shown.unwrap_or(first)))
            }
            (None, Some(at)) => {
                self.sync_groups(at);
                let source = self.history.get(at).cloned();
                source.and_then(|source| self.frame_shown(at).map(|shown| (Some(at), source, shown)))
            }
            (None, None) => None,
        };
        let Some((at, source, frame)) = picked else {
            self.shown = None;
            return;
        };
        let rows = self.rows(&frame, at, now);
        let scale = self.scale(&frame, cause);
        let old = self.shown.replace(Shown { frame, source, at, rows, ghost: None, scale });
        self.follow_selection(old, cause);
    }

    fn scale(&self, frame: &Frame, cause: Cause) -> f64 {
        let most = frame.histograms.iter().flat_map(|hist| &hist.buckets).copied().max().unwrap_or(0) as f64;
        match &self.shown {
            Some(old)
                if cause == Cause::Frame && old.scale > most && old.frame.interval.mode == frame.interval.mode =>
            {
                most.max(old.scale * 0.8)
            }
            Some(old) if cause == Cause::User && old.frame.interval.index == frame.interval.index => {
                old.scale.max(most)
            }
            _ => most,
        }
    }

    /// The selection stays on its key; a key that is gone stays for a while, then its neighbour takes over.
    fn follow_selection(&mut self, old: Option<Shown>, cause: Cause) {
        let Some(shown) = &mut self.shown else { return };
        let Some(selected) = self.selected else { return };
        if shown.rows.iter().any(|row| row.id == selected) {
            self.gone = None;
            return;
        }
        // After a reload a row may have had other columns: it cannot be shown among these.
        let schema = &shown.frame.table.schema;
        let same = |frame: &Frame| frame.table.schema == *schema;
        let old = old.filter(|old| same(&old.frame));
        self.gone = self.gone.take().filter(|gone| same(&gone.frame));
        let gone = match (self.gone.take(), cause) {
            (Some(gone), Cause::User) => Some(gone),
            (Some(gone), Cause::Frame) => Some(Gone { left: gone.left - 1, ..gone }),
            (None, cause) => old.and_then(|old| {
                let place = old.rows.iter().position(|row| row.id == selected)?;
                let left = if cause == Cause::Frame { GONE_FRAMES } else { 0 };
                Some(Gone { frame: old.frame.clone(), at: old.rows[place].at, place, left })
            }),
        };
        let Some(gone) = gone else {
            self.selected = None;
            return;
        };
        let place = gone.place.min(shown.rows.len());
        if gone.left > 0 {
            shown.rows.insert(place, Row { at: gone.at, gone: true, id: selected, ..Row::default() });
            shown.ghost = Some(gone.frame.clone());
            self.gone = Some(gone);
        } else {
            let neighbour = place.min(shown.rows.len().saturating_sub(1));
            self.selected = shown.rows.get(neighbour).map(|row| row.id);
        }
    }

    /// Place of the selected row.
    pub fn selected_row(&self) -> Option<usize> {
        let shown = self.shown.as_ref()?;
        match self.selected {
            Some(id) => shown.rows.iter().position(|row| row.id == id),
            // A log follows its newest event until the user goes back.
            None if self.is_log() => shown.rows.len().checked_sub(1),
            None => (!shown.rows.is_empty()).then_some(0),
        }
    }

    /// Selects the row `to`, or the nearest one there is, and holds the order for a while.
    pub fn select(&mut self, to: usize, now: Instant) {
        let Some(shown) = &self.shown else { return };
        if let Some(row) = shown.rows.get(to.min(shown.rows.len().saturating_sub(1))) {
            self.selected = (!self.is_log() || to + 1 < shown.rows.len()).then_some(row.id);
            self.hold = (!self.is_log()).then_some(now + HOLD);
        }
    }

    /// Keeps the selection within the `height` rows on the screen.
    pub fn scroll_to_selection(&mut self, height: usize) {
        let count = self.shown.as_ref().map_or(0, |shown| shown.rows.len());
        let at = self.selected_row().unwrap_or(0);
        self.top = self.top.min(at).max((at + 1).saturating_sub(height)).min(count.saturating_sub(height.max(1)));
    }
}
