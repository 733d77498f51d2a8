//! Completions: a script for each shell that asks this very program, so that columns are those of the view on the
//! line, and processes those that run. No rights are needed and no kernel is asked.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{ArgMatches, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh};

use super::about::column_names;
use super::args::{self, NAME};
use super::usage::Usage;
use super::{print, say};
use crate::views::{Registry, ViewDecl};

/// Set by the scripts when they ask; its value is the shell.
const ASKED: &str = "BCC_TOP_COMPLETE";

/// Shells that there are scripts for.
pub(super) const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

fn shells() -> Shells<'static> {
    const ALL: &[&dyn EnvCompleter] = &[&Bash, &Zsh, &Fish, &Elvish, &Powershell];
    Shells(ALL)
}

/// `completions SHELL`: the script.
pub(super) fn completions(matches: &ArgMatches) -> Result<u8, Usage> {
    let shell = matches.get_one::<String>("shell").map(String::as_str).unwrap_or_default();
    let mut script = Vec::new();
    let shells = shells();
    let Some(known) = shells.completer(shell) else {
        return Err(Usage::wrong(format!("there are completions for {}", SHELLS.join(", "))));
    };
    known
        .write_registration(ASKED, NAME, NAME, NAME, &mut script)
        .map_err(|error| Usage::wrong(format!("completions: {error}")))?;
    Ok(print(&String::from_utf8_lossy(&script)))
}

/// Answers a script, if one asks: the exit code then.
pub(super) fn answer(arguments: &[OsString]) -> Option<u8> {
    let asked = std::env::var_os(ASKED).filter(|shell| !shell.is_empty())?;
    let name = Path::new(&asked).file_stem().unwrap_or(&asked).to_string_lossy().into_owned();
    let shells = shells();
    let Some(shell) = shells.completer(&name) else {
        say(&format!("{ASKED}: there are completions for {}", SHELLS.join(", ")));
        return Some(2);
    };
    // Scripts put the line behind `--`, the name of the program first.
    let line: Vec<OsString> = arguments.iter().skip_while(|arg| *arg != "--").skip(1).cloned().collect();
    let mut out = Vec::new();
    let here = std::env::current_dir().ok();
    let written = shell.write_complete(&mut command(&line), line, here.as_deref(), &mut out);
    // Somebody who types must not get an error into the line.
    Some(if written.is_ok() { print(&String::from_utf8_lossy(&out)) } else { 0 })
}

/// The command line as it is there: flags and columns of the views that it names, and the other commands.
fn command(line: &[OsString]) -> Command {
    let registry = Registry::get();
    let texts: Vec<String> = line.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let all: Vec<&ViewDecl> = registry.views().iter().map(|view| &view.decl).collect();
    let named = args::first_positional(&texts, &args::command(&all));
    let named = named.into_iter().flat_map(|names| names.split(','));
    let mut decls: Vec<&'static ViewDecl> =
        named.filter_map(|name| registry.find(name)).map(|view| &view.decl).collect();
    if decls.is_empty() {
        decls.extend(registry.views().iter().map(|view| &view.decl));
    }
    let mut command = args::command(&decls).args_conflicts_with_subcommands(true);
    let columns: Vec<(String, String)> = columns(&decls);
    let choices: Vec<(String, Vec<String>)> = choices(&decls);
    for (name, words) in choices {
        command = command.mut_arg(name, |arg| arg.add(listed(words.into_iter().map(|w| (w, String::new())).collect())));
    }
    let sorted = columns.clone();
    command = command
        .mut_arg("view", |arg| arg.add(ArgValueCompleter::new(views)))
        .mut_arg("sort", |arg| arg.add(ArgValueCompleter::new(move |typed: &OsStr| sorts(&sorted, typed))))
        .mut_arg("columns", |arg| arg.add(ArgValueCompleter::new(move |typed: &OsStr| last_of(&columns, typed))))
        .mut_arg("pid", |arg| arg.add(ArgValueCompleter::new(processes)))
        .mut_arg("theme", |arg| arg.add(listed(themes())));
    for name in args::SUBCOMMANDS {
        let Some(mut sub) = args::subcommand(name) else { continue };
        for id in ["view", "views"] {
            if sub.get_arguments().any(|arg| arg.get_id() == id) {
                sub = sub.mut_arg(id, |arg| arg.add(ArgValueCompleter::new(views)));
            }
        }
        command = command.subcommand(sub.bin_name(name));
    }
    command
}

fn listed(words: Vec<(String, String)>) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| starting(&words, "", &typed.to_string_lossy()))
}

/// Words that start with what is typed, behind what stands before it.
fn starting(words: &[(String, String)], before: &str, typed: &str) -> Vec<CompletionCandidate> {
    let fits = words.iter().filter(|(word, _)| word.starts_with(typed));
    let candidate = |(word, help): &(String, String)| {
        let help = (!help.is_empty()).then(|| help.clone().into());
        CompletionCandidate::new(format!("{before}{word}")).help(help)
    };
    fits.map(candidate).collect()
}

/// Words for the last part of a list with commas; those that are there already are not offered again.
fn last_of(words: &[(String, String)], typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let (before, last) = typed.rfind(',').map_or(("", &*typed), |at| typed.split_at(at + 1));
    let there = |word: &str| before.split(',').any(|known| known == word);
    let left: Vec<(String, String)> = words.iter().filter(|(word, _)| !there(word)).cloned().collect();
    starting(&left, before, last)
}

fn views(typed: &OsStr) -> Vec<CompletionCandidate> {
    let views = Registry::get().views().iter().map(|view| (view.decl.name.clone(), view.decl.title.clone()));
    last_of(&views.collect::<Vec<_>>(), typed)
}

fn sorts(columns: &[(String, String)], typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    match typed.strip_prefix('-') {
        Some(name) => starting(columns, "-", name),
        None => starting(columns, "", &typed),
    }
}

fn columns(decls: &[&ViewDecl]) -> Vec<(String, String)> {
    let mut columns: Vec<(String, String)> = Vec::new();
    for (name, help) in decls.iter().flat_map(|decl| column_names(decl)) {
        if !columns.iter().any(|(known, _)| known == name) {
            columns.push((name.to_owned(), help.to_owned()));
        }
    }
    columns
}

/// Settings that take one of some words.
fn choices(decls: &[&ViewDecl]) -> Vec<(String, Vec<String>)> {
    let sets = decls.iter().flat_map(|decl| &decl.set).filter(|(_, set)| !set.choices.is_empty());
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for (name, set) in sets {
        let words = set.choices.iter().map(|choice| choice.name.clone()).collect();
        if !all.iter().any(|(known, _)| known == name) {
            all.push((name.clone(), words));
        }
    }
    all
}

fn themes() -> Vec<(String, String)> {
    crate::ui::theme::BUILT_IN.iter().map(|(name, _)| ((*name).to_owned(), String::new())).collect()
}

/// Processes that run now, by number, with their names.
fn processes(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let name = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut pids: Vec<u32> = numbers.filter(|n| n.starts_with(&*typed)).filter_map(|n| n.parse().ok()).collect();
    pids.sort_unstable();
    // What a process calls itself must not steer the terminal.
    let safe = |text: String| text.trim().chars().filter(|&c| crate::frame::text::is_safe(c)).collect::<String>();
    let words: Vec<(String, String)> = pids.iter().map(|pid| (pid.to_string(), safe(name(&pid.to_string())))).collect();
    starting(&words, "", &typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(words: &[&str]) -> Vec<String> {
        let line: Vec<OsString> = [NAME].iter().chain(words).map(OsString::from).collect();
        let mut out: Vec<u8> = Vec::new();
        let at = line.len() - 1;
        let found = clap_complete::engine::complete(&mut command(&line), line, at, None).unwrap();
        for candidate in found {
            out.extend(candidate.get_value().as_encoded_bytes());
            out.push(b'\n');
        }
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_definition_is_sound() {
        command(&[]).debug_assert();
    }

    #[test]
    fn views_commands_and_lists_of_views_are_offered() {
        let first = offered(&[""]);
        for word in ["biotop", "runqlat", "list", "config"] {
            assert!(first.iter().any(|w| w == word), "{word}: {first:?}");
        }
        let bio = offered(&["bio"]);
        assert!(bio.contains(&"biotop".to_owned()) && bio.iter().all(|word| word.starts_with("bio")), "{bio:?}");
        assert!(offered(&["biotop,run"]).contains(&"biotop,runqlat".to_owned()));
        assert!(!offered(&["biotop,"]).iter().any(|word| word == "biotop,biotop"));
        assert!(offered(&["explain", "runq"]).contains(&"runqlat".to_owned()));
        assert_eq!(offered(&["completions", "z"]), ["zsh"]);
    }

    #[test]
    fn columns_settings_and_processes_are_those_that_there_are() {
        let columns = offered(&["tcptop", "-s", ""]);
        assert!(columns.iter().any(|c| c == "raddr") && !columns.iter().any(|c| c == "disk"), "{columns:?}");
        assert_eq!(offered(&["biotop", "--sort", "-byt"]), ["-bytes"]);
        assert_eq!(offered(&["biotop", "--columns", "pid,com"]), ["pid,comm"]);
        assert!(offered(&["runqlat", "--by", ""]).iter().any(|word| word == "pid"));
        assert!(offered(&["biotop", "--que"]).contains(&"--queued".to_owned()));
        assert!(!offered(&["tcptop", "--que"]).contains(&"--queued".to_owned()));
        let me = std::process::id().to_string();
        assert!(offered(&["biotop", "-p", &me]).contains(&me));
    }

    #[test]
    fn there_is_a_script_for_every_shell() {
        for shell in SHELLS {
            assert!(shells().completer(shell).is_some(), "{shell}");
        }
    }
}
