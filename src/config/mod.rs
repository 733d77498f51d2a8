//! The configuration file: what can be set, where it is looked for, how it is read and written; and the state
//! that is kept between runs.
//!
//! Nothing in it can run anything: a file of somebody else's can only change looks and limits.

mod check;
mod default;
mod parse;
mod place;
mod save;
mod schema;
pub mod state;
mod user;
mod view;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use default::TEXT as DEFAULT;
pub use parse::{Problem, read};
pub use place::{Found, Source, Surroundings, Trust, find, here, surroundings};
pub use save::{Owner, Target, make_folder, save};
pub use schema::generated as schema;
pub use user::{themes, unknown_theme};
pub use view::{SetValue, ViewConfig};

pub use crate::probes::stats::Overhead;

/// What can be set. Everything has a default, and a file may leave out everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "bcc-top configuration")]
pub struct Config {
    /// Refresh interval in seconds, 0.1 to 3600.
    #[schemars(range(min = 0.1, max = 3600.0))]
    pub interval: f64,
    /// Colours: default, dark, light, high-contrast, mono, or the name of a file in themes/ beside this one.
    pub theme: String,
    /// How many colours: auto asks the environment.
    pub color: Color,
    /// What to draw with: auto asks the environment.
    pub glyphs: Glyphs,
    /// Whether the mouse is used.
    pub mouse: bool,
    /// The profile for slow lines: interval of 5 s or more, ASCII, no mouse. Serial lines have it anyway.
    pub slow: bool,
    /// Raw numbers instead of human units.
    pub raw: bool,
    /// Heat maps move along instead of being overwritten; costs many times the bytes.
    pub scroll: bool,
    /// Bars and trends on a log scale.
    pub log_scale: bool,
    /// Seconds for which a view stays loaded after it left the screen, or "always".
    pub keep_warm: KeepWarm,
    /// How much of the time the cost of our BPF programs is measured.
    pub overhead: Overhead,
    /// Percent of one CPU that our BPF programs may take together, or "off". Beyond it one event in N is counted, or views are suspended.
    pub max_overhead: MaxOverhead,
    /// Most frames held of each view.
    #[schemars(range(min = 2, max = 100_000))]
    pub history_frames: u32,
    /// Most MiB held of all views together.
    #[schemars(range(min = 1, max = 4096))]
    pub history_mib: u32,
    /// Pausing stops the collection too.
    pub pause_collection: bool,
    /// Keep what was typed and opened for the next run, in bcc-top/ of $XDG_STATE_HOME or ~/.local/state.
    pub save_state: bool,
    /// Views that the picker offers first.
    pub favourites: Vec<String>,
    /// Dashboards: 2 to 9 views each. The one called default is that of a start without views.
    pub dashboards: BTreeMap<String, Vec<String>>,
    /// How views look, by name.
    pub views: BTreeMap<String, ViewConfig>,
    /// Keys, by action: bcc-top keys shows both.
    pub keys: BTreeMap<String, Vec<String>>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            interval: 1.0,
            theme: "default".to_owned(),
            color: Color::Auto,
            glyphs: Glyphs::Auto,
            mouse: true,
            slow: false,
            raw: false,
            scroll: false,
            log_scale: false,
            keep_warm: KeepWarm::Seconds(30),
            overhead: Overhead::Sampled,
            max_overhead: MaxOverhead::Word(Off::Off),
            history_frames: 600,
            history_mib: 32,
            pause_collection: false,
            save_state: false,
            favourites: Vec::new(),
            dashboards: BTreeMap::new(),
            views: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }
}

/// How many colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // the words say it
pub enum Color {
    Auto,
    Never,
    #[serde(rename = "16")]
    Ansi,
    #[serde(rename = "256")]
    Indexed,
    True,
}

impl Color {
    /// The word that `--color` takes.
    pub fn word(self) -> &'static str {
        match self {
            Color::Auto => "auto",
            Color::Never => "never",
            Color::Ansi => "16",
            Color::Indexed => "256",
            Color::True => "true",
        }
    }
}

/// What to draw with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // the words say it
pub enum Glyphs {
    Auto,
    Ascii,
    Box,
    Unicode,
}

impl Glyphs {
    /// The word that `--glyphs` takes; none for what the environment says.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Glyphs::Auto => None,
            Glyphs::Ascii => Some("ascii"),
            Glyphs::Box => Some("box"),
            Glyphs::Unicode => Some("unicode"),
        }
    }
}

/// How long a view stays loaded after it left the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum KeepWarm {
    /// So many seconds.
    Seconds(#[schemars(range(max = 86400))] u32),
    /// As long as the program runs.
    Word(Always),
}

/// What a limit may be, percent of one CPU.
pub const MAX_OVERHEAD: std::ops::RangeInclusive<f64> = 0.01..=10_000.0;

/// The most that our programs may cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MaxOverhead {
    /// So many percent of one CPU.
    Percent(#[schemars(range(min = 0.01, max = 10_000.0))] f64),
    /// Whatever it is.
    Word(Off),
}

impl MaxOverhead {
    /// Percent of one CPU, if there is a limit.
    pub fn percent(self) -> Option<f64> {
        match self {
            MaxOverhead::Percent(percent) => Some(percent),
            MaxOverhead::Word(_) => None,
        }
    }
}

/// The word for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Off {
    /// No limit.
    Off,
}

/// The word for no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Always {
    /// No end.
    Always,
}
