//! The status line: which hooks, what was lost, what it costs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::frame::format::{Look, duration, number};
use crate::frame::{Frame, Hook, SettingValue, Status, Unit, text};

use super::super::app::{App, Screen};
use super::super::cost::{budget, is_suspended, own_cpu};
use super::super::layout;
use super::super::overlay::Overlay;
use super::super::view::View;
use super::put;

/// An interval that overran by more than this is late.
const LATE: f64 = 0.2;

/// Draws the line; items that do not fit are dropped from the right.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect) {
    let dashboard = app.screen == Screen::Dashboard && !layout::single_pane(app);
    let typing = matches!(app.overlays.last(), Some(Overlay::Filter(_)));
    let items = match app.view() {
        // Below it is asked how to write; these are the keys.
        _ if matches!(app.overlays.last(), Some(Overlay::Export(_))) => of_export(app),
        Some(view) if typing => of_filters(app, view),
        Some(_) if dashboard => of_all(app),
        Some(view) if view.unavailable().is_some() => of_unavailable(app, view),
        Some(view) => of_view(app, view),
        None => Vec::new(),
    };
    let mut x = area.x + 1;
    for Item { text: item, style, urgent } in ordered(items, area.width as usize) {
        if x as usize + text::width(&item) > area.right() as usize {
            if urgent {
                let room = area.right().saturating_sub(x) as usize;
                put(buf, x, area.y, area.right(), &text::cut(&item, room, false, app.glyphs.ellipsis), style);
            }
            break;
        }
        x = put(buf, x, area.y, area.right(), &item, style) + 2;
    }
}

/// A piece of the line.
struct Item {
    text: String,
    style: Style,
    /// Says that numbers are not what they seem, or that something goes on: the last to be dropped.
    urgent: bool,
}

impl From<(String, Style)> for Item {
    fn from((text, style): (String, Style)) -> Item {
        Item { text, style, urgent: false }
    }
}

fn urgent(text: String, style: Style) -> Item {
    Item { text, style, urgent: true }
}

/// In the usual order if all that is urgent can be seen so, else with that first.
fn ordered(mut items: Vec<Item>, width: usize) -> Vec<Item> {
    let last = items.iter().rposition(|item| item.urgent).map_or(0, |at| at + 1);
    let need: usize = items[..last].iter().map(|item| text::width(&item.text) + 2).sum();
    if need > width + 1 {
        items.sort_by_key(|item| (!item.urgent, text::width(&item.text) * usize::from(item.urgent)));
    }
    items
}

fn of_view(app: &App, view: &View) -> Vec<Item> {
    let theme = &app.theme;
    let Some(frame) = view.shown.as_ref().map(|shown| &shown.source) else { return Vec::new() };
    let mut items: Vec<Item> = recording(app).into_iter().collect();
    items.push((format!("hook {}", hooks(&frame.hooks)), theme.dim).into());
    if let Status::Partial(reason) = &frame.status {
        items.insert(0, urgent(format!("partial: {}", text::clean_str(&reason.message)), theme.warn));
    }
    if let Some(n) = one_in(view) {
        items.insert(0, urgent(format!("~ 1 in {n}"), theme.warn));
    }
    items.push(lost(app, view.lost, view.lost_grew));
    if let Some(fill) = frame.cost.map_fill_percent() {
        items.push((format!("map {fill:.0}%"), if fill >= 80.0 { theme.warn } else { theme.dim }).into());
    }
    items.extend(cost(app, view.bpf));
    if app.options.max_overhead.is_some() {
        items.push((budget(app), theme.dim).into());
    }
    items.push((format!("rec {}", held(view)), theme.dim).into());
    if !view.filter.is_empty() {
        let style = if view.bad.is_some() { theme.warn } else { theme.info };
        let why = view.bad.as_ref().map_or(String::new(), |bad| format!(": {}", text::clean_str(&bad.message)));
        items.push((format!("filter {}{why}", text::clean_str(&view.filter)), style).into());
    }
    let capture = captured(view);
    if !capture.is_empty() {
        items.push((format!("capture {capture}"), theme.info).into());
    }
    if late(frame) {
        items.push(urgent("late".to_owned(), theme.warn));
    }
    items
}

/// What is captured and what of it is shown, while that is typed; and what makes numbers wrong.
fn of_filters(app: &App, view: &View) -> Vec<Item> {
    let theme = &app.theme;
    let none = |text: String| if text.is_empty() { "all".to_owned() } else { text };
    let mut items = vec![
        (format!("capture: {}", none(captured(view))), theme.dim).into(),
        (format!("display: {}", none(text::clean_str(&view.filter).into_owned())), theme.info).into(),
    ];
    if view.lost > 0 {
        items.insert(0, lost(app, view.lost, view.lost_grew));
    }
    items
}

fn of_export(app: &App) -> Vec<Item> {
    let keys = [("Tab", "scope"), ("Up Down", "format"), (app.glyphs.enter, "write"), ("Esc", "close")];
    keys.into_iter().map(|(key, what)| (format!("{key} {what}"), app.theme.hint).into()).collect()
}

/// Capture filters and settings of a view, but for what rows are grouped by, which is seen in the rows.
fn captured(view: &View) -> String {
    let by = view.decl.and_then(|decl| decl.group_by()).map(|(name, _)| name);
    let set = view.request.settings.iter().filter(|(name, _)| Some(name.as_str()) != by);
    let words: Vec<String> = set.map(|(name, value)| format!("{name}={}", word(value))).collect();
    text::clean_str(&words.join(" ")).into_owned()
}

/// One event in how many was counted, where it was not every one.
fn one_in(view: &View) -> Option<u32> {
    view.shown.as_ref()?.frame.cost.sampled
}

/// A setting as it was given.
fn word(value: &SettingValue) -> String {
    match value {
        SettingValue::Null => "*".to_owned(),
        SettingValue::Bool(on) => on.to_string(),
        SettingValue::Int(n) => n.to_string(),
        SettingValue::Text(text) => text.clone(),
    }
}

fn of_all(app: &App) -> Vec<Item> {
    let views = || app.visible().map(|at| &app.views[at]);
    let grew = views().any(|view| view.lost_grew);
    let mut items: Vec<Item> = recording(app).into_iter().collect();
    items.push((format!("{} views", app.panes.len()), app.theme.dim).into());
    items.push(lost(app, views().fold(0, |sum: u64, view| sum.saturating_add(view.lost)), grew));
    let known: Vec<f64> = views().filter_map(|view| view.bpf).collect();
    items.extend(cost(app, (!known.is_empty()).then(|| known.iter().sum())));
    let suspended = views().any(|view| view.shown.as_ref().is_some_and(|shown| is_suspended(&shown.source)));
    let style = if suspended { app.theme.warn } else { app.theme.dim };
    items.push((budget(app), style).into());
    let longest = views().max_by_key(|view| view.history.len()).map_or(String::new(), held);
    let bytes: usize = app.views.iter().map(|view| view.history.bytes()).sum();
    items.push((format!("rec {longest}/{}", number(bytes as f64, Unit::Bytes, Look::default())), app.theme.dim).into());
    if views().any(|view| view.shown.as_ref().is_some_and(|shown| late(&shown.source))) {
        items.push(("late".to_owned(), app.theme.warn).into());
    }
    items
}

fn of_unavailable(app: &App, view: &View) -> Vec<Item> {
    let tried = view.unavailable().map_or(&[][..], |why| why.tried.as_slice());
    let attached = tried.iter().filter(|report| report.target.is_some()).count();
    let mut items: Vec<Item> = vec![(format!("{attached} of {} hooks available", tried.len()), app.theme.dim).into()];
    items.push((format!("bcc-top doctor {}", view.name), app.theme.dim).into());
    items
}

fn lost(app: &App, lost: u64, grew: bool) -> Item {
    let text = format!("lost {}", number(lost as f64, Unit::Count, Look::default()));
    Item { text, style: if grew { app.theme.lost } else { app.theme.dim }, urgent: lost > 0 }
}

/// Own CPU, and CPU in our programs, which is sampled.
fn cost(app: &App, bpf: Option<f64>) -> Vec<Item> {
    let percent = |value: Option<f64>| value.map_or("?".to_owned(), |value| format!("{:.1}%", value * 100.0));
    [format!("self {}", percent(own_cpu(app))), format!("bpf {}", percent(bpf))]
        .map(|text| (text, app.theme.dim).into())
        .into()
}

/// A recording that runs comes first: whatever does not fit, this is seen.
fn recording(app: &App) -> Option<Item> {
    let recording = app.recording.as_ref()?;
    let size = number(recording.bytes as f64, Unit::Bytes, Look::default());
    let time = duration(app.now.saturating_duration_since(recording.since).as_secs());
    Some(urgent(format!("REC {time} {size}"), app.theme.warn))
}

fn held(view: &View) -> String {
    let ends = view.history.get(0).zip(view.history.last());
    let length = ends.map_or(0, |(first, last)| {
        let length = last.time.mono_ns.saturating_sub(first.time.mono_ns) + first.interval.real_ns;
        (length + 500_000_000) / 1_000_000_000
    });
    duration(length)
}

fn late(frame: &Frame) -> bool {
    frame.lost.late_ns as f64 > frame.interval.asked_ns as f64 * LATE
}

/// `tp_btf/block_io_start,done`: what two targets have in common is said once.
fn hooks(hooks: &[Hook]) -> String {
    let mut distinct: Vec<(&str, &str)> = Vec::new();
    for hook in hooks {
        if !distinct.contains(&(hook.kind.as_str(), hook.target.as_str())) {
            distinct.push((&hook.kind, &hook.target));
        }
    }
    match distinct.as_slice() {
        [] => "none".to_owned(),
        [(kind, target)] => format!("{kind}/{target}"),
        [(kind, target), (other, second)] if kind == other => {
            let common = target.bytes().zip(second.bytes()).take_while(|(a, b)| a == b).count();
            let common = target[..common].rfind('_').map_or(0, |at| at + 1);
            format!("{kind}/{target},{}", &second[common..])
        }
        more => {
            let mut kinds: Vec<&str> = more.iter().map(|(kind, _)| *kind).collect();
            kinds.dedup();
            format!("{} {}", more.len(), kinds.join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(kind: &str, target: &str) -> Hook {
        Hook { purpose: String::new(), alternative: 1, kind: kind.to_owned(), target: target.to_owned() }
    }

    #[test]
    fn hooks_are_told_in_few_words() {
        assert_eq!(hooks(&[]), "none");
        assert_eq!(hooks(&[hook("fentry", "tcp_sendmsg")]), "fentry/tcp_sendmsg");
        let two = [hook("tp_btf", "block_io_start"), hook("tp_btf", "block_io_done"), hook("tp_btf", "block_io_done")];
        assert_eq!(hooks(&two), "tp_btf/block_io_start,done");
        assert_eq!(hooks(&[hook("tp_btf", "a"), hook("tp_btf", "b"), hook("fentry", "c")]), "3 tp_btf,fentry");
    }
}
