//! What a setting lets through, and what it does not: the same work is watched with it and without.

use std::cell::RefCell;

use serde_json::Value;

use super::Case;

/// A setting, as words of a command line, and the rows that it is to let through.
pub type Asked<'a> = (&'a [&'a str], &'a dyn Fn(&Value) -> bool);

/// Has the view of `base` watch `work` without any of these settings and with each of them, and compares the rows that are `own`.
///
/// # Panics
/// If a setting shows another number of them than it is to let through, or one that it is not to.
pub fn check(case: &Case, base: &[&str], asked: &[Asked<'_>], work: impl FnOnce(), own: impl Fn(&Value) -> bool) {
    let all = case.watch(base);
    let watches: Vec<_> = asked.iter().map(|(words, _)| case.watch(&[base, *words].concat())).collect();
    work();
    let truth = RefCell::new(Vec::new());
    all.check(|rows| {
        truth.replace(rows.iter().filter(|row| own(row)).cloned().collect());
        assert!(!truth.borrow().is_empty(), "nothing was done");
    });
    for ((words, wanted), watch) in asked.iter().zip(watches) {
        let expected = truth.borrow().iter().filter(|row| wanted(row)).count();
        super::note(format!("{words:?}: {expected} of {}", truth.borrow().len()));
        watch.check(|rows| {
            let found: Vec<&Value> = rows.iter().filter(|row| own(row)).collect();
            assert_eq!(found.len(), expected, "{words:?}: {found:?}, of {:?}", truth.borrow());
            assert!(found.iter().all(|row| wanted(row)), "{words:?}: {found:?}");
        });
    }
}
