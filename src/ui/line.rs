//! One line to type into: what to find, the interval, limits of a column.

use crossterm::event::KeyEvent;
use tui_input::Input;

use super::app::App;
use super::overlay::{Overlay, edit};

/// What is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Text to find.
    Find,
    /// Seconds.
    Interval,
    /// Limits of the column of this name.
    Limits(String),
}

/// The open line.
#[derive(Debug)]
pub struct Line {
    /// What for.
    pub ask: Ask,
    /// What is typed.
    pub input: Input,
}

impl Line {
    /// A line with a text in it.
    pub fn new(ask: Ask, text: impl Into<String>) -> Line {
        Line { ask, input: Input::new(text.into()) }
    }

    /// What stands before it.
    pub fn prompt(&self) -> String {
        match &self.ask {
            Ask::Find => "find ".to_owned(),
            Ask::Interval => "interval, s ".to_owned(),
            Ask::Limits(column) => format!("limits of {column} "),
        }
    }

    /// What may be typed.
    pub fn note(&self) -> &'static str {
        match self.ask {
            Ask::Find => "then n N  Esc close",
            Ask::Interval => "0.1 to 3600  Esc close",
            Ask::Limits(_) => "warn 1M crit 9M below for 3 bell snapshot",
        }
    }
}

impl App {
    pub(super) fn line_key(&mut self, mut line: Line, name: &str, key: &KeyEvent) {
        match name {
            "Esc" => return,
            "Enter" => {
                let text = line.input.value().trim().to_owned();
                let done = match &line.ask {
                    Ask::Find => self.find(&text),
                    Ask::Interval => self.type_interval(&text).map(|()| String::new()),
                    Ask::Limits(column) => self.limits_of(column, &text),
                };
                match done {
                    Ok(text) if text.is_empty() => {}
                    Ok(text) => self.say(text),
                    Err(problem) => {
                        self.say(problem);
                        self.overlays.push(Overlay::Line(line));
                    }
                }
                return;
            }
            _ => {
                edit(&mut line.input, key);
            }
        }
        self.overlays.push(Overlay::Line(line));
    }

    /// Notes what to find and goes to the first row that has it.
    ///
    /// # Errors
    /// There is no such row.
    pub fn find(&mut self, text: &str) -> Result<String, String> {
        let view = self.view_mut().ok_or("there is no view")?;
        text.clone_into(&mut view.find);
        self.find_next(0)
    }

    /// Goes to the next (or with a negative number the last) row that has what was found; with 0 the row
    /// that is selected counts too.
    pub(super) fn find_next(&mut self, by: isize) -> Result<String, String> {
        let now = self.now;
        let look = self.look;
        let view = self.view_mut().ok_or("there is no view")?;
        if view.find.is_empty() {
            return Err("F3 or :find says what to find".to_owned());
        }
        let wanted = view.find.to_lowercase();
        let shown = view.shown.as_ref().ok_or("there are no rows")?;
        let count = shown.rows.len();
        let start = view.selected_row().unwrap_or(0);
        let has = |place: usize| {
            let row = &shown.rows[place];
            let table = shown.table(row);
            let mut cells =
                (0..table.width()).map(|column| crate::frame::format::cell(table, row.at as usize, column, look));
            cells.any(|cell| cell.to_lowercase().contains(&wanted))
        };
        let step = if by < 0 { count.saturating_sub(1) } else { 1 };
        let first = if by == 0 { 0 } else { step };
        let found = (0..count).map(|n| (start + first + n * step) % count.max(1)).find(|&place| has(place));
        match found {
            Some(place) => {
                view.select(place, now);
                self.dirty = true;
                Ok(String::new())
            }
            None => Err(format!("no row has {:?}", view.find)),
        }
    }
}
