//! Distributions: a bar for each bucket, and a list where there are several.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::frame::format::{self, Look, number};
use crate::frame::{Frame, Histogram, Mode, Unit, text};

use super::super::app::App;
use super::super::view::{Rendering, Shown, View};
use super::super::{heat, layout};
use super::baseline::{self, Baseline};
use super::title::histogram_unit;
use super::{put, put_right, table};

/// Empty buckets in a row beyond which they are folded.
const FOLD: usize = 4;

/// Lines that may be saved by putting the ends together.
const ENDS: usize = 3;

/// Cells of a range label: `512 – 1023 ns`.
const LABEL: u16 = 14;

/// A line of the picture.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// Buckets `first..=last`, their values, and those of all buckets up to here.
    Bucket { first: usize, last: usize, count: u64, below: u64 },
    /// Empty buckets left out.
    Folded,
}

/// The lines of a distribution in `height` rows. Too many buckets are put together rather than cut.
fn lines(hist: &Histogram, height: usize) -> Vec<Line> {
    let Some((first, last)) = hist.used() else { return Vec::new() };
    let fine = fold(by_step(hist, first, last, 1));
    if fine.len() <= height + ENDS && height > ENDS {
        return join_ends(fine, height);
    }
    for step in 1..=64usize {
        let out = fold(by_step(hist, first, last, step));
        if out.len() <= height {
            return out;
        }
    }
    Vec::new()
}

fn by_step(hist: &Histogram, first: usize, last: usize, step: usize) -> Vec<Line> {
    let mut below = 0;
    let line = |start: usize| {
        let end = start + step - 1;
        let count: u64 = (start..=end).filter_map(|bucket| hist.buckets.get(bucket)).sum();
        below += count;
        Line::Bucket { first: start, last: end, count, below }
    };
    (first - first % step..=last).step_by(step).map(line).collect()
}

/// Where a few lines are too many, the thinner end is put together: the middle keeps its shape.
fn join_ends(mut lines: Vec<Line>, height: usize) -> Vec<Line> {
    let count = |line: &Line| if let Line::Bucket { count, .. } = line { *count } else { 0 };
    while lines.len() > height.max(2) {
        let end = lines.len() - 2;
        let low = count(&lines[0]) + count(&lines[1]) < count(&lines[end]) + count(&lines[end + 1]);
        let at = if low { 0 } else { end };
        let (a, b) = (lines.remove(at), lines.remove(at));
        let joined = match (a, b) {
            (Line::Bucket { first, count: a, .. }, Line::Bucket { last, count: b, below, .. }) => {
                Line::Bucket { first, last, count: a + b, below }
            }
            // A fold at an end has nothing on one side of it.
            (Line::Folded, line) | (line, Line::Folded) => line,
        };
        lines.insert(at, joined);
    }
    lines
}

fn fold(all: Vec<Line>) -> Vec<Line> {
    let empty = |line: &Line| matches!(line, Line::Bucket { count: 0, .. });
    let mut out = Vec::with_capacity(all.len());
    let mut run = Vec::new();
    for line in all {
        if empty(&line) {
            run.push(line);
            continue;
        }
        if run.len() > FOLD {
            out.push(Line::Folded);
            run.clear();
        }
        out.append(&mut run);
        out.push(line);
    }
    out
}

/// Draws the distributions of a view.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect, at: usize, view: &View, shown: &Shown) {
    if !heat::is_keyed(view) {
        let hist = shown.frame.histograms.first().cloned().unwrap_or_default();
        return picture(app, buf, area, view, &shown.frame, &hist, shown.scale);
    }
    let list = layout::list_area(app, area);
    draw_list(app, buf, list, at, view, shown);
    if list == area {
        return;
    }
    let selected = view.selected_row().and_then(|row| shown.rows.get(row));
    let Some(row) = selected else { return };
    let frame = shown.frame_of(row);
    let Some(hist) = frame.histograms.get(row.at as usize) else { return };
    let most = hist.buckets.iter().copied().max().unwrap_or(0) as f64;
    picture(app, buf, area, view, frame, hist, most);
}

/// One distribution as the rendering says, and a map of the time before where there is room.
fn picture(app: &App, buf: &mut Buffer, area: Rect, view: &View, frame: &Frame, hist: &Histogram, scale: f64) {
    let Some(place) = heat::picture(app, view, area) else { return };
    let parts = heat::parts(app, view, area);
    match (view.rendering(), &parts) {
        (Rendering::Percentiles, Some(parts)) => {
            sides(app, buf, place);
            super::percentiles::draw(app, buf, parts, view, frame);
        }
        (Rendering::HeatMap, Some(parts)) => {
            sides(app, buf, place);
            super::heat::draw(app, buf, parts, view, frame);
        }
        (rendering, Some(parts)) => {
            whole(app, buf, parts.hist, view, frame, hist, scale, rendering != Rendering::Table);
            sides(app, buf, Rect { y: parts.map.y, height: parts.map.height, ..place });
            super::heat::draw(app, buf, parts, view, frame);
        }
        (rendering, None) => whole(app, buf, place, view, frame, hist, scale, rendering != Rendering::Table),
    }
}

/// The border at both sides of a picture.
fn sides(app: &App, buf: &mut Buffer, area: Rect) {
    if heat::framed(app, area) {
        for y in area.y..area.bottom() {
            put(buf, area.x, y, area.right(), app.glyphs.border[1], app.theme.border);
            put(buf, area.right() - 1, y, area.right(), app.glyphs.border[1], app.theme.border);
        }
    }
}

/// The part of a list that has the frame's own columns; percentiles that it lacks come behind them.
pub fn columns_of(list: Rect, frame: &Frame) -> Rect {
    let has = frame.table.schema.index("p50").is_some();
    Rect { width: list.width - if has || list.width < 40 { 0 } else { 16 }, ..list }
}

/// The list: key, count, percentiles. Columns that the frame does not have are made from the distributions.
fn draw_list(app: &App, buf: &mut Buffer, area: Rect, at: usize, view: &View, shown: &Shown) {
    let left = columns_of(area, &shown.frame);
    table::draw(app, buf, left, at, view, shown);
    if left == area {
        return;
    }
    let unit = histogram_unit(&shown.frame);
    let parts = layout::table(app, view, left, shown.rows.len());
    super::line(buf, Rect { width: area.width, ..parts.rule }, app.glyphs.border[0], app.theme.border);
    let columns = [("~P50", 0.5, left.right()), ("~P99", 0.99, left.right() + 8)];
    for (name, fraction, x) in columns {
        put_right(buf, x, area.y, x + 8, name, app.theme.header);
        for (row, y) in shown.rows.iter().skip(view.top).zip(parts.rows.y..parts.rows.bottom()) {
            let hist = shown.frame_of(row).histograms.get(row.at as usize);
            let p = hist
                .and_then(|hist| hist.percentile(fraction))
                .map_or("-".to_owned(), |p| number(p.est as f64, unit, app.look));
            put_right(buf, x, y, x + 8, &p, app.theme.fg);
        }
    }
    table::mark(app, buf, Rect { y: parts.rows.y, height: parts.rows.height, ..area }, at, view);
}

/// One distribution: range, count, bar, cumulative percent, as many of them as fit.
#[allow(clippy::too_many_arguments)] // place, data and look of one picture
fn whole(
    app: &App,
    buf: &mut Buffer,
    area: Rect,
    view: &View,
    frame: &Frame,
    hist: &Histogram,
    scale: f64,
    bars: bool,
) {
    let framed = heat::framed(app, area);
    let mut inside = area;
    let seconds = frame.interval.real_ns as f64 / 1e9;
    if framed {
        super::border(app, buf, area, false);
        let title = match frame.interval.mode {
            Mode::SinceStart => " since start ".to_owned(),
            _ => format!(" last {} s ", number(seconds, Unit::Count, Look::default())),
        };
        put(buf, area.x + 1, area.y, area.right(), &title, app.theme.title);
        let heads =
            if view.baseline.is_some() { format!(" {}  cum % ", app.glyphs.delta) } else { " cum % ".to_owned() };
        put_right(buf, area.x, area.y, area.right() - 1, &heads, app.theme.header);
        inside = layout::inner(area);
    }
    let lines = lines(hist, inside.height as usize);
    if lines.is_empty() {
        let text = if hist.count() == 0 { "nothing happened in this interval" } else { "no room" };
        put(buf, inside.x + 1, inside.y, inside.right(), text, app.theme.dim);
        return;
    }
    let count_width: u16 = if inside.width >= if bars { 39 } else { 24 } { 9 } else { 0 };
    let cum_width: u16 = if inside.width >= if bars { 46 } else { 36 } { 10 } else { 0 };
    let base = Baseline::of(view, frame);
    let delta_width: u16 = if base.is_some() && inside.width >= 46 { baseline::WIDTH } else { 0 };
    let bar = Rect::new(
        inside.x + LABEL + count_width + 2,
        inside.y,
        inside.width.saturating_sub(LABEL + count_width + delta_width + cum_width + 2),
        inside.height,
    );
    let most = lines.iter().map(|line| if let Line::Bucket { count, .. } = line { *count } else { 0 }).max();
    let scale = scale.max(most.unwrap_or(0) as f64);
    let scale = base.as_ref().map_or(scale, |base| scale.max(base.most()));
    for (line, y) in lines.iter().zip(inside.y..inside.bottom()) {
        let Line::Bucket { first, last, count, below } = line else {
            put(buf, inside.x + LABEL / 2, y, inside.right(), app.glyphs.fold, app.theme.dim);
            continue;
        };
        let label = label(app, histogram_unit(frame), Histogram::lo(*first), Histogram::hi(*last));
        put_right(buf, inside.x, y, inside.x + LABEL + 1, &label, app.theme.fg);
        if bars {
            put(buf, bar.x, y, bar.right(), &bar_text(app, *count, scale, bar.width, view.log_scale), app.theme.bar);
        }
        if let Some(base) = &base {
            let before = base.count(*first, *last);
            if bars && before > 0.0 {
                let width = bar_width(before, scale, bar.width, view.log_scale);
                let x = (bar.x + (width / 8) as u16).min(bar.right().saturating_sub(1));
                put(buf, x, y, bar.right(), app.glyphs.outline, app.theme.bar_base);
            }
            let text = baseline::delta(*count as f64 - before);
            put_right(buf, bar.right(), y, bar.right() + delta_width, &text, app.theme.fg);
        }
        if count_width > 0 {
            let x = inside.x + LABEL + 1;
            let per = if frame.interval.mode == Mode::PerSecond { seconds.max(1e-9) } else { 1.0 };
            let text = count_text(frame, *count, per, count_width as usize);
            let style = if *count == 0 { app.theme.dim } else { app.theme.fg };
            put_right(buf, x, y, x + count_width, &text, style);
        } else if bars && *count > 0 && is_estimated(frame) {
            put(buf, bar.x - 1, y, bar.x, "~", app.theme.fg);
        }
        if cum_width > 0 {
            let cum = 100.0 * *below as f64 / hist.count().max(1) as f64;
            // Rounding must not claim that nothing is left.
            let cum = if *below < hist.count() { cum.min(99.9) } else { cum };
            let mark = mark(hist, *first, *last);
            put_right(buf, bar.right() + delta_width, y, inside.right(), &format!("{mark:>3}{cum:>6.1}"), app.theme.fg);
        }
    }
}

/// Whether counts are what was counted of one event in N, times N.
fn is_estimated(frame: &Frame) -> bool {
    frame.cost.sampled.is_some()
}

/// A count, or its part of a second, in `width` cells: scaled before it is cut, as half a number is a wrong number.
fn count_text(frame: &Frame, count: u64, per: f64, width: usize) -> String {
    let sign = if is_estimated(frame) && count > 0 { "~" } else { "" };
    let whole = (per == 1.0).then(|| format!("{sign}{}", format::separated(count as f64)));
    whole
        .filter(|text| text.len() <= width)
        .unwrap_or_else(|| format!("{sign}{}", number(count as f64 / per, Unit::Count, Look::default())))
}

/// The percentile that a line holds, the highest one.
fn mark(hist: &Histogram, first: usize, last: usize) -> &'static str {
    let holds = |fraction: f64| hist.rank(fraction).is_some_and(|(bucket, _)| (first..=last).contains(&bucket));
    let marks = [("max", 1.0), ("p99", 0.99), ("p90", 0.9), ("p50", 0.5)];
    marks.into_iter().find(|&(_, fraction)| holds(fraction)).map_or("", |(name, _)| name)
}

fn label(app: &App, unit: Unit, lo: u64, hi: u64) -> String {
    let (lo, hi, unit) = format::range(lo, hi, unit, app.look);
    let text = format!("{lo:>4} {} {hi:>4} {unit}", app.glyphs.dash);
    if text::width(&text) > LABEL as usize { format!("{lo}{}{hi}{unit}", app.glyphs.dash) } else { text }
}

/// A bar in eighths; what is not zero is never invisible.
fn bar_text(app: &App, count: u64, scale: f64, width: u16, log: bool) -> String {
    if count == 0 || scale <= 0.0 || width == 0 {
        return String::new();
    }
    let eighths = bar_width(count as f64, scale, width, log);
    let mut bar = app.glyphs.bars[7].repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push_str(app.glyphs.bars[eighths % 8 - 1]);
    }
    bar
}

/// Length of a bar in eighths of a cell.
fn bar_width(count: f64, scale: f64, width: u16, log: bool) -> usize {
    let part = if log { (count + 1.0).ln() / (scale + 1.0).ln() } else { count / scale };
    ((part * f64::from(width) * 8.0).round() as usize).clamp(1, (width as usize * 8).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_never_cut_and_says_when_it_is_an_estimate() {
        let mut frame = crate::ui::testing::hist_frame(0, false);
        assert_eq!(count_text(&frame, 1_234_567, 1.0, 9), "1,234,567");
        assert_eq!(count_text(&frame, 12_345_678, 1.0, 9), "12.3M");
        assert_eq!(count_text(&frame, 10, 4.0, 9), "2.5");
        frame.cost.sampled = Some(8);
        assert_eq!(count_text(&frame, 1_234_567, 1.0, 9), "~1.2M");
        assert_eq!(count_text(&frame, 0, 1.0, 9), "0");
    }

    fn hist(buckets: &[u64]) -> Histogram {
        Histogram { buckets: buckets.to_vec(), sum: 0, max: None }
    }

    #[test]
    fn empty_ends_are_cut_and_long_gaps_folded() {
        let lines = lines(&hist(&[0, 0, 5, 0, 1, 0, 0, 0, 0, 0, 7, 0, 0]), 20);
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0], Line::Bucket { first: 2, last: 2, count: 5, below: 5 });
        assert_eq!(lines[1], Line::Bucket { first: 3, last: 3, count: 0, below: 5 });
        assert_eq!(lines[3], Line::Folded);
        assert_eq!(lines[4], Line::Bucket { first: 10, last: 10, count: 7, below: 13 });
    }

    #[test]
    fn too_many_buckets_are_put_together_and_none_is_lost() {
        let all = hist(&[3; 33]);
        for height in 1..40 {
            let lines = lines(&all, height);
            assert!(!lines.is_empty() && lines.len() <= height);
            let sum: u64 =
                lines.iter().map(|line| if let Line::Bucket { count, .. } = line { *count } else { 0 }).sum();
            assert_eq!(sum, 99);
        }
    }
}
