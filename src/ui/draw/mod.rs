//! From state to cells. Nothing is computed here that is not in the frames, and nothing is read
//! but the state.

mod baseline;
mod counters;
mod dashboard;
mod detail;
mod heat;
mod help;
pub mod histogram;
mod input;
mod loading;
mod log;
pub mod page;
mod percentiles;
pub mod picker;
mod status;
mod table;
pub mod tabs;
mod themes;
pub mod timeline;
mod title;
mod unavailable;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::frame::{Kind, text};

use super::app::{App, Screen};
use super::layout;
use super::overlay::Overlay;
use super::view::{Rendering, View};

/// Brings scroll positions and trends in line with what is on the screen. Called before each drawing.
pub fn prepare(app: &mut App) {
    let visible: Vec<usize> = app.visible().collect();
    for at in visible {
        app.sync_heat(at);
        let height = layout::rows_of(app, at);
        let area = layout::area_of(app, at);
        app.views[at].scroll_to_selection(height);
        let view = &app.views[at];
        let count = view.shown.as_ref().map_or(0, |shown| shown.rows.len());
        let trend = layout::table(app, view, area, count)
            .fit
            .trend
            .filter(|_| matches!(view.rendering(), Rendering::Table | Rendering::Trend));
        let sweep = view.rendering() == Rendering::Trend && !app.scroll;
        let trend = trend.filter(|_| !super::counters::is_drawn_for(view));
        match (trend, trend_column(view)) {
            (Some(width), Some(column)) => app.views[at].collect_trends(column, width as usize, height, sweep),
            _ => app.views[at].trends.clear(),
        }
    }
}

/// The number whose trend is drawn: the sorted one, else the first total.
pub fn trend_column(view: &View) -> Option<usize> {
    let table = &view.shown.as_ref()?.frame.table;
    let sorted = view.sort_by(table).map(|(column, _)| column);
    let additive = |&column: &usize| table.schema.columns[column].agg == crate::frame::Agg::Sum;
    sorted.filter(additive).or_else(|| table.schema.totals.first().copied())
}

/// Draws the screen.
pub fn render(app: &App, frame: &mut ratatui::Frame<'_>) {
    paint(app, frame.buffer_mut());
}

fn paint(app: &App, buf: &mut Buffer) {
    let area = app.area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    buf.set_style(area, app.theme.ground());
    let bands = layout::bands(app);
    if layout::tiny(area) {
        title::one_line(app, buf, area);
        return;
    }
    if bands.tabs.height > 0 {
        tabs::draw(app, buf, bands.tabs);
    }
    let page = app.overlays.last();
    let covered = match page {
        Some(Overlay::Help(page)) => {
            help::page(app, buf, layout::below_tabs(app), &super::help::lines(app, &page.filter), page.top)
        }
        Some(Overlay::Explain(scroll)) => {
            help::page(app, buf, layout::below_tabs(app), &super::help::explain(app, area.width), *scroll)
        }
        Some(Overlay::Detail(page)) => detail::draw(app, buf, layout::below_tabs(app), page),
        _ => false,
    };
    if !covered {
        match app.screen {
            Screen::View(at) => full_view(app, buf, at),
            Screen::Dashboard => dashboard::draw(app, buf),
        }
    }
    if bands.log.height > 0 {
        log::draw(app, buf, bands.log);
    }
    if bands.status.height > 0 {
        status::draw(app, buf, bands.status);
    }
    match page {
        Some(Overlay::Picker(page)) => picker::draw(app, buf, layout::below_tabs(app), page),
        Some(Overlay::Sort(menu)) => picker::sort_menu(app, buf, bands.body, *menu),
        Some(overlay) => {
            if let Some(list) = overlay.page(app) {
                page::draw(app, buf, page_area(app, overlay), &list);
            }
            if matches!(overlay, Overlay::Themes(_)) {
                themes::sample(app, buf, page_area(app, overlay));
            }
        }
        None => {}
    }
    input::draw(app, buf, &bands);
}

/// Where a list goes: lists that are read cover the page; themes leave the screen to be looked at.
pub fn page_area(app: &App, overlay: &Overlay) -> Rect {
    let area = layout::below_tabs(app);
    match overlay {
        Overlay::Themes(_) => {
            let (width, height) = (area.width.min(40), area.height.min(14));
            Rect::new(area.right() - width, area.y, width, height)
        }
        _ if area.width > 100 => Rect { x: area.x + (area.width - 100) / 2, width: 100, ..area },
        _ => area,
    }
}

/// A view alone on the screen.
fn full_view(app: &App, buf: &mut Buffer, at: usize) {
    let bands = layout::bands(app);
    if bands.title.height > 0 {
        title::draw(app, buf, bands.title, at);
    }
    body(app, buf, bands.body, at);
}

/// What a view shows, in a pane or on the whole screen.
fn body(app: &App, buf: &mut Buffer, area: Rect, at: usize) {
    let Some(view) = app.views.get(at) else { return };
    if area.is_empty() {
        return;
    }
    if view.unavailable().is_some() {
        return unavailable::draw(app, buf, area, view);
    }
    let Some(shown) = &view.shown else {
        return loading::draw(app, buf, area, view);
    };
    match view.rendering() {
        Rendering::Table if shown.frame.kind != Kind::Histogram => table::draw(app, buf, area, at, view, shown),
        Rendering::Trend if super::counters::is_drawn_for(view) => counters::draw(app, buf, area, view, shown),
        Rendering::Trend | Rendering::Log => table::draw(app, buf, area, at, view, shown),
        Rendering::HeatMap if view.kind() == Kind::Events && super::heat::parts(app, view, area).is_none() => {
            table::draw(app, buf, area, at, view, shown)
        }
        _ => histogram::draw(app, buf, area, at, view, shown),
    }
}

/// Writes text and gives the column behind it. Text is cut at `right`.
fn put(buf: &mut Buffer, x: u16, y: u16, right: u16, text: &str, style: Style) -> u16 {
    if x >= right || y >= buf.area.bottom() {
        return x;
    }
    buf.set_stringn(x, y, text, (right - x) as usize, style).0
}

/// Writes text so that it ends at `right`.
fn put_right(buf: &mut Buffer, left: u16, y: u16, right: u16, text: &str, style: Style) {
    let room = right.saturating_sub(left) as usize;
    let text = text::head(text, room);
    let x = right - (text::width(text) as u16).min(right);
    put(buf, x.max(left), y, right, text, style);
}

/// Which kernel it is, at the right of the first line of `area`, if there is room behind column `end`.
fn kernel(app: &App, buf: &mut Buffer, area: Rect, end: u16) {
    let release = text::clean_str(&app.options.kernel);
    let words = format!(" Linux {release} ");
    if end as usize + text::width(&words) < area.right() as usize {
        put_right(buf, end, area.y, area.right(), &words, app.theme.dim);
    }
}

/// Fills a line with one sign.
fn line(buf: &mut Buffer, area: Rect, sign: &str, style: Style) {
    if area.height == 0 {
        return;
    }
    for x in area.x..area.right() {
        put(buf, x, area.y, area.right(), sign, style);
    }
}

fn clear(app: &App, buf: &mut Buffer, area: Rect) {
    for position in area.intersection(buf.area).positions() {
        buf[position].reset();
        buf[position].set_style(app.theme.ground());
    }
}

/// A frame around `area`, with signs of a focused or an ordinary pane.
fn border(app: &App, buf: &mut Buffer, area: Rect, focus: bool) {
    if area.width < 2 || area.height < 2 {
        return;
    }
    let (signs, style) =
        if focus { (&app.glyphs.focus, app.theme.border_focus) } else { (&app.glyphs.border, app.theme.border) };
    let (right, bottom) = (area.right() - 1, area.bottom() - 1);
    for x in area.x + 1..right {
        put(buf, x, area.y, right, signs[0], style);
        put(buf, x, bottom, right, signs[0], style);
    }
    for y in area.y + 1..bottom {
        put(buf, area.x, y, area.right(), signs[1], style);
        put(buf, right, y, area.right(), signs[1], style);
    }
    put(buf, area.x, area.y, area.right(), signs[2], style);
    put(buf, right, area.y, area.right(), signs[3], style);
    put(buf, right, bottom, area.right(), signs[4], style);
    put(buf, area.x, bottom, area.right(), signs[5], style);
}
