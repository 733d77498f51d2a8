//! Where views are proven to work: the cells of the kernel matrix, as declarations name them.

use super::ViewDecl;
use crate::frame::Hook;

/// Kernels on which every view and each of its hooks is tried, oldest first. `6.18-locked` is one without kprobes that
/// refuses fentry and fexit.
pub const KERNELS: &[&str] = &["5.10", "6.1", "6.12", "6.18-locked", "7.2"];

/// Restrictions under which every view is tried as well: a kernel in lockdown (confidentiality), an ordinary user with
/// CAP_BPF and CAP_PERFMON, a host without tracefs.
pub const RESTRICTIONS: &[&str] = &["lockdown", "user", "no_tracefs"];

/// A way to serve a purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// `--hook PURPOSE=N` asks for it; 0 if there is no other.
    pub number: u32,
    /// What it attaches: `tp_btf/block_rq_issue`, with blanks between them.
    pub hooks: String,
    /// Kernels on which it is known to give right numbers.
    pub proven: Vec<&'static str>,
}

impl ViewDecl {
    /// The ways to serve a purpose, best first, of all the hooks that the view's programs have.
    pub fn ways(&self, purpose: &str, hooks: &[Hook]) -> Vec<Way> {
        let ours: Vec<&Hook> = hooks.iter().filter(|hook| hook.purpose == purpose).collect();
        let mut numbers: Vec<u32> = ours.iter().map(|hook| hook.alternative).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let way = |number: u32| {
            let parts = || ours.iter().filter(|hook| hook.alternative == number);
            // What looks around once is worth a word only where nothing else does the work.
            let only_looks = parts().all(|hook| hook.kind == "iter");
            let parts = parts().filter(|hook| only_looks || hook.kind != "iter");
            let mut names: Vec<String> = parts.map(|hook| format!("{}/{}", hook.kind, hook.target)).collect();
            names.dedup();
            let proven = KERNELS.iter().copied().filter(|kernel| self.is_proven(purpose, number, kernel)).collect();
            Way { number, hooks: names.join(" "), proven }
        };
        numbers.into_iter().map(way).collect()
    }

    /// Whether this alternative is known to work on a kernel of [`KERNELS`]. One that is declared without a list, being
    /// the only one of its hook, works wherever the view does.
    pub fn is_proven(&self, hook: &str, number: u32, kernel: &str) -> bool {
        let proven = self.hooks.get(hook).map(|hook| &hook.proven);
        match proven.and_then(|proven| proven.get(&number.to_string())) {
            Some(kernels) => kernels.iter().any(|k| k == kernel),
            None => proven.is_none_or(|proven| proven.is_empty()) && !self.unavailable.contains_key(kernel),
        }
    }
}
