//! Themes: styles by role, read from TOML, brought down to what the terminal shows.

pub mod color;
mod file;
pub mod ramp;
#[cfg(test)]
mod tests;

use ratatui::style::{Color, Style};

use super::glyphs::Depth;
use color::{lower, lower_color, rgb};

/// The themes that are part of the program, the default first.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("default", include_str!("../../../themes/default.toml")),
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
];

/// A theme of the user: its name, and where and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserTheme {
    /// What it is called: the name of its file without `.toml`.
    pub name: String,
    /// Its file, for messages.
    pub file: String,
    /// What is in it.
    pub text: String,
}

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident),* $(,)?) => {
        /// One style for each role.
        #[derive(Clone, Debug, Default)]
        pub struct Theme {
            $($(#[$doc])* pub $role: Style,)*
            /// Colours from few to many on a dark ground; empty: those of the terminal's depth.
            pub ramp_dark: Vec<Color>,
            /// The same on a light ground.
            pub ramp_light: Vec<Color>,
            /// Colours that tell series apart.
            pub series: Vec<Color>,
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

impl Theme {
    /// The theme called `name`, one of the user's before a built-in one; the default if there is no such theme.
    pub fn named(name: &str, user: &[UserTheme], depth: Depth) -> (Theme, Vec<String>) {
        let (mut theme, problems) = if depth == Depth::Mono {
            // Without colours there is one theme.
            file::find("mono", &[])
        } else {
            file::find(name, user)
        };
        theme.lower(depth);
        (theme, problems)
    }

    /// The built-in theme called `name` at `depth`; the default one if there is no such theme.
    pub fn built_in(name: &str, depth: Depth) -> (Theme, Vec<String>) {
        Theme::named(name, &[], depth)
    }

    /// A theme from the text of `file`. One with a mistake loads anyway: the problems name file, line and token.
    pub fn parse(file: &str, text: &str, user: &[UserTheme], depth: Depth) -> (Theme, Vec<String>) {
        let (mut theme, problems) = file::read(file, text, user, 0);
        theme.lower(depth);
        (theme, problems)
    }

    fn lower(&mut self, depth: Depth) {
        for style in self.roles() {
            *style = lower(*style, depth);
        }
        for list in [&mut self.ramp_dark, &mut self.ramp_light, &mut self.series] {
            // Sixteen colours have ramps of their own, made of colours and shades.
            if depth == Depth::Ansi && list.len() == ramp::STEPS {
                list.clear();
            }
            list.iter_mut().for_each(|color| *color = lower_color(*color, depth));
        }
    }

    /// Whether the ground of this theme is light; `None`: it leaves the terminal's own.
    pub fn is_light(&self) -> Option<bool> {
        let [r, g, b] = rgb(self.bg.bg?)?;
        Some(color::oklab([r, g, b])[0] > 0.6)
    }

    /// What every cell has before anything is drawn.
    pub fn ground(&self) -> Style {
        if self.bg.bg.is_some() { self.bg.patch(self.fg) } else { Style::new() }
    }
}
