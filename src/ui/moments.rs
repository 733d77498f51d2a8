//! Jumps through time that are no single key: to a time of day, to where something was lost.

use std::time::{Duration, UNIX_EPOCH};

use crate::frame::{Frame, Stamp};

use super::app::App;
use super::view::Cause;

const DAY_NS: u64 = 86_400_000_000_000;

impl App {
    /// Goes to the time that the user typed: `14:05`, `14:05:30`, `2026-11-22 14:05`, all in UTC as the timeline
    /// shows them, or `-90s`, `-5m` before the newest frame. A time of day is the last one there was.
    ///
    /// # Errors
    /// What a moment looks like, or that nothing is held of it.
    pub fn go_to(&mut self, text: &str) -> Result<(), String> {
        let held = self.view().and_then(|view| view.history.last()).map(|frame| frame.time);
        let newest = held.or(self.moment()).ok_or("nothing is held yet")?.wall_ns;
        let before = |ago: Duration| newest.saturating_sub(u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX));
        let wall = match text.trim().strip_prefix('-') {
            Some(ago) => humantime::parse_duration(ago.trim()).ok().map(before),
            None => parse_clock(text, newest),
        };
        self.go_to_time(wall.ok_or_else(|| format!("`{text}` is no time such as 14:05, 14:05:30 or -5m"))?);
        Ok(())
    }

    /// Goes to a moment of the wall clock, ns since 1970, and stands still there; as near as frames are held.
    pub fn go_to_time(&mut self, wall_ns: u64) {
        let Some(view) = self.view().filter(|view| !view.history.is_empty()) else {
            return self.say("nothing is held yet");
        };
        let at = view.history.at_wall(wall_ns).unwrap_or(0);
        let time = |at: usize| view.history.get(at).map(|frame| (frame.time, frame.interval.real_ns));
        let (Some((oldest, length)), Some((newest, _)), Some((found, _))) =
            (time(0), time(view.history.len() - 1), time(at))
        else {
            return;
        };
        let early = wall_ns < oldest.wall_ns.saturating_sub(length);
        if (early || wall_ns > newest.wall_ns) && self.seek_wall(wall_ns) {
            return;
        }
        self.stand_at(found.mono_ns);
        if early {
            self.say(format!("nothing older than {} is held", clock(oldest.wall_ns)));
        } else if wall_ns > newest.wall_ns {
            self.say(format!("the newest frame is of {}", clock(newest.wall_ns)));
        }
    }

    /// Goes to the next frame of this view, or the one before, in which something was lost.
    pub fn go_to_loss(&mut self, forward: bool) {
        let Some(view) = self.view() else { return };
        let now = self.cursor.unwrap_or(u64::MAX);
        let lossy = |frame: &&std::sync::Arc<Frame>| frame.lost.total() > 0;
        let marks = view.history.iter().filter(lossy).map(|frame| (frame.time.mono_ns, frame.lost.total()));
        let found = match forward {
            true => marks.into_iter().find(|&(time, _)| time > now),
            false => marks.rev().find(|&(time, _)| time < now),
        };
        match found {
            Some((time, lost)) => {
                self.stand_at(time);
                self.say(format!("lost {lost} here"));
            }
            None => self.say(if forward { "nothing was lost after this" } else { "nothing was lost before this" }),
        }
    }

    /// The moment on the screen.
    pub(super) fn moment(&self) -> Option<Stamp> {
        let view = self.view()?;
        let at = self.cursor.and_then(|moment| view.history.at(moment));
        let held = at.and_then(|at| view.history.get(at)).or(view.history.last());
        held.or(view.shown.as_ref().map(|shown| &shown.source)).map(|frame| frame.time)
    }

    /// Stands still at a moment that is held.
    pub(super) fn stand_at(&mut self, mono_ns: u64) {
        self.cursor = Some(mono_ns);
        self.stand_still();
        self.refresh_all(Cause::User);
    }
}

/// A time that was typed, near `now`.
fn parse_clock(text: &str, now: u64) -> Option<u64> {
    let text = text.trim();
    if let Some((date, time)) = text.split_once(['T', ' ']) {
        let whole = format!("{date}T{}Z", seconds(time.trim_end_matches('Z'))?);
        let moment = humantime::parse_rfc3339(&whole).ok()?.duration_since(UNIX_EPOCH).ok()?;
        return u64::try_from(moment.as_nanos()).ok();
    }
    let mut parts = seconds(text)?;
    parts.insert_str(0, "1970-01-01T");
    let of_day = humantime::parse_rfc3339(&(parts + "Z")).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let today = now - now % DAY_NS + u64::try_from(of_day.as_nanos()).ok()?;
    // A time that is yet to come is yesterday's; a minute ahead is what a recording still holds.
    let ahead = Duration::from_secs(12 * 3600).as_nanos() as u64;
    Some(if today > now.saturating_add(ahead) { today.saturating_sub(DAY_NS) } else { today })
}

/// `14:05` as `14:05:00`.
fn seconds(time: &str) -> Option<String> {
    let parts: Vec<&str> = time.split(':').collect();
    let number = |part: &&str| part.parse::<u8>().is_ok_and(|n| n < 60);
    let [hour, minute, rest @ ..] = parts.as_slice() else { return None };
    let second = match rest {
        [] => "0",
        [second] => second,
        _ => return None,
    };
    if ![hour, minute, &second].iter().all(|part| number(part)) {
        return None;
    }
    Some(format!("{hour:0>2}:{minute:0>2}:{second:0>2}"))
}

/// Time of day, UTC.
pub(super) fn clock(wall_ns: u64) -> String {
    let text = stamp(wall_ns);
    text.get(11..).unwrap_or_default().to_owned()
}

/// Day and time, UTC.
pub(super) fn stamp(wall_ns: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_nanos(wall_ns);
    humantime::format_rfc3339_seconds(time).to_string().replace('T', " ").trim_end_matches('Z').to_owned()
}
