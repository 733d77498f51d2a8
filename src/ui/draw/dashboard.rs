//! The grid of panes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::frame::text;

use super::super::app::App;
use super::super::layout;
use super::super::view::{Load, View};
use super::{body, border, put, put_right, title};

/// Draws the panes, or only the one with the focus where there is no room for more.
pub fn draw(app: &App, buf: &mut Buffer) {
    let bands = layout::bands(app);
    if layout::single_pane(app) {
        let Some(&at) = app.panes.get(app.focus) else { return };
        if bands.title.height > 0 {
            title::draw(app, buf, bands.title, at);
        }
        return body(app, buf, bands.body, at);
    }
    for (pane, area) in layout::panes(app) {
        let at = app.panes[pane];
        let focus = pane == app.focus;
        border(app, buf, area, focus);
        heading(app, buf, area, &app.views[at], focus);
        footing(app, buf, area, &app.views[at], focus);
        body(app, buf, layout::inner(area), at);
    }
}

/// Name at the left, main number at the right.
fn heading(app: &App, buf: &mut Buffer, area: Rect, view: &View, focus: bool) {
    let (left, right) = (area.x + 1, area.right() - 1);
    let marker = if focus { app.glyphs.marker } else { " " };
    let x = put(buf, left, area.y, right, marker, app.theme.border_focus);
    let x = put(buf, x, area.y, right, &format!("{} ", view.name), app.theme.title);
    let mut main = String::new();
    let mut numbers =
        if view.unavailable().is_some() { vec!["not running".to_owned()] } else { title::numbers(app, view) };
    if view.kind() != crate::frame::Kind::Histogram || numbers.len() < 3 {
        numbers.truncate(1);
    } else {
        // Median and tail say most about a distribution.
        numbers = vec![numbers[0].clone(), numbers[2].clone()];
    }
    for number in numbers {
        if x as usize + text::width(&main) + text::width(&number) + 4 <= right as usize {
            main.push(' ');
            main.push_str(&number);
        }
    }
    if !main.is_empty() {
        main.push(' ');
        put_right(buf, x, area.y, right - 1, &main, app.theme.accent);
    }
}

/// Losses, filter and mode, where they matter.
fn footing(app: &App, buf: &mut Buffer, area: Rect, view: &View, focus: bool) {
    let (y, right) = (area.bottom() - 1, area.right() - 2);
    if view.unavailable().is_some() || matches!(view.load, Load::Loading(..)) && view.shown.is_none() {
        return;
    }
    let lost = format!(" lost {} ", view.lost);
    let x = right.saturating_sub(lost.len() as u16);
    let border = if focus { app.theme.border_focus } else { app.theme.border };
    put(buf, x, y, right, &lost, if view.lost_grew { app.theme.lost } else { border });
    let mut words = Vec::new();
    let rows = view.shown.as_ref().map_or(0, |shown| shown.rows.len());
    let dropped = layout::table(app, view, layout::inner(area), rows).fit.dropped;
    if dropped > 0 && view.kind() != crate::frame::Kind::Histogram {
        words.push(format!("+{dropped} cols"));
    }
    if view.mode != crate::frame::Mode::Interval {
        words.push(view.mode.label().to_owned());
    }
    if let Some(by) = &view.group {
        words.push(format!("by {by}"));
    }
    if !view.filter.is_empty() {
        words.push(format!("filter {}", text::clean_str(&view.filter)));
    }
    if view.holds(app.now) && view.selected.is_some() {
        words.push("hold".to_owned());
    }
    if !words.is_empty() {
        put(buf, area.x + 2, y, x.saturating_sub(1), &format!(" {} ", words.join("  ")), app.theme.dim);
    }
}
