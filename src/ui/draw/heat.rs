//! Heat maps: time across, buckets up, colour is how many a second.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::frame::format::{self, Look, tight};
use crate::frame::{Frame, Histogram, Unit};

use super::super::app::App;
use super::super::heat::{Choice, Column, DECADES, Heat, Parts, framed};
use super::super::view::View;
use super::timeline::clock;
use super::title::histogram_unit;
use super::{line, put, put_right};

/// Seconds between two labels of the time axis.
const EVERY: [u64; 8] = [5, 15, 30, 60, 300, 900, 3600, 14_400];

/// Draws the map with its legend and axes.
pub fn draw(app: &App, buf: &mut Buffer, parts: &Parts, view: &View, frame: &Frame) {
    let heat = &view.heat;
    legend(app, buf, parts, heat);
    let unit = histogram_unit(frame);
    // Raw numbers have no room here, and half a number is a wrong number.
    let look = Look { raw: false, ..app.look };
    let rows = heat.rows();
    // Every label where there is room, else every other one.
    let lines = heat.lines();
    for y in parts.map.y..parts.map.bottom() {
        put(buf, parts.labels.right() - 1, y, parts.map.x, app.glyphs.border[1], app.theme.border);
    }
    for (at, &(low, _)) in rows.iter().enumerate() {
        let y = parts.map.bottom() - 1 - at as u16 * lines;
        let label = tight(Histogram::lo(low) as f64, unit, look);
        put_right(buf, parts.labels.x, y, parts.labels.right() - 2, &label, app.theme.dim);
        put(buf, parts.labels.right() - 1, y, parts.map.x, app.glyphs.joints[1], app.theme.border);
    }
    for (&number, column) in &heat.columns {
        let x = parts.map.x + heat.place(number, app.scroll);
        for (at, &(low, high)) in rows.iter().enumerate() {
            let count: u64 = column.hist.buckets.iter().take(high + 1).skip(low).sum();
            if count > 0 && x < parts.map.right() {
                let (sign, style) = app.ramp[heat.step(count as f64 / column.seconds.max(1e-9))];
                for y in line_of(parts, at, lines) {
                    put(buf, x, y, parts.map.right(), sign, style);
                }
            }
        }
    }
    if rows.is_empty() {
        let unknown = heat.columns.values().any(|column| column.unknown > 0);
        let text = if unknown { "how long these events took is not known" } else { "nothing was measured yet" };
        put(buf, parts.map.x + 1, parts.map.y, parts.map.right(), text, app.theme.dim);
    }
    chosen(app, buf, parts, heat, &rows);
    axis(app, buf, parts, heat);
}

/// The lines of row `at`.
fn line_of(parts: &Parts, at: usize, lines: u16) -> std::ops::Range<u16> {
    let bottom = parts.map.bottom() - at as u16 * lines;
    bottom - lines..bottom
}

/// What the colours mean: a sample for each decade.
fn legend(app: &App, buf: &mut Buffer, parts: &Parts, heat: &Heat) {
    let (y, right) = (parts.legend.y, parts.legend.right());
    // Alone it is the top of its picture, else the line between two.
    let alone = parts.hist.height == 0;
    let ends = if alone {
        [2, 3].map(|corner| app.glyphs.border[corner])
    } else {
        [app.glyphs.joints[0], app.glyphs.joints[1]]
    };
    edge(app, buf, parts.legend, ends);
    let seconds = heat.columns.values().map(|column| column.seconds).sum::<f64>();
    let what = if parts.legend.width >= 70 { "colour = events/s, log scale" } else { "events/s" };
    let text = format!(" last {}  {what} ", format::duration(seconds.round() as u64));
    let mut x = put(buf, parts.legend.x + 1, y, right, &text, app.theme.title);
    for decade in 0..DECADES {
        let (sign, style) = app.ramp[decade as usize * 2];
        let label = tight(10f64.powi(heat.top - DECADES + decade), Unit::Count, app.look);
        let label = if heat.top - DECADES + decade >= 3 { thousands(heat.top - DECADES + decade) } else { label };
        x = put(buf, x, y, right, " ", app.theme.fg);
        x = put(buf, x, y, right, sign, style);
        x = put(buf, x, y, right, &format!(" {label} "), app.theme.fg);
    }
}

/// `1k`, `10k`, `1M` for powers of ten.
fn thousands(power: i32) -> String {
    let unit = ["", "k", "M", "G", "T", "P"].get(power as usize / 3).copied().unwrap_or("E");
    format!("1{}{unit}", "0".repeat(power as usize % 3))
}

/// A line across with ends that join the border, where there is one.
pub fn edge(app: &App, buf: &mut Buffer, area: Rect, ends: [&str; 2]) {
    line(buf, area, app.glyphs.border[0], app.theme.border);
    if framed(app, area) {
        put(buf, area.x, area.y, area.right(), ends[0], app.theme.border);
        put(buf, area.right() - 1, area.y, area.right(), ends[1], app.theme.border);
    }
}

/// The cross-hair, or what was chosen with the mouse.
fn chosen(app: &App, buf: &mut Buffer, parts: &Parts, heat: &Heat, rows: &[(usize, usize)]) {
    let Some(choice) = choice(app, heat) else { return };
    let inside = |&(low, high): &(usize, usize)| low <= choice.buckets.1 && high >= choice.buckets.0;
    let places = rows.iter().enumerate().filter(|(_, row)| inside(row)).map(|(at, _)| at);
    for y in places.flat_map(|at| line_of(parts, at, heat.lines())) {
        buf.set_style(Rect::new(parts.labels.x, y, parts.labels.width - 1, 1), app.theme.selection);
        for number in choice.columns.0..=choice.columns.1 {
            let x = parts.map.x + heat.place(number, app.scroll);
            if x < parts.map.right() && heat.columns.contains_key(&number) {
                let style = app.theme.fg.add_modifier(Modifier::REVERSED);
                put(buf, x, y, parts.map.right(), if heat.choice.is_some() { "." } else { "+" }, style);
            }
        }
    }
}

/// What the cross-hair or the mouse chose.
fn choice(app: &App, heat: &Heat) -> Option<Choice> {
    app.cursor?;
    heat.choice.or_else(|| heat.cross())
}

/// The range, time, count and share of what was chosen, for the title.
pub fn words(app: &App, view: &View) -> Option<Vec<String>> {
    let heat = &view.heat;
    let choice = choice(app, heat)?;
    let frame = &view.shown.as_ref()?.frame;
    let (lo, hi) = (Histogram::lo(choice.buckets.0), Histogram::hi(choice.buckets.1));
    let (_, _, unit) = format::range(lo, hi, histogram_unit(frame), app.look);
    let (lo, hi, unit) = match format::range(lo, hi, histogram_unit(frame), app.look) {
        // Far apart, each end has a unit of its own.
        (_, hi_text, _) if hi_text.len() > 4 => {
            let show = |n: u64| tight(n as f64, histogram_unit(frame), app.look);
            (show(lo), show(hi), "")
        }
        (lo, hi, _) => (lo, hi, unit),
    };
    let time = |number: u64| heat.columns.get(&number).map_or(String::new(), |column| clock(column.wall_ns));
    let (from, to) = (time(choice.columns.0), time(choice.columns.1));
    let time = if from == to { from } else { format!("{from}{}{to}", app.glyphs.dash) };
    let (some, all) = heat.count(&choice);
    let share = 100.0 * some as f64 / all.max(1) as f64;
    Some(vec![
        format!("{lo}{}{hi} {unit}", app.glyphs.dash).trim_end().to_owned(),
        time,
        format!("{} events", format::separated(some as f64)),
        format!("{share:.1}%"),
    ])
}

/// Time, and which columns lost something.
pub fn axis(app: &App, buf: &mut Buffer, parts: &Parts, heat: &Heat) {
    edge(app, buf, parts.axis, [app.glyphs.border[5], app.glyphs.border[4]]);
    let (y, left, right) = (parts.axis.y, parts.map.x, parts.map.right());
    put(buf, left - 1, y, right, app.glyphs.joints[2], app.theme.border);
    let text = match heat.here {
        Some(_) => app.glyphs.joints[2].to_owned(),
        None => format!("{} now ", app.glyphs.joints[2]),
    };
    let width = text.chars().count() as u16;
    let x = heat.place(heat.here.unwrap_or(heat.end), app.scroll);
    // At the right end the word goes before its mark.
    let x = if x + width > parts.map.width { (x + 1).saturating_sub(width) } else { x };
    labels(app, buf, parts, heat, (x, x + width));
    for (&number, column) in heat.columns.iter().filter(|(_, column)| column.lost || column.gap) {
        let (sign, style) = if column.lost { ("x", app.theme.lost) } else { ("|", app.theme.dim) };
        put(buf, left + heat.place(number, app.scroll), y, right, sign, style);
    }
    if !heat.columns.is_empty() {
        put(buf, left + x, y, right, &text, app.theme.title);
    }
}

/// Labels at round times, the newest first: what would cover another one is left out.
fn labels(app: &App, buf: &mut Buffer, parts: &Parts, heat: &Heat, now: (u16, u16)) {
    let each = heat.columns.values().map(|column| column.seconds).fold(0.0, f64::max).max(0.001);
    let every = EVERY.into_iter().find(|&every| every as f64 / each >= 15.0).unwrap_or(EVERY[7]);
    let slot = |column: &Column| (column.wall_ns + 500_000_000) / 1_000_000_000 / every;
    // A mark of a loss is worth more than a label.
    let lost = heat.columns.iter().filter(|(_, column)| column.lost).map(|(&number, _)| heat.place(number, app.scroll));
    let mut taken: Vec<(u16, u16)> = lost.map(|x| (x, x + 1)).chain([now]).collect();
    let columns: Vec<(&u64, &Column)> = heat.columns.iter().collect();
    for pair in columns.windows(2).rev() {
        let &[(_, before), (&number, column)] = pair else { continue };
        if slot(before) == slot(column) {
            continue;
        }
        let time = clock(slot(column) * every * 1_000_000_000);
        let text = if every < 60 && !time.ends_with(":00Z") { &time[5..8] } else { &time[..8] };
        let x = heat.place(number, app.scroll);
        let end = x + text.len() as u16 + 1;
        // The cursor wipes what lies before it: a label there would be cut in two.
        if end > parts.map.width || taken.iter().any(|&(from, to)| x < to && from < end) {
            continue;
        }
        taken.push((x, end));
        put(buf, parts.map.x + x, parts.axis.y, parts.map.right(), text, app.theme.dim);
    }
}
