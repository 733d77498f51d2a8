//! All views against the running kernel's BTF, as it is and with one name changed.

use std::collections::BTreeSet;

use super::*;
use crate::probes::facts::KERNEL_BTF;
use crate::views::Registry;

/// The kernel's BTF with a letter changed in each of these names that it has.
fn renamed(kernel: &[u8], names: &[&str]) -> Vec<u8> {
    let mut bytes = kernel.to_vec();
    let mut at = 0;
    while let Some(len) = bytes[at..].iter().position(|&byte| byte == 0) {
        if len > 0 && names.iter().any(|name| name.as_bytes() == &bytes[at..at + len]) {
            bytes[at + len - 1] = b'@';
        }
        at += len + 1;
    }
    bytes
}

/// Views whose programs the expectations below name; others may need the same fields.
const NAMED: [&str; 4] = ["biotop", "cachetop", "runqlat", "tcptop"];

/// Faults of those views.
fn all_faults(kernel: &[u8]) -> BTreeSet<String> {
    let btf = Btf::parse(kernel).expect("well-formed BTF");
    let of_view = |view: &crate::views::View| faults(view.object.bytes(), &btf).expect("our own objects are sound");
    let named = Registry::get().views().iter().filter(|view| NAMED.contains(&view.decl.name.as_str()));
    named.flat_map(of_view).map(|fault| fault.to_string()).collect()
}

/// Changes names, and compares what is at fault only then with `expected`: what is missing, and to
/// which programs.
fn check(names: &[&str], expected: &[(&str, &str)]) {
    let Ok(kernel) = std::fs::read(KERNEL_BTF) else { return };
    let changed = renamed(&kernel, names);
    assert_ne!(kernel, changed, "this kernel has none of {names:?}");
    let new: BTreeSet<String> = all_faults(&changed).difference(&all_faults(&kernel)).cloned().collect();
    let of = |(what, programs): &(&str, &str)| -> Vec<String> {
        programs.split_whitespace().map(|program| format!("{what} missing ({program})")).collect()
    };
    assert_eq!(new, expected.iter().flat_map(of).collect::<BTreeSet<String>>(), "without {names:?}");
}

/// Those that read how far a socket was read.
const READ_POSITION: &str = "recv__1 recv__1_established recv__1_tcp_seed recv__1_file_seed recv__2 \
    recv__2_established recv__2_tcp_seed";

#[test]
fn a_renamed_field_is_a_fault_of_those_who_use_it() {
    let waking = "wait__1_wakeup wait__1_wakeup_new wait__2_wakeup wait__2_wakeup_new";
    let recording = "send__1 send__2_msg send__2_pages send__3 send__4_msg_ret send__4_pages_ret send__5_msg_ret \
        recv__1 recv__2";
    let names = ["on_cpu", "__data_len", "bi_private", "ki_pos", "copied_seq", "skc_net", "bi_blkg"];
    let expected = [
        ("field task_struct.on_cpu", waking),
        ("field request.__data_len", "done__1"),
        ("field bio.bi_private", "submit__4_split"),
        ("field kiocb.ki_pos", "access__2 access__3 access__4_ret access__5_ret"),
        ("field tcp_sock.copied_seq", READ_POSITION),
        ("field sock.__sk_common.skc_net.net", recording),
        // bio.bi_blkg is read only where it exists, so nobody misses it.
    ];
    check(&names, &expected);
}

#[test]
fn a_type_a_value_a_tracepoint_or_a_function_is_missed_too() {
    let names = ["tcp_sock", "SOCK_DONE", "btf_trace_sched_wakeup", "bpf_iter_task_file", "upid"];
    let expected = [
        ("field tcp_sock.copied_seq", READ_POSITION),
        ("field tcp_sock.rcv_nxt", READ_POSITION),
        ("value sock_flags.SOCK_DONE", READ_POSITION),
        ("tracepoint sched_wakeup", "wait__1_wakeup wait__2_wakeup"),
        ("function bpf_iter_task_file", "recv__1_file_seed"),
        ("type upid", "wait__1_switch wait__2_switch"),
        ("field upid.ns", "wait__1_switch wait__2_switch"),
    ];
    check(&names, &expected);
}

#[test]
fn the_last_way_to_a_fact_is_a_need() {
    // cgroup_ancestor() asks for the one and falls back to the other; a kernel has one of them.
    let filtering = "wait__1_wakeup wait__1_wakeup_new wait__1_switch wait__2_wakeup wait__2_wakeup_new wait__2_switch";
    check(&["ancestors", "ancestor_ids"], &[("field cgroup.ancestors", filtering)]);
}

#[test]
fn what_serves_a_filter_that_is_off_is_no_fault() {
    let Ok(kernel) = std::fs::read(KERNEL_BTF) else { return };
    let kernel = renamed(&kernel, &["dfl_cgrp"]);
    let kernel = Btf::parse(&kernel).expect("well-formed BTF");
    let view = Registry::get().find("runqlat").expect("a view");
    let wants = |faults: &[Fault]| faults.iter().filter(|f| f.what.contains(".dfl_cgrp")).count();
    assert_eq!(wants(&faults(view.object.bytes(), &kernel).expect("sound")), 6);
    let rodata = vec![0; Code::read(view.object.bytes()).expect("sound").rodata];
    assert_eq!(wants(&faults_with(view.object.bytes(), &kernel, &rodata).expect("sound")), 0);
}

#[test]
fn whatever_bytes_are_given_there_is_an_end() {
    let kernel = testing::Types::default().write();
    let kernel = Btf::parse(&kernel).expect("well-formed BTF");
    let view = Registry::get().find("cachetop").expect("a view");
    let mut random = 1u64;
    let mut next = || {
        // Knuth's MMIX generator: any sequence will do, the same each time.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize
    };
    for _ in 0..300 {
        let mut bytes = view.object.bytes().to_vec();
        for _ in 0..1 + next() % 64 {
            let at = next() % bytes.len();
            bytes[at] = next() as u8;
        }
        // What it says is another matter: a sentence or a list.
        let _ = faults(&bytes, &kernel);
    }
    for len in (0..view.object.bytes().len()).step_by(997) {
        let _ = faults(&view.object.bytes()[..len], &kernel);
    }
    assert!(faults(b"", &kernel).is_err());
}

#[test]
fn sections_name_what_they_are_attached_to() {
    for (section, target) in [
        ("fentry/f", Some(Target::Function("f"))),
        ("?fexit.s/f", Some(Target::Function("f"))),
        ("kprobe/f+0x10", Some(Target::Function("f"))),
        ("iter/tcp", Some(Target::Iterator("tcp"))),
        ("raw_tp/x", Some(Target::Tracepoint("x"))),
        ("kprobe.multi/f*", None),
        ("tracepoint/a/b", None),
        ("kprobe", None),
    ] {
        assert_eq!(Target::of(section), target, "{section}");
    }
}
