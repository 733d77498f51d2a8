//! From arguments and environment to plain values.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;

use super::args;
use super::settings::{self, did_you_mean};
use super::usage::Usage;
use crate::batch::Shape;
use crate::export::Format;
use crate::feed::{Force, Request};
use crate::frame::{Mode, SettingValue};
use crate::views::{Registry, View, ViewDecl, nearest};

/// Rows of a text table unless the user says how many.
const TEXT_ROWS: usize = 20;

/// The interval of a run that gives one frame when its command ends.
const WHOLE_RUN: Duration = Duration::from_secs(30 * 24 * 3600);

/// What surrounds the arguments.
pub struct Surroundings<'a> {
    /// Looks up an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Whether standard output is a terminal.
    pub terminal: bool,
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
}

/// Look of the explorer, as far as the command line says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Name of the theme.
    pub theme: Option<String>,
    /// `ascii`, `box` or `unicode`.
    pub glyphs: Option<String>,
    /// `never`, `16`, `256`, `true` or `auto`.
    pub color: Option<String>,
    /// The profile for slow terminals.
    pub slow: bool,
    /// Whether the mouse is used.
    pub mouse: bool,
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
    /// Look of the explorer.
    pub look: Look,
    /// Logging.
    pub log: LogOptions,
    /// Kernel type information.
    pub btf: Option<PathBuf>,
    /// The command to watch.
    pub command: Vec<OsString>,
    /// What is wrong in the environment; the defaults are used.
    pub warnings: Vec<String>,
}

impl Options {
    /// Reads the arguments behind the name of the program.
    ///
    /// # Errors
    /// Help and version, which are printed, and wrong usage in one line.
    pub fn parse(arguments: &[OsString], around: &Surroundings<'_>) -> Result<Options, Usage> {
        let registry = Registry::get();
        let texts: Vec<String> = arguments.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        let all: Vec<&ViewDecl> = registry.views().iter().map(|view| &view.decl).collect();
        let asked = args::first_positional(&texts, &args::command(&all));
        let views = match asked {
            Some(names) => find_views(registry, names)?,
            None => registry.overview(),
        };
        let decls: Vec<&ViewDecl> = views.iter().map(|view| &view.decl).collect();
        let mut command = args::command(if asked.is_some() { &decls } else { &all });
        if let (Some(_), [only]) = (asked, &decls[..]) {
            command = super::about::with_help(command, only);
        }
        let name = OsString::from(args::NAME);
        let matches = command.try_get_matches_from([name].iter().chain(arguments)).map_err(Usage::from)?;
        Reader { matches: &matches, decls: &decls, around }.read(&views, asked.is_some())
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

struct Reader<'a> {
    matches: &'a ArgMatches,
    decls: &'a [&'a ViewDecl],
    around: &'a Surroundings<'a>,
}

impl Reader<'_> {
    fn text(&self, id: &str) -> Option<&str> {
        self.matches.get_one::<String>(id).map(String::as_str)
    }

    fn path(&self, id: &str) -> Option<PathBuf> {
        self.matches.get_one::<PathBuf>(id).cloned()
    }

    fn flag(&self, id: &str) -> bool {
        self.matches.get_flag(id)
    }

    fn read(&self, views: &[&'static View], named: bool) -> Result<Options, Usage> {
        let mut warnings = Vec::new();
        let command: Vec<OsString> = self.matches.get_many("command").into_iter().flatten().cloned().collect();
        let output = self.output(!command.is_empty());
        if matches!(output, Output::Batch { format: Format::Csv, .. }) && views.len() != 1 {
            return Err(Usage::wrong("--csv takes one view: name it, or use --ndjson for several".to_owned()));
        }
        let json = matches!(output, Output::Batch { format: Format::Json, .. });
        let asked_interval = self.interval()?;
        let duration = self.duration()?;
        let asked_count = self.number("count", "count-arg", 1)?;
        let endless = asked_count.is_some() || duration.is_some();
        // With a command one document of one frame covers the whole run, unless asked otherwise.
        let whole = json && !command.is_empty() && asked_interval.is_none() && !endless;
        let interval = match asked_interval {
            _ if whole => WHOLE_RUN,
            Some(interval) => interval,
            None => self.default_interval(&mut warnings),
        };
        let count = match asked_count {
            None if json && command.is_empty() && !endless => Some(1),
            count => count,
        };
        let (count, duration) = whole_intervals(interval, count, duration);
        Ok(Options {
            views: self.chosen(views)?,
            named,
            interval,
            count,
            duration,
            shape: self.shape(&output)?,
            output,
            force: self.force()?,
            strict: self.flag("strict"),
            look: self.look(),
            log: LogOptions {
                file: self.path("log-file"),
                verbose: self.matches.get_count("verbose"),
                quiet: self.flag("quiet"),
                env: (self.around.env)("BCC_TOP_LOG"),
            },
            btf: self.path("btf"),
            command,
            warnings,
        })
    }

    /// The explorer needs a terminal and none of the flags that ask for something else.
    fn output(&self, command: bool) -> Output {
        let format = match () {
            () if self.flag("json") => Some(Format::Json),
            () if self.flag("ndjson") => Some(Format::Ndjson),
            () if self.flag("csv") => Some(Format::Csv),
            () if self.flag("batch") => Some(Format::Text),
            () => None,
        };
        let file = self.path("output");
        match format {
            None if self.around.terminal && file.is_none() && !command => Output::Screen,
            format => Output::Batch { format: format.unwrap_or(Format::Text), file },
        }
    }

    fn interval(&self) -> Result<Option<Duration>, Usage> {
        let asked = self.text("interval").or(self.text("interval-arg"));
        asked.map(|text| seconds(text).map_err(|e| Usage::wrong(format!("--interval: {e}")))).transpose()
    }

    fn default_interval(&self, warnings: &mut Vec<String>) -> Duration {
        let default = Duration::from_secs(1);
        match (self.around.env)("BCC_TOP_INTERVAL").filter(|text| !text.is_empty()) {
            Some(text) => seconds(&text).unwrap_or_else(|error| {
                warnings.push(format!("BCC_TOP_INTERVAL: {error}; using 1 s"));
                default
            }),
            None => default,
        }
    }

    fn duration(&self) -> Result<Option<Duration>, Usage> {
        let Some(text) = self.text("duration") else { return Ok(None) };
        match humantime::parse_duration(text) {
            Ok(duration) if !duration.is_zero() => Ok(Some(duration)),
            _ => Err(Usage::wrong(format!("--duration: `{text}` is not a time such as 90s or 10m"))),
        }
    }

    fn number(&self, flag: &str, positional: &str, least: u64) -> Result<Option<u64>, Usage> {
        let asked =
            self.text(flag).or_else(|| self.matches.try_get_one::<String>(positional).ok()?.map(String::as_str));
        let Some(text) = asked else { return Ok(None) };
        match text.parse::<u64>() {
            Ok(number) if number >= least => Ok(Some(number)),
            _ => Err(Usage::wrong(format!("--{flag}: `{text}` is not a whole number from {least} on"))),
        }
    }

    fn shape(&self, output: &Output) -> Result<Shape, Usage> {
        let text = matches!(output, Output::Batch { format: Format::Text, .. });
        let rows = self.number("rows", "rows", 0)?.map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
        let columns = self.text("columns").into_iter().flat_map(|list| list.split(','));
        let mode = match (self.flag("since-start"), self.flag("per-second")) {
            (true, _) => Mode::SinceStart,
            (_, true) => Mode::PerSecond,
            _ => Mode::Interval,
        };
        Ok(Shape {
            filter: self.text("filter").map(str::to_owned),
            sort: self.text("sort").map(str::to_owned),
            reverse: self.flag("reverse"),
            rows: rows.unwrap_or(if text { TEXT_ROWS } else { 0 }),
            columns: columns.map(|name| name.trim().to_owned()).collect(),
            mode,
        })
    }

    fn chosen(&self, views: &[&'static View]) -> Result<Vec<Chosen>, Usage> {
        let sets: Vec<&String> = self.matches.get_many("set").into_iter().flatten().collect();
        for set in &sets {
            let name = set
                .split_once('=')
                .map(|(name, _)| name)
                .ok_or_else(|| Usage::wrong(format!("--set: `{set}` is not NAME=VALUE")))?;
            if !settings::names(self.decls).any(|known| known == name) {
                let near = nearest(name, settings::names(self.decls));
                return Err(Usage::wrong(format!("--set: there is no setting `{name}`{}", did_you_mean(&near))));
            }
        }
        views.iter().map(|view| Ok(Chosen { view, settings: self.settings(&view.decl, &sets)? })).collect()
    }

    /// Settings of one view: capture filters, its own flags, then `--set`, the later ones winning.
    fn settings(&self, decl: &ViewDecl, sets: &[&String]) -> Result<Vec<(String, SettingValue)>, Usage> {
        let mut given: Vec<(String, SettingValue)> = Vec::new();
        let mut give = |name: &str, value: SettingValue| {
            given.retain(|(known, _)| known != name);
            given.push((name.to_owned(), value));
        };
        for name in ["pid", "comm", "cgroup"] {
            if let Some(value) = self.text(name).and_then(|text| settings::capture(name, text)) {
                give(name, value.map_err(|e| Usage::wrong(format!("--{name}: {e}")))?);
            }
        }
        for (name, setting) in &decl.set {
            let flag = args::long_flag(name);
            if let settings::Kind::Switch = settings::kind(setting) {
                // Another view may have a setting of this name that takes a value.
                if self.matches.try_get_one::<bool>(name).ok().flatten() == Some(&true) {
                    give(name, SettingValue::Bool(true));
                }
            } else if let Ok(Some(text)) = self.matches.try_get_one::<String>(name) {
                give(name, settings::value(setting, text).map_err(|e| Usage::wrong(format!("--{flag}: {e}")))?);
            }
        }
        for (name, text) in sets.iter().filter_map(|set| set.split_once('=')) {
            let own = decl.set.get(name).map(|setting| settings::value(setting, text));
            if let Some(value) = own.or_else(|| settings::capture(name, text)) {
                give(name, value.map_err(|e| Usage::wrong(format!("--set {name}: {e}")))?);
            }
        }
        Ok(given)
    }

    fn force(&self) -> Result<Vec<Force>, Usage> {
        let asked = self.matches.get_many::<String>("hook").into_iter().flatten();
        asked.map(|text| self.one_force(text).map_err(|e| Usage::wrong(format!("--hook: {e}")))).collect()
    }

    fn one_force(&self, text: &str) -> Result<Force, String> {
        let Some((hook, number)) = text.split_once('=') else {
            if args::HOOK_KINDS.contains(&text) {
                return Ok(Force::Kind(text.to_owned()));
            }
            let near = nearest(text, args::HOOK_KINDS.into_iter());
            let kinds = args::HOOK_KINDS.join(", ");
            return Err(format!("`{text}` is neither HOOK=N nor one of {kinds}{}", did_you_mean(&near)));
        };
        let hooks = || self.decls.iter().flat_map(|decl| decl.hooks.keys().map(String::as_str));
        if !hooks().any(|known| known == hook) {
            let near = nearest(hook, hooks());
            return Err(format!("there is no hook `{hook}`{}", did_you_mean(&near)));
        }
        let number = number.parse().map_err(|_| format!("`{number}` is not the number of an alternative"))?;
        Ok(Force::Alternative { hook: hook.to_owned(), number })
    }

    fn look(&self) -> Look {
        let slow_env = (self.around.env)("BCC_TOP_SLOW").is_some_and(|value| !value.is_empty() && value != "0");
        let glyphs = if self.flag("ascii") { Some("ascii") } else { self.text("glyphs") };
        let color = match self.text("color") {
            None if (self.around.env)("NO_COLOR").is_some_and(|value| !value.is_empty()) => Some("never"),
            color => color,
        };
        Look {
            theme: self.text("theme").map(str::to_owned),
            glyphs: glyphs.map(str::to_owned),
            color: color.map(str::to_owned),
            slow: self.flag("slow") || slow_env,
            mouse: !self.flag("no-mouse"),
        }
    }
}

/// Reads an interval in seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        Ok(_) => Err(format!("`{text}` is not between 0.1 and 3600 seconds")),
        Err(_) => Err(format!("`{text}` is not a number of seconds")),
    }
}

/// A time that is a number of whole intervals is a count: so the last frame is a whole one, and no
/// sliver of an interval follows it.
fn whole_intervals(
    interval: Duration,
    count: Option<u64>,
    duration: Option<Duration>,
) -> (Option<u64>, Option<Duration>) {
    let Some(time) = duration else { return (count, None) };
    let (time_ns, interval_ns) = (time.as_nanos(), interval.as_nanos());
    if interval_ns == 0 || !time_ns.is_multiple_of(interval_ns) {
        return (count, duration);
    }
    let whole = u64::try_from(time_ns / interval_ns).unwrap_or(u64::MAX);
    // Late intervals must not make the run longer by more than one of them.
    (Some(count.map_or(whole, |count| count.min(whole))), time.checked_add(interval))
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
