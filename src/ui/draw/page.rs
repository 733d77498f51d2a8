//! A list in a box.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;

use crate::frame::text;

use super::super::app::App;
use super::super::page::{Item, Page, Tone};
use super::{border, clear, put, put_right};

/// Cells of words that are worth having.
const WORDS: u16 = 34;

/// Fewest cells that words are begun in.
const FEWEST: u16 = 6;

/// Draws a list.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect, page: &Page) {
    clear(app, buf, area);
    let framed = framed(area);
    let (left, right) = if framed { (area.x + 2, area.right() - 2) } else { (area.x, area.right()) };
    if framed {
        border(app, buf, area, true);
    }
    let note_x = right.saturating_sub(text::width(&page.note) as u16 + 2);
    let title = format!(" {} ", page.title);
    put(
        buf,
        left,
        area.y,
        right,
        &text::cut(&title, (right - left) as usize, false, app.glyphs.ellipsis),
        app.theme.title,
    );
    if !page.note.is_empty() && note_x > left + text::width(&page.title) as u16 + 2 {
        put_right(buf, left, area.y, right, &format!(" {} ", page.note), app.theme.dim);
    }
    if let Some((prompt, input)) = &page.input {
        let top = area.y + 1;
        let x = put(buf, left, top, right, prompt, app.theme.key);
        let room = right.saturating_sub(x + 1) as usize;
        let value = text::clean_str(input.value());
        let x = put(buf, x, top, right, text::tail(&value, room), app.theme.input);
        put(buf, x, top, right, " ", app.theme.input.add_modifier(Modifier::REVERSED));
    }
    let (name, value) = widths(page, right.saturating_sub(left + 2));
    let lines = lines(page, area);
    for ((at, item), y) in page.items.iter().enumerate().skip(lines.skip).zip(lines.top..lines.bottom) {
        let here = at == page.at && item.tone != Tone::Head;
        let style = match item.tone {
            Tone::Plain => app.theme.fg,
            Tone::Dim => app.theme.dim,
            Tone::Head => app.theme.header_sort,
            Tone::Bad => app.theme.warn,
        };
        let style = if here { style.patch(app.theme.title) } else { style };
        if item.tone == Tone::Head {
            let clean = text::clean_str(&item.name);
            let cut = text::cut(&clean, right.saturating_sub(left) as usize, false, app.glyphs.ellipsis);
            put(buf, left, y, right, &cut, style);
            continue;
        }
        put(buf, left, y, right, if here { app.glyphs.cursor } else { " " }, app.theme.key);
        let mut x = left + 2;
        for (cell, width) in [(&item.name, name), (&item.value, value)] {
            // The last cells of a narrow list are cut, not the first.
            let end = (x + width).min(right);
            let clean = text::clean_str(cell);
            let cut = text::cut(&clean, end.saturating_sub(x) as usize, false, app.glyphs.ellipsis);
            put(buf, x, y, end, &cut, style);
            x = end + u16::from(width > 0);
        }
        // A letter or two of them say nothing.
        if right.saturating_sub(x) < FEWEST && text::width(&item.words) > FEWEST as usize {
            continue;
        }
        let clean = text::clean_str(&item.words);
        let cut = text::cut(&clean, right.saturating_sub(x) as usize, false, app.glyphs.ellipsis);
        put(buf, x, y, right, &cut, if here { style } else { app.theme.dim });
    }
}

/// Where there is no room for a border, the lines have it.
fn framed(area: Rect) -> bool {
    area.height >= 6 && area.width >= 24
}

/// Rows of the screen that lines are in, and the first line of them.
struct Lines {
    top: u16,
    bottom: u16,
    skip: usize,
}

/// What does not fit is scrolled so that the cursor is seen.
fn lines(page: &Page, area: Rect) -> Lines {
    let top = area.y + 1 + u16::from(page.input.is_some());
    let bottom = area.bottom().saturating_sub(u16::from(framed(area))).max(top);
    Lines { top, bottom, skip: (page.at + 1).saturating_sub(((bottom - top) as usize).max(1)) }
}

/// The line at a place, an index into the items; headings are none.
pub fn hit(page: &Page, area: Rect, at: Position) -> Option<usize> {
    let lines = lines(page, area);
    let row = (lines.top..lines.bottom).contains(&at.y).then(|| (at.y - lines.top) as usize)?;
    let line = area.contains(at).then_some(lines.skip + row)?;
    page.items.get(line).filter(|item| item.tone != Tone::Head).map(|_| line)
}

/// Cells of names and values. Where they would not leave room for words, they are as narrow as what is in them, and
/// where even that is too much, the value is seen: the name of a setting is known by its beginning.
fn widths(page: &Page, room: u16) -> (u16, u16) {
    if page.name + page.value + WORDS <= room {
        return (page.name, page.value);
    }
    let lines = || page.items.iter().filter(|item| item.tone != Tone::Head);
    let longest = |cells: &dyn Fn(&Item) -> usize| lines().map(cells).max().unwrap_or(0) as u16;
    let name = longest(&|item| text::width(&text::clean_str(&item.name))).min(page.name);
    let value = longest(&|item| text::width(&text::clean_str(&item.value))).min(page.value);
    if name + value + 2 <= room {
        // What is typed into a form must not push the words about while there is room.
        return (name, if name + page.value + 2 <= room { page.value } else { value });
    }
    let name = name.min((room / 2).max(room.saturating_sub(value + 1)));
    (name, value.min(room.saturating_sub(name + 1)))
}
