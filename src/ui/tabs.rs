//! Tabs and their views: opened, loaded, fed with frames, unloaded.

use std::time::Duration;

use crate::export::Format;
use crate::feed::{Command, Event, LoadStep, Request};
use crate::frame::threshold::Alarm;

use super::app::{App, Screen};
use super::export::file_name;
use super::history;
use super::message::Effect;
use super::view::{Cause, Load, View};

impl App {
    /// Gives the cost of a view back; what it delivered stays.
    pub(super) fn unload(&mut self, at: usize) {
        let view = &mut self.views[at];
        if view.load != Load::Off {
            view.load = Load::Off;
            view.generation += 1;
            view.first = None;
            self.effects.push(Effect::Close(at));
            self.dirty = true;
        }
    }

    pub(super) fn feed(&mut self, at: usize, generation: u32, event: Event) {
        let Some(view) = self.views.get_mut(at).filter(|view| view.generation == generation) else { return };
        match event {
            Event::Loading(step) => view.load = Load::Loading(step, self.now),
            Event::Attached => view.load = Load::Loading(LoadStep::FirstSample, self.now),
            Event::First(frame) => {
                view.load = Load::Running;
                view.first = Some(frame);
            }
            Event::Frame(frame) => {
                view.history.limit(self.options.history_frames);
                let alarm = view.push(frame.clone());
                self.follow(&frame);
                let mut all: Vec<_> = self.views.iter_mut().map(|view| &mut view.history).collect();
                history::trim(&mut all, self.options.history_bytes);
                self.alarm(at, alarm);
            }
            Event::Ended => view.load = Load::Ended,
        }
        let view = &mut self.views[at];
        match view.unavailable() {
            Some(why) => self.unavailable.insert(view.name.clone(), why.reason.message.clone()),
            None => self.unavailable.remove(&view.name),
        };
        if self.cursor.is_none() || view.shown.is_none() {
            view.refresh(self.cursor, self.now, Cause::Frame);
        }
        self.dirty |= self.is_visible(at);
        self.count();
    }

    /// A positional COUNT ends the explorer as it ends BCC's tools.
    fn count(&mut self) {
        let Some(count) = self.options.count else { return };
        let mut counted = self.views.iter().take(self.counted);
        if counted.all(|view| view.seen >= count || view.unavailable().is_some() || view.load == Load::Ended) {
            self.effects.push(Effect::Quit(true));
        }
    }

    /// The tab of the view called `name`; a new one if it has none.
    pub fn tab_of(&mut self, name: &str) -> usize {
        if let Some(at) = self.views.iter().position(|view| view.name == name) {
            return at;
        }
        let request = Request {
            view: name.to_owned(),
            interval: self.interval,
            first: None,
            settings: Vec::new(),
            force: Vec::new(),
        };
        self.views.push(View::new(request, crate::ui::registry().find(name).map(|view| &view.decl)));
        self.recall_layout(self.views.len() - 1);
        self.views.len() - 1
    }

    /// Views that may answer a question like this one's and can run as far as is known, the nearest first: those of its group.
    pub fn nearest(&self, view: &View) -> Vec<String> {
        let group = view.decl.map(|decl| decl.group);
        let views = crate::ui::registry().views().iter().map(|other| &other.decl);
        let can = views.filter(|decl| decl.name != view.name && !self.unavailable.contains_key(&decl.name));
        let mut can: Vec<_> = can.collect();
        can.sort_by_key(|decl| Some(decl.group) != group);
        can.into_iter().take(3).map(|decl| decl.name.clone()).collect()
    }

    /// Opens the first of [`App::nearest`].
    pub(super) fn open_nearest(&mut self) {
        let name = self.view().and_then(|view| self.nearest(view).into_iter().next());
        let Some(name) = name else { return self.say("no other view is known to run here") };
        let at = self.tab_of(&name);
        self.show(Screen::View(at));
    }

    pub(super) fn load(&mut self, at: usize) {
        let view = &mut self.views[at];
        if view.load != Load::Off {
            return;
        }
        view.load = Load::Loading(LoadStep::Verify, self.now);
        view.generation += 1;
        view.request.interval = self.interval;
        view.request.first = Some(self.interval.min(Duration::from_millis(300)));
        self.effects.push(Effect::Open(at, view.generation, view.request.clone()));
    }

    /// Sends a command to a running view.
    pub(super) fn tell(&mut self, at: usize, command: Command) {
        if self.views[at].load != Load::Off {
            self.effects.push(Effect::Send(at, command));
        }
    }

    /// Rings, and keeps the screen, where a limit asks for that.
    fn alarm(&mut self, at: usize, alarm: Alarm) {
        if alarm.bell {
            self.effects.push(Effect::Bell);
            let name = self.views[at].name.clone();
            self.say(format!("{name}: a row went over its limit"));
        }
        if let Some(frame) = self.views[at].history.last().filter(|_| alarm.snapshot).cloned() {
            let path = file_name(&self.options.host, &self.views[at].name, frame.time.wall_ns, "json");
            self.effects.push(Effect::Export(path, Format::Json, vec![frame]));
        }
    }
}
