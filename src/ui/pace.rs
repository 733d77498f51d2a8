//! When to draw: at once for the user, once an interval for data.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::app::App;
use super::view::Load;

/// Progress of loading is put together over this long.
const SETTLE: Duration = Duration::from_millis(50);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The user did something, or waits for an answer.
    User,
    /// A moment came that the state waited for.
    Time,
    /// A view has a frame.
    Frame(usize),
    /// A view is further with its loading.
    Progress,
    /// A gauge; it can wait for the next frame.
    Gauge,
}

/// Views on a dashboard deliver at different moments: the screen is drawn when all of them have, so
/// that an interval is one drawing.
#[derive(Debug)]
pub struct Pace {
    at_once: bool,
    settle: Option<Instant>,
    delivered: HashSet<usize>,
    last: Instant,
    /// The line is so slow that only every second interval is drawn.
    pub sluggish: bool,
}

impl Pace {
    /// Nothing is drawn yet.
    pub fn new(now: Instant) -> Pace {
        Pace { at_once: true, settle: None, delivered: HashSet::new(), last: now, sluggish: false }
    }

    /// Something happened.
    pub fn happened(&mut self, what: What, now: Instant) {
        match what {
            What::User | What::Time => self.at_once = true,
            What::Frame(view) => {
                self.delivered.insert(view);
            }
            What::Progress => self.settle = Some(self.settle.unwrap_or(now + SETTLE)),
            What::Gauge => {}
        }
    }

    /// Whether what is dirty may be drawn now.
    pub fn may_draw(&self, app: &App, now: Instant) -> bool {
        self.at_once || self.due(app).is_some_and(|due| now >= due)
    }

    /// When what is dirty has to be drawn; `None`: nothing is.
    pub fn due(&self, app: &App) -> Option<Instant> {
        if !app.dirty {
            return None;
        }
        if self.sluggish {
            return Some(self.last + app.interval.mul_f64(1.5));
        }
        let mut running = app.visible().filter(|&at| app.views[at].load == Load::Running);
        if !self.delivered.is_empty() && running.all(|at| self.delivered.contains(&at)) {
            return Some(self.last);
        }
        // A view that does not deliver holds the others up for a fifth of an interval only.
        let late = self.last + app.interval.mul_f64(1.2);
        Some(self.settle.map_or(late, |settle| settle.min(late)))
    }

    /// The screen was drawn.
    pub fn drawn(&mut self, now: Instant) {
        *self = Pace { at_once: false, settle: None, delivered: HashSet::new(), last: now, sluggish: self.sluggish };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::glyphs::Level;
    use crate::ui::testing::{Rig, cache_frame, disk_frame};

    const SECOND: Duration = Duration::from_secs(1);

    fn rig() -> (Rig, Pace) {
        let mut rig = Rig::new(&["biotop", "cachetop"], (80, 24), Level::Unicode);
        rig.frame(disk_frame(0));
        rig.frame(cache_frame(0));
        let mut pace = Pace::new(rig.now);
        pace.drawn(rig.now);
        (rig, pace)
    }

    #[test]
    fn an_interval_of_several_views_is_one_drawing() {
        let (mut rig, mut pace) = rig();
        let soon = rig.now + SECOND;
        rig.frame(disk_frame(1));
        pace.happened(What::Frame(0), soon);
        assert!(!pace.may_draw(&rig.app, soon), "the other one is not there yet");
        pace.happened(What::Frame(1), soon);
        assert!(pace.may_draw(&rig.app, soon));
        pace.drawn(soon);
        rig.app.dirty = false;
        assert_eq!(pace.due(&rig.app), None, "nothing changed, nothing is drawn");
    }

    #[test]
    fn a_view_that_does_not_deliver_holds_up_nobody_for_long() {
        let (mut rig, mut pace) = rig();
        rig.frame(disk_frame(1));
        pace.happened(What::Frame(0), rig.now + SECOND);
        assert!(pace.may_draw(&rig.app, rig.now + SECOND * 2));
    }

    #[test]
    fn the_user_never_waits_and_a_slow_line_does() {
        let (mut rig, mut pace) = rig();
        rig.keys("j");
        pace.happened(What::User, rig.now);
        assert!(pace.may_draw(&rig.app, rig.now));
        pace.drawn(rig.now);
        pace.sluggish = true;
        rig.app.dirty = true;
        pace.happened(What::Frame(0), rig.now + SECOND);
        pace.happened(What::Frame(1), rig.now + SECOND);
        assert!(!pace.may_draw(&rig.app, rig.now + SECOND));
        assert!(pace.may_draw(&rig.app, rig.now + SECOND * 2));
    }
}
