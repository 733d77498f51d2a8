//! The page of a view that cannot run: what, why, and what to do about it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::frame::{Unavailable, text};
use crate::views::Registry;

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
    lines.push((format!("{} This view cannot run here.", app.glyphs.cross), app.theme.crit));
    // In a small pane every line counts: the remedy has to be seen.
    let airy = area.height >= 12;
    if airy {
        lines.push((String::new(), app.theme.fg));
    }
    let width = area.width.saturating_sub(indent + 8) as usize;
    paragraph(&mut lines, "Why", &why.reason.message, width, app.theme.fg);
    paragraph(&mut lines, "Do", &why.reason.remedy, width, app.theme.fg);
    // The table yields on small screens: cause and remedy are what counts.
    if area.height >= 12 && wide {
        tried(app, &mut lines, why, width);
    }
    let others = nearest(app, view);
    if !others.is_empty() {
        paragraph(
            &mut lines,
            "Else",
            &format!("views that may answer a similar question: {}", others.join("  ")),
            width,
            app.theme.fg,
        );
    }
    let ways = [
        (Action::Retry, "retry"),
        (Action::Log, "full log"),
        (Action::CopyRow, "copy report"),
        (Action::Picker, "other view"),
    ];
    let keys = ways.map(|(action, what)| format!("{} {what}", app.options.keys.hint(action)));
    lines.push((keys.join("    "), app.theme.hint));
    let lines = lines.into_iter().filter(|(line, _)| airy || !line.is_empty());
    for ((line, style), y) in lines.zip(area.y..area.bottom()) {
        put(buf, area.x + indent, y, area.right(), &line, style);
    }
}

fn paragraph(lines: &mut Vec<(String, Style)>, head: &str, body: &str, width: usize, style: Style) {
    for (at, line) in wrap(&text::clean_str(body), width).into_iter().enumerate() {
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

/// Views of the same group that can run as far as known.
fn nearest(app: &App, view: &View) -> Vec<String> {
    let group = view.decl.map(|decl| decl.group);
    let views = Registry::get().views().iter().map(|other| &other.decl);
    let can = views.filter(|decl| decl.name != view.name && !app.unavailable.contains_key(&decl.name));
    let mut can: Vec<_> = can.collect();
    can.sort_by_key(|decl| Some(decl.group) != group);
    can.into_iter().take(3).map(|decl| decl.name.clone()).collect()
}
