//! What the kernel counts for the whole machine. Nobody can hold it still, so a number of it has two bounds: what was counted
//! while the program surely watched, and what was counted from before it began until after it had ended.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Case;
use super::case::Watch;
use super::numbers::{is, number, unseen};

/// Numbers by name.
pub type Counts = BTreeMap<String, u64>;

/// Runs of soft interrupts by kind, as bcc-top calls them; of one CPU, or of all.
pub fn softirqs(cpu: Option<u32>) -> Counts {
    read("/proc/softirqs", cpu, |name| Some(name.to_lowercase()))
}

/// Interrupts by line, of one CPU, or of all; those without a line of their own have no number.
pub fn interrupts(cpu: Option<u32>) -> Counts {
    read("/proc/interrupts", cpu, |name| name.parse::<u32>().ok().map(|line| line.to_string()))
}

/// Lines such as `NAME: 1 2 what it is`, a number for each CPU that is online.
fn read(path: &str, cpu: Option<u32>, name_of: impl Fn(&str) -> Option<String>) -> Counts {
    let text = std::fs::read_to_string(path).expect("procfs");
    let wanted = |head: &str| cpu.is_none_or(|cpu| head == format!("CPU{cpu}"));
    let cpus: Vec<bool> = text.lines().next().expect("a head").split_whitespace().map(wanted).collect();
    let count = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let numbers = rest
            .split_whitespace()
            .zip(&cpus)
            .map_while(|(number, wanted)| Some((number.parse::<u64>().ok()?, wanted)));
        Some((name_of(name.trim())?, numbers.filter(|(_, wanted)| **wanted).map(|(number, _)| number).sum()))
    };
    text.lines().skip(1).filter_map(count).collect()
}

/// What was counted since `then`.
pub fn since(now: &Counts, then: &Counts) -> Counts {
    now.iter().map(|(name, count)| (name.clone(), count - then.get(name).copied().unwrap_or(0))).collect()
}

/// Asserts that each of the numbers is within its bounds, but for what nobody can see ([`unseen`]).
#[track_caller]
pub fn assert_within(what: &str, found: &Counts, least: &Counts, most: &Counts) {
    for (name, &most) in most {
        let (found, least) = (found.get(name).copied().unwrap_or(0), least.get(name).copied().unwrap_or(0));
        let least = (least as f64 * (1.0 - unseen() / 100.0)) as u64;
        super::note(format!("{what}, {name}: {found}, in truth {least} to {most}"));
        assert!((least..=most).contains(&found), "{what}, {name}: {found}, in truth {least} to {most}");
    }
}

/// A view of interrupts that is asked for one CPU, for each of the first four.
pub struct EachCpu<'c> {
    read: fn(Option<u32>) -> Counts,
    cpus: Vec<OneCpu<'c>>,
}

struct OneCpu<'c> {
    cpu: u32,
    before: Counts,
    begun: Counts,
    watch: Watch<'c>,
}

impl<'c> EachCpu<'c> {
    /// Watches from now on; `read` says what the kernel counted.
    pub fn watch(case: &'c Case, view: &str, read: fn(Option<u32>) -> Counts) -> EachCpu<'c> {
        let cpus = std::thread::available_parallelism().expect("CPUs").get().min(4) as u32;
        let one = |cpu| {
            let before = read(Some(cpu));
            let watch = case.watch_plain(&[view, "--show", "cpu", "--cpu", &cpu.to_string()]);
            OneCpu { cpu, before, begun: read(Some(cpu)), watch }
        };
        EachCpu { read, cpus: (0..cpus).map(one).collect() }
    }

    /// Compares what each shows with what was counted on its CPU; what is `vague` is not looked at.
    pub fn check(self, count: impl Fn(&[Value]) -> Counts, vague: impl Fn(&str) -> bool) {
        let read = self.read;
        let ends: Vec<Counts> = self.cpus.iter().map(|one| read(Some(one.cpu))).collect();
        for (OneCpu { cpu, before, begun, watch }, end) in self.cpus.into_iter().zip(ends) {
            let least = since(&end, &begun);
            watch.check(|rows| {
                let mut most = since(&read(Some(cpu)), &before);
                most.retain(|name, _| !vague(name));
                assert_within(&format!("on CPU {cpu}"), &count(rows), &least, &most);
                assert!(rows.iter().all(|row| is(row, "cpu", cpu) && number(row, "count") > 0), "only {cpu}: {rows:?}");
            });
        }
    }
}
