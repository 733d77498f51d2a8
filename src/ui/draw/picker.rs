//! Lists in a box: all views, columns to sort by.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;

use crate::frame::{Kind, text};
use crate::views::ViewDecl;
use crate::views::proof::KERNELS;

use super::super::app::App;
use super::super::help::wrap;
use super::super::overlay::{LETTERS, SortMenu, sortable};
use super::super::picker::Picker;
use super::super::view::Load;
use super::{border, clear, put, put_right};

/// Hooks that are named beside the list; the explanation of a view has all.
const MOST_HOOKS: usize = 2;

/// Draws the list of views, with all about the one under the cursor where there is room.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect, picker: &Picker) {
    clear(app, buf, area);
    let area = inside(area);
    // Where there is no room for a border, the lines have it.
    let framed = area.height >= 6;
    let edge = u16::from(framed);
    if framed {
        border(app, buf, area, true);
    }
    let (left, right) = (area.x + 2 * edge, area.right().saturating_sub(2 * edge));
    put(buf, left, area.y, right, if picker.add { " Add a pane " } else { " Open a view " }, app.theme.title);
    let count = format!(" {} of {} ", picker.found.len() - picker.recent, crate::ui::registry().views().len());
    if left + 15 + count.len() as u16 <= right {
        put_right(buf, left + 14, area.y, right, &count, app.theme.dim);
    }
    let x = put(buf, left, area.y + 1, right, "> ", app.theme.key);
    let x = put(buf, x, area.y + 1, right, &text::clean_str(picker.input.value()), app.theme.input);
    put(buf, x, area.y + 1, right, " ", app.theme.input.add_modifier(Modifier::REVERSED));
    let list = list(area);
    draw_list(app, buf, list, picker);
    if let Some(decl) = picker.found.get(picker.at).filter(|_| list.right() < right) {
        facts(app, buf, Rect { x: list.right() + 1, width: right.saturating_sub(list.right() + 1), ..list }, decl);
    }
}

/// What of the screen the picker takes, its border included.
fn inside(area: Rect) -> Rect {
    if area.width > 44 { Rect { x: area.x + 1, width: area.width - 2, ..area } } else { area }
}

/// The lines with views of the picker in `area`.
fn list(area: Rect) -> Rect {
    let edge = u16::from(area.height >= 6);
    let (left, right) = (area.x + 2 * edge, area.right().saturating_sub(2 * edge));
    let middle = if area.width >= 70 { area.x + area.width * 52 / 100 } else { right };
    Rect::new(left, area.y + 2, middle.saturating_sub(left), area.height.saturating_sub(2 + edge))
}

/// The view at a place, an index into those found.
pub fn hit(app: &App, area: Rect, picker: &Picker, at: Position) -> Option<usize> {
    let area = list(inside(area));
    let (lines, skip) = lines(app, picker, area.height);
    let row = area.contains(at).then(|| (at.y - area.y) as usize)?;
    lines.get(skip + row).and_then(|line| line.ok())
}

/// Views and headings, and how many of them are above the first one that is seen.
fn lines(app: &App, picker: &Picker, height: u16) -> (Vec<Result<usize, &'static str>>, usize) {
    // Headings only in the order of groups; a search is in the order of its own.
    let headed = picker.input.value().trim().is_empty();
    let mut rows: Vec<Result<usize, &'static str>> = Vec::new();
    let mut group = None;
    for (at, decl) in picker.found.iter().enumerate() {
        if headed && at == 0 && picker.recent > 0 {
            rows.push(Err(if app.favourites.is_empty() { "Recent" } else { "Favourites and recent" }));
        }
        if headed && at >= picker.recent && group != Some(decl.group) {
            group = Some(decl.group);
            rows.push(Err(decl.group.title()));
        }
        rows.push(Ok(at));
    }
    let cursor = rows.iter().position(|row| *row == Ok(picker.at)).unwrap_or(0);
    (rows, (cursor + 1).saturating_sub(height as usize))
}

fn draw_list(app: &App, buf: &mut Buffer, area: Rect, picker: &Picker) {
    let (rows, skip) = lines(app, picker, area.height);
    for (row, y) in rows.into_iter().skip(skip).zip(area.y..area.bottom()) {
        match row {
            Err(heading) => {
                put(buf, area.x, y, area.right(), heading, app.theme.header);
            }
            Ok(at) => {
                let decl = picker.found[at];
                let here = at == picker.at;
                let (state, reason) = state(app, decl);
                let style = if reason { app.theme.dim } else { app.theme.fg };
                let style = if here { style.patch(app.theme.title) } else { style };
                put(buf, area.x, y, area.right(), if here { app.glyphs.cursor } else { " " }, app.theme.key);
                let star = if app.favourites.contains(&decl.name) { "* " } else { "" };
                // `hist`: with the longest name, "running in 2" still fits beside the facts at 80 columns.
                let kind = if decl.kind == Kind::Histogram { "hist" } else { decl.kind.name() };
                let line = format!("{:<14} {kind:<8} {star}{state}", decl.name);
                put(
                    buf,
                    area.x + 2,
                    y,
                    area.right(),
                    &text::cut(&line, area.width.saturating_sub(2) as usize, false, app.glyphs.ellipsis),
                    style,
                );
            }
        }
    }
}

/// A word or two on a view, and whether it cannot run.
fn state(app: &App, decl: &ViewDecl) -> (String, bool) {
    if let Some(reason) = app.unavailable.get(&decl.name) {
        return (text::clean_str(reason).into_owned(), true);
    }
    let tab = app.views.iter().position(|view| view.name == decl.name);
    match tab.map(|at| (at, app.views[at].load)) {
        Some((at, Load::Running)) => (format!("running in {}", at + 1), false),
        Some((at, Load::Loading(..))) => (format!("loading in {}", at + 1), false),
        Some((at, _)) => (format!("tab {}", at + 1), false),
        None => ("ready".to_owned(), false),
    }
}

/// What the view is best attached to, all its purposes together; and what else serves.
fn ways(app: &App, decl: &ViewDecl, room: usize) -> [String; 2] {
    let hooks = app.hooks.get(&decl.name).map(Vec::as_slice).unwrap_or_default();
    if hooks.is_empty() {
        let purposes: Vec<&str> = decl.hooks.keys().map(String::as_str).collect();
        return [purposes.join(", "), String::new()];
    }
    let mut found: [Vec<String>; 2] = Default::default();
    for purpose in decl.hooks.keys() {
        for (at, way) in decl.ways(purpose, hooks).into_iter().enumerate() {
            for hook in way.hooks.split(' ').filter(|hook| !hook.is_empty()) {
                if !found.iter().flatten().any(|known| known == hook) {
                    found[at.min(1)].push(hook.to_owned());
                }
            }
        }
    }
    // What is too long for a line is better broken behind its kind than anywhere.
    let broken = |hook: &String| if text::width(hook) > room { hook.replacen('/', "/ ", 1) } else { hook.clone() };
    found.map(|hooks| {
        let mut words: Vec<String> = hooks.iter().take(MOST_HOOKS).map(broken).collect();
        words.extend(hooks.len().checked_sub(MOST_HOOKS + 1).map(|more| format!("+{}", more + 1)));
        words.join(" ")
    })
}

/// All about one view.
fn facts(app: &App, buf: &mut Buffer, area: Rect, decl: &ViewDecl) {
    let width = area.width as usize;
    let mut lines = vec![(decl.name.clone(), app.theme.title), (String::new(), app.theme.fg)];
    let mut add = |head: &str, body: &str| {
        let room = width.saturating_sub(if head.is_empty() { 0 } else { 9 });
        for (at, line) in wrap(body, room).into_iter().enumerate() {
            let line = if head.is_empty() { line } else { format!("{:<9}{line}", if at == 0 { head } else { "" }) };
            lines.push((line, app.theme.fg));
        }
    };
    add("", &decl.question);
    add("", "");
    if let Some(reason) = app.unavailable.get(&decl.name) {
        add("", &format!("Cannot run: {}", text::clean_str(reason)));
        add("", "");
    }
    add("kind", decl.kind.name());
    let [best, others] = ways(app, decl, width.saturating_sub(9));
    add("hooks", &best);
    if !others.is_empty() {
        add("then", &others);
    }
    let kernels: Vec<&str> = KERNELS.iter().copied().filter(|k| !decl.unavailable.contains_key(*k)).collect();
    add("proven", &kernels.join(", "));
    add("cost", decl.cost.split(':').next().unwrap_or_default());
    let aliases = decl.aliases.join(" ");
    if !aliases.is_empty() {
        add("also", &aliases);
    }
    add("BCC", &format!("{}(8)", decl.name));
    if let Some(cannot) = decl.cannot.first() {
        add("cannot", cannot);
    }
    for ((line, style), y) in lines.iter().zip(area.y..area.bottom()) {
        put(buf, area.x, y, area.right(), line, *style);
    }
}

/// Draws the columns to sort by, a letter each.
pub fn sort_menu(app: &App, buf: &mut Buffer, area: Rect, menu: SortMenu) {
    let Some(view) = app.view() else { return };
    let Some(shown) = &view.shown else { return };
    let columns = sortable(view);
    // Where there is no room for a border, the lines have it.
    let framed = area.height >= 6;
    let edge = u16::from(framed);
    let height = (columns.len() as u16 + 1 + edge).min(area.height);
    let width = 34.min(area.width);
    let area = Rect::new(area.right() - width, area.y, width, height);
    clear(app, buf, area);
    if framed {
        border(app, buf, area, true);
    }
    put(buf, area.x + 2 * edge, area.y, area.right() - 1, " Sort by ", app.theme.title);
    let sorted = view.sort_by(&shown.frame.table);
    let inner = match framed {
        true => super::layout::inner(area),
        false => Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area },
    };
    let skip = (menu.at + 1).saturating_sub(inner.height as usize);
    for ((at, &column), y) in columns.iter().enumerate().skip(skip).zip(inner.y..inner.bottom()) {
        let meta = &shown.frame.table.schema.columns[column];
        let arrow = sorted.filter(|&(c, _)| c == column).map_or(" ", |(_, desc)| app.glyphs.sorted[usize::from(!desc)]);
        let style = if at == menu.at { app.theme.title } else { app.theme.fg };
        let cursor = if at == menu.at { app.glyphs.cursor } else { " " };
        let x = put(buf, inner.x, y, inner.right(), cursor, app.theme.key);
        let x = put(buf, x, y, inner.right(), &LETTERS[at..=at], app.theme.key);
        put(buf, x, y, inner.right(), &format!(" {arrow} {:<10} {}", meta.label, meta.name), style);
    }
}
