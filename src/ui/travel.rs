//! Moving in time: standing still, stepping, jumping to a moment; and how fast time goes.

use std::time::Duration;

use crate::feed::Command;

use super::action::Action;
use super::app::App;
use super::view::Cause;

/// Intervals that `+` and `-` step through, ms.
const INTERVALS: [u64; 8] = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

impl App {
    pub(super) fn live(&mut self) {
        if self.replay.is_some() {
            return self.play_on();
        }
        self.cursor = None;
        if self.options.pause_collection {
            // What is on the screen is loaded again.
            self.show(self.screen);
        }
        self.refresh_all(Cause::User);
    }

    pub(super) fn travel(&mut self, action: Action) {
        if action == Action::Pause && self.cursor.is_some() {
            return self.live();
        }
        let Some(view) = self.view().filter(|view| !view.history.is_empty()) else {
            return self.say("nothing is held yet");
        };
        let last = view.history.len() - 1;
        let at = self.cursor.and_then(|moment| view.history.at(moment)).unwrap_or(last);
        let time = |at: usize| view.history.get(at).map_or(0, |frame| frame.time.mono_ns);
        let minute = Duration::from_secs(60).as_nanos() as u64;
        let to = match action {
            Action::Earlier => at.saturating_sub(1),
            Action::Later => (at + 1).min(last),
            Action::MinuteEarlier => view.history.at(time(at).saturating_sub(minute)).unwrap_or(0),
            Action::MinuteLater => view.history.at(time(at) + minute).unwrap_or(last),
            _ => at,
        };
        let edge = to == at && action != Action::Pause;
        self.stand_at(time(to));
        if edge {
            let key = self.options.keys.hint(Action::Pause);
            self.say(match to == 0 {
                true => "nothing older is held".to_owned(),
                false => format!("this is the newest frame; {key} goes live"),
            });
        }
    }

    pub(super) fn change_interval(&mut self, by: isize) {
        let now = self.interval.as_millis() as u64;
        let slowest = if self.options.slow { 5000 } else { 0 };
        let mut steps = INTERVALS.iter().copied().filter(|&ms| ms >= slowest);
        let next = if by > 0 { steps.find(|&ms| ms > now) } else { steps.rfind(|&ms| ms < now) };
        match next {
            Some(next) => self.set_interval(Duration::from_millis(next)),
            None => self.say("that is as far as it goes"),
        }
    }

    /// Another interval, for every view.
    pub(super) fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
        for at in 0..self.views.len() {
            self.views[at].request.interval = interval;
            self.tell(at, Command::Interval(interval));
        }
        self.dirty = true;
    }

    /// The interval that was typed, in seconds.
    ///
    /// # Errors
    /// What it may be.
    pub(super) fn type_interval(&mut self, text: &str) -> Result<(), String> {
        let least = if self.options.slow { 5.0 } else { 0.1 };
        let seconds = text.trim().trim_end_matches('s').parse::<f64>().ok();
        let seconds = seconds.filter(|seconds| (least..=3600.0).contains(seconds));
        let seconds = seconds.ok_or_else(|| format!("an interval is {least} to 3600 seconds"))?;
        self.set_interval(Duration::from_secs_f64(seconds));
        Ok(())
    }
}
