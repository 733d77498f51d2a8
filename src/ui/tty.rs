//! From cells to bytes: a ratatui backend that writes into memory, so that a frame is one write
//! and nothing at all when nothing changed.

use std::convert::Infallible;
use std::io::Write as _;

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};

use crate::frame::text::{is_safe, width};

use super::glyphs::Level;

/// Collects the bytes of a frame.
#[derive(Debug)]
pub struct Tty {
    bytes: Vec<u8>,
    size: Size,
    level: Level,
    pen: Pen,
    /// Erasing takes the ground that is set.
    erases: bool,
    /// The ground that everything was erased with, while nothing but this frame stands on it.
    fresh: Option<Color>,
}

/// How and where the terminal would write now.
#[derive(Clone, Copy, Debug, Default)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
    /// Where the cursor is, if that is known.
    at: Option<(u16, u16)>,
}

impl Tty {
    /// A terminal of that size.
    pub fn new(size: Size, level: Level) -> Tty {
        Tty { bytes: Vec::new(), size, level, pen: Pen::default(), erases: true, fresh: None }
    }

    /// The terminal has another size now.
    pub fn resize(&mut self, size: Size) {
        self.size = size;
    }

    /// Erasing leaves the terminal's own ground behind: blanks with another one are written.
    pub fn writes_ground(&mut self) {
        self.erases = false;
    }

    /// Whether erasing leaves this ground behind.
    pub fn erases_with(&self, bg: Color) -> bool {
        self.erases || bg == Color::Reset
    }

    /// Erases everything with this ground, instead of what was drawn so far.
    pub fn erase(&mut self, fg: Color, bg: Color) {
        self.bytes.clear();
        self.bytes.extend_from_slice(b"\x1b[m");
        self.pen = Pen::default();
        let mut ground = Cell::EMPTY;
        ground.set_fg(fg).set_bg(bg);
        self.style(&ground);
        self.bytes.extend_from_slice(b"\x1b[H\x1b[2J");
        (self.pen.at, self.fresh) = (Some((0, 0)), Some(bg));
    }

    /// Takes the bytes of the frame; empty if nothing changed.
    pub fn take(&mut self) -> Vec<u8> {
        self.fresh = None;
        std::mem::take(&mut self.bytes)
    }

    fn push(&mut self, args: std::fmt::Arguments<'_>) {
        // Writing into memory cannot fail.
        let _ = self.bytes.write_fmt(args);
    }

    fn go(&mut self, x: u16, y: u16) {
        match self.pen.at {
            Some(at) if at == (x, y) => return,
            Some((from, row)) if row == y && from < x => match x - from {
                1 => self.bytes.extend_from_slice(b"\x1b[C"),
                n => self.push(format_args!("\x1b[{n}C")),
            },
            Some((_, row)) if x == 0 && y == row + 1 => self.bytes.extend_from_slice(b"\r\n"),
            _ if x == 0 => self.push(format_args!("\x1b[{}H", y + 1)),
            _ => self.push(format_args!("\x1b[{};{}H", y + 1, x + 1)),
        }
        self.pen.at = Some((x, y));
    }

    /// Sets what differs, in one sequence: from what is set, or from a reset, whichever is shorter.
    fn style(&mut self, cell: &Cell) {
        if (cell.fg, cell.bg, cell.modifier) == (self.pen.fg, self.pen.bg, self.pen.modifier) {
            return;
        }
        let mut on = String::new();
        let mut kept = self.pen.modifier;
        for (modifiers, code) in OFF {
            if kept.intersects(modifiers) && !((kept - cell.modifier) & modifiers).is_empty() {
                on.push_str(code);
                kept -= modifiers;
            }
        }
        on += &codes(cell, self.pen.fg, self.pen.bg, kept);
        let anew = format!(";{}", codes(cell, Color::Reset, Color::Reset, Modifier::empty()));
        (self.pen.fg, self.pen.bg, self.pen.modifier) = (cell.fg, cell.bg, cell.modifier);
        let shorter = if anew.len() <= on.len() { anew } else { on };
        self.push(format_args!("\x1b[{}m", shorter.trim_end_matches(';')));
    }

    /// A run of blanks, of which nothing but the ground is seen. Erasing them is a few bytes for any number.
    fn blanks(&mut self, (x, y): (u16, u16), cells: u16, cell: &Cell) {
        let mut look = cell.clone();
        if !self.pen.modifier.intersects(ON_BLANKS) {
            (look.fg, look.modifier) = (self.pen.fg, self.pen.modifier);
        }
        self.style(&look);
        let end = x.saturating_add(cells);
        match self.erases_with(self.pen.bg) {
            true if end >= self.size.width && cells > 3 => self.bytes.extend_from_slice(b"\x1b[K"),
            // The cursor stays where it is, and has to be moved behind them.
            true if end < self.size.width && cells > 9 => self.push(format_args!("\x1b[{cells}X")),
            _ => {
                self.bytes.extend(std::iter::repeat_n(b' ', cells.into()));
                self.pen.at = Some((end, y)).filter(|&(x, _)| x < self.size.width);
            }
        }
    }

    /// Writes these cells, in this order.
    fn encode(&mut self, cells: &[Placed<'_>]) {
        let mut content = cells.iter().copied().peekable();
        while let Some((x, y, cell)) = content.next() {
            self.go(x, y);
            if !is_blank(cell) {
                self.style(cell);
                self.symbol(cell.symbol());
                continue;
            }
            let mut end = x + 1;
            let more = |next: &Placed<'_>, end| (next.0, next.1) == (end, y) && is_blank(next.2);
            while content.next_if(|next| more(next, end) && next.2.bg == cell.bg).is_some() {
                end += 1;
            }
            self.blanks((x, y), end - x, cell);
        }
    }

    /// The last line of defence: whatever got into a cell, nothing but text leaves.
    fn symbol(&mut self, symbol: &str) {
        let cells = width(symbol).max(1);
        let shown = symbol.chars().all(is_safe) && (self.level != Level::Ascii || symbol.is_ascii());
        if shown {
            self.bytes.extend_from_slice(symbol.as_bytes());
        } else {
            self.bytes.push(b'?');
            self.bytes.extend(std::iter::repeat_n(b' ', cells - 1));
        }
        let at = self.pen.at.map(|(x, y)| (x + cells as u16, y));
        // Behind the last column terminals disagree on where the cursor is.
        self.pen.at = at.filter(|&(x, _)| x < self.size.width);
    }
}

/// A cell and its column and row.
type Placed<'a> = (u16, u16, &'a Cell);

/// Blanks between cells of a row, on a picture where nothing else stands: writing a few is shorter than jumping over them.
fn fill_gaps<'a>(cells: &mut Vec<Placed<'a>>, filler: &'a Cell) {
    let mut filled: Vec<Placed<'a>> = Vec::with_capacity(cells.len() * 2);
    for &(x, y, cell) in cells.iter() {
        if let Some(&(last, row, before)) = filled.last()
            && row == y
            && before.bg == filler.bg
            && !before.modifier.intersects(ON_BLANKS)
        {
            let end = last + width(before.symbol()).max(1) as u16;
            if x > end && x - end < 4 {
                filled.extend((end..x).map(|x| (x, y, filler)));
            }
        }
        filled.push((x, y, cell));
    }
    *cells = filled;
}

/// Brings what looks alike together: where colours take many bytes, jumping between cells of one look takes fewer than
/// setting it again. Blanks go with what stands before them.
fn by_style(cells: &mut [Placed<'_>]) {
    let mut looks: Vec<(Color, Color, Modifier)> = Vec::new();
    let mut last: Option<(Placed<'_>, usize)> = None;
    let mut places: Vec<usize> = Vec::with_capacity(cells.len());
    for &(x, y, cell) in cells.iter() {
        let goes_on = last.filter(|((before, row, looked), _)| {
            is_blank(cell)
                && (*before + 1, *row) == (x, y)
                && looked.bg == cell.bg
                && !looked.modifier.intersects(ON_BLANKS)
        });
        let place = match goes_on {
            Some((_, place)) => place,
            None => {
                let look = (cell.fg, cell.bg, cell.modifier);
                looks.iter().position(|known| *known == look).unwrap_or_else(|| {
                    looks.push(look);
                    looks.len() - 1
                })
            }
        };
        places.push(place);
        last = Some(((x, y, cell), place));
    }
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by_key(|&at| places[at]);
    let sorted: Vec<Placed<'_>> = order.into_iter().map(|at| cells[at]).collect();
    cells.copy_from_slice(&sorted);
}

const MODIFIERS: [(Modifier, &str); 4] =
    [(Modifier::BOLD, "1;"), (Modifier::DIM, "2;"), (Modifier::UNDERLINED, "4;"), (Modifier::REVERSED, "7;")];

/// What is seen where there is no letter.
const ON_BLANKS: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED);

fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && !cell.modifier.intersects(ON_BLANKS)
}

/// Attributes that one code ends together.
const OFF: [(Modifier, &str); 3] =
    [(Modifier::BOLD.union(Modifier::DIM), "22;"), (Modifier::UNDERLINED, "24;"), (Modifier::REVERSED, "27;")];

/// What makes the style of `cell` from these colours and attributes; attributes are only added.
fn codes(cell: &Cell, fg: Color, bg: Color, modifier: Modifier) -> String {
    let mut codes = String::new();
    for (added, code) in MODIFIERS {
        if cell.modifier.contains(added) && !modifier.contains(added) {
            codes.push_str(code);
        }
    }
    if cell.fg != fg {
        codes.push_str(&color(cell.fg, 30));
    }
    if cell.bg != bg {
        codes.push_str(&color(cell.bg, 40));
    }
    codes
}

fn color(color: Color, base: u8) -> String {
    let ansi = |n: u8| format!("{};", base + n);
    let bright = |n: u8| format!("{};", base + 60 + n);
    match color {
        Color::Reset => ansi(9),
        Color::Black => ansi(0),
        Color::Red => ansi(1),
        Color::Green => ansi(2),
        Color::Yellow => ansi(3),
        Color::Blue => ansi(4),
        Color::Magenta => ansi(5),
        Color::Cyan => ansi(6),
        Color::Gray => ansi(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(index) => format!("{};5;{index};", base + 8),
        Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b};", base + 8),
    }
}

impl Backend for Tty {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut filler = Cell::EMPTY;
        filler.set_bg(self.fresh.unwrap_or_default());
        let mut cells: Vec<Placed<'_>> = content.collect();
        if self.fresh.is_some() {
            fill_gaps(&mut cells, &filler);
        }
        let (before, pen) = (std::mem::take(&mut self.bytes), self.pen);
        self.encode(&cells);
        let (by_rows, after) = (std::mem::take(&mut self.bytes), self.pen);
        self.pen = pen;
        by_style(&mut cells);
        self.encode(&cells);
        if self.bytes.len() >= by_rows.len() {
            (self.bytes, self.pen) = (by_rows, after);
        }
        self.bytes.splice(..0, before);
        Ok(())
    }

    // The cursor is hidden for good when the screen is set up: nothing to say for each frame.
    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.pen.at.map_or(Position::ORIGIN, |(x, y)| Position { x, y }))
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, _position: P) -> Result<(), Infallible> {
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.bytes.extend_from_slice(b"\x1b[m\x1b[H\x1b[2J");
        self.pen = Pen { at: Some((0, 0)), ..Pen::default() };
        Ok(())
    }

    fn clear_region(&mut self, _clear_type: ClearType) -> Result<(), Infallible> {
        self.clear()
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
