//! Before anything is loaded: what the programs need of the kernel's types is there. A layout that changed is reported by
//! its name, not as a program that the verifier refused.

use bcc_top::probes::btf::Btf;
use bcc_top::probes::guard::faults;
use bcc_top::probes::object;
use bcc_top::views::{Registry, View};
use serde_json::Value;

use super::report::{Outcome, Record};
use super::{Cell, Way, report};

/// The name that its records have.
pub const TEST: &str = "what_it_needs_is_there";

/// Whether every alternative that is proven on this kernel finds what it needs. Nothing is known about the needs on a
/// kernel that declarations do not speak of.
pub fn check() -> bool {
    let here = Cell::here();
    if !here.is_known() {
        return true;
    }
    let bytes = std::fs::read("/sys/kernel/btf/vmlinux").expect("the kernel's type information");
    let kernel = Btf::parse(&bytes).expect("well-formed type information");
    let mut well = true;
    for view in Registry::get().views() {
        let missing = missing(view, &kernel);
        for line in &missing {
            println!("{}: {line} on {}", view.decl.name, here.name);
        }
        well &= missing.is_empty();
        let outcome = if missing.is_empty() { Outcome::Ok } else { Outcome::Failed };
        let (test, way) = (TEST.to_owned(), Way::Plain.to_string());
        let message = (!missing.is_empty()).then(|| missing.join("; "));
        report::add(&Record { view: view.decl.name.clone(), test, way, outcome, hooks: Value::Null, message });
    }
    well
}

fn missing(view: &View, kernel: &Btf<'_>) -> Vec<String> {
    let working = Cell::here().working(view);
    let programs = object::programs(view).unwrap_or_else(|error| panic!("{}: {error}", view.decl.name));
    let is_proven = |name: &str| {
        let program = programs.iter().find(|program| program.name == name);
        program.is_some_and(|p| !p.optional && working.get(&p.hook).is_some_and(|numbers| numbers.contains(&p.number)))
    };
    let faults = faults(view.object.bytes(), kernel).unwrap_or_else(|error| panic!("{}: {error}", view.decl.name));
    faults.iter().filter(|fault| is_proven(&fault.program)).map(ToString::to_string).collect()
}
