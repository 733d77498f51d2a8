//! The kernel matrix: what the cells reported, as a document and as a page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use bcc_top::views::Registry;
use bcc_top::views::proof::KERNELS;
use serde::Serialize;

use super::report::{Line, Origin, Outcome, Record};
use super::{cell, guard};

/// What one cell reported.
#[derive(Serialize)]
struct Reported {
    #[serde(flatten)]
    origin: Origin,
    records: Vec<Record>,
}

#[derive(Serialize)]
struct Document {
    date: String,
    cells: Vec<Reported>,
}

/// Reads the reports `*.jsonl` in `dir`, writes `dir/matrix.json` and `dir/kernels.md`.
pub fn write(dir: &Path) -> ExitCode {
    let mut cells: Vec<Reported> = Vec::new();
    for entry in std::fs::read_dir(dir).expect("the directory of the reports") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            cells.extend(read(&path));
        }
    }
    cells.sort_by_key(|reported| place(&reported.origin.cell));
    let date = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let document = Document { date, cells };
    let json = serde_json::to_string_pretty(&document).expect("JSON");
    std::fs::write(dir.join("matrix.json"), json + "\n").expect("matrix.json");
    std::fs::write(dir.join("kernels.md"), page(&document)).expect("kernels.md");
    ExitCode::SUCCESS
}

/// Kernels in their order, then what is no kernel of the matrix.
fn place(cell: &str) -> (usize, String) {
    (KERNELS.iter().position(|kernel| *kernel == cell).unwrap_or(KERNELS.len()), cell.to_owned())
}

fn read(path: &Path) -> Option<Reported> {
    let text = std::fs::read_to_string(path).expect("a report");
    let mut reported: Option<Reported> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", path.display())) {
            // A guest that was started again begins anew.
            Line::Origin(origin) => reported = Some(Reported { origin, records: Vec::new() }),
            Line::Record(record) => {
                if let Some(reported) = &mut reported {
                    reported.records.push(record);
                }
            }
        }
    }
    reported
}

fn page(document: &Document) -> String {
    let mut page = String::from(
        "# Kernels\n\nEvery view is run on the kernels below, with every hook it can use there, and compared with work whose \
         amount is known. This page is what `make matrix` found, and is written by it.\n",
    );
    let day = document.date.split('T').next().unwrap_or_default();
    let _ = write!(page, "\nAs of {day}:\n\n| | kernel | package | run by |\n| --- | --- | --- | --- |\n");
    for cell in &document.cells {
        let Origin { cell, kernel, package, machine } = &cell.origin;
        let _ = writeln!(page, "| {cell} | {kernel} | {} | {} |", or_dash(package), machine_name(machine));
    }
    page.push_str(
        "\n`6.18-locked` has no kprobes and refuses fentry and fexit, and runs no program while its first process has the CPU: \
         interrupts, completions and switches of those moments, some in a thousand, are seen by ftrace and perf(1) alone. `lockdown` is a kernel booted with \
         `lockdown=confidentiality`. *user* is an ordinary user with CAP_BPF and CAP_PERFMON only, *no tracefs* a host where \
         it is not mounted, *no BTF* one where the kernel's type information cannot be seen.\n",
    );
    views_table(&mut page, document);
    for view in Registry::get().views() {
        hooks_table(&mut page, document, &view.decl.name);
    }
    page
}

fn machine_name(machine: &str) -> &str {
    match machine {
        "tcg" => "QEMU, emulated",
        "kvm" => "QEMU, KVM",
        other => other,
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn header(page: &mut String, first: &str, names: &[&str]) {
    let _ = writeln!(page, "| {first} | {} |\n|{}", names.join(" | "), " --- |".repeat(names.len() + 1));
}

/// View by cell: all ways of all tests together.
fn views_table(page: &mut String, document: &Document) {
    page.push_str("\n## Views\n\n");
    let ways = [("user", "user"), ("no_tracefs", "no tracefs"), ("no_btf", "no BTF")];
    let mut names: Vec<&str> = document.cells.iter().map(|cell| cell.origin.cell.as_str()).collect();
    names.extend(ways.map(|(_, title)| title));
    header(page, "view", &names);
    for view in Registry::get().views() {
        let name = &view.decl.name;
        let of_view = |record: &&Record| record.view == *name;
        let unproven = if view.decl.unproven.is_some() { " (unproven)" } else { "" };
        let _ = write!(page, "| {name}{unproven} |");
        for cell in &document.cells {
            let records = cell.records.iter().filter(of_view).filter(|r| !ways.iter().any(|(way, _)| r.way == *way));
            let _ = write!(page, " {} |", verdict(records));
        }
        for (way, _) in ways {
            let records = document.cells.iter().flat_map(|cell| &cell.records).filter(of_view);
            let _ = write!(page, " {} |", verdict(records.filter(|record| record.way == way)));
        }
        page.push('\n');
    }
}

/// One word for many records: the worst of them.
fn verdict<'a>(records: impl Iterator<Item = &'a Record>) -> String {
    // That a program could be loaded says nothing of its numbers.
    let counts = |record: &&Record| record.test != guard::TEST || record.outcome == Outcome::Failed;
    let records: Vec<&Record> = records.filter(counts).collect();
    let any = |outcome: Outcome| records.iter().find(|record| record.outcome == outcome);
    if any(Outcome::Failed).is_some() {
        return "**wrong**".to_owned();
    }
    if any(Outcome::Ok).is_some() {
        return "right".to_owned();
    }
    match any(Outcome::Unavailable) {
        Some(record) => format!("no: `{}`", record.message.as_deref().unwrap_or("?")),
        None => "-".to_owned(),
    }
}

/// What became of one alternative in one cell.
#[derive(Clone, Copy, Default)]
struct Use {
    chosen: bool,
    right: bool,
    wrong: bool,
}

fn hooks_table(page: &mut String, document: &Document, name: &str) {
    let mut uses: BTreeMap<(String, u64), Vec<Use>> = BTreeMap::new();
    let mut hooks: BTreeMap<(String, u64), String> = BTreeMap::new();
    for (purpose, number) in cell::alternatives(cell::view(name)) {
        uses.insert((purpose, number.into()), vec![Use::default(); document.cells.len()]);
    }
    for (index, cell) in document.cells.iter().enumerate() {
        for record in cell.records.iter().filter(|record| record.view == name) {
            for hook in record.hooks.as_array().into_iter().flatten() {
                let key = (
                    hook["purpose"].as_str().unwrap_or_default().to_owned(),
                    hook["alternative"].as_u64().unwrap_or(0),
                );
                let (kind, target) =
                    (hook["kind"].as_str().unwrap_or_default(), hook["target"].as_str().unwrap_or_default());
                let Some(used) = uses.get_mut(&key).and_then(|cells| cells.get_mut(index)) else { continue };
                hooks.entry(key).or_insert_with(|| format!("{kind}/{target}"));
                used.chosen |= record.way == "plain";
                used.right |= record.outcome == Outcome::Ok;
                used.wrong |= record.outcome == Outcome::Failed;
            }
        }
    }
    let names: Vec<&str> = document.cells.iter().map(|cell| cell.origin.cell.as_str()).collect();
    let _ = write!(
        page,
        "\n## {name}\n\nWhich hook is used, and which others give the same numbers when they are asked for.\n\n"
    );
    header(page, "hook", &names);
    for (key, cells) in &uses {
        let what = hooks.get(key).map(String::as_str).unwrap_or("never used");
        let _ = write!(page, "| {}={} {what} |", key.0, key.1);
        for used in cells {
            let word = match used {
                Use { wrong: true, .. } => "**wrong**",
                Use { chosen: true, .. } => "used",
                Use { right: true, .. } => "right",
                _ => "-",
            };
            let _ = write!(page, " {word} |");
        }
        page.push('\n');
    }
}
