//! Draws the real screen of the program as SVG: `cargo run --example screenshot -- OUT.svg ROWS COLS
//! SECONDS KEYS -- PROGRAM ARGS…`. `tools/screenshot.sh` calls it with a load running.

#[allow(dead_code)]
#[path = "../tests/support/terminal.rs"]
mod terminal;

use std::fmt::Write as _;
use std::time::Duration;

use terminal::Terminal;

/// Size of a cell in the picture, pixels.
const CELL: (f32, f32) = (8.4, 18.0);
/// The terminal's own sixteen colours: a common dark palette.
const ANSI: [&str; 16] = [
    "#1d1f21", "#cc6666", "#b5bd68", "#f0c674", "#81a2be", "#b294bb", "#8abeb7", "#c5c8c6", "#707880", "#d54e53",
    "#b9ca4a", "#e7c547", "#7aa6da", "#c397d8", "#70c0b1", "#eaeaea",
];
const BACKGROUND: &str = "#16181a";
const FOREGROUND: &str = "#d0d3d0";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [out, rows, cols, seconds, keys, dashes, program, rest @ ..] = args.as_slice() else { return usage() };
    let (Ok(rows), Ok(cols), Ok(seconds)) = (rows.parse(), cols.parse(), seconds.parse::<f64>()) else {
        return usage();
    };
    if dashes != "--" {
        return usage();
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let terminal = Terminal::start(program, &rest, rows, cols, &[("COLORTERM", "truecolor")]);
    // A picture of a moment: there is nothing to wait for but time.
    std::thread::sleep(Duration::from_secs_f64(seconds));
    terminal.send(keys);
    std::thread::sleep(Duration::from_millis(1500));
    let svg = svg(&terminal.screen());
    terminal.send("\u{3}");
    if let Err(error) = std::fs::write(out, svg) {
        eprintln!("{out}: {error}");
        std::process::exit(1);
    }
}

fn usage() {
    eprintln!("screenshot OUT.svg ROWS COLS SECONDS KEYS -- PROGRAM ARGS…");
    std::process::exit(2);
}

fn colour(colour: vt100::Color, default: &str) -> String {
    match colour {
        vt100::Color::Default => default.to_owned(),
        vt100::Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        vt100::Color::Idx(n @ 0..=15) => ANSI[n as usize].to_owned(),
        vt100::Color::Idx(n @ 16..=231) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = n - 16;
            format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        vt100::Color::Idx(n) => {
            let grey = 8 + 10 * (n - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}

fn svg(screen: &vt100::Screen) -> String {
    let (rows, cols) = screen.size();
    let (width, height) = (f32::from(cols) * CELL.0 + 16.0, f32::from(rows) * CELL.1 + 16.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-size=\"14\" \
         font-family=\"'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{BACKGROUND}\"/>\n"
    );
    for row in 0..rows {
        let mut col = 0;
        while col < cols {
            col = run(&mut svg, screen, row, col, cols);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Draws cells of one style, beginning at `start`; gives the column after them.
fn run(svg: &mut String, screen: &vt100::Screen, row: u16, start: u16, cols: u16) -> u16 {
    let style = |col| {
        let cell = screen.cell(row, col)?;
        let (fg, bg) = (colour(cell.fgcolor(), FOREGROUND), colour(cell.bgcolor(), BACKGROUND));
        let (fg, bg) = if cell.inverse() { (bg, fg) } else { (fg, bg) };
        Some((fg, bg, cell.bold(), cell.dim()))
    };
    let first = style(start);
    let mut end = start;
    let mut text = String::new();
    while end < cols && style(end) == first {
        let contents = screen.cell(row, end).map(|c| c.contents().to_owned()).unwrap_or_default();
        text.push_str(if contents.is_empty() { " " } else { &contents });
        end += 1;
    }
    let Some((fg, bg, bold, dim)) = first else { return cols };
    let (x, y) = (8.0 + f32::from(start) * CELL.0, 8.0 + f32::from(row) * CELL.1);
    let length = f32::from(end - start) * CELL.0;
    if bg != BACKGROUND {
        let _ = writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{length}\" height=\"{}\" fill=\"{bg}\"/>", CELL.1);
    }
    if !text.trim().is_empty() {
        let weight = if bold { " font-weight=\"bold\"" } else { "" };
        let opacity = if dim { " opacity=\"0.6\"" } else { "" };
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"{}\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" fill=\"{fg}\"{weight}{opacity}>{text}</text>",
            y + 14.0
        );
    }
    end
}
