//! The command line as clap knows it, built from the registry: a view's settings are flags.

use clap::{Arg, ArgAction, ArgGroup, Command, value_parser};

use crate::views::settings::{self, Kind};
use crate::views::{SettingDecl, ViewDecl};

/// Kinds of hooks that `--hook` takes.
pub const HOOK_KINDS: [&str; 8] =
    ["tp_btf", "raw_tp", "tracepoint", "fentry", "kprobe", "uprobe", "iter", "perf_event"];

/// Name of the binary, as messages give it.
pub const NAME: &str = "bcc-top";

/// The other commands: how they are written, and what they do.
pub fn commands() -> [(&'static str, &'static str); 11] {
    [
        ("list [--json] [--group G]", "every view: name, group, kind, question"),
        ("doctor [--json] [VIEW...]", "what this kernel and these privileges allow"),
        ("explain VIEW", "what a view measures, its columns, hooks, cost and blind spots"),
        ("record -o FILE [VIEW[,VIEW...]] [OPTIONS]", "write a recording until -n, --duration or Ctrl-C"),
        (
            "replay FILE [VIEW[,VIEW...]]",
            "a recording, a stream or a document, in the explorer or in batch mode; needs no rights",
        ),
        ("demo", "the same over a recording of a loaded host that comes with the program"),
        ("config [--default|--check [FILE]|--schema]", "what can be set, what is set, what is wrong with it"),
        ("keys [--print-keys-config]", "the keys in effect, or lines for the configuration"),
        ("completions SHELL", "completions for bash, zsh, fish, elvish or powershell"),
        ("man [VIEW|--dir DIR]", "the manual page; with --dir one of each view too"),
        ("schema", "the JSON Schema of everything that is written for programs"),
    ]
}

fn after_help() -> String {
    let lines = commands().map(|(usage, help)| match usage.len() {
        ..=28 => format!("  {usage:<28}  {help}\n"),
        _ => format!("  {usage}\n{:<32}{help}\n", ""),
    });
    format!("Commands:\n{}\nbcc-top VIEW --help shows the settings of a view.", lines.concat())
}

const REPLAY_KEYS: &str = "\
On a terminal the recording plays at the speed at which it was made. Space stops it and lets it go on,
[ ] step by a frame, { } by a minute, + - change the speed. At its end it stands still; Space plays it again.
Totals since the start begin with the oldest frame held, which after a jump is not the first one recorded.";

const DEMO_KEYS: &str = "\
It plays to its end and stands still there, so that nothing moves under your hands; Space plays it again.
Space also stops it, [ ] step by a frame, { } by a minute, + - change the speed, ? is help.
bcc-top demo --json, -b and the others work as with any recording.";

/// The command line for these views; for none, that of the program as a whole.
pub fn command(views: &[&ViewDecl]) -> Command {
    let mut command = Command::new(NAME)
        .bin_name(NAME)
        .version(env!("CARGO_PKG_VERSION"))
        .about("Live eBPF views of a Linux host")
        .override_usage("bcc-top [VIEW[,VIEW...] [INTERVAL [COUNT]]] [OPTIONS] [-- COMMAND [ARG...]]")
        .after_help(after_help())
        .args(positionals(views))
        .args(frames())
        .args(formats())
        .args(rows())
        .args(capture())
        .arg(recording())
        .args(program())
        .group(ArgGroup::new("format").args(["batch", "json", "ndjson", "csv"]));
    for (name, setting) in views.iter().flat_map(|view| &view.set) {
        let long = long_flag(name);
        let taken = command.get_arguments().any(|arg| arg.get_long() == Some(&long) || arg.get_id() == name.as_str());
        // A setting named like a common flag fails lint; several views may share a setting.
        if !taken {
            command = command.arg(setting_arg(name, long, setting));
        }
        // Not an alias of the other flag, which may be one of a view with another unit.
        if let Some(former) = &setting.former
            && !command.get_arguments().any(|arg| arg.get_id() == former.as_str())
        {
            command = command.arg(Arg::new(former.clone()).long(long_flag(former)).hide(true).value_name("N"));
        }
    }
    command
}

/// The flag of a setting: `max_rows` is `--max-rows`.
pub fn long_flag(setting: &str) -> String {
    setting.replace('_', "-")
}

fn setting_arg(name: &str, long: String, setting: &SettingDecl) -> Arg {
    let arg = Arg::new(name.to_owned()).long(long).help(setting.help.clone()).help_heading("Settings of the view");
    let Some(placeholder) = settings::placeholder(setting) else { return arg.action(ArgAction::SetTrue) };
    let arg = arg.value_name(placeholder);
    match settings::kind(setting) {
        Kind::Number { .. } => arg.allow_negative_numbers(true),
        Kind::Names(..) | Kind::ValuesOf(_) | Kind::Pattern | Kind::Time(_) => {
            arg.help(format!("{} [{}]", setting.help, settings::takes(setting)))
        }
        _ => arg,
    }
}

fn value(id: &'static str, name: &'static str, help: &'static str) -> Arg {
    Arg::new(id).long(id).value_name(name).help(help)
}

fn switch(id: &'static str, help: &'static str) -> Arg {
    Arg::new(id).long(id).action(ArgAction::SetTrue).help(help)
}

fn config_file() -> Arg {
    value("config", "FILE", "the configuration; bcc-top config --default prints one")
        .value_parser(value_parser!(std::path::PathBuf))
}

/// The id of the setting `name` where it is given behind the name of its view.
pub fn positional(name: &str) -> String {
    format!("{name}-arg")
}

/// A view that declares positionals of its own has those; several together have the common ones.
fn positionals(views: &[&ViewDecl]) -> Vec<Arg> {
    let own = |name: &String| {
        let (id, value) = (positional(name), name.to_uppercase());
        Arg::new(id).value_name(value).help(format!("as --{}", long_flag(name))).conflicts_with(name)
    };
    let mut args =
        vec![Arg::new("view").value_name("VIEW").help("one view, or several with commas; default: the overview")];
    match views {
        [view] if !view.positionals.is_empty() => args.extend(view.positionals.iter().map(own)),
        _ => args.extend([
            Arg::new("interval-arg").value_name("INTERVAL").help("as --interval").conflicts_with("interval"),
            Arg::new("count-arg").value_name("COUNT").help("as --count").conflicts_with("count"),
        ]),
    }
    args.push(
        Arg::new("command")
            .value_name("COMMAND")
            .last(true)
            .num_args(1..)
            .value_parser(value_parser!(std::ffi::OsString))
            .help("run COMMAND, watch only it and its children, and end with it; its output goes to standard error"),
    );
    args.into_iter().zip(1..).map(|(arg, index)| arg.index(index)).collect()
}

fn frames() -> Vec<Arg> {
    vec![
        value("interval", "SECONDS", "refresh interval, 0.1 to 3600 [default: 1]").short('d'),
        value("count", "N", "frames per view [default: 1 for --json, else endless]").short('n'),
        value("duration", "TIME", "stop after this time: 90s, 10m"),
        switch("since-start", "totals since the start; events are shown once, as they come")
            .conflicts_with("per-second"),
        switch("per-second", "totals divided by the length of the interval"),
    ]
}

fn formats() -> Vec<Arg> {
    let file = value_parser!(std::path::PathBuf);
    let args = vec![
        switch("batch", "text tables, one block per interval, with BCC's column names").short('b'),
        switch("json", "one JSON document with every frame"),
        switch("ndjson", "a header line, then a line of JSON per frame"),
        switch("csv", "comma-separated values; one view"),
        switch("redact", "names, addresses and paths as words that say nothing, the same for the same within a run"),
        Arg::new("output").short('o').value_name("FILE").value_parser(file).help("write FILE when it is complete"),
    ];
    args.into_iter().map(|arg| arg.help_heading("Output")).collect()
}

fn recording() -> Arg {
    let help = "record every frame to FILE besides, to be replayed";
    value("record", "FILE", help).value_parser(value_parser!(std::path::PathBuf)).help_heading("Output")
}

/// The command line of `record` for these views.
pub fn record(views: &[&ViewDecl]) -> Command {
    let command = command(views)
        .bin_name("bcc-top record")
        .about("Write a recording of views until -n, --duration or Ctrl-C; replay it with bcc-top replay FILE")
        .override_usage("bcc-top record -o FILE [VIEW[,VIEW...] [INTERVAL [COUNT]]] [OPTIONS] [-- COMMAND [ARG...]]")
        .after_help("The recording holds all rows and columns; filter, sort and cut when it is replayed.");
    RECORD_HAS_NOT.iter().fold(command, |command, id| command.mut_arg(id, |arg| arg.hide(true)))
}

/// Flags that a recording has no use for: it holds everything.
pub const RECORD_HAS_NOT: [&str; 12] = [
    "batch",
    "json",
    "ndjson",
    "csv",
    "record",
    "sort",
    "reverse",
    "rows",
    "filter",
    "columns",
    "since-start",
    "per-second",
];

/// The command line of `replay`, and without a file that of `demo`.
fn replayed(name: &'static str, about: &'static str) -> Command {
    let frames = frames().into_iter().filter(|arg| arg.get_id() != "interval");
    let frames = frames.map(|arg| match arg.get_id().as_str() {
        "count" => arg.help("frames per view [default: all]"),
        "duration" => arg.help("only so much of it: 90s, 10m"),
        _ => arg,
    });
    let speed = value("speed", "N", "play N times as fast, 0.1 to 100 [default: 1]").help_heading("Look and log");
    let format = ArgGroup::new("format").args(["batch", "json", "ndjson", "csv"]);
    let command = Command::new(name).bin_name(format!("{NAME} {name}")).about(about);
    let command = command.args(frames).args(formats()).args(rows()).arg(speed).args(program()).group(format);
    command.arg(Arg::new("views").value_name("VIEW").help("only these of its views, with commas"))
}

fn rows() -> Vec<Arg> {
    let args = vec![
        value("sort", "COL", "sort by a column; -COL: descending").short('s').allow_hyphen_values(true),
        switch("reverse", "reverse the order").short('R'),
        value("rows", "N", "most rows after sorting, of events the newest of each interval; 0 is all [default: 0; text 20, but all events]").short('r'),
        value("filter", "EXPR", "show only matching rows: comm~nginx bytes>1M | pid=1,2"),
        value("columns", "A,B,C", "choose and order columns"),
    ];
    args.into_iter().map(|arg| arg.help_heading("Rows and columns")).collect()
}

fn capture() -> Vec<Arg> {
    let args = vec![
        value("pid", "PID", "only this process").short('p'),
        value("comm", "NAME", "only processes of this name; NAME* is any that begins so"),
        value("cgroup", "PATH", "only this cgroup"),
        value("set", "NAME=VALUE", "any setting of the view").action(ArgAction::Append),
        value("hook", "KIND|HOOK=N", "insist on a kind of hook, or on alternative N of one").action(ArgAction::Append),
        value(
            "max-overhead",
            "PCT",
            "of one CPU: when our programs take more, count one event in N or suspend views; off [default: off]",
        ),
        switch("strict", "any view that cannot run is an error"),
        value("btf", "FILE", "kernel type information, where the kernel has none")
            .value_parser(value_parser!(std::path::PathBuf)),
    ];
    args.into_iter().map(|arg| arg.help_heading("Capture")).collect()
}

fn program() -> Vec<Arg> {
    let args = vec![
        value("theme", "NAME", "colours of the screen"),
        switch("ascii", "draw with ASCII only").conflicts_with("glyphs"),
        value("glyphs", "LEVEL", "what to draw with").value_parser(["ascii", "box", "unicode"]),
        value("color", "WHEN", "colour depth").value_parser(["never", "16", "256", "true", "auto"]),
        switch("slow", "for slow terminals"),
        switch("no-mouse", "leave the mouse alone"),
        config_file(),
        value("log-file", "FILE", "append the log to FILE").value_parser(value_parser!(std::path::PathBuf)),
        Arg::new("verbose").short('v').action(ArgAction::Count).help("log more; -vv: still more"),
        switch("quiet", "log errors only").conflicts_with("verbose"),
    ];
    args.into_iter().map(|arg| arg.help_heading("Look and log")).collect()
}

/// The command line of one of the other commands, if `name` is one.
pub fn subcommand(name: &str) -> Option<Command> {
    let command =
        |name: &'static str, about: &'static str| Command::new(name).bin_name(format!("{NAME} {name}")).about(about);
    let json = || switch("json", "for programs");
    Some(match name {
        "list" => command("list", "Every view: name, group, kind, question").arg(json()).arg(value(
            "group",
            "GROUP",
            "only this group",
        )),
        "doctor" => command("doctor", "What this kernel and these privileges allow")
            .arg(json())
            .arg(value("btf", "FILE", "kernel type information").value_parser(value_parser!(std::path::PathBuf)))
            .arg(Arg::new("views").value_name("VIEW").num_args(0..)),
        "explain" => command("explain", "What a view measures, and what it cannot see")
            .arg(Arg::new("view").value_name("VIEW").required(true)),
        "config" => command("config", "What can be set, what is set, and what is wrong with it")
            .arg(switch("default", "print a complete file with every default"))
            .arg(
                value("check", "FILE", "say what is wrong with FILE, or with the one in effect; exit 0 or 2")
                    .num_args(0..=1)
                    .value_parser(value_parser!(std::path::PathBuf)),
            )
            .arg(switch("schema", "print the JSON Schema of the configuration, for editors"))
            .arg(config_file())
            .group(ArgGroup::new("what").args(["default", "check", "schema"])),
        "keys" => command("keys", "The keys in effect")
            .arg(switch("print-keys-config", "print lines for the configuration"))
            .arg(config_file()),
        "completions" => command("completions", "Completions for a shell: source what it prints")
            .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(super::complete::SHELLS)),
        "man" => command("man", "The manual page")
            .arg(Arg::new("view").value_name("VIEW").help("the page of this view").conflicts_with("dir"))
            .arg(value("dir", "DIR", "write all pages into DIR").value_parser(value_parser!(std::path::PathBuf))),
        "record" => record(&[]),
        "replay" => replayed("replay", "Show a recording, a stream (--ndjson) or a document (--json); needs no rights")
            .arg(
                Arg::new("file")
                    .value_name("FILE")
                    .required(true)
                    .index(1)
                    .value_parser(value_parser!(std::path::PathBuf)),
            )
            .mut_arg("views", |arg| arg.index(2))
            .after_help(REPLAY_KEYS),
        "demo" => replayed("demo", "Replay a recording of a loaded host that comes with the program; needs no rights")
            .mut_arg("views", |arg| arg.index(1))
            .after_help(DEMO_KEYS),
        "schema" => command("schema", "The JSON Schema of everything that is written for programs"),
        _ => return None,
    })
}

/// Commands of the contract that this version does not have.
pub const LATER: [&str; 2] = ["check", "new"];

/// Commands there are.
pub const SUBCOMMANDS: [&str; 11] =
    ["list", "doctor", "explain", "record", "replay", "demo", "config", "keys", "completions", "man", "schema"];

/// The first positional of `args`, which stands before any flag's value is known to be wrong: the
/// views have to be known before their flags can be.
pub fn first_positional<'a>(args: &'a [String], all: &Command) -> Option<&'a str> {
    let takes = |wanted: &dyn Fn(&Arg) -> bool| {
        all.get_arguments().find(|arg| wanted(arg)).is_some_and(|arg| arg.get_action().takes_values())
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            return None;
        }
        let skip = if let Some(long) = arg.strip_prefix("--") {
            !long.contains('=') && takes(&|arg| arg.get_long() == Some(long))
        } else if let Some(shorts) = arg.strip_prefix('-').filter(|shorts| !shorts.is_empty()) {
            // In -bn5 the 5 belongs to n; in -bn it is the next argument.
            let with_value = shorts.char_indices().find(|&(_, c)| takes(&|arg| arg.get_short() == Some(c)));
            with_value.is_some_and(|(at, c)| at + c.len_utf8() == shorts.len())
        } else {
            return Some(arg);
        };
        if skip {
            args.next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::Registry;

    fn all() -> Command {
        let decls: Vec<&ViewDecl> = Registry::get().views().iter().map(|view| &view.decl).collect();
        command(&decls)
    }

    #[test]
    fn the_definitions_are_sound() {
        all().debug_assert();
        for name in SUBCOMMANDS {
            subcommand(name).unwrap().debug_assert();
        }
        assert!(LATER.iter().all(|name| subcommand(name).is_none()));
    }

    #[test]
    fn the_view_is_found_wherever_it_stands() {
        let cases: &[(&[&str], Option<&str>)] = &[
            (&["v"], Some("v")),
            (&["--json", "v", "5"], Some("v")),
            (&["-d", "5", "v"], Some("v")),
            (&["-d5", "v"], Some("v")),
            (&["-bn", "5", "v"], Some("v")),
            (&["-bn5", "v"], Some("v")),
            (&["--count=5", "v"], Some("v")),
            (&["--sort", "-bytes", "v"], Some("v")),
            (&["--by", "pid", "v"], Some("v")),
            (&["--json"], None),
            (&["--", "v"], None),
            (&[], None),
        ];
        for (args, expected) in cases {
            let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
            assert_eq!(first_positional(&args, &all()), *expected, "{args:?}");
        }
    }
}
