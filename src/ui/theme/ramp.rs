//! Ramps: from few to many in eight steps, for every depth and glyph level. Lightness is monotone in
//! normal vision and under three simulated colour deficiencies; a test computes that.

use ratatui::style::{Color, Modifier, Style};

use super::super::glyphs::{Depth, Level};
use super::Theme;

/// Steps of a ramp.
pub const STEPS: usize = 8;

/// On a dark ground, 24 bits.
pub const DARK: [u32; STEPS] = [0x1f2f60, 0x004e7c, 0x006f8d, 0x009093, 0x00ae8d, 0x6ac87f, 0xb5dc6f, 0xfceb6a];

/// On a light ground, 24 bits.
pub const LIGHT: [u32; STEPS] = [0xf2e8c3, 0xc4d29f, 0x8cbd8d, 0x49a689, 0x008b8b, 0x006b8c, 0x004883, 0x17226d];

/// On a dark ground, out of 256.
pub const DARK_256: [u8; STEPS] = [17, 18, 24, 30, 36, 78, 149, 227];

/// On a light ground, out of 256.
pub const LIGHT_256: [u8; STEPS] = [230, 186, 143, 72, 30, 24, 18, 17];

/// The Okabe-Ito set, for series.
pub const SERIES: [u32; 7] = [0xe69f00, 0x56b4e9, 0x009e73, 0xf0e442, 0x0072b2, 0xd55e00, 0xcc79a7];

/// The same, out of 256.
pub const SERIES_256: [u8; 7] = [178, 74, 36, 220, 25, 166, 175];

const ANSI: [(Color, &str); STEPS] = [
    (Color::Blue, "░"),
    (Color::Blue, "▒"),
    (Color::Cyan, "▒"),
    (Color::Cyan, "▓"),
    (Color::Cyan, "█"),
    (Color::Gray, "▓"),
    (Color::Gray, "█"),
    (Color::White, "█"),
];

const SHADES: [&str; STEPS] = ["·", "░", "░", "▒", "▒", "▓", "▓", "█"];

const ASCII: [&str; STEPS] = [".", ":", "-", "=", "+", "*", "#", "@"];

/// One cell for each step. With many colours it is a blank on a coloured ground: one byte a cell,
/// where a block would be three. With few, shades help the colours.
pub fn cells(theme: &Theme, light: bool, depth: Depth, level: Level) -> [(&'static str, Style); STEPS] {
    let own = if light { &theme.ramp_light } else { &theme.ramp_dark };
    std::array::from_fn(|step| {
        let shade = if level == Level::Ascii { ASCII[step] } else { SHADES[step] };
        let (dark, pale) = (split(if light { LIGHT } else { DARK }[step]), if light { LIGHT_256 } else { DARK_256 });
        match depth {
            Depth::Mono => (shade, Style::new()),
            Depth::True => (" ", Style::new().bg(own.get(step).copied().unwrap_or(dark))),
            Depth::Indexed => (" ", Style::new().bg(own.get(step).copied().unwrap_or(Color::Indexed(pale[step])))),
            Depth::Ansi => {
                let (color, sign) = ANSI[step];
                let bold = if step == STEPS - 1 { Modifier::BOLD } else { Modifier::empty() };
                let sign = if level == Level::Ascii { shade } else { sign };
                (sign, Style::new().fg(color).add_modifier(bold))
            }
        }
    })
}

/// Colours that tell series apart, at `depth`.
pub fn series(theme: &Theme, depth: Depth) -> Vec<Color> {
    if !theme.series.is_empty() {
        return theme.series.clone();
    }
    match depth {
        Depth::Mono => Vec::new(),
        Depth::Ansi => vec![Color::Yellow, Color::Cyan, Color::Blue, Color::Magenta, Color::Gray],
        Depth::Indexed => SERIES_256.map(Color::Indexed).to_vec(),
        Depth::True => SERIES.map(split).to_vec(),
    }
}

fn split(n: u32) -> Color {
    Color::Rgb((n >> 16) as u8, (n >> 8) as u8, n as u8)
}
