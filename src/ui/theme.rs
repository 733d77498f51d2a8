//! Themes: styles by role, read from TOML, brought down to what the terminal shows.

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use super::glyphs::Depth;

const BUILT_IN: &[(&str, &str)] =
    &[("default", include_str!("../../themes/default.toml")), ("mono", include_str!("../../themes/mono.toml"))];

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident),* $(,)?) => {
        /// One style for each role.
        #[derive(Clone, Debug, Default)]
        pub struct Theme {
            $($(#[$doc])* pub $role: Style,)*
        }

        impl Theme {
            fn role(&mut self, name: &str) -> Option<&mut Style> {
                match name {
                    $(stringify!($role) => Some(&mut self.$role),)*
                    _ => None,
                }
            }

            fn roles(&mut self) -> Vec<&mut Style> {
                vec![$(&mut self.$role),*]
            }
        }
    };
}

roles! {
    /// Ground of the screen.
    bg,
    /// Ordinary text.
    fg,
    /// Less important text, zeros.
    dim,
    /// Names and marks.
    accent,
    /// Border of a pane.
    border,
    /// Border of the pane with the focus.
    border_focus,
    /// Title of a view.
    title,
    /// Heads of columns.
    header,
    /// Head of the sorted column.
    header_sort,
    /// Keys in hints and help.
    key,
    /// Selected row.
    selection,
    /// Selected row of a pane without the focus.
    selection_dim,
    /// All is well.
    ok,
    /// Worth knowing.
    info,
    /// Worth a look.
    warn,
    /// Act.
    crit,
    /// Rows that are gone.
    gone,
    /// Rows that are new.
    new,
    /// Lost events.
    lost,
    /// Bars of histograms.
    bar,
    /// Outline of a baseline.
    bar_base,
    /// Input lines.
    input,
    /// Key hints.
    hint,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    inherits: Option<String>,
    #[serde(default)]
    colors: toml::Table,
}

impl Theme {
    /// The built-in theme called `name` at `depth`; the default one if there is no such theme.
    pub fn built_in(name: &str, depth: Depth) -> (Theme, Vec<String>) {
        let name = if depth == Depth::Mono { "mono" } else { name };
        match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((name, text)) => Theme::parse(name, text, depth),
            None => {
                let (theme, mut problems) = Theme::built_in("default", depth);
                problems.push(format!("theme {name:?} is not known; using the default"));
                (theme, problems)
            }
        }
    }

    /// A theme from the text of `file`. One with a mistake loads anyway: the problems name file and token.
    pub fn parse(file: &str, text: &str, depth: Depth) -> (Theme, Vec<String>) {
        let (mut theme, problems) = read(file, text, 0);
        for style in theme.roles() {
            *style = lower(*style, depth);
        }
        (theme, problems)
    }
}

fn read(file: &str, text: &str, nested: usize) -> (Theme, Vec<String>) {
    let parsed: File = match toml::from_str(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let (theme, mut problems) = read(BUILT_IN[0].0, BUILT_IN[0].1, nested + 1);
            problems.push(format!("theme {file}: {error}"));
            return (theme, problems);
        }
    };
    let parent = parsed.inherits.as_deref().unwrap_or("default");
    let known = BUILT_IN.iter().find(|(name, _)| *name == parent && *name != file);
    let (mut theme, mut problems) = match known {
        Some((name, text)) if nested < 4 => read(name, text, nested + 1),
        _ => (Theme::default(), Vec::new()),
    };
    if known.is_none() && parsed.inherits.is_some() {
        problems.push(format!("theme {file}: inherits: {parent:?} is not known"));
    }
    for (token, value) in &parsed.colors {
        let style = style(value);
        match (theme.role(token), style) {
            (Some(role), Some(style)) => *role = style,
            (Some(_), None) => problems.push(format!("theme {file}: {token}: {value} is not a colour")),
            // Lists of colours belong to renderings that come later.
            (None, _) if matches!(token.as_str(), "ramp_dark" | "ramp_light" | "series") => {}
            (None, _) => problems.push(format!("theme {file}: {token} is not a token")),
        }
    }
    (theme, problems)
}

fn style(value: &toml::Value) -> Option<Style> {
    if let Some(text) = value.as_str() {
        return Some(Style::new().fg(color(text)?));
    }
    let table = value.as_table()?;
    let mut style = Style::new();
    for (key, value) in table {
        let flag = |modifier| value.as_bool().map(|on| if on { modifier } else { Modifier::empty() });
        match key.as_str() {
            "fg" => style = style.fg(color(value.as_str()?)?),
            "bg" => style = style.bg(color(value.as_str()?)?),
            "bold" => style = style.add_modifier(flag(Modifier::BOLD)?),
            "dim" => style = style.add_modifier(flag(Modifier::DIM)?),
            "underline" => style = style.add_modifier(flag(Modifier::UNDERLINED)?),
            "reverse" => style = style.add_modifier(flag(Modifier::REVERSED)?),
            _ => return None,
        }
    }
    Some(style)
}

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

fn color(text: &str) -> Option<Color> {
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

fn lower(mut style: Style, depth: Depth) -> Style {
    style.fg = style.fg.map(|color| lower_color(color, depth)).filter(|&color| color != Color::Reset);
    style.bg = style.bg.map(|color| lower_color(color, depth)).filter(|&color| color != Color::Reset);
    style
}

fn lower_color(color: Color, depth: Depth) -> Color {
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
            let split = |n: u32| [(n >> 16) as u8, (n >> 8) as u8, n as u8];
            let by = |a: &u32, b: &u32| distance(split(*a), rgb).total_cmp(&distance(split(*b), rgb));
            ANSI.iter().min_by(|a, b| by(&a.2, &b.2)).map_or(Color::Reset, |&(_, color, _)| color)
        }
        Depth::Mono => Color::Reset,
    }
}

/// The xterm palette.
fn palette(index: u8) -> [u8; 3] {
    match index {
        0..=15 => {
            let n = ANSI[index as usize].2;
            [(n >> 16) as u8, (n >> 8) as u8, n as u8]
        }
        16..=231 => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = index - 16;
            [level(n / 36), level(n / 6 % 6), level(n % 6)]
        }
        _ => [8 + 10 * (index - 232); 3],
    }
}

/// Squared distance in OKLab: near there is near for the eye.
fn distance(a: [u8; 3], b: [u8; 3]) -> f64 {
    oklab(a).iter().zip(oklab(b)).map(|(x, y)| (x - y) * (x - y)).sum()
}

fn oklab(rgb: [u8; 3]) -> [f64; 3] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_themes_have_no_mistake() {
        for (name, text) in BUILT_IN {
            let (_, problems) = Theme::parse(name, text, Depth::True);
            assert!(problems.is_empty(), "{problems:?}");
        }
    }

    #[test]
    fn mono_has_no_colour_and_the_default_no_background() {
        for style in Theme::built_in("default", Depth::Mono).0.roles() {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        for style in Theme::built_in("default", Depth::True).0.roles() {
            assert_eq!(style.bg, None);
        }
    }

    #[test]
    fn a_mistake_is_named_and_the_rest_counts() {
        let text = "inherits = \"mono\"\n[colors]\nwarn = \"#12345\"\nwrong = \"default\"\nok = \"#56b4e9\"\n";
        let (theme, problems) = Theme::parse("mine", text, Depth::Indexed);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.iter().any(|p| p.contains("warn")) && problems.iter().any(|p| p.contains("wrong")));
        assert_eq!(theme.ok.fg, Some(Color::Indexed(74)));
        assert!(theme.key.add_modifier.contains(Modifier::BOLD), "inherited");
        let (_, problems) = Theme::parse("broken", "[colors", Depth::Ansi);
        assert_eq!(problems.len(), 1);
        assert_eq!(Theme::built_in("nosuch", Depth::Ansi).1.len(), 1);
    }
}
