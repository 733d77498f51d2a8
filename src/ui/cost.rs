//! The cost screen: our own programs by their share of a CPU, and the memory of their maps.

use crate::frame::format::{Look, number};
use crate::frame::{Cost, Frame, ReasonClass, Unit, text};

use super::app::App;
use super::overlay::Overlay;
use super::page::{Item, Page, Tone, stepped};
use super::replay;

/// Frames that are looked through for the last one that was measured: one second in ten is.
const BACK: usize = 60;

/// One program, when it was last measured.
struct Line {
    share: f64,
    item: Item,
}

/// The newest frame of a view in which its programs were measured.
fn measured(app: &App, view: usize) -> Option<&Frame> {
    let history = &app.views[view].history;
    let newest = (0..history.len()).rev().take(BACK).filter_map(|at| history.get(at));
    newest.map(|frame| &**frame).find(|frame| !frame.cost.programs.is_empty())
}

/// CPU that bcc-top itself uses, or used while it recorded, as a fraction of one CPU.
pub fn own_cpu(app: &App) -> Option<f64> {
    if app.replay.is_some() { replay::own_cpu(app) } else { app.host.and_then(|host| host.own) }
}

fn share(ns: u64, frame: &Frame) -> f64 {
    ns as f64 / frame.interval.real_ns.max(1) as f64
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

fn programs(app: &App) -> Vec<Line> {
    let mut lines = Vec::new();
    for (at, view) in app.views.iter().enumerate() {
        let Some(frame) = measured(app, at) else { continue };
        let seconds = frame.interval.real_ns.max(1) as f64 / 1e9;
        for program in &frame.cost.programs {
            let share = share(program.ns, frame);
            let runs = number((program.runs as f64 / seconds).round(), Unit::Count, Look { raw: false, ..app.look });
            let each = program.ns.checked_div(program.runs).map_or("-".to_owned(), |each| format!("{each} ns"));
            let words = format!("{runs:>5}/s {each:>8}  {}/{}", program.kind, program.target);
            let item = Item::new(format!("{} {}", view.name, program.name), format!("{:>7}", percent(share)), words);
            lines.push(Line { share, item });
        }
    }
    lines.sort_by(|a, b| b.share.total_cmp(&a.share));
    lines
}

/// Memory and fill of the maps of a view, and whether the limit touches it.
fn maps(app: &App, name: &str, frame: &Frame) -> Item {
    let Cost { map_bytes, map_entries, map_capacity, sampled, .. } = &frame.cost;
    let mut words = match frame.cost.map_fill_percent() {
        Some(fill) => format!("fullest {fill:.0}%: {map_entries} of {map_capacity}"),
        None => "cannot fill up".to_owned(),
    };
    if let Some(one_in) = sampled {
        words.push_str(&format!("; ~ counts one event in {one_in}"));
    }
    if is_suspended(frame) {
        return Item::new(name, "0 B", frame.status.reason().map_or("", |reason| &reason.message)).tone(Tone::Bad);
    }
    let size = number(*map_bytes as f64, Unit::Bytes, Look { raw: false, ..app.look });
    Item::new(name, format!("{size:>8}"), words)
}

/// Whether `--max-overhead` keeps it out of the kernel.
pub fn is_suspended(frame: &Frame) -> bool {
    frame.status.reason().is_some_and(|reason| reason.class == ReasonClass::Overhead)
}

fn items(app: &App) -> Vec<Item> {
    let programs = programs(app);
    let mut items = vec![Item::head("Programs: share of one CPU when last measured, runs, time of a run, hook")];
    if programs.is_empty() {
        let why = match app.replay {
            Some(_) => "not measured so far in this recording",
            None => "not measured yet; the kernel measures for root only, and one second in ten",
        };
        items.push(Item::new("none", "?", why).tone(Tone::Dim));
    }
    items.extend(programs.into_iter().map(|line| line.item));
    items.push(Item::head("Kernel memory of maps, and the fullest map or ring of each view"));
    let newest = app.views.iter().filter_map(|view| Some((view, view.history.last()?)));
    items.extend(newest.map(|(view, frame)| maps(app, &view.name, frame)));
    items
}

/// What is drawn; `at` is the line with the cursor.
pub fn page(app: &App, at: usize) -> Page {
    let items = items(app);
    let bpf: Option<f64> = app.views.iter().filter_map(|view| view.bpf).reduce(|sum, share| sum + share);
    let [bpf, own] = [bpf, own_cpu(app)].map(|share| share.map_or("?".to_owned(), percent));
    // As wide as the longest: the hook at the end of the line needs the room.
    let longest = items.iter().filter(|item| item.tone != Tone::Head).map(|item| text::width(&item.name)).max();
    let name = longest.unwrap_or(0).clamp(8, 30) as u16;
    Page {
        title: "Cost".to_owned(),
        note: format!("self {own}  bpf {bpf}  {}", budget(app)),
        at: at.min(items.len().saturating_sub(1)),
        items,
        name,
        value: 9,
        keys: &[("j", "down"), ("Esc", "close")],
        ..Page::default()
    }
}

/// `budget off`, `budget 1%`.
pub fn budget(app: &App) -> String {
    app.options.max_overhead.map_or("budget off".to_owned(), |percent| format!("budget {percent}%"))
}

impl App {
    pub(super) fn cost_key(&mut self, at: usize, name: &str) {
        match (stepped(at, items(self).len(), name), name) {
            (Some(at), _) => self.overlays.push(Overlay::Cost(at)),
            (None, "Esc" | "q" | "C") => {}
            (None, _) => self.keep(Overlay::Cost(at), format!("{} closes this page", self.key_here("Esc"))),
        }
    }
}
