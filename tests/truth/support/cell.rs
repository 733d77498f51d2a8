//! The cell of the kernel matrix that the tests run in, and what the declarations promise there.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use bcc_top::frame::ReasonClass;
use bcc_top::probes::object;
use bcc_top::views::proof::KERNELS;
use bcc_top::views::{Registry, View};
use serde_json::Value;

use super::Way;

/// Numbers of the alternatives that work, by purpose.
pub type Working = BTreeMap<String, Vec<u32>>;

/// Where the tests run.
pub struct Cell {
    /// As declarations call it, or the kernel's release.
    pub name: String,
    /// Its kernel is one that declarations speak of.
    known: bool,
    /// Only the plain way is tried: the cell itself is the restriction.
    restricted: bool,
}

/// The kernel's release.
pub fn release() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("procfs");
    release.trim().to_owned()
}

impl Cell {
    /// `BCC_TOP_CELL` names it; without, it is the host, which may be a kernel that no declaration knows.
    pub fn here() -> &'static Cell {
        static HERE: OnceLock<Cell> = OnceLock::new();
        HERE.get_or_init(|| {
            let name = std::env::var("BCC_TOP_CELL").unwrap_or_else(|_| host());
            let known = KERNELS.contains(&name.as_str());
            Cell { known, restricted: name == "lockdown", name }
        })
    }

    /// Whether declarations say what works on this kernel.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// Whether the cell is a restriction itself. With a second one, some views have nothing left to work with.
    pub fn is_restricted(&self) -> bool {
        self.restricted
    }

    /// Why the view cannot run here in this way, if its declaration says so.
    pub fn unavailable(&self, view: &View, way: &Way) -> Option<ReasonClass> {
        let declared = |name: &str| view.decl.unavailable.get(name).copied();
        declared(&self.name).or_else(|| declared(&way.to_string()))
    }

    /// The ways in which a view is run here.
    pub fn ways(&self, view: &View) -> Vec<Way> {
        let mut ways = vec![Way::Plain];
        if !self.restricted {
            ways.extend(self.forced(view));
            ways.extend([Way::User, Way::NoTracefs]);
        }
        ways.retain(|way| self.unavailable(view, way).is_none());
        ways
    }

    /// Ways that use, together, every alternative that works here and is not the program's own choice.
    fn forced(&self, view: &View) -> Vec<Way> {
        let working = self.working(view);
        let rounds = working.values().map(Vec::len).max().unwrap_or(0);
        let of_round = |round| {
            let hook = |(purpose, numbers): (&String, &Vec<u32>)| Some(format!("{purpose}={}", numbers.get(round)?));
            Way::Forced(working.iter().filter_map(hook).collect())
        };
        (1..rounds).map(of_round).collect()
    }

    /// The alternatives that work here: as declared, or on a kernel that no declaration knows, as tried.
    pub fn working(&self, view: &View) -> Working {
        static TRIED: Mutex<BTreeMap<String, Working>> = Mutex::new(BTreeMap::new());
        if self.known {
            return select(view, |hook, number| view.decl.is_proven(hook, number, &self.name));
        }
        let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
        let try_all = || select(view, |hook, number| refusal(view, hook, number).is_none());
        tried.entry(view.decl.name.clone()).or_insert_with(try_all).clone()
    }

    /// Asserts that nothing works here that is not declared to, and that each refusal is one for a user to understand.
    pub fn check_refusals(&self, view: &View) {
        if !self.known {
            return;
        }
        let working = self.working(view);
        for (hook, number) in alternatives(view) {
            if working.get(&hook).is_some_and(|numbers| numbers.contains(&number)) {
                continue;
            }
            let frame = refusal(view, &hook, number);
            let frame = frame.unwrap_or_else(|| panic!("{hook}={number} works on {}: declare it as proven", self.name));
            let understood = ["symbol_missing", "prog_type_denied", "no_kprobes", "no_fentry", "module_missing"];
            assert!(understood.contains(&class(&frame)), "{hook}={number} is refused: {}", frame["reason"]);
        }
    }
}

/// A host whose kernel declarations know is recognised by what it lacks.
fn host() -> String {
    let release = release();
    let kprobes = std::path::Path::new("/sys/bus/event_source/devices/kprobe/type").exists();
    if release.starts_with("6.18.") && !kprobes { "6.18-locked".to_owned() } else { release }
}

/// The view of this name.
pub fn view(name: &str) -> &'static View {
    Registry::get().find(name).unwrap_or_else(|| panic!("there is no view {name}"))
}

/// The views that a file of tests is about: those of its program.
pub fn views_of(file: &str) -> impl Iterator<Item = &'static View> {
    let is_of =
        move |view: &&View| view.decl.program.as_ref().unwrap_or(&view.decl.name) == file || view.decl.name == file;
    Registry::get().views().iter().filter(is_of)
}

/// Every numbered alternative of a view.
pub fn alternatives(view: &View) -> Vec<(String, u32)> {
    let programs = object::programs(view).unwrap_or_else(|error| panic!("{}: {error}", view.decl.name));
    let mut all: Vec<_> = programs.into_iter().filter(|p| p.number > 0).map(|p| (p.hook, p.number)).collect();
    all.sort();
    all.dedup();
    // Only a run with a command has it; the test of that exercises it.
    all.retain(|(hook, _)| hook != "follow");
    all
}

fn select(view: &View, mut works: impl FnMut(&str, u32) -> bool) -> Working {
    let mut working = Working::new();
    for (hook, number) in alternatives(view) {
        if works(&hook, number) {
            working.entry(hook).or_default().push(number);
        }
    }
    working
}

/// The frame in which the program refuses this alternative here; none if it takes it.
fn refusal(view: &View, hook: &str, number: u32) -> Option<Value> {
    let way = Way::Forced(vec![format!("{hook}={number}")]);
    let when = view.decl.hooks.get(hook).and_then(|hook| hook.when.as_ref()).and_then(|name| {
        if name.contains('=') {
            return Some(format!("--set={name}"));
        }
        let set = view.decl.set.get(name)?;
        let on = if set.time.is_some() { "1ns" } else { "on" };
        Some(format!("--set={name}={}", set.choices.last().map_or(on, |choice| &choice.name)))
    });
    let (code, frames) = once_with(&way, &view.decl.name, when.as_slice());
    let frame = frames.first().unwrap_or_else(|| panic!("{way}: no frame"));
    match code {
        0 => None,
        4 => Some(frame.clone()),
        code => panic!("{way}: exit {code}: {frame}"),
    }
}

/// The class of the reason of a frame.
pub fn class(frame: &Value) -> &str {
    frame["reason"]["class"].as_str().unwrap_or("none")
}

/// Runs views in this way for a moment: the exit code, and their frames.
pub fn once(way: &Way, views: &str) -> (i32, Vec<Value>) {
    once_with(way, views, &[])
}

/// The same with settings.
pub fn once_with(way: &Way, views: &str, settings: &[String]) -> (i32, Vec<Value>) {
    let mut command = way.command();
    let command = command.args([views, "--json", "-d", "0.1", "-n", "1"]).args(settings);
    let output = command.output().expect("the program starts");
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{way}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
    let frames = document["frames"].as_array().expect("frames").clone();
    (output.status.code().expect("an exit code"), frames)
}
