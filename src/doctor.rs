//! `bcc-top doctor`: what this kernel and these privileges allow. The probes find out; here is
//! what they tell and how it is printed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::enrich::host::Host;
use crate::export::shape::Version;
use crate::frame::{HookReport, Reason, ReasonClass};
use crate::views::Registry;

/// Whether a view can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// With the best hook for every purpose.
    Ok,
    /// With a hook that is not the best one; the numbers are the same.
    Fallback,
    /// Without an optional hook.
    Partial,
    /// Not at all.
    No,
}

impl Verdict {
    /// The words of the printed report.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Fallback => "ok via fallback",
            Verdict::Partial => "partial",
            Verdict::No => "no",
        }
    }
}

/// What was found out about one view.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ViewReport {
    /// Name of the view.
    pub name: String,
    /// Whether it can run.
    pub status: Verdict,
    /// Each purpose with what would be attached, and what was passed over.
    pub hooks: Vec<HookReport>,
    /// Why it cannot run, or not fully.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Facts about the kernel by name: `btf`, `fentry`, `kprobe`, `lockdown`, ...
pub type Facts = BTreeMap<String, serde_json::Value>;

/// What the probes side knows how to find out.
pub trait Examiner {
    /// What this kernel takes.
    fn facts(&self) -> Facts;

    /// Whether the view of that name can run, and on what.
    fn examine(&self, view: &str) -> ViewReport;
}

/// `doctor --json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DoctorDocument {
    /// Version of this format.
    pub schema: Version,
    /// The host it was asked on.
    pub host: Host,
    /// What this kernel takes.
    pub facts: Facts,
    /// The views, in the order asked for.
    pub views: Vec<ViewReport>,
}

impl DoctorDocument {
    /// Examines the views of these names.
    pub fn examine(host: Host, examiner: &dyn Examiner, views: &[String]) -> DoctorDocument {
        let views = views.iter().map(|view| examiner.examine(view)).collect();
        DoctorDocument { schema: Version::One, host, facts: examiner.facts(), views }
    }

    /// What a process without privilege can say: nothing of any view but why.
    pub fn without_privilege(host: Host, reason: &Reason, views: &[String]) -> DoctorDocument {
        let report = |name: &String| ViewReport {
            name: name.clone(),
            status: Verdict::No,
            hooks: Vec::new(),
            reason: Some(reason.clone()),
        };
        DoctorDocument { schema: Version::One, host, facts: Facts::new(), views: views.iter().map(report).collect() }
    }

    /// 0 if every view can run, 3 if one could not be tried for want of rights, else 4.
    pub fn exit_code(&self) -> u8 {
        let class = |class: ReasonClass| {
            self.views.iter().any(|v| v.status == Verdict::No && v.reason.as_ref().is_some_and(|r| r.class == class))
        };
        match self.views.iter().any(|view| view.status == Verdict::No) {
            false => 0,
            true if class(ReasonClass::NoPrivilege) => 3,
            true => 4,
        }
    }

    /// The report for people: facts, then a line per view, with what was passed over below it.
    pub fn text(&self) -> String {
        let host = &self.host;
        let mut text = format!("host {}  kernel {}  {}  {} cpus\n", host.hostname, host.kernel, host.arch, host.cpus);
        let wide = self.facts.keys().map(String::len).max().unwrap_or(0);
        for (name, value) in &self.facts {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.push_str(&format!("  {name:<wide$}  {value}\n"));
        }
        text.push('\n');
        let wide = self.views.iter().map(|view| view.name.len()).max().unwrap_or(0);
        for view in &self.views {
            let hooks: Vec<String> = view.hooks.iter().filter_map(chosen).collect();
            let line = format!("{:<wide$}  {:<15}  {}", view.name, view.status.words(), hooks.join(" "));
            text.push_str(line.trim_end());
            text.push('\n');
            if let Some(reason) = &view.reason {
                text.push_str(&format!(
                    "{:<wide$}    why  {}\n{:<wide$}    do   {}\n",
                    "", reason.message, "", reason.remedy
                ));
            }
            if let Some(why) = Registry::get().find(&view.name).and_then(|view| view.decl.unproven.as_ref()) {
                text.push_str(&format!("{:<wide$}    note unproven: {why}\n", ""));
            }
            for (purpose, tried) in view.hooks.iter().flat_map(|h| h.tried.iter().map(move |t| (&h.purpose, t))) {
                let line = format!("{purpose}: {}/{} {}", tried.kind, tried.target, tried.result);
                text.push_str(&format!("{:<wide$}    tried  {line}\n", ""));
            }
        }
        text
    }
}

/// `submit=tp_btf/block_io_start`.
fn chosen(hook: &HookReport) -> Option<String> {
    Some(format!("{}={}/{}", hook.purpose, hook.kind.as_ref()?, hook.target.as_ref()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::schema::tests::validate;
    use crate::frame::Tried;

    fn document(verdict: Verdict, class: Option<ReasonClass>) -> DoctorDocument {
        let reason = class.map(|class| Reason { class, message: "it is so".into(), remedy: "change it".into() });
        let tried =
            vec![Tried { alternative: 1, kind: "fentry".into(), target: "f".into(), result: "refused (EPERM)".into() }];
        let (kind, target) = (Some("kprobe".to_owned()), Some("f".to_owned()));
        let hooks = vec![HookReport { purpose: "send".into(), alternative: Some(2), kind, target, tried }];
        let ok = ViewReport { name: "a".into(), status: Verdict::Ok, hooks: Vec::new(), reason: None };
        let other = ViewReport { name: "longer".into(), status: verdict, hooks, reason };
        let facts = Facts::from([("btf".to_owned(), true.into()), ("lockdown".to_owned(), "none".into())]);
        let host = Host { hostname: "h".into(), kernel: "6.1".into(), arch: "x86_64".into(), cpus: 2, boot_id: None };
        DoctorDocument { schema: Version::One, host, facts, views: vec![ok, other] }
    }

    #[test]
    fn exit_codes_follow_the_worst_view() {
        let code = |verdict, class| document(verdict, class).exit_code();
        assert_eq!(code(Verdict::Fallback, None), 0);
        assert_eq!(code(Verdict::Partial, Some(ReasonClass::NoFentry)), 0);
        assert_eq!(code(Verdict::No, Some(ReasonClass::NoBtf)), 4);
        assert_eq!(code(Verdict::No, Some(ReasonClass::NoPrivilege)), 3);
    }

    #[test]
    fn the_document_is_what_the_schema_says() {
        let json = serde_json::to_value(document(Verdict::No, Some(ReasonClass::NoBtf))).unwrap();
        validate("DoctorDocument", &json).unwrap();
        assert_eq!(json["views"][1]["reason"]["class"], "no_btf");
        assert_eq!(json["views"][1]["hooks"][0]["tried"][0]["result"], "refused (EPERM)");
    }

    #[test]
    fn the_report_says_what_was_chosen_and_why_not_better() {
        let text = document(Verdict::Fallback, None).text();
        assert!(text.contains("\na       ok\n"), "{text}");
        assert!(text.contains("\nlonger  ok via fallback  send=kprobe/f\n"), "{text}");
        assert!(text.contains("tried  send: fentry/f refused (EPERM)"), "{text}");
        assert!(text.contains("  lockdown  none\n"), "{text}");
    }
}
