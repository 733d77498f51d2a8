//! The line above a view: what it is, its main numbers, how they are accumulated.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::frame::format::{number, tight};
use crate::frame::{Frame, Histogram, Kind, Mode, Status, Unit, text};

use super::super::app::App;
use super::super::layout;
use super::super::view::{Rendering, Shown, View};
use super::{heat, put, put_right, tabs};

/// Below this height the summary goes.
const SUMMARY_HEIGHT: u16 = 16;

/// The main numbers of a view, the most important one first.
pub fn numbers(app: &App, view: &View) -> Vec<String> {
    let Some(shown) = &view.shown else { return Vec::new() };
    let frame = &shown.frame;
    // The cross-hair is what the user looks at.
    if app.has_cross() && app.view().is_some_and(|current| std::ptr::eq(current, view)) {
        return heat::words(app, view).unwrap_or_default();
    }
    match frame.kind {
        Kind::Histogram => percentiles(app, frame, &frame.distribution(None)),
        Kind::Table | Kind::Counters => totals(app, view, frame),
        Kind::Events => events(app, &shown.source),
    }
}

fn percentiles(app: &App, frame: &Frame, hist: &Histogram) -> Vec<String> {
    let unit = histogram_unit(frame);
    let show = |name: &str, n: u64| format!("{name} {}", tight(n as f64, unit, app.look));
    let mut out: Vec<String> = [("~p50", 0.5), ("~p90", 0.9), ("~p99", 0.99)]
        .into_iter()
        .filter_map(|(name, fraction)| hist.percentile(fraction).map(|p| show(name, p.est)))
        .collect();
    out.extend(hist.max.filter(|_| !out.is_empty()).map(|max| show("max", max)));
    // Distributions hold the counts of their interval in every mode.
    let seconds = frame.interval.real_ns.max(1) as f64 / 1e9;
    let count = hist.count() as f64 / if frame.interval.mode == Mode::PerSecond { seconds } else { 1.0 };
    out.push(rate(app, frame, count, Unit::Count));
    out
}

/// The unit of the values that a distribution counts: that of the largest one.
pub fn histogram_unit(frame: &Frame) -> Unit {
    let schema = &frame.table.schema;
    schema.index("max").and_then(|column| schema.columns[column].unit).unwrap_or(Unit::Ns)
}

/// A number of one interval by second, so that intervals of any length compare; since start the sum.
fn rate(app: &App, frame: &Frame, n: f64, unit: Unit) -> String {
    let seconds = frame.interval.real_ns as f64 / 1e9;
    // Of one event in N, times N. Events themselves are never multiplied.
    let estimate = frame.cost.sampled.is_some() && frame.kind != Kind::Events && n != 0.0;
    let sign = if estimate { "~" } else { "" };
    match frame.interval.mode {
        Mode::Interval if seconds > 0.0 => {
            format!("{sign}{}/s", number((n / seconds * 10.0).round() / 10.0, unit, app.look))
        }
        Mode::PerSecond => format!("{sign}{}/s", number((n * 10.0).round() / 10.0, unit, app.look)),
        _ => format!("{sign}{}", number(n, unit, app.look)),
    }
}

fn totals(app: &App, view: &View, frame: &Frame) -> Vec<String> {
    let schema = &frame.table.schema;
    let sorted = view.sort_by(&frame.table).map(|(column, _)| column);
    let mut totals = frame.totals();
    // The question of the view comes first: its sorted column.
    totals.sort_by_key(|(column, _)| Some(*column) != sorted);
    let shown = totals.iter().enumerate().filter_map(|(at, (column, sum))| {
        let n = sum.as_f64()?;
        let meta = &schema.columns[*column];
        // Totals that are usually nothing (errors) are news only when they are something.
        (at < 2 || n != 0.0).then(|| format!("{} {}", meta.name, rate(app, frame, n, meta.unit.unwrap_or(Unit::Count))))
    });
    shown.collect()
}

/// Events of the interval by second, and of those the ones that could not be shown.
fn events(app: &App, source: &Frame) -> Vec<String> {
    let rate = |n: f64| rate(app, source, n, Unit::Count);
    let lost = source.lost.total();
    let dropped = (lost > 0).then(|| format!("lost {}", rate(lost as f64)));
    [format!("events {}", rate(source.table.len() as f64))].into_iter().chain(dropped).collect()
}

fn rows(view: &View, shown: &Shown) -> String {
    if view.is_log() {
        return format!("{}/{} events", shown.rows.len(), view.events_held());
    }
    if view.kind() == Kind::Events && view.rendering() == Rendering::HeatMap {
        let (known, unknown) =
            view.heat.columns.values().fold((0, 0), |sum, c| (sum.0 + c.hist.count(), sum.1 + c.unknown));
        let more = if unknown > 0 { format!(", {unknown} without a latency") } else { String::new() };
        return format!("{known} events drawn{more}");
    }
    let all = shown.frame.table.len();
    let now = shown.rows.iter().filter(|row| !row.gone).count();
    let what = if view.kind() == Kind::Histogram { "groups" } else { "rows" };
    if now == all { format!("{all} {what}") } else { format!("{now}/{all} {what}") }
}

/// What has to be known of how the numbers came about, at the right of the title.
fn manner(app: &App, view: &View) -> String {
    let mut words = Vec::new();
    if view.holds(app.now) && view.selected.is_some() && view.kind() != Kind::Histogram {
        words.push("hold".to_owned());
    }
    if view.load == super::super::view::Load::Off {
        words.push("not loaded".to_owned());
    }
    if let Some(by) = &view.group {
        words.push(format!("by {by}"));
    }
    if let Some(shown) = &view.shown {
        if shown.at.is_none() {
            words.push(format!("first {:.1} s", shown.frame.interval.real_ns as f64 / 1e9));
        }
        // Events are not added up.
        if shown.frame.kind != Kind::Events {
            words.push(format!("{} [a]", shown.frame.interval.mode.label()));
        }
    }
    words.join("  ")
}

/// Draws the line of a view on the whole screen.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect, at: usize) {
    let view = &app.views[at];
    let (y, right) = (area.y, area.right());
    let badged = layout::bands(app).tabs.height == 0;
    // Very narrow: that it is live goes without saying.
    let plain = badged && area.width < 30;
    let manner = if plain {
        String::new()
    } else if badged {
        // The main number yields its blank before it is left out.
        let main = short_main(app, view, 0).map_or(0, |main| text::width(&main) + 2);
        let used = text::width(&view.name) + main + 3;
        tabs::badge_in(app, (area.width as usize).saturating_sub(used))
    } else {
        manner(app, view)
    };
    let manner = if view.unavailable().is_some() { "NOT RUNNING".to_owned() } else { manner };
    let manner_x = right.saturating_sub(text::width(&manner) as u16 + 1);
    let mut x = put(buf, area.x + 1, y, right, &view.name, app.theme.title);
    if view.unavailable().is_none() && app.area.height < SUMMARY_HEIGHT {
        let gap = u16::from(!manner.is_empty());
        if let Some(main) = short_main(app, view, manner_x.saturating_sub(x + 2 + gap)) {
            let end = x + 2 + text::width(&main) as u16;
            x = if end <= manner_x { put(buf, x + 2, y, manner_x, &main, app.theme.accent) } else { x };
        }
    } else {
        let numbers = summary(app, view);
        // The words yield to the numbers.
        let words = view.title();
        let need: usize = numbers.iter().map(|n| text::width(n) + 2).sum();
        if (x as usize) + 2 + text::width(words) + need < manner_x as usize && !words.is_empty() {
            x = put(buf, x + 2, y, manner_x, words, app.theme.fg);
        }
        for number in numbers {
            // A blank stays before what has to be known of the numbers.
            if x + 2 + text::width(&number) as u16 >= manner_x {
                break;
            }
            x = put(buf, x + 2, y, manner_x, &number, app.theme.accent);
        }
    }
    // Next to a number that fills the line only what makes it wrong is said; estimates are marked in it.
    if plain
        && let Some((sign, style)) = doubt(app, view)
        && (x + 1 < right || matches!(sign, "x" | "!" | "P"))
    {
        put(buf, right.saturating_sub(1), y, right, sign, style);
    }
    if manner_x > x {
        put_right(
            buf,
            x + 1,
            y,
            right.saturating_sub(1),
            &manner,
            if badged { app.theme.title } else { app.theme.dim },
        );
    }
}

/// What has to be known of the numbers where there is no status line, in one sign: `P` is the past, `R` a replay.
fn doubt(app: &App, view: &View) -> Option<(&'static str, Style)> {
    let shown = view.shown.as_ref()?;
    if view.lost > 0 {
        return Some(("x", app.theme.lost));
    }
    let partial = matches!(shown.source.status, Status::Partial(_));
    let estimated = shown.frame.cost.sampled.is_some();
    let signs = [
        (partial, "!", app.theme.warn),
        (app.cursor.is_some(), "P", app.theme.warn),
        (estimated, "~", app.theme.warn),
        (app.replay.is_some(), "R", app.theme.dim),
    ];
    signs.into_iter().find(|(here, ..)| *here).map(|(_, sign, style)| (sign, style))
}

fn summary(app: &App, view: &View) -> Vec<String> {
    let mut out = numbers(app, view);
    if let Some(shown) = &view.shown
        && !shown.frame.table.schema.key.is_empty()
        && view.unavailable().is_none()
    {
        out.push(rows(view, shown));
    }
    out
}

/// All there is room for: name and main number.
pub fn one_line(app: &App, buf: &mut Buffer, area: Rect) {
    let Some(view) = app.view() else { return };
    let x = put(buf, area.x, area.y, area.right(), &view.name, app.theme.title);
    let main = match view.unavailable() {
        Some(_) => "not running".to_owned(),
        None => short_main(app, view, area.right().saturating_sub(x + 1)).unwrap_or_else(|| "loading".to_owned()),
    };
    put(buf, x + 1, area.y, area.right(), &main, app.theme.accent);
}

/// The main number in `room` cells, without its name where that does not fit.
fn short_main(app: &App, view: &View, room: u16) -> Option<String> {
    let main = numbers(app, view).into_iter().next()?;
    if text::width(&main) <= room as usize {
        return Some(main);
    }
    let (_, number) = main.split_once(' ')?;
    let mut number = number.to_owned();
    if text::width(&number) > room as usize {
        number.retain(|c| c != ' ');
    }
    Some(number)
}
