//! Where things are on the screen: one place for drawing, scrolling and the mouse.

use ratatui::layout::Rect;

use super::app::{App, Screen};
use crate::frame::{Agg, Schema};

use super::columns::{self, Fit, Want};
use super::view::{Rendering, View};

/// Smallest pane of the grid, with its border.
const PANE: (u16, u16) = (38, 6);

/// Cells of `+N cols` and its gap.
const NOTE: u16 = 9;

/// The bands of the screen; a missing one has no height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bands {
    /// Tab bar.
    pub tabs: Rect,
    /// Title of the view.
    pub title: Rect,
    /// Everything between.
    pub body: Rect,
    /// Log pane.
    pub log: Rect,
    /// Status line.
    pub status: Rect,
    /// Key hints, toast, input line, timeline.
    pub hints: Rect,
}

/// Whether there is room for one line only.
pub fn tiny(area: Rect) -> bool {
    area.height < 5 || area.width < 20
}

/// Cuts the screen into bands. Small screens drop the hints first, then the tab bar, then the status line.
pub fn bands(app: &App) -> Bands {
    let area = app.area;
    if tiny(area) {
        return Bands { body: area, ..Bands::default() };
    }
    let dashboard = app.screen == Screen::Dashboard && !single_pane(app);
    let tabs = area.height >= 12;
    let title = !dashboard || !tabs;
    let status = area.height >= 6;
    let hints = area.height >= 24;
    let mut top = area.y;
    let mut take = |wanted: bool| {
        let rect = Rect::new(area.x, top, area.width, u16::from(wanted));
        top += u16::from(wanted);
        rect
    };
    let (tabs, title) = (take(tabs), take(title));
    let mut bottom = area.bottom();
    let mut give = |wanted: bool| {
        bottom -= u16::from(wanted);
        Rect::new(area.x, bottom, area.width, u16::from(wanted))
    };
    let (hints, status) = (give(hints), give(status));
    let height = bottom - top;
    let log = if app.log { (height / 3).max(3).min(height) } else { 0 };
    Bands {
        tabs,
        title,
        body: Rect::new(area.x, top, area.width, height - log),
        log: Rect::new(area.x, bottom - log, area.width, log),
        status,
        hints,
    }
}

/// All that pages may cover: everything but tab bar and last line.
pub fn below_tabs(app: &App) -> Rect {
    let bands = bands(app);
    let top = bands.tabs.bottom().max(app.area.y);
    let bottom = if bands.hints.height > 0 { bands.hints.y } else { bands.status.bottom().max(bands.body.bottom()) };
    Rect::new(app.area.x, top, app.area.width, bottom.saturating_sub(top).saturating_sub(bands.status.height))
}

/// The last line, where toasts and input lines go.
pub fn last_line(app: &App) -> Rect {
    Rect::new(app.area.x, app.area.bottom().saturating_sub(1), app.area.width, app.area.height.min(1))
}

fn grid_area(app: &App) -> Rect {
    let area = app.area;
    let used = if area.height >= 24 {
        3
    } else if area.height >= 12 {
        2
    } else {
        1
    };
    let log = if app.log { ((area.height - used.min(area.height)) / 3).max(3) } else { 0 };
    Rect { height: area.height.saturating_sub(used + log), ..area }
}

/// Columns and rows of the grid; `None` where only the pane with the focus fits.
fn grid(app: &App) -> Option<(u16, u16)> {
    let count = app.panes.len().clamp(1, 9) as u16;
    let area = grid_area(app);
    let shapes: &[(u16, u16)] = match count {
        1 => &[(1, 1)],
        2 => &[(2, 1), (1, 2)],
        3 | 4 => &[(2, 2), (1, count)],
        5 | 6 => &[(3, 2), (2, 3), (1, count)],
        _ => &[(3, 3), (2, count.div_ceil(2)), (1, count)],
    };
    shapes.iter().copied().find(|(columns, rows)| area.width / columns >= PANE.0 && area.height / rows >= PANE.1)
}

/// Whether the dashboard has room for one pane only.
pub fn single_pane(app: &App) -> bool {
    tiny(app.area) || grid(app).is_none()
}

/// The panes of the dashboard: number of the pane and its place, border included.
pub fn panes(app: &App) -> Vec<(usize, Rect)> {
    let body = bands(app).body;
    let Some((columns, rows)) = grid(app).filter(|_| !tiny(app.area)) else {
        return app.panes.get(app.focus).map(|_| (app.focus, body)).into_iter().collect();
    };
    let cut = |at: u16, of: u16, size: u16| (u32::from(size) * u32::from(at) / u32::from(of)) as u16;
    let place = |pane: usize| {
        let (column, row) = (pane as u16 % columns, pane as u16 / columns);
        let (left, top) = (cut(column, columns, body.width), cut(row, rows, body.height));
        // The last pane takes what is left of its row.
        let last = pane + 1 == app.panes.len() && row + 1 == rows;
        let right = if last { body.width } else { cut(column + 1, columns, body.width) };
        let bottom = cut(row + 1, rows, body.height);
        Rect::new(body.x + left, body.y + top, right - left, bottom - top)
    };
    (0..app.panes.len()).map(|pane| (pane, place(pane))).collect()
}

/// The pane next to the one with the focus.
pub fn neighbour(app: &App, dx: i32, dy: i32) -> Option<usize> {
    let panes = panes(app);
    let here = panes.iter().find(|(pane, _)| *pane == app.focus)?.1;
    let side = |rect: &Rect| match (dx, dy) {
        (1, 0) => rect.x == here.right() && rect.y == here.y,
        (-1, 0) => rect.right() == here.x && rect.y == here.y,
        (0, 1) => rect.y == here.bottom() && rect.x <= here.x && here.x < rect.right(),
        _ => rect.bottom() == here.y && rect.x == here.x,
    };
    panes.iter().find(|(_, rect)| side(rect)).map(|(pane, _)| *pane)
}

/// Where a view is drawn, inside its border.
pub fn area_of(app: &App, view: usize) -> Rect {
    match app.screen {
        Screen::View(_) => bands(app).body,
        Screen::Dashboard => {
            let panes = panes(app);
            let place = panes.iter().find(|(pane, _)| app.panes.get(*pane) == Some(&view));
            match place {
                Some((_, rect)) if !single_pane(app) => inner(*rect),
                Some((_, rect)) => *rect,
                None => Rect::default(),
            }
        }
    }
}

/// Inside a border.
pub fn inner(rect: Rect) -> Rect {
    Rect::new(rect.x + 1, rect.y + 1, rect.width.saturating_sub(2), rect.height.saturating_sub(2))
}

/// The parts of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableParts {
    /// Heads.
    pub head: Rect,
    /// Line below the heads.
    pub rule: Rect,
    /// Rows.
    pub rows: Rect,
    /// `+N rows`.
    pub more: Rect,
    /// Columns.
    pub fit: Fit,
}

/// Where the rows of a table go. The first cell of each line is the gutter.
pub fn table(app: &App, view: &View, area: Rect, count: usize) -> TableParts {
    let pane = app.screen == Screen::Dashboard && !single_pane(app);
    let rule = u16::from(!pane && area.height >= 12);
    let head = Rect { height: area.height.min(1), ..area };
    let mut rows = Rect::new(area.x, area.y + head.height + rule, area.width, area.height.saturating_sub(1 + rule));
    let more = u16::from(pane && count > rows.height as usize && rows.height > 1);
    rows.height -= more;
    let (sort, schema) = match &view.shown {
        Some(shown) => (view.sort_by(&shown.frame.table).map(|(c, _)| c), shown.frame.table.schema.clone()),
        None => Default::default(),
    };
    let all = view.columns(&schema, sort);
    if view.rendering() == Rendering::Trend {
        return trend_parts(
            app,
            view,
            &schema,
            sort,
            area,
            TableParts {
                head,
                rule: Rect::new(area.x, head.bottom(), area.width, rule),
                more: Rect::new(area.x, rows.bottom(), area.width, more),
                rows,
                fit: Fit::default(),
            },
        );
    }
    let want = Want { schema: &schema, visible: &all, widths: &view.widths, sort };
    let trend =
        !pane && !app.options.slow && view.rendering() == Rendering::Table && view.kind() != crate::frame::Kind::Events;
    // In a pane the border says how many columns are left out; elsewhere the heads make room for that.
    let width = area.width.saturating_sub(1);
    let mut fit = columns::fit(want, width, view.left, trend);
    if fit.dropped > 0 && !pane && width > 40 {
        fit = columns::fit(want, width - NOTE, view.left, trend);
    }
    TableParts {
        head,
        rule: Rect::new(area.x, head.bottom(), area.width, rule),
        more: Rect::new(area.x, rows.bottom(), area.width, more),
        rows,
        fit,
    }
}

/// As [`table`] for trends: what names a row, its number, and all the rest for the bars.
fn trend_parts(
    app: &App,
    view: &View,
    schema: &Schema,
    sort: Option<usize>,
    area: Rect,
    mut parts: TableParts,
) -> TableParts {
    let keyed = |&c: &usize| schema.columns[c].agg == Agg::Key || schema.columns[c].name == "comm" || Some(c) == sort;
    let visible: Vec<usize> = view.columns(schema, sort).into_iter().filter(keyed).collect();
    let want = Want { schema, visible: &visible, widths: &view.widths, sort };
    let room = area.width.saturating_sub(1);
    let width = if app.options.slow { 0 } else { room / 2 };
    parts.fit = columns::fit(want, room - width, view.left, false);
    let used: u16 = parts.fit.columns.iter().map(|&(_, width)| width + 1).sum();
    parts.fit.dropped = 0;
    parts.fit.trend = room.checked_sub(used).filter(|&width| width >= 4 && !app.options.slow);
    parts
}

/// The list of distributions and the picture of the selected one, where there are several.
pub fn split_list(area: Rect) -> (Rect, Rect) {
    if area.width < 70 {
        let list = area.height / 2;
        let picture = Rect { y: area.y + list, height: area.height - list, ..area };
        return (Rect { height: list, ..area }, picture);
    }
    let list = area.width / 2;
    (Rect { width: list, ..area }, Rect::new(area.x + list + 1, area.y, area.width - list - 1, area.height))
}

/// Number of rows that fit of a view.
pub fn rows_of(app: &App, at: usize) -> usize {
    let area = area_of(app, at);
    let Some(view) = app.views.get(at) else { return 0 };
    let Some(shown) = &view.shown else { return 0 };
    let keyed = !shown.frame.table.schema.key.is_empty();
    if super::counters::is_drawn_for(view) {
        return area.height.saturating_sub(1) as usize;
    }
    match (view.kind(), keyed) {
        (crate::frame::Kind::Histogram, true) => list_area(app, area).height.saturating_sub(1) as usize,
        (crate::frame::Kind::Histogram, false) => area.height as usize,
        _ => table(app, view, area, shown.rows.len()).rows.height as usize,
    }
}

/// Number of columns of a view that are not on the screen for want of room.
pub fn columns_left_out(app: &App, at: usize) -> usize {
    let count = app.views[at].shown.as_ref().map_or(0, |shown| shown.rows.len());
    table(app, &app.views[at], area_of(app, at), count).fit.dropped
}

/// Where the list of distributions goes: all of a pane, part of a whole screen.
pub fn list_area(app: &App, area: Rect) -> Rect {
    let pane = app.screen == Screen::Dashboard && !single_pane(app);
    if pane || area.height < 10 { area } else { split_list(area).0 }
}
