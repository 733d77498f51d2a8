//! Percentiles over time: a band of bars for each, on a scale of its own.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::frame::format::{Look, tight};
use crate::frame::{Frame, Histogram};

use super::super::app::App;
use super::super::heat::Parts;
use super::super::theme::ramp;
use super::super::view::View;
use super::title::histogram_unit;
use super::{heat, put, put_right};

/// Name and fraction; the largest value last.
const BANDS: [(&str, f64); 4] = [("~p50", 0.5), ("~p90", 0.9), ("~p99", 0.99), ("max", 1.0)];

/// Draws the bands, as many as there is room for.
pub fn draw(app: &App, buf: &mut Buffer, parts: &Parts, view: &View, frame: &Frame) {
    heat::edge(app, buf, parts.legend, [app.glyphs.border[2], app.glyphs.border[3]]);
    put(buf, parts.legend.x + 1, parts.legend.y, parts.legend.right(), " percentiles over time ", app.theme.title);
    let bands = (parts.map.height / 2).clamp(1, BANDS.len() as u16);
    // With little room the tail says more than the middle: p99, then p50, then the others.
    let order = [2, 0, 1, 3];
    let mut chosen: Vec<usize> = order.into_iter().take(bands as usize).collect();
    chosen.sort_unstable();
    let series = ramp::series(&app.theme, app.depth);
    for (place, &band) in chosen.iter().enumerate() {
        let top = parts.map.y + parts.map.height * place as u16 / bands;
        let bottom = parts.map.y + parts.map.height * (place as u16 + 1) / bands;
        // A line between two bands keeps them apart.
        let gap = u16::from(bottom - top > 2 && place + 1 < chosen.len());
        let area = Rect::new(parts.map.x, top, parts.map.width, bottom - top - gap);
        let style = series.get(band).map_or(app.theme.bar, |&color| app.theme.fg.fg(color));
        draw_band(app, buf, area, parts.labels, view, frame, BANDS[band], style);
    }
    heat::axis(app, buf, parts, &view.heat);
}

fn value(hist: &Histogram, fraction: f64) -> Option<u64> {
    if fraction >= 1.0 {
        hist.max.or(hist.percentile(1.0).map(|p| p.est))
    } else {
        hist.percentile(fraction).map(|p| p.est)
    }
}

#[allow(clippy::too_many_arguments)] // place, data and look of one band
fn draw_band(
    app: &App,
    buf: &mut Buffer,
    area: Rect,
    labels: Rect,
    view: &View,
    frame: &Frame,
    (name, fraction): (&str, f64),
    style: ratatui::style::Style,
) {
    let unit = histogram_unit(frame);
    let values: Vec<(u64, u64)> = view
        .heat
        .columns
        .iter()
        .filter_map(|(&number, column)| value(&column.hist, fraction).map(|value| (number, value)))
        .collect();
    let most = values.iter().map(|&(_, value)| value).max().unwrap_or(0);
    let now = view.heat.here.unwrap_or(view.heat.end);
    let now = values.iter().find(|&&(number, _)| number == now).map(|&(_, value)| value);
    let text = now.map_or("-".to_owned(), |value| tight(value as f64, unit, Look { raw: false, ..app.look }));
    put_right(buf, labels.x, area.bottom() - 1, labels.right() - 1, &text, app.theme.fg);
    if area.height > 1 {
        put_right(buf, labels.x, area.y, labels.right() - 1, name, app.theme.header);
    } else {
        put(buf, labels.x, area.y, labels.right(), &name[..name.len().min(4)], app.theme.header);
    }
    for (number, value) in values {
        let x = area.x + view.heat.place(number, app.scroll);
        let part = if view.log_scale {
            (value as f64 + 1.0).ln() / (most as f64 + 1.0).ln().max(1e-9)
        } else {
            value as f64 / most.max(1) as f64
        };
        let eighths = ((part * f64::from(area.height) * 8.0).round() as u16).max(1);
        for row in 0..area.height {
            let here = eighths.saturating_sub(row * 8).min(8);
            if here > 0 {
                put(buf, x, area.bottom() - 1 - row, area.right(), app.glyphs.spark[here as usize - 1], style);
            }
        }
    }
}
