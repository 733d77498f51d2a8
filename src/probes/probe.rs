//! A loaded and attached view: open, set, load, attach, and try again with another plan when the
//! kernel refuses. Dropping it detaches everything.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libbpf_rs::{AsRawLibbpf, Iter, Link, MapCore, Object, ObjectBuilder, OpenObject};

use super::btf::Btf;
use super::facts::{self, Facts, Questions};
use super::layout::Layout;
use super::plan::{self, Failure, Needs, Plan, Program, remedy};
use super::reader::{Halves, LostCounters};
use super::{elf, libbpf_log, settings, slim, sys};
use crate::feed::{Force, LoadStep};
use crate::frame::{Hook, HookReport, Reason, ReasonClass, SettingValue, Unavailable};
use crate::views::{SettingChoice, View};

/// An object has a few alternatives for a few hooks; more tries than that do not end.
const MAX_TRIES: usize = 24;

/// The hook that follows forks for a process tree; only loaded when a tree is asked for.
const FOLLOW: &str = "follow";

/// How a view is to be loaded.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Settings, as in [`crate::feed::Request`]; filters are resolved to numbers.
    pub settings: Vec<(String, SettingValue)>,
    /// What the user insists on.
    pub force: Vec<Force>,
    /// BTF to use instead of the kernel's own.
    pub btf: Option<PathBuf>,
}

/// A running view.
pub struct Probe {
    // Links first: they are dropped, and so detached, before the programs.
    links: Vec<Link>,
    object: Object,
    /// The data.
    pub halves: Halves,
    /// How to read it.
    pub layout: Layout,
    /// What programs could not record.
    pub lost: LostCounters,
    /// Hooks in use.
    pub hooks: Arc<[Hook]>,
    /// What was passed over for each purpose.
    pub reports: Vec<HookReport>,
    /// What is missing although it runs.
    pub partial: Option<Reason>,
    /// Kernel memory of its maps, bytes.
    pub map_bytes: u64,
    loaded: HashSet<String>,
}

/// Why a try did not work.
enum Refusal {
    /// One program: another alternative may do.
    Program(Failure),
    /// The whole object.
    View(Reason),
}

fn view_refused(class: ReasonClass, message: String) -> Refusal {
    Refusal::View(Reason { class, message, remedy: remedy(class).to_owned() })
}

/// How a view's data is laid out with these settings. Opens the object, which needs no rights.
///
/// # Errors
/// A sentence if declaration and program do not fit.
pub fn layout(view: &View, settings: &[(String, SettingValue)]) -> Result<Layout, String> {
    libbpf_log::install();
    let open = open(view, None)?;
    let bytes = object_btf(open.as_libbpf_object().as_ptr()).ok_or("the object has no BTF")?;
    let btf = Btf::parse(bytes).map_err(|e| e.to_string())?;
    let choice = choice(view, settings);
    Layout::new(&btf, &view.decl, data_map(view, choice), choice)
}

/// The programs of a view, by the conventions of their names. Opens the object only.
///
/// # Errors
/// A sentence if the object cannot be opened.
pub fn programs(view: &View) -> Result<Vec<Program>, String> {
    libbpf_log::install();
    Ok(programs_of(&open(view, None)?))
}

fn programs_of(object: &OpenObject) -> Vec<Program> {
    let program =
        |p: libbpf_rs::OpenProgram<'_>| Program::parse(&p.name().to_string_lossy(), &p.section().to_string_lossy());
    object.progs().map(program).collect()
}

/// What the choice of a setting changes in what is read.
fn choice<'a>(view: &'a View, settings: &[(String, SettingValue)]) -> Option<&'a SettingChoice> {
    let (name, set) = view.decl.group_by()?;
    let asked = settings.iter().rev().find(|(n, _)| n == name);
    match asked {
        Some((_, SettingValue::Text(word))) => set.choices.iter().find(|c| c.name == *word),
        _ => set.choices.first(),
    }
}

fn data_map<'a>(view: &'a View, choice: Option<&'a SettingChoice>) -> &'a str {
    choice.and_then(|c| c.map.as_deref()).unwrap_or(&view.decl.map)
}

impl Probe {
    /// Loads and attaches a view with the best hooks that the kernel takes.
    ///
    /// # Errors
    /// What was tried and why nothing works.
    pub fn start(view: &View, wish: &Wish, step: &mut dyn FnMut(LoadStep)) -> Result<Probe, Unavailable> {
        libbpf_log::install();
        let mut attempt = Attempt::new(view, wish)?;
        for _ in 0..MAX_TRIES {
            let plan = attempt.plan();
            if let Some(reason) = plan.impossible.clone() {
                return Err(Unavailable { reason: no_rights(reason), tried: plan.reports });
            }
            match attempt.run(&plan, step) {
                Ok(probe) => return Ok(probe),
                Err(Refusal::Program(failure)) => {
                    log::info!("{}: {}: {}", view.decl.name, failure.program, failure.result);
                    attempt.failures.push(failure);
                    attempt.refresh_refused();
                }
                Err(Refusal::View(reason)) => {
                    return Err(Unavailable { reason: no_rights(reason), tried: plan.reports });
                }
            }
        }
        let message = format!("{} could not be loaded in {MAX_TRIES} tries", view.decl.name);
        let class = ReasonClass::Verifier;
        let reason = Reason { class, message, remedy: remedy(class).to_owned() };
        Err(Unavailable { reason, tried: attempt.plan().reports })
    }

    /// The programs that are loaded.
    pub fn programs(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let loaded = |p: &libbpf_rs::Program<'_>| p.name().to_str().is_some_and(|name| self.loaded.contains(name));
        // SAFETY: the descriptor belongs to the object, which outlives the borrow.
        self.object
            .progs()
            .filter(loaded)
            .map(|p| unsafe { BorrowedFd::borrow_raw(std::os::fd::AsRawFd::as_raw_fd(&p.as_fd())) })
    }

    /// Sets the epoch: from now on programs write the half `epoch & 1`.
    ///
    /// # Errors
    /// If the object has no such variable.
    pub fn set_epoch(&mut self, epoch: u32) -> Result<(), String> {
        let offset = self.variable(".bss", "epoch").ok_or("the program has no variable epoch")?;
        let bss = self.object.maps_mut().find(|m| has_suffix(m.name(), ".bss"));
        let mut bss = bss.ok_or("the program has no .bss")?;
        let Some(place) = mmapped(&mut bss).and_then(|bytes| bytes.get_mut(offset..offset + 4)) else {
            return Err("the variable epoch is not mapped".to_owned());
        };
        place.copy_from_slice(&epoch.to_le_bytes());
        Ok(())
    }

    fn variable(&self, section: &str, name: &str) -> Option<usize> {
        let bytes = object_btf(self.object.as_libbpf_object().as_ptr())?;
        let btf = Btf::parse(bytes).ok()?;
        settings::variables(&btf, section).get(name).map(|c| c.offset)
    }

    /// Detaches, hook by hook.
    pub fn detach(&mut self) {
        self.links.clear();
    }
}

/// The initial value of a data section is mapped from the map itself once it is loaded.
fn mmapped<'m>(map: &'m mut libbpf_rs::MapMut<'_>) -> Option<&'m mut [u8]> {
    let mut size = 0;
    // SAFETY: the map lives as long as the borrow; libbpf returns its mapping and the size.
    let start = unsafe { libbpf_sys::bpf_map__initial_value(map.as_libbpf_object().as_ptr(), &mut size) };
    if start.is_null() {
        return None;
    }
    // SAFETY: `size` bytes are mapped and writable for .bss; programs only read `epoch`.
    Some(unsafe { std::slice::from_raw_parts_mut(start.cast(), size as usize) })
}

/// The object's own BTF.
fn object_btf<'o>(object: *const libbpf_sys::bpf_object) -> Option<&'o [u8]> {
    let mut size = 0;
    // SAFETY: the object is open; its BTF lives as long as it does, and callers keep it.
    unsafe {
        let btf = libbpf_sys::bpf_object__btf(object);
        let data = if btf.is_null() { std::ptr::null() } else { libbpf_sys::btf__raw_data(btf, &mut size) };
        (!data.is_null()).then(|| std::slice::from_raw_parts(data.cast(), size as usize))
    }
}

fn has_suffix(name: &OsStr, suffix: &str) -> bool {
    name.to_str().is_some_and(|name| name.ends_with(suffix))
}

/// What has no type information: the kernel may well have what a file lacks.
fn whose_btf(wish: &Wish) -> &'static str {
    if wish.btf.is_some() { "--btf gives no type information" } else { "this kernel has no type information (BTF)" }
}

/// One view on its way to being attached.
struct Attempt<'a> {
    view: &'a View,
    wish: &'a Wish,
    programs: Vec<Program>,
    uses: HashMap<String, HashSet<String>>,
    facts: Facts,
    /// What CO-RE needs of the kernel's types.
    btf: OwnedFd,
    needs: Needs,
    failures: Vec<Failure>,
}

impl<'a> Attempt<'a> {
    fn new(view: &'a View, wish: &'a Wish) -> Result<Attempt<'a>, Unavailable> {
        let unavailable = |class: ReasonClass, message: String| Unavailable {
            reason: no_rights(Reason { class, message, remedy: remedy(class).to_owned() }),
            tried: vec![],
        };
        let object = open(view, None).map_err(|e| unavailable(ReasonClass::Verifier, e))?;
        let tree = wish.settings.iter().any(|(name, _)| name == "tree");
        let mut programs = programs_of(&object);
        programs.retain(|p| tree || p.hook != FOLLOW);
        let needs = needs(view);
        let questions = questions(&programs, &needs, &object);
        let roots = object_btf(object.as_libbpf_object().as_ptr()).and_then(|b| Btf::parse(b).ok());
        let roots = roots.map(|btf| slim::roots(&btf)).unwrap_or_default();
        let (facts, btf) = Facts::gather(&questions, &roots, wish.btf.as_deref())
            .map_err(|e| unavailable(ReasonClass::NoBtf, format!("{}: {e}", whose_btf(wish))))?;
        let no_file = |e| unavailable(ReasonClass::Memlock, format!("no file in memory: {e}"));
        let btf = sys::memory_file(&btf).map_err(no_file)?;
        let uses = elf::maps_of_programs(view.object);
        Ok(Attempt { view, wish, programs, uses, facts, btf, needs, failures: vec![] })
    }

    fn plan(&self) -> Plan {
        plan::plan(&self.programs, &self.facts, &self.needs, &self.failures, &self.wish.force)
    }

    fn refresh_refused(&mut self) {
        self.facts.refused = facts::refused();
    }

    fn choice(&self) -> Option<&'a SettingChoice> {
        choice(self.view, &self.wish.settings)
    }

    fn data_map(&self) -> &'a str {
        data_map(self.view, self.choice())
    }

    fn run(&self, plan: &Plan, step: &mut dyn FnMut(LoadStep)) -> Result<Probe, Refusal> {
        let chosen: Vec<&Program> = plan.chosen.iter().map(|&i| &self.programs[i]).collect();
        let ours = |e: String| view_refused(ReasonClass::Verifier, e);
        let mut open = open(self.view, Some(&self.btf)).map_err(ours)?;
        self.select(&mut open, &chosen).map_err(ours)?;
        let bytes = object_btf(open.as_libbpf_object().as_ptr()).ok_or_else(|| ours("the object has no BTF".into()))?;
        let btf = Btf::parse(bytes).map_err(|e| ours(e.to_string()))?;
        let layout = Layout::new(&btf, &self.view.decl, self.data_map(), self.choice()).map_err(ours)?;
        self.set(&mut open, &btf).map_err(ours)?;
        drop(btf);

        step(LoadStep::Verify);
        let (object, log) = libbpf_log::capture(|| open.load());
        let object = object.map_err(|e| self.load_refused(&e, &log))?;
        self.follow_root(&object).map_err(ours)?;

        step(LoadStep::Attach);
        let links = self.attach(&object, &chosen)?;
        let io = |e: std::io::Error| ours(format!("its maps cannot be read: {e}"));
        let halves = self.halves(&object, &layout).map_err(io)?;
        let cpus = sys::possible_cpus().map_err(io)?;
        let lost = LostCounters::new(map_fd(&object, "lost").map_err(io)?, cpus);
        Ok(Probe {
            links,
            halves,
            layout,
            lost,
            hooks: chosen.iter().map(|p| p.hook()).collect(),
            reports: plan.reports.clone(),
            partial: plan.partial.clone(),
            map_bytes: map_bytes(&object),
            loaded: chosen.iter().map(|p| p.name.clone()).collect(),
            object,
        })
    }

    /// Switches off the programs that are not chosen, and the maps that nothing then uses.
    fn select(&self, open: &mut OpenObject, chosen: &[&Program]) -> Result<(), String> {
        let names: HashSet<&str> = chosen.iter().map(|p| p.name.as_str()).collect();
        let used: HashSet<&str> = self
            .uses
            .iter()
            .filter(|(program, _)| names.contains(program.as_str()))
            .flat_map(|(_, maps)| maps.iter().map(String::as_str))
            .collect();
        for mut program in open.progs_mut() {
            let on = program.name().to_str().is_some_and(|name| names.contains(name));
            program.set_autoload(on);
        }
        let data = self.data_map();
        let others = self.view.decl.group_by().into_iter().flat_map(|(_, set)| &set.choices);
        let others: Vec<&str> = others.filter_map(|c| c.map.as_deref()).chain([self.view.decl.map.as_str()]).collect();
        let tree = chosen.iter().any(|p| p.hook == FOLLOW);
        for mut map in open.maps_mut() {
            let name = map.name().to_string_lossy().into_owned();
            let base = name.split("__").next().unwrap_or(&name);
            // Branches for other settings are dead code once the constants are frozen.
            let idle = others.contains(&base) && base != data || base == "followed" && !tree;
            let known = !self.uses.is_empty() && !name.contains('.');
            if idle || known && !used.contains(name.as_str()) {
                map.set_autocreate(false).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    }

    fn set(&self, open: &mut OpenObject, btf: &Btf<'_>) -> Result<(), String> {
        let constants = settings::constants(btf);
        let mut rodata = open.maps_mut().find(|m| has_suffix(m.name(), ".rodata"));
        let bytes = rodata.as_mut().and_then(|m| m.initial_value_mut()).unwrap_or_default();
        settings::write(bytes, &constants, &self.view.decl, &self.facts, &self.wish.settings)
    }

    /// The first process of a tree is known before any fork can be missed.
    fn follow_root(&self, object: &Object) -> Result<(), String> {
        let Some((_, SettingValue::Int(pid))) = self.wish.settings.iter().find(|(n, _)| n == "tree") else {
            return Ok(());
        };
        let fd = map_fd(object, "followed").map_err(|e| e.to_string())?;
        let pid = u32::try_from(*pid).map_err(|_| format!("{pid} is no process id"))?;
        sys::update(fd.as_fd(), &pid.to_ne_bytes(), &[1]).map_err(|e| format!("cannot follow {pid}: {e}"))
    }

    fn attach(&self, object: &Object, chosen: &[&Program]) -> Result<Vec<Link>, Refusal> {
        let mut links = Vec::new();
        let mut seeds = Vec::new();
        for program in object.progs_mut() {
            let Some(known) = chosen.iter().find(|p| program.name() == OsStr::new(&p.name)) else { continue };
            let (link, _) = libbpf_log::capture(|| program.attach());
            let link = link.map_err(|e| Refusal::Program(attach_failure(known, &e)))?;
            if known.seed { seeds.push((known, link)) } else { links.push(link) }
        }
        // Only now is nothing missed between the seeding and the first event.
        for (known, link) in seeds {
            run_seed(&link).map_err(|e| {
                let result = format!("does not run: {e}");
                Refusal::Program(Failure { program: known.name.clone(), result, class: ReasonClass::SymbolMissing })
            })?;
        }
        Ok(links)
    }

    fn halves(&self, object: &Object, layout: &Layout) -> std::io::Result<Halves> {
        let name = self.data_map();
        let x2 = format!("{name}__x2");
        if object.maps().any(|m| m.name() == OsStr::new(&x2)) {
            let map = map_fd(object, &x2)?;
            return Ok(Halves::PerCpu { map, value_size: layout.value_size, cpus: sys::possible_cpus()? });
        }
        let maps = [map_fd(object, &format!("{name}__0"))?, map_fd(object, &format!("{name}__1"))?];
        let half = format!("{name}__0");
        let capacity = object.maps().find(|m| m.name() == OsStr::new(&half)).map_or(0, |m| m.max_entries());
        Ok(Halves::Hash { maps, key_size: layout.key_size, value_size: layout.value_size, capacity })
    }

    /// Names the program that the kernel refused, from what libbpf printed.
    fn load_refused(&self, error: &libbpf_rs::Error, log: &str) -> Refusal {
        let errno = std::io::Error::from_raw_os_error(errno_of(error));
        if let Some(map) = libbpf_log::failed_map(log) {
            // A kernel that does not know a map's type: what uses it falls, something else may do.
            let user = self.plan().chosen.into_iter().find(|&i| {
                let maps = self.uses.get(&self.programs[i].name);
                self.programs[i].number > 0 && maps.is_some_and(|maps| maps.contains(map))
            });
            let result = format!("needs the map {map}, which this kernel refuses ({errno})");
            let class = map_refusal_class(errno.raw_os_error().unwrap_or(0));
            return match user {
                Some(i) if class == ReasonClass::SymbolMissing => {
                    Refusal::Program(Failure { program: self.programs[i].name.clone(), result, class })
                }
                _ => view_refused(class, format!("the map {map} cannot be created: {errno}")),
            };
        }
        let failed = libbpf_log::failed_program(log).and_then(|name| self.programs.iter().find(|p| p.name == name));
        let Some(program) = failed else {
            return view_refused(load_class(&errno, log), format!("loading failed: {errno}"));
        };
        Refusal::Program(load_failure(program, &errno, log))
    }
}

/// Runs an iterator over all it iterates; its output is empty.
fn run_seed(link: &Link) -> Result<(), String> {
    let mut iter = Iter::new(link).map_err(|e| e.to_string())?;
    std::io::copy(&mut iter, &mut std::io::sink()).map(drop).map_err(|e| e.to_string())
}

fn map_refusal_class(errno: i32) -> ReasonClass {
    match errno {
        libc::EPERM | libc::ENOMEM => ReasonClass::Memlock,
        _ => ReasonClass::SymbolMissing,
    }
}

fn load_class(errno: &std::io::Error, log: &str) -> ReasonClass {
    match errno.raw_os_error() {
        Some(libc::EPERM) if lockdown() => ReasonClass::Lockdown,
        Some(libc::EPERM) => ReasonClass::ProgTypeDenied,
        _ if log.contains("failed to find kernel BTF type ID") => ReasonClass::SymbolMissing,
        _ if libbpf_log::verifier_verdict(log).is_some() => ReasonClass::Verifier,
        _ => ReasonClass::SymbolMissing,
    }
}

fn load_failure(program: &Program, errno: &std::io::Error, log: &str) -> Failure {
    let class = load_class(errno, log);
    let result = match class {
        ReasonClass::ProgTypeDenied => "refused (EPERM)".to_owned(),
        ReasonClass::Lockdown => "refused by kernel lockdown (EPERM)".to_owned(),
        ReasonClass::Verifier => {
            log::warn!("{}: rejected by the verifier\n{log}", program.name);
            format!("rejected by the verifier: {}", libbpf_log::verifier_verdict(log).unwrap_or("no log"))
        }
        _ => format!("does not load: {errno}"),
    };
    if class == ReasonClass::ProgTypeDenied && matches!(program.kind.as_str(), "fentry" | "fexit") {
        facts::remember_refused("fentry", &result);
        facts::remember_refused("fexit", &result);
    }
    Failure { program: program.name.clone(), result, class }
}

fn attach_failure(program: &Program, error: &libbpf_rs::Error) -> Failure {
    let errno = errno_of(error);
    let (class, result) = match errno {
        libc::EPERM => (ReasonClass::ProgTypeDenied, "refused (EPERM)".to_owned()),
        libc::EACCES => (ReasonClass::PerfParanoid, "not permitted (EACCES)".to_owned()),
        libc::ENOENT | libc::ESRCH => (ReasonClass::SymbolMissing, "no such function in this kernel".to_owned()),
        libc::EBUSY | libc::EINVAL => {
            (ReasonClass::SymbolMissing, "in this kernel, but cannot be traced (inlined or not traceable)".to_owned())
        }
        sys::ENOTSUPP => (ReasonClass::SymbolMissing, "this kernel cannot trace it (ENOTSUPP)".to_owned()),
        _ => (ReasonClass::SymbolMissing, format!("does not attach: {}", std::io::Error::from_raw_os_error(errno))),
    };
    Failure { program: program.name.clone(), result, class }
}

/// Without the capabilities, every refusal has that one cause.
fn no_rights(reason: Reason) -> Reason {
    let Some(missing) = crate::privilege::Missing::check() else { return reason };
    Reason { class: ReasonClass::NoPrivilege, ..missing.reason(Path::new("bcc-top")) }
}

fn lockdown() -> bool {
    std::fs::read_to_string("/sys/kernel/security/lockdown").is_ok_and(|text| text.contains("[confidentiality]"))
}

fn errno_of(error: &libbpf_rs::Error) -> i32 {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(errno) = error.downcast_ref::<std::io::Error>().and_then(|e| e.raw_os_error()) {
            return errno;
        }
        source = error.source();
    }
    match error.kind() {
        libbpf_rs::ErrorKind::PermissionDenied => libc::EPERM,
        libbpf_rs::ErrorKind::NotFound => libc::ENOENT,
        _ => libc::EINVAL,
    }
}

/// Opens the object; its relocations will be resolved against `btf`.
fn open(view: &View, btf: Option<&OwnedFd>) -> Result<OpenObject, String> {
    let mut builder = ObjectBuilder::default();
    builder.name(&view.decl.name).map_err(|e| e.to_string())?;
    if let Some(btf) = btf {
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(btf));
        builder.btf_custom_path(path).map_err(|e| e.to_string())?;
    }
    let (open, log) = libbpf_log::capture(|| builder.open_memory(view.object));
    open.map_err(|e| format!("the program file cannot be opened: {e}: {log}"))
}

fn needs(view: &View) -> Needs {
    let mut needs = Needs::new();
    for (hook, decl) in &view.decl.hooks {
        for (number, names) in &decl.needs {
            if let Ok(number) = number.parse() {
                needs.insert((hook.clone(), number), names.clone());
            }
        }
    }
    needs
}

fn questions(programs: &[Program], needs: &Needs, object: &OpenObject) -> Questions {
    let mut questions = Questions::default();
    for program in programs {
        match program.kind.as_str() {
            "tp_btf" | "raw_tp" => questions.tracepoints.insert(program.target.clone()),
            "fentry" | "fexit" => questions.functions.insert(program.target.clone()),
            _ => continue,
        };
    }
    for need in needs.values().flatten() {
        let name = need.trim_start_matches('!');
        let set = if name.contains('.') { &mut questions.fields } else { &mut questions.functions };
        set.insert(name.to_owned());
    }
    if let Some(btf) = object_btf(object.as_libbpf_object().as_ptr()).and_then(|b| Btf::parse(b).ok()) {
        let nargs = |name: &String| name.strip_prefix("nargs__").map(str::to_owned);
        questions.tracepoints.extend(settings::constants(&btf).keys().filter_map(nargs));
    }
    questions
}

fn map_fd(object: &Object, name: &str) -> std::io::Result<OwnedFd> {
    let map = object.maps().find(|m| m.name() == OsStr::new(name));
    map.ok_or_else(|| std::io::Error::other(format!("there is no map {name}")))?.as_fd().try_clone_to_owned()
}

/// Memory the kernel charges for the maps, from their fdinfo.
fn map_bytes(object: &Object) -> u64 {
    let of = |fd: BorrowedFd<'_>| -> Option<u64> {
        let path = Path::new("/proc/self/fdinfo").join(std::os::fd::AsRawFd::as_raw_fd(&fd).to_string());
        let text = std::fs::read_to_string(path).ok()?;
        text.lines().find_map(|line| line.strip_prefix("memlock:"))?.trim().parse().ok()
    };
    object.maps().filter(|m| m.autocreate()).filter_map(|m| of(m.as_fd())).sum()
}
