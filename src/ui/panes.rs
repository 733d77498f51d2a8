//! The dashboard: which panes, in which order.

use super::action::Action;
use super::app::{App, Screen};
use super::layout;

/// Most panes.
const MOST: usize = 9;

/// Fewest panes.
const FEWEST: usize = 2;

impl App {
    pub(super) fn act_on_panes(&mut self, action: Action) {
        match action {
            Action::AddPane => self.begin_adding(),
            Action::ClosePane => self.close_pane(),
            Action::MovePane if self.panes.len() > 1 => {
                self.moving = true;
                self.say("H J K L or the arrows move this pane; Enter keeps it there");
            }
            Action::EqualPanes => self.say("panes are of equal size already"),
            _ => self.say("there is nothing to move it past"),
        }
    }

    fn begin_adding(&mut self) {
        if self.panes.len() >= MOST {
            return self.say(format!("{MOST} panes are as many as there can be"));
        }
        self.open_picker(true);
    }

    /// Puts a view into a pane of its own, behind the others.
    pub(super) fn add_pane(&mut self, name: &str) {
        let at = self.tab_of(name);
        if let Some(pane) = self.panes.iter().position(|&pane| pane == at) {
            self.focus = pane;
            self.show(Screen::Dashboard);
            return self.say(format!("{name} is on the dashboard already"));
        }
        if self.panes.len() >= MOST {
            return self.say(format!("{MOST} panes are as many as there can be"));
        }
        // On a screen with one view the dashboard begins with that.
        if let (true, Screen::View(here)) = (self.panes.is_empty(), self.screen) {
            self.panes.push(here);
        }
        if !self.panes.contains(&at) {
            self.panes.push(at);
        }
        self.focus = self.panes.len() - 1;
        self.show(Screen::Dashboard);
    }

    fn close_pane(&mut self) {
        if self.panes.len() <= FEWEST {
            let key = self.options.keys.hint(Action::Expand);
            return self.say(format!("a dashboard has two panes at least; {key} shows one alone"));
        }
        let at = self.panes.remove(self.focus);
        self.focus = self.focus.min(self.panes.len() - 1);
        self.show(Screen::Dashboard);
        let name = self.views[at].name.clone();
        self.say(format!("{name} left the dashboard; its tab stays"));
    }

    /// A key while a pane is moved; `false`: it ends that.
    pub(super) fn move_pane(&mut self, name: &str) -> bool {
        let (dx, dy) = match name {
            "H" | "h" | "Left" | "Ctrl-Left" => (-1, 0),
            "L" | "l" | "Right" | "Ctrl-Right" => (1, 0),
            "K" | "k" | "Up" | "Ctrl-Up" => (0, -1),
            "J" | "j" | "Down" | "Ctrl-Down" => (0, 1),
            _ => {
                self.moving = false;
                return matches!(name, "Enter" | "Esc" | "M");
            }
        };
        match layout::neighbour(self, dx, dy) {
            Some(other) => {
                self.panes.swap(self.focus, other);
                self.focus = other;
                self.say("H J K L or the arrows move this pane; Enter keeps it there");
            }
            None => self.say("no pane there; Enter keeps it here"),
        }
        self.dirty = true;
        true
    }
}
