//! A loaded and attached view: open, set, load, attach, and try again with another plan when the
//! kernel refuses. Dropping it detaches everything.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use libbpf_rs::{AsRawLibbpf, Link, MapCore, Object};
use rustix::thread::CapabilitySet;

use super::attempt::{Attempt, run_iterator};
use super::btf::Btf;
use super::events::Events;
use super::layout::Layout;
use super::libraries::Libraries;
use super::object::{has_suffix, object_btf};
use super::reader::{Halves, LostCounters};
use super::refusal::{Refusal, no_rights, remedy};
use super::sampling::Sampling;
use super::{libbpf_log, settings};
use crate::feed::{Force, LoadStep};
use crate::frame::{Hook, HookReport, Reason, ReasonClass, SettingValue, Unavailable};
use crate::privilege::rights;
use crate::views::View;

/// An object has a few alternatives for a few hooks; more tries than that do not end.
const MAX_TRIES: usize = 24;
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

/// What a view's programs write.
pub enum Data {
    /// Numbers by key, or distributions.
    Halves(Halves),
    /// Single events.
    Events(Events),
}

/// A running view.
pub struct Probe {
    // Links first: they are dropped, and so detached, before the programs.
    pub(super) _links: Vec<Link>,
    pub(super) samplings: Vec<Sampling>,
    pub(super) iterators: Vec<Link>,
    pub(super) libraries: Option<Libraries>,
    pub(super) object: Object,
    /// The kernel's run-time statistics, where the view needs them on.
    pub(super) _statistics: Option<Arc<OwnedFd>>,
    /// The data.
    pub data: Data,
    /// How to read it.
    pub layout: Layout,
    /// What programs could not record.
    pub lost: LostCounters,
    /// Hooks in use.
    pub hooks: Arc<[Hook]>,
    /// What was passed over for each purpose.
    pub reports: Vec<HookReport>,
    /// The optional hook that is missing; [`Probe::lacks`] says it all.
    pub partial: Option<Reason>,
    /// Kernel memory of its maps, bytes.
    pub map_bytes: u64,
    /// The programs that are loaded, by name.
    pub(super) loaded: HashMap<String, Hook>,
}
impl Probe {
    /// Loads and attaches a view with the best hooks that the kernel takes.
    ///
    /// # Errors
    /// What was tried and why nothing works.
    pub fn start(view: &View, wish: &Wish, step: &mut dyn FnMut(LoadStep)) -> Result<Probe, Unavailable> {
        libbpf_log::install();
        rights::raised(rights::LOAD, || Probe::start_raised(view, wish, step))
    }

    fn start_raised(view: &View, wish: &Wish, step: &mut dyn FnMut(LoadStep)) -> Result<Probe, Unavailable> {
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
        let loaded = |p: &libbpf_rs::Program<'_>| p.name().to_str().is_some_and(|name| self.loaded.contains_key(name));
        // SAFETY: the descriptor belongs to the object, which outlives the borrow.
        self.object
            .progs()
            .filter(loaded)
            .map(|p| unsafe { BorrowedFd::borrow_raw(std::os::fd::AsRawFd::as_raw_fd(&p.as_fd())) })
    }

    /// Has programs that walk over objects of the kernel do so: they fill the half that is written now.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn iterate(&self) -> Result<(), String> {
        self.iterators.iter().try_for_each(run_iterator)
    }

    /// Names and hooks of the programs that are loaded, in the order of [`Probe::programs`].
    pub fn program_hooks(&self) -> impl Iterator<Item = (&str, &Hook)> {
        self.object.progs().filter_map(|program| {
            let found = self.loaded.get_key_value(program.name().to_str()?);
            found.map(|(name, hook)| (name.as_str(), hook))
        })
    }

    /// Has programs that sample run on the CPUs that are online now.
    ///
    /// # Errors
    /// What the kernel says; the other CPUs are sampled.
    pub fn follow_cpus(&mut self) -> std::io::Result<()> {
        if self.samplings.is_empty() {
            return Ok(());
        }
        rights::raised(self.needs(), || self.follow_cpus_raised())
    }

    fn follow_cpus_raised(&mut self) -> std::io::Result<()> {
        for program in self.object.progs_mut() {
            let name = program.name().to_str();
            match self.samplings.iter_mut().find(|sampling| name == Some(sampling.program())) {
                Some(sampling) => sampling.follow_cpus(&program)?,
                None => continue,
            }
        }
        Ok(())
    }

    /// What is missing although it runs: an optional hook, or a library that cannot be watched.
    pub fn lacks(&self) -> Option<Reason> {
        self.partial.clone().or_else(|| self.libraries.as_ref()?.problem())
    }

    /// CPU time that looking for libraries has cost since this was last asked, ns.
    pub fn take_search_ns(&self) -> u64 {
        self.libraries.as_ref().map_or(0, Libraries::take_cpu_ns)
    }

    /// What keeping it up may take later: timers for CPUs that come. Debian's `perf_event_paranoid` above 2 asks
    /// everybody for CAP_SYS_ADMIN.
    pub fn needs(&self) -> CapabilitySet {
        let none = CapabilitySet::empty();
        if self.samplings.is_empty() { none } else { CapabilitySet::PERFMON | paranoid().unwrap_or(none) }
    }

    /// Sets the epoch: from now on programs write the half `epoch & 1`.
    ///
    /// # Errors
    /// If the object has no such variable.
    pub fn set_epoch(&mut self, epoch: u32) -> Result<(), String> {
        self.set_variable("epoch", epoch)
    }

    /// Has one event in `one_in` counted in that half.
    ///
    /// # Errors
    /// If the program cannot do that.
    pub fn set_one_in(&mut self, half: u32, one_in: u32) -> Result<(), String> {
        self.set_variable(["one_in__0", "one_in__1"][half as usize & 1], one_in)
    }

    fn set_variable(&mut self, name: &str, value: u32) -> Result<(), String> {
        let missing = || format!("the program has no variable {name}");
        let offset = self.variable(".bss", name).ok_or_else(missing)?;
        let bss = self.object.maps_mut().find(|m| has_suffix(m.name(), ".bss"));
        let mut bss = bss.ok_or("the program has no .bss")?;
        let Some(place) = mmapped(&mut bss).and_then(|bytes| bytes.get_mut(offset..offset + 4)) else {
            return Err(format!("the variable {name} is not mapped"));
        };
        place.copy_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn variable(&self, section: &str, name: &str) -> Option<usize> {
        let bytes = object_btf(self.object.as_libbpf_object().as_ptr())?;
        let btf = Btf::parse(bytes).ok()?;
        settings::variables(&btf, section).get(name).map(|c| c.offset)
    }
}

fn paranoid() -> Option<CapabilitySet> {
    let level = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").ok()?;
    level.trim().parse::<i32>().is_ok_and(|level| level > 2).then_some(CapabilitySet::SYS_ADMIN)
}

/// The initial value of a data section is mapped from the map itself once it is loaded.
fn mmapped<'m>(map: &'m mut libbpf_rs::MapMut<'_>) -> Option<&'m mut [u8]> {
    let mut size = 0;
    // SAFETY: the map lives as long as the borrow; libbpf returns its mapping and the size.
    let start = unsafe { libbpf_sys::bpf_map__initial_value(map.as_libbpf_object().as_ptr(), &mut size) };
    if start.is_null() {
        return None;
    }
    // SAFETY: `size` bytes are mapped and writable for .bss; programs only read what is set here.
    Some(unsafe { std::slice::from_raw_parts_mut(start.cast(), size as usize) })
}
