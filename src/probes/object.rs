//! Opening an object and looking into it; nothing here asks the kernel.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::fd::{AsRawFd, OwnedFd};

use libbpf_rs::{AsRawLibbpf, ObjectBuilder, OpenObject};

use super::btf::Btf;
use super::facts::Questions;
use super::layout::Layout;
use super::plan::{Needs, Program};
use super::{libbpf_log, settings};
use crate::frame::{Hook, SettingValue};
use crate::views::{SettingChoice, View};

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
    let mut layout = Layout::new(&btf, &view.decl, data_map(view, choice), choice)?;
    layout.fit(&view.decl, settings);
    Ok(layout)
}

/// The programs of a view, by the conventions of their names. Opens the object only.
///
/// # Errors
/// A sentence if the object cannot be opened.
pub fn programs(view: &View) -> Result<Vec<Program>, String> {
    libbpf_log::install();
    Ok(programs_of(view, &open(view, None)?))
}

/// What its programs may be attached to, as shown to the user. Opens the object only.
///
/// # Errors
/// A sentence if the object cannot be opened.
pub fn hooks(view: &View) -> Result<Vec<Hook>, String> {
    Ok(programs(view)?.iter().map(Program::hook).collect())
}

/// Names of the constants of a view's program. Opens the object only.
///
/// # Errors
/// A sentence if the object cannot be opened.
pub fn constants(view: &View) -> Result<HashSet<String>, String> {
    libbpf_log::install();
    let open = open(view, None)?;
    let bytes = object_btf(open.as_libbpf_object().as_ptr()).ok_or("the object has no BTF")?;
    let btf = Btf::parse(bytes).map_err(|e| e.to_string())?;
    Ok(settings::constants(&btf).into_keys().collect())
}

pub(super) fn programs_of(view: &View, object: &OpenObject) -> Vec<Program> {
    let program =
        |p: libbpf_rs::OpenProgram<'_>| Program::parse(&p.name().to_string_lossy(), &p.section().to_string_lossy());
    object.progs().map(program).filter_map(|program| program.bind(&view.decl.targets)).collect()
}

/// What the choice of a setting changes in what is read.
pub(super) fn choice<'a>(view: &'a View, settings: &[(String, SettingValue)]) -> Option<&'a SettingChoice> {
    view.decl.choice(settings)
}

pub(super) fn data_map<'a>(view: &'a View, choice: Option<&'a SettingChoice>) -> &'a str {
    choice.and_then(|c| c.map.as_deref()).unwrap_or(&view.decl.map)
}
/// The object's own BTF.
pub(super) fn object_btf<'o>(object: *const libbpf_sys::bpf_object) -> Option<&'o [u8]> {
    let mut size = 0;
    // SAFETY: the object is open; its BTF lives as long as it does, and callers keep it.
    unsafe {
        let btf = libbpf_sys::bpf_object__btf(object);
        let data = if btf.is_null() { std::ptr::null() } else { libbpf_sys::btf__raw_data(btf, &mut size) };
        (!data.is_null()).then(|| std::slice::from_raw_parts(data.cast(), size as usize))
    }
}

pub(super) fn has_suffix(name: &OsStr, suffix: &str) -> bool {
    name.to_str().is_some_and(|name| name.ends_with(suffix))
}

/// Opens the object; its relocations will be resolved against `btf`.
pub(super) fn open(view: &View, btf: Option<&OwnedFd>) -> Result<OpenObject, String> {
    let mut builder = ObjectBuilder::default();
    builder.name(&view.decl.name).map_err(|e| e.to_string())?;
    if let Some(btf) = btf {
        let path = format!("/proc/self/fd/{}", btf.as_raw_fd());
        builder.btf_custom_path(path).map_err(|e| e.to_string())?;
    }
    let (open, log) = libbpf_log::capture(|| builder.open_memory(view.object.bytes()));
    open.map_err(|e| format!("the program file cannot be opened: {e}: {log}"))
}

/// The function that iterators of this name are attached to (`BPF_ITER_FUNC_PREFIX`).
pub(super) fn iterator(name: &str) -> String {
    format!("bpf_iter_{name}")
}

pub(super) fn needs(view: &View) -> Needs {
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

pub(super) fn questions(programs: &[Program], needs: &Needs, object: &OpenObject) -> Questions {
    let mut questions = Questions::default();
    for program in programs {
        match program.kind.as_str() {
            "tp_btf" | "raw_tp" => questions.tracepoints.insert(program.target.clone()),
            "fentry" | "fexit" => questions.functions.insert(program.target.clone()),
            "iter" => questions.functions.insert(iterator(&program.target)),
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
