//! Runs of views: the explorer, or batch mode.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::options::{Options, Output, Surroundings};
use super::usage::Usage;
use super::{Explore, Parts, Session, binary, columns, layout, logger, look, on_terminal, say, say_page};
use crate::batch::{self, Run, Sink};
use crate::config;
use crate::enrich::host::Host;
use crate::export::Format;
use crate::export::output::{PartFile, to_file, to_stdout};
use crate::export::redact::Redactor;
use crate::feed::{BACKLOG, Event, Feed, Opener, Request};
use crate::frame::{Cost, Frame, Interval, Lost, Reason, ReasonClass, Stamp, Status, Table, Unavailable};
use crate::privilege::rights::{self, Purpose};
use crate::privilege::{Invoker, Missing};
use crate::record::Recorder;
use crate::views::Registry;

/// Runs what the arguments ask for.
pub(super) fn run(parts: &Parts, arguments: &[OsString]) -> Result<u8, Usage> {
    let env = |name: &str| std::env::var(name).ok();
    let options =
        Options::parse(arguments, &Surroundings { env: &env, terminal: on_terminal(), config: &config::here })?;
    columns::check(&options).map_err(Usage::wrong)?;
    look::check(&options.look, &options.sources, &options.config)?;
    match &options.output {
        Output::Screen if options.redact => Err(unredacted()),
        Output::Screen => explore(parts, options),
        Output::Batch { format, file } => Ok(write(parts, &options, Some(*format), file.as_deref())),
        Output::Recording { file } => Ok(write(parts, &options, None, Some(file))),
    }
}

/// Runs `record`; the arguments are those behind the word.
pub(super) fn record(parts: &Parts, arguments: &[OsString]) -> Result<u8, Usage> {
    let env = |name: &str| std::env::var(name).ok();
    let options =
        Options::parse_record(arguments, &Surroundings { env: &env, terminal: false, config: &config::here })?;
    let Output::Recording { file } = &options.output else {
        return Err(Usage::wrong("record needs -o FILE: the file to write".to_owned()));
    };
    Ok(write(parts, &options, None, Some(file)))
}

/// On the screen everything is as it is.
pub(super) fn unredacted() -> Usage {
    Usage::wrong("--redact is for what is written: with -b, --json, --ndjson, --csv, -o or record".to_owned())
}

/// The explorer reads keys, from wherever a terminal is.
pub(super) fn keyboard() -> Result<(), Usage> {
    if !io::stdin().is_terminal() && OpenOptions::new().read(true).write(true).open("/dev/tty").is_err() {
        let text = "there is no terminal to read keys from; use -b, --json or --ndjson for batch mode";
        return Err(Usage::wrong(text.to_owned()));
    }
    Ok(())
}

/// Opens the explorer.
pub(super) fn show(explorer: Explore, session: Session) -> u8 {
    // The screen hides what stands here until it is closed; the log has it too.
    session.warnings.iter().for_each(|warning| say(warning));
    match explorer(session) {
        Ok(()) => 0,
        Err((code, error)) => {
            say(&error);
            code
        }
    }
}

fn explore(parts: &Parts, options: Options) -> Result<u8, Usage> {
    keyboard()?;
    if let Some(missing) = Missing::check() {
        say_page(&missing);
        return Ok(3);
    }
    if let Some(refusal) = unlimited(&options) {
        say(&refusal.message);
        return Ok(3);
    }
    let Some(explorer) = parts.explorer else {
        return Err(Usage::wrong("the explorer is not part of this build; use -b, --json or --ndjson".to_owned()));
    };
    rights::plan(Purpose { live: true, more_views: true, files: true, command: false });
    let recorder = match recorder(&options, Host::read()) {
        Ok(recorder) => recorder,
        Err(code) => return Ok(code),
    };
    let layout = layout::layout(&options);
    let session = Session {
        interval: options.interval,
        count: options.count,
        requests: layout::requests(&options, &layout),
        opener: (parts.opener)(&options),
        host: Host::read(),
        shape: options.shape,
        recorder,
        replay: None,
        recorded: Vec::new(),
        layout,
        look: options.look,
        sources: options.sources,
        config: options.config,
        log: options.log,
        warnings: options.warnings,
        btf: options.btf,
    };
    Ok(show(explorer, session))
}

/// Why the limit that was asked for cannot be kept: what the kernel does not measure has none.
fn unlimited(options: &Options) -> Option<Reason> {
    options.look.max_overhead?;
    let error = crate::probes::sys::enable_stats().err()?;
    let message = format!(
        "--max-overhead cannot be kept: the kernel does not measure what programs take ({error}); that needs CAP_SYS_ADMIN: \
         run it with sudo, or without a limit (--max-overhead off)"
    );
    let remedy = "run it with sudo, or with --max-overhead off".to_owned();
    Some(Reason { class: ReasonClass::NoPrivilege, message, remedy })
}

/// Why nothing is loaded at all; the user was told.
fn refused(options: &Options) -> Option<Reason> {
    if let Some(missing) = Missing::check() {
        say_page(&missing);
        return Some(missing.reason(&binary()));
    }
    unlimited(options).inspect(|reason| say(&reason.message))
}

/// Starts what `--record` asks for.
fn recorder(options: &Options, host: Host) -> Result<Option<Recorder>, u8> {
    let Some(path) = &options.record else { return Ok(None) };
    let started = Recorder::start(path, Invoker::from_env().as_ref(), host);
    started.map(Some).map_err(|error| {
        say(&format!("--record: {error}"));
        5
    })
}

/// Batch mode; without a format it writes a recording.
fn write(parts: &Parts, options: &Options, format: Option<Format>, file: Option<&Path>) -> u8 {
    if let Err(error) = logger::start(&options.log) {
        say(&format!("--log-file: {error}"));
        return 5;
    }
    options.warnings.iter().for_each(|warning| say(warning));
    let invoker = Invoker::from_env();
    let mut run = Run {
        requests: options.requests(),
        shape: options.shape.clone(),
        format,
        count: options.count,
        duration: options.duration,
        // Whoever insists on a hook wants to know that it cannot be had.
        strict: options.strict || !options.force.is_empty(),
        command: options.command.clone(),
        invoker,
        redact: options.redact.then(Redactor::default),
        replayed: false,
    };
    let mut tell: batch::Tell<'_> = &say;
    let mut opener = (parts.opener)(options);
    if let Some(reason) = refused(options) {
        if !matches!(format, Some(Format::Json | Format::Ndjson)) {
            return 3;
        }
        run.command.clear();
        tell = &|_| {};
        opener = Arc::new(Denied(reason));
    }
    let files = file.is_some() || options.record.is_some();
    // What is suspended to keep within a limit is opened again.
    let more_views = options.look.max_overhead.is_some();
    rights::plan(Purpose { live: true, more_views, files, command: !run.command.is_empty() });
    let host = run.redact.as_ref().map_or_else(Host::read, |redactor| redactor.host(Host::read()));
    let recorder = || recorder(options, host.clone());
    let sink = sink(file, invoker.as_ref()).and_then(|sink| Ok(Sink { recorder: recorder()?, ..sink }));
    match sink {
        Ok(sink) => deliver(&*opener, run, host, sink, tell),
        Err(code) => code,
    }
}

/// Where frames go: a file or standard output. An error is an exit code, and was told.
pub(super) fn sink(file: Option<&Path>, invoker: Option<&Invoker>) -> Result<Sink, u8> {
    match file.map(|file| PartFile::create(file, invoker)) {
        None => Ok(Sink { out: to_stdout(), file: None, recorder: None }),
        Some(Ok((part, file))) => Ok(Sink { out: to_file(file), file: Some(part), recorder: None }),
        Some(Err(error)) => {
            say(&format!("-o: {error}"));
            Err(5)
        }
    }
}

/// Runs to the end; the result is the exit code.
pub(super) fn deliver(opener: &dyn Opener, run: Run, host: Host, sink: Sink, tell: batch::Tell<'_>) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("cannot start: {error}"));
            return 1;
        }
    };
    let code = runtime.block_on(async {
        let signals = signals().map_err(|e| say(&format!("cannot take signals: {e}"))).ok()?;
        Some(batch::run(opener, run, host, sink, signals, tell).await)
    });
    // Views may still load or detach; nobody waits for that.
    runtime.shutdown_background();
    code.unwrap_or(1)
}

/// The signals that end a run, by number.
fn signals() -> io::Result<mpsc::Receiver<i32>> {
    let (send, receive) = mpsc::channel(4);
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut stream = signal(kind)?;
        let send = send.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if send.send(kind.as_raw_value()).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(receive)
}

/// Opens no view, and says why in a frame of each.
struct Denied(Reason);

impl Opener for Denied {
    fn open(&self, request: Request) -> Feed {
        let (events, receiver) = mpsc::channel(BACKLOG);
        let (commands, _) = std::sync::mpsc::channel();
        // The channel is empty: there is room.
        let _ = events.try_send(Event::Frame(Arc::new(self.frame(&request))));
        Feed { view: request.view, events: receiver, commands }
    }
}

impl Denied {
    fn frame(&self, request: &Request) -> Frame {
        let kind = Registry::get().find(&request.view).map(|view| view.decl.kind_with(&request.settings));
        let clock = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let mono = std::time::Duration::try_from(clock).unwrap_or_default();
        let nanos = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Frame {
            view: request.view.as_str().into(),
            kind: kind.unwrap_or(crate::frame::Kind::Table),
            status: Status::Unavailable(Box::new(Unavailable { reason: self.0.clone(), tried: Vec::new() })),
            time: Stamp { wall_ns: nanos(wall), mono_ns: nanos(mono) },
            interval: Interval { asked_ns: nanos(request.interval), ..Interval::default() },
            settings: request.settings.clone().into(),
            hooks: Arc::new([]),
            table: Table::default(),
            histograms: Vec::new(),
            lost: Lost::default(),
            cost: Cost::default(),
        }
    }
}
