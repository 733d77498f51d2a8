//! The picture on the terminal, and the bytes that turn it into the next one.

use ratatui::Terminal;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use ratatui::style::Style;

use super::app::App;
use super::draw;
use super::glyphs::{Depth, Level};
use super::theme::ramp;
use super::tty::Tty;

/// The picture that the terminal shows.
pub struct Screen {
    terminal: Terminal<Tty>,
    synchronised: bool,
    /// What the terminal shows is not known: it is erased before the next frame.
    unknown: bool,
}

impl Screen {
    /// An unknown picture of that size. `synchronised`: the terminal shows a frame only when it is whole.
    pub fn new(size: Size, level: Level, synchronised: bool) -> Screen {
        let terminal = match Terminal::new(Tty::new(size, level)) {
            Ok(terminal) => terminal,
            Err(never) => match never {},
        };
        Screen { terminal, synchronised, unknown: true }
    }

    /// The terminal erases with its own ground only.
    pub fn writes_ground(&mut self) {
        self.terminal.backend_mut().writes_ground();
    }

    /// The terminal has another size now.
    pub fn resize(&mut self, size: Size) {
        self.terminal.backend_mut().resize(size);
        self.redraw();
    }

    /// What the terminal shows is not known any more: the next frame is a whole one.
    pub fn redraw(&mut self) {
        let _ = self.terminal.backend_mut().take();
        self.unknown = true;
    }

    /// Erases the terminal with the theme's ground, so that only what stands on it is to be sent.
    fn erase(&mut self, ground: Style) {
        let Ok(()) = self.terminal.clear();
        let (fg, bg) = (ground.fg.unwrap_or_default(), ground.bg.unwrap_or_default());
        if !self.terminal.backend().erases_with(bg) {
            return;
        }
        let Ok(_) = self.terminal.draw(|frame| {
            let area = frame.area();
            frame.buffer_mut().set_style(area, ground);
        });
        self.terminal.backend_mut().erase(fg, bg);
    }

    /// The bytes that make the terminal show the state; none if it does already.
    pub fn draw(&mut self, app: &mut App) -> Vec<u8> {
        draw::prepare(app);
        app.dirty = false;
        if std::mem::take(&mut self.unknown) {
            self.erase(app.theme.ground());
        }
        let Ok(_) = self.terminal.draw(|frame| draw::render(app, frame));
        let bytes = self.terminal.backend_mut().take();
        if bytes.is_empty() || !self.synchronised {
            return bytes;
        }
        [b"\x1b[?2026h", bytes.as_slice(), b"\x1b[?2026l"].concat()
    }
}

/// The picture as lines of text, for leaving it behind on the normal screen.
pub fn text(app: &mut App) -> String {
    let size = Size::new(app.area.width, app.area.height);
    let level = app.glyphs.level;
    // Where colours carry the meaning on the screen, shades do in plain text.
    let ramp = std::mem::replace(&mut app.ramp, ramp::cells(&app.theme, false, Depth::Mono, level));
    draw::prepare(app);
    let mut terminal = match Terminal::new(ratatui::backend::TestBackend::new(size.width, size.height)) {
        Ok(terminal) => terminal,
        Err(never) => match never {},
    };
    let Ok(done) = terminal.draw(|frame| draw::render(app, frame));
    let lines = lines(done.buffer, level);
    app.ramp = ramp;
    lines
}

fn lines(buffer: &Buffer, level: Level) -> String {
    let mut out = String::new();
    for y in buffer.area.y..buffer.area.bottom() {
        let mut line = String::new();
        let mut skip = 0;
        for x in buffer.area.x..buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = crate::frame::text::width(symbol).saturating_sub(1);
            let blank = " ".repeat(skip);
            let safe = symbol.chars().all(crate::frame::text::is_safe) && (level != Level::Ascii || symbol.is_ascii());
            line.push_str(if safe { symbol } else { "?" });
            line.push_str(if safe { "" } else { &blank });
        }
        out.push_str(line.trim_end());
        out.push_str("\r\n");
    }
    out
}
