//! The explorer with the rooms below it plugged in.

use std::path::Path;
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
        document: Arc::new(move |frames| export::document(&host, frames).unwrap_or_default()),
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
    let theme = look.theme.clone().unwrap_or(defaults.theme.clone());
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
    Ok(ui::Options {
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
    })
}

/// Views that cannot run, each with a short reason.
fn unavailable(examiner: &dyn Examiner) -> Vec<(String, String)> {
    let reports = Registry::get().views().iter().map(|view| examiner.examine(&view.decl.name));
    let refused = reports.filter(|report| report.status == Verdict::No);
    refused.map(|report| (report.name, report.reason.map(|r| r.message).unwrap_or_default())).collect()
}
