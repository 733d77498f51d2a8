//! What libbpf prints: never to standard error, which may be under a screen, but to the log; and
//! kept per thread while a view is loaded, because only this text names the program that failed.

use std::cell::RefCell;
use std::sync::Once;

use libbpf_rs::{PrintLevel, set_print};

/// A rejected program brings its whole verifier log; the end is what tells.
const KEEP: usize = 256 * 1024;

thread_local! {
    static KEPT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Redirects libbpf's output. Call before anything else of libbpf.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set_print(Some((PrintLevel::Info, print)));
    });
}

fn print(level: PrintLevel, text: String) {
    KEPT.with_borrow_mut(|kept| {
        if let Some(kept) = kept
            && kept.len() + text.len() <= KEEP
        {
            kept.push_str(&text);
        }
    });
    // Refusals are expected while alternatives are tried: they are no warnings to a user.
    let line = text.trim_end();
    match level {
        PrintLevel::Warn | PrintLevel::Info => log::debug!(target: "libbpf", "{line}"),
        PrintLevel::Debug => log::trace!(target: "libbpf", "{line}"),
    }
}

/// Runs `work` and gives what libbpf printed meanwhile on this thread.
pub fn capture<T>(work: impl FnOnce() -> T) -> (T, String) {
    KEPT.set(Some(String::new()));
    let result = work();
    (result, KEPT.take().unwrap_or_default())
}

/// The program named last in libbpf's output: the one that failed.
pub fn failed_program(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once("prog '")?;
    Some(rest.split_once('\'')?.0)
}

/// The map named last as not created.
pub fn failed_map(text: &str) -> Option<&str> {
    let (before, _) = text.rsplit_once("failed to create")?;
    let (_, rest) = before.rsplit_once("map '")?;
    Some(rest.split_once('\'')?.0)
}

/// The line before the end of a verifier log: why it said no.
pub fn verifier_verdict(text: &str) -> Option<&str> {
    let (log, _) = text.rsplit_once("-- END PROG LOAD LOG --")?;
    let told = |line: &&str| !line.is_empty() && !line.starts_with("processed ");
    log.lines().rev().map(str::trim).find(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "libbpf: prog 'a': fine\nlibbpf: prog 'submit__2': BPF program load failed: Operation not permitted\n\
        libbpf: prog 'submit__2': -- BEGIN PROG LOAD LOG --\nR1 type=ctx\nR0 invalid mem access 'map_value_or_null'\n\
        processed 4 insns\n-- END PROG LOAD LOG --\n";

    #[test]
    fn the_failing_program_and_the_verdict_are_found() {
        assert_eq!(failed_program(LOG), Some("submit__2"));
        assert_eq!(verifier_verdict(LOG), Some("R0 invalid mem access 'map_value_or_null'"));
        assert_eq!(
            failed_map("libbpf: Error in bpf_create_map_xattr(x):\nlibbpf: map 'since_task': failed to create: -22"),
            Some("since_task")
        );
    }
}
