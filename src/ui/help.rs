//! What the help and explain pages say, made from the key table and the declarations.

use crate::frame::{Status, text};

use super::action::{Action, BINDINGS};
use super::app::App;
use super::view::View;

/// A line of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Heading.
    Head(String),
    /// Key and what it does, or name and meaning.
    Pair(String, String),
    /// Keys alone, where there is no room beside them.
    Key(String),
    /// Text.
    Text(String),
}

/// The keys that work here first, then those that work elsewhere.
///
/// With a filter, only the lines that have it.
pub fn lines(app: &App, filter: &str) -> Vec<Line> {
    let place = app.place();
    let here = match app.view() {
        Some(view) if place != super::action::Place::Dashboard => format!("Keys in {}", view.name),
        _ => "Keys in the dashboard".to_owned(),
    };
    let mut lines = vec![Line::Head(here)];
    let shown = |binding: &&super::action::Binding| !binding.help.is_empty();
    let pair = |binding: &super::action::Binding| {
        Line::Pair(app.options.keys.keys(binding).join(" "), binding.help.to_owned())
    };
    let works = |binding: &super::action::Binding| {
        binding.places.contains(&place) && (binding.action != Action::GroupBy || app.can_group())
    };
    lines.extend(BINDINGS.iter().filter(shown).filter(|b| works(b)).map(pair));
    lines.push(Line::Text(String::new()));
    lines.push(Line::Head("Elsewhere".to_owned()));
    lines.extend(BINDINGS.iter().filter(shown).filter(|b| !works(b)).map(pair));
    lines.push(Line::Text(String::new()));
    lines.push(Line::Head("Signs".to_owned()));
    let glyphs = &app.glyphs;
    for (sign, meaning) in [
        (glyphs.marker, "selected row, pane with the focus"),
        ("+", "row that is new in this interval"),
        ("-", "row that is gone; as a value: there is none"),
        ("! !!", "over a limit; far over it"),
        ("*", "pinned to the top"),
        ("x", "events were lost here"),
        ("?", "not known, or not measured in this interval"),
        ("~", "estimated inside the bounds of a bucket, or from one event in N"),
        (glyphs.sorted[0], "sorted, the largest first"),
    ] {
        lines.push(Line::Pair(sign.to_owned(), meaning.to_owned()));
    }
    lines.push(Line::Pair("P".to_owned(), "standing still, where there is room for no more".to_owned()));
    if app.replay.is_some() {
        lines.push(Line::Pair("R".to_owned(), "of a recording, where there is room for no more".to_owned()));
    }
    lines.push(Line::Text("Shift-drag still selects text where the mouse is on.".to_owned()));
    lines.push(Line::Text(String::new()));
    let kernel = text::clean_str(&app.options.kernel);
    lines.push(Line::Text(format!("bcc-top {}  Linux {kernel}", env!("CARGO_PKG_VERSION"))));
    if !filter.is_empty() {
        let wanted = filter.to_lowercase();
        let has = |line: &Line| match line {
            Line::Pair(key, text) => key.to_lowercase().contains(&wanted) || text.to_lowercase().contains(&wanted),
            Line::Head(_) | Line::Key(_) | Line::Text(_) => false,
        };
        lines.retain(has);
        lines.insert(0, Line::Head(format!("Keys with {filter:?}  Esc shows all")));
    }
    wrapped(lines, app.area.width)
}

/// Cells of the keys at the left, and of what they do in the first line where that is below them.
pub fn key_width(width: u16) -> u16 {
    match width {
        50.. => 16,
        30.. => 11,
        _ => 2,
    }
}

/// Long meanings go on in the next line.
fn wrapped(lines: Vec<Line>, width: u16) -> Vec<Line> {
    let room = width.saturating_sub(key_width(width) + 2).max(8) as usize;
    let mut out = Vec::with_capacity(lines.len());
    for line in lines {
        match line {
            Line::Pair(key, text) => {
                let mut key = Some(key);
                // Beside its keys a meaning would be two words wide.
                if width < 30 {
                    out.extend(key.take().filter(|key| !key.is_empty()).map(Line::Key));
                }
                out.extend(wrap(&text, room).into_iter().map(|text| Line::Pair(key.take().unwrap_or_default(), text)));
            }
            other => out.push(other),
        }
    }
    out
}

/// What the view that keys go to measures.
pub fn explain(app: &App, width: u16) -> Vec<Line> {
    let Some(view) = app.view() else { return Vec::new() };
    // As much as the page is wide, less its margins.
    let width = (width as usize).saturating_sub(if width >= 40 { 4 } else { 1 }).max(8);
    let mut lines = vec![Line::Head(format!("{}  {}", view.name, view.title()))];
    let mut section = |head: &str, body: &str| {
        lines.push(Line::Head(head.to_owned()));
        lines.extend(wrap(&text::clean_str(body), width).into_iter().map(Line::Text));
        lines.push(Line::Text(String::new()));
    };
    let Some(decl) = view.decl else {
        section("Unknown", "This program has no declaration of this view.");
        return lines;
    };
    section("Question", &decl.question);
    section("How", &decl.help);
    section("Cost", &decl.cost);
    lines.push(Line::Head("Cannot see".to_owned()));
    for cannot in &decl.cannot {
        lines.extend(wrap(cannot, width.saturating_sub(2)).into_iter().map(|line| Line::Text(format!("  {line}"))));
    }
    lines.push(Line::Text(String::new()));
    columns(view, &mut lines);
    hooks(app, view, &mut lines);
    let elsewhere = format!("BCC: {0}(8); bcc-top explain {0}", decl.name);
    lines.extend(wrap(&elsewhere, width).into_iter().map(Line::Text));
    wrapped(lines, app.area.width)
}

fn columns(view: &View, lines: &mut Vec<Line>) {
    lines.push(Line::Head("Columns".to_owned()));
    let schema = view.shown.as_ref().map(|shown| shown.frame.table.schema.clone()).unwrap_or_default();
    for column in &schema.columns {
        let unit = column.unit.map(|unit| format!(" ({unit:?})").to_lowercase()).unwrap_or_default();
        let formula = schema.formula(column);
        lines.push(Line::Pair(column.name.clone(), format!("{}{formula}{unit}", column.help)));
    }
    if schema.columns.is_empty() {
        let declared = view.decl.into_iter().flat_map(|decl| &decl.col);
        lines.extend(declared.map(|(name, column)| Line::Pair(name.clone(), column.help.clone())));
    }
    lines.push(Line::Text(String::new()));
}

/// What the view needs, every way to have it, and which of them is taken.
fn hooks(app: &App, view: &View, lines: &mut Vec<Line>) {
    lines.push(Line::Head("Hooks".to_owned()));
    let frame = view.shown.as_ref().map(|shown| &shown.source);
    let all = app.hooks.get(&view.name).map(Vec::as_slice).unwrap_or_default();
    for (decl, (purpose, hook)) in
        view.decl.into_iter().flat_map(|decl| decl.hooks.iter().map(move |hook| (decl, hook)))
    {
        lines.push(Line::Pair(purpose.clone(), hook.what.clone()));
        let used = frame.and_then(|frame| frame.hooks.iter().find(|hook| hook.purpose == *purpose));
        let ways = decl.ways(purpose, all);
        for way in &ways {
            let state = match used {
                Some(used) if used.alternative == way.number => "in use: ",
                Some(used) if used.alternative > way.number => "not taken: ",
                Some(_) => "else: ",
                None => "",
            };
            lines.push(Line::Pair(String::new(), format!("{state}{}", way.hooks)));
        }
        if let Some(used) = used.filter(|_| ways.is_empty()) {
            lines.push(Line::Pair(String::new(), format!("in use: {}/{}", used.kind, used.target)));
        }
    }
    if let Some(Status::Partial(reason)) = frame.map(|frame| &frame.status) {
        lines.push(Line::Pair("missing".to_owned(), format!("{} {}", reason.message, reason.remedy)));
    }
    lines.push(Line::Text(String::new()));
}

/// Breaks text at blanks.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word = word;
        loop {
            let line = lines.last_mut().expect("there is always a line");
            let used = text::width(line);
            let gap = usize::from(used > 0);
            if used + gap + text::width(word) <= width.max(1) {
                if gap > 0 {
                    line.push(' ');
                }
                line.push_str(word);
                break;
            }
            if used > 0 {
                lines.push(String::new());
                continue;
            }
            // A word longer than a line is broken.
            let head = text::head(word, width.max(1));
            let head = if head.is_empty() { word } else { head };
            line.push_str(head);
            word = &word[head.len()..];
            if word.is_empty() {
                break;
            }
            lines.push(String::new());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_blanks() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("", 3), [""]);
        assert_eq!(wrap("日本語", 1).len(), 1, "what cannot be broken is left whole");
    }
}
