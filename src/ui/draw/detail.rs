//! Everything about one row.

use std::time::SystemTime;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::frame::format;
use crate::frame::{Agg, text};

use super::super::ProcessFacts;
use super::super::app::App;
use super::super::detail::Detail;
use super::super::help::wrap;
use super::super::view::View;
use super::timeline::clock;
use super::{kernel, put, table};

/// Frames that the trends on this page show.
const TREND: usize = 24;

/// Frames whose values are listed.
const PAST: usize = 20;

/// Draws the page; `false` if its row is nowhere to be found.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect, detail: &Detail) -> bool {
    let Some(view) = app.view() else { return false };
    let mut lines: Vec<(String, String, Style)> = Vec::new();
    columns(app, view, detail, area.width, &mut lines);
    process(app, detail, area.width, &mut lines);
    past(app, view, detail, area.width, &mut lines);
    let top = area.y + 1 + u16::from(area.height > 12);
    // Where to go from here has its place at the bottom; what does not fit above is left out.
    let room = area.bottom().saturating_sub(top);
    let ways = jumps(app, detail, if room > 8 { (room / 4).clamp(2, 8) } else { 1 });
    let ways_height = ways.len() as u16;
    let body = room - ways_height;
    let below = lines.len().saturating_sub(body as usize);
    let lines: Vec<_> = lines.split_off(detail.top.min(below));
    let lines = &lines[..lines.len().min(body as usize)];
    let ways_top = top + body.min(lines.len() as u16);
    let placed = lines.iter().zip(top..).chain(ways.iter().zip(ways_top..area.bottom()));
    let head = format!("{}  {}", view.name, view.title());
    let end = put(buf, area.x + 1, area.y, area.right(), &head, app.theme.title);
    kernel(app, buf, area, end);
    let name = name_width(area.width);
    for ((key, value, style), y) in placed {
        put(buf, area.x + 1, y, area.x + name, key, app.theme.dim);
        put(buf, area.x + 1 + name, y, area.right(), value, *style);
    }
    true
}

/// Cells of the names at the left.
fn name_width(width: u16) -> u16 {
    if width >= 50 { 16 } else { (width / 3).clamp(6, 12) }
}

fn columns(app: &App, view: &View, detail: &Detail, width: u16, lines: &mut Vec<(String, String, Style)>) {
    let row = view.shown.as_ref().and_then(|shown| Some((shown, shown.rows.iter().find(|row| row.id == detail.id)?)));
    let Some((shown, row)) = row else {
        lines.push(("gone".to_owned(), "this row is not in the frame that is shown".to_owned(), app.theme.gone));
        return;
    };
    let table = shown.table(row);
    let room = width.saturating_sub(name_width(width) + 2).max(8) as usize;
    for (at, column) in table.schema.columns.iter().enumerate() {
        let value = format::cell(table, row.at as usize, at, app.look);
        let mut pieces = wrap(&value, room).into_iter();
        let mut first = pieces.next().unwrap_or_default();
        if matches!(column.agg, Agg::Sum | Agg::Max) && width >= 60 && !app.options.slow {
            let trend = trend(view, detail.id, &column.name);
            first = format!("{first:<14} {}", table::spark(app, &trend, view.log_scale));
        }
        lines.push((column.name.clone(), first, app.theme.fg));
        lines.extend(pieces.map(|piece| (String::new(), piece, app.theme.fg)));
    }
    lines.push(Default::default());
}

/// The values of this row in the last frames, the newest first, as wide as there is room.
fn past(app: &App, view: &View, detail: &Detail, width: u16, lines: &mut Vec<(String, String, Style)>) {
    let Some(shown) = view.shown.as_ref() else { return };
    let Some(end) = shown.at else { return };
    let schema = &shown.frame.table.schema;
    let number = |&column: &usize| matches!(schema.columns[column].agg, Agg::Sum | Agg::Max | Agg::Formula(_));
    let sort = view.sort_by(&shown.frame.table).map(|(column, _)| column);
    let room = width.saturating_sub(name_width(width) + 2) as usize / 10;
    let columns: Vec<usize> = view.columns(schema, sort).into_iter().filter(number).take(room).collect();
    if columns.is_empty() {
        return;
    }
    let heads: String =
        columns.iter().map(|&column| format!("{:>9} ", text::head(&schema.columns[column].label, 9))).collect();
    lines.push((format!("last {PAST}"), heads, app.theme.header));
    for at in (end.saturating_sub(PAST - 1)..=end).rev() {
        let Some(frame) = view.interval(at) else { continue };
        let table = &frame.table;
        let row = table.ids().iter().position(|&id| id == detail.id);
        let cell = |&column: &usize| match row {
            Some(row) if column < table.width() => format!("{:>9} ", format::cell(table, row, column, app.look)),
            _ => format!("{:>9} ", "-"),
        };
        let values: String = columns.iter().map(cell).collect();
        let style = if row.is_some() { app.theme.fg } else { app.theme.dim };
        lines.push((clock(frame.time.wall_ns), values, style));
    }
}

/// Values of one column over the newest frames up to the one shown.
fn trend(view: &View, id: u64, name: &str) -> Vec<f64> {
    let end = view.shown.as_ref().and_then(|shown| shown.at).map_or(0, |at| at + 1);
    let value = |at: usize| {
        let frame = view.interval(at)?;
        let table = &frame.table;
        let column = table.schema.index(name)?;
        let row = table.ids().iter().position(|&known| known == id)?;
        table.cell(row, column).as_f64()
    };
    (end.saturating_sub(TREND)..end).map(value).map(|value| value.unwrap_or(0.0)).collect()
}

fn process(app: &App, detail: &Detail, width: u16, lines: &mut Vec<(String, String, Style)>) {
    let Some(pid) = detail.pid else { return };
    let dim = app.theme.dim;
    match &detail.facts {
        None => lines.push(("process".to_owned(), "looking it up".to_owned(), dim)),
        Some(None) if app.replay.is_some() => {
            lines.push(("process".to_owned(), format!("{pid} of the recorded host, not of this one"), dim));
        }
        Some(None) => lines.push(("process".to_owned(), format!("{pid} has ended"), dim)),
        Some(Some(facts)) => {
            for (name, value) in known(facts) {
                let room = width.saturating_sub(name_width(width) + 2).max(8) as usize;
                for (at, line) in wrap(&text::clean_str(&value), room).into_iter().take(3).enumerate() {
                    lines.push((if at == 0 { name.to_owned() } else { String::new() }, line, app.theme.fg));
                }
            }
        }
    }
    lines.push(Default::default());
}

fn known(facts: &ProcessFacts) -> Vec<(&'static str, String)> {
    let parents: Vec<String> = facts.parents.iter().map(|(pid, comm)| format!("{comm} ({pid})")).collect();
    let started = facts.started.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    let started = started.map(|since| humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string());
    let all = [
        ("command", facts.cmdline.join(" ")),
        ("user", facts.user.clone()),
        ("cgroup", facts.cgroup.clone().unwrap_or_default()),
        ("container", facts.container.clone().unwrap_or_default()),
        ("parents", parents.join(" < ")),
        ("started", started.unwrap_or_default()),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// As many of the views to go to as there is room for, the chosen one among them.
fn jumps(app: &App, detail: &Detail, room: u16) -> Vec<(String, String, Style)> {
    let Some(pid) = detail.pid else { return Vec::new() };
    let room = room as usize;
    let first = (detail.at + 1).saturating_sub(room);
    let line = |(at, name): (usize, &String)| {
        let here = at == detail.at;
        let cursor = if here { app.glyphs.cursor } else { " " };
        let head = match at - first {
            0 => "jump to".to_owned(),
            1 if detail.jumps.len() > room => format!("{} of {}", detail.at + 1, detail.jumps.len()),
            _ => String::new(),
        };
        let style = if here { app.theme.title } else { app.theme.fg };
        let whose = if app.area.width < 30 { String::new() } else { format!("pid {pid} in ") };
        (head, format!("{cursor} {whose}{name}"), style)
    };
    detail.jumps.iter().enumerate().skip(first).take(room).map(line).collect()
}
