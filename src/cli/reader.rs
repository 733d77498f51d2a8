//! Values of flags, checked, with what to say where they are wrong.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::args;
use super::look;
use super::options::{Chosen, LogOptions, Options, Output, Surroundings};
use super::settings::{self, did_you_mean};
use super::usage::Usage;
use crate::batch::Shape;
use crate::config::MAX_OVERHEAD;
use crate::export::Format;
use crate::feed::Force;
use crate::frame::{Mode, SettingValue};
use crate::views::{View, ViewDecl, nearest};

/// Rows of a text table unless the user says how many.
pub(super) const TEXT_ROWS: usize = 20;

/// The interval of a run that gives one frame when its command ends.
pub(super) const WHOLE_RUN: Duration = Duration::from_secs(30 * 24 * 3600);

/// Reads one parsed command line.
pub(super) struct Reader<'a> {
    pub matches: &'a ArgMatches,
    pub decls: &'a [&'a ViewDecl],
    pub around: &'a Surroundings<'a>,
    /// For the command `record`.
    pub recording: bool,
}

impl Reader<'_> {
    pub fn text(&self, id: &str) -> Option<&str> {
        self.matches.get_one::<String>(id).map(String::as_str)
    }

    pub fn path(&self, id: &str) -> Option<PathBuf> {
        self.matches.get_one::<PathBuf>(id).cloned()
    }

    pub fn flag(&self, id: &str) -> bool {
        self.matches.get_flag(id)
    }

    pub fn read(&self, views: &[&'static View], named: bool) -> Result<Options, Usage> {
        let found = (self.around.config)(self.path("config").as_deref()).map_err(Usage::wrong)?;
        let mut from = look::Chosen::new(self, &found);
        let command: Vec<OsString> = self.matches.get_many("command").into_iter().flatten().cloned().collect();
        let output = if self.recording { self.recorded()? } else { self.output(!command.is_empty()) };
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
            asked => from.interval(asked),
        };
        let count = match asked_count {
            None if json && command.is_empty() && !endless => Some(1),
            count => count,
        };
        let (count, duration) = whole_intervals(interval, count, duration);
        let look = from.look(self.max_overhead()?);
        let (sources, warnings) = (from.sources, from.warnings);
        let record = self.path("record");
        if record.is_some() && record == self.path("output") {
            return Err(Usage::wrong("--record and -o name the same file".to_owned()));
        }
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
            redact: self.flag("redact"),
            look,
            sources,
            config: found,
            log: self.log(),
            record,
            btf: self.path("btf"),
            command,
            warnings,
        })
    }

    /// What `record` writes.
    fn recorded(&self) -> Result<Output, Usage> {
        let given = |id: &&&str| self.matches.value_source(id) == Some(ValueSource::CommandLine);
        if let Some(flag) = args::RECORD_HAS_NOT.iter().find(given) {
            let text = format!("record keeps everything as it is; --{flag} is for bcc-top replay");
            return Err(Usage::wrong(text));
        }
        match self.path("output") {
            Some(file) => Ok(Output::Recording { file }),
            None => Err(Usage::wrong("record needs -o FILE: the file to write".to_owned())),
        }
    }

    /// The explorer needs a terminal and none of the flags that ask for something else.
    pub fn output(&self, command: bool) -> Output {
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

    /// `1%`, `0.5`, `off`; a recording has nothing to limit.
    fn max_overhead(&self) -> Result<Option<Option<f64>>, Usage> {
        let Some(text) = self.positional("max-overhead") else { return Ok(None) };
        if text == "off" {
            return Ok(Some(None));
        }
        let percent = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>().ok();
        match percent.filter(|percent| MAX_OVERHEAD.contains(percent)) {
            Some(percent) => Ok(Some(Some(percent))),
            None => Err(Usage::wrong(format!("--max-overhead: `{text}` is not off or 0.01% to 10000% of one CPU"))),
        }
    }

    /// What stands behind the name of the view, if this command takes that.
    fn positional(&self, id: &str) -> Option<&str> {
        self.matches.try_get_one::<String>(id).ok()?.map(String::as_str)
    }

    fn interval(&self) -> Result<Option<Duration>, Usage> {
        let asked = self.text("interval").or_else(|| self.positional("interval-arg"));
        asked.map(|text| seconds(text).map_err(|e| Usage::wrong(format!("--interval: {e}")))).transpose()
    }

    pub fn duration(&self) -> Result<Option<Duration>, Usage> {
        let Some(text) = self.text("duration") else { return Ok(None) };
        match humantime::parse_duration(text) {
            Ok(duration) if !duration.is_zero() => Ok(Some(duration)),
            _ => Err(Usage::wrong(format!("--duration: `{text}` is not a time such as 90s or 10m"))),
        }
    }

    pub fn number(&self, flag: &str, positional: &str, least: u64) -> Result<Option<u64>, Usage> {
        let asked = self.text(flag).or_else(|| self.positional(positional));
        let Some(text) = asked else { return Ok(None) };
        match text.parse::<u64>() {
            Ok(number) if number >= least => Ok(Some(number)),
            _ => Err(Usage::wrong(format!("--{flag}: `{text}` is not a whole number from {least} on"))),
        }
    }

    pub fn shape(&self, output: &Output) -> Result<Shape, Usage> {
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
            cut_logs: rows.is_some(),
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
            } else if let Some(text) = self.positional(name).or_else(|| self.positional(&args::positional(name))) {
                give(name, settings::value(setting, text).map_err(|e| Usage::wrong(format!("--{flag}: {e}")))?);
            } else if let Some((former, text)) = setting.former.as_ref().and_then(|id| Some((id, self.positional(id)?)))
            {
                let wrong = |e| Usage::wrong(format!("--{}: {e}", args::long_flag(former)));
                give(name, settings::value(setting, text).map_err(wrong)?);
            }
        }
        for (name, text) in sets.iter().filter_map(|set| set.split_once('=')) {
            let own = decl.setting(name);
            let (name, own) = (own.map_or(name, |own| own.0), own.map(|own| settings::value(own.1, text)));
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

    pub fn log(&self) -> LogOptions {
        LogOptions {
            file: self.path("log-file"),
            verbose: self.matches.get_count("verbose"),
            quiet: self.flag("quiet"),
            env: (self.around.env)("BCC_TOP_LOG"),
        }
    }
}

/// Reads an interval in seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
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
