//! Colours: how they are written, and how they are brought down to what a terminal shows.

use ratatui::style::{Color, Style};

use super::super::glyphs::Depth;

/// What is at least so far from grey is seen as a colour.
const VIVID: f64 = 0.06;

const ANSI: [(&str, Color, u32); 16] = [
    ("black", Color::Black, 0x000000),
    ("red", Color::Red, 0xcd0000),
    ("green", Color::Green, 0x00cd00),
    ("yellow", Color::Yellow, 0xcdcd00),
    ("blue", Color::Blue, 0x0000ee),
    ("magenta", Color::Magenta, 0xcd00cd),
    ("cyan", Color::Cyan, 0x00cdcd),
    ("white", Color::Gray, 0xe5e5e5),
    ("bright_black", Color::DarkGray, 0x7f7f7f),
    ("bright_red", Color::LightRed, 0xff0000),
    ("bright_green", Color::LightGreen, 0x00ff00),
    ("bright_yellow", Color::LightYellow, 0xffff00),
    ("bright_blue", Color::LightBlue, 0x5c5cff),
    ("bright_magenta", Color::LightMagenta, 0xff00ff),
    ("bright_cyan", Color::LightCyan, 0x00ffff),
    ("bright_white", Color::White, 0xffffff),
];

/// A colour as theme files write it.
pub fn color(text: &str) -> Option<Color> {
    if text == "default" {
        return Some(Color::Reset);
    }
    if let Some(hex) = text.strip_prefix('#').filter(|hex| hex.len() == 6) {
        let n = u32::from_str_radix(hex, 16).ok()?;
        return Some(Color::Rgb((n >> 16) as u8, (n >> 8) as u8, n as u8));
    }
    if let Some(index) = text.strip_prefix("256:") {
        return index.parse().ok().map(Color::Indexed);
    }
    let name = text.strip_prefix("ansi:")?;
    ANSI.iter().find(|(known, ..)| *known == name).map(|&(_, color, _)| color)
}

/// The same style with the colours that the terminal has.
pub fn lower(mut style: Style, depth: Depth) -> Style {
    style.fg = style.fg.map(|color| lower_color(color, depth)).filter(|&color| color != Color::Reset);
    style.bg = style.bg.map(|color| lower_color(color, depth)).filter(|&color| color != Color::Reset);
    style
}

/// The nearest colour that the terminal has.
pub fn lower_color(color: Color, depth: Depth) -> Color {
    let rgb = match color {
        Color::Rgb(r, g, b) => [r, g, b],
        Color::Indexed(index) if depth < Depth::Indexed => palette(index),
        _ if depth == Depth::Mono => return Color::Reset,
        other => return other,
    };
    match depth {
        Depth::True => color,
        Depth::Indexed => {
            let nearest = (16..=255u8).min_by(|&a, &b| distance(palette(a), rgb).total_cmp(&distance(palette(b), rgb)));
            nearest.map_or(Color::Reset, Color::Indexed)
        }
        Depth::Ansi => {
            let by = |a: &u32, b: &u32| distance(split(*a), rgb).total_cmp(&distance(split(*b), rgb));
            // A colour stays a colour: the nearest of sixteen is often a grey.
            let vivid = |rgb: [u8; 3]| chroma(rgb) > VIVID;
            let candidates = ANSI.iter().filter(|(.., n)| !vivid(rgb) || vivid(split(*n)));
            candidates.min_by(|a, b| by(&a.2, &b.2)).map_or(Color::Reset, |&(_, color, _)| color)
        }
        Depth::Mono => Color::Reset,
    }
}

/// The xterm palette.
pub fn palette(index: u8) -> [u8; 3] {
    match index {
        0..=15 => split(ANSI[index as usize].2),
        16..=231 => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = index - 16;
            [level(n / 36), level(n / 6 % 6), level(n % 6)]
        }
        _ => [8 + 10 * (index - 232); 3],
    }
}

/// Squared distance in OKLab: near there is near for the eye.
pub fn distance(a: [u8; 3], b: [u8; 3]) -> f64 {
    oklab(a).iter().zip(oklab(b)).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// Lightness and two axes of colour, as the eye spaces them.
pub fn oklab(rgb: [u8; 3]) -> [f64; 3] {
    let linear = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    let [r, g, b] = rgb.map(linear);
    let l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b).cbrt();
    let m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b).cbrt();
    let s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b).cbrt();
    [
        0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
    ]
}

/// How far from grey.
fn chroma(rgb: [u8; 3]) -> f64 {
    let [_, a, b] = oklab(rgb);
    a.hypot(b)
}

/// The red, green and blue of a colour; `None` for the terminal's own default.
pub fn rgb(color: Color) -> Option<[u8; 3]> {
    match color {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(index) => Some(palette(index)),
        other => ANSI.iter().find(|(_, known, _)| *known == other).map(|&(_, _, n)| split(n)),
    }
}

fn split(n: u32) -> [u8; 3] {
    [(n >> 16) as u8, (n >> 8) as u8, n as u8]
}
