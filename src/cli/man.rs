//! Pages for man, from the command line and from declarations: one for the program, one for each view.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use rustix::fs::OFlags;

use super::about::{column_names, positionals};
use super::args::{self, NAME};
use super::usage::Usage;
use super::{options, print, say};
use crate::views::settings;
use crate::views::{Registry, ViewDecl};

/// `man`: the page of the program or of a view, or with `--dir` all of them.
pub(super) fn man(matches: &ArgMatches) -> Result<u8, Usage> {
    let registry = Registry::get();
    let decls: Vec<&ViewDecl> = registry.views().iter().map(|view| &view.decl).collect();
    if let Some(dir) = matches.get_one::<PathBuf>("dir") {
        return Ok(write_all(dir, &decls));
    }
    let page = match matches.get_one::<String>("view") {
        None => program(&decls),
        Some(name) => view(&registry.find(name).ok_or_else(|| options::unknown_view(registry, name))?.decl),
    };
    Ok(page.map_or(5, |page| print(&page)))
}

fn write_all(dir: &Path, decls: &[&ViewDecl]) -> u8 {
    // For everybody to read, unlike what a view shows; but no link is followed.
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let write = |name: String, page: io::Result<String>| {
        let path = dir.join(format!("{name}.1"));
        let written = page.and_then(|page| options.open(&path)?.write_all(page.as_bytes()));
        written.map_err(|error| say(&format!("--dir: {}: {error}", path.display())))
    };
    if let Err(error) = std::fs::create_dir_all(dir) {
        say(&format!("--dir: {}: {error}", dir.display()));
        return 5;
    }
    let mut pages = vec![(NAME.to_owned(), program(decls))];
    pages.extend(decls.iter().map(|decl| (format!("{NAME}-{}", decl.name), view(decl))));
    let written: Result<Vec<()>, ()> = pages.into_iter().map(|(name, page)| write(name, page)).collect();
    if written.is_ok() { 0 } else { 5 }
}

/// The page of the program: its flags, its commands, its views, its files.
fn program(decls: &[&ViewDecl]) -> io::Result<String> {
    let man = Man::new(named(args::command(&[]), NAME.to_owned()));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for (usage, help) in args::commands() {
        roff.control("TP", []).text([bold(usage)]).text([roman(help)]);
    }
    roff.control("SH", ["VIEWS"]);
    for decl in decls {
        roff.control("TP", []).text([bold(&decl.name)]).text([roman(&decl.question)]);
    }
    roff.control("SH", ["FILES"]);
    roff.control("TP", []).text([italic("~/.config/bcc-top/config.toml")]);
    roff.text([roman("The configuration; bcc-top config --default prints a complete one.")]);
    roff.control("SH", ["EXIT STATUS"]);
    for (code, text) in EXIT {
        roff.control("TP", []).text([bold(*code)]).text([roman(*text)]);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, text) in ENVIRONMENT {
        roff.control("TP", []).text([bold(*name)]).text([roman(*text)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    let pages = decls.iter().map(|decl| format!("{NAME}-{}(1)", decl.name)).collect::<Vec<_>>();
    roff.text([roman(pages.join(", "))]);
    roff.to_writer(&mut page)?;
    text(page)
}

const EXIT: &[(&str, &str)] = &[
    ("0", "done"),
    ("1", "something failed while it ran"),
    ("2", "wrong usage"),
    ("3", "permission missing"),
    ("4", "no view that was asked for can run here"),
    ("5", "the output could not be written"),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    ("BCC_TOP_CONFIG", "the configuration, as --config"),
    ("BCC_TOP_INTERVAL", "the refresh interval in seconds, as --interval"),
    ("BCC_TOP_THEME", "the colours, as --theme"),
    ("BCC_TOP_SLOW", "1: the profile for slow lines, as --slow; 0: not, whatever the configuration says"),
    ("BCC_TOP_LOG", "how much is logged: off, error, warn, info, debug, trace"),
    ("BCC_TOP_OVERHEAD", "when the cost of our programs is measured: always, sampled, off"),
    ("NO_COLOR", "if it is not empty, no colours"),
];

/// The page of a view, from its declaration.
fn view(decl: &ViewDecl) -> io::Result<String> {
    let name = format!("{NAME}-{}", decl.name);
    let man = Man::new(named(Command::new(NAME).about(decl.title.clone()), name));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    let behind = format!(" {} [OPTIONS] [-- COMMAND [ARG...]]", positionals(decl));
    roff.text([bold(format!("{NAME} {}", decl.name)), roman(behind)]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([italic(&decl.question)]);
    for paragraph in decl.help.trim().split("\n\n") {
        roff.control("PP", []).text([roman(paragraph.replace('\n', " "))]);
    }
    roff.control("PP", []).text([roman(format!("Cost: {}.", decl.cost))]);
    if !decl.aliases.is_empty() {
        roff.control("PP", []).text([roman(format!("Also called {}.", decl.aliases.join(", ")))]);
    }
    section(&mut roff, "COLUMNS", column_names(decl).into_iter().map(|(name, help)| (name.to_owned(), help)));
    let flags = decl.set.iter().map(|(name, set)| {
        let long = args::long_flag(name);
        let takes = settings::placeholder(set).map_or(String::new(), |takes| format!(" {takes}"));
        (format!("--{long}{takes}"), set.help.as_str())
    });
    section(&mut roff, "SETTINGS", flags);
    section(&mut roff, "HOOKS", decl.hooks.iter().map(|(name, hook)| (name.clone(), hook.what.as_str())));
    roff.control("SH", ["CAVEATS"]);
    roff.text([roman("It cannot see:")]);
    for line in &decl.cannot {
        roff.control("IP", ["-", "2"]).text([roman(line)]);
    }
    if let Some(why) = &decl.unproven {
        roff.control("PP", []).text([roman(format!("Unproven: {why}"))]);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(format!("{NAME}(1)"))]);
    roff.to_writer(&mut page)?;
    text(page)
}

fn section<'a>(roff: &mut Roff, head: &str, lines: impl Iterator<Item = (String, &'a str)>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        roff.control("SH", [head]);
    }
    for (name, help) in lines {
        roff.control("TP", []).text([bold(name)]).text([roman(help)]);
    }
}

/// A page is called by the name that man looks for.
fn named(command: Command, name: String) -> Command {
    let name: &'static str = Box::leak(name.into_boxed_str());
    command.name(name).bin_name(name).display_name(name)
}

fn text(page: Vec<u8>) -> io::Result<String> {
    String::from_utf8(page).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_has_a_page_with_all_that_is_declared() {
        for registered in Registry::get().views() {
            let decl = &registered.decl;
            let page = view(decl).unwrap();
            // Roff writes a hyphen with a stroke before it.
            let plain = page.replace('\\', "");
            assert!(plain.starts_with(".ie") || plain.contains(".TH"), "{}", decl.name);
            for part in ["SH NAME", "SH SYNOPSIS", "SH COLUMNS", "SH HOOKS", "SH CAVEATS", &decl.title] {
                assert!(plain.contains(part), "{}: {part}", decl.name);
            }
            for name in decl.set.keys() {
                assert!(plain.contains(&format!("--{}", args::long_flag(name))), "{}: {name}", decl.name);
            }
        }
    }

    #[test]
    fn the_page_of_the_program_names_flags_commands_and_views() {
        let decls: Vec<&ViewDecl> = Registry::get().views().iter().map(|view| &view.decl).collect();
        let page = program(&decls).unwrap().replace('\\', "");
        for part in ["--config", "--ndjson", "completions", "BCC_TOP_THEME", "config.toml"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(decls.iter().all(|decl| page.contains(&decl.name)));
    }
}
