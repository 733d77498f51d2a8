//! Screens with their colours and attributes.

use super::super::draw;
use super::super::testing::Rig;

impl Rig {
    /// The screen, cell by cell.
    pub fn buffer(&mut self) -> ratatui::buffer::Buffer {
        let size = ratatui::layout::Size::new(self.app.area.width, self.app.area.height);
        draw::prepare(&mut self.app);
        let backend = ratatui::backend::TestBackend::new(size.width, size.height);
        let Ok(mut terminal) = ratatui::Terminal::new(backend);
        let Ok(done) = terminal.draw(|frame| draw::render(&self.app, frame));
        done.buffer.clone()
    }

    /// The screen as text, and below it where which colours and attributes are.
    pub fn styled(&mut self) -> String {
        let styles = styles(&self.buffer());
        format!("{}\n{styles}", self.screen())
    }
}

/// Runs of cells with other than the plain style: row, columns, style.
fn styles(buffer: &ratatui::buffer::Buffer) -> String {
    use ratatui::style::{Color, Modifier};
    let mut out = String::new();
    for y in buffer.area.y..buffer.area.bottom() {
        let mut runs: Vec<(u16, u16, String)> = Vec::new();
        for x in buffer.area.x..buffer.area.right() {
            let cell = &buffer[(x, y)];
            let mut style = String::new();
            if cell.fg != Color::Reset {
                style += &format!(" {}", cell.fg);
            }
            if cell.bg != Color::Reset {
                style += &format!(" on {}", cell.bg);
            }
            if cell.modifier != Modifier::empty() {
                style += &format!(" {:?}", cell.modifier).to_lowercase();
            }
            match runs.last_mut() {
                Some((_, end, last)) if *last == style && *end == x => *end = x + 1,
                _ => runs.push((x, x + 1, style)),
            }
        }
        let runs: Vec<String> = runs
            .into_iter()
            .filter(|(.., style)| !style.is_empty())
            .map(|(from, to, style)| format!("{from}-{}{style}", to - 1))
            .collect();
        if !runs.is_empty() {
            out += &format!("{y}: {}\n", runs.join(", "));
        }
    }
    out
}
