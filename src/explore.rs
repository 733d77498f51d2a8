//! The explorer with the rooms below it plugged in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use log::LevelFilter;

use crate::cli::{Session, logger};
use crate::doctor::{Examiner, Verdict};
use crate::enrich::host::Host;
use crate::enrich::process;
use crate::examine::LiveExaminer;
use crate::export;
use crate::privilege::Invoker;
use crate::record::Recorder;
use crate::ui::glyphs::{Depth, Level};
use crate::ui::theme::UserTheme;
use crate::ui::{self, Callbacks, Exit};
use crate::views::Registry;

/// Runs until the user quits.
///
/// # Errors
/// An exit code and one line: what failed at run time.
pub fn run(session: Session) -> Result<(), (u8, String)> {
    let look = ui_options(&session).map_err(|error| (1, error))?;
    start_log(&session).map_err(|error| (1, error))?;
    let Session { host, btf, opener, requests, recorder, replay, .. } = session;
    // What a pid means here says nothing about the host of a recording, nor does this kernel.
    let live = replay.is_none();
    let recorded = host.clone();
    let callbacks = Callbacks {
        document: Arc::new(move |format, frames| export::document(&host, format, frames).unwrap_or_default()),
        facts: Arc::new(move |pid| if live { process::facts(pid) } else { None }),
        availability: Arc::new(move || if live { unavailable(&LiveExaminer { btf: btf.clone() }) } else { Vec::new() }),
        record: Arc::new(move |name| record(name, &recorded)),
    };
    match ui::run(look, opener, requests, callbacks, recorder) {
        Ok(Exit::Done) => Ok(()),
        Ok(Exit::NotRecorded(why)) => Err((5, format!("cannot record: {why}"))),
        Err(error) => Err((1, format!("{error:#}"))),
    }
}

/// Starts a recording that a key asked for: in the current directory, or where state belongs if that
/// cannot be written; never over a file that is there.
fn record(name: &Path, host: &Host) -> Result<Recorder, String> {
    let writable = rustix::fs::access(".", rustix::fs::Access::WRITE_OK).is_ok();
    let state = std::env::var_os("XDG_STATE_HOME").filter(|dir| !writable && !dir.is_empty());
    let path = match state {
        Some(dir) => {
            let dir = Path::new(&dir).join("bcc-top");
            std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
            dir.join(name)
        }
        None => name.to_owned(),
    };
    if path.symlink_metadata().is_ok() {
        return Err(format!("{} exists already", path.display()));
    }
    Recorder::start(&path, Invoker::from_env().as_ref(), host.clone()).map_err(|error| error.to_string())
}

/// The log is a pane of the screen; a file gets the same lines.
fn start_log(options: &Session) -> Result<(), String> {
    let (level, warning) = logger::level(&options.log);
    let file = options.log.file.as_deref().map(logger::open);
    let file = file.transpose().map_err(|e| format!("--log-file: {e}"))?;
    ui::logger::start(level.max(LevelFilter::Info), file);
    options.warnings.iter().chain(&warning).for_each(|warning| log::warn!("{warning}"));
    Ok(())
}

fn ui_options(options: &Session) -> Result<ui::Options, String> {
    let look = &options.look;
    let defaults = ui::Options::default();
    let env = std::env::var("BCC_TOP_THEME").ok().filter(|name| !name.is_empty());
    let theme = look.theme.clone().or(env).unwrap_or(defaults.theme.clone());
    let theme_text = match Path::new(&theme).extension().is_some_and(|e| e == "toml") {
        true => Some(std::fs::read_to_string(&theme).map_err(|e| format!("--theme {theme}: {e}"))?),
        false => None,
    };
    let level = look.glyphs.as_deref().map(|word| match word {
        "ascii" => Level::Ascii,
        "box" => Level::Box,
        _ => Level::Unicode,
    });
    let depth = look.color.as_deref().and_then(|word| match word {
        "never" => Some(Depth::Mono),
        "16" => Some(Depth::Ansi),
        "256" => Some(Depth::Indexed),
        "true" => Some(Depth::True),
        _ => None,
    });
    let user_themes = user_themes();
    let paths = user_themes.iter().map(|theme| ("theme".to_owned(), theme.file.clone())).collect();
    Ok(ui::Options {
        user_themes,
        paths,
        level,
        depth,
        theme,
        theme_text,
        slow: look.slow,
        mouse: look.mouse,
        interval: options.interval,
        count: options.count,
        host: options.host.hostname.split('.').next().unwrap_or_default().to_owned(),
        replay: options.replay,
        ..defaults
    })
}

/// Views that cannot run, each with a short reason.
fn unavailable(examiner: &dyn Examiner) -> Vec<(String, String)> {
    let reports = Registry::get().views().iter().map(|view| examiner.examine(&view.decl.name));
    let refused = reports.filter(|report| report.status == Verdict::No);
    refused.map(|report| (report.name, report.reason.map(|r| r.message).unwrap_or_default())).collect()
}

/// Most theme files that are read, and the largest.
const THEMES: (usize, u64) = (64, 64 << 10);

/// Themes of the user and of the system. A file that cannot be read is in the log.
fn user_themes() -> Vec<UserTheme> {
    let env = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = env("XDG_CONFIG_HOME").or_else(|| env("HOME").map(|home| home.join(".config")));
    let folders =
        config.map(|config| config.join("bcc-top/themes")).into_iter().chain(["/usr/share/bcc-top/themes".into()]);
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    let mut files: Vec<PathBuf> =
        files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    files.truncate(THEMES.0);
    files.iter().filter_map(|path| read_theme(path)).collect()
}

fn read_theme(path: &Path) -> Option<UserTheme> {
    let size = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map_or(0, |file| file.len());
    if size > THEMES.1 {
        log::warn!("theme {}: larger than a theme", path.display());
        return None;
    }
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| log::warn!("theme {}: {error}", path.display())).ok()?;
    Some(UserTheme { name: path.file_stem()?.to_string_lossy().into_owned(), file: path.display().to_string(), text })
}
