//! The explorer with the rooms below it plugged in.

use std::path::Path;
use std::sync::Arc;

use log::LevelFilter;

use crate::cli::{Options, logger};
use crate::doctor::{Examiner, Verdict};
use crate::enrich::{host::Host, process};
use crate::examine::LiveExaminer;
use crate::export;
use crate::feed::Opener;
use crate::ui::glyphs::{Depth, Level};
use crate::ui::{self, Callbacks};
use crate::views::Registry;

/// Runs until the user quits.
///
/// # Errors
/// One line: what failed at run time.
pub fn run(options: &Options, opener: Arc<dyn Opener>) -> Result<(), String> {
    let look = ui_options(options)?;
    start_log(options)?;
    let host = Host::read();
    let btf = options.btf.clone();
    let callbacks = Callbacks {
        document: Arc::new(move |format, frames| export::document(&host, format, frames).unwrap_or_default()),
        facts: Arc::new(process::facts),
        availability: Arc::new(move || unavailable(&LiveExaminer { btf: btf.clone() })),
    };
    ui::run(look, opener, options.requests(), callbacks).map(drop).map_err(|error| format!("{error:#}"))
}

/// The log is a pane of the screen; a file gets the same lines.
fn start_log(options: &Options) -> Result<(), String> {
    let (level, warning) = logger::level(&options.log);
    let file = options.log.file.as_deref().map(logger::open);
    let file = file.transpose().map_err(|e| format!("--log-file: {e}"))?;
    ui::logger::start(level.max(LevelFilter::Info), file);
    options.warnings.iter().chain(&warning).for_each(|warning| log::warn!("{warning}"));
    Ok(())
}

fn ui_options(options: &Options) -> Result<ui::Options, String> {
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
        ..defaults
    })
}

/// Views that cannot run, each with a short reason.
fn unavailable(examiner: &dyn Examiner) -> Vec<(String, String)> {
    let reports = Registry::get().views().iter().map(|view| examiner.examine(&view.decl.name));
    let refused = reports.filter(|report| report.status == Verdict::No);
    refused.map(|report| (report.name, report.reason.map(|r| r.message).unwrap_or_default())).collect()
}
