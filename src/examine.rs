//! What `doctor` asks of the probes: every view is really loaded and attached, then let go.

use std::path::PathBuf;

use crate::doctor::{Examiner, Facts, Verdict, ViewReport};
use crate::frame::{HookReport, Reason};
use crate::probes::kernel;
use crate::probes::probe::{Probe, Wish};
use crate::views::Registry;

/// Examines the running kernel.
#[derive(Clone, Debug, Default)]
pub struct LiveExaminer {
    /// BTF to use instead of the kernel's own (`--btf`).
    pub btf: Option<PathBuf>,
}

impl Examiner for LiveExaminer {
    fn facts(&self) -> Facts {
        kernel::facts().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
    }

    fn examine(&self, name: &str) -> ViewReport {
        let report = |status, hooks, reason| ViewReport { name: name.to_owned(), status, hooks, reason };
        let Some(view) = Registry::get().find(name) else { return report(Verdict::No, vec![], None) };
        let wish = Wish { btf: self.btf.clone(), ..Wish::default() };
        match Probe::start(view, &wish, &mut |_| {}) {
            Ok(probe) => {
                let lacks = probe.lacks();
                report(verdict(&probe.reports, lacks.as_ref()), probe.reports.clone(), lacks)
            }
            Err(unavailable) => report(Verdict::No, unavailable.tried, Some(unavailable.reason)),
        }
    }
}

fn verdict(hooks: &[HookReport], partial: Option<&Reason>) -> Verdict {
    match partial {
        Some(_) => Verdict::Partial,
        None if hooks.iter().any(|hook| !hook.tried.is_empty()) => Verdict::Fallback,
        None => Verdict::Ok,
    }
}
