//! What the running kernel takes, as far as that is known before trying: names in its BTF, and
//! what an earlier view was refused.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Mutex;

use super::btf::{Btf, Kind};
use super::slim;
use super::sys::FileBytes;

/// Where the kernel shows its own types.
pub const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// Where it shows those of its modules, which build on its own.
const MODULES_BTF: &str = "/sys/kernel/btf";

/// The number of the perf PMU that makes uprobes.
pub const UPROBE_TYPE: &str = "/sys/bus/event_source/devices/uprobe/type";

/// What one view asks of the kernel's BTF.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// Tracepoint names.
    pub tracepoints: HashSet<String>,
    /// Function names.
    pub functions: HashSet<String>,
    /// `struct.field`.
    pub fields: HashSet<String>,
}

/// The answers, plus what does not come from BTF.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Tracepoints that exist, with their number of arguments.
    pub tracepoints: HashMap<String, u32>,
    /// Functions and `struct.field`s that exist.
    pub names: HashSet<String>,
    /// Whether there are kprobes: the perf PMU of that name.
    pub kprobes: bool,
    /// Whether there are uprobes, likewise.
    pub uprobes: bool,
    /// Attach kinds that the kernel refused before, with the words for it.
    pub refused: HashMap<String, String>,
}

/// What the kernel refused during this run of the program; found by trying, asked by all views.
static REFUSED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Remembers that the kernel refuses a whole kind of hook.
pub fn remember_refused(kind: &str, result: &str) {
    if let Ok(mut refused) = REFUSED.lock()
        && !refused.iter().any(|(k, _)| k == kind)
    {
        refused.push((kind.to_owned(), result.to_owned()));
    }
}

/// What the kernel refused so far, by kind of hook.
pub fn refused() -> HashMap<String, String> {
    REFUSED.lock().map(|refused| refused.iter().cloned().collect()).unwrap_or_default()
}

/// Those of the wanted functions that are there.
fn functions(btf: &Btf<'_>, wanted: &HashSet<String>) -> Vec<String> {
    let named = btf.iter().filter(|ty| ty.kind() == Kind::Func && wanted.contains(ty.name()));
    named.map(|ty| ty.name().to_owned()).collect()
}

impl Facts {
    /// Looks the questions up in the kernel's BTF, or in `btf` if the user named a file, functions in that of
    /// `module` too; also gives the part of it that relocations to the types `roots` need.
    ///
    /// # Errors
    /// A sentence if there is no BTF or it is not well-formed.
    pub fn gather(
        questions: &Questions,
        roots: &HashSet<String>,
        btf: Option<&Path>,
        module: Option<&str>,
    ) -> Result<(Facts, Vec<u8>), String> {
        let path = btf.unwrap_or(Path::new(KERNEL_BTF));
        let bytes = FileBytes::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let btf = Btf::parse(&bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut facts = Facts::answer(questions, &btf);
        if let Some(bytes) = module.and_then(|module| std::fs::read(Path::new(MODULES_BTF).join(module)).ok()) {
            let functions = Btf::parse_split(&bytes, &btf).map(|split| functions(&split, &questions.functions));
            facts.names.extend(functions.unwrap_or_default());
        }
        facts.kprobes = Path::new("/sys/bus/event_source/devices/kprobe/type").exists();
        facts.uprobes = Path::new(UPROBE_TYPE).exists();
        facts.refused = refused();
        Ok((facts, slim::slim(&btf, roots)))
    }

    /// One walk over all types.
    pub(super) fn answer(questions: &Questions, btf: &Btf<'_>) -> Facts {
        let structs: HashSet<&str> = questions.fields.iter().filter_map(|f| Some(f.split_once('.')?.0)).collect();
        let mut facts = Facts::default();
        for ty in btf.iter() {
            match ty.kind() {
                Kind::Func if questions.functions.contains(ty.name()) => {
                    facts.names.insert(ty.name().to_owned());
                }
                // `typedef void (*btf_trace_NAME)(void *data, args...)`
                Kind::Typedef => {
                    let Some(name) = ty.name().strip_prefix("btf_trace_") else { continue };
                    if !questions.tracepoints.contains(name) {
                        continue;
                    }
                    let proto = ty.target().and_then(|pointer| pointer.target());
                    let args = proto.map_or(0, |proto| proto.vlen().saturating_sub(1));
                    facts.tracepoints.insert(name.to_owned(), args as u32);
                }
                Kind::Struct if structs.contains(ty.name()) => {
                    for member in ty.members() {
                        let field = format!("{}.{}", ty.name(), member.name);
                        if questions.fields.contains(&field) {
                            facts.names.insert(field);
                        }
                    }
                }
                _ => {}
            }
        }
        facts
    }

    /// Whether a need of a declaration holds: `name` exists, `!name` does not.
    pub fn holds(&self, need: &str) -> bool {
        match need.strip_prefix('!') {
            Some(name) => !self.names.contains(name),
            None => self.names.contains(need),
        }
    }
}
