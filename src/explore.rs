//! The explorer with the rooms below it plugged in.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use log::LevelFilter;

use crate::cli::{self, Options, logger};
use crate::config::{self, Found, KeepWarm, Source, Target};
use crate::doctor::{Examiner, Verdict};
use crate::enrich::{host::Host, process};
use crate::examine::LiveExaminer;
use crate::export;
use crate::feed::{Opener, Request};
use crate::frame::filter::find_column;
use crate::frame::{Column, Type};
use crate::privilege::Invoker;
use crate::probes::object;
use crate::ui::glyphs::{Depth, Level};
use crate::ui::save::Layout;
use crate::ui::theme::UserTheme;
use crate::ui::{self, Callbacks, Keep, Remember};
use crate::views::Registry;

/// Runs until the user quits.
///
/// # Errors
/// One line: what failed at run time.
pub fn run(options: &Options, opener: Arc<dyn Opener>) -> Result<(), String> {
    start_log(options)?;
    let around = config::surroundings();
    let look = ui_options(options, &around)?;
    let host = Host::read();
    let btf = options.btf.clone();
    let (keep, remember) = (keeper(&options.config, &around), rememberer(&options.config, &around));
    let callbacks = Callbacks {
        document: Arc::new(move |format, frames| export::document(&host, format, frames).unwrap_or_default()),
        facts: Arc::new(process::facts),
        availability: Arc::new(move || unavailable(&LiveExaminer { btf: btf.clone() })),
        keep,
        remember,
    };
    let requests = requests(options, &look.layout);
    ui::run(look, opener, requests, callbacks).map(drop).map_err(|error| format!("{error:#}"))
}

/// The views of the command line; without any, the dashboard that the user kept.
fn requests(options: &Options, layout: &Layout) -> Vec<Request> {
    let mut requests = options.requests();
    if !options.named && !layout.panes.is_empty() {
        let Some(first) = requests.first().cloned() else { return requests };
        let request = |view: &String| Request { view: view.clone(), settings: Vec::new(), ..first.clone() };
        requests = layout.panes.iter().map(request).collect();
    }
    requests
}

/// Writes the configuration when the user says so.
fn keeper(found: &Found, around: &config::Surroundings<'_>) -> Keep {
    let target = found.target.clone().map(|path| Target {
        named: found.file.as_ref().is_some_and(|(_, source)| matches!(source, Source::Flag | Source::Env)),
        path,
        base: found.text.clone(),
        trust: around.trust(),
        invoker: Invoker::from_env(),
    });
    Arc::new(move |kept| {
        let target = target.as_ref().ok_or("there is no home directory to keep it in")?;
        config::save(target, kept).map(|()| target.path.display().to_string())
    })
}

fn rememberer(found: &Found, around: &config::Surroundings<'_>) -> Remember {
    let folder = around.state().filter(|_| found.parsed.config.save_state);
    Arc::new(move |memory| {
        let saved = folder.as_ref().map(|folder| config::state::save_state(folder, memory));
        if let Some(Err(problem)) = saved {
            log::warn!("state: {problem}");
        }
    })
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

fn ui_options(options: &Options, around: &config::Surroundings<'_>) -> Result<ui::Options, String> {
    let (look, found) = (&options.look, &options.config);
    let config = &found.parsed.config;
    let (user_themes, problems) = config::themes(found, around);
    problems.iter().for_each(|problem| log::warn!("{problem}"));
    let theme = look.theme.clone();
    let theme_text = match Path::new(&theme).extension().is_some_and(|e| e == "toml") {
        true => Some(std::fs::read_to_string(&theme).map_err(|e| format!("--theme {theme}: {e}"))?),
        false => None,
    };
    if let (None, Some(problem)) = (&theme_text, unknown_theme(&theme, &user_themes, options)) {
        cli::say(&problem);
        log::warn!("{problem}");
    }
    let level = look.glyphs.as_deref().map(|word| match word {
        "ascii" => Level::Ascii,
        "box" => Level::Box,
        _ => Level::Unicode,
    });
    let depth = match look.color.as_str() {
        "never" => Some(Depth::Mono),
        "16" => Some(Depth::Ansi),
        "256" => Some(Depth::Indexed),
        "true" => Some(Depth::True),
        _ => None,
    };
    let state = around.state().filter(|_| config.save_state);
    Ok(ui::Options {
        paths: paths(options, &user_themes, state.as_deref()),
        user_themes,
        level,
        depth,
        theme,
        theme_text,
        slow: look.slow,
        mouse: look.mouse,
        interval: options.interval,
        count: options.count,
        raw: config.raw,
        scroll: config.scroll,
        keep_warm: match config.keep_warm {
            KeepWarm::Seconds(seconds) => Some(Duration::from_secs(seconds.into())),
            KeepWarm::Word(_) => None,
        },
        history_frames: config.history_frames as usize,
        history_bytes: (config.history_mib as usize) << 20,
        pause_collection: config.pause_collection,
        overhead: format!("{:?}", look.overhead).to_lowercase(),
        save_state: config.save_state,
        layout: layout(options),
        memory: state.map(|folder| config::state::load_state(&folder, around.trust())).unwrap_or_default(),
        keys: found.parsed.keys.clone(),
        sources: options.sources.clone(),
        ..ui::Options::default()
    })
}

/// What views look like: as the file says, and as flags say of those that the command line names.
fn layout(options: &Options) -> Layout {
    let mut layout = options.config.parsed.config.layout();
    let shape = &options.shape;
    if shape.sort.is_none() && shape.columns.is_empty() {
        return layout;
    }
    for chosen in &options.views {
        let Ok(columns) = object::layout(chosen.view, &chosen.settings) else { continue };
        let schema = &columns.schema;
        let view = layout.views.entry(chosen.view.decl.name.clone()).or_default();
        let named = |name: &str| find_column(schema, name).ok().map(|at| &schema.columns[at]);
        if let Some(sort) = &shape.sort {
            // As in batch mode: numbers the largest first, text from A, unless the name says otherwise.
            let column = named(sort.strip_prefix('-').unwrap_or(sort));
            let down = |column: &Column| (sort.starts_with('-') || column.ty != Type::Text) != shape.reverse;
            view.sort = column.map(|column| format!("{}{}", if down(column) { "-" } else { "" }, column.name));
        }
        if !shape.columns.is_empty() {
            view.columns = Some(shape.columns.iter().filter_map(|name| Some(named(name)?.name.clone())).collect());
        }
    }
    layout
}

fn unknown_theme(name: &str, user: &[UserTheme], options: &Options) -> Option<String> {
    let problem = config::unknown_theme(name, user)?;
    let file = options.config.file.as_ref().map(|(path, _)| path.display().to_string()).unwrap_or_default();
    let from = options.sources.iter().find(|(known, _)| known == "theme").map_or("", |(_, from)| from.as_str());
    let place = match from {
        "flag" => "--theme".to_owned(),
        "environment" => "BCC_TOP_THEME".to_owned(),
        line => format!("{file}, {line}: theme"),
    };
    Some(format!("{place}: {problem}; using the default"))
}

/// Files for the settings screen.
fn paths(options: &Options, themes: &[UserTheme], state: Option<&Path>) -> Vec<(String, String)> {
    let found = &options.config;
    let shown = |path: &Path| path.display().to_string();
    let config = found.file.as_ref().map_or("none found: built in".to_owned(), |(path, _)| shown(path));
    let mut paths = vec![("config".to_owned(), config)];
    paths.extend(found.target.as_ref().map(|target| ("W writes".to_owned(), shown(target))));
    paths.extend(themes.iter().map(|theme| ("theme".to_owned(), theme.file.clone())));
    paths.extend(state.map(|folder| ("state".to_owned(), shown(&config::state::file(folder)))));
    paths.extend(options.log.file.as_ref().map(|file| ("log".to_owned(), shown(file))));
    paths
}

/// Views that cannot run, each with a short reason.
fn unavailable(examiner: &dyn Examiner) -> Vec<(String, String)> {
    let reports = Registry::get().views().iter().map(|view| examiner.examine(&view.decl.name));
    let refused = reports.filter(|report| report.status == Verdict::No);
    refused.map(|report| (report.name, report.reason.map(|r| r.message).unwrap_or_default())).collect()
}
