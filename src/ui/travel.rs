//! Moving in time: standing still, stepping, jumping to a moment; and how fast time goes.

use std::time::Duration;

use crate::feed::Command;

use super::action::Action;
use super::app::App;
use super::view::Cause;

/// Intervals that `+` and `-` step through, ms.
const INTERVALS: [u64; 8] = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

/// Seconds of a day.
const DAY: u64 = 86_400;

impl App {
    pub(super) fn live(&mut self) {
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
        self.stand(time(to));
        if edge {
            self.say(if to == 0 { "nothing older is held" } else { "this is the newest frame; Space goes live" });
        }
    }

    /// Stands still at a moment; the user may want nothing to be collected meanwhile.
    fn stand(&mut self, moment: u64) {
        self.cursor = Some(moment);
        if self.options.pause_collection {
            (0..self.views.len()).for_each(|at| self.unload(at));
        }
        self.refresh_all(Cause::User);
    }

    /// Goes to a moment: a time of day, `14:05` or `14:05:30`, the last one before now; or `-90s`, `-5m`.
    ///
    /// # Errors
    /// What a moment looks like, or that nothing is held of it.
    pub fn go_to(&mut self, word: &str) -> Result<(), String> {
        let Some(view) = self.view().filter(|view| !view.history.is_empty()) else {
            return Err("nothing is held yet".to_owned());
        };
        let (first, last) = match (view.history.get(0), view.history.last()) {
            (Some(first), Some(last)) => (first.time, last.time),
            _ => return Err("nothing is held yet".to_owned()),
        };
        let ago = |text: &str| {
            humantime::parse_duration(text).ok().map(|ago| last.wall_ns.saturating_sub(ago.as_nanos() as u64))
        };
        let wall = match word.trim().strip_prefix('-') {
            Some(text) => ago(text.trim()),
            None => time_of_day(word.trim()).map(|seconds| {
                let now = last.wall_ns / 1_000_000_000;
                let today = now / DAY * DAY + seconds;
                (if today > now { today.saturating_sub(DAY) } else { today }) * 1_000_000_000
            }),
        };
        let wall = wall.ok_or("a moment is HH:MM, HH:MM:SS (UTC), or -5m")?;
        // The first frame that ended at that moment or after it holds what happened then.
        let frame = view.history.iter().find(|frame| frame.time.wall_ns >= wall);
        let before = wall + 1_000_000_000 < first.wall_ns;
        let moment = frame.map_or(last.mono_ns, |frame| frame.time.mono_ns);
        self.stand(moment);
        if before { Err("nothing older than this is held".to_owned()) } else { Ok(()) }
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

/// Seconds since midnight of `14:05` or `14:05:30`.
fn time_of_day(text: &str) -> Option<u64> {
    let parts: Vec<&str> = text.split(':').collect();
    let digits = |part: &&str| !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(digits) {
        return None;
    }
    let number = |at: usize| parts.get(at).map_or(Some(0), |part| part.parse::<u64>().ok());
    let (hour, minute, second) = (number(0)?, number(1)?, number(2)?);
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read_strictly() {
        assert_eq!(time_of_day("14:05"), Some(50_700));
        assert_eq!(time_of_day("0:0:9"), Some(9));
        for wrong in ["", "14", "24:00", "14:60", "14:05:60", "1a:00", "14:05:00:00", "-1:00", "+1:00", "014:00"] {
            assert_eq!(time_of_day(wrong), None, "{wrong}");
        }
    }
}
