//! Frames held in memory: bounded by number for each view, and by bytes over all views.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::frame::accumulate::Accumulator;
use crate::frame::threshold::Level;
use crate::frame::{Frame, Kind, Mode};

/// Most frames held for one view, unless the user says otherwise.
pub const MAX_FRAMES: usize = 600;

/// Most bytes held by all views together, unless the user says otherwise.
pub const MAX_BYTES: usize = 32 << 20;

#[derive(Clone, Debug)]
struct Held {
    frame: Arc<Frame>,
    /// Counts loadings of the view: totals do not reach over a gap.
    epoch: u32,
    /// How far over its limits the worst row was.
    level: Level,
}

/// The frames of one view, oldest first, and the totals since it was loaded.
#[derive(Debug)]
pub struct History {
    frames: VecDeque<Held>,
    /// Most frames.
    most: usize,
    bytes: usize,
    epoch: u32,
    /// Totals of frames that are no longer held.
    dropped: Accumulator,
    dropped_epoch: u32,
    /// How many frames are no longer held.
    gone: u64,
    /// Totals of everything since the view was loaded, while somebody looks at them.
    total: RefCell<Option<Total>>,
}

/// Totals up to the newest frame.
#[derive(Debug)]
struct Total {
    sum: Accumulator,
    /// The number of the first frame that is not in it.
    next: u64,
    /// It was looked at since the last frame came.
    looked_at: bool,
}

impl Default for History {
    fn default() -> History {
        History {
            frames: VecDeque::new(),
            most: MAX_FRAMES,
            bytes: 0,
            epoch: 0,
            dropped: Accumulator::default(),
            dropped_epoch: 0,
            gone: 0,
            total: RefCell::new(None),
        }
    }
}

impl History {
    /// Holds no more frames than that.
    pub fn limit(&mut self, most: usize) {
        self.most = most.max(1);
    }

    /// The view was loaded again: totals start anew, a gap shows where it was not running.
    pub fn restart(&mut self) {
        self.epoch += 1;
        self.total = RefCell::new(None);
    }

    /// Adds the newest frame and drops the oldest beyond the limit.
    pub fn push(&mut self, frame: Arc<Frame>) {
        self.total.get_mut().take_if(|total| !std::mem::take(&mut total.looked_at));
        self.bytes += frame.held_bytes();
        self.frames.push_back(Held { frame, epoch: self.epoch, level: Level::Fine });
        while self.frames.len() > self.most {
            self.drop_oldest();
        }
    }

    /// Gives up the oldest frame; its numbers stay in the totals.
    pub fn drop_oldest(&mut self) {
        let Some(held) = self.frames.pop_front() else { return };
        self.bytes -= held.frame.held_bytes();
        self.gone += 1;
        if self.dropped_epoch != held.epoch {
            self.dropped = Accumulator::default();
            self.dropped_epoch = held.epoch;
        }
        self.dropped.push(&held.frame);
    }

    /// Number of frames held.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Notes how far over its limits the worst row of the newest frame is.
    pub fn mark_last(&mut self, level: Level) {
        if let Some(held) = self.frames.back_mut() {
            held.level = level;
        }
    }

    /// How far over its limits the worst row of frame `at` was.
    pub fn level(&self, at: usize) -> Level {
        self.frames.get(at).map_or(Level::Fine, |held| held.level)
    }

    /// The newest frame.
    pub fn last(&self) -> Option<&Arc<Frame>> {
        self.frames.back().map(|held| &held.frame)
    }

    /// Frame number `at`, oldest first.
    pub fn get(&self, at: usize) -> Option<&Arc<Frame>> {
        self.frames.get(at).map(|held| &held.frame)
    }

    /// The number of frame `at` among all that there were, which it keeps while others are dropped.
    pub fn number(&self, at: usize) -> u64 {
        self.gone + at as u64
    }

    /// The frame with a number of [`History::number`], while it is held.
    pub fn numbered(&self, number: u64) -> Option<usize> {
        number.checked_sub(self.gone).map(|at| at as usize).filter(|&at| at < self.frames.len())
    }

    /// All frames, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Frame>> + ExactSizeIterator {
        self.frames.iter().map(|held| &held.frame)
    }

    /// Whether the view was not running for a while just before frame `at`.
    pub fn gap_before(&self, at: usize) -> bool {
        at > 0 && matches!((self.frames.get(at - 1), self.frames.get(at)), (Some(a), Some(b)) if a.epoch != b.epoch)
    }

    /// The frame that was on the screen at `mono_ns`: the last one not later, else the oldest held.
    pub fn at(&self, mono_ns: u64) -> Option<usize> {
        let after = self.frames.partition_point(|held| held.frame.time.mono_ns <= mono_ns);
        (!self.frames.is_empty()).then(|| after.saturating_sub(1))
    }

    /// As [`History::at`], by the wall clock.
    pub fn at_wall(&self, wall_ns: u64) -> Option<usize> {
        let after = self.frames.partition_point(|held| held.frame.time.wall_ns <= wall_ns);
        (!self.frames.is_empty()).then(|| after.saturating_sub(1))
    }

    /// Frame `at` as `mode` shows it. Since start, a frame in the past shows what was known then.
    pub fn shown(&self, at: usize, mode: Mode) -> Option<Arc<Frame>> {
        let held = self.frames.get(at)?;
        match mode {
            _ if held.frame.kind == Kind::Events => Some(held.frame.clone()),
            Mode::Interval => Some(held.frame.clone()),
            Mode::PerSecond => Some(Arc::new(crate::frame::accumulate::per_second(&held.frame))),
            Mode::SinceStart if at + 1 == self.frames.len() && held.epoch == self.epoch => {
                self.newest_total().map(Arc::new)
            }
            Mode::SinceStart => self.total_at(at, held.epoch).map(Arc::new),
        }
    }

    /// What [`History::total_at`] finds for the newest frame, kept up from one frame to the next.
    fn newest_total(&self) -> Option<Frame> {
        let mut total = self.total.borrow_mut();
        // Frames may be dropped that were never added: then it has to begin anew.
        let total = match &mut *total {
            Some(total) if total.next >= self.gone => total,
            other => other.insert(Total { sum: self.dropped_of(self.epoch), next: self.gone, looked_at: true }),
        };
        let missing = self.frames.iter().skip((total.next - self.gone) as usize);
        missing.filter(|held| held.epoch == self.epoch).for_each(|held| total.sum.push(&held.frame));
        total.next = self.gone + self.frames.len() as u64;
        total.looked_at = true;
        total.sum.total().cloned()
    }

    fn dropped_of(&self, epoch: u32) -> Accumulator {
        if self.dropped_epoch == epoch { self.dropped.clone() } else { Accumulator::default() }
    }

    fn total_at(&self, at: usize, epoch: u32) -> Option<Frame> {
        let mut total = self.dropped_of(epoch);
        for held in self.frames.iter().take(at + 1).filter(|held| held.epoch == epoch) {
            total.push(&held.frame);
        }
        total.total().cloned()
    }
}

/// Drops the oldest frames of all views together until they fit into `limit` bytes. Each view
/// keeps its newest frame: it is on the screen.
pub fn trim(histories: &mut [&mut History], limit: usize) {
    let mut bytes: usize = histories.iter().map(|history| history.bytes()).sum();
    while bytes > limit {
        let oldest = histories.iter_mut().filter(|history| history.len() > 1);
        let Some(history) = oldest.min_by_key(|history| history.get(0).map_or(0, |frame| frame.time.mono_ns)) else {
            return;
        };
        let before = history.bytes();
        history.drop_oldest();
        bytes -= before - history.bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{self, disk_frame};

    fn bytes_of(frame: &Frame) -> u64 {
        let column = frame.table.schema.index("bytes").unwrap();
        frame.table.sum(column).as_u64().unwrap()
    }

    #[test]
    fn the_number_of_frames_is_bounded_and_totals_survive_the_oldest() {
        let mut history = History::default();
        for index in 0..MAX_FRAMES as u64 + 10 {
            history.push(Arc::new(disk_frame(index)));
        }
        assert_eq!(history.len(), MAX_FRAMES);
        let one = bytes_of(&disk_frame(3)); // the fixture repeats every eight frames
        assert!(one > 0);
        let all: u64 = (0..MAX_FRAMES as u64 + 10).map(|index| bytes_of(&disk_frame(index))).sum();
        let shown = history.shown(MAX_FRAMES - 1, Mode::SinceStart).unwrap();
        assert_eq!(bytes_of(&shown), all);
        let early: u64 = (0..20).map(|index| bytes_of(&disk_frame(index))).sum();
        assert_eq!(bytes_of(&history.shown(9, Mode::SinceStart).unwrap()), early);
    }

    #[test]
    fn memory_is_bounded_over_all_views_and_the_newest_frame_stays() {
        let (mut a, mut b) = (History::default(), History::default());
        for index in 0..10 {
            a.push(Arc::new(disk_frame(index)));
            b.push(Arc::new(testing::net_frame(index)));
        }
        let limit = (a.bytes() + b.bytes()) / 2;
        trim(&mut [&mut a, &mut b], limit);
        assert!(a.bytes() + b.bytes() <= limit);
        assert!(a.len() < 10 && b.len() < 10 && a.len().abs_diff(b.len()) <= 1, "the oldest go first");
        trim(&mut [&mut a, &mut b], 0);
        assert_eq!((a.len(), b.len()), (1, 1));
    }

    #[test]
    fn a_reload_starts_totals_anew_and_leaves_a_gap() {
        let mut history = History::default();
        history.push(Arc::new(disk_frame(0)));
        history.restart();
        history.push(Arc::new(disk_frame(1)));
        assert!(history.gap_before(1) && !history.gap_before(0));
        assert_eq!(bytes_of(&history.shown(1, Mode::SinceStart).unwrap()), bytes_of(&disk_frame(1)));
        assert_eq!(bytes_of(&history.shown(0, Mode::SinceStart).unwrap()), bytes_of(&disk_frame(0)));
    }

    #[test]
    fn totals_are_the_same_however_often_they_are_looked_at() {
        let mut history = History::default();
        history.limit(4);
        let mut all = 0;
        for index in 0..40 {
            history.push(Arc::new(disk_frame(index)));
            all += bytes_of(&disk_frame(index));
            // Now and then, several times in a row, and not for longer than frames are held.
            if index % 3 == 0 || (20..25).contains(&index) {
                let at = history.len() - 1;
                assert_eq!(bytes_of(&history.shown(at, Mode::SinceStart).unwrap()), all, "{index}");
                assert_eq!(bytes_of(&history.shown(at, Mode::SinceStart).unwrap()), all, "{index}");
            }
        }
        assert!(history.total.borrow().is_some());
        (0..8).for_each(|index| history.push(Arc::new(disk_frame(index))));
        assert!(history.total.borrow().is_none(), "nobody looks");
    }

    #[test]
    fn a_moment_finds_its_frame() {
        let mut history = History::default();
        assert_eq!(history.at(5), None);
        for index in 0..3 {
            history.push(Arc::new(disk_frame(index)));
        }
        let time = |at: usize| history.get(at).unwrap().time.mono_ns;
        assert_eq!(history.at(time(1)), Some(1));
        assert_eq!(history.at(time(1) + 1), Some(1));
        assert_eq!(history.at(0), Some(0), "before the oldest: the oldest");
        assert_eq!(history.at(u64::MAX), Some(2));
    }
}
