//! The mouse: wheel, rows, panes, tabs and heads of columns.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::app::{App, Screen};
use super::draw::{self, histogram, page, picker, tabs, timeline};
use super::heat::{self, Choice};
use super::layout;
use super::overlay::Overlay;
use super::view::{Cause, Rendering};

/// Rows that one turn of the wheel scrolls.
const WHEEL: isize = 3;

/// Longest pause inside a double click.
const DOUBLE: Duration = Duration::from_millis(400);

impl App {
    pub(super) fn mouse(&mut self, event: MouseEvent) {
        let at = Position { x: event.column, y: event.row };
        if !self.overlays.is_empty() {
            return match event.kind {
                MouseEventKind::Down(MouseButton::Left) => self.press_on_list(at),
                kind => self.wheel_on_list(kind),
            };
        }
        match event.kind {
            MouseEventKind::ScrollDown => self.wheel(at, WHEEL),
            MouseEventKind::ScrollUp => self.wheel(at, -WHEEL),
            MouseEventKind::Down(MouseButton::Left) => self.press(at),
            MouseEventKind::Drag(MouseButton::Left) => self.drag(at),
            _ => {}
        }
    }

    /// The wheel over a list or a page moves there, as the arrows do.
    fn wheel_on_list(&mut self, kind: MouseEventKind) {
        let (name, code) = match kind {
            MouseEventKind::ScrollDown => ("Down", KeyCode::Down),
            MouseEventKind::ScrollUp => ("Up", KeyCode::Up),
            _ => return,
        };
        for _ in 0..WHEEL {
            let lists = |overlay: &&Overlay| {
                let page =
                    matches!(overlay, Overlay::Help(_) | Overlay::Explain(_) | Overlay::Picker(_) | Overlay::Detail(_));
                page || overlay.page(self).is_some()
            };
            // At the top of the palette the arrow means the line said before: the wheel does not.
            let top =
                matches!(self.overlays.last(), Some(Overlay::Palette(palette)) if palette.at == 0 && name == "Up");
            if top || self.overlays.last().filter(lists).is_none() {
                return;
            }
            if let Some(overlay) = self.overlays.pop() {
                self.overlay_key(overlay, name, &KeyEvent::new(code, KeyModifiers::NONE));
            }
        }
        self.dirty = true;
    }

    /// A press on a line of a list moves its cursor there; twice is Enter.
    fn press_on_list(&mut self, at: Position) {
        let Some(line) = self.line_at(at) else { return };
        // As the arrows do: what a list thinks of its cursor is its own.
        while let Some((here, overlay)) = self.line().zip(self.overlays.pop()) {
            let (name, code) = if here < line { ("Down", KeyCode::Down) } else { ("Up", KeyCode::Up) };
            if here == line {
                self.overlays.push(overlay);
                break;
            }
            self.overlay_key(overlay, name, &KeyEvent::new(code, KeyModifiers::NONE));
            if self.line() == Some(here) {
                break;
            }
        }
        if self.is_double(at)
            && let Some(overlay) = self.overlays.pop()
        {
            self.overlay_key(overlay, "Enter", &KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
        }
        self.dirty = true;
    }

    /// The line of the list on top that is at a place.
    fn line_at(&self, at: Position) -> Option<usize> {
        match self.overlays.last()? {
            Overlay::Picker(picker) => picker::hit(self, layout::below_tabs(self), picker, at),
            overlay => page::hit(&overlay.page(self)?, draw::page_area(self, overlay), at),
        }
    }

    /// The line of the list on top that the cursor is on.
    fn line(&self) -> Option<usize> {
        match self.overlays.last()? {
            Overlay::Picker(picker) => Some(picker.at),
            overlay => Some(overlay.page(self)?.at),
        }
    }

    /// Whether this press is the second one at the same place.
    fn is_double(&mut self, at: Position) -> bool {
        let last = self.click.replace((at.x, at.y, self.now));
        last.is_some_and(|(x, y, when)| (x, y) == (at.x, at.y) && self.now - when < DOUBLE)
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
        if self.cursor.is_some() && layout::last_line(self).contains(at) {
            return self.jump_on_timeline(at.x);
        }
        let Some((pane, view)) = self.under(at) else { return };
        if self.screen == Screen::Dashboard {
            self.focus = pane;
        }
        let again = self.is_double(at);
        if self.press_heat(at, view) {
            return;
        }
        let keyed = heat::is_keyed(&self.views[view]);
        if !keyed && !matches!(self.views[view].rendering(), Rendering::Table | Rendering::Trend | Rendering::Log) {
            return;
        }
        if super::counters::is_drawn_for(&self.views[view]) {
            // There is one row, wherever the pointer is.
            return if again {
                self.act(Action::Detail)
            };
        }
        let area = layout::area_of(self, view);
        // The list is at the left of the picture of the row chosen in it.
        let list = self.views[view].shown.as_ref().filter(|_| keyed);
        let area = list.map_or(area, |shown| histogram::columns_of(layout::list_area(self, area), &shown.frame));
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

impl App {
    /// The column and bucket of a heat map at a place.
    fn on_heat(&self, at: Position, view: usize) -> Option<(u64, (usize, usize))> {
        let state = &self.views[view];
        if !matches!(state.rendering(), Rendering::Histogram | Rendering::HeatMap) {
            return None;
        }
        let parts = heat::parts(self, state, layout::area_of(self, view)).filter(|parts| parts.map.contains(at))?;
        let column = state.heat.at(at.x - parts.map.x, self.scroll)?;
        let rows = state.heat.rows();
        let row = rows.get(((parts.map.bottom() - 1 - at.y) / state.heat.lines()) as usize).or(rows.last())?;
        Some((column, *row))
    }

    /// A press on a heat map: the cross-hair goes there, and a rectangle may begin.
    fn press_heat(&mut self, at: Position, view: usize) -> bool {
        let Some((column, row)) = self.on_heat(at, view) else { return false };
        let heat = &mut self.views[view].heat;
        let moment = heat.columns.get(&column).map(|column| column.mono_ns);
        self.cursor = moment.or(self.cursor);
        self.refresh_all(Cause::User);
        let heat = &mut self.views[view].heat;
        (heat.row, heat.choice, heat.anchor, heat.here) = (Some(row.0), None, Some((column, row.0)), Some(column));
        true
    }

    /// A rectangle of time and buckets from where the button went down to here.
    fn drag(&mut self, at: Position) {
        let Some((_, view)) = self.under(at) else { return };
        let Some((column, row)) = self.on_heat(at, view) else { return };
        let heat = &mut self.views[view].heat;
        let Some((from, bucket)) = heat.anchor else { return };
        let rows = heat.rows();
        let start = rows.into_iter().find(|(low, high)| (low..=high).contains(&&bucket)).unwrap_or(row);
        heat.choice = Some(Choice {
            columns: (from.min(column), from.max(column)),
            buckets: (start.0.min(row.0), start.1.max(row.1)),
        });
        self.dirty = true;
    }

    fn jump_on_timeline(&mut self, x: u16) {
        let moment = timeline::hit(self, x);
        if let Some(moment) = moment {
            self.stand_at(moment);
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
