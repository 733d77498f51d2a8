//! Programs of `SEC("perf_event")`: they run from a timer of each CPU, the software event cpu-clock. There is an event for each
//! CPU that is online, as one that follows no process has to be opened on one (`perf_event_open`).

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};

use libbpf_rs::{Link, ProgramMut};

use super::refusal::errno_of;
use super::sys;
use crate::frame::SettingValue;
use crate::views::settings::number_given;

/// The setting of every view that samples: see `sampling.h`.
const FREQUENCY: &str = "frequency";
/// Samples of each CPU in a second unless the setting says otherwise.
const DEFAULT_FREQUENCY: u64 = 99;
const ONLINE: &str = "/sys/devices/system/cpu/online";

/// A program and its timers. Dropping it stops them.
pub struct Sampling {
    program: String,
    frequency: u64,
    timers: BTreeMap<u32, Link>,
}

impl Sampling {
    /// Has the program run on every CPU that is online.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn start(program: &ProgramMut<'_>, settings: &[(String, SettingValue)]) -> io::Result<Sampling> {
        let name = program.name().to_string_lossy().into_owned();
        let mut sampling = Sampling { program: name, frequency: frequency(settings), timers: BTreeMap::new() };
        sampling.follow_cpus(program)?;
        Ok(sampling)
    }

    /// Name of the program.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// A CPU that came since the last time gets a timer. The timer of one that went is dead, also when the CPU comes back
    /// (`perf_event_exit_cpu`), and is given up.
    ///
    /// # Errors
    /// What the kernel says of one of them; the others have theirs.
    pub fn follow_cpus(&mut self, program: &ProgramMut<'_>) -> io::Result<()> {
        let online = cpus(&std::fs::read_to_string(ONLINE)?);
        self.timers.retain(|cpu, _| online.contains(cpu));
        let mut result = Ok(());
        for cpu in online {
            if self.timers.contains_key(&cpu) {
                continue;
            }
            match open(cpu, self.frequency).and_then(|event| attach(program, event)) {
                Ok(timer) => drop(self.timers.insert(cpu, timer)),
                // It went in this moment.
                Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {}
                Err(error) => result = Err(error),
            }
        }
        result
    }
}

fn frequency(settings: &[(String, SettingValue)]) -> u64 {
    number_given(settings, FREQUENCY).unwrap_or(DEFAULT_FREQUENCY)
}

/// The timer of a CPU, not running yet.
fn open(cpu: u32, frequency: u64) -> io::Result<OwnedFd> {
    let mut attr = libbpf_sys::perf_event_attr {
        type_: libbpf_sys::PERF_TYPE_SOFTWARE,
        size: size_of::<libbpf_sys::perf_event_attr>() as u32,
        config: u64::from(libbpf_sys::PERF_COUNT_SW_CPU_CLOCK),
        ..Default::default()
    };
    // A period, as the kernel makes one of a frequency too (perf_swevent_init_hrtimer), and then asks for its largest.
    attr.__bindgen_anon_1.sample_period = 1_000_000_000 / frequency;
    attr.set_disabled(1);
    sys::open_perf_event(&attr, cpu)
}

/// Attaches the program and lets the timer run; the link then owns it.
fn attach(program: &ProgramMut<'_>, event: OwnedFd) -> io::Result<Link> {
    let fd = event.into_raw_fd();
    program.attach_perf_event(fd).map_err(|error| {
        // SAFETY: libbpf takes the descriptor only when it succeeds.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
        io::Error::from_raw_os_error(errno_of(&error))
    })
}

/// A CPU that is online: the first one may not be.
pub fn first_cpu() -> u32 {
    std::fs::read_to_string(ONLINE).ok().and_then(|list| cpus(&list).first().copied()).unwrap_or(0)
}

/// The numbers of a list such as `0-3,8`.
fn cpus(list: &str) -> Vec<u32> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse::<u32>().ok()?..=last.trim().parse::<u32>().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus_are_read() {
        assert_eq!(cpus("0-3,8,10-11\n"), [0, 1, 2, 3, 8, 10, 11]);
        assert_eq!(cpus("0\n"), [0]);
        assert_eq!(cpus("\n"), [0; 0]);
    }

    #[test]
    fn the_frequency_is_asked_for_or_the_default() {
        let asked = |n: i64| frequency(&[(FREQUENCY.to_owned(), SettingValue::Int(n))]);
        assert_eq!((frequency(&[]), asked(0), asked(49)), (99, 99, 49));
    }
}
