//! The mouse: wheel, rows, panes, tabs and heads of columns.

use std::time::Duration;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::app::{App, Screen};
use super::draw::tabs;
use super::layout;
use super::view::Rendering;

/// Rows that one turn of the wheel scrolls.
const WHEEL: isize = 3;

/// Longest pause inside a double click.
const DOUBLE: Duration = Duration::from_millis(400);

impl App {
    pub(super) fn mouse(&mut self, event: MouseEvent) {
        let at = Position { x: event.column, y: event.row };
        if !self.overlays.is_empty() {
            return;
        }
        match event.kind {
            MouseEventKind::ScrollDown => self.wheel(at, WHEEL),
            MouseEventKind::ScrollUp => self.wheel(at, -WHEEL),
            MouseEventKind::Down(MouseButton::Left) => self.press(at),
            _ => {}
        }
    }

    fn wheel(&mut self, at: Position, by: isize) {
        let now = self.now;
        let Some((_, view)) = self.under(at) else { return };
        let view = &mut self.views[view];
        let count = view.shown.as_ref().map_or(0, |shown| shown.rows.len());
        if let Some(row) = view.selected_row() {
            view.select((row as isize + by).clamp(0, count as isize - 1) as usize, now);
            self.dirty = true;
        }
    }

    /// The pane and view at a place.
    fn under(&self, at: Position) -> Option<(usize, usize)> {
        match self.screen {
            Screen::View(view) => layout::bands(self).body.contains(at).then_some((self.focus, view)),
            Screen::Dashboard => {
                let panes = layout::panes(self);
                let (pane, _) = panes.into_iter().find(|(_, rect)| rect.contains(at))?;
                Some((pane, self.panes[pane]))
            }
        }
    }

    fn press(&mut self, at: Position) {
        self.dirty = true;
        if layout::bands(self).tabs.contains(at) {
            if let Some(screen) = tabs::hit(self, at.x) {
                self.show(screen);
            }
            return;
        }
        let Some((pane, view)) = self.under(at) else { return };
        if self.screen == Screen::Dashboard {
            self.focus = pane;
        }
        let again = self.click.replace((at.x, at.y, self.now));
        let again = again.is_some_and(|(x, y, when)| (x, y) == (at.x, at.y) && self.now - when < DOUBLE);
        if self.views[view].rendering() != Rendering::Table {
            return;
        }
        let area = layout::area_of(self, view);
        let count = self.views[view].shown.as_ref().map_or(0, |shown| shown.rows.len());
        let parts = layout::table(self, &self.views[view], area, count);
        if parts.head.contains(at) {
            if let Some(column) = column_at(&parts, at.x) {
                self.sort(column, None);
            }
        } else if parts.rows.contains(at) {
            let row = self.views[view].top + (at.y - parts.rows.y) as usize;
            if row < count {
                let now = self.now;
                self.views[view].select(row, now);
                if again {
                    self.act(Action::Detail);
                }
            }
        }
    }
}

fn column_at(parts: &layout::TableParts, x: u16) -> Option<usize> {
    let mut left = parts.head.x + 1;
    for &(column, width) in &parts.fit.columns {
        let rect = Rect::new(left, 0, width, 1);
        if rect.contains(Position { x, y: 0 }) {
            return Some(column);
        }
        left += width + 1;
    }
    None
}
