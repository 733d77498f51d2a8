//! One try after the other to load and attach a view, each with another plan.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use libbpf_rs::{AsRawLibbpf, Iter, Link, MapCore, MapType, Object, OpenObject};

use super::btf::{Btf, Kind as BtfKind};
use super::events::Events;
use super::facts::{self, Facts};
use super::given::Given;
use super::layout::Layout;
use super::libraries::{self, Libraries};
use super::names::Names;
use super::object::{choice, data_map, has_suffix, needs, object_btf, open, programs_of, questions};
use super::plan::{self, Failure, Needs, Plan, Program};
use super::probe::{Data, Probe, Wish};
use super::reader::{Halves, LostCounters};
use super::refusal::{
    Refusal, attach_failure, bind_failure, errno_of, layout_failure, library_failure, load_class, load_failure,
    map_refusal_class, no_rights, remedy, sampling_failure, view_refused, wrong_setting,
};
use super::ring::Ring;
use super::sampling::Sampling;
use super::{elf, libbpf_log, requires, settings, slim, sys};
use crate::feed::LoadStep;
use crate::frame::{Reason, ReasonClass, SettingValue, Unavailable};
use crate::views::{SettingChoice, View};

/// The hook that follows forks for a process tree; only loaded when a tree is asked for.
const FOLLOW: &str = "follow";
/// What has no type information: the kernel may well have what a file lacks.
fn whose_btf(wish: &Wish) -> &'static str {
    if wish.btf.is_some() { "--btf gives no type information" } else { "this kernel has no type information (BTF)" }
}

/// One view on its way to being attached.
pub(super) struct Attempt<'a> {
    view: &'a View,
    wish: &'a Wish,
    programs: Vec<Program>,
    uses: HashMap<String, HashSet<String>>,
    facts: Facts,
    /// What CO-RE needs of the kernel's types.
    btf: OwnedFd,
    /// The same, to be read here.
    types: Vec<u8>,
    needs: Needs,
    given: Given,
    pub(super) failures: Vec<Failure>,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(view: &'a View, wish: &'a Wish) -> Result<Attempt<'a>, Unavailable> {
        let unavailable = |class: ReasonClass, message: String| Unavailable {
            reason: no_rights(Reason { class, message, remedy: remedy(class).to_owned() }),
            tried: vec![],
        };
        let object = open(view, None).map_err(|e| unavailable(ReasonClass::Verifier, e))?;
        let tree = wish.settings.iter().any(|(name, _)| name == "tree");
        let mut programs = programs_of(view, &object);
        programs.retain(|p| (tree || p.hook != FOLLOW) && view.decl.wants_hook(&p.hook, &wish.settings));
        let needs = needs(view);
        let questions = questions(&programs, &needs, &object);
        let roots = object_btf(object.as_libbpf_object().as_ptr()).and_then(|b| Btf::parse(b).ok());
        let given = roots.as_ref().map(|btf| Given::find(settings::constants(btf).keys())).unwrap_or_default();
        let roots = roots.map(|btf| slim::roots(&btf)).unwrap_or_default();
        let module = view.decl.requires.as_ref().map(|requires| requires.module.as_str());
        let (facts, types) = Facts::gather(&questions, &roots, wish.btf.as_deref(), module)
            .map_err(|e| unavailable(ReasonClass::NoBtf, format!("{}: {e}", whose_btf(wish))))?;
        if let Some(reason) = view.decl.requires.as_ref().and_then(requires::missing) {
            return Err(Unavailable { reason: no_rights(reason), tried: vec![] });
        }
        let no_file = |e| unavailable(ReasonClass::Memlock, format!("no file in memory: {e}"));
        let btf = sys::memory_file(&types).map_err(no_file)?;
        let uses = elf::maps_of_programs(view.object.bytes());
        Ok(Attempt { view, wish, programs, uses, facts, btf, types, needs, given, failures: vec![] })
    }

    pub(super) fn plan(&self) -> Plan {
        plan::plan(&self.programs, &self.facts, &self.needs, &self.failures, &self.wish.force)
    }

    pub(super) fn refresh_refused(&mut self) {
        self.facts.refused = facts::refused();
    }

    fn choice(&self) -> Option<&'a SettingChoice> {
        choice(self.view, &self.wish.settings)
    }

    fn data_map(&self) -> &'a str {
        data_map(self.view, self.choice())
    }

    pub(super) fn run(&self, plan: &Plan, step: &mut dyn FnMut(LoadStep)) -> Result<Probe, Refusal> {
        let chosen: Vec<&Program> = plan.chosen.iter().map(|&i| &self.programs[i]).collect();
        let ours = |e: String| view_refused(ReasonClass::Verifier, e);
        let mut open = open(self.view, Some(&self.btf)).map_err(ours)?;
        let bytes = object_btf(open.as_libbpf_object().as_ptr()).ok_or_else(|| ours("the object has no BTF".into()))?;
        let btf = Btf::parse(bytes).map_err(|e| ours(e.to_string()))?;
        let mut layout = Layout::new(&btf, &self.view.decl, self.data_map(), self.choice()).map_err(ours)?;
        let kernel = Btf::parse(&self.types).ok();
        if let Some(kernel) = &kernel {
            layout.name(kernel);
        }
        layout.fit(&self.view.decl, &self.wish.settings);
        self.select(&mut open, &chosen, &layout).map_err(ours)?;
        self.bind(&mut open, &chosen)?;
        let settings = self.named(&btf, kernel.as_ref())?;
        self.set(&mut open, &btf, &settings).map_err(ours)?;
        drop(btf);

        step(LoadStep::Verify);
        let (object, log) = libbpf_log::capture(|| open.load());
        let object = object.map_err(|e| self.load_refused(&e, &log))?;
        self.follow_root(&object).map_err(ours)?;

        step(LoadStep::Attach);
        let libraries = self.attach_to_libraries(&object, &chosen)?;
        let Attached { links, samplings, iterators } = self.attach(&object, &chosen)?;
        let io = |e: std::io::Error| ours(format!("its maps cannot be read: {e}"));
        let data = self.data(&object, &layout).map_err(io)?;
        let cpus = sys::possible_cpus().map_err(io)?;
        let lost = LostCounters::new(map_fd(&object, "lost").map_err(io)?, cpus);
        Ok(Probe {
            _links: links,
            samplings,
            iterators,
            libraries,
            data,
            layout,
            lost,
            hooks: chosen.iter().map(|p| p.hook()).collect(),
            reports: plan.reports.clone(),
            _statistics: self.given.statistics.clone(),
            partial: plan.partial.clone().or_else(|| self.given.partial.clone()),
            map_bytes: map_bytes(&object),
            loaded: chosen.iter().map(|p| (p.name.clone(), p.hook())).collect(),
            object,
        })
    }

    /// Switches off the programs that are not chosen, and the maps that nothing then uses.
    fn select(&self, open: &mut OpenObject, chosen: &[&Program], layout: &Layout) -> Result<(), String> {
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
        let tree = chosen.iter().any(|p| p.hook == FOLLOW);
        // `HOOK_…` is what a hook that is not always there fills.
        let optional = self.view.decl.hooks.iter().filter(|(_, hook)| hook.when.is_some()).map(|(hook, _)| hook);
        let missing = optional.filter(|hook| !chosen.iter().any(|program| program.hook == **hook));
        let unfilled: Vec<String> = missing.map(|hook| format!("{hook}_")).collect();
        for mut map in open.maps_mut() {
            let name = map.name().to_string_lossy().into_owned();
            let base = name.split("__").next().unwrap_or(&name);
            let ring = map.map_type() == MapType::RingBuf;
            if ring {
                // There for the engine alone: see EVENT_RING in events.h.
                map.set_value_size(0).map_err(|e| e.to_string())?;
            }
            // Branches for other data, of a setting or of another view, are dead code once the constants are frozen.
            let half = ["__0", "__1", "__x2", "__xn"].iter().any(|half| name.ends_with(half));
            if half && base == data && map.value_size() as usize > layout.value_size {
                map.set_value_size(layout.value_size as u32).map_err(|e| e.to_string())?;
            }
            let unfilled = unfilled.iter().any(|prefix| base.starts_with(prefix));
            let idle = (half || ring) && base != data || base == "followed" && !tree || unfilled;
            // The lost counters are read also of programs that cannot lose anything.
            let known = !self.uses.is_empty() && !name.contains('.') && name != "lost";
            if idle || known && !used.contains(name.as_str()) {
                map.set_autocreate(false).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    }

    /// Tells libbpf what a shared program's trampolines are for: it has to know before it loads them.
    fn bind(&self, open: &mut OpenObject, chosen: &[&Program]) -> Result<(), Refusal> {
        for mut program in open.progs_mut() {
            let Some(known) = chosen.iter().find(|p| program.name() == OsStr::new(&p.name)) else { continue };
            if known.bound && matches!(known.kind.as_str(), "fentry" | "fexit") {
                let (set, _) = libbpf_log::capture(|| program.set_attach_target(0, Some(known.target.clone())));
                set.map_err(|e| Refusal::Program(bind_failure(known, &e)))?;
            }
        }
        Ok(())
    }

    /// The settings, with numbers for what the running kernel has names for.
    fn named(&self, btf: &Btf<'_>, kernel: Option<&Btf<'_>>) -> Result<Vec<(String, SettingValue)>, Refusal> {
        let number = |(name, value): &(String, SettingValue)| {
            let of = self.view.decl.setting(name).and_then(|(_, set)| set.values_of.as_deref());
            let (Some(of), SettingValue::Text(text)) = (of, value) else { return Ok((name.clone(), value.clone())) };
            let mut names = btf.find(BtfKind::Enum, of).map(Names::declared).unwrap_or_default();
            if let Some(kernel) = kernel {
                names.found(kernel);
            }
            Ok((name.clone(), SettingValue::Text(settings::listed(&names.values(text)?))))
        };
        let settings: Result<_, String> = self.wish.settings.iter().map(number).collect();
        settings.map_err(|message| Refusal::View(wrong_setting(message)))
    }

    fn set(&self, open: &mut OpenObject, btf: &Btf<'_>, set: &[(String, SettingValue)]) -> Result<(), String> {
        let constants = settings::constants(btf);
        let mut rodata = open.maps_mut().find(|m| has_suffix(m.name(), ".rodata"));
        let bytes = rodata.as_mut().and_then(|m| m.initial_value_mut()).unwrap_or_default();
        let given = &self.given.values;
        settings::write(bytes, &constants, &self.view.decl, &self.facts, given, self.data_map(), set)
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

    fn attach(&self, object: &Object, chosen: &[&Program]) -> Result<Attached, Refusal> {
        let (mut links, mut samplings, mut iterators) = (Vec::new(), Vec::new(), Vec::new());
        for program in object.progs_mut() {
            let Some(known) = chosen.iter().find(|p| program.name() == OsStr::new(&p.name)) else { continue };
            if known.user_function().is_some() {
                continue;
            }
            if known.samples() {
                let (sampling, _) = libbpf_log::capture(|| Sampling::start(&program, &self.wish.settings));
                samplings.push(sampling.map_err(|e| Refusal::Program(sampling_failure(known, &e)))?);
                continue;
            }
            let (link, _) = libbpf_log::capture(|| match known.kind.as_str() {
                "kprobe" | "kretprobe" if known.bound => {
                    program.attach_kprobe(known.kind == "kretprobe", &known.target)
                }
                "raw_tp" if known.bound => program.attach_raw_tracepoint(&known.target),
                _ => program.attach(),
            });
            let link = link.map_err(|e| Refusal::Program(attach_failure(known, &e)))?;
            if known.iterates() { iterators.push((known, link)) } else { links.push(link) }
        }
        // Only now is nothing missed between the seeding and the first event.
        for (known, link) in &iterators {
            run_iterator(link).map_err(|e| {
                let result = format!("does not run: {e}");
                Refusal::Program(Failure { program: known.name.clone(), result, class: ReasonClass::SymbolMissing })
            })?;
        }
        let iterators = iterators.into_iter().filter(|(known, _)| !known.seed).map(|(_, link)| link).collect();
        Ok(Attached { links, samplings, iterators })
    }

    /// The hooks in user space, of which some thread keeps finding the places.
    fn attach_to_libraries(&self, object: &Object, chosen: &[&Program]) -> Result<Option<Libraries>, Refusal> {
        let mut hooks = Vec::new();
        for program in object.progs() {
            let known = chosen.iter().find(|p| program.name() == OsStr::new(&p.name));
            let Some((library, function)) = known.and_then(|known| known.user_function()) else { continue };
            let fd = program.as_fd().try_clone_to_owned();
            let fd = fd.map_err(|e| view_refused(ReasonClass::Memlock, format!("no descriptor: {e}")))?;
            let is_return = known.is_some_and(|known| known.kind == "uretprobe");
            hooks.push(libraries::Hook::new(fd, library, function, is_return));
        }
        let Some(first) = chosen.iter().find(|p| p.user_function().is_some()) else { return Ok(None) };
        let only = self.wish.settings.iter().rev().find_map(|(name, value)| match value {
            SettingValue::Text(path) if self.view.decl.set.get(name).is_some_and(|set| set.library) => Some(path),
            _ => None,
        });
        let started = Libraries::start(&self.view.decl.libraries, hooks, only.map(Path::new));
        started.map(Some).map_err(|e| Refusal::Program(library_failure(first, &e)))
    }

    fn data(&self, object: &Object, layout: &Layout) -> std::io::Result<Data> {
        let name = self.data_map();
        let ring = object.maps().find(|m| m.name() == OsStr::new(name) && m.map_type() == MapType::RingBuf);
        if let Some(map) = ring {
            let ring = Ring::new(map.as_fd(), map.max_entries() as usize)?;
            return Ok(Data::Events(Events::new(ring, layout, &self.wish.settings)));
        }
        self.halves(object, layout).map(Data::Halves)
    }

    fn halves(&self, object: &Object, layout: &Layout) -> std::io::Result<Halves> {
        let name = self.data_map();
        let x2 = format!("{name}__x2");
        if object.maps().any(|m| m.name() == OsStr::new(&x2)) {
            let map = map_fd(object, &x2)?;
            return Ok(Halves::PerCpu { map, value_size: layout.value_size, cpus: sys::possible_cpus()? });
        }
        let array = format!("{name}__xn");
        if let Some(found) = object.maps().find(|m| m.name() == OsStr::new(&array)) {
            let (map, size) = (map_fd(object, &array)?, found.max_entries() / 2);
            return Ok(Halves::Array { map, value_size: layout.value_size, cpus: sys::possible_cpus()?, size });
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
        let kernel = self.wish.btf.as_deref().unwrap_or(Path::new(facts::KERNEL_BTF));
        let failure = layout_failure(program, self.view.object.bytes(), kernel, log);
        Refusal::Program(failure.unwrap_or_else(|| load_failure(program, &errno, log)))
    }
}

/// What holds the programs of a view where they run.
struct Attached {
    links: Vec<Link>,
    samplings: Vec<Sampling>,
    /// Run at the end of each interval.
    iterators: Vec<Link>,
}

/// Runs an iterator over all it iterates; its output is empty.
pub(super) fn run_iterator(link: &Link) -> Result<(), String> {
    let mut iter = Iter::new(link).map_err(|e| e.to_string())?;
    std::io::copy(&mut iter, &mut std::io::sink()).map(drop).map_err(|e| e.to_string())
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
