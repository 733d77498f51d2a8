//! The columns of a view: which, in which order, how wide, and with which limits.

use crate::frame::threshold::Threshold;

use super::app::App;
use super::line::{Ask, Line};
use super::overlay::Overlay;
use super::page::{Item, Page, Tone, stepped};
use super::view::View;

/// The open list of columns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chooser {
    /// The line with the cursor.
    pub at: usize,
}

/// All columns as the list has them: shown ones first, in their order.
fn ordered(view: &View) -> Vec<(String, bool)> {
    let Some(shown) = &view.shown else { return Vec::new() };
    let schema = &shown.frame.table.schema;
    // The sorted column is shown anyway; here it counts only if it was chosen.
    let columns = view.columns(schema, None);
    let rest = (0..schema.columns.len()).filter(|c| !columns.contains(c));
    let name = |c: usize| schema.columns[c].name.clone();
    columns.iter().map(|&c| (name(c), true)).chain(rest.map(|c| (name(c), false))).collect()
}

impl Chooser {
    /// What is drawn.
    pub fn page(&self, app: &App) -> Page {
        let view = app.view();
        let item = |(name, on): (String, bool)| {
            let schema = view.and_then(|view| view.shown.as_ref()).map(|shown| &shown.frame.table.schema);
            let meta = schema.and_then(|schema| schema.index(&name).map(|c| &schema.columns[c]));
            let limits = view.and_then(|view| view.thresholds.iter().find(|limit| limit.column == name));
            let limits = limits.map_or(String::new(), |limit| format!("{limit}  "));
            let width =
                view.and_then(|view| view.widths.get(&name)).map_or(String::new(), |width| format!("{width} wide  "));
            let help = meta.map_or("", |meta| meta.help.as_str());
            let sign = if on { "[x]" } else { "[ ]" };
            let tone = if on { Tone::Plain } else { Tone::Dim };
            Item::new(format!("{sign} {name}"), "", format!("{limits}{width}{help}")).tone(tone)
        };
        Page {
            title: "Columns".to_owned(),
            items: view.map(ordered).unwrap_or_default().into_iter().map(item).collect(),
            at: self.at,
            name: 18,
            keys: &[
                ("Space", "show"),
                ("< >", "move"),
                ("+ -", "width"),
                ("T", "limits"),
                ("a", "all"),
                ("d", "default"),
                ("Esc", "close"),
            ],
            ..Page::default()
        }
    }
}

impl App {
    pub(super) fn chooser_key(&mut self, mut list: Chooser, name: &str) {
        let Some(view) = self.view_mut() else { return };
        let mut columns = ordered(view);
        let count = columns.len();
        if let Some(at) = stepped(list.at, count, name) {
            list.at = at;
            return self.overlays.push(Overlay::Columns(list));
        }
        let Some((here, _)) = columns.get(list.at).cloned() else { return };
        let mut chosen = true;
        match name {
            "Esc" | "q" | "c" | "Enter" => return,
            "Space" => columns[list.at].1 = !columns[list.at].1,
            "<" if list.at > 0 => {
                columns.swap(list.at, list.at - 1);
                list.at -= 1;
            }
            ">" if list.at + 1 < count => {
                columns.swap(list.at, list.at + 1);
                list.at += 1;
            }
            "a" => columns.iter_mut().for_each(|(_, on)| *on = true),
            "d" => {
                view.chosen = None;
                view.widths.clear();
                chosen = false;
            }
            "+" | "-" => {
                let now = view.widths.get(&here).copied().or_else(|| ideal(view, &here)).unwrap_or(8);
                let width = if name == "+" { now + 1 } else { now.saturating_sub(1) };
                view.widths.insert(here.clone(), width.clamp(1, 200));
                chosen = false;
            }
            "T" => {
                let text = view.thresholds.iter().find(|limit| limit.column == here).map(ToString::to_string);
                self.overlays.push(Overlay::Columns(list));
                return self.overlays.push(Overlay::Line(Line::new(Ask::Limits(here), text.unwrap_or_default())));
            }
            _ => {
                return self
                    .keep(Overlay::Columns(list), "Space shows or hides, < > move, a all, d default, Esc closes");
            }
        }
        if chosen {
            if !columns.iter().any(|(_, on)| *on) {
                return self.keep(Overlay::Columns(list), "one column has to stay");
            }
            let kept: Vec<String> = columns.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect();
            view.chosen = Some(kept);
            list.at = ordered(view).iter().position(|(name, _)| *name == here).unwrap_or(list.at);
        }
        view.left = 0;
        self.refresh();
        self.overlays.push(Overlay::Columns(list));
    }

    /// Limits on a column of the view that keys go to; an empty text, or `none`, takes them away.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn set_threshold(&mut self, column: usize, text: &str) -> Result<String, String> {
        let view = self.view_mut().ok_or("there is no view")?;
        let shown = view.shown.as_ref().ok_or("there are no columns yet")?;
        let meta = shown.frame.table.schema.columns.get(column).ok_or("there is no such column")?;
        let name = meta.name.clone();
        if matches!(text.trim(), "" | "none") {
            view.thresholds.retain(|limit| limit.column != name);
        } else {
            let limit = Threshold::parse(meta, text)?;
            view.thresholds.retain(|limit| limit.column != name);
            view.thresholds.push(limit);
        }
        // What is on the screen is judged at once, not with the next interval.
        let frame = shown.frame.clone();
        view.watch = Default::default();
        view.watch.push(&view.thresholds, &frame);
        self.refresh();
        Ok(String::new())
    }

    pub(super) fn limits_of(&mut self, column: &str, text: &str) -> Result<String, String> {
        let shown = self.view().and_then(|view| view.shown.as_ref()).ok_or("there are no columns yet")?;
        let column = shown.frame.table.schema.index(column).ok_or("that column is not there any more")?;
        self.set_threshold(column, text)
    }
}

fn ideal(view: &View, name: &str) -> Option<u16> {
    let schema = &view.shown.as_ref()?.frame.table.schema;
    schema.index(name).map(|c| schema.columns[c].ideal_width)
}
