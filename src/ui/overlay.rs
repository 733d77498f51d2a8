//! What lies over the screen and takes the keys: help, menus, input lines.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use super::action::{Action, Place};
use super::app::App;
use super::capture::Capture;
use super::chooser::Chooser;
use super::detail::Detail;
use super::export::Export;
use super::filter::FilterLine;
use super::line::Line;
use super::page::Page;
use super::palette::Palette;
use super::picker::Picker;
use super::settings::Settings;
use super::themes::Themes;
use super::view::View;

/// Letters of the sort menu.
pub const LETTERS: &str = "abcdefghijklmnoprstuvwxyz";

/// One layer.
#[derive(Debug)]
pub enum Overlay {
    /// Keys that work here.
    Help(Help),
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
    /// Commands.
    Palette(Palette),
    /// One line to type into.
    Line(Line),
    /// The form of the capture filter.
    Capture(Capture),
    /// Columns of the view.
    Columns(Chooser),
    /// What is in force, and why.
    Settings(Settings),
    /// What our programs cost; the line with the cursor.
    Cost(usize),
    /// Colours.
    Themes(Themes),
}

/// The open help page.
#[derive(Clone, Debug, Default)]
pub struct Help {
    /// Lines scrolled away.
    pub top: usize,
    /// Only lines with this text.
    pub filter: String,
}

impl Overlay {
    /// The line that text goes into.
    fn input(&mut self) -> Option<&mut Input> {
        match self {
            Overlay::Picker(picker) => Some(&mut picker.input),
            Overlay::Export(export) => Some(&mut export.input),
            Overlay::Filter(line) => Some(&mut line.input),
            Overlay::Palette(palette) => Some(&mut palette.input),
            Overlay::Line(line) => Some(&mut line.input),
            Overlay::Capture(form) => form.fields.get_mut(form.at).map(|field| &mut field.input),
            _ => None,
        }
    }

    /// Whether letters are text in it, or choose something; elsewhere they are what they are on the screen.
    pub(super) fn takes_letters(&self) -> bool {
        match self {
            Overlay::Help(help) => !help.filter.is_empty(),
            Overlay::Explain(_) | Overlay::Detail(_) | Overlay::Settings(_) | Overlay::Themes(_) | Overlay::Cost(_) => {
                false
            }
            _ => true,
        }
    }

    /// The list that is drawn for it, if it is one.
    pub fn page(&self, app: &App) -> Option<Page> {
        match self {
            Overlay::Palette(palette) => Some(palette.page(app)),
            Overlay::Capture(form) => Some(form.page(app)),
            Overlay::Columns(list) => Some(list.page(app)),
            Overlay::Settings(page) => Some(page.page(app)),
            Overlay::Themes(list) => Some(list.page(app)),
            Overlay::Cost(at) => Some(super::cost::page(app, *at)),
            _ => None,
        }
    }
}

/// The menu of columns to sort by.
#[derive(Clone, Copy, Debug, Default)]
pub struct SortMenu {
    /// The line with the cursor.
    pub at: usize,
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
    /// Whether letters are text now.
    pub(super) fn types(&self) -> bool {
        self.overlays.last().is_some_and(Overlay::takes_letters)
    }

    /// The key that does on a page what `key` of the table does.
    pub(super) fn key_here(&self, key: &str) -> String {
        self.options.keys.shown(key, Place::View).to_owned()
    }

    pub(super) fn overlay_key(&mut self, overlay: Overlay, name: &str, key: &KeyEvent) {
        // One line says how much more there is.
        let page = (super::layout::below_tabs(self).height as usize).saturating_sub(1).max(1);
        let name = if overlay.takes_letters() { name } else { self.options.keys.as_in_table(name, Place::View) };
        match overlay {
            Overlay::Help(help) => self.help_key(help, name, key, page),
            Overlay::Explain(at) => match (scroll(at, name, page), name) {
                (Some(at), _) => {
                    let most = super::help::explain(self, self.area.width).len().saturating_sub(page);
                    self.overlays.push(Overlay::Explain(at.min(most)));
                }
                (None, "i" | "Esc" | "q") => {}
                (None, _) => self.keep(Overlay::Explain(at), format!("{} closes this page", self.key_here("Esc"))),
            },
            Overlay::Picker(picker) => self.picker_key(picker, name, key),
            Overlay::Sort(menu) => self.sort_key(menu, name),
            Overlay::Export(export) => self.export_key(export, name, key),
            Overlay::Filter(line) => self.filter_key(line, name, key),
            Overlay::Detail(detail) => self.detail_key(detail, name),
            Overlay::Palette(palette) => self.palette_key(palette, name, key),
            Overlay::Line(line) => self.line_key(line, name, key),
            Overlay::Capture(form) => self.capture_key(form, name, key),
            Overlay::Columns(list) => self.chooser_key(list, name),
            Overlay::Settings(page) => self.settings_key(page, name),
            Overlay::Cost(at) => self.cost_key(at, name),
            Overlay::Themes(list) => self.themes_key(list, name),
        }
    }

    pub(super) fn keep(&mut self, overlay: Overlay, toast: impl AsRef<str>) {
        self.overlays.push(overlay);
        if !toast.as_ref().is_empty() {
            self.say(toast.as_ref());
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        let Some(input) = self.overlays.last_mut().and_then(Overlay::input) else {
            return self.say("pasted text goes into input lines only");
        };
        paste_into(input, text);
        self.dirty = true;
        match self.overlays.pop() {
            Some(Overlay::Picker(mut picker)) => {
                picker.search(self);
                self.overlays.push(Overlay::Picker(picker));
            }
            Some(Overlay::Palette(mut palette)) => {
                palette.search();
                self.overlays.push(Overlay::Palette(palette));
            }
            Some(Overlay::Filter(line)) => self.filter_live(line),
            other => self.overlays.extend(other),
        }
    }

    /// Letters filter the help; those that scroll or close it do so until something is typed.
    fn help_key(&mut self, mut help: Help, name: &str, key: &KeyEvent, page: usize) {
        let typing = !help.filter.is_empty();
        let letter = match key.code {
            KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::CONTROL) => Some(c),
            _ => None,
        };
        let scrolled = scroll(help.top, name, page).filter(|_| !typing || letter.is_none());
        match (scrolled, name) {
            (Some(top), _) => {
                let most = super::help::lines(self, &help.filter).len().saturating_sub(page);
                help.top = top.min(most);
            }
            (None, "?" | "F1") => return,
            (None, "Esc" | "q") if !typing => return,
            (None, "Esc" | "Ctrl-u") => help = Help::default(),
            (None, "Backspace") => {
                help.filter.pop();
                help.top = 0;
            }
            (None, _) => match letter.filter(|&c| crate::frame::text::is_safe(c)) {
                Some(c) if help.filter.len() < 40 => {
                    help.filter.push(c);
                    help.top = 0;
                }
                _ => {
                    let close = self.key_here("?");
                    return self.keep(Overlay::Help(help), format!("{close} closes the help, letters filter it"));
                }
            },
        }
        self.overlays.push(Overlay::Help(help));
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
                (Some(to), Some(pid)) => self.drill(&to, pid),
                _ => self.keep(Overlay::Detail(detail), "there is nowhere to go from here"),
            },
            "PgDn" | "Ctrl-d" | "PgUp" | "Ctrl-u" | "Home" => {
                // The page knows its own end; further than that it does not scroll.
                detail.top = match name {
                    "Home" => 0,
                    "PgDn" | "Ctrl-d" => (detail.top + 10).min(100),
                    _ => detail.top.saturating_sub(10),
                };
                self.overlays.push(Overlay::Detail(detail));
            }
            "[" | "]" => {
                self.act(if name == "[" { Action::Earlier } else { Action::Later });
                self.overlays.push(Overlay::Detail(detail));
            }
            "Space" => {
                self.act(Action::Pause);
                self.overlays.push(Overlay::Detail(detail));
            }
            _ => self.keep(Overlay::Detail(detail), format!("{} closes the detail", self.key_here("Esc"))),
        }
    }
}

/// Columns that the sort menu offers: those of the frame, hidden ones too.
pub fn sortable(view: &View) -> Vec<usize> {
    let width = view.shown.as_ref().map_or(0, |shown| shown.frame.table.width());
    (0..width.min(LETTERS.len())).collect()
}
