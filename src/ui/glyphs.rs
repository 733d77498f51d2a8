//! What the terminal can show: glyph level and colour depth, and the signs that go with them.

use std::time::Duration;

/// Which characters the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// 7 bits.
    Ascii,
    /// Lines, shades and half blocks: the Linux console.
    Box,
    /// Everything of one cell.
    Unicode,
}

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: bold, reverse and underline carry the meaning.
    Mono,
    /// The terminal's own 16.
    Ansi,
    /// The 256 palette.
    Indexed,
    /// 24 bits.
    True,
}

impl Depth {
    /// The word that the configuration and `--color` take.
    pub fn word(self) -> &'static str {
        match self {
            Depth::Mono => "never",
            Depth::Ansi => "16",
            Depth::Indexed => "256",
            Depth::True => "true",
        }
    }
}

/// What the detection reads; filled from the environment, or by a test.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Glyph level: the locale decides, then the terminal.
pub fn detect_level(env: Env<'_>) -> Level {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_ascii_lowercase();
    if !locale.contains("utf-8") && !locale.contains("utf8") {
        Level::Ascii
    } else if env("TERM").as_deref() == Some("linux") {
        Level::Box
    } else {
        Level::Unicode
    }
}

/// Colour depth, first match wins.
pub fn detect_depth(env: Env<'_>) -> Depth {
    let term = env("TERM").unwrap_or_default();
    if env("NO_COLOR").is_some_and(|value| !value.is_empty()) || term.is_empty() || term == "dumb" {
        return Depth::Mono;
    }
    if matches!(env("COLORTERM").as_deref(), Some("truecolor" | "24bit")) || term.ends_with("-direct") {
        return Depth::True;
    }
    if term.contains("256color") { Depth::Indexed } else { Depth::Ansi }
}

/// The signs of a glyph level.
#[derive(Clone, Copy, Debug)]
pub struct Glyphs {
    /// The level.
    pub level: Level,
    /// What is left out.
    pub ellipsis: &'static str,
    /// Selected row, focused pane.
    pub marker: &'static str,
    /// Sorted descending, ascending.
    pub sorted: [&'static str; 2],
    /// Horizontal and vertical line, corners from the top left clockwise.
    pub border: [&'static str; 6],
    /// The same for the pane with the focus.
    pub focus: [&'static str; 6],
    /// Where lines meet: open to the right, to the left, upwards.
    pub joints: [&'static str; 3],
    /// Bars from one eighth to full.
    pub bars: [&'static str; 8],
    /// Heights from low to high.
    pub spark: [&'static str; 8],
    /// End of an old bar.
    pub outline: &'static str,
    /// A difference.
    pub delta: &'static str,
    /// Folded buckets.
    pub fold: &'static str,
    /// Between two bounds.
    pub dash: &'static str,
    /// Bad news.
    pub cross: &'static str,
    /// Loading, a sign for each quarter of a second.
    pub spinner: [&'static str; 4],
    /// List cursor.
    pub cursor: &'static str,
    /// The Enter and Space keys in hints.
    pub enter: &'static str,
    /// See [`Glyphs::enter`].
    pub space: &'static str,
}

/// Spinner speed: at most 4 frames a second.
pub const SPIN: Duration = Duration::from_millis(250);

impl Glyphs {
    /// The signs of `level`.
    pub fn new(level: Level) -> Glyphs {
        match level {
            Level::Unicode => UNICODE,
            Level::Box => BOX,
            Level::Ascii => ASCII,
        }
    }
}

const UNICODE: Glyphs = Glyphs {
    level: Level::Unicode,
    ellipsis: "…",
    marker: "▌",
    sorted: ["↓", "↑"],
    border: ["─", "│", "┌", "┐", "┘", "└"],
    focus: ["━", "┃", "┏", "┓", "┛", "┗"],
    joints: ["├", "┤", "┴"],
    bars: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    outline: "▏",
    delta: "Δ",
    fold: "⋮",
    dash: "–",
    cross: "✗",
    spinner: ["⠋", "⠹", "⠴", "⠧"],
    cursor: "▸",
    enter: "⏎",
    space: "␣",
};

const BOX: Glyphs = Glyphs {
    level: Level::Box,
    ellipsis: "~",
    marker: "▌",
    sorted: ["v", "^"],
    border: ["─", "│", "┌", "┐", "┘", "└"],
    focus: ["═", "║", "╔", "╗", "╝", "╚"],
    joints: ["├", "┤", "┴"],
    bars: ["▌", "▌", "▌", "▌", "█", "█", "█", "█"],
    spark: ["░", "░", "░", "▒", "▒", "▓", "▓", "█"],
    outline: "|",
    delta: "+-",
    fold: ":",
    dash: "-",
    cross: "x",
    spinner: ["|", "/", "-", "\\"],
    cursor: ">",
    enter: "Enter",
    space: "Space",
};

const ASCII: Glyphs = Glyphs {
    level: Level::Ascii,
    ellipsis: "~",
    marker: ">",
    sorted: ["v", "^"],
    border: ["-", "|", "+", "+", "+", "+"],
    focus: ["=", "#", "#", "#", "#", "#"],
    joints: ["+", "+", "+"],
    bars: [":", ":", ":", ":", "#", "#", "#", "#"],
    spark: [".", ":", "-", "=", "+", "*", "#", "@"],
    outline: "|",
    delta: "+-",
    fold: ":",
    dash: "-",
    cross: "x",
    spinner: ["|", "/", "-", "\\"],
    cursor: ">",
    enter: "Enter",
    space: "Space",
};

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    }

    #[test]
    fn the_locale_decides_before_the_terminal() {
        assert_eq!(detect_level(&with(&[("LANG", "C.UTF-8"), ("TERM", "xterm")])), Level::Unicode);
        assert_eq!(detect_level(&with(&[("LANG", "C.UTF-8"), ("TERM", "linux")])), Level::Box);
        assert_eq!(detect_level(&with(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")])), Level::Ascii);
        assert_eq!(detect_level(&with(&[("LC_ALL", ""), ("LANG", "de_DE.utf8")])), Level::Unicode);
        assert_eq!(detect_level(&with(&[])), Level::Ascii);
    }

    #[test]
    fn colour_depth_by_the_documented_order() {
        let cases: &[(&'static [(&str, &str)], Depth)] = &[
            (&[("NO_COLOR", "1"), ("COLORTERM", "truecolor"), ("TERM", "xterm")], Depth::Mono),
            (&[("NO_COLOR", ""), ("COLORTERM", "truecolor"), ("TERM", "xterm")], Depth::True),
            (&[("TERM", "dumb"), ("COLORTERM", "24bit")], Depth::Mono),
            (&[], Depth::Mono),
            (&[("TERM", "xterm-direct")], Depth::True),
            (&[("TERM", "screen-256color")], Depth::Indexed),
            (&[("TERM", "linux")], Depth::Ansi),
            (&[("TERM", "foot")], Depth::Ansi),
        ];
        for (vars, depth) in cases {
            assert_eq!(detect_depth(&with(vars)), *depth, "{vars:?}");
        }
    }
}
