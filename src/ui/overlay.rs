//! What lies over the screen and takes the keys: help, menus, input lines.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use super::action::Action;
use super::app::{App, Screen};
use super::detail::Detail;
use super::export::Export;
use super::picker::Picker;
use super::view::View;

/// Filters remembered for each view.
const TYPED: usize = 50;

/// Letters of the sort menu.
pub const LETTERS: &str = "abcdefghijklmnoprstuvwxyz";

/// One layer.
#[derive(Debug)]
pub enum Overlay {
    /// Keys that work here, scrolled.
    Help(usize),
    /// What the view measures, scrolled.
    Explain(usize),
    /// Every view there is.
    Picker(Picker),
    /// Columns with a letter each.
    Sort(SortMenu),
    /// Where to write.
    Export(Export),
    /// The display filter being typed.
    Filter(FilterLine),
    /// All about one row.
    Detail(Detail),
}

/// The menu of columns to sort by.
#[derive(Clone, Copy, Debug, Default)]
pub struct SortMenu {
    /// The line with the cursor.
    pub at: usize,
}

/// The input line of the display filter.
#[derive(Debug)]
pub struct FilterLine {
    /// What is typed.
    pub input: Input,
    /// Which of the filters typed before is shown.
    recall: usize,
}

impl FilterLine {
    /// An input line with the filter in force.
    pub fn new(view: &View) -> FilterLine {
        FilterLine { input: Input::new(view.filter.clone()), recall: view.typed.len() }
    }
}

/// Edits an input line; `false` if the key is not for it.
pub fn edit(input: &mut Input, key: &KeyEvent) -> bool {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let request = match key.code {
        KeyCode::Char('u') if control => {
            input.reset();
            return true;
        }
        KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
        KeyCode::Char('a') if control => InputRequest::GoToStart,
        KeyCode::Char('e') if control => InputRequest::GoToEnd,
        KeyCode::Char(c) if !control && !key.modifiers.contains(KeyModifiers::ALT) => InputRequest::InsertChar(c),
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        _ => return false,
    };
    input.handle(request);
    true
}

fn paste_into(input: &mut Input, text: &str) {
    for c in text.chars().filter(|&c| super::super::frame::text::is_safe(c)).take(4096) {
        input.handle(InputRequest::InsertChar(c));
    }
}

/// Moves a scroll position by a key; `None` if the key does not scroll.
fn scroll(at: usize, name: &str, page: usize) -> Option<usize> {
    Some(match name {
        "j" | "Down" => at + 1,
        "k" | "Up" => at.saturating_sub(1),
        "PgDn" | "Ctrl-d" | "Space" => at + page,
        "PgUp" | "Ctrl-u" => at.saturating_sub(page),
        "Home" => 0,
        "G" | "End" => usize::MAX / 2,
        _ => return None,
    })
}

impl App {
    pub(super) fn overlay_key(&mut self, overlay: Overlay, name: &str, key: &KeyEvent) {
        let page = (self.area.height as usize).saturating_sub(6).max(1);
        match overlay {
            Overlay::Help(at) => match (scroll(at, name, page), name) {
                (Some(at), _) => {
                    let most = super::help::lines(self).len().saturating_sub(page);
                    self.overlays.push(Overlay::Help(at.min(most)));
                }
                (None, "?" | "Esc" | "q" | "F1") => {}
                (None, _) => self.keep(Overlay::Help(at), "? closes the help"),
            },
            Overlay::Explain(at) => match (scroll(at, name, page), name) {
                (Some(at), _) => {
                    let most = super::help::explain(self, self.area.width).len().saturating_sub(page);
                    self.overlays.push(Overlay::Explain(at.min(most)));
                }
                (None, "i" | "Esc" | "q") => {}
                (None, _) => self.keep(Overlay::Explain(at), "Esc closes this page"),
            },
            Overlay::Picker(picker) => self.picker_key(picker, name, key),
            Overlay::Sort(menu) => self.sort_key(menu, name),
            Overlay::Export(export) => self.export_key(export, name, key),
            Overlay::Filter(line) => self.filter_key(line, name, key),
            Overlay::Detail(detail) => self.detail_key(detail, name),
        }
    }

    pub(super) fn keep(&mut self, overlay: Overlay, toast: &str) {
        self.overlays.push(overlay);
        if !toast.is_empty() {
            self.say(toast);
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        let Some(overlay) = self.overlays.last_mut() else {
            return self.say("pasted text goes into input lines only");
        };
        match overlay {
            Overlay::Picker(picker) => paste_into(&mut picker.input, text),
            Overlay::Export(export) => paste_into(&mut export.input, text),
            Overlay::Filter(line) => paste_into(&mut line.input, text),
            _ => return,
        }
        self.dirty = true;
        match self.overlays.pop() {
            Some(Overlay::Picker(mut picker)) => {
                picker.search(self);
                self.overlays.push(Overlay::Picker(picker));
            }
            Some(Overlay::Filter(line)) => self.filter_live(line),
            Some(other) => self.overlays.push(other),
            None => {}
        }
    }

    fn sort_key(&mut self, menu: SortMenu, name: &str) {
        let columns = self.view().map(sortable).unwrap_or_default();
        match name {
            "Esc" | "q" | "F6" => {}
            "Down" => {
                self.overlays.push(Overlay::Sort(SortMenu { at: (menu.at + 1).min(columns.len().saturating_sub(1)) }))
            }
            "Up" => self.overlays.push(Overlay::Sort(SortMenu { at: menu.at.saturating_sub(1) })),
            "Enter" => {
                if let Some(&column) = columns.get(menu.at) {
                    self.sort(column, None);
                }
            }
            letter => match LETTERS.find(letter).filter(|_| letter.len() == 1).and_then(|at| columns.get(at)) {
                // The menu stays, so that the same letter again reverses.
                Some(&column) => {
                    self.sort(column, None);
                    let at = columns.iter().position(|&c| c == column).unwrap_or(0);
                    self.overlays.push(Overlay::Sort(SortMenu { at }));
                }
                None => self.keep(Overlay::Sort(menu), "a letter sorts, again reverses, Esc closes"),
            },
        }
    }

    fn filter_key(&mut self, mut line: FilterLine, name: &str, key: &KeyEvent) {
        match name {
            "Enter" => {
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
        let start = text.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
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

    fn filter_live(&mut self, line: FilterLine) {
        if let Some(view) = self.view_mut() {
            view.filter = line.input.value().to_owned();
            view.hold = None;
        }
        self.refresh();
        self.overlays.push(Overlay::Filter(line));
    }

    fn detail_key(&mut self, mut detail: Detail, name: &str) {
        match name {
            "Esc" | "q" | "Backspace" => {}
            "j" | "Down" => {
                detail.at = (detail.at + 1).min(detail.jumps.len().saturating_sub(1));
                self.overlays.push(Overlay::Detail(detail));
            }
            "k" | "Up" => {
                detail.at = detail.at.saturating_sub(1);
                self.overlays.push(Overlay::Detail(detail));
            }
            "Enter" => match (detail.jumps.get(detail.at).cloned(), detail.pid) {
                (Some(to), Some(pid)) => {
                    let at = self.tab_of(&to);
                    self.views[at].filter = format!("pid={pid}");
                    self.show(Screen::View(at));
                }
                _ => self.keep(Overlay::Detail(detail), "there is nowhere to go from here"),
            },
            "Space" => {
                self.act(Action::Pause);
                self.overlays.push(Overlay::Detail(detail));
            }
            _ => self.keep(Overlay::Detail(detail), "Esc closes the detail"),
        }
    }
}

/// Columns that the sort menu offers: those of the frame, hidden ones too.
pub fn sortable(view: &View) -> Vec<usize> {
    let width = view.shown.as_ref().map_or(0, |shown| shown.frame.table.width());
    (0..width.min(LETTERS.len())).collect()
}
