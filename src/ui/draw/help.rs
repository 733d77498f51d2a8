//! Pages of text: help and explain.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::app::App;
use super::super::help::Line;
use super::{put, put_right};

/// Draws a page; `true`: it covers what is below.
pub fn page(app: &App, buf: &mut Buffer, area: Rect, lines: &[Line], scroll: usize) -> bool {
    let key_width = super::super::help::key_width(area.width);
    let all = lines.len() <= area.height as usize;
    let room = Rect { height: area.height.saturating_sub(u16::from(!all)), ..area };
    for (line, y) in lines.iter().skip(scroll).zip(room.y..room.bottom()) {
        let (x, right) = (area.x + 1, area.right());
        match line {
            Line::Head(text) => put(buf, x, y, right, text, app.theme.title),
            Line::Text(text) => put(buf, x, y, right, text, app.theme.fg),
            Line::Key(key) => put(buf, x, y, right, key, app.theme.key),
            Line::Pair(key, text) => {
                put(buf, x + 1, y, (x + key_width).min(right), key, app.theme.key);
                put(buf, x + 1 + key_width, y, right, text, app.theme.fg)
            }
        };
    }
    let below = lines.len().saturating_sub(scroll + room.height as usize);
    if below > 0 && area.height > 0 {
        put_right(buf, area.x, area.bottom() - 1, area.right(), &format!("{below} more, j k scroll "), app.theme.dim);
    }
    true
}
