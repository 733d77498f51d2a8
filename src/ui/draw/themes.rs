//! A sample of a theme: the ramp and a few bars.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::app::App;
use super::super::theme::ramp;
use super::put;

/// Draws the sample into the lower part of the list.
pub fn sample(app: &App, buf: &mut Buffer, area: Rect) {
    if area.height < 11 || area.width < 24 {
        return;
    }
    let (x, right, y) = (area.x + 2, area.right() - 2, area.bottom() - 4);
    let mut end = put(buf, x, y, right, "ramp ", app.theme.dim);
    for (sign, style) in app.ramp {
        end = put(buf, end, y, right, &sign.repeat(3), style);
    }
    let end = put(buf, x, y + 1, right, "bars ", app.theme.dim);
    let end = put(buf, end, y + 1, right, &app.glyphs.bars[7].repeat(12), app.theme.bar);
    put(buf, end, y + 1, right, app.glyphs.bars[3], app.theme.bar);
    let mut end = put(buf, x, y + 2, right, "also ", app.theme.dim);
    for color in ramp::series(&app.theme, app.depth) {
        end = put(buf, end, y + 2, right, &app.glyphs.bars[7].repeat(2), app.theme.fg.fg(color));
    }
    let end = put(buf, end, y + 2, right, " ! ", app.theme.warn);
    put(buf, end, y + 2, right, "!!", app.theme.crit);
}
