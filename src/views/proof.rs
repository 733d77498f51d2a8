//! Where views are proven to work: the cells of the kernel matrix, as declarations name them.

use super::ViewDecl;

/// Kernels on which every view and each of its hooks is tried, oldest first. `6.18-locked` is one without kprobes that
/// refuses fentry and fexit.
pub const KERNELS: &[&str] = &["5.10", "6.1", "6.12", "6.18-locked", "7.2"];

/// Restrictions under which every view is tried as well: a kernel in lockdown (confidentiality), an ordinary user with
/// CAP_BPF and CAP_PERFMON, a host without tracefs.
pub const RESTRICTIONS: &[&str] = &["lockdown", "user", "no_tracefs"];

impl ViewDecl {
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
