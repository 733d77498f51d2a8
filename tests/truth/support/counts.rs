//! What the kernel counts for the whole machine. Nobody can hold it still, so a number of it has two bounds: what was counted
//! while the program surely watched, and what was counted from before it began until after it had ended.

use std::collections::BTreeMap;

/// Numbers by name, of all CPUs together.
pub type Counts = BTreeMap<String, u64>;

/// Runs of soft interrupts by kind, as bcc-top calls them.
pub fn softirqs() -> Counts {
    read("/proc/softirqs", |name| Some(name.to_lowercase()))
}

/// Interrupts by line; those without a line of their own have no number.
pub fn interrupts() -> Counts {
    read("/proc/interrupts", |name| name.parse::<u32>().ok().map(|line| line.to_string()))
}

/// Lines such as `NAME: 1 2 what it is`, a number for each CPU that is online.
fn read(path: &str, name_of: impl Fn(&str) -> Option<String>) -> Counts {
    let text = std::fs::read_to_string(path).expect("procfs");
    let cpus = text.lines().next().expect("a head").split_whitespace().count();
    let count = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let numbers = rest.split_whitespace().take(cpus).map_while(|number| number.parse::<u64>().ok());
        Some((name_of(name.trim())?, numbers.sum()))
    };
    text.lines().skip(1).filter_map(count).collect()
}

/// What was counted since `then`.
pub fn since(now: &Counts, then: &Counts) -> Counts {
    now.iter().map(|(name, count)| (name.clone(), count - then.get(name).copied().unwrap_or(0))).collect()
}

/// Asserts that each of the numbers is within its bounds.
#[track_caller]
pub fn assert_within(what: &str, found: &Counts, least: &Counts, most: &Counts) {
    for (name, &most) in most {
        let (found, least) = (found.get(name).copied().unwrap_or(0), least.get(name).copied().unwrap_or(0));
        super::note(format!("{what}, {name}: {found}, in truth {least} to {most}"));
        assert!((least..=most).contains(&found), "{what}, {name}: {found}, in truth {least} to {most}");
    }
}
