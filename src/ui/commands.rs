//! What each action does.

use crossterm::event::{KeyEvent, KeyEventKind};

use crate::feed::Command;
use crate::frame::{Kind, Type};

use super::action::{Action, Binding, Meaning, Place, key_name};
use super::app::{App, Screen};
use super::capture::Capture;
use super::chooser::Chooser;
use super::detail::Detail;
use super::filter::FilterLine;
use super::layout;
use super::line::{Ask, Line};
use super::message::Effect;
use super::overlay::{Help, LETTERS, Overlay, SortMenu};
use super::palette::Palette;
use super::settings::Settings;
use super::themes::Themes;
use super::view::{Load, ONE_ROW, Rendering, View};

impl App {
    /// Where keys go when nothing lies over the screen.
    pub fn place(&self) -> Place {
        match self.screen {
            Screen::Dashboard => Place::Dashboard,
            Screen::View(_) if self.view().is_some_and(View::needs_retry) => Place::Unavailable,
            Screen::View(_) => Place::View,
        }
    }

    pub(super) fn key(&mut self, key: &KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let Some(name) = key_name(key) else { return };
        if self.toast.take().is_some() {
            self.dirty = true;
        }
        // Copying twice in a row writes a file; any other key lets that be.
        let copies = [Action::CopyRow, Action::CopyTable].into_iter().any(|a| self.options.keys.of(a).contains(&name));
        self.copied = self.copied.filter(|_| copies);
        if let Some(action) = self.everywhere(&name) {
            return self.act(action);
        }
        if self.moving && self.overlays.is_empty() && self.move_pane(&name) {
            self.dirty = true;
            return;
        }
        if let Some(overlay) = self.overlays.pop() {
            self.dirty = true;
            return self.overlay_key(overlay, &name, key);
        }
        let pending = self.pending.take();
        let help = self.options.keys.hint(Action::Help);
        match self.options.keys.meaning(&name, pending.as_deref(), self.place()) {
            Meaning::Does(Binding { action, .. }) => self.act(*action),
            Meaning::Elsewhere(binding) => {
                self.say(format!("{name}: {} does not work here; help is {help}", binding.help));
            }
            Meaning::Prefix => self.pending = Some(name),
            Meaning::Nothing => self.say(format!("{name} does nothing; help is {help}")),
        }
    }

    /// Actions that work wherever the user is, also while an input line is open: there a letter is a letter.
    fn everywhere(&self, name: &str) -> Option<Action> {
        let letter = name.chars().count() == 1 || name == "Space";
        match self.options.keys.meaning(name, None, self.place()) {
            Meaning::Does(Binding { action: action @ (Action::Quit | Action::Redraw | Action::Suspend), .. })
                if !(letter && self.types()) =>
            {
                Some(*action)
            }
            _ => None,
        }
    }

    /// Does it.
    pub fn act(&mut self, action: Action) {
        self.dirty = true;
        if self.act_in_replay(action) {
            return;
        }
        match action {
            Action::Close if self.log => self.log = false,
            Action::Close | Action::Quit => self.effects.push(Effect::Quit(false)),
            Action::QuitLeave => self.effects.push(Effect::Quit(true)),
            Action::Cancel => self.cancel(),
            Action::Help => self.overlays.push(Overlay::Help(Help::default())),
            Action::Palette => self.overlays.push(Overlay::Palette(Palette::new(""))),
            Action::Settings => self.overlays.push(Overlay::Settings(Settings::default())),
            Action::Cost => self.overlays.push(Overlay::Cost(0)),
            Action::Themes => self.overlays.push(Overlay::Themes(Themes::new(self))),
            Action::Capture => match Capture::new(self) {
                Some(form) => self.overlays.push(Overlay::Capture(form)),
                None => self.say("this view has nothing to set"),
            },
            Action::Interval => self.overlays.push(Overlay::Line(Line::new(Ask::Interval, ""))),
            Action::SaveLayout => self.save_layout(),
            Action::CopyTable => self.copy(true),
            Action::CopyRow => self.copy(false),
            Action::AddPane | Action::ClosePane | Action::MovePane | Action::EqualPanes => self.act_on_panes(action),
            Action::Explain => {
                self.want_hooks(self.view().map(|view| view.name.clone()));
                self.overlays.push(Overlay::Explain(0));
            }
            Action::Picker => self.open_picker(false),
            Action::Log => self.log = !self.log,
            Action::Redraw => self.effects.push(Effect::Redraw),
            Action::Suspend => self.effects.push(Effect::Suspend),
            Action::Tab(number) => self.tab(number as usize - 1),
            Action::Dashboard => self.show(Screen::Dashboard),
            Action::Toggle => self.show(self.before),
            Action::Next => self.step_tab(1),
            Action::Previous => self.step_tab(-1),
            Action::FocusLeft => self.move_focus(-1, 0),
            Action::FocusRight => self.move_focus(1, 0),
            Action::FocusUp => self.move_focus(0, -1),
            Action::FocusDown => self.move_focus(0, 1),
            Action::Expand => self.expand(),
            Action::Pause | Action::Earlier | Action::Later | Action::MinuteEarlier | Action::MinuteLater => {
                self.travel(action);
            }
            Action::Shorter => self.change_interval(-1),
            Action::Longer => self.change_interval(1),
            Action::Export => self.open_export(),
            Action::Retry => self.retry(),
            Action::Nearest => self.open_nearest(),
            Action::Record => self.record(),
            Action::Units => {
                self.look.raw = !self.look.raw;
                self.changed("raw");
                self.say(if self.look.raw { "raw numbers" } else { "human units" });
            }
            other => self.act_on_view(other),
        }
    }

    fn act_on_view(&mut self, action: Action) {
        let height = self.current().map_or(1, |at| layout::rows_of(self, at)).max(1) as isize;
        match action {
            Action::Down if self.has_cross() => self.move_cross(1),
            Action::Up if self.has_cross() => self.move_cross(-1),
            Action::Left if self.has_cross() => self.travel(Action::Earlier),
            Action::Right if self.has_cross() => self.travel(Action::Later),
            Action::Down => self.walk(1),
            Action::Up => self.walk(-1),
            Action::PageDown => self.walk(height),
            Action::PageUp => self.walk(-height),
            Action::HalfDown => self.walk((height / 2).max(1)),
            Action::HalfUp => self.walk(-(height / 2).max(1)),
            Action::First => self.walk(isize::MIN),
            Action::Last => self.walk(isize::MAX),
            Action::Left => self.scroll_columns(-1),
            Action::Right => self.scroll_columns(1),
            Action::Detail => self.detail(),
            Action::Filter if self.view().is_some_and(View::is_one_row) => self.say(ONE_ROW),
            Action::Filter => {
                if let Some(view) = self.view() {
                    self.overlays.push(Overlay::Filter(FilterLine::new(view)));
                }
            }
            Action::SortMenu => {
                let sorted = |view: &View| view.sort_by(&view.shown.as_ref()?.frame.table);
                let at = self.view().and_then(sorted).map_or(0, |(column, _)| column.min(LETTERS.len() - 1));
                self.overlays.push(Overlay::Sort(SortMenu { at }));
            }
            Action::SortLeft => self.step_sort(-1),
            Action::SortRight => self.step_sort(1),
            Action::Reverse => self.reverse(),
            Action::Mode => self.next_mode(),
            Action::Rendering => self.next_rendering(),
            Action::GroupBy => self.group_by(),
            Action::Idle => self.toggle_idle(),
            Action::Columns => self.overlays.push(Overlay::Columns(Chooser::default())),
            Action::Find => {
                let text = self.view().map(|view| view.find.clone()).unwrap_or_default();
                self.overlays.push(Overlay::Line(Line::new(Ask::Find, text)));
            }
            Action::FindNext | Action::FindPrevious => {
                let found = self.find_next(if action == Action::FindNext { 1 } else { -1 });
                found.err().into_iter().for_each(|problem| self.say(problem));
            }
            Action::Pin => self.pin(),
            Action::Baseline => self.baseline(),
            Action::Reset => self.reset(),
            Action::DrillUp => self.drill_up(),
            Action::Narrower => self.zoom(-1),
            Action::Wider => self.zoom(1),
            // The rest is done by what is open.
            _ => {}
        }
    }

    fn cancel(&mut self) {
        if self.log {
            self.log = false;
        } else if self.cursor.is_some() {
            self.live();
        } else if let Some(at) = self.current().filter(|&at| matches!(self.views[at].load, Load::Loading(..))) {
            self.unload(at);
            let key = self.options.keys.hint(Action::Retry);
            self.say(format!("{} is not loaded; {key} loads it", self.views[at].name));
        } else {
            let keys = &self.options.keys;
            self.say(format!(
                "nothing to close; {} quits, help is {}",
                keys.hint(Action::Close),
                keys.hint(Action::Help)
            ));
        }
    }

    fn tab(&mut self, at: usize) {
        if at < self.views.len() {
            self.show(Screen::View(at));
        } else {
            let key = self.options.keys.hint(Action::Picker);
            self.say(format!("there is no view {}; {key} opens one", at + 1));
        }
    }

    fn step_tab(&mut self, by: isize) {
        match self.screen {
            Screen::Dashboard => {
                let panes = self.panes.len().max(1) as isize;
                self.focus = (self.focus as isize + by).rem_euclid(panes) as usize;
            }
            Screen::View(at) => {
                let views = self.views.len().max(1) as isize;
                self.show(Screen::View((at as isize + by).rem_euclid(views) as usize));
            }
        }
    }

    fn move_focus(&mut self, dx: i32, dy: i32) {
        match layout::neighbour(self, dx, dy) {
            Some(pane) => self.focus = pane,
            None => self.say("no pane there"),
        }
    }

    fn expand(&mut self) {
        match (self.screen, self.current()) {
            (Screen::Dashboard, Some(at)) => self.show(Screen::View(at)),
            (Screen::View(_), _) => self.show(Screen::Dashboard),
            _ => {}
        }
    }

    fn walk(&mut self, by: isize) {
        if self.view().is_some_and(super::counters::is_drawn_for) {
            return self.scroll_numbers(by);
        }
        let now = self.now;
        let Some(view) = self.view_mut() else { return };
        let count = view.shown.as_ref().map_or(0, |shown| shown.rows.len());
        match view.selected_row() {
            Some(at) if count > 0 => {
                view.select((at as isize).saturating_add(by).clamp(0, count as isize - 1) as usize, now);
            }
            _ => self.say("there are no rows"),
        }
    }

    /// The lines of a view of counters: there is no row to select among them.
    fn scroll_numbers(&mut self, by: isize) {
        let height = self.current().map_or(1, |at| layout::rows_of(self, at));
        let Some(view) = self.view_mut() else { return };
        let hidden = super::counters::columns(view).len().saturating_sub(height);
        if hidden == 0 {
            return self.say("all numbers are on the screen");
        }
        view.left = (view.left.min(hidden) as isize).saturating_add(by).clamp(0, hidden as isize) as usize;
    }

    fn scroll_columns(&mut self, by: isize) {
        let Some(view) = self.view_mut() else { return };
        let (left, columns) = (view.left, view.shown.as_ref().map_or(0, |shown| shown.frame.table.width()));
        let to = left as isize + by;
        let whole = self.current().is_some_and(|at| layout::columns_left_out(self, at) == 0);
        if to < 0 || to as usize + 1 >= columns || (by > 0 && whole) {
            let help = self.options.keys.hint(Action::Help);
            return self.say(match by < 0 {
                true => format!("nothing to scroll to; help is {help}"),
                false => "the last column is on the screen".to_owned(),
            });
        }
        let Some(view) = self.view_mut() else { return };
        view.left = to as usize;
    }

    fn detail(&mut self) {
        if self.has_cross() {
            // The moment stays: the table is that of the column under the cross-hair.
            let Some(view) = self.view_mut() else { return };
            let events = view.kind() == Kind::Events;
            view.show_as(if events { Rendering::Log } else { Rendering::Table });
            self.refresh();
            let key = self.options.keys.hint(Action::Rendering);
            let what = if events { "events up to" } else { "table of" };
            return self.say(format!("the {what} that moment; {key} draws the map again"));
        }
        let Some(view) = self.view() else { return };
        let (Some(at), Some(shown)) = (view.selected_row(), &view.shown) else {
            return self.say("there is no row to look into");
        };
        let row = &shown.rows[at];
        let pid = shown.table(row).schema.index("pid").and_then(|c| shown.table(row).cell(row.at as usize, c).as_u64());
        let pid = pid.and_then(|pid| u32::try_from(pid).ok()).filter(|&pid| pid > 0);
        let detail = Detail::new(self, row.id, pid);
        self.overlays.push(Overlay::Detail(detail));
        self.effects.extend(pid.map(Effect::Facts));
    }

    pub(super) fn sort(&mut self, column: usize, descending: Option<bool>) {
        let Some(view) = self.view_mut() else { return };
        let Some(shown) = &view.shown else { return };
        let schema = shown.frame.table.schema.clone();
        let same = view.sort_by(&shown.frame.table).filter(|&(c, _)| c == column);
        // Numbers start at the largest, names at the first.
        let natural = schema.columns[column].ty != Type::Text && schema.columns[column].agg != crate::frame::Agg::Key;
        let descending = descending.unwrap_or(same.map_or(natural, |(_, desc)| !desc));
        view.sort = Some((schema.columns[column].name.clone(), descending));
        view.hold = None;
        self.refresh();
    }

    fn step_sort(&mut self, by: isize) {
        let Some(view) = self.view() else { return };
        let Some(shown) = &view.shown else { return };
        let table = &shown.frame.table;
        let visible = view.columns(&table.schema, view.sort_by(table).map(|(column, _)| column));
        let at = view.sort_by(table).and_then(|(c, _)| visible.iter().position(|&v| v == c)).unwrap_or(0);
        let to = (at as isize + by).rem_euclid(visible.len().max(1) as isize) as usize;
        if let Some(&column) = visible.get(to) {
            self.sort(column, None);
        }
    }

    fn reverse(&mut self) {
        // A pane of a view that does not run has nothing to reverse, but may be tried again.
        if self.view().is_some_and(View::needs_retry) {
            return self.retry();
        }
        let sorted =
            self.view().and_then(|view| view.shown.as_ref().and_then(|shown| view.sort_by(&shown.frame.table)));
        match sorted {
            Some((column, descending)) => self.sort(column, Some(!descending)),
            None => self.say("nothing is sorted here"),
        }
    }

    fn retry(&mut self) {
        let Some(at) = self.current() else { return };
        if self.views[at].load == Load::Off {
            return self.load(at);
        }
        self.views[at].load = Load::Loading(crate::feed::LoadStep::Verify, self.now);
        self.effects.push(Effect::Send(at, Command::Retry));
        self.say("trying again");
    }
}
