//! From arguments and environment to plain values.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args;
use super::reader::Reader;
use super::settings::did_you_mean;
use super::usage::Usage;
use crate::batch::Shape;
use crate::config::{Found, Overhead};
use crate::export::Format;
use crate::feed::{Force, Request};
use crate::frame::SettingValue;
use crate::views::{Registry, View, ViewDecl, nearest};

/// What surrounds the arguments.
pub struct Surroundings<'a> {
    /// Looks up an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Whether standard output is a terminal.
    pub terminal: bool,
    /// Finds the configuration; the argument is `--config`.
    pub config: &'a dyn Fn(Option<&Path>) -> Result<Found, String>,
}

/// How frames are shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// The explorer.
    Screen,
    /// Batch mode.
    Batch {
        /// What is written.
        format: Format,
        /// Where to, if not to standard output.
        file: Option<PathBuf>,
    },
    /// A recording and nothing else.
    Recording {
        /// Where to.
        file: PathBuf,
    },
}

/// Look of the explorer.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Name of the theme.
    pub theme: String,
    /// `ascii`, `box` or `unicode`; `None`: as the environment says.
    pub glyphs: Option<String>,
    /// `never`, `16`, `256`, `true` or `auto`.
    pub color: String,
    /// The profile for slow terminals.
    pub slow: bool,
    /// Whether the mouse is used.
    pub mouse: bool,
    /// How much of the time the cost of our programs is measured.
    pub overhead: Overhead,
    /// What our programs may cost together, percent of one CPU.
    pub max_overhead: Option<f64>,
}

/// Where the log goes and how much of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogOptions {
    /// Appended to, instead of standard error.
    pub file: Option<PathBuf>,
    /// `-v`, counted.
    pub verbose: u8,
    /// Errors only.
    pub quiet: bool,
    /// `BCC_TOP_LOG`.
    pub env: Option<String>,
}

/// A view and the settings it is to run with.
pub struct Chosen {
    /// The view.
    pub view: &'static View,
    /// Its settings that were given.
    pub settings: Vec<(String, SettingValue)>,
}

/// Everything the command line of a run says.
pub struct Options {
    /// The views, in the order given.
    pub views: Vec<Chosen>,
    /// Whether the user named them; else it is the overview.
    pub named: bool,
    /// Refresh interval.
    pub interval: Duration,
    /// Frames per view.
    pub count: Option<u64>,
    /// Time until the run ends.
    pub duration: Option<Duration>,
    /// How frames are shown.
    pub output: Output,
    /// Filter, order, rows, columns and mode.
    pub shape: Shape,
    /// `--hook`.
    pub force: Vec<Force>,
    /// Any view that cannot run is an error.
    pub strict: bool,
    /// What is written is without names.
    pub redact: bool,
    /// Look of the explorer.
    pub look: Look,
    /// Logging.
    pub log: LogOptions,
    /// Records beside what is shown or written.
    pub record: Option<PathBuf>,
    /// Kernel type information.
    pub btf: Option<PathBuf>,
    /// The command to watch.
    pub command: Vec<OsString>,
    /// The configuration.
    pub config: Found,
    /// Where settings come from that are not at their default.
    pub sources: Vec<(String, String)>,
    /// What is wrong in the environment and in the configuration; the defaults are used.
    pub warnings: Vec<String>,
}

impl Options {
    /// Reads the arguments behind the name of the program.
    ///
    /// # Errors
    /// Help and version, which are printed, and wrong usage in one line.
    pub fn parse(arguments: &[OsString], around: &Surroundings<'_>) -> Result<Options, Usage> {
        Options::parse_as(arguments, around, false)
    }

    /// As [`Options::parse`], for the command `record`.
    ///
    /// # Errors
    /// As there.
    pub fn parse_record(arguments: &[OsString], around: &Surroundings<'_>) -> Result<Options, Usage> {
        Options::parse_as(arguments, around, true)
    }

    fn parse_as(arguments: &[OsString], around: &Surroundings<'_>, recording: bool) -> Result<Options, Usage> {
        let registry = Registry::get();
        let texts: Vec<String> = arguments.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        let all: Vec<&ViewDecl> = registry.views().iter().map(|view| &view.decl).collect();
        let asked = args::first_positional(&texts, &args::command(&all));
        let views = match asked {
            Some(names) => find_views(registry, names)?,
            None => registry.overview(),
        };
        let decls: Vec<&ViewDecl> = views.iter().map(|view| &view.decl).collect();
        let for_views = if asked.is_some() { &decls } else { &all };
        let mut command = if recording { args::record(for_views) } else { args::command(for_views) };
        if let (Some(_), [only], false) = (asked, &decls[..], recording) {
            command = super::about::with_help(command, only);
        }
        let name = OsString::from(args::NAME);
        let matches = command.try_get_matches_from([name].iter().chain(arguments)).map_err(Usage::from)?;
        Reader { matches: &matches, decls: &decls, around, recording }.read(&views, asked.is_some())
    }

    /// What each view is asked for.
    pub fn requests(&self) -> Vec<Request> {
        let request = |chosen: &Chosen| Request {
            view: chosen.view.decl.name.clone(),
            interval: self.interval,
            first: None,
            settings: chosen.settings.clone(),
            force: self.force.clone(),
        };
        self.views.iter().map(request).collect()
    }
}

/// The views of a list with commas, each once.
fn find_views(registry: &'static Registry, names: &str) -> Result<Vec<&'static View>, Usage> {
    let mut views: Vec<&View> = Vec::new();
    for name in names.split(',') {
        let Some(view) = registry.find(name) else { return Err(unknown_view(registry, name)) };
        if !views.iter().any(|known| known.decl.name == view.decl.name) {
            views.push(view);
        }
    }
    Ok(views)
}

/// Says that there is no such view, and what there is.
pub fn unknown_view(registry: &Registry, name: &str) -> Usage {
    if args::LATER.contains(&name) {
        return Usage::wrong(format!("{name} is not part of this version"));
    }
    let aliases = registry.views().iter().flat_map(|view| view.decl.aliases.iter().map(String::as_str));
    let names = registry.views().iter().map(|view| view.decl.name.as_str());
    let near = nearest(name, names.chain(args::SUBCOMMANDS).chain(aliases));
    Usage::wrong(format!("there is no view `{name}`{}; bcc-top list shows all", did_you_mean(&near)))
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
