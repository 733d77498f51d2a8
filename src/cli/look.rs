//! How the explorer looks: flag, environment, file, default, the first that says something; and which it was.

use std::path::Path;
use std::time::Duration;

use super::options::Look;
use super::reader::{Reader, seconds};
use super::usage::Usage;
use crate::config::{self, Found, Overhead};

/// Values with where they come from.
pub(super) struct Chosen<'a> {
    reader: &'a Reader<'a>,
    found: &'a Found,
    /// `(name, source)` of what is not at its default.
    pub sources: Vec<(String, String)>,
    /// What is wrong in the environment.
    pub warnings: Vec<String>,
}

/// Looks for the theme that `--theme` names. What the environment or the file names wrongly is only told.
pub(super) fn check(look: &Look, sources: &[(String, String)], found: &Found) -> Result<(), Usage> {
    let asked = sources.iter().any(|(name, from)| name == "theme" && from == "flag");
    let file = Path::new(&look.theme).extension().is_some_and(|extension| extension == "toml");
    if !asked || file {
        return Ok(());
    }
    let (themes, _) = config::themes(found, &config::surroundings());
    match config::unknown_theme(&look.theme, &themes) {
        Some(problem) => Err(Usage::wrong(format!("--theme: {problem}"))),
        None => Ok(()),
    }
}

impl<'a> Chosen<'a> {
    pub fn new(reader: &'a Reader<'a>, found: &'a Found) -> Chosen<'a> {
        let mut warnings = found.problems.clone();
        let file = found.file.as_ref().map(|(path, _)| path.display().to_string()).unwrap_or_default();
        warnings.extend(found.parsed.problems.iter().map(|problem| format!("{file}, {problem}")));
        Chosen { reader, found, sources: Vec::new(), warnings }
    }

    fn env(&self, name: &str) -> Option<String> {
        (self.reader.around.env)(name).filter(|value| !value.is_empty())
    }

    /// The first that says something; a file's value is `filed` if it has a line.
    fn first<T>(&mut self, name: &str, flag: Option<T>, env: Option<T>, filed: T) -> T {
        let line = self.found.parsed.lines.get(name);
        let (value, from) = match (flag, env, line) {
            (Some(value), ..) => (value, "flag".to_owned()),
            (None, Some(value), _) => (value, "environment".to_owned()),
            (None, None, Some(line)) => (filed, format!("line {line}")),
            (None, None, None) => return filed,
        };
        self.sources.push((name.to_owned(), from));
        value
    }

    /// The interval where views are shown, not where one frame covers a whole run.
    pub fn interval(&mut self, flag: Option<Duration>) -> Duration {
        let filed = Duration::from_secs_f64(self.found.parsed.config.interval);
        let env = self.env("BCC_TOP_INTERVAL").and_then(|text| match seconds(&text) {
            Ok(interval) => Some(interval),
            Err(error) => {
                self.warnings.push(format!("BCC_TOP_INTERVAL: {error}; using {} s", filed.as_secs_f64()));
                None
            }
        });
        self.first("interval", flag, env, filed)
    }

    pub fn look(&mut self, limit: Option<Option<f64>>) -> Look {
        let (reader, config) = (self.reader, &self.found.parsed.config);
        let flag = |name: &str| reader.flag(name).then_some(true);
        let text = |name: &str| reader.text(name).map(str::to_owned);
        let theme = self.env("BCC_TOP_THEME");
        let no_color = self.env("NO_COLOR").map(|_| "never".to_owned());
        let slow = self.env("BCC_TOP_SLOW").map(|value| value != "0");
        let glyphs = flag("ascii").map(|_| "ascii".to_owned()).or(text("glyphs"));
        let overhead = self.env("BCC_TOP_OVERHEAD").and_then(|word| match word.as_str() {
            "always" => Some(Overhead::Always),
            "sampled" => Some(Overhead::Sampled),
            "off" => Some(Overhead::Off),
            _ => {
                self.warnings.push(format!("BCC_TOP_OVERHEAD: `{word}` is not one of always, sampled, off"));
                None
            }
        });
        let look = Look {
            theme: self.first("theme", text("theme"), theme, config.theme.clone()),
            glyphs: self.first("glyphs", glyphs.map(Some), None, config.glyphs.word().map(str::to_owned)),
            color: self.first("color", text("color"), no_color, config.color.word().to_owned()),
            slow: self.first("slow", flag("slow"), slow, config.slow),
            mouse: self.first("mouse", flag("no-mouse").map(|_| false), None, config.mouse),
            overhead: self.first("overhead", None, overhead, config.overhead),
            max_overhead: self.first("max_overhead", limit, None, config.max_overhead.percent()),
        };
        for name in ["raw", "scroll", "keep_warm", "history_frames", "history_mib", "pause_collection", "save_state"] {
            self.first(name, None, None, ());
        }
        look
    }
}
