//! What the guard says of our programs, against what libbpf and the verifier do with them. Needs root.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use bcc_top::probes::btf::{Btf, Kind};
use bcc_top::probes::facts::KERNEL_BTF;
use bcc_top::probes::guard::code::{Code, Place};
use bcc_top::probes::guard::need::{Answer, Need, Types};
use bcc_top::probes::guard::{self, relocs};
use bcc_top::views::{Registry, View};
use libbpf_rs::{ObjectBuilder, OpenObject, PrintLevel, set_print};

/// What libbpf printed; held while a test loads, as libbpf prints through one function for all.
static LOG: Mutex<String> = Mutex::new(String::new());
static LOADING: Mutex<()> = Mutex::new(());

fn print(_: PrintLevel, text: String) {
    LOG.lock().expect("no test fails in here").push_str(&text);
}

fn open(view: &View, btf: &Path) -> OpenObject {
    let mut builder = ObjectBuilder::default();
    builder.debug(true).btf_custom_path(btf).expect("a path");
    set_print(Some((PrintLevel::Debug, print)));
    LOG.lock().expect("no test fails in here").clear();
    builder.open_memory(view.object.bytes()).expect("our own objects are sound")
}

/// A program's instruction, counted from its start.
type At = (String, usize);

/// What libbpf wrote into which instruction; `None` if the one that the verifier refuses.
fn relocated(log: &str) -> BTreeMap<At, Option<i64>> {
    let mut all = BTreeMap::new();
    for line in log.lines() {
        let Some((program, rest)) = line.split_once("prog '").and_then(|(_, rest)| rest.split_once('\'')) else {
            continue;
        };
        let insn = rest.split_once("insn #").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        let Some(insn) = insn else { continue };
        if rest.contains("w/ invalid insn") {
            // The second half of a wide constant comes first.
            all.remove(&(program.to_owned(), insn + 1));
            all.insert((program.to_owned(), insn), None);
        } else if let Some((_, value)) = rest.split_once(" -> ").filter(|_| rest.contains("patched insn")) {
            all.insert((program.to_owned(), insn), value.trim().parse().ok());
        }
    }
    all
}

/// Compares each relocation of a view's object with libbpf's.
fn compare(view: &View, kernel: &Btf<'_>, path: &Path) -> usize {
    // Whether it then loads does not matter: relocations are resolved before.
    let _ = open(view, path).load();
    let theirs = relocated(&LOG.lock().expect("no test fails in here"));
    let code = Code::read(view.object.bytes()).expect("our own objects are sound");
    let btf = Btf::parse(code.btf).expect("clang's BTF");
    let at = |(section, insn): Place| -> At {
        let starts = |e: &&guard::code::Entry| e.place.0 == section && e.place.1 <= insn;
        let program = code.entries.iter().rev().find(starts).expect("a program");
        (program.name.clone(), insn - program.place.1)
    };
    let relocs = relocs::parse(code.ext, &btf).expect("clang's relocations");
    let needs: Vec<Need<'_>> =
        relocs.iter().map(|reloc| Need::read(reloc, &btf).expect("clang's relocations")).collect();
    let types = Types::of(kernel, &needs.iter().map(Need::type_name).collect());
    let mut refused = 0;
    for (reloc, need) in relocs.iter().zip(&needs) {
        let place = (code.sections[reloc.section], reloc.insn);
        let loads = matches!(code.insn(place).map(|insn| insn.code & 7), Some(1..=3));
        let at = at(place);
        let told = theirs.get(&at).unwrap_or_else(|| panic!("libbpf says nothing of {at:?}"));
        let words = need.words();
        match need.ask(&types) {
            Answer::Value(value) => assert_eq!(*told, Some(value as i64), "{words} at {at:?}"),
            Answer::Lacking(_) => assert_eq!(*told, None, "{words} at {at:?}"),
            Answer::Resized if loads => assert_eq!(*told, None, "{words} at {at:?}"),
            Answer::Known | Answer::Resized => assert!(told.is_some(), "{words} at {at:?}"),
        }
        refused += usize::from(told.is_none());
    }
    refused
}

#[test]
fn every_relocation_is_resolved_as_libbpf_does() {
    let _alone = LOADING.lock();
    let bytes = std::fs::read(KERNEL_BTF).expect("a kernel with BTF");
    let views = Registry::get().views();
    let kernel = Btf::parse(&bytes).expect("the kernel's own BTF");
    let refused: usize = views.iter().map(|view| compare(view, &kernel, Path::new(KERNEL_BTF))).sum();
    assert!(refused > 0, "ways for other kernels are in every object");
    // The same with names changed, so that what exists here is missing, and is guarded or not.
    let mut changed = bytes.clone();
    for name in ["on_cpu", "bi_blkg", "SOCK_DONE", "kernfs_node", "rcv_nxt", "counter", "in6_u"] {
        let name = [b"\0", name.as_bytes(), b"\0"].concat();
        let at = bytes.windows(name.len()).rposition(|window| window == name);
        let at = at.expect("a name that all kernels have");
        changed[at + 1] = b'@';
    }
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(&changed).expect("room for it");
    let kernel = Btf::parse(&changed).expect("names do not matter to a parser");
    let more: usize = views.iter().map(|view| compare(view, &kernel, file.path())).sum();
    assert!(more > refused + 10, "{more} {refused}");
}

/// Sets the numbers of tracepoint arguments, as the engine does.
fn set_constants(open: &mut OpenObject, code: &Code<'_>, kernel: &Btf<'_>) -> Vec<u8> {
    let mut map = open.maps_mut().find(|m| m.name().to_string_lossy().ends_with(".rodata")).expect("constants");
    let bytes = map.initial_value_mut().expect("constants");
    for (name, constant) in &code.constants {
        let Some(tracepoint) = name.strip_prefix("nargs__") else { continue };
        let typedef = kernel.find(Kind::Typedef, &format!("btf_trace_{tracepoint}"));
        let proto = typedef.and_then(|ty| ty.target()?.target());
        bytes[constant.offset] = proto.map_or(0, |proto| proto.vlen() as u8 - 1);
    }
    bytes.to_vec()
}

/// Loads one program of a view.
fn loads(view: &View, name: &str, code: &Code<'_>, kernel: &Btf<'_>) -> bool {
    let mut open = open(view, Path::new(KERNEL_BTF));
    set_constants(&mut open, code, kernel);
    for mut program in open.progs_mut() {
        let on = program.name().to_string_lossy() == name;
        program.set_autoload(on);
    }
    open.load().is_ok()
}

#[test]
fn a_program_with_a_fault_does_not_load() {
    let _alone = LOADING.lock();
    let bytes = std::fs::read(KERNEL_BTF).expect("a kernel with BTF");
    let kernel = Btf::parse(&bytes).expect("the kernel's own BTF");
    let mut loaded = BTreeSet::new();
    for view in Registry::get().views() {
        let code = Code::read(view.object.bytes()).expect("our own objects are sound");
        let rodata = set_constants(&mut open(view, Path::new(KERNEL_BTF)), &code, &kernel);
        let faults = guard::faults_with(view.object.bytes(), &kernel, &rodata).expect("our own objects are sound");
        for entry in &code.entries {
            // A missing function is found out only when a kprobe is attached.
            let is_kprobe = entry.section.starts_with("kprobe/") || entry.section.starts_with("kretprobe/");
            let fault = faults.iter().find(|f| f.program == entry.name && !is_kprobe);
            if loads(view, &entry.name, &code, &kernel) {
                assert_eq!(fault, None, "it loads");
                loaded.insert(entry.name.clone());
            } else if fault.is_none() {
                // A kernel may do without trampolines or a type of map; BTF does not tell.
                eprintln!("{} has no fault and does not load", entry.name);
            }
        }
    }
    assert!(loaded.len() > 5, "{loaded:?}");
}
