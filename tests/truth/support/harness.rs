//! Runs the tests, beside those that every view gets for nothing, and in the end looks at what is left
//! in the kernel.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use bcc_top::frame::ReasonClass;
use bcc_top::views::{Registry, View};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use super::case::Skipped;
use super::report::{Outcome, Record};
use super::{Case, Cell, Test, Thing, Way, cell, guard, kernel, matrix, report};

/// The tests of each file.
pub type Tests = &'static [(&'static str, &'static [Test])];

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
    static NOTES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What this binary does when it is started.
pub fn main(tests: Tests) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--files"] => print_files(tests),
        ["--matrix", dir] => return matrix::write(dir.as_ref()),
        _ => return run(tests),
    }
    ExitCode::SUCCESS
}

fn print_files(tests: Tests) {
    let needs = tests.iter().flat_map(|(_, tests)| *tests).flat_map(|test| test.needs);
    let files: std::collections::BTreeSet<_> = needs.filter_map(|need| need.file()).collect();
    files.iter().for_each(|file| println!("{}", file.display()));
}

fn run(tests: Tests) -> ExitCode {
    let mut arguments = Arguments::from_args();
    let trials = wanted(trials(tests), arguments.filter.take());
    if arguments.list {
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    assert!(rustix::process::geteuid().is_root(), "truth tests load BPF programs and need root: sudo make truth");
    every_view_is_watched_in_every_way(tests);
    std::panic::set_hook(Box::new(|info| PANIC.set(info.to_string())));
    println!("cell {}", Cell::here().name);
    let needs = guard::check();
    let before = kernel::Before::look();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let clean = catch_unwind(AssertUnwindSafe(|| before.assert_nothing_left()));
    if clean.is_err() {
        println!("{}", last_panic());
        return ExitCode::FAILURE;
    }
    println!("nothing of ours is left in the kernel");
    if needs { conclusion.exit_code() } else { ExitCode::FAILURE }
}

/// Those whose names hold one of the words of the filter, which are separated by commas.
fn wanted(mut trials: Vec<Trial>, filter: Option<String>) -> Vec<Trial> {
    if let Some(filter) = filter {
        trials.retain(|trial| filter.split(',').any(|word| trial.name().contains(word)));
    }
    trials
}

/// The matrix would say less than it seems to if a view had no such test.
fn every_view_is_watched_in_every_way(tests: Tests) {
    for view in Registry::get().views().iter().filter(|view| view.decl.unproven.is_none()) {
        let file = view.decl.program.as_ref().unwrap_or(&view.decl.name);
        let of_view = tests.iter().find(|(name, _)| name == file).map(|(_, tests)| *tests).unwrap_or_default();
        assert!(of_view.iter().any(|test| test.every_way), "no test of {} watches in every way", view.decl.name);
    }
}

fn trials(tests: Tests) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (file, tests) in tests {
        for test in *tests {
            trials.push(trial(format!("{file}::{}", test.name), file, test.uses, move || Case::run(file, test)));
        }
    }
    for view in Registry::get().views() {
        let name = view.decl.name.as_str();
        let test = |what: &str, run: fn(&'static View)| {
            let run = move || {
                run(view);
                Ok(())
            };
            trial(format!("{name}::{what}"), name, &[], run)
        };
        trials.push(test("what_is_not_proven_here_is_refused", |view| Cell::here().check_refusals(view)));
        trials.push(test("what_cannot_run_says_why", says_why));
        // Elsewhere the limit means nothing to any view, which one of them shows.
        if name == "biotop" || Cell::here().name == "5.10" {
            trials.push(test("with_little_locked_memory_it_runs_or_says_so", with_little_memory));
        }
        trials.push(test("without_type_information_it_says_so", without_types));
    }
    trials
}

fn trial(
    name: String,
    view: &'static str,
    uses: &'static [Thing],
    run: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Trial {
    let test = name.split("::").last().unwrap_or_default().to_owned();
    Trial::test(name, move || {
        let _alone = reserve(uses);
        NOTES.take();
        let result = catch_unwind(AssertUnwindSafe(run));
        let skipped = result.as_ref().err().and_then(|panic| panic.downcast_ref::<Skipped>()).map(|s| s.0.clone());
        let result = result.unwrap_or_else(|_| Err(last_panic()));
        if let Some(why) = skipped {
            println!("SKIPPED {view}::{test}: {why}");
            let (view, way) = (view.to_owned(), Way::Plain.to_string());
            report::add(&Record { view, test, way, outcome: Outcome::Skipped, hooks: Value::Null, message: Some(why) });
            return Ok(());
        }
        result.map_err(|why| {
            let notes = NOTES.take().join("\n");
            let (view, way) = (view.to_owned(), Way::Plain.to_string());
            let message = Some(why.clone());
            report::add(&Record { view, test, way, outcome: Outcome::Failed, hooks: Value::Null, message });
            Failed::from(format!("{why}\n{notes}"))
        })
    })
}

/// Everything that a test shares with no other, held by it.
type Reserved = (
    Option<std::sync::RwLockReadGuard<'static, ()>>,
    Option<std::sync::RwLockWriteGuard<'static, ()>>,
    Option<MutexGuard<'static, ()>>,
);

fn reserve(uses: &[Thing]) -> Reserved {
    static MACHINE: RwLock<()> = RwLock::new(());
    static DISK: Mutex<()> = Mutex::new(());
    let disk = uses.contains(&Thing::ScratchDisk).then(|| DISK.lock().unwrap_or_else(PoisonError::into_inner));
    match uses.contains(&Thing::Machine) {
        true => (None, Some(MACHINE.write().unwrap_or_else(PoisonError::into_inner)), disk),
        false => (Some(MACHINE.read().unwrap_or_else(PoisonError::into_inner)), None, disk),
    }
}

/// Keeps a line that is shown if the test of this thread fails.
pub fn note(line: String) {
    NOTES.with_borrow_mut(|notes| notes.push(line));
}

/// What the panic that was just caught on this thread said, and where.
pub fn last_panic() -> String {
    PANIC.take()
}

/// A view that is declared not to run here, or not in one of the ways, tells the declared reason.
fn says_why(view: &'static View) {
    let here = Cell::here();
    for way in [Way::Plain, Way::User, Way::NoTracefs] {
        if let Some(class) = here.unavailable(view, &way) {
            check_unavailable(view, &way, class);
        }
    }
}

/// Maps were charged against the limit of locked memory until 5.11 (97306be45fbe), and an ordinary user cannot raise it.
fn with_little_memory(view: &'static View) {
    let (here, way) = (Cell::here(), Way::LittleMemory);
    // What is not there is noticed before any map is made.
    if here.unavailable(view, &Way::Plain) == Some(ReasonClass::ModuleMissing) {
        return;
    }
    if here.unavailable(view, &Way::User).is_none() {
        let (code, frames) = cell::once(&way, &view.decl.name);
        // One with small maps runs there too; at the limit it may the next time, as what an earlier one was charged is given back late.
        if here.name == "5.10" && code != 0 {
            return check_reason(&view.decl.name, &way, code, frames.first().expect("a frame"), ReasonClass::Memlock);
        }
        if here.is_restricted() && frames.first().is_some_and(|frame| cell::class(frame) == "lockdown") {
            return;
        }
        assert_eq!(code, 0, "{} ({way}): {frames:?}", view.decl.name);
    }
}

fn check_unavailable(view: &View, way: &Way, expected: ReasonClass) {
    let name = view.decl.name.clone();
    let (code, frames) = cell::once(way, &name);
    check_reason(&name, way, code, frames.first().expect("a frame"), expected);
}

/// All views are asked at once: without types nothing is loaded, and a start of the program costs an emulated CPU a second.
fn without_types(view: &'static View) {
    static ALL: OnceLock<(i32, Vec<Value>)> = OnceLock::new();
    let (code, frames) = ALL.get_or_init(|| {
        let names: Vec<&str> = Registry::get().views().iter().map(|view| view.decl.name.as_str()).collect();
        cell::once(&Way::NoBtf, &names.join(","))
    });
    let name = &view.decl.name;
    let frame = frames.iter().find(|frame| frame["view"] == **name).expect("its frame");
    check_reason(name, &Way::NoBtf, *code, frame, ReasonClass::NoBtf);
}

fn check_reason(name: &str, way: &Way, code: i32, frame: &Value, expected: ReasonClass) {
    let expected = serde_json::to_value(expected).expect("a word");
    let exit = if expected == "no_privilege" { 3 } else { 4 };
    assert_eq!((code, cell::class(frame)), (exit, expected.as_str().unwrap_or("")), "{name} ({way}): {frame}");
    let remedy = frame["reason"]["remedy"].as_str();
    assert!(remedy.is_some_and(|remedy| !remedy.is_empty()), "{name} ({way}): no remedy: {frame}");
    let (way, message) = (way.to_string(), Some(cell::class(frame).to_owned()));
    let (test, hooks) = ("what_cannot_run_says_why".to_owned(), Value::Null);
    report::add(&Record { view: name.to_owned(), test, way, outcome: Outcome::Unavailable, hooks, message });
}
