//! A list in a box.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::frame::text;

use super::super::app::App;
use super::super::page::{Page, Tone};
use super::{border, clear, put, put_right};

/// Draws a list; what does not fit is scrolled so that the cursor is seen.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect, page: &Page) {
    clear(app, buf, area);
    // Where there is no room for a border, the lines have it.
    let framed = area.height >= 6 && area.width >= 24;
    let (left, right) = if framed { (area.x + 2, area.right() - 2) } else { (area.x, area.right()) };
    if framed {
        border(app, buf, area, true);
    }
    let note_x = right.saturating_sub(text::width(&page.note) as u16 + 2);
    put(buf, left, area.y, right, &format!(" {} ", page.title), app.theme.title);
    if !page.note.is_empty() && note_x > left + text::width(&page.title) as u16 + 2 {
        put_right(buf, left, area.y, right, &format!(" {} ", page.note), app.theme.dim);
    }
    let mut top = area.y + 1;
    if let Some((prompt, input)) = &page.input {
        let x = put(buf, left, top, right, prompt, app.theme.key);
        let room = right.saturating_sub(x + 1) as usize;
        let value = text::clean_str(input.value());
        let x = put(buf, x, top, right, text::tail(&value, room), app.theme.input);
        put(buf, x, top, right, " ", app.theme.input.add_modifier(Modifier::REVERSED));
        top += 1;
    }
    let height = area.bottom().saturating_sub(top + u16::from(framed)) as usize;
    let skip = (page.at + 1).saturating_sub(height.max(1));
    for ((at, item), y) in page.items.iter().enumerate().skip(skip).zip(top..top + height as u16) {
        let here = at == page.at && item.tone != Tone::Head;
        let style = match item.tone {
            Tone::Plain => app.theme.fg,
            Tone::Dim => app.theme.dim,
            Tone::Head => app.theme.header_sort,
            Tone::Bad => app.theme.warn,
        };
        let style = if here { style.patch(app.theme.title) } else { style };
        if item.tone == Tone::Head {
            put(buf, left, y, right, &text::clean_str(&item.name), style);
            continue;
        }
        put(buf, left, y, right, if here { app.glyphs.cursor } else { " " }, app.theme.key);
        let mut x = left + 2;
        for (cell, width) in [(&item.name, page.name), (&item.value, page.value)] {
            // The last cells of a narrow list are cut, not the first.
            let end = (x + width).min(right);
            let clean = text::clean_str(cell);
            let cut = text::cut(&clean, end.saturating_sub(x) as usize, false, app.glyphs.ellipsis);
            put(buf, x, y, end, &cut, style);
            x = end + u16::from(width > 0);
        }
        let clean = text::clean_str(&item.words);
        let cut = text::cut(&clean, right.saturating_sub(x) as usize, false, app.glyphs.ellipsis);
        put(buf, x, y, right, &cut, if here { style } else { app.theme.dim });
    }
}
