//! The strip of frames held, while time stands still: a cell for each frame.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::frame::Frame;
use crate::frame::text;
use crate::frame::threshold::Level;

use super::super::action::Action;
use super::super::app::App;
use super::super::moments;
use super::super::view::View;
use super::{put, put_right};

/// Cells at the left for the time of the frame.
const TIME: u16 = 10;

/// Draws the strip.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect) {
    let Some(view) = app.view().filter(|view| !view.history.is_empty()) else { return };
    let cursor = app.cursor.and_then(|moment| view.history.at(moment)).unwrap_or(view.history.len() - 1);
    let time = view.history.get(cursor).map(|frame| clock(frame.time.wall_ns)).unwrap_or_default();
    put(buf, area.x + 1, area.y, area.right(), &time, app.theme.title);
    let keys = keys(app, area);
    let (strip, start, end) = strip(area, &keys, view, cursor);
    put_right(buf, strip.right(), area.y, area.right(), &keys, app.theme.hint);
    let heights: Vec<f64> =
        (start..end).map(|at| view.history.get(at).map_or(0.0, |frame| main(view, frame))).collect();
    let most = heights.iter().copied().fold(0.0, f64::max);
    for (offset, height) in heights.iter().enumerate() {
        let at = start + offset;
        let frame = view.history.get(at);
        let lost = frame.is_some_and(|frame| frame.lost.total() > 0);
        let sign = if view.history.gap_before(at) {
            "|"
        } else if lost {
            "x"
        } else if most > 0.0 {
            app.glyphs.spark[((height / most * 8.0).ceil() as usize).clamp(1, 8) - 1]
        } else {
            app.glyphs.spark[0]
        };
        let over = view.history.level(at);
        let sign = if over == Level::Fine || sign == "x" { sign } else { "!" };
        let style = if over == Level::Crit {
            app.theme.crit
        } else if lost || over == Level::Warn {
            app.theme.lost
        } else {
            app.theme.bar
        };
        let style = if at == cursor { style.patch(app.theme.selection) } else { style };
        put(buf, strip.x + offset as u16, strip.y, strip.right(), sign, style);
    }
}

fn keys(app: &App, area: Rect) -> String {
    if area.width < 60 {
        return String::new();
    }
    let key = |action| app.options.keys.hint(action);
    let (earlier, later) = (key(Action::Earlier), key(Action::Later));
    let (minute, back) = (key(Action::MinuteEarlier), key(Action::MinuteLater));
    let goes = if app.replay.is_some() { "plays" } else { "live" };
    let keys = format!("  {earlier} {later} step  {minute} {back} minute  {} {goes}", key(Action::Pause));
    // Time comes first where keys have long names.
    if text::width(&keys) + 2 * usize::from(TIME) > usize::from(area.width) { String::new() } else { keys }
}

/// Where the strip is and which frames are in it: as many as there are cells, the cursor among them.
fn strip(area: Rect, keys: &str, view: &View, cursor: usize) -> (Rect, usize, usize) {
    let strip = Rect::new(area.x + 1 + TIME, area.y, area.width.saturating_sub(2 + TIME + keys.len() as u16), 1);
    let width = strip.width as usize;
    let end = (cursor + width / 2 + 1).clamp(width.min(view.history.len()), view.history.len());
    (strip, end.saturating_sub(width), end)
}

/// The moment of the frame under column `x` of the last line.
pub fn hit(app: &App, x: u16) -> Option<u64> {
    let view = app.view().filter(|view| !view.history.is_empty())?;
    let cursor = app.cursor.and_then(|moment| view.history.at(moment)).unwrap_or(view.history.len() - 1);
    let line = super::super::layout::last_line(app);
    let (strip, start, end) = strip(line, &keys(app, line), view, cursor);
    let at = start + x.checked_sub(strip.x)? as usize;
    view.history.get(at).filter(|_| at < end && x < strip.right()).map(|frame| frame.time.mono_ns)
}

/// The number that stands for a frame: its first total.
fn main(view: &View, frame: &Frame) -> f64 {
    let sorted = view.sort_by(&frame.table).map(|(column, _)| column);
    let total = frame.table.schema.totals.iter().copied();
    let column = total.clone().find(|&column| Some(column) == sorted).or(total.clone().next());
    match column {
        Some(column) => frame.table.sum(column).as_f64().unwrap_or(0.0),
        None => frame.histograms.iter().map(|hist| hist.count() as f64).sum(),
    }
}

/// Time of day, UTC: the time zone of a host under scrutiny is one more thing to be wrong about.
pub fn clock(wall_ns: u64) -> String {
    moments::clock(wall_ns) + "Z"
}
