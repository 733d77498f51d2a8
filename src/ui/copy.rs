//! Taking rows away: to the clipboard of the terminal, or to a file.

use crate::frame::format;

use super::action::Action;
use super::app::App;
use super::export;
use super::message::Effect;
use super::view::Row;

/// Longest text that goes to a clipboard: terminals cut what is longer.
pub const MOST: usize = 74_000;

impl App {
    /// Copies the selected row, or all that are shown. The same key again writes a file.
    pub(super) fn copy(&mut self, all: bool) {
        let Some(text) = self.copied_text(all) else { return self.say("there is nothing to copy") };
        let again = self.copied.take().is_some_and(|copied| copied == all);
        let name = self.view().map_or(String::new(), |view| view.name.clone());
        let wall = self.view().and_then(|view| view.shown.as_ref()).map_or(0, |shown| shown.source.time.wall_ns);
        let path = export::file_name(&self.options.host, &name, wall, "txt");
        if again || text.len() > MOST || !self.options.clipboard {
            self.effects.push(Effect::Write(path, text.into_bytes()));
            return;
        }
        let key = self.options.keys.hint(if all { Action::CopyTable } else { Action::CopyRow });
        self.effects.push(Effect::Copy(text));
        self.copied = Some(all);
        self.say(format!("copied (if the terminal allows); {key} again writes {path}"));
    }

    /// What is copied: cells as they are shown, apart by tabs; a table with its heads.
    fn copied_text(&self, all: bool) -> Option<String> {
        let view = self.view()?;
        if let Some(unavailable) = view.unavailable() {
            let reason = &unavailable.reason;
            return Some(format!("{}: {}\n{}\n", view.name, reason.message, reason.remedy));
        }
        let shown = view.shown.as_ref()?;
        let sort = view.sort_by(&shown.frame.table).map(|(column, _)| column);
        let columns = view.columns(&shown.frame.table.schema, sort);
        let line = |row: &Row| {
            let table = shown.table(row);
            let cells = columns.iter().map(|&column| format::cell(table, row.at as usize, column, self.look));
            cells.collect::<Vec<_>>().join("\t") + "\n"
        };
        if !all {
            return view.selected_row().and_then(|at| shown.rows.get(at)).map(line);
        }
        let labels = columns.iter().map(|&column| shown.frame.table.schema.columns[column].label.as_str());
        let mut text = labels.collect::<Vec<_>>().join("\t") + "\n";
        shown.rows.iter().for_each(|row| text.push_str(&line(row)));
        Some(text)
    }
}

/// The sequence that hands text to the terminal's clipboard.
pub fn sequence(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    let coded = base64::engine::general_purpose::STANDARD.encode(text);
    format!("\x1b]52;c;{coded}\x1b\\").into_bytes()
}
