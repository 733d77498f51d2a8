//! Which alternative each hook uses. Pure: programs, facts and earlier failures in, a choice and
//! its reasons out.
//!
//! A program is called `HOOK__N` or `HOOK__N_part`: of the same HOOK, the lowest N that works is
//! used, with all its parts. Without `__N` it is required; `_opt` may fail; `_seed` is an iterator
//! that runs once after attaching.

use std::collections::BTreeMap;

use super::facts::Facts;
use crate::feed::Force;
use crate::frame::{Hook, HookReport, Reason, ReasonClass, Tried};

/// The section of programs that sample.
const PERF_EVENT: &str = "perf_event";

/// A program of an object, as its name and section describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Name in C.
    pub name: String,
    /// Purpose.
    pub hook: String,
    /// Which alternative it belongs to; 0 without a number.
    pub number: u32,
    /// The view runs without it.
    pub optional: bool,
    /// Runs once after attaching.
    pub seed: bool,
    /// `tp_btf`, `fentry`, ...
    pub kind: String,
    /// Function, tracepoint or iterator.
    pub target: String,
    /// Its target is the declaration's: see [`Program::bind`].
    pub bound: bool,
}

impl Program {
    /// Reads the conventions off a name and its ELF section.
    pub fn parse(name: &str, section: &str) -> Program {
        // The event that libbpf wants no name for: see sampling.rs.
        let nameless = if section == PERF_EVENT { "cpu-clock" } else { "" };
        let (kind, target) = section.split_once('/').unwrap_or((section, nameless));
        let (hook, rest) = name.split_once("__").unwrap_or((name, ""));
        let digits = rest.split('_').next().unwrap_or_default();
        Program {
            name: name.to_owned(),
            hook: hook.trim_end_matches("_opt").to_owned(),
            number: digits.parse().unwrap_or(0),
            optional: name.ends_with("_opt"),
            seed: kind == "iter" && name.ends_with("_seed"),
            kind: kind.to_owned(),
            target: target.to_owned(),
            bound: false,
        }
    }

    /// Puts the function that the declaration names in the place of a target `@NAME`. None if it names none: then the
    /// program is not for this view.
    pub fn bind(mut self, targets: &BTreeMap<String, String>) -> Option<Program> {
        if let Some(name) = self.target.strip_prefix('@') {
            self.target = targets.get(name)?.clone();
            self.bound = true;
        }
        Some(self)
    }

    /// Whether it runs from a timer of each CPU.
    pub fn samples(&self) -> bool {
        self.kind == PERF_EVENT
    }

    /// As shown to the user.
    pub fn hook(&self) -> Hook {
        Hook {
            purpose: self.hook.clone(),
            alternative: self.number,
            kind: self.kind.clone(),
            target: self.target.clone(),
        }
    }

    /// Whether `--hook KIND` means this program: a return probe goes with its entry.
    fn is_of_kind(&self, kind: &str) -> bool {
        match kind {
            "fentry" | "fexit" => matches!(self.kind.as_str(), "fentry" | "fexit"),
            "kprobe" | "kretprobe" => matches!(self.kind.as_str(), "kprobe" | "kretprobe"),
            other => self.kind == other,
        }
    }
}

/// A program that was tried and did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Name of the program.
    pub program: String,
    /// In plain words.
    pub result: String,
    /// What sort of cause.
    pub class: ReasonClass,
}

/// Needs by purpose and alternative: one of each list must hold.
pub type Needs = BTreeMap<(String, u32), Vec<String>>;

/// The choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Programs to load, as indices.
    pub chosen: Vec<usize>,
    /// For each purpose what is used and what was passed over.
    pub reports: Vec<HookReport>,
    /// Why the view cannot run: the first purpose without an alternative.
    pub impossible: Option<Reason>,
    /// What the view lacks although it runs.
    pub partial: Option<Reason>,
}

/// Chooses for every hook the first alternative that nothing speaks against.
pub fn plan(programs: &[Program], facts: &Facts, needs: &Needs, failures: &[Failure], force: &[Force]) -> Plan {
    let mut plan = Plan::default();
    let mut hooks: Vec<&str> = programs.iter().map(|p| p.hook.as_str()).collect();
    let mut seen = std::collections::HashSet::new();
    hooks.retain(|hook| seen.insert(*hook));
    for hook in hooks {
        choose(&mut plan, hook, programs, facts, needs, failures, force);
    }
    plan.chosen.sort_unstable();
    plan
}

fn choose(
    plan: &mut Plan,
    hook: &str,
    programs: &[Program],
    facts: &Facts,
    needs: &Needs,
    failures: &[Failure],
    force: &[Force],
) {
    let mut alternatives: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (index, program) in programs.iter().enumerate().filter(|(_, p)| p.hook == hook) {
        alternatives.entry(program.number).or_default().push(index);
    }
    let insisted = insist(&mut alternatives, hook, programs, force);
    let mut tried = Vec::new();
    let mut causes = Vec::new();
    for (number, parts) in &alternatives {
        match obstacle(hook, *number, parts, programs, facts, needs, failures) {
            None => {
                let first = &programs[parts[0]];
                plan.chosen.extend(parts);
                plan.reports.push(HookReport {
                    purpose: hook.to_owned(),
                    alternative: Some(*number),
                    kind: Some(first.kind.clone()),
                    target: Some(first.target.clone()),
                    tried,
                });
                return;
            }
            Some((program, failure)) => {
                causes.push((program.clone(), failure.clone()));
                tried.push(Tried {
                    alternative: *number,
                    kind: program.kind.clone(),
                    target: program.target.clone(),
                    result: failure.result,
                });
            }
        }
    }
    // Whoever insists on an alternative does not want to do without it.
    let optional = !insisted && alternatives.values().flatten().all(|&i| programs[i].optional);
    plan.reports.push(HookReport { purpose: hook.to_owned(), alternative: None, kind: None, target: None, tried });
    let reason = reason(hook, &causes);
    if optional {
        plan.partial.get_or_insert(reason);
    } else {
        plan.impossible.get_or_insert(reason);
    }
}

/// Leaves only what the user insists on, if that is about this hook.
fn insist(alternatives: &mut BTreeMap<u32, Vec<usize>>, hook: &str, programs: &[Program], force: &[Force]) -> bool {
    let mut insisted = false;
    for force in force {
        match force {
            Force::Alternative { hook: forced, number } if forced == hook => {
                alternatives.retain(|n, _| n == number);
                insisted = true;
            }
            Force::Kind(kind) => {
                let matches = |parts: &Vec<usize>| parts.iter().any(|&i| programs[i].is_of_kind(kind));
                if alternatives.values().any(matches) {
                    alternatives.retain(|_, parts| matches(parts));
                    insisted = true;
                }
            }
            Force::Alternative { .. } => {}
        }
    }
    insisted
}

/// The first thing that speaks against an alternative.
fn obstacle<'p>(
    hook: &str,
    number: u32,
    parts: &[usize],
    programs: &'p [Program],
    facts: &Facts,
    needs: &Needs,
    failures: &[Failure],
) -> Option<(&'p Program, Failure)> {
    let first = &programs[parts[0]];
    for &index in parts {
        let program = &programs[index];
        if let Some(failure) = failures.iter().find(|f| f.program == program.name) {
            return Some((program, failure.clone()));
        }
        if let Some((class, result)) = known_obstacle(program, facts) {
            return Some((program, Failure { program: program.name.clone(), result, class }));
        }
    }
    let lists = needs.get(&(hook.to_owned(), number))?;
    if lists.iter().any(|need| facts.holds(need)) {
        return None;
    }
    let result = match lists.first().map(|need| need.strip_prefix('!').ok_or(need)) {
        Some(Ok(name)) => format!("not enough here: this kernel has {name}"),
        Some(Err(_)) => format!("needs {}, which this kernel lacks", lists.join(" or ")),
        None => return None,
    };
    Some((first, Failure { program: first.name.clone(), result, class: ReasonClass::SymbolMissing }))
}

fn known_obstacle(program: &Program, facts: &Facts) -> Option<(ReasonClass, String)> {
    let missing = |what: &str| Some((ReasonClass::SymbolMissing, format!("no such {what} in this kernel")));
    match program.kind.as_str() {
        // A module's raw tracepoint is found by its name alone.
        "tp_btf" | "raw_tp" if !program.bound && !facts.tracepoints.contains_key(&program.target) => {
            return missing("tracepoint");
        }
        // It may be in a module: 5.10 has no type information of those.
        "fentry" | "fexit" if program.bound && !facts.names.contains(&program.target) => {
            let result = "not in the type information of this kernel or its module".to_owned();
            return Some((ReasonClass::SymbolMissing, result));
        }
        "fentry" | "fexit" if !facts.names.contains(&program.target) => return missing("function"),
        "kprobe" | "kretprobe" if !facts.kprobes => {
            return Some((ReasonClass::NoKprobes, "no kprobes in this kernel".to_owned()));
        }
        _ => {}
    }
    let result = facts.refused.get(&program.kind)?;
    Some((ReasonClass::ProgTypeDenied, result.clone()))
}

/// The cause to show for a purpose that nothing works for, most telling first.
fn reason(hook: &str, causes: &[(Program, Failure)]) -> Reason {
    const TELLING: [ReasonClass; 8] = [
        ReasonClass::NoPrivilege,
        ReasonClass::Lockdown,
        ReasonClass::Memlock,
        ReasonClass::PerfParanoid,
        ReasonClass::Verifier,
        ReasonClass::NoKprobes,
        ReasonClass::ProgTypeDenied,
        ReasonClass::NoFentry,
    ];
    let class = TELLING.into_iter().find(|class| causes.iter().any(|(_, f)| f.class == *class));
    let class = class.unwrap_or(ReasonClass::SymbolMissing);
    let list: Vec<String> = causes.iter().map(|(p, f)| format!("{}/{}: {}", p.kind, p.target, f.result)).collect();
    let message = match list.is_empty() {
        true => format!("there is no such alternative for \"{hook}\""),
        false => format!("nothing can be attached for \"{hook}\" ({})", list.join("; ")),
    };
    Reason { class, message, remedy: remedy(class).to_owned() }
}

/// What to do about a class of causes.
pub fn remedy(class: ReasonClass) -> &'static str {
    match class {
        ReasonClass::NoPrivilege => "run it with sudo, or give the file the capabilities that `bcc-top doctor` names",
        ReasonClass::Lockdown => "boot without lockdown=confidentiality; integrity mode is enough",
        ReasonClass::ProgTypeDenied => "this kernel or a security module refuses that program type; ask who set it up",
        ReasonClass::PerfParanoid => "set kernel.perf_event_paranoid to 2 or less, or run it as root",
        ReasonClass::NoBtf => "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, or name its BTF with --btf FILE",
        ReasonClass::SymbolMissing => "use another kernel, or another view; `bcc-top doctor` lists what runs here",
        ReasonClass::NoKprobes => {
            "use a kernel built with CONFIG_KPROBES=y, or another view; `bcc-top doctor` lists what runs here"
        }
        ReasonClass::NoFentry => {
            "use a kernel with BPF trampolines, or another view; `bcc-top doctor` lists what runs here"
        }
        ReasonClass::NoTracefs => "mount -t tracefs nodev /sys/kernel/tracing",
        ReasonClass::ModuleMissing => "load the module, then retry",
        ReasonClass::TargetMissing => "name the library with --lib PATH",
        ReasonClass::Verifier => "this is our bug: please report it with the log",
        ReasonClass::Overhead => "allow more with --max-overhead, or watch less",
        ReasonClass::Memlock => "raise the limit: ulimit -l unlimited",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs() -> Vec<Program> {
        [
            ("send__1", "tp_btf/sock_send_length"),
            ("send__2_msg", "fexit/tcp_sendmsg_locked"),
            ("send__2_pages", "fexit/do_tcp_sendpages"),
            ("send__3", "fexit/tcp_sendmsg_locked"),
            ("extra_opt", "tp_btf/gone"),
        ]
        .map(|(name, section)| Program::parse(name, section))
        .to_vec()
    }

    fn facts(tracepoints: &[&str], functions: &[&str]) -> Facts {
        Facts {
            tracepoints: tracepoints.iter().map(|t| (t.to_string(), 1)).collect(),
            names: functions.iter().map(|f| f.to_string()).collect(),
            ..Facts::default()
        }
    }

    fn names(plan: &Plan, programs: &[Program]) -> Vec<String> {
        plan.chosen.iter().map(|&i| programs[i].name.clone()).collect()
    }

    fn needs() -> Needs {
        Needs::from([(("send".to_owned(), 3), vec!["!do_tcp_sendpages".to_owned()])])
    }

    #[test]
    fn names_tell_hook_number_and_part() {
        let program = Program::parse("wait__12_wakeup_new", "tp_btf/sched_wakeup_new");
        assert_eq!((program.hook.as_str(), program.number), ("wait", 12));
        assert!(Program::parse("recv__1_file_seed", "iter/task_file").seed);
        assert!(Program::parse("extra_opt", "tp_btf/x").optional);
        let sampler = Program::parse("sample__1", "perf_event");
        assert_eq!(
            (sampler.kind.as_str(), sampler.target.as_str(), sampler.samples()),
            ("perf_event", "cpu-clock", true)
        );
    }

    #[test]
    fn a_shared_program_is_attached_to_what_the_declaration_names() {
        let targets = BTreeMap::from([("read".to_owned(), "xfs_file_read_iter".to_owned())]);
        let bound = Program::parse("call__1_read", "fentry/@read").bind(&targets).expect("it is named");
        assert_eq!((bound.target.as_str(), bound.bound), ("xfs_file_read_iter", true));
        assert_eq!(Program::parse("call__1_open", "fentry/@open").bind(&targets), None);
        let plain = Program::parse("call__1", "fentry/vfs_read").bind(&targets).expect("it names its own");
        assert_eq!((plain.target.as_str(), plain.bound), ("vfs_read", false));
    }

    #[test]
    fn the_first_that_exists_is_taken_with_all_its_parts() {
        let programs = programs();
        let best = plan(&programs, &facts(&["sock_send_length"], &[]), &needs(), &[], &[]);
        assert_eq!(names(&best, &programs), ["send__1"]);
        assert!(best.impossible.is_none() && best.partial.is_some());
        let old = facts(&[], &["tcp_sendmsg_locked", "do_tcp_sendpages"]);
        let old = plan(&programs, &old, &needs(), &[], &[]);
        assert_eq!(names(&old, &programs), ["send__2_msg", "send__2_pages"]);
        assert_eq!(old.reports[0].tried[0].result, "no such tracepoint in this kernel");
    }

    #[test]
    fn a_need_keeps_an_alternative_from_being_silently_incomplete() {
        let programs = programs();
        let kernel = facts(&[], &["tcp_sendmsg_locked", "do_tcp_sendpages"]);
        let failure = Failure {
            program: "send__2_pages".into(),
            result: "not attachable".into(),
            class: ReasonClass::SymbolMissing,
        };
        let plan = plan(&programs, &kernel, &needs(), &[failure], &[]);
        assert!(plan.impossible.is_some(), "send__3 alone would miss sendfile: {plan:?}");
    }

    #[test]
    fn a_forced_kind_leaves_hooks_without_it_alone() {
        let programs = programs();
        let all = facts(&["sock_send_length", "gone"], &["tcp_sendmsg_locked"]);
        let force = [Force::Kind("fentry".into())];
        let plan = plan(&programs, &all, &needs(), &[], &force);
        assert_eq!(names(&plan, &programs), ["send__3", "extra_opt"]);
    }
}
