//! Facts about the kernel for `doctor`, found by trying.

use std::ffi::CString;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;

use super::sys;
use crate::privilege::rights;

/// A function that every kernel has for testing trampolines (net/bpf/test_run.c).
const TEST_FUNCTION: &str = "bpf_fentry_test1";
/// A tracepoint that every kernel has.
const TEST_TRACEPOINT: &str = "sched_switch";

/// Each fact with `yes`, or why not.
pub fn facts() -> Vec<(&'static str, String)> {
    super::libbpf_log::install();
    rights::raised(rights::LOAD, facts_raised)
}

fn facts_raised() -> Vec<(&'static str, String)> {
    let exists = |path: &str| if Path::new(path).exists() { "yes".to_owned() } else { "no".to_owned() };
    vec![
        ("btf", exists(super::facts::KERNEL_BTF)),
        ("tp_btf", answer(load_tracing(TEST_TRACEPOINT, libbpf_sys::BPF_TRACE_RAW_TP))),
        ("fentry", answer(load_tracing(TEST_FUNCTION, libbpf_sys::BPF_TRACE_FENTRY))),
        ("kprobe", exists("/sys/bus/event_source/devices/kprobe/type")),
        ("uprobe", exists(super::facts::UPROBE_TYPE)),
        ("tracefs", exists("/sys/kernel/tracing/events")),
        ("run_time_stats", answer(sys::enable_stats().map(drop))),
        ("lockdown", lockdown()),
        ("pid_namespace", if super::settings::in_initial_pid_namespace() { "initial" } else { "nested" }.to_owned()),
    ]
}

fn answer(result: std::io::Result<()>) -> String {
    match result {
        Ok(()) => "yes".to_owned(),
        Err(error) => format!("no ({error})"),
    }
}

/// The mode in force: the word in brackets.
fn lockdown() -> String {
    let text = std::fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    let word = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    word.map_or("none", |(word, _)| word).to_owned()
}

/// Loads, and drops, a program that returns 0.
fn load_tracing(target: &str, attach_type: libbpf_sys::bpf_attach_type) -> std::io::Result<()> {
    let target = CString::new(target)?;
    // SAFETY: the name is a valid C string that outlives the call.
    let id = unsafe { libbpf_sys::libbpf_find_vmlinux_btf_id(target.as_ptr(), attach_type) };
    if id < 0 {
        return Err(std::io::Error::from_raw_os_error(-id));
    }
    let mov = |code: u8| {
        // SAFETY: zero is a valid instruction word.
        let mut insn: libbpf_sys::bpf_insn = unsafe { std::mem::zeroed() };
        insn.code = code;
        insn
    };
    // r0 = 0 (BPF_ALU64 | BPF_MOV | BPF_K); exit (BPF_JMP | BPF_EXIT)
    let program = [mov(0xb7), mov(0x95)];
    // SAFETY: zero is a valid value for every field.
    let mut options: libbpf_sys::bpf_prog_load_opts = unsafe { std::mem::zeroed() };
    options.sz = size_of_val(&options) as libbpf_sys::size_t;
    options.expected_attach_type = attach_type;
    options.attach_btf_id = id as u32;
    // SAFETY: name, licence, instructions and options outlive the call; a non-negative result is a
    // descriptor that is ours.
    unsafe {
        let fd = libbpf_sys::bpf_prog_load(
            libbpf_sys::BPF_PROG_TYPE_TRACING,
            c"probe".as_ptr(),
            c"Dual BSD/GPL".as_ptr(),
            program.as_ptr(),
            program.len() as libbpf_sys::size_t,
            &mut options,
        );
        if fd < 0 {
            return Err(std::io::Error::from_raw_os_error(-fd));
        }
        drop(OwnedFd::from_raw_fd(fd));
    }
    Ok(())
}
