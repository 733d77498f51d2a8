//! Lists over the screen: palette, columns, settings, themes, the form of the capture filter. Each is
//! made into a [`Page`], which one function draws.

use tui_input::Input;

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As text.
    #[default]
    Plain,
    /// Less important.
    Dim,
    /// A heading; the cursor does not stop at it.
    Head,
    /// Wrong.
    Bad,
}

/// One line: what it is, its value, a few words.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: String,
    /// A few words.
    pub words: String,
    /// How it looks.
    pub tone: Tone,
}

impl Item {
    /// An ordinary line.
    pub fn new(name: impl Into<String>, value: impl Into<String>, words: impl Into<String>) -> Item {
        Item { name: name.into(), value: value.into(), words: words.into(), tone: Tone::Plain }
    }

    /// A heading.
    pub fn head(name: impl Into<String>) -> Item {
        Item { name: name.into(), tone: Tone::Head, ..Item::default() }
    }

    /// The same line in another tone.
    pub fn tone(self, tone: Tone) -> Item {
        Item { tone, ..self }
    }
}

/// A list with a title, and an input line where there is one.
#[derive(Debug, Default)]
pub struct Page {
    /// In the border.
    pub title: String,
    /// At the right of the title.
    pub note: String,
    /// What comes before the input line, and the line.
    pub input: Option<(&'static str, Input)>,
    /// The lines.
    pub items: Vec<Item>,
    /// The line with the cursor, an index into `items`.
    pub at: usize,
    /// Cells of the names.
    pub name: u16,
    /// Cells of the values.
    pub value: u16,
    /// Keys for the hints.
    pub keys: &'static [(&'static str, &'static str)],
}

/// Moves a cursor by a key; `None` if the key does not move it.
pub fn moved(at: usize, count: usize, name: &str) -> Option<usize> {
    let last = count.saturating_sub(1);
    Some(match name {
        "Down" => (at + 1).min(last),
        "Up" => at.saturating_sub(1).min(last),
        "PgDn" => (at + 10).min(last),
        "PgUp" => at.saturating_sub(10).min(last),
        "Home" => 0,
        "End" => last,
        _ => return None,
    })
}

/// As [`moved`], for lists without an input line, where letters move too.
pub fn stepped(at: usize, count: usize, name: &str) -> Option<usize> {
    let name = match name {
        "j" => "Down",
        "k" => "Up",
        "G" => "End",
        other => other,
    };
    moved(at, count, name)
}
