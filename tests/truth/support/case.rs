//! One run of one test: the ways in which the program watches its work, and what came of each.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};

use bcc_top::views::View;
use serde_json::Value;

use super::report::{Outcome, Record};
use super::tool::Seen;
use super::{Test, Tool, Way, cell, monotonic, report};

/// One run of one test.
pub struct Case {
    test: &'static Test,
    turn: Turn,
    failures: RefCell<Vec<String>>,
    records: RefCell<Vec<Record>>,
    missed: Cell<bool>,
}

/// How often a test is run before a program that was skipped counts as a failure.
const TRIES: usize = 4;

/// Which ways watch at once. A kprobe and a trampoline on the same function get into each other's way: on 5.10 fexit
/// programs then miss calls. So the ways that force kprobes have a turn of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Others,
    Kprobes,
}

/// What a test that cannot run unwinds with, and why it cannot.
pub struct Skipped(pub String);

impl Case {
    /// Runs a test. What went wrong, if anything did.
    ///
    /// # Panics
    /// With [`Skipped`] if it cannot be run here.
    pub fn run(file: &str, test: &'static Test) -> Result<(), String> {
        if let Some(missing) = test.needs.iter().find_map(|need| need.missing()) {
            assert!(!super::in_guest(), "{missing}, and guests are to have everything");
            panic_any(Skipped(missing));
        }
        Case::turn(test, Turn::Others)?;
        let here = super::Cell::here();
        if test.every_way && cell::views_of(file).any(|view| here.ways(view).iter().any(|way| way.forces_kprobe(view)))
        {
            Case::turn(test, Turn::Kprobes)?;
        }
        Ok(())
    }

    /// One turn of it. A kernel whose programs may be preempted (7.2) skips one that is on its way on the same CPU, which
    /// on an emulated one takes long enough to happen. The frames say so (`lost.missed`), and such a run proves nothing.
    /// A real host has other work, and may hide some of it ([`super::numbers::unseen`]): there a failure is looked at twice more, loudly, and
    /// a third one stands.
    /// So it is in guests for what is about waiting for a CPU: theirs are taken away from them by other guests at any moment.
    fn turn(test: &'static Test, turn: Turn) -> Result<(), String> {
        for left in (0..TRIES).rev() {
            let (failures, records) = Default::default();
            let case = Case { test, turn, failures, records, missed: Cell::new(false) };
            let run = catch_unwind(AssertUnwindSafe(|| (test.run)(&case)));
            let mut failures = case.failures.into_inner();
            if let Err(panic) = run {
                if panic.is::<Skipped>() {
                    resume_unwind(panic);
                }
                failures.push(super::harness::last_panic());
            }
            if !failures.is_empty() && case.missed.get() && left > 0 {
                println!("ONCE MORE {}: the kernel skipped programs, as the frames say", test.name);
                continue;
            }
            let borrowed = super::in_guest() && test.uses.contains(&super::Thing::Machine);
            if !failures.is_empty() && (!super::in_guest() || borrowed) && left > TRIES - 3 {
                println!("ONCE MORE {}: {}", test.name, failures.join("\n"));
                continue;
            }
            case.records.into_inner().iter().for_each(report::add);
            return if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) };
        }
        Ok(())
    }

    /// Has `bcc-top ARGS` watch from now on. The first argument is the view; the program is attached when this returns.
    pub fn watch<'c>(&'c self, args: &[&str]) -> Watch<'c> {
        let (here, view) = (super::Cell::here(), runnable(args[0]));
        let mut ways = if self.test.every_way { here.ways(view) } else { vec![Way::Plain] };
        ways.retain(|way| way.forces_kprobe(view) == (self.turn == Turn::Kprobes));
        self.start(view, ways, args)
    }

    /// Has it watch in the plain way only, beside a [`Case::watch`] that looks at the same hooks.
    pub fn watch_plain<'c>(&'c self, args: &[&str]) -> Watch<'c> {
        let ways = if self.turn == Turn::Others { vec![Way::Plain] } else { Vec::new() };
        self.start(runnable(args[0]), ways, args)
    }

    fn start<'c>(&'c self, view: &View, ways: Vec<Way>, args: &[&str]) -> Watch<'c> {
        let started: Vec<(Way, Tool)> = ways.into_iter().map(|way| (way.clone(), Tool::spawn(&way, args))).collect();
        let watch = Watch { case: self, view: view.decl.name.clone(), tools: started };
        watch.attached()
    }

    /// Runs `bcc-top ARGS -- COMMAND` to its end and has `check` look at the rows.
    pub fn follow(&self, args: &[&str], command: &[&str], check: impl Fn(&[Value])) {
        let view = runnable(args[0]).decl.name.clone();
        let words = [args, &["--"], command].concat();
        let watch = Watch { case: self, view, tools: Vec::new() };
        let tool = Tool::spawn(&Way::Plain, &words);
        let result = watch.judge(&Way::Plain, &Value::Null, || {
            let mut tool = tool;
            tool.attached();
            tool.into_end()
        });
        if let Some(Seen { hooks, rows, .. }) = result
            && watch.judge(&Way::Plain, &hooks, || check(&rows)).is_some()
        {
            watch.record(&Way::Plain, &hooks, Outcome::Ok, None);
        }
    }
}

/// The view of this name; the test is skipped if it cannot run here, as declared.
fn runnable(name: &str) -> &'static View {
    let (here, view) = (super::Cell::here(), cell::view(name));
    if let Some(class) = here.unavailable(view, &Way::Plain) {
        let class = serde_json::to_value(class).expect("a word");
        panic_any(Skipped(format!("{name} cannot run on {}: {class}", here.name)));
    }
    view
}

/// The program, watching in one or more ways.
pub struct Watch<'c> {
    case: &'c Case,
    view: String,
    tools: Vec<(Way, Tool)>,
}

impl Watch<'_> {
    fn attached(mut self) -> Self {
        let tools = std::mem::take(&mut self.tools);
        for (way, mut tool) in tools {
            if let Some(()) = self.judge(&way, &Value::Null, || tool.attached()) {
                self.tools.push((way, tool));
            }
        }
        self
    }

    /// Ends the watching after an interval that ended after now, and has `check` look at the rows (or the distributions)
    /// of each way.
    pub fn check(self, check: impl Fn(&[Value])) {
        self.check_with_lost(|rows, _| check(rows));
    }

    /// Stops the program, or lets it go on: meanwhile nobody reads what its hooks write.
    pub fn stop(&self, stopped: bool) {
        self.tools.iter().for_each(|(_, tool)| tool.stop(stopped));
    }

    /// As [`Watch::check`], with the number of events that it says it lost.
    pub fn check_with_lost(self, check: impl Fn(&[Value], u64)) {
        self.check_seen(|seen| check(&seen.rows, seen.lost));
    }

    /// As [`Watch::check`], with all that came of the run.
    pub fn check_seen(mut self, check: impl Fn(&Seen)) {
        let now = monotonic();
        for (way, tool) in std::mem::take(&mut self.tools) {
            let Some(seen) = self.judge(&way, &Value::Null, || tool.finish(now)) else { continue };
            self.case.missed.set(self.case.missed.get() || seen.missed);
            if self.judge(&way, &seen.hooks, || is_as_forced(&way, &seen.hooks)).is_none() {
                continue;
            }
            if self.judge(&way, &seen.hooks, || check(&seen)).is_some() {
                self.record(&way, &seen.hooks, Outcome::Ok, None);
            }
        }
    }

    /// Runs a part of the check of one way: its failure does not keep the other ways from being checked.
    fn judge<T>(&self, way: &Way, hooks: &Value, part: impl FnOnce() -> T) -> Option<T> {
        let message = match catch_unwind(AssertUnwindSafe(part)) {
            Ok(value) => return Some(value),
            Err(_) => super::harness::last_panic(),
        };
        self.record(way, hooks, Outcome::Failed, Some(message.clone()));
        self.case.failures.borrow_mut().push(format!("{} ({way}): {message}", self.view));
        None
    }

    fn record(&self, way: &Way, hooks: &Value, outcome: Outcome, message: Option<String>) {
        let (view, test, way) = (self.view.clone(), self.case.test.name.to_owned(), way.to_string());
        let record = Record { view, test, way, outcome, hooks: hooks.clone(), message };
        self.case.records.borrow_mut().push(record);
    }
}

/// Whoever forces a hook gets it.
fn is_as_forced(way: &Way, hooks: &Value) {
    let Way::Forced(forced) = way else { return };
    for hook in forced {
        let is_it =
            |used: &Value| *hook == format!("{}={}", used["purpose"].as_str().unwrap_or(""), used["alternative"]);
        assert!(hooks.as_array().is_some_and(|used| used.iter().any(is_it)), "{hook} was asked for, in use: {hooks}");
    }
}
