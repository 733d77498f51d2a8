//! The command line: reads it, picks what to do, and turns the result into an exit code.

pub mod about;
mod args;
mod columns;
mod complete;
mod config;
mod layout;
mod live;
pub mod logger;
mod look;
mod man;
pub mod options;
mod reader;
mod replay;
mod usage;

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;

pub use options::{LogOptions, Look, Options};

use crate::bug;
use crate::config::Found;
use crate::doctor::{DoctorDocument, Examiner};
use crate::enrich::host::Host;
use crate::export::{schema, shape};
use crate::feed::{Opener, Request};
use crate::privilege::{Missing, rights};
use crate::probes::object;
use crate::record::Recorder;
use crate::ui;
use crate::ui::save::Layout;
use crate::views::settings;
use crate::views::{Registry, ViewDecl, nearest};
use settings::did_you_mean;
use usage::Usage;

/// Makes what finds out what this kernel takes; the argument is `--btf`.
pub type Examine = fn(Option<&Path>) -> Box<dyn Examiner>;

/// The explorer: runs until the user quits. An error is an exit code and a line.
pub type Explore = fn(Session) -> Result<(), (u8, String)>;

/// What the explorer is opened on.
pub struct Session {
    /// Its look.
    pub look: Look,
    /// Where its settings come from that are not at their default.
    pub sources: Vec<(String, String)>,
    /// The configuration.
    pub config: Found,
    /// How views and dashboards look.
    pub layout: Layout,
    /// Logging.
    pub log: LogOptions,
    /// What is wrong so far; it goes to the log.
    pub warnings: Vec<String>,
    /// Refresh interval.
    pub interval: Duration,
    /// Frames of each view, then it quits.
    pub count: Option<u64>,
    /// Their filter and how their numbers add up; order and columns are in the layout.
    pub shape: crate::batch::Shape,
    /// The views.
    pub requests: Vec<Request>,
    /// Opens views.
    pub opener: Arc<dyn Opener>,
    /// Where the frames come from.
    pub host: Host,
    /// Kernel type information.
    pub btf: Option<PathBuf>,
    /// Records from the start.
    pub recorder: Option<Recorder>,
    /// The frames were recorded.
    pub replay: Option<ui::Replay>,
    /// The views that are in what is replayed.
    pub recorded: Vec<String>,
}

/// What the program is put together from. `main` fills it in, and nobody else.
pub struct Parts {
    /// Opens views of the running kernel.
    pub opener: fn(&Options) -> Arc<dyn Opener>,
    /// For `doctor`.
    pub examiner: Option<Examine>,
    /// For a run on a terminal.
    pub explorer: Option<Explore>,
}

/// Runs the program; the result is its exit code.
pub fn run(parts: &Parts) -> u8 {
    report_panics();
    rights::begin();
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let called = if arguments.is_empty() { OsString::new() } else { arguments.remove(0) };
    if let Some(code) = complete::answer(&arguments) {
        return code;
    }
    // A link with the name of a view is that view.
    let name = Path::new(&called).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if Registry::get().find(name).is_some() {
        arguments.insert(0, name.into());
    }
    // `help list` is `list --help`.
    if arguments.first().is_some_and(|first| first == "help") {
        arguments.remove(0);
        arguments.push("--help".into());
    }
    match dispatch(parts, &arguments) {
        Ok(_) if bug::seen() => 101,
        Ok(code) => code,
        Err(Usage { text, code: 0 }) => print(&text),
        Err(Usage { text, code }) => {
            say(&text);
            code
        }
    }
}

fn dispatch(parts: &Parts, arguments: &[OsString]) -> Result<u8, Usage> {
    let first = arguments.first().and_then(|arg| arg.to_str()).unwrap_or_default();
    match first {
        "record" => return live::record(parts, &arguments[1..]),
        "replay" | "demo" => return replay::run(parts, arguments),
        _ => {}
    }
    let Some(command) = args::subcommand(first) else { return live::run(parts, arguments) };
    let matches = command.try_get_matches_from(arguments).map_err(Usage::from)?;
    match first {
        "list" => list(&matches),
        "explain" => explain(&matches),
        "config" => config::config(&matches),
        "keys" => config::keys(&matches),
        "completions" => complete::completions(&matches),
        "man" => man::man(&matches),
        "schema" => Ok(print(&schema::generated())),
        _ => doctor(parts, &matches),
    }
}

fn list(matches: &ArgMatches) -> Result<u8, Usage> {
    let all = Registry::get().views().iter().map(|view| &view.decl);
    let views: Vec<&ViewDecl> = match matches.get_one::<String>("group") {
        None => all.collect(),
        Some(group) => {
            let views: Vec<&ViewDecl> = all.clone().filter(|view| view.group.name() == group.to_lowercase()).collect();
            if views.is_empty() {
                let mut groups: Vec<&str> = all.map(|view| view.group.name()).collect();
                groups.dedup();
                let near = did_you_mean(&nearest(group, groups.iter().copied()));
                return Err(Usage::wrong(format!(
                    "no view is in a group `{group}`: there are {}{near}",
                    groups.join(", ")
                )));
            }
            views
        }
    };
    if matches.get_flag("json") {
        let views = views.into_iter().map(shape::ListedView::from).collect();
        return Ok(print_json(&shape::List { schema: shape::Version::One, views }));
    }
    Ok(print(&about::list(&views)))
}

fn explain(matches: &ArgMatches) -> Result<u8, Usage> {
    let name = matches.get_one::<String>("view").map(String::as_str).unwrap_or_default();
    let view = Registry::get().find(name).ok_or_else(|| options::unknown_view(Registry::get(), name))?;
    let hooks = object::hooks(view).unwrap_or_default();
    Ok(print(&about::explain(&view.decl, columns::of(view, &[]).as_deref(), &hooks)))
}

fn doctor(parts: &Parts, matches: &ArgMatches) -> Result<u8, Usage> {
    let registry = Registry::get();
    let asked = matches.get_many::<String>("views").into_iter().flatten().flat_map(|names| names.split(','));
    let find = |name: &str| match registry.find(name) {
        Some(view) => Ok(view.decl.name.clone()),
        None => Err(options::unknown_view(registry, name)),
    };
    let mut views = asked.map(find).collect::<Result<Vec<String>, Usage>>()?;
    let named = !views.is_empty();
    if !named {
        views = registry.views().iter().map(|view| view.decl.name.clone()).collect();
    }
    let host = Host::read();
    let document = match (Missing::check(), parts.examiner) {
        (Some(missing), _) => {
            say_page(&missing);
            DoctorDocument::without_privilege(host, &missing.reason(&binary()), &views)
        }
        (None, Some(examiner)) => {
            let btf = matches.get_one::<PathBuf>("btf").map(PathBuf::as_path);
            DoctorDocument::examine(host, &*examiner(btf), &views)
        }
        (None, None) => {
            say("doctor is not part of this build");
            return Ok(1);
        }
    };
    let printed = if matches.get_flag("json") { print_json(&document) } else { print(&document.text()) };
    // Nobody asked for a view that cannot run, unless by name.
    let code = match document.exit_code() {
        4 if !named => 0,
        code => code,
    };
    Ok(if printed == 0 { code } else { printed })
}

/// The page about missing rights, on standard error.
fn say_page(missing: &Missing) {
    let kernel = Host::read().kernel;
    let page = missing.page(rustix::process::geteuid().as_raw(), &kernel, &binary());
    // Standard error may be closed; there is nowhere else to say it.
    let _ = io::stderr().write_all(page.as_bytes());
}

/// Where this program is.
fn binary() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from(args::NAME))
}

/// Whether standard output is a terminal.
fn on_terminal() -> bool {
    io::stdout().is_terminal()
}

/// One line on standard error, which may be closed.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}: {text}", args::NAME);
}

/// Text on standard output. Whoever closed the pipe has read enough.
fn print(text: &str) -> u8 {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => 0,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => 0,
        Err(error) => {
            say(&format!("cannot write: {error}"));
            5
        }
    }
}

fn print_json(document: &impl serde::Serialize) -> u8 {
    match serde_json::to_string_pretty(document) {
        Ok(text) => print(&(text + "\n")),
        Err(error) => {
            say(&format!("cannot write: {error}"));
            5
        }
    }
}

/// A panic is our bug: three lines and no backtrace. The explorer puts its own hook before this one
/// to give the terminal back first.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        bug::note();
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let what = text.or(payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        say(&format!("bug in bcc-top {}{place}: {what}", env!("CARGO_PKG_VERSION")));
        say("the report is these lines, and the file of --log-file if there is one");
        say("please send it to the maintainers together with the output of bcc-top doctor");
    }));
}
