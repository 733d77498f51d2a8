//! What a program needs that a kernel does not have, found before anything is loaded.
//!
//! A kernel that renamed a field refuses a program with the verifier's "invalid func
//! unknown#195896080": libbpf puts that call where a relocation has no answer. Here the same is said
//! in names: the object's relocations are looked up in the kernel's BTF, and one without an
//! answer is a fault where the program can reach it.

pub mod code;
pub mod need;
pub mod reach;
pub mod relocs;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fmt;

use self::code::{Code, Entry, Place, Reference};
use self::need::{Answer, Need, Types};
use self::reach::{Rodata, Walk};
use super::btf::Btf;
use super::facts::{Facts, Questions};

/// How a kernel fails a need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lack {
    /// It has nothing of that name.
    Missing,
    /// A field or type of that name is something else: `folio.flags` is a number up to 6.17, then a struct.
    Retyped,
    /// A field has another size, and libbpf cannot fit the load to it.
    Resized,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lack::Missing => "missing",
            Lack::Retyped => "of another type",
            Lack::Resized => "of another size",
        })
    }
}

/// Something that a program needs and the kernel does not have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Name of the program.
    pub program: String,
    /// `field task_struct.on_cpu`, `type upid`, `value req_op.REQ_OP_ZONE_APPEND`,
    /// `function filemap_read`, `tracepoint block_io_start`.
    pub what: String,
    /// In which way.
    pub lack: Lack,
}

impl Fault {
    /// What is wrong, without whose fault it is: `field task_struct.on_cpu missing`.
    pub fn words(&self) -> String {
        format!("{} {}", self.what, self.lack)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.what, self.lack, self.program)
    }
}

/// What the programs of an object need that this kernel does not have, by program. Of `.rodata` only
/// the numbers of tracepoint arguments are taken for known, so this holds whatever is set.
///
/// # Errors
/// A sentence if the object is not well-formed.
pub fn faults(object: &[u8], kernel: &Btf<'_>) -> Result<Vec<Fault>, String> {
    look(object, kernel, None)
}

/// The same for certain settings: `rodata` is the whole section as it will be frozen. What only
/// serves a filter that is off is then no fault.
///
/// # Errors
/// As [`faults`].
pub fn faults_with(object: &[u8], kernel: &Btf<'_>, rodata: &[u8]) -> Result<Vec<Fault>, String> {
    look(object, kernel, Some(rodata))
}

fn look(object: &[u8], kernel: &Btf<'_>, rodata: Option<&[u8]>) -> Result<Vec<Fault>, String> {
    let code = Code::read(object)?;
    let btf = Btf::parse(code.btf).map_err(|e| e.to_string())?;
    let symbols = Symbols::of(kernel, &code);
    let needs = Needs::of(&code, &btf, kernel)?;
    let rodata = match rodata {
        Some(bytes) => Rodata(bytes.iter().copied().map(Some).collect()),
        None => symbols.rodata(&code),
    };
    let walk = Walk { code: &code, answers: &needs.answers, rodata: &rodata };
    let mut budget = reach::BUDGET;
    let mut faults = Vec::new();
    for entry in &code.entries {
        let mut reached: Vec<Place> = walk.reached(entry.place, &mut budget)?.into_iter().collect();
        reached.sort_unstable();
        let inside = reached.into_iter().filter_map(|place| needs.lack(&code, place).or(symbols.lack(&code, place)));
        let mut lacks: Vec<(String, Lack)> = symbols.lack_of_target(entry).into_iter().chain(inside).collect();
        let mut seen = HashSet::new();
        lacks.retain(|lack| seen.insert(lack.clone()));
        faults.extend(lacks.into_iter().map(|(what, lack)| Fault { program: entry.name.clone(), what, lack }));
    }
    Ok(faults)
}

/// The needs of an object's instructions, with the kernel's answers.
struct Needs<'b> {
    needs: HashMap<Place, Need<'b>>,
    answers: HashMap<Place, Answer>,
}

impl<'b> Needs<'b> {
    fn of(code: &Code<'_>, btf: &'b Btf<'b>, kernel: &Btf<'_>) -> Result<Needs<'b>, String> {
        // Without relocations clang may write no such section.
        let relocs = if code.ext.is_empty() { vec![] } else { relocs::parse(code.ext, btf)? };
        let mut needs = HashMap::new();
        for reloc in &relocs {
            // A section that is not there was dropped by a linker.
            if let Some(&section) = code.sections.get(reloc.section) {
                needs.insert((section, reloc.insn), Need::read(reloc, btf)?);
            }
        }
        let types = Types::of(kernel, &needs.values().map(Need::type_name).collect());
        // Programs ask the same again and again.
        let mut known = HashMap::new();
        let mut answer = |need: &Need<'b>| *known.entry(need.question()).or_insert_with(|| need.ask(&types));
        let answers = needs.iter().map(|(place, need)| (*place, answer(need))).collect();
        Ok(Needs { needs, answers })
    }

    /// What is wrong if this instruction is reached.
    fn lack(&self, code: &Code<'_>, place: Place) -> Option<(String, Lack)> {
        let lack = match self.answers.get(&place)? {
            Answer::Lacking(lack) => *lack,
            // Where a field is does no harm, only to load or store it: classes LDX, ST and STX.
            Answer::Resized if matches!(code.insn(place)?.code & 7, 1..=3) => Lack::Resized,
            _ => return None,
        };
        Some((self.needs.get(&place)?.words(), lack))
    }
}

/// What a program is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target<'o> {
    Function(&'o str),
    Iterator(&'o str),
    Tracepoint(&'o str),
}

impl<'o> Target<'o> {
    /// Reads the name of an ELF section; `None` if it names nothing that is in BTF.
    fn of(section: &'o str) -> Option<Target<'o>> {
        // A question mark tells libbpf not to load the program on its own.
        let (kind, target) = section.trim_start_matches('?').split_once('/')?;
        // Of a shared program: the declarations name the functions.
        if target.starts_with('@') {
            return None;
        }
        Some(match kind {
            "fentry" | "fexit" | "fmod_ret" | "fentry.s" | "fexit.s" | "fmod_ret.s" => Target::Function(target),
            "kprobe" | "kretprobe" => Target::Function(target.split('+').next()?),
            "iter" | "iter.s" => Target::Iterator(target),
            "tp_btf" | "raw_tp" | "raw_tp.w" | "raw_tracepoint" | "raw_tracepoint.w" => Target::Tracepoint(target),
            _ => return None,
        })
    }

    /// The kernel's function for it: an iterator's is an empty one (DEFINE_BPF_ITER_FUNC).
    fn function(self) -> Option<String> {
        match self {
            Target::Function(name) => Some(name.to_owned()),
            Target::Iterator(name) => Some(format!("bpf_iter_{name}")),
            Target::Tracepoint(_) => None,
        }
    }
}

/// Functions and tracepoints of the kernel, of those that an object names.
struct Symbols {
    functions: HashSet<String>,
    tracepoints: HashMap<String, u32>,
}

impl Symbols {
    fn of(kernel: &Btf<'_>, code: &Code<'_>) -> Symbols {
        let targets: Vec<Target<'_>> = code.entries.iter().filter_map(|entry| Target::of(&entry.section)).collect();
        let mut questions = Questions::default();
        questions.functions.extend(targets.iter().filter_map(|target| target.function()));
        questions.functions.extend(code.references.values().filter_map(|reference| match reference {
            Reference::KernelFunction(name) => Some(name.clone()),
            _ => None,
        }));
        questions.tracepoints.extend(targets.iter().filter_map(|target| match target {
            Target::Tracepoint(name) => Some((*name).to_owned()),
            _ => None,
        }));
        questions
            .tracepoints
            .extend(code.constants.keys().filter_map(|name| Some(name.strip_prefix("nargs__")?.to_owned())));
        let facts = Facts::answer(&questions, kernel);
        Symbols { functions: facts.names, tracepoints: facts.tracepoints }
    }

    fn lack_of_target(&self, entry: &Entry) -> Option<(String, Lack)> {
        let target = Target::of(&entry.section)?;
        let what = match (target, target.function()) {
            (Target::Tracepoint(name), _) if !self.tracepoints.contains_key(name) => format!("tracepoint {name}"),
            (_, Some(function)) if !self.functions.contains(&function) => format!("function {function}"),
            _ => return None,
        };
        Some((what, Lack::Missing))
    }

    /// What is wrong if this instruction calls a function of the kernel.
    fn lack(&self, code: &Code<'_>, place: Place) -> Option<(String, Lack)> {
        const CALL: u8 = 0x85;
        let Reference::KernelFunction(name) = code.references.get(&place)? else { return None };
        let missing = code.insn(place)?.code == CALL && !self.functions.contains(name);
        missing.then(|| (format!("function {name}"), Lack::Missing))
    }

    /// `.rodata` as far as this kernel alone decides it: the numbers of arguments (`NARGS`).
    fn rodata(&self, code: &Code<'_>) -> Rodata {
        let mut bytes = vec![None; code.rodata];
        for (name, constant) in &code.constants {
            let Some(tracepoint) = name.strip_prefix("nargs__") else { continue };
            let value = u64::from(self.tracepoints.get(tracepoint).copied().unwrap_or(0)).to_le_bytes();
            let end = constant.offset.checked_add(constant.size.min(value.len()));
            let place = end.and_then(|end| bytes.get_mut(constant.offset..end)).unwrap_or_default();
            place.iter_mut().zip(value).for_each(|(place, byte)| *place = Some(byte));
        }
        Rodata(bytes)
    }
}
