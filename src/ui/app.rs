//! The state of the explorer and what happens to it: no terminal, no clock, no file in here.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::feed::Request;
use crate::frame::Hook;
use crate::frame::format::Look;
use crate::host::Sample;

use super::Options;
use super::glyphs::{Depth, Glyphs, Level, SPIN};
use super::message::{Effect, Input};
use super::overlay::Overlay;
use super::recording::Recording;
use super::replay::Playing;
use super::theme::Theme;
use super::theme::ramp::{self, STEPS};
use super::view::{Cause, Load, View};

/// How long a toast stays.
const TOAST: Duration = Duration::from_secs(4);

/// Shortest interval at which the slow profile runs.
const SLOWEST_WIRE: Duration = Duration::from_secs(5);

/// What fills the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// The grid.
    Dashboard,
    /// One view.
    View(usize),
}

/// The state of the explorer.
#[derive(Debug)]
pub struct App {
    /// How it was started.
    pub options: Options,
    /// Styles.
    pub theme: Theme,
    /// The name of the theme.
    pub theme_name: String,
    /// How many colours there are.
    pub depth: Depth,
    /// A cell for each step from few to many.
    pub ramp: [(&'static str, Style); STEPS],
    /// Pictures over time move along instead of being overwritten.
    pub scroll: bool,
    /// Signs.
    pub glyphs: Glyphs,
    /// How numbers are written.
    pub look: Look,
    /// The terminal.
    pub area: Rect,
    /// Tabs.
    pub views: Vec<View>,
    /// Panes of the dashboard, as tabs.
    pub panes: Vec<usize>,
    /// What fills the screen.
    pub screen: Screen,
    /// What did before.
    pub before: Screen,
    /// Pane with the focus.
    pub focus: usize,
    /// What lies over the screen, the top one last.
    pub overlays: Vec<Overlay>,
    /// Whether the log pane is open.
    pub log: bool,
    /// Warnings and errors in the log that the user has not looked at.
    pub unread: usize,
    read: usize,
    /// One line for the user.
    pub toast: Option<(String, Instant)>,
    /// The moment that is looked at; `None`: live.
    pub cursor: Option<u64>,
    /// What is replayed; `None`: live.
    pub replay: Option<Playing>,
    /// What runs of a recording to a file.
    pub recording: Option<Recording>,
    /// First key of a longer one.
    pub pending: Option<String>,
    /// Refresh interval.
    pub interval: Duration,
    /// The host's gauges.
    pub host: Option<Sample>,
    /// Now.
    pub now: Instant,
    /// When the explorer started.
    pub started: Instant,
    /// Short reasons of views that cannot run, as far as known.
    pub unavailable: HashMap<String, String>,
    /// All that the programs of views may be attached to; of those that were asked for.
    pub hooks: HashMap<String, Vec<Hook>>,
    /// Whether something may look different from the last drawing.
    pub dirty: bool,
    pub(super) effects: Vec<Effect>,
    /// A pane is being moved.
    pub moving: bool,
    /// The log shows only what is about the view that keys go to.
    pub log_view: bool,
    /// What the log shows.
    pub log_level: log::LevelFilter,
    /// Lines said in the palette, newest last.
    pub said: Vec<String>,
    /// Settings that were changed in this run.
    pub(super) changed: std::collections::HashSet<&'static str>,
    /// What was copied last, row (`false`) or table, until another key.
    pub(super) copied: Option<bool>,
    /// Where jumps came from.
    pub(super) drilled: Vec<super::detail::Drilled>,
    /// Views that the picker offers first.
    pub favourites: Vec<String>,
    /// Views opened from the picker, newest first.
    pub recent: Vec<String>,
    /// How often each was opened.
    pub uses: HashMap<String, u32>,
    pub(super) click: Option<(u16, u16, Instant)>,
    /// Views that count towards the number of frames asked for.
    pub(super) counted: usize,
}

impl App {
    /// The explorer over these views: one opens full screen, several as a dashboard, none as the overview.
    pub fn new(options: Options, layout: Vec<Request>, now: Instant) -> App {
        let (depth, level) = (options.depth.unwrap_or(Depth::Ansi), options.level.unwrap_or(Level::Unicode));
        let interval = layout.first().map_or(options.interval, |request| request.interval);
        let interval = if options.slow { interval.max(SLOWEST_WIRE) } else { interval };
        let views = layout.into_iter().map(|request| {
            let decl = crate::ui::registry().find(&request.view).map(|view| &view.decl);
            let mut view = View::new(Request { interval, ..request }, decl);
            view.mode = options.mode;
            if !view.is_one_row() {
                view.filter.clone_from(&options.filter);
            }
            view
        });
        let views: Vec<View> = views.collect();
        let counted = views.len();
        let mut app = App {
            ramp: [(" ", Style::new()); STEPS],
            depth,
            scroll: options.scroll,
            theme: Theme::default(),
            theme_name: options.theme.clone(),
            glyphs: Glyphs::new(level),
            look: Look { raw: options.raw, ascii: level == Level::Ascii },
            area: Rect::new(0, 0, 80, 24),
            panes: if views.len() > 1 { (0..views.len().min(9)).collect() } else { Vec::new() },
            screen: if views.len() == 1 { Screen::View(0) } else { Screen::Dashboard },
            before: Screen::Dashboard,
            views,
            focus: 0,
            overlays: Vec::new(),
            log: false,
            unread: 0,
            read: 0,
            toast: None,
            cursor: None,
            replay: options.replay.map(Playing::new),
            recording: None,
            pending: None,
            interval,
            host: None,
            now,
            started: now,
            unavailable: super::replay::not_recorded(&options),
            hooks: HashMap::new(),
            dirty: true,
            effects: Vec::new(),
            moving: false,
            log_view: false,
            log_level: log::LevelFilter::Info,
            said: options.memory.said.clone(),
            changed: Default::default(),
            copied: None,
            drilled: Vec::new(),
            favourites: Vec::new(),
            recent: options.memory.recent.clone(),
            uses: options.memory.uses.clone(),
            click: None,
            counted,
            options,
        };
        let theme = app.theme_name.clone();
        app.set_theme(&theme);
        app.apply_layout(app.options.layout.clone());
        app.show(app.screen);
        app.counted = app.counted.max(if counted == 0 { app.views.len() } else { 0 });
        app
    }

    /// Another theme. What is wrong with it is in the log.
    pub fn set_theme(&mut self, name: &str) {
        let (theme, problems) = match (&self.options.theme_text, name == self.options.theme) {
            (Some(text), true) => Theme::parse(name, text, &self.options.user_themes, self.depth),
            _ => Theme::named(name, &self.options.user_themes, self.depth),
        };
        for problem in problems {
            log::warn!("{problem}");
        }
        let light = theme.is_light().unwrap_or(self.options.light);
        self.ramp = ramp::cells(&theme, light, self.depth, self.glyphs.level);
        self.theme = theme;
        self.theme_name = name.to_owned();
        self.dirty = true;
    }

    /// What the shell has to do before the first input.
    pub fn start(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        self.now = now;
        self.expire();
        match input {
            Input::Key(key) => self.key(&key),
            Input::Paste(text) => self.paste(&text),
            Input::Mouse(event) => self.mouse(event),
            Input::Resize(width, height) => {
                self.area = Rect::new(0, 0, width, height);
                self.dirty = true;
                self.effects.push(Effect::Redraw);
            }
            Input::Feed(view, generation, event) => self.feed(view, generation, event),
            Input::Tick => {}
            Input::Host(sample) => {
                self.dirty |= self.host != Some(sample);
                self.host = Some(sample);
            }
            Input::Facts(pid, facts) => self.facts(pid, facts),
            Input::Hooks(view, hooks) => self.know_hooks(view, hooks),
            Input::Unavailable(reasons) => {
                self.unavailable.extend(reasons);
                self.dirty = true;
            }
            Input::Exported(Ok((file, size))) => {
                let size = crate::frame::format::number(size as f64, crate::frame::Unit::Bytes, self.look);
                self.say(format!("wrote {file} ({size})"));
            }
            Input::Measured(size) => self.measured(size),
            Input::Exported(Err(problem)) => self.say(format!("not written: {problem}")),
            Input::Kept(Ok(file)) => self.say(format!("panes, columns, order and limits are kept in {file}")),
            Input::Kept(Err(problem)) => self.say(format!("not kept: {problem}")),
            Input::Recorded(ended) => self.recording_ended(ended),
            Input::Resumed => {
                self.dirty = true;
                self.effects.push(Effect::Redraw);
            }
        }
        std::mem::take(&mut self.effects)
    }

    /// When something happens without an input.
    pub fn wake(&self) -> Option<Instant> {
        let toast = self.toast.as_ref().map(|&(_, until)| until);
        let hold = self.visible().filter_map(|view| self.views[view].hold);
        let warm = self.views.iter().filter(|view| view.load != Load::Off && view.thresholds.is_empty());
        let warm = warm.filter_map(|view| view.hidden_since.zip(self.options.keep_warm));
        let warm = warm.map(|(since, keep)| since + keep);
        let spin = self.spinning().then_some(self.now + SPIN);
        toast.into_iter().chain(hold).chain(warm).chain(spin).min()
    }

    fn spinning(&self) -> bool {
        !self.options.slow && self.visible().any(|view| matches!(self.views[view].load, Load::Loading(..)))
    }

    fn expire(&mut self) {
        let (now, keep) = (self.now, self.options.keep_warm);
        self.dirty |= self.spinning();
        if self.toast.as_ref().is_some_and(|&(_, until)| now >= until) {
            self.toast = None;
            self.dirty = true;
        }
        for at in 0..self.views.len() {
            let view = &mut self.views[at];
            if view.hold.is_some_and(|until| now >= until) {
                view.hold = None;
                view.refresh(self.cursor, now, Cause::User);
                self.dirty = true;
            }
            // Whoever waits for a limit wants to hear of it, wherever they look.
            let cold = view.hidden_since.zip(keep).is_some_and(|(since, keep)| now >= since + keep);
            if view.thresholds.is_empty() && cold {
                view.hidden_since = None;
                self.unload(at);
            }
        }
    }

    /// So many warnings and errors are in the log; those that were on the screen count no more.
    pub fn problems(&mut self, all: usize) {
        if self.log {
            self.read = all;
        }
        let unread = all.saturating_sub(self.read);
        self.dirty |= unread != self.unread;
        self.unread = unread;
    }

    /// The views on the screen.
    pub fn visible(&self) -> impl Iterator<Item = usize> {
        let (panes, one) = match self.screen {
            Screen::Dashboard => (self.panes.as_slice(), None),
            Screen::View(view) => (&[][..], Some(view)),
        };
        panes.iter().copied().chain(one)
    }

    /// Whether a view is on the screen.
    pub fn is_visible(&self, view: usize) -> bool {
        self.visible().any(|at| at == view)
    }

    /// The view that keys go to.
    pub fn current(&self) -> Option<usize> {
        match self.screen {
            Screen::Dashboard => self.panes.get(self.focus).copied(),
            Screen::View(view) => Some(view),
        }
    }

    /// The view that keys go to.
    pub fn view(&self) -> Option<&View> {
        self.current().and_then(|at| self.views.get(at))
    }

    pub(super) fn view_mut(&mut self) -> Option<&mut View> {
        self.current().and_then(|at| self.views.get_mut(at))
    }

    /// Brings a screen up: loads what is on it, and notes what left it.
    pub fn show(&mut self, screen: Screen) {
        if screen == Screen::Dashboard && self.panes.is_empty() {
            let kept = self.options.layout.panes.clone();
            let overview = crate::ui::registry().overview().into_iter().take(9).map(|view| view.decl.name.clone());
            let names = if kept.is_empty() { overview.collect() } else { kept };
            self.panes = names.iter().map(|name| self.tab_of(name)).collect();
        }
        if screen != self.screen {
            self.before = self.screen;
        }
        self.screen = screen;
        if let Screen::View(at) = screen
            && let Some(pane) = self.panes.iter().position(|&pane| pane == at)
        {
            self.focus = pane;
        }
        for at in 0..self.views.len() {
            if self.is_visible(at) {
                self.views[at].hidden_since = None;
                if self.cursor.is_none() || self.replay.is_some() || !self.options.pause_collection {
                    self.load(at);
                }
                self.views[at].refresh(self.cursor, self.now, Cause::User);
            } else if !self.keeps_loaded() && self.views[at].hidden_since.is_none() && self.views[at].load != Load::Off
            {
                self.views[at].hidden_since = Some(self.now);
            }
        }
        self.dirty = true;
    }

    /// Shows a line for a while.
    pub fn say(&mut self, text: impl Into<String>) {
        self.toast = Some((text.into(), self.now + TOAST));
        self.dirty = true;
    }

    /// Works out again what is shown of the view that keys go to.
    pub(super) fn refresh(&mut self) {
        let (cursor, now) = (self.cursor, self.now);
        if let Some(view) = self.view_mut() {
            view.refresh(cursor, now, Cause::User);
        }
        self.dirty = true;
    }

    /// Works out again what is shown of every view on the screen.
    pub(super) fn refresh_all(&mut self, cause: Cause) {
        for at in 0..self.views.len() {
            if self.is_visible(at) {
                self.views[at].refresh(self.cursor, self.now, cause);
            }
        }
        self.dirty = true;
    }

    pub(super) fn set_log_level(&mut self, level: log::LevelFilter) {
        self.log_level = level;
        self.effects.push(Effect::LogLevel(level));
    }
}
