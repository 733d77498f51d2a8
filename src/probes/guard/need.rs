//! What a relocation needs, in names, and whether a kernel has it: the rules of libbpf
//! (`relo_core.c`), as far as they decide whether an instruction can be relocated.

use std::collections::{HashMap, HashSet};

use super::super::btf::{self, Btf, Member, Type};
use super::Lack;
use super::relocs::{Kind, Reloc};

/// A name without its flavour: what stands before the last `___` (bpf_core_essential_name_len).
pub fn essential(name: &str) -> &str {
    let bytes = name.as_bytes();
    let separates =
        |at: &usize| bytes[*at] != b'_' && bytes[at + 1..at + 4].iter().all(|&b| b == b'_') && bytes[at + 4] != b'_';
    let last = (0..bytes.len().saturating_sub(4)).rev().find(separates);
    last.and_then(|at| name.get(..=at)).unwrap_or(name)
}

/// The kernel's types by essential name, of those that are asked for.
pub struct Types<'k>(HashMap<&'k str, Vec<Type<'k>>>);

impl<'k> Types<'k> {
    /// One walk over all types.
    pub fn of(kernel: &'k Btf<'k>, wanted: &HashSet<&str>) -> Types<'k> {
        let mut types: HashMap<&str, Vec<Type<'_>>> = HashMap::new();
        for ty in kernel.iter() {
            let name = essential(ty.name());
            if wanted.contains(name) && !matches!(ty.kind(), btf::Kind::Func | btf::Kind::Var) {
                types.entry(name).or_default().push(ty);
            }
        }
        Types(types)
    }

    /// The kernel's types that may be meant by one of the object: a typedef means a typedef.
    fn candidates(&self, local: Type<'_>) -> impl Iterator<Item = Type<'k>> {
        let kind = local.kind();
        let named = self.0.get(essential(local.name())).map(Vec::as_slice).unwrap_or_default();
        named.iter().copied().filter(move |ty| ty.kind() == kind)
    }
}

/// One step from a type to a field.
#[derive(Clone, Copy)]
enum Step<'b> {
    Member(Member<'b>, Type<'b>),
    Index(usize),
}

/// What the kernel says to a need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It exists; libbpf writes some number into the instruction.
    Known,
    /// It exists, or not, which is what was asked: libbpf writes this number.
    Value(u64),
    /// The field exists with another size: the instruction may compute with its place, not load it.
    Resized,
    /// The instruction must not be reached.
    Lacking(Lack),
}

/// A relocation in words.
pub struct Need<'b> {
    reloc: Reloc<'b>,
    root: Type<'b>,
    steps: Vec<Step<'b>>,
    /// Name of the enum's value.
    value: &'b str,
}

impl<'b> Need<'b> {
    /// Reads the type and the way to its field in the object's own BTF.
    ///
    /// # Errors
    /// A sentence if the way leads nowhere.
    pub fn read(reloc: &Reloc<'b>, btf: &'b Btf<'b>) -> Result<Need<'b>, String> {
        let wrong = || format!("a relocation in {} is not well-formed", reloc.section);
        let root = btf.get(reloc.type_id).ok_or_else(wrong)?;
        // libbpf limits the way to 64 steps (BPF_CORE_SPEC_MAX_LEN).
        let path: Result<Vec<usize>, _> = reloc.access.split(':').take(65).map(str::parse).collect();
        let path = path.ok().filter(|path| (1..=64).contains(&path.len())).ok_or_else(wrong)?;
        let mut need = Need { reloc: *reloc, root, steps: vec![], value: "" };
        match reloc.kind {
            Kind::EnumvalExists | Kind::EnumvalValue => {
                let (name, _) = root.resolved().enumerators().nth(path[0]).ok_or_else(wrong)?;
                need.value = name;
            }
            kind if kind.is_of_field() => need.steps = steps(root, &path[1..]).ok_or_else(wrong)?,
            _ => {}
        }
        match root.name().is_empty() && reloc.kind != Kind::TypeIdLocal {
            true => Err(wrong()),
            false => Ok(need),
        }
    }

    /// What tells needs apart: type, way and kind.
    pub fn question(&self) -> (u32, &'b str, Kind) {
        (self.reloc.type_id, self.reloc.access, self.reloc.kind)
    }

    /// Essential name of the type.
    pub fn type_name(&self) -> &'b str {
        essential(self.root.name())
    }

    /// `field task_struct.on_cpu`, `value req_op.REQ_OP_ZONE_APPEND` or `type upid`.
    pub fn words(&self) -> String {
        let name = self.type_name();
        if !self.value.is_empty() {
            return format!("value {name}.{}", essential(self.value));
        }
        let fields = self.steps.iter().filter_map(|step| match step {
            Step::Member(member, _) => Some(member.name),
            Step::Index(_) => None,
        });
        let path: Vec<&str> = std::iter::once(name).chain(fields).collect();
        format!("{} {}", if path.len() > 1 { "field" } else { "type" }, path.join("."))
    }

    /// Whether the kernel has it.
    pub fn ask(&self, types: &Types<'_>) -> Answer {
        if self.reloc.kind == Kind::TypeIdLocal {
            return Answer::Known;
        }
        let mut answers = types.candidates(self.root).map(|ty| self.ask_type(ty));
        let first = answers.next().unwrap_or(Answer::Lacking(Lack::Missing));
        // Several types of one name: libbpf takes those that fit, and refuses what they differ in.
        let best = answers.fold(first, |best, other| match (best, other) {
            (Answer::Lacking(Lack::Missing), other) => other,
            (Answer::Lacking(_), other) if !matches!(other, Answer::Lacking(_)) => other,
            (Answer::Value(a), Answer::Value(b)) if a != b => Answer::Known,
            (best, _) => best,
        });
        match (self.reloc.kind, best) {
            (Kind::FieldExists | Kind::TypeExists | Kind::EnumvalExists, Answer::Lacking(_)) => Answer::Value(0),
            (Kind::FieldExists | Kind::TypeExists | Kind::EnumvalExists, _) => Answer::Value(1),
            (Kind::TypeMatches, Answer::Lacking(_)) => Answer::Value(0),
            (_, best) => best,
        }
    }

    fn ask_type(&self, target: Type<'_>) -> Answer {
        match self.reloc.kind {
            Kind::EnumvalExists | Kind::EnumvalValue => {
                let value = target.resolved().enumerators().find(|(name, _)| essential(name) == essential(self.value));
                value.map_or(Answer::Lacking(Lack::Missing), |(_, value)| Answer::Value(value))
            }
            kind if kind.is_of_field() => self.ask_field(target),
            // A size or id of no type would be 0, which libbpf lets pass and no program means.
            _ if target.resolved().kind() != self.root.resolved().kind() => Answer::Lacking(Lack::Retyped),
            _ => Answer::Known,
        }
    }

    fn ask_field(&self, target: Type<'_>) -> Answer {
        let (mut local, mut ty, mut bits) = (self.root, target, (0, 0));
        for step in &self.steps {
            let next = match step {
                Step::Member(wanted, local_type) => {
                    let Some((found, next)) = find_member(ty.resolved(), wanted.name) else {
                        return Answer::Lacking(Lack::Missing);
                    };
                    if !are_compatible(*local_type, next) {
                        return Answer::Lacking(Lack::Retyped);
                    }
                    (local, bits) = (*local_type, (wanted.bits, found.bits));
                    Some(next)
                }
                Step::Index(index) => {
                    let array = ty.resolved();
                    // An array without a length is a flexible one.
                    let fits = array.array_len() == 0 || *index < array.array_len();
                    local = local.resolved().target().unwrap_or(local);
                    bits = (0, 0);
                    if array.kind() == btf::Kind::Array && fits { array.target() } else { None }
                }
            };
            match next {
                Some(next) => ty = next,
                None => return Answer::Lacking(Lack::Missing),
            }
        }
        match self.reloc.kind == Kind::FieldOffset && !can_be_loaded((local, bits.0), (ty, bits.1)) {
            true => Answer::Resized,
            false => Answer::Known,
        }
    }
}

impl Kind {
    fn is_of_field(self) -> bool {
        matches!(
            self,
            Kind::FieldOffset
                | Kind::FieldSize
                | Kind::FieldExists
                | Kind::FieldSigned
                | Kind::FieldLeftShift
                | Kind::FieldRightShift
        )
    }
}

/// The named members and array elements on the way; anonymous members are passed through.
fn steps<'b>(root: Type<'b>, path: &[usize]) -> Option<Vec<Step<'b>>> {
    let (mut ty, mut steps) = (root.resolved(), Vec::new());
    for &index in path {
        match ty.kind() {
            btf::Kind::Array => {
                steps.push(Step::Index(index));
                ty = ty.target()?.resolved();
            }
            _ => {
                let member = ty.members().nth(index)?;
                let next = ty.member_type(&member)?;
                if !member.name.is_empty() {
                    steps.push(Step::Member(member, next));
                }
                ty = next.resolved();
            }
        }
    }
    Some(steps)
}

/// The member of this name, in `ty` or its anonymous members.
fn find_member<'k>(ty: Type<'k>, name: &str) -> Option<(Member<'k>, Type<'k>)> {
    // Each type once: hostile BTF may nest them in circles.
    let mut seen = HashSet::new();
    let mut waiting = vec![ty];
    while let Some(ty) = waiting.pop() {
        for member in ty.members() {
            let Some(inner) = ty.member_type(&member) else { continue };
            if member.name == name {
                return Some((member, inner));
            }
            if member.name.is_empty() && seen.insert(member.type_id) {
                waiting.push(inner.resolved());
            }
        }
    }
    None
}

/// bpf_core_fields_are_compat: which types of a field pass for each other.
fn are_compatible(local: Type<'_>, target: Type<'_>) -> bool {
    let composite = |kind| matches!(kind, btf::Kind::Struct | btf::Kind::Union);
    let (mut local, mut target) = (local.resolved(), target.resolved());
    for _ in 0..32 {
        if composite(local.kind()) && composite(target.kind()) {
            return true;
        }
        if local.kind() != target.kind() {
            return false;
        }
        match local.kind() {
            btf::Kind::Ptr | btf::Kind::Float | btf::Kind::Int => return true,
            btf::Kind::Enum | btf::Kind::Fwd => {
                let (a, b) = (essential(local.name()), essential(target.name()));
                return a.is_empty() || b.is_empty() || a == b;
            }
            btf::Kind::Array => match (local.target(), target.target()) {
                (Some(a), Some(b)) => (local, target) = (a.resolved(), b.resolved()),
                _ => return false,
            },
            _ => return false,
        }
    }
    false
}

/// Whether libbpf can fit a load or store to the field's size: it changes the size only where the
/// extension with zeros keeps the value (bpf_core_calc_relo). A bit field has no size for it.
fn can_be_loaded(local: (Type<'_>, u8), target: (Type<'_>, u8)) -> bool {
    let size = |(ty, bits): (Type<'_>, u8)| if bits == 0 { ty.element().0.size() } else { 0 };
    let (a, b) = (local.0.resolved(), target.0.resolved());
    let is_unsigned = |ty: Type<'_>| ty.kind() == btf::Kind::Int && !ty.is_signed();
    size(local) == size(target)
        || (a.kind() == btf::Kind::Ptr && b.kind() == btf::Kind::Ptr)
        || (is_unsigned(a) && is_unsigned(b) && target.1 == 0)
}

#[cfg(test)]
#[path = "need_tests.rs"]
mod tests;
