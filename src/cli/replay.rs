//! `replay` and `demo`: what was recorded, in the explorer or in batch mode. No rights, no kernel.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;

use super::live::{deliver, keyboard, sink, unredacted};
use super::options::{Output, Surroundings};
use super::reader::Reader;
use super::usage::Usage;
use super::{Parts, Session, args, columns, logger, look, on_terminal, say};
use crate::batch::{Plan, Run, Shape};
use crate::config;
use crate::export::Format;
use crate::export::redact::Redactor;
use crate::feed::Request;
use crate::frame::{Schema, Status};
use crate::privilege::Invoker;
use crate::privilege::rights::{self, Purpose};
use crate::record::replay::{Player, Sequence};
use crate::record::{Known, Recorded, Recording, Source};
use crate::ui;
use crate::views::{Registry, nearest};

/// A recording of a loaded host.
static DEMO: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo.rec"));

/// The interval of a recording that does not say it.
const INTERVAL: Duration = Duration::from_secs(1);

/// Runs `replay` or `demo` with these arguments, the command among them.
pub(super) fn run(parts: &Parts, arguments: &[OsString]) -> Result<u8, Usage> {
    let name = arguments.first().and_then(|arg| arg.to_str()).unwrap_or_default();
    let Some(command) = args::subcommand(name) else { return Err(Usage::wrong(format!("no command {name}"))) };
    let matches = command.try_get_matches_from(arguments).map_err(Usage::from)?;
    let env = |name: &str| std::env::var(name).ok();
    let around = Surroundings { env: &env, terminal: on_terminal(), config: &config::here };
    let reader = Reader { matches: &matches, decls: &[], around: &around, recording: false };
    let output = reader.output(false);
    let asked = Asked {
        count: reader.number("count", "count", 1)?,
        duration: reader.duration()?,
        shape: reader.shape(&output)?,
        speed: speed(&matches)?,
        redact: reader.flag("redact").then(Redactor::default),
    };
    let source = match matches.try_get_one::<PathBuf>("file").ok().flatten() {
        Some(path) => Source::open(path),
        None => Ok(Source::held("demo", DEMO)),
    };
    let recording = match source.and_then(|source| Recording::open(source, known())) {
        Ok(recording) => Arc::new(recording),
        Err(problem) => {
            say(&problem);
            return Ok(1);
        }
    };
    let views = chosen(&recording, matches.get_one::<String>("views").map(String::as_str))?;
    check(&recording, &views, &asked.shape)?;
    match output {
        Output::Batch { format, file } => {
            if format == Format::Csv && views.len() != 1 {
                let names: Vec<&str> = views.iter().map(|view| view.name.as_str()).collect();
                let text = format!("--csv takes one view: name one of {}", names.join(", "));
                return Err(Usage::wrong(text));
            }
            if let Err(error) = logger::start(&reader.log()) {
                say(&format!("--log-file: {error}"));
                return Ok(5);
            }
            Ok(write(&recording, &views, asked, format, file))
        }
        _ if asked.redact.is_some() => Err(unredacted()),
        _ => explore(parts, &reader, &recording, &views, &asked, name == "demo"),
    }
}

/// What the user asked for.
struct Asked {
    count: Option<u64>,
    duration: Option<Duration>,
    shape: Shape,
    speed: f64,
    redact: Option<Redactor>,
}

fn speed(matches: &ArgMatches) -> Result<f64, Usage> {
    let Some(text) = matches.get_one::<String>("speed") else { return Ok(1.0) };
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=100.0).contains(&speed) => Ok(speed),
        _ => Err(Usage::wrong(format!("--speed: `{text}` is not a number from 0.1 to 100"))),
    }
}

/// The columns of views as this program knows them.
fn known() -> Known {
    Arc::new(|name, settings| {
        let view = Registry::get().find(name).filter(|view| view.decl.name == name)?;
        columns::of(view, settings)
    })
}

fn chosen(recording: &Recording, names: Option<&str>) -> Result<Vec<Recorded>, Usage> {
    let Some(names) = names else {
        // As on the overview, then as in menus; those that this program does not know come last.
        let mut views = recording.views().to_vec();
        let order: Vec<&str> = Registry::get().overview().iter().map(|view| view.decl.name.as_str()).collect();
        let menu: Vec<&str> = Registry::get().views().iter().map(|view| view.decl.name.as_str()).collect();
        let rank = |list: &[&str], name: &str| list.iter().position(|known| *known == name).unwrap_or(usize::MAX);
        views.sort_by_key(|view| (rank(&order, &view.name), rank(&menu, &view.name)));
        return Ok(views);
    };
    let mut views: Vec<Recorded> = Vec::new();
    for name in names.split(',') {
        // Aliases are of this program, names are of the file.
        let real = Registry::get().find(name).map_or(name, |view| view.decl.name.as_str());
        let held = recording.views().iter().find(|view| view.name == name || view.name == real);
        let Some(view) = held else {
            let all = || recording.views().iter().map(|view| view.name.as_str());
            let near = super::did_you_mean(&nearest(name, all()));
            let all: Vec<&str> = all().collect();
            return Err(Usage::wrong(format!(
                "the recording does not hold `{name}`{near}; it holds {}",
                all.join(", ")
            )));
        };
        if !views.contains(view) {
            views.push(view.clone());
        }
    }
    Ok(views)
}

/// Looks for the columns that filter, sort and columns name, before anything is written.
fn check(recording: &Recording, views: &[Recorded], shape: &Shape) -> Result<(), Usage> {
    if *shape
        == (Shape {
            rows: shape.rows,
            reverse: shape.reverse,
            mode: shape.mode,
            cut_logs: shape.cut_logs,
            ..Shape::default()
        })
    {
        return Ok(());
    }
    for view in views {
        if let Some(schema) = schema(recording, view) {
            Plan::new(shape, &schema).map_err(|e| Usage::wrong(format!("{}: {e}", view.name)))?;
        }
    }
    Ok(())
}

/// The columns of a recorded view, unless it could not run.
fn schema(recording: &Recording, view: &Recorded) -> Option<Arc<Schema>> {
    let mut frames = recording.frames(0);
    let first = std::iter::from_fn(|| frames.next(|name, _| name == view.name)).find_map(Result::ok);
    first.filter(|frame| !matches!(frame.status, Status::Unavailable(_))).map(|frame| frame.table.schema.clone())
}

fn requests(views: &[Recorded]) -> Vec<Request> {
    let interval = |view: &Recorded| match view.asked_ns {
        0 => INTERVAL,
        ns => Duration::from_nanos(ns),
    };
    let request = |view: &Recorded| Request {
        view: view.name.clone(),
        interval: interval(view),
        first: None,
        settings: Vec::new(),
        force: Vec::new(),
    };
    views.iter().map(request).collect()
}

fn write(recording: &Arc<Recording>, views: &[Recorded], asked: Asked, format: Format, file: Option<PathBuf>) -> u8 {
    let sequence = Sequence::new(recording.clone(), views.len(), asked.duration);
    let invoker = Invoker::from_env();
    let run = Run {
        requests: requests(views),
        shape: asked.shape,
        format: Some(format),
        count: asked.count,
        duration: None,
        strict: false,
        command: Vec::new(),
        invoker,
        redact: asked.redact,
        replayed: true,
    };
    rights::plan(Purpose { files: file.is_some(), ..Purpose::default() });
    let sink = match sink(file.as_deref(), invoker.as_ref()) {
        Ok(sink) => sink,
        Err(code) => return code,
    };
    let host = recording.host.clone();
    let host = run.redact.as_ref().map_or_else(|| host.clone(), |redactor| redactor.host(host.clone()));
    let code = deliver(&sequence, run, host, sink, &say);
    let report = sequence.report();
    report.damage.iter().chain(&report.cut).for_each(|what| say(what));
    // A file that was cut off gave all it had; one with holes did not.
    if code == 0 && !report.damage.is_empty() { 1 } else { code }
}

fn explore(
    parts: &Parts,
    reader: &Reader<'_>,
    recording: &Arc<Recording>,
    views: &[Recorded],
    asked: &Asked,
    demo: bool,
) -> Result<u8, Usage> {
    keyboard()?;
    rights::plan(Purpose { files: true, ..Purpose::default() });
    let Some(explorer) = parts.explorer else {
        return Err(Usage::wrong("the explorer is not part of this build; use -b, --json or --ndjson".to_owned()));
    };
    let (first, last) = recording.span();
    let found = (reader.around.config)(reader.path("config").as_deref()).map_err(Usage::wrong)?;
    let mut from = look::Chosen::new(reader, &found);
    let look = from.look(None);
    let (sources, mut warnings) = (from.sources, from.warnings);
    look::check(&look, &sources, &found)?;
    warnings.extend(recording.problems().iter().cloned());
    let mut layout = found.parsed.config.layout();
    // What was captured was said when it was recorded.
    layout.views.values_mut().for_each(|view| view.settings.clear());
    if super::layout::asks(&asked.shape) {
        for view in views {
            let schema = schema(recording, view);
            schema.into_iter().for_each(|schema| super::layout::apply(&mut layout, &asked.shape, &view.name, &schema));
        }
    }
    let requests = requests(views);
    let session = Session {
        look,
        sources,
        config: found,
        layout,
        log: reader.log(),
        warnings,
        interval: requests.first().map_or(INTERVAL, |request| request.interval),
        count: asked.count,
        shape: asked.shape.clone(),
        requests,
        opener: Arc::new(Player::new(recording.clone(), asked.speed)),
        host: recording.host.clone(),
        btf: None,
        recorder: None,
        replay: Some(ui::Replay { first, last, speed: asked.speed, demo }),
        recorded: recording.views().iter().map(|view| view.name.clone()).collect(),
    };
    Ok(super::live::show(explorer, session))
}
