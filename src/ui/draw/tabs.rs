//! The tab bar: running views with the key that opens each, the host, and whether this is live.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::frame::text;

use super::super::app::{App, Screen};
use super::super::layout;
use super::super::replay;
use super::super::view::Load;
use super::put;

struct Tab {
    x: u16,
    width: u16,
    screen: Screen,
    label: String,
}

/// What a click at column `x` opens.
pub fn hit(app: &App, x: u16) -> Option<Screen> {
    let tabs = tabs(app, app.area.width);
    tabs.into_iter().find(|tab| (tab.x..tab.x + tab.width).contains(&x)).map(|tab| tab.screen)
}

fn tabs(app: &App, width: u16) -> Vec<Tab> {
    let room = width.saturating_sub(text::width(&state(app)) as u16 + 2);
    let labels = app.views.iter().enumerate().map(|(at, view)| (Screen::View(at), format!("{}:{}", at + 1, view.name)));
    let labels: Vec<(Screen, String)> = labels.chain([(Screen::Dashboard, "0:dash".to_owned())]).collect();
    let current = labels.iter().position(|(screen, _)| *screen == app.screen).unwrap_or(0);
    // As many tabs as fit, starting so that the current one is among them.
    let end_of = |start: usize| {
        let mut x = 1;
        let fits = labels[start..].iter().take_while(|(_, label)| {
            x += label.len() as u16 + 2;
            x <= room + 2
        });
        start + fits.count()
    };
    let start = (0..=current).find(|&start| end_of(start) > current).unwrap_or(current);
    let mut x = 1;
    let end = end_of(start).max(start + 1);
    labels
        .into_iter()
        .take(end)
        .skip(start)
        .map(|(screen, label)| {
            let width = label.len() as u16;
            let tab = Tab { x, width, screen, label };
            x += width + 2;
            tab
        })
        .collect()
}

/// `LIVE`, or at which moment we are.
pub fn badge(app: &App) -> String {
    if let Some(replay) = replay::badge(app) {
        return replay;
    }
    match app.cursor {
        Some(moment) => {
            let views = app.visible().map(|at| &app.views[at]);
            let newest = views.filter_map(|view| view.history.last()).map(|frame| frame.time.mono_ns).max();
            let age = newest.unwrap_or(moment).saturating_sub(moment) as f64 / 1e9;
            format!("PAUSED -{}", crate::frame::format::duration(age.round() as u64))
        }
        None if app.visible().any(|at| matches!(app.views[at].load, Load::Loading(..))) => "LOADING".to_owned(),
        None if app.view().is_some_and(|view| view.load == Load::Ended) => "ENDED".to_owned(),
        None => "LIVE".to_owned(),
    }
}

/// As [`badge`], in at most `room` cells; the time of a replay goes last.
pub fn badge_in(app: &App, room: usize) -> String {
    let whole = badge(app);
    let time = whole.rsplit(' ').next().unwrap_or_default();
    let short = match (whole.strip_prefix("REPLAY "), whole.split_once(' ')) {
        (Some(rest), _) if app.cursor.is_some() || rest.starts_with("END") => rest.to_owned(),
        (None, Some((state, _))) => state.to_owned(),
        (Some(_), _) => format!("REPLAY {time}"),
        _ => whole.clone(),
    };
    let last = if app.replay.is_some() { format!("R {time}") } else { String::new() };
    [whole.clone(), short, last].into_iter().find(|badge| text::width(badge) <= room).unwrap_or_default()
}

fn state(app: &App) -> String {
    // How long the intervals were is a matter of the recording; the tabs need the room.
    if app.replay.is_some() {
        return format!("{} ", badge(app));
    }
    let interval = app.interval.as_secs_f64();
    let interval = if interval < 1.0 { format!("{interval}s") } else { format!("{interval:.1}s") };
    format!("{}  {interval} ", badge(app))
}

fn gauges(app: &App) -> String {
    let Some(host) = app.host else { return String::new() };
    let percent = |name: &str, value: Option<f64>| {
        value.map_or(String::new(), |value| format!("{name} {:.0}%  ", (value * 100.0).clamp(0.0, 100.0)))
    };
    let load = host.load.map_or(String::new(), |load| format!("load {load:.1}  "));
    format!("{}{}{load}", percent("cpu", host.cpu), percent("mem", host.memory))
}

/// Draws the bar.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect) {
    let mut end = area.x;
    for tab in tabs(app, area.width) {
        let style = match tab.screen {
            screen if screen == app.screen => app.theme.title.patch(app.theme.selection),
            Screen::View(at) if app.views[at].load == Load::Off => app.theme.dim,
            _ => app.theme.fg,
        };
        end = put(buf, area.x + tab.x, area.y, area.right(), &tab.label, style);
    }
    let state = state(app);
    let x = area.right().saturating_sub(text::width(&state) as u16);
    let style = if app.cursor.is_some() { app.theme.warn } else { app.theme.title };
    put(buf, x.max(end + 1), area.y, area.right(), &state, style);
    let unread = if app.unread > 0 { format!("!{}  ", app.unread) } else { String::new() };
    let x = x.saturating_sub(unread.len() as u16);
    if x > end + 1 {
        put(buf, x, area.y, area.right(), &unread, app.theme.warn);
    }
    // Host name and gauges come only where nothing has to make room for them.
    let host = format!("{}   ", text::clean_str(&app.options.host));
    let host_x = x.saturating_sub(text::width(&host) as u16);
    if host_x > end + 1 {
        put(buf, host_x, area.y, x, &host, app.theme.fg);
        let gauges = gauges(app);
        let gauges_x = host_x.saturating_sub(gauges.len() as u16);
        if gauges_x > end + 1 {
            put(buf, gauges_x, area.y, host_x, &gauges, app.theme.dim);
        }
    }
    debug_assert!(layout::bands(app).tabs.height == area.height);
}
