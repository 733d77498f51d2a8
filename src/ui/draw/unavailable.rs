//! The page of a view that cannot run: what, why, and what to do about it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::frame::{Unavailable, text};

use super::super::action::Action;
use super::super::app::App;
use super::super::help::wrap;
use super::super::view::View;
use super::put;

/// Draws the page.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect, view: &View) {
    let Some(why) = view.unavailable() else { return };
    let wide = area.width >= 60;
    let indent: u16 = if wide { 3 } else { 1 };
    let mut lines: Vec<(String, Style)> = Vec::new();
    if wide && area.height >= 14 {
        lines.push((String::new(), app.theme.fg));
    }
    // The title has said it where there is no room for more.
    if area.height > 4 {
        lines.push((format!("{} This view cannot run here.", app.glyphs.cross), app.theme.crit));
    }
    // In a small pane every line counts: the remedy has to be seen.
    let airy = area.height >= 12;
    if airy {
        lines.push((String::new(), app.theme.fg));
    }
    // Beside its heading, text would be a word wide.
    let beside = if area.width >= 30 { 8 } else { 1 };
    let width = area.width.saturating_sub(indent + beside) as usize;
    paragraph(&mut lines, "Why", &why.reason.message, width, app.theme.fg);
    paragraph(&mut lines, "Do", &why.reason.remedy, width, app.theme.fg);
    // The table yields on small screens: cause and remedy are what counts.
    if area.height >= 12 && wide {
        tried(app, &mut lines, why, width);
    }
    let others = app.nearest(view);
    if !others.is_empty() {
        paragraph(
            &mut lines,
            "Else",
            &format!("views that may answer a similar question: {}", others.join("  ")),
            width,
            app.theme.fg,
        );
    }
    let open = others.first().map(|name| (Action::Nearest, format!("open {name}")));
    let ways = [
        (Action::Retry, "retry"),
        (Action::Log, "full log"),
        (Action::CopyRow, "copy report"),
        (Action::Picker, "other view"),
    ];
    let ways = open.into_iter().chain(ways.map(|(action, what)| (action, what.to_owned())));
    let room = area.width.saturating_sub(indent + 1) as usize;
    let mut keys = String::new();
    for way in ways.map(|(action, what)| format!("{} {what}", app.options.keys.hint(action))) {
        let gap = if keys.is_empty() { "" } else { "   " };
        if text::width(&keys) + gap.len() + text::width(&way) <= room {
            keys += gap;
            keys += &way;
        }
    }
    lines.push((keys, app.theme.hint));
    let lines = lines.into_iter().filter(|(line, _)| airy || !line.is_empty());
    for ((line, style), y) in lines.zip(area.y..area.bottom()) {
        put(buf, area.x + indent, y, area.right(), &line, style);
    }
}

fn paragraph(lines: &mut Vec<(String, Style)>, head: &str, body: &str, width: usize, style: Style) {
    let body = text::clean_str(body);
    if width < 22 {
        lines.extend(wrap(&format!("{head}: {body}"), width).into_iter().map(|line| (line, style)));
        return;
    }
    for (at, line) in wrap(&body, width).into_iter().enumerate() {
        lines.push((format!("{:<6} {line}", if at == 0 { head } else { "" }), style));
    }
    lines.push((String::new(), style));
}

/// Each purpose with what was tried for it.
fn tried(app: &App, lines: &mut Vec<(String, Style)>, why: &Unavailable, width: usize) {
    if why.tried.is_empty() {
        return;
    }
    let used = why.tried.iter().filter_map(|r| Some(r.kind.as_ref()?.len() + r.target.as_ref()?.len() + 1));
    let names =
        why.tried.iter().flat_map(|report| &report.tried).map(|t| t.kind.len() + t.target.len() + 1).chain(used);
    let name = names.max().unwrap_or(0).clamp(5, 36);
    let purpose = why.tried.iter().map(|report| report.purpose.len()).max().unwrap_or(0).clamp(7, 16);
    lines.push((format!("       {:<purpose$}  {:<name$}  result", "purpose", "tried"), app.theme.header));
    for report in &why.tried {
        let mut first = report.purpose.as_str();
        if let (Some(kind), Some(target)) = (&report.kind, &report.target) {
            lines.push((
                format!("       {first:<purpose$}  {:<name$}  attached", format!("{kind}/{target}")),
                app.theme.ok,
            ));
            first = "";
        }
        for t in &report.tried {
            let what = format!("{}/{}", t.kind, t.target);
            let what = text::cut(&what, name, true, app.glyphs.ellipsis);
            let line = format!("       {first:<purpose$}  {what:<name$}  {}", text::clean_str(&t.result));
            lines.push((text::cut(&line, width + 8, false, app.glyphs.ellipsis).into_owned(), app.theme.fg));
            first = "";
        }
    }
    lines.push((String::new(), app.theme.fg));
}
