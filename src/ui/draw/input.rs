//! The last line: an input line, a toast, the timeline, or key hints, the first that applies.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::frame::format::tight;
use crate::frame::{Unit, text};

use super::super::action::{BINDINGS, Binding};
use super::super::app::App;
use super::super::export::{Export, Scope};
use super::super::filter::FilterLine;
use super::super::layout::{self, Bands};
use super::super::line::Line;
use super::super::overlay::Overlay;
use super::{clear, put, put_right, timeline};

/// Draws whatever the last line has to show.
pub fn draw(app: &App, buf: &mut Buffer, bands: &Bands) {
    let last = layout::last_line(app);
    match app.overlays.last() {
        Some(Overlay::Filter(line)) => return filter(app, buf, last, line),
        // What went wrong with what was typed comes before the line itself, until the next key.
        Some(Overlay::Line(_)) if app.toast.is_some() => {}
        Some(Overlay::Line(line)) => return self::line(app, buf, last, line),
        Some(Overlay::Export(export)) => return self::export(app, buf, last, export),
        _ => {}
    }
    if let Some((toast, _)) = &app.toast {
        clear(app, buf, last);
        let text = text::clean_str(toast);
        put(
            buf,
            last.x + 1,
            last.y,
            last.right(),
            &text::cut(&text, last.width as usize - 2, false, app.glyphs.ellipsis),
            app.theme.info,
        );
        return;
    }
    if app.cursor.is_some() && app.overlays.is_empty() {
        clear(app, buf, last);
        return timeline::draw(app, buf, last);
    }
    if bands.hints.height > 0 {
        hints(app, buf, bands.hints);
    }
}

fn hints(app: &App, buf: &mut Buffer, area: Rect) {
    let closes: Option<&[(&'static str, &'static str)]> = match app.overlays.last() {
        Some(Overlay::Help(_)) => Some(&[("Esc", "close"), ("j k", "scroll"), ("letters", "filter")]),
        Some(Overlay::Explain(_)) => Some(&[("Esc", "close"), ("j k", "scroll")]),
        Some(Overlay::Picker(_)) => Some(&[
            ("Enter", "open"),
            ("Tab", "in a new pane"),
            ("*", "favourite"),
            ("Ctrl-u", "clear"),
            ("Esc", "close"),
        ]),
        Some(Overlay::Sort(_)) => Some(&[("letter", "sort, again reverses"), ("Esc", "close")]),
        Some(Overlay::Detail(_)) => Some(&[("Esc", "back"), ("j k", "choose"), ("Enter", "jump"), ("PgDn", "more")]),
        Some(overlay) => overlay.page(app).map(|page| page.keys),
        None => None,
    };
    let place = app.place();
    let bound = BINDINGS.iter().filter(|binding| !binding.hint.is_empty() && binding.places.contains(&place));
    let expand = super::super::action::Action::Expand;
    let mode = super::super::action::Action::Rendering;
    // What a dashboard is for is seen there; a view alone has more ways of drawing.
    let other = if place == super::super::action::Place::Dashboard { mode } else { expand };
    let bound = bound.filter(|b| b.action != other);
    let one_row = app.view().is_some_and(super::super::view::View::is_one_row);
    let bound = bound.filter(|b| !one_row || b.action != super::super::action::Action::Filter);
    let bound = bound.filter(|binding| {
        binding.action != super::super::action::Action::GroupBy
            || (app.can_group() && app.view().is_some_and(|v| v.decl.is_some_and(|d| d.group_by().is_some())))
    });
    // Pages on which no letter is typed take the keys that the user chose.
    let mapped = app.overlays.last().is_some_and(|overlay| !overlay.takes_letters());
    let shown = |key: &&'static str| match mapped {
        true => app.options.keys.shown(key, super::super::action::Place::View).to_owned(),
        false => (*key).to_owned(),
    };
    let names = |keys: &'static str| keys.split(' ').map(|key| shown(&key)).collect::<Vec<_>>().join(" ");
    let all: Vec<(String, &str)> = match closes {
        Some(closes) => closes.iter().map(|(keys, what)| (names(keys), *what)).collect(),
        None => {
            let key = |binding: &Binding| app.options.keys.keys(binding).first().cloned();
            bound.filter_map(|binding| Some((key(binding)?, binding.hint))).collect()
        }
    };
    let mut x = area.x + 1;
    for (key, what) in all {
        let key = match key.as_str() {
            "Space" => app.glyphs.space,
            "Enter" => app.glyphs.enter,
            other => other,
        };
        if x as usize + text::width(key) + what.len() + 1 > area.right() as usize {
            break;
        }
        x = put(buf, x, area.y, area.right(), key, app.theme.key);
        x = put(buf, x + 1, area.y, area.right(), what, app.theme.hint) + 2;
    }
}

/// The visible part of an input line and the cursor behind its last character.
fn typed(app: &App, buf: &mut Buffer, x: u16, y: u16, right: u16, input: &tui_input::Input) -> u16 {
    let room = right.saturating_sub(x + 1) as usize;
    let value = text::clean_str(input.value()).into_owned();
    let shown = text::tail(&value, room);
    let end = put(buf, x, y, right, shown, app.theme.input);
    let behind = text::width(input.value()).saturating_sub(input.visual_cursor());
    let at = end.saturating_sub(behind as u16).max(x);
    if let Some(cell) = buf.cell_mut((at, y)) {
        cell.set_style(app.theme.input.add_modifier(Modifier::REVERSED));
    }
    end + 1
}

fn filter(app: &App, buf: &mut Buffer, area: Rect, line: &FilterLine) {
    clear(app, buf, area);
    let x = put(buf, area.x + 1, area.y, area.right(), "/ ", app.theme.key);
    let end = typed(app, buf, x, area.y, area.right(), &line.input);
    let bad = line.bad.as_ref();
    let mut note = format!("{} keep  Esc clear  Tab complete", app.glyphs.enter);
    if let Some(bad) = bad {
        let value = line.input.value();
        let before = value.get(..bad.start).map_or(0, text::width) as u16;
        let wrong = value.get(bad.start..bad.end).map_or(1, text::width).max(1) as u16;
        let rect =
            Rect::new((x + before).min(area.right()), area.y, wrong.min(area.right().saturating_sub(x + before)), 1);
        buf.set_style(rect, app.theme.warn.add_modifier(Modifier::UNDERLINED));
        note = text::clean_str(&bad.message).into_owned();
    }
    if end as usize + text::width(&note) + 2 < area.right() as usize {
        put_right(
            buf,
            end,
            area.y,
            area.right() - 1,
            &note,
            if bad.is_some() { app.theme.warn } else { app.theme.hint },
        );
    }
}

fn line(app: &App, buf: &mut Buffer, area: Rect, line: &Line) {
    clear(app, buf, area);
    let x = put(buf, area.x + 1, area.y, area.right(), &line.prompt(), app.theme.key);
    let end = typed(app, buf, x, area.y, area.right(), &line.input);
    if end as usize + text::width(line.note()) + 2 < area.right() as usize {
        put_right(buf, end, area.y, area.right() - 1, line.note(), app.theme.hint);
    }
}

fn export(app: &App, buf: &mut Buffer, area: Rect, export: &Export) {
    clear(app, buf, area);
    // What would be written, and how large it is; keys where there is room.
    let scope = match export.scope {
        Scope::View => "view",
        Scope::Screen => "screen",
        Scope::History => "history",
    };
    let size = export.size.map(|(size, about)| {
        let sign = if about { "~" } else { "" };
        format!("{sign}{}", tight(size as f64, Unit::Bytes, app.look))
    });
    let frames = export.frames(app).len();
    let plural = if frames == 1 { "" } else { "s" };
    let what = format!("{scope}: {frames} frame{plural} {}", size.as_deref().unwrap_or("..."));
    let note = if layout::bands(app).hints.height > 0 { what } else { format!("{what}  Tab") };
    let x = put(buf, area.x + 1, area.y, area.right(), "write ", app.theme.key);
    let room = area.right().saturating_sub(text::width(&note) as u16 + 2).max(x + 10).min(area.right());
    let end = typed(app, buf, x, area.y, room, &export.input);
    put_right(buf, end, area.y, area.right().saturating_sub(1), &note, app.theme.hint);
}
