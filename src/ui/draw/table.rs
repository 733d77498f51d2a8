//! Rows and columns.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::frame::format::{self, Look};
use crate::frame::threshold::Level;
use crate::frame::{Agg, Align, Column, Frame, Kind, Unit, text};

use super::super::app::{App, Screen};
use super::super::layout::{self, TableParts};
use super::super::view::{Row, Shown, View};
use super::{line, put, put_right};

/// Draws the table of a view.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect, at: usize, view: &View, shown: &Shown) {
    let parts = layout::table(app, view, area, shown.rows.len());
    heads(app, buf, &parts, view, shown);
    line(buf, parts.rule, app.glyphs.border[0], app.theme.border);
    for (row, y) in shown.rows.iter().skip(view.top).zip(parts.rows.y..parts.rows.bottom()) {
        draw_row(app, buf, &parts, Rect::new(area.x, y, area.width, 1), view, shown, row);
    }
    mark(app, buf, parts.rows, at, view);
    let hidden = shown.rows.len().saturating_sub(view.top + parts.rows.height as usize);
    if parts.more.height > 0 && hidden > 0 {
        put(buf, area.x + 1, parts.more.y, area.right(), &format!("+{hidden} rows"), app.theme.dim);
    }
    if shown.rows.is_empty() && parts.rows.height > 0 {
        let why = if !view.filter.is_empty() && !shown.frame.table.is_empty() {
            "no row matches the filter"
        } else if shown.frame.kind == Kind::Events {
            if view.filter.is_empty() { "nothing has happened yet" } else { "no event matches the filter" }
        } else {
            "nothing happened in this interval"
        };
        put(buf, area.x + 2, parts.rows.y, area.right(), why, app.theme.dim);
    }
}

/// Marks the selected row of the view in tab `at`, of those drawn in `rows`.
pub fn mark(app: &App, buf: &mut Buffer, rows: Rect, at: usize, view: &View) {
    let Some(place) = view.selected_row().and_then(|place| place.checked_sub(view.top)) else { return };
    if place >= rows.height as usize {
        return;
    }
    let row = Rect { y: rows.y + place as u16, height: 1, ..rows };
    let focus = app.current() == Some(at);
    buf.set_style(row, if focus { app.theme.selection } else { app.theme.selection_dim });
    if focus {
        put(buf, row.x, row.y, row.right(), app.glyphs.marker, app.theme.accent);
    }
}

/// The head of a column: its unit is in the cells, or here when the cells are raw.
fn head(app: &App, column: &Column, sorted: Option<bool>) -> String {
    let arrow = sorted.map_or("", |descending| app.glyphs.sorted[usize::from(!descending)]);
    let unit = if app.look.raw { format::raw_unit(column.unit) } else { "" };
    let blank = if unit.is_empty() { "" } else { " " };
    format!("{}{blank}{unit}{arrow}", text::clean_str(&column.label))
}

fn heads(app: &App, buf: &mut Buffer, parts: &TableParts, view: &View, shown: &Shown) {
    let schema = &shown.frame.table.schema;
    let sort = view.sort_by(&shown.frame.table);
    let y = parts.head.y;
    let mut x = parts.head.x + 1;
    for &(at, width) in &parts.fit.columns {
        let column = &schema.columns[at];
        let sorted = sort.filter(|&(c, _)| c == at).map(|(_, descending)| descending);
        let style = if sorted.is_some() { app.theme.header_sort } else { app.theme.header };
        let label = head(app, column, sorted);
        match column.align {
            // The arrow may hang over the gap, so that heads stay over their numbers.
            Align::Left => put(buf, x, y, (x + width).min(parts.head.right()), &label, style),
            Align::Right => {
                put_right(buf, x.saturating_sub(1), y, (x + width).min(parts.head.right()), &label, style);
                x
            }
        };
        x += width + 1;
    }
    if parts.fit.trend.is_some() {
        x = put(buf, x, y, parts.head.right(), "TREND", app.theme.header);
    }
    if parts.fit.dropped > 0 && app.screen != Screen::Dashboard {
        let note = format!("+{} cols", parts.fit.dropped);
        if x + note.len() as u16 <= parts.head.right() {
            put_right(buf, x, y, parts.head.right(), &note, app.theme.dim);
        }
    }
}

fn draw_row(app: &App, buf: &mut Buffer, parts: &TableParts, rect: Rect, view: &View, shown: &Shown, row: &Row) {
    let frame = shown.frame_of(row);
    let base = if row.gone { app.theme.gone } else { app.theme.fg };
    let (mark, style) = match row {
        Row { gone: true, .. } => ("-", app.theme.gone),
        Row { level: Level::Crit, .. } => ("!", app.theme.crit),
        Row { level: Level::Warn, .. } => ("!", app.theme.warn),
        Row { pinned: true, .. } => ("*", app.theme.accent),
        Row { fresh: true, .. } => ("+", app.theme.new),
        _ => (" ", base),
    };
    put(buf, rect.x, rect.y, rect.right(), mark, style);
    let mut x = rect.x + 1;
    for &(column, width) in &parts.fit.columns {
        let right = (x + width).min(rect.right());
        let level = if row.level == Level::Fine { Level::Fine } else { level_of(view, frame, row.at as usize, column) };
        let base = match level {
            Level::Fine => base,
            Level::Warn => app.theme.warn,
            Level::Crit => app.theme.crit,
        };
        cell(app, buf, (x, right, rect.y), frame, row.at as usize, column, base);
        // Two marks in front of what is critical: not by colour alone.
        if level == Level::Crit && x > rect.x {
            put(buf, x - 1, rect.y, rect.right(), "!", base);
        }
        x += width + 1;
    }
    if let Some(width) = parts.fit.trend
        && let Some(values) = view.trends.get(&row.id)
    {
        put(buf, x, rect.y, (x + width).min(rect.right()), &spark(app, values, view.log_scale), base);
    }
}

/// How far over its limits a cell is.
pub fn level_of(view: &View, frame: &Frame, row: usize, column: usize) -> Level {
    let name = &frame.table.schema.columns[column].name;
    let limits = view.thresholds.iter().filter(|limit| limit.column == *name);
    let value = frame.table.cell(row, column).as_f64();
    value.map_or(Level::Fine, |value| limits.map(|limit| limit.level(value)).max().unwrap_or_default())
}

/// One cell, aligned and cut as its column says.
pub fn cell(
    app: &App,
    buf: &mut Buffer,
    (x, right, y): (u16, u16, u16),
    frame: &Frame,
    row: usize,
    column: usize,
    base: Style,
) {
    let meta = &frame.table.schema.columns[column];
    let room = right.saturating_sub(x) as usize;
    let text = match is_estimate(frame, row, column) {
        true => format!("~{}", fitted(app, frame, row, column, room.saturating_sub(1))),
        false => fitted(app, frame, row, column, room),
    };
    let quiet = matches!(text.as_str(), "0" | "0%" | "-" | "?") && meta.agg != Agg::Key;
    let style = if quiet { base.patch(app.theme.dim) } else { base };
    match meta.align {
        Align::Left => {
            put(buf, x, y, right, &text, style);
        }
        Align::Right => put_right(buf, x, y, right, &text, style),
    }
}

/// Whether a number is what was counted of one event in N, times N.
fn is_estimate(frame: &Frame, row: usize, column: usize) -> bool {
    frame.cost.sampled.is_some()
        && frame.table.schema.columns[column].agg == Agg::Sum
        && frame.table.cell(row, column).as_f64().is_some_and(|n| n != 0.0)
}

/// The text of a cell in `width` cells. A number that does not fit is scaled before it is cut:
/// half a number is a wrong number.
fn fitted(app: &App, frame: &Frame, row: usize, column: usize, width: usize) -> String {
    let meta = &frame.table.schema.columns[column];
    let text = format::cell(&frame.table, row, column, app.look);
    if text::width(&text) <= width {
        return text.into_owned();
    }
    if meta.unit.is_none() {
        return text::cut(&text, width, meta.cut_middle, app.glyphs.ellipsis).into_owned();
    }
    let human = Look { raw: false, ..app.look };
    let mut shorter = format::cell(&frame.table, row, column, human).into_owned();
    shorter.retain(|c| c != ' ');
    if text::width(&shorter) <= width || meta.unit == Some(Unit::Id) {
        return text::cut(&shorter, width, false, app.glyphs.ellipsis).into_owned();
    }
    let value = frame.table.cell(row, column).as_f64().unwrap_or(0.0);
    let short = format::shortest(value, meta.unit.unwrap_or(Unit::Count), human);
    if text::width(&short) <= width { short } else { "#".repeat(width) }
}

/// Small bars, scaled to the largest of the row.
pub fn spark(app: &App, values: &[f64], log: bool) -> String {
    let most = values.iter().copied().fold(0.0, f64::max);
    let sign = |&value: &f64| match most {
        _ if value <= 0.0 => " ",
        most => {
            let part = if log { (value + 1.0).ln() / (most + 1.0).ln() } else { value / most };
            app.glyphs.spark[((part * 8.0).ceil() as usize).clamp(1, 8) - 1]
        }
    };
    values.iter().map(sign).collect()
}
