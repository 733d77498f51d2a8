//! The explorer over a recording: its clock can be stopped and moved, and nothing is collected.

use std::collections::HashMap;
use std::sync::Arc;

use crate::feed::{LoadStep, Transport};
use crate::frame::{Frame, Stamp};

use super::Options;
use super::action::Action;
use super::app::App;
use super::history::History;
use super::message::Effect;
use super::moments::{clock, stamp};
use super::view::{Cause, Load};

/// Speeds that `+` and `-` step through.
const SPEEDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

const MINUTE_NS: u64 = 60_000_000_000;

/// What is replayed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replay {
    /// When its first interval ended.
    pub first: Stamp,
    /// When its last interval ended.
    pub last: Stamp,
    /// So many times as fast as it was.
    pub speed: f64,
    /// It came with the program.
    pub demo: bool,
}

/// A replay on the screen.
#[derive(Clone, Copy, Debug)]
pub struct Playing {
    what: Replay,
    /// The screen follows frames that arrive although it stands still: it was moved to them.
    follow: bool,
}

impl Playing {
    /// At its start.
    pub fn new(what: Replay) -> Playing {
        Playing { what, follow: false }
    }
}

/// Views that a replay cannot open, with the reason; none where it is live.
pub fn not_recorded(options: &Options) -> HashMap<String, String> {
    let names = crate::ui::registry().views().iter().map(|view| &view.decl.name);
    let missing = names.filter(|name| options.replay.is_some() && !options.recorded.contains(name));
    missing.map(|name| (name.clone(), "not recorded".to_owned())).collect()
}

/// What row 1 says of a replay; `None` where it is none.
pub fn badge(app: &App) -> Option<String> {
    let what = app.replay.as_ref()?.what;
    let moment = app.moment().map_or(what.first.wall_ns, |time| time.wall_ns);
    let state = match app.cursor {
        Some(_) => "PAUSED ",
        None if app.at_end() => "END ",
        None if what.speed != 1.0 => return Some(format!("REPLAY x{} {}", what.speed, clock(moment))),
        None => return Some(format!("REPLAY {}", stamp(moment))),
    };
    Some(format!("REPLAY {state}{}", clock(moment)))
}

/// CPU that the samplers of the recorded views used, as a fraction of one CPU.
pub fn own_cpu(app: &App) -> Option<f64> {
    let views = app.visible().filter_map(|at| app.views[at].shown.as_ref());
    let used = |frame: &Frame| frame.cost.self_cpu_ns as f64 / frame.interval.real_ns.max(1) as f64;
    let all: Vec<f64> = views.map(|shown| used(&shown.source)).collect();
    (!all.is_empty()).then(|| all.iter().sum())
}

impl App {
    /// Does what a key means in a replay; false: the same as live.
    pub(super) fn act_in_replay(&mut self, action: Action) -> bool {
        let Some(playing) = self.replay else { return false };
        match action {
            Action::Pause => self.pause_or_play(),
            Action::Earlier => self.step_back(&playing),
            Action::Later => self.step_on(&playing),
            Action::MinuteEarlier => self.jump(|now| now.saturating_sub(MINUTE_NS)),
            Action::MinuteLater => self.jump(|now| now.saturating_add(MINUTE_NS)),
            Action::Shorter => self.change_speed(true),
            Action::Longer => self.change_speed(false),
            Action::Capture | Action::Reset | Action::Interval => {
                self.say("a recording is as it was made; this works on a live view");
            }
            Action::Record => self.say("this is a recording already"),
            _ => return false,
        }
        true
    }

    /// Whether everything was shown.
    fn at_end(&self) -> bool {
        let mut views = self.visible();
        views.all(|at| self.views[at].load == Load::Ended) && self.visible().next().is_some()
    }

    /// Whether nothing comes after this moment: views end an interval a little apart.
    fn is_last(&self, what: &Replay, mono_ns: u64) -> bool {
        let half = u64::try_from(self.interval.as_nanos() / 2).unwrap_or(u64::MAX);
        mono_ns.saturating_add(half) >= what.last.mono_ns
    }

    fn pause_or_play(&mut self) {
        match self.cursor {
            None if self.at_end() => self.play_again(),
            None => match self.moment() {
                Some(now) => self.stand_at(now.mono_ns),
                None => self.say("nothing is held yet"),
            },
            Some(_) => self.play_on(),
        }
    }

    /// Goes on from the moment on the screen.
    pub(super) fn play_on(&mut self) {
        let Some(Playing { what, follow }) = self.replay else { return };
        if follow && self.view().is_some_and(|view| view.load != Load::Ended) {
            // On its way to where it was sent: it goes on from there.
            self.cursor = None;
            self.set_follow(false);
            self.effects.push(Effect::Play(Transport::Play));
            return self.refresh_held();
        }
        let Some(now) = self.moment() else { return };
        let newest = self.views.iter().filter_map(|view| view.history.last()).map(|frame| frame.time.mono_ns).max();
        self.cursor = None;
        if self.is_last(&what, now.mono_ns) {
            return self.play_again();
        }
        if newest > Some(now.mono_ns) {
            self.seek(now.mono_ns);
        }
        self.set_follow(false);
        self.effects.push(Effect::Play(Transport::Play));
        self.refresh_held();
    }

    /// Views without a frame yet keep what is on the screen until one comes.
    fn refresh_held(&mut self) {
        let held = self.visible().all(|at| !self.views[at].history.is_empty());
        if held {
            self.refresh_all(Cause::User);
        }
    }

    fn play_again(&mut self) {
        let Some(Playing { what, .. }) = self.replay else { return };
        self.cursor = None;
        self.set_follow(false);
        self.seek(what.first.mono_ns);
        self.effects.push(Effect::Play(Transport::Play));
        self.say("from the start");
    }

    fn step_back(&mut self, playing: &Playing) {
        let Some((at, _, time)) = self.held_at() else { return self.say("nothing is held yet") };
        if let Some(before) = at.checked_sub(1).and_then(|at| self.time_of(at)) {
            return self.stand_at(before);
        }
        if time <= playing.what.first.mono_ns || at > 0 {
            self.stand_at(time);
            return self.say("this is the start of the recording");
        }
        self.seek_and_stand(time - 1);
    }

    fn step_on(&mut self, playing: &Playing) {
        let Some((at, last, time)) = self.held_at() else { return self.say("nothing is held yet") };
        if at < last {
            if let Some(after) = self.time_of(at + 1) {
                self.stand_at(after);
            }
            return;
        }
        let ended = self.view().is_some_and(|view| view.load == Load::Ended);
        self.stand_at(time);
        if ended || self.is_last(&playing.what, time) {
            let key = self.options.keys.hint(Action::Pause);
            return self.say(format!("this is the end of the recording; {key} plays it again"));
        }
        self.set_follow(true);
        let view = self.view().map(|view| view.name.clone()).unwrap_or_default();
        self.effects.push(Effect::Play(Transport::Step(view)));
    }

    fn jump(&mut self, to: impl Fn(u64) -> u64) {
        let Some(Playing { what, .. }) = self.replay else { return };
        let Some((_, last, time)) = self.held_at() else { return self.say("nothing is held yet") };
        let target = to(time).clamp(what.first.mono_ns.min(what.last.mono_ns), what.last.mono_ns);
        let held = self.time_of(0).zip(self.time_of(last));
        if held.is_some_and(|(oldest, newest)| (oldest..=newest).contains(&target)) {
            let found = self.view().and_then(|view| view.history.at(target)).and_then(|at| self.time_of(at));
            return self.stand_at(found.unwrap_or(target));
        }
        self.seek_and_stand(target);
    }

    /// Goes to a moment of the wall clock beyond what is held; false: this is no replay.
    pub(super) fn seek_wall(&mut self, wall_ns: u64) -> bool {
        let Some(Playing { what, .. }) = self.replay else { return false };
        let (wall, mono) = (what.first.wall_ns, what.first.mono_ns);
        let target = if wall_ns >= wall { mono.saturating_add(wall_ns - wall) } else { mono };
        self.seek_and_stand(target.min(what.last.mono_ns));
        if wall_ns < wall || wall_ns > what.last.wall_ns {
            self.say(format!("the recording is from {} to {}", clock(wall), clock(what.last.wall_ns)));
        }
        true
    }

    fn seek_and_stand(&mut self, mono_ns: u64) {
        // Frames that come are later than this, and take the screen with them.
        self.cursor = Some(0);
        self.set_follow(true);
        self.effects.push(Effect::Play(Transport::Pause));
        self.seek(mono_ns);
    }

    /// Moves the clock. What was held is given up: views are opened anew, and get what was before.
    fn seek(&mut self, mono_ns: u64) {
        self.effects.push(Effect::Play(Transport::Seek(mono_ns)));
        for at in 0..self.views.len() {
            let view = &mut self.views[at];
            if view.load == Load::Off {
                continue;
            }
            view.history = History::default();
            view.lost = 0;
            view.load = Load::Loading(LoadStep::FirstSample, self.now);
            view.generation += 1;
            self.effects.push(Effect::Open(at, view.generation, view.request.clone()));
        }
    }

    /// The clock of a recording stands still with the screen.
    pub(super) fn stand_still(&mut self) {
        if self.replay.is_some() {
            self.set_follow(false);
            self.effects.push(Effect::Play(Transport::Pause));
        } else if self.options.pause_collection {
            (0..self.views.len()).for_each(|at| self.unload(at));
        }
    }

    /// A frame has arrived: the screen goes there if it was asked to.
    pub(super) fn follow(&mut self, frame: &Arc<Frame>) {
        let follows = self.replay.is_some_and(|playing| playing.follow);
        if follows && self.cursor.is_some_and(|now| frame.time.mono_ns > now) {
            self.cursor = Some(frame.time.mono_ns);
            self.refresh_all(Cause::Frame);
        }
    }

    fn set_follow(&mut self, follow: bool) {
        if let Some(playing) = &mut self.replay {
            playing.follow = follow;
        }
    }

    /// Where the screen is in what is held: place, last place, time.
    fn held_at(&self) -> Option<(usize, usize, u64)> {
        let history = &self.view().filter(|view| !view.history.is_empty())?.history;
        let last = history.len() - 1;
        let at = self.cursor.and_then(|moment| history.at(moment)).unwrap_or(last);
        Some((at, last, self.time_of(at)?))
    }

    fn time_of(&self, at: usize) -> Option<u64> {
        self.view()?.history.get(at).map(|frame| frame.time.mono_ns)
    }

    fn change_speed(&mut self, faster: bool) {
        let Some(Playing { what, .. }) = &mut self.replay else { return };
        let now = what.speed;
        let mut steps = SPEEDS.iter().copied();
        let next = if faster { steps.find(|&n| n > now) } else { steps.rfind(|&n| n < now) };
        let Some(next) = next else { return self.say("that is as far as it goes") };
        what.speed = next;
        self.effects.push(Effect::Play(Transport::Speed(next)));
        self.say(format!("{next} times as fast"));
    }
}
