//! The explorer with the rooms below it plugged in.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use log::LevelFilter;

use crate::cli::{self, Session, logger};
use crate::config::{self, Found, KeepWarm, Source, Target};
use crate::doctor::{Examiner, Verdict};
use crate::enrich::host::Host;
use crate::enrich::process;
use crate::examine::LiveExaminer;
use crate::export;
use crate::feed::{Feed, Opener, Request, Transport};
use crate::privilege::Invoker;
use crate::privilege::rights::{self, Keeper, Role};
use crate::probes::object;
use crate::record::Recorder;
use crate::ui::glyphs::{Depth, Level};
use crate::ui::theme::UserTheme;
use crate::ui::{self, Callbacks, Exit, Keep, Remember};
use crate::views::Registry;

/// Runs until the user quits.
///
/// # Errors
/// An exit code and one line: what failed at run time.
pub fn run(session: Session) -> Result<(), (u8, String)> {
    // What a pid means here says nothing about the host of a recording, nor does this kernel.
    let live = session.replay.is_none();
    // Views are opened by a thread that keeps what that takes; all others do without.
    let keeper = live.then(Keeper::start).transpose().map_err(|error| (1, format!("no thread: {error}")))?;
    rights::narrow(Role::Bystander);
    start_log(&session).map_err(|error| (1, error))?;
    let around = config::surroundings();
    let look = rights::raised(rights::FILES, || ui_options(&session, &around)).map_err(|error| (1, error))?;
    let (keep, remember) = (keep(&session.config, &around), remember(&session.config, &around));
    let Session { host, btf, opener, requests, recorder, .. } = session;
    let opener: Arc<dyn Opener> = match &keeper {
        Some(keeper) => Arc::new(Apart { keeper: keeper.clone(), opener }),
        None => opener,
    };
    let recorded = host.clone();
    let callbacks = Callbacks {
        document: Arc::new(move |format, frames| export::document(&host, format, frames).unwrap_or_default()),
        facts: Arc::new(move |pid| if live { process::facts(pid) } else { None }),
        hooks: Arc::new(|view| {
            let view = Registry::get().find(view);
            view.and_then(|view| object::hooks(view).ok()).unwrap_or_default()
        }),
        availability: Arc::new(move || {
            let examiner = LiveExaminer { btf: btf.clone() };
            let keeper = keeper.as_ref();
            keeper.and_then(|k| k.run_long("doctor", move || unavailable(&examiner))).unwrap_or_default()
        }),
        keep,
        remember,
        record: Arc::new(move |name| record(name, &recorded)),
    };
    match ui::run(look, opener, requests, callbacks, recorder) {
        Ok(Exit::Done) => Ok(()),
        Ok(Exit::NotRecorded(why)) => Err((5, format!("cannot record: {why}"))),
        Err(error) => Err((1, format!("{error:#}"))),
    }
}

/// Opens views on the thread that may.
struct Apart {
    keeper: Keeper,
    opener: Arc<dyn Opener>,
}

impl Opener for Apart {
    fn open(&self, request: Request) -> Feed {
        let (opener, asked) = (self.opener.clone(), request.clone());
        // Without that thread, which only a bug ends, the view says itself what it lacks.
        self.keeper.run(move || opener.open(asked)).unwrap_or_else(|| self.opener.open(request))
    }

    fn control(&self, transport: Transport) {
        self.opener.control(transport);
    }
}

/// Starts a recording that a key asked for: in the current directory, or where state belongs if that
/// cannot be written; never over a file that is there.
fn record(name: &Path, host: &Host) -> Result<Recorder, String> {
    let access = || rustix::fs::access(".", rustix::fs::Access::WRITE_OK);
    let writable = rights::raised(rights::FILES, access).is_ok();
    let path = match config::surroundings().state().filter(|_| !writable) {
        Some(dir) => {
            let owner = config::Owner::of_folder(&dir, Invoker::from_env().as_ref());
            rights::raised(rights::FILES, || config::make_folder(&dir, owner))?;
            dir.join(name)
        }
        None => name.to_owned(),
    };
    if path.symlink_metadata().is_ok() {
        return Err(format!("{} exists already", path.display()));
    }
    Recorder::start(&path, Invoker::from_env().as_ref(), host.clone()).map_err(|error| error.to_string())
}

/// Writes the configuration when the user says so.
fn keep(found: &Found, around: &config::Surroundings<'_>) -> Keep {
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

fn remember(found: &Found, around: &config::Surroundings<'_>) -> Remember {
    let folder = around.state().filter(|_| found.parsed.config.save_state);
    Arc::new(move |memory| {
        let invoker = Invoker::from_env();
        let saved = folder.as_ref().map(|folder| {
            config::state::save_state(folder, memory, config::Owner::of_folder(folder, invoker.as_ref()))
        });
        if let Some(Err(problem)) = saved {
            log::warn!("state: {problem}");
        }
    })
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

fn ui_options(options: &Session, around: &config::Surroundings<'_>) -> Result<ui::Options, String> {
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
        max_overhead: look.max_overhead,
        overhead: format!("{:?}", look.overhead).to_lowercase(),
        save_state: config.save_state,
        layout: options.layout.clone(),
        memory: state.map(|folder| config::state::load_state(&folder, around.trust())).unwrap_or_default(),
        keys: found.parsed.keys.clone(),
        sources: options.sources.clone(),
        host: options.host.hostname.split('.').next().unwrap_or_default().to_owned(),
        kernel: options.host.kernel.clone(),
        replay: options.replay,
        recorded: options.recorded.clone(),
        filter: options.shape.filter.clone().unwrap_or_default(),
        mode: options.shape.mode,
        ..ui::Options::default()
    })
}

fn unknown_theme(name: &str, user: &[UserTheme], options: &Session) -> Option<String> {
    let problem = config::unknown_theme(name, user)?;
    let file = options.config.file.as_ref().map(|(path, _)| path.display().to_string()).unwrap_or_default();
    let from = options.sources.iter().find(|(known, _)| known == "theme").map_or("", |(_, from)| from.as_str());
    let place = match from {
        "environment" => "BCC_TOP_THEME".to_owned(),
        line => format!("{file}, {line}: theme"),
    };
    Some(format!("{place}: {problem}; using the default"))
}

/// Files for the settings screen.
fn paths(options: &Session, themes: &[UserTheme], state: Option<&Path>) -> Vec<(String, String)> {
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
