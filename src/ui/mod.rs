//! The explorer: views on a terminal. It knows no BPF and no view by name; everything it shows
//! comes from declarations, frames and their schema.
//!
//! [`app`] is the state and what happens to it, [`draw`] turns it into cells, [`tty`] cells into
//! bytes, [`shell`] is the loop around them that owns the terminal.

pub mod action;
pub mod app;
pub mod bindings;
mod capture;
mod chooser;
mod columns;
mod commands;
mod copy;
mod cost;
mod counters;
mod detail;
pub mod draw;
pub mod export;
mod filter;
pub mod glyphs;
mod heat;
mod help;
mod history;
pub mod keymap;
mod layout;
mod line;
mod log;
pub mod logger;
pub mod message;
mod moments;
mod mouse;
mod overlay;
mod pace;
mod page;
mod palette;
mod panes;
mod picker;
mod recording;
mod replay;
mod rows;
pub mod save;
pub mod screen;
mod settings;
mod shape;
mod shell;
mod shown;
mod surroundings;
mod tabs;
mod terminal;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod theme;
mod themes;
mod travel;
pub mod tty;
mod view;
mod words;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::export::Format;
use crate::frame::{Frame, Hook, Mode};
use crate::record::Recorder;
use crate::views::Registry;

pub use crate::enrich::process::ProcessFacts;

pub use replay::Replay;
pub use shell::run;

/// How the explorer looks and behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Glyph level; `None`: from the environment.
    pub level: Option<glyphs::Level>,
    /// Colour depth; `None`: from the environment.
    pub depth: Option<glyphs::Depth>,
    /// Name of the theme.
    pub theme: String,
    /// Text of the theme, if it is not a built-in one.
    pub theme_text: Option<String>,
    /// Themes found beside the configuration.
    pub user_themes: Vec<theme::UserTheme>,
    /// Whether the terminal's own ground is light.
    pub light: bool,
    /// For slow lines: long intervals, no spinner, no mouse, no trends.
    pub slow: bool,
    /// Whether the mouse is asked for.
    pub mouse: bool,
    /// Short name of the host.
    pub host: String,
    /// Release of the kernel that the frames come from.
    pub kernel: String,
    /// Refresh interval where a view does not bring one.
    pub interval: Duration,
    /// Quit after that many frames of each view asked for.
    pub count: Option<u64>,
    /// Whether the terminal may be asked to put text on the clipboard.
    pub clipboard: bool,
    /// Raw numbers instead of human units.
    pub raw: bool,
    /// Pictures over time move along instead of being overwritten.
    pub scroll: bool,
    /// How long views stay loaded after they left the screen; `None`: as long as the program runs.
    pub keep_warm: Option<Duration>,
    /// Most frames held of each view.
    pub history_frames: usize,
    /// Most bytes held of all views together.
    pub history_bytes: usize,
    /// Standing still stops the collection too.
    pub pause_collection: bool,
    /// How much of the time our programs' cost is measured, for the settings screen.
    pub overhead: String,
    /// What our programs may cost together, percent of one CPU.
    pub max_overhead: Option<f64>,
    /// Whether anything is left for later runs, for the settings screen.
    pub save_state: bool,
    /// How views and dashboards look.
    pub layout: save::Layout,
    /// What earlier runs left behind.
    pub memory: save::Memory,
    /// The keys in effect.
    pub keys: keymap::Keymap,
    /// Where settings come from that are not at their default: `flag`, `env`, a file and line.
    pub sources: Vec<(String, String)>,
    /// Files that were read, or would be, and what for.
    pub paths: Vec<(String, String)>,
    /// The frames are those of a recording.
    pub replay: Option<Replay>,
    /// The views that are in what is replayed.
    pub recorded: Vec<String>,
    /// Display filter of the views that it is opened on.
    pub filter: String,
    /// How their numbers add up.
    pub mode: Mode,
}

impl Default for Options {
    fn default() -> Options {
        let here = rustix::system::uname();
        let host = here.nodename().to_string_lossy().into_owned();
        Options {
            level: None,
            depth: None,
            theme: "default".to_owned(),
            theme_text: None,
            user_themes: Vec::new(),
            light: false,
            slow: false,
            mouse: true,
            host: host.split('.').next().unwrap_or_default().to_owned(),
            kernel: here.release().to_string_lossy().into_owned(),
            interval: Duration::from_secs(1),
            count: None,
            clipboard: true,
            raw: false,
            scroll: false,
            keep_warm: Some(Duration::from_secs(30)),
            history_frames: history::MAX_FRAMES,
            history_bytes: history::MAX_BYTES,
            pause_collection: false,
            overhead: "sampled".to_owned(),
            max_overhead: None,
            save_state: false,
            layout: save::Layout::default(),
            memory: save::Memory::default(),
            keys: keymap::Keymap::default(),
            sources: Vec::new(),
            paths: Vec::new(),
            replay: None,
            recorded: Vec::new(),
            filter: String::new(),
            mode: Mode::Interval,
        }
    }
}

/// A document from frames.
pub type Document = Arc<dyn Fn(Format, &[Arc<Frame>]) -> Vec<u8> + Send + Sync>;

/// Facts of a process; may read files.
pub type Facts = Arc<dyn Fn(u32) -> Option<ProcessFacts> + Send + Sync>;

/// What the programs of a view may be attached to, by its name.
pub type Hooks = Arc<dyn Fn(&str) -> Vec<Hook> + Send + Sync>;

/// Views that cannot run here with a short reason each; may ask the kernel.
pub type Availability = Arc<dyn Fn() -> Vec<(String, String)> + Send + Sync>;

/// Makes what the user keeps last; may write a file. The result is told.
pub type Keep = Arc<dyn Fn(&save::Kept) -> Result<String, String> + Send + Sync>;

/// Takes what later runs may know, when this one ends.
pub type Remember = Arc<dyn Fn(&save::Memory) + Send + Sync>;

/// Starts a recording under this name.
pub type Record = Arc<dyn Fn(&Path) -> Result<Recorder, String> + Send + Sync>;

/// What the rooms below provide. All of them are called off the UI thread.
#[derive(Clone)]
pub struct Callbacks {
    /// The document of some frames, for the export.
    pub document: Document,
    /// What is known of a process, for the detail page.
    pub facts: Facts,
    /// What the programs of a view may be attached to, for the picker and the explanation.
    pub hooks: Hooks,
    /// What cannot run, for the picker.
    pub availability: Availability,
    /// Where `W` goes.
    pub keep: Keep,
    /// What is left behind.
    pub remember: Remember,
    /// A recording of what is collected, for `x`.
    pub record: Record,
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callbacks")
    }
}

/// How the explorer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The user, or the number of frames asked for.
    Done,
    /// The same, but what was to be recorded was not.
    NotRecorded(String),
}

/// The views that there are to choose from.
#[cfg(not(test))]
fn registry() -> &'static Registry {
    Registry::get()
}

/// In tests always the same few, so that one more view changes no picture.
#[cfg(test)]
fn registry() -> &'static Registry {
    static FEW: std::sync::LazyLock<Registry> = std::sync::LazyLock::new(|| Registry::of(&testing::VIEWS));
    &FEW
}
