//! Attaching to the functions of one file.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};

use super::super::{elf, facts, sys};

/// A C library is 2 MB; what is larger than this is none.
const LARGEST_FILE: u64 = 64 << 20;

/// A program and the function that it is attached to.
pub struct Hook {
    program: OwnedFd,
    pub(super) library: String,
    pub(super) function: String,
    is_return: bool,
}

impl Hook {
    /// A program that runs when `function` of `library` begins, or returns.
    pub fn new(program: OwnedFd, library: &str, function: &str, is_return: bool) -> Hook {
        Hook { program, library: library.to_owned(), function: function.to_owned(), is_return }
    }
}

/// What a file turned out to be.
pub(super) enum Found {
    /// Watched as long as these events are open.
    Attached(Vec<OwnedFd>),
    /// Nothing to attach to: another file of that name, or a program of another machine.
    Other,
}

/// Attaches the hooks of `library` to those functions that the file has: all or none.
///
/// # Errors
/// What the kernel or the file system says.
pub(super) fn attach(file: &File, library: &str, hooks: &[Hook]) -> io::Result<Found> {
    let mut hooks: Vec<&Hook> = hooks.iter().filter(|hook| hook.library == library).collect();
    let names: HashSet<&str> = hooks.iter().map(|hook| hook.function.as_str()).collect();
    let Some(places) = places(file, &names)? else { return Ok(Found::Other) };
    // One function after the other, its return first: of a call that begins in between, the end is known to be none of ours.
    let order: Vec<&str> = hooks.iter().map(|hook| hook.function.as_str()).collect();
    let place_of = |hook: &Hook| order.iter().position(|function| *function == hook.function);
    hooks.sort_by_key(|hook| (place_of(hook), !hook.is_return));
    let kind = std::fs::read_to_string(facts::UPROBE_TYPE)?;
    let kind = kind.trim().parse().map_err(io::Error::other)?;
    let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    let mut events = Vec::new();
    for hook in hooks {
        for &place in places.get(&hook.function).into_iter().flatten() {
            let event = open(kind, &path, place, hook.is_return)?;
            sys::run_at(&event, &hook.program)?;
            events.push(event);
        }
    }
    Ok(Found::Attached(events))
}

fn places(file: &File, names: &HashSet<&str>) -> io::Result<Option<HashMap<String, BTreeSet<u64>>>> {
    if file.metadata()?.len() > LARGEST_FILE {
        return Ok(None);
    }
    // Not mapped: it may be cut off meanwhile.
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE).read_to_end(&mut bytes)?;
    Ok(elf::places(&bytes, names).ok().filter(|places| !places.is_empty()))
}

/// A breakpoint at this place of a file, for all processes.
fn open(kind: u32, path: &CString, place: u64, is_return: bool) -> io::Result<OwnedFd> {
    let mut attr = libbpf_sys::perf_event_attr {
        type_: kind,
        size: size_of::<libbpf_sys::perf_event_attr>() as u32,
        // /sys/bus/event_source/devices/uprobe/format/retprobe: config:0.
        config: u64::from(is_return),
        ..Default::default()
    };
    attr.__bindgen_anon_3.uprobe_path = path.as_ptr() as u64;
    attr.__bindgen_anon_4.probe_offset = place;
    // It has to be opened on some CPU, and is hit on all of them (__uprobe_perf_func).
    sys::open_perf_event(&attr, super::super::sampling::first_cpu())
}
