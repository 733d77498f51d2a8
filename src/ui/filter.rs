//! The display filter being typed: in force while it is, completed by column, recalled from before.

use crossterm::event::KeyEvent;
use tui_input::Input;

use crate::frame::filter::{Bad, Filter};

use super::app::App;
use super::overlay::{Overlay, edit};
use super::view::View;

/// Filters remembered for each view.
const TYPED: usize = 50;

/// The input line of the display filter.
#[derive(Debug)]
pub struct FilterLine {
    /// What is typed.
    pub input: Input,
    /// What is wrong or not finished in it: the last text that was neither is in force.
    pub bad: Option<Bad>,
    /// Which of the filters typed before is shown.
    recall: usize,
}

impl FilterLine {
    /// An input line with the filter in force.
    pub fn new(view: &View) -> FilterLine {
        FilterLine { input: Input::new(view.filter.clone()), bad: view.bad.clone(), recall: view.typed.len() }
    }
}

impl App {
    pub(super) fn filter_key(&mut self, mut line: FilterLine, name: &str, key: &KeyEvent) {
        match name {
            "Enter" => {
                if let Some(bad) = &line.bad {
                    self.say(format!("the filter stays as it was: {}", bad.message));
                }
                if let Some(view) = self.view_mut() {
                    let text = view.filter.clone();
                    view.typed.retain(|typed| *typed != text);
                    if !text.is_empty() {
                        view.typed.push(text);
                    }
                    let extra = view.typed.len().saturating_sub(TYPED);
                    view.typed.drain(..extra);
                }
            }
            "Esc" => {
                line.input.reset();
                self.filter_live(line);
                self.overlays.pop();
            }
            "Up" | "Down" => {
                let typed = self.view().map(|view| view.typed.clone()).unwrap_or_default();
                line.recall = if name == "Up" { line.recall.saturating_sub(1) } else { line.recall + 1 };
                line.recall = line.recall.min(typed.len());
                line.input = Input::new(typed.get(line.recall).cloned().unwrap_or_default());
                self.filter_live(line);
            }
            "Tab" => {
                self.complete(&mut line);
                self.filter_live(line);
            }
            _ => {
                edit(&mut line.input, key);
                self.filter_live(line);
            }
        }
    }

    /// Completes the name of a column before the cursor.
    fn complete(&mut self, line: &mut FilterLine) {
        let text = line.input.value();
        let start = text.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
        let Some(shown) = self.view().and_then(|view| view.shown.as_ref()) else { return };
        let names = shown.frame.table.schema.columns.iter().map(|column| column.name.as_str());
        let fits: Vec<&str> =
            names.filter(|name| !text[start..].is_empty() && name.starts_with(&text[start..])).collect();
        match fits.as_slice() {
            [] => self.say("no column starts like that"),
            [one] => line.input = Input::new(format!("{}{one}", &text[..start])),
            more => {
                let text = more.join("  ");
                self.say(text);
            }
        }
    }

    pub(super) fn filter_live(&mut self, mut line: FilterLine) {
        if let Some(view) = self.view_mut() {
            let text = line.input.value();
            line.bad = view.shown.as_ref().and_then(|shown| Filter::parse(text, &shown.frame.table.schema).1);
            if line.bad.is_none() {
                text.clone_into(&mut view.filter);
            }
            view.hold = None;
        }
        self.refresh();
        self.overlays.push(Overlay::Filter(line));
    }
}
