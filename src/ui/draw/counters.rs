//! A line for each number: what it is now, its past, and between what it went.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::frame::format::{self, Look};
use crate::frame::threshold::Level;
use crate::frame::{Mode, Unit, text};

use super::super::app::App;
use super::super::counters::{self, Line};
use super::super::view::{Shown, View};
use super::{put, put_right, table};

/// Cells of a number.
const NUMBER: u16 = 9;

/// Fewest cells of a picture that says anything.
const PICTURE: u16 = 8;

/// Where the parts of a line go; a missing one has no width.
struct Places {
    name: (u16, u16),
    now: (u16, u16),
    picture: (u16, u16),
    least: (u16, u16),
    most: (u16, u16),
}

/// The picture yields last but for the number: what it is now says most, its course more than its bounds.
fn places(app: &App, area: Rect, longest: u16) -> Places {
    let room = area.width.saturating_sub(1);
    let now = NUMBER.min(room);
    let name = longest.clamp(6, 12).min(room.saturating_sub(now + 1));
    let mut left = room.saturating_sub(name + 1 + now);
    // Each part has a gap before it.
    let bounds = left > 2 * (NUMBER + 1) + PICTURE || (app.options.slow && left >= 2 * (NUMBER + 1));
    left -= if bounds { 2 * (NUMBER + 1) } else { 0 };
    let picture = if left > PICTURE && !app.options.slow { left - 1 } else { 0 };
    let mut x = area.x + 1;
    let mut take = |width: u16| {
        let place = (x, x + width);
        x += if width > 0 { width + 1 } else { 0 };
        place
    };
    let bound = if bounds { NUMBER } else { 0 };
    Places { name: take(name), now: take(now), picture: take(picture), least: take(bound), most: take(bound) }
}

/// Draws the lines, from the one that is scrolled to.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect, view: &View, shown: &Shown) {
    let columns = counters::columns(view);
    let labels = columns.iter().map(|&column| text::width(&shown.frame.table.schema.columns[column].label));
    let places = places(app, area, labels.max().unwrap_or(0) as u16);
    let height = area.height.saturating_sub(1) as usize;
    let first = view.left.min(columns.len().saturating_sub(height));
    heads(app, buf, area.y, &places, view, columns.len().saturating_sub(height));
    let cells = places.picture.1 - places.picture.0;
    let lines = counters::lines(view, first, height, cells as usize, !app.scroll);
    for (line, y) in lines.iter().zip(area.y + 1..area.bottom()) {
        draw_line(app, buf, y, &places, view, shown, line);
    }
}

fn heads(app: &App, buf: &mut Buffer, y: u16, places: &Places, view: &View, hidden: usize) {
    let since_start = view.mode == Mode::SinceStart;
    let style = app.theme.header;
    // What does not fit is counted where the names are: they are what is missing.
    let name = if hidden > 0 { format!("+{hidden} more") } else { "COUNTER".to_owned() };
    put(buf, places.name.0, y, places.name.1, &name, if hidden > 0 { app.theme.dim } else { style });
    put_right(buf, places.now.0, y, places.now.1, if since_start { "TOTAL" } else { "NOW" }, style);
    let trend = if since_start { "TREND by interval" } else { "TREND" };
    put(buf, places.picture.0, y, places.picture.1, trend, style);
    put_right(buf, places.least.0, y, places.least.1, "MIN", style);
    put_right(buf, places.most.0, y, places.most.1, "MAX", style);
}

fn draw_line(app: &App, buf: &mut Buffer, y: u16, places: &Places, view: &View, shown: &Shown, line: &Line) {
    let frame = &shown.frame;
    let Some(meta) = frame.table.schema.columns.get(line.column) else { return };
    let level = if frame.table.is_empty() { Level::Fine } else { table::level_of(view, frame, 0, line.column) };
    let style = match level {
        Level::Fine => app.theme.fg,
        Level::Warn => app.theme.warn,
        Level::Crit => app.theme.crit,
    };
    // By a sign too, not by colour alone.
    let mark = if level == Level::Fine { " " } else { "!" };
    put(buf, places.name.0 - 1, y, places.name.0, mark, style);
    put(buf, places.name.0, y, places.name.1, &text::clean_str(&meta.label), app.theme.fg);
    if !frame.table.is_empty() {
        table::cell(app, buf, (places.now.0, places.now.1, y), frame, 0, line.column, style);
    }
    put(buf, places.picture.0, y, places.picture.1, &table::spark(app, &line.values, view.log_scale), app.theme.bar);
    let (least, most) = line.range.unzip();
    for (bound, place) in [(least, places.least), (most, places.most)] {
        let width = (place.1 - place.0) as usize;
        let text = bound.map_or("-".to_owned(), |bound| fitting(app, bound, meta.unit.unwrap_or(Unit::Count), width));
        put_right(buf, place.0, y, place.1, &text, app.theme.dim);
    }
}

/// A number in `width` cells: scaled before it is cut, as half a number is a wrong number.
fn fitting(app: &App, value: f64, unit: Unit, width: usize) -> String {
    let human = Look { raw: false, ..app.look };
    let text = format::number(value, unit, app.look);
    if text::width(&text) <= width {
        return text;
    }
    format::shortest(value, unit, human)
}
