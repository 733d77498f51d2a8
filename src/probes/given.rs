//! Constants of programs that the engine fills in by itself, whatever the view: facts about the machine, and not of its types.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use super::sys;
use crate::frame::{Reason, ReasonClass};

/// Whether the kernel counts the runs of programs while the view is there.
const RUN_STATISTICS: &str = "run_statistics";
/// How many CPUs the machine may have.
const POSSIBLE_CPUS: &str = "possible_cpus";
/// Address of a symbol: see `KSYM` in fixes.h.
const SYMBOL: &str = "ksym__";

/// What was found, and what has to be held for it to stay true.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// Values by name.
    pub values: HashMap<String, u64>,
    /// The run-time statistics are on while this lives.
    pub statistics: Option<Arc<OwnedFd>>,
    /// What the view lacks although it runs.
    pub partial: Option<Reason>,
}

impl Given {
    /// Finds those out that a program with these constants asks for.
    pub fn find<'n>(constants: impl Iterator<Item = &'n String>) -> Given {
        let mut given = Given::default();
        let mut symbols: HashMap<String, u64> = HashMap::new();
        for name in constants {
            match name.as_str() {
                RUN_STATISTICS => given.count_runs(),
                POSSIBLE_CPUS => {
                    let cpus = sys::possible_cpus().unwrap_or(1) as u64;
                    given.values.insert(name.clone(), cpus);
                }
                _ => drop(name.strip_prefix(SYMBOL).map(|symbol| symbols.insert(symbol.to_owned(), 0))),
            }
        }
        if !symbols.is_empty()
            && let Ok(file) = std::fs::File::open("/proc/kallsyms")
        {
            addresses(BufReader::new(file), &mut symbols);
        }
        given.values.extend(symbols.into_iter().map(|(symbol, address)| (format!("{SYMBOL}{symbol}"), address)));
        given
    }

    fn count_runs(&mut self) {
        match sys::enable_stats() {
            Ok(fd) => self.statistics = Some(Arc::new(fd)),
            Err(error) if !is_switched_on(Path::new("/proc/sys/kernel/bpf_stats_enabled")) => {
                let message = format!("the kernel does not count the runs of programs, and cannot be told to: {error}");
                let remedy = "run it as root, or set kernel.bpf_stats_enabled to 1".to_owned();
                self.partial = Some(Reason { class: ReasonClass::NoPrivilege, message, remedy });
                return;
            }
            Err(_) => {}
        }
        self.values.insert(RUN_STATISTICS.to_owned(), 1);
    }
}

fn is_switched_on(sysctl: &Path) -> bool {
    std::fs::read_to_string(sysctl).is_ok_and(|text| text.trim() == "1")
}

/// Fills in the addresses of these symbols. To whom the kernel does not show them they are 0.
fn addresses(kallsyms: impl BufRead, symbols: &mut HashMap<String, u64>) {
    let mut left = symbols.len();
    for line in kallsyms.lines().map_while(Result::ok) {
        let mut words = line.split_ascii_whitespace();
        let (address, Some(name)) = (words.next(), words.nth(1)) else { continue };
        if let Some(known) = symbols.get_mut(name) {
            *known = address.and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
            left -= 1;
            if left == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_found_by_their_whole_names() {
        let text = "ffffffff81000000 T _stext\nffffffff82a0 d offset_old\nffffffff82b0 D offset\t[module]\n";
        let mut symbols = HashMap::from([("offset".to_owned(), 0), ("gone".to_owned(), 0)]);
        addresses(text.as_bytes(), &mut symbols);
        assert_eq!(symbols, HashMap::from([("offset".to_owned(), 0xffff_ffff_82b0), ("gone".to_owned(), 0)]));
    }

    #[test]
    fn only_what_is_asked_for_is_found_out() {
        let given = Given::find([&"possible_cpus".to_owned(), &"min_latency".to_owned()].into_iter());
        assert!(given.values["possible_cpus"] > 0 && given.values.len() == 1 && given.statistics.is_none());
    }

    #[test]
    fn a_switch_that_is_not_there_is_off() {
        assert!(!is_switched_on(Path::new("/nonexistent")));
    }
}
