//! A reader of BTF, the kernel's type information: as much as planning and decoding need.
//!
//! Our own because the kernel's 5 MB are walked once at each start: this takes a millisecond or
//! two, libbpf's parse ten. Format: Documentation/bpf/btf.rst.

use std::fmt;

const MAGIC: u16 = 0xeb9f;

/// What a type is: the `BTF_KIND_*` of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names are those of the format
pub enum Kind {
    Int,
    Ptr,
    Array,
    Struct,
    Union,
    Enum,
    Fwd,
    Typedef,
    Modifier,
    Func,
    FuncProto,
    Var,
    Datasec,
    Float,
    Other,
}

/// BTF that does not hold.
#[derive(Debug, PartialEq, Eq)]
pub struct BadBtf(&'static str);

impl fmt::Display for BadBtf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BTF is not well-formed: {}", self.0)
    }
}

impl std::error::Error for BadBtf {}

/// Parsed BTF: where each type stands.
pub struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Offset of each type in `types`; id 0 is void.
    offsets: Vec<u32>,
    /// Where its strings begin, behind those of the BTF that it builds on.
    first_string: u32,
}

/// One type.
#[derive(Clone, Copy)]
pub struct Type<'b> {
    btf: &'b Btf<'b>,
    at: usize,
}

/// A field of a struct, or a variable of a section.
#[derive(Clone, Copy, Debug)]
pub struct Member<'b> {
    /// Name; empty for an anonymous struct or union.
    pub name: &'b str,
    /// Id of its type.
    pub type_id: u32,
    /// Offset in bytes.
    pub offset: u32,
    /// Width of a bit field; 0 if it is none.
    pub bits: u8,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

impl<'a> Btf<'a> {
    /// Reads the header and finds the types.
    ///
    /// # Errors
    /// If the bytes are cut off or not BTF of this machine's byte order.
    pub fn parse(bytes: &'a [u8]) -> Result<Btf<'a>, BadBtf> {
        if bytes.len() < 24 || u16::from_ne_bytes([bytes[0], bytes[1]]) != MAGIC {
            return Err(BadBtf("no header"));
        }
        let field = |at| u32_at(bytes, at).map(|n| n as usize).unwrap_or(0);
        let (header, type_off, type_len) = (field(4), field(8), field(12));
        let (str_off, str_len) = (field(16), field(20));
        let part = |off: usize, len: usize| bytes.get(header.checked_add(off)?..)?.get(..len);
        let types = part(type_off, type_len).ok_or(BadBtf("types are cut off"))?;
        let strings = part(str_off, str_len).ok_or(BadBtf("strings are cut off"))?;
        let mut offsets = Vec::with_capacity(types.len() / 24);
        offsets.push(u32::MAX);
        let mut at = 0;
        while at < types.len() {
            let info = u32_at(types, at + 4).ok_or(BadBtf("a type is cut off"))?;
            offsets.push(at as u32);
            at += 12 + extra_len(info).ok_or(BadBtf("a kind is not known"))?;
        }
        if at != types.len() {
            return Err(BadBtf("a type is cut off"));
        }
        Ok(Btf { types, strings, offsets, first_string: 0 })
    }

    /// The types of a module, whose BTF goes on where the kernel's ends. Only for looking names up: the ids in it
    /// count from those of `base`.
    ///
    /// # Errors
    /// As [`Btf::parse`].
    pub fn parse_split(bytes: &'a [u8], base: &Btf<'_>) -> Result<Btf<'a>, BadBtf> {
        let first_string = u32::try_from(base.strings.len()).map_err(|_| BadBtf("strings are too long"))?;
        Ok(Btf { first_string, ..Btf::parse(bytes)? })
    }

    /// The type with this id; `None` for void and ids out of range.
    pub fn get(&'a self, id: u32) -> Option<Type<'a>> {
        let at = *self.offsets.get(id as usize)?;
        (id != 0).then_some(Type { btf: self, at: at as usize })
    }

    /// All types, in order of id from 1.
    pub fn iter(&'a self) -> impl Iterator<Item = Type<'a>> {
        self.offsets[1..].iter().map(|&at| Type { btf: self, at: at as usize })
    }

    /// The first type of this kind and name.
    pub fn find(&'a self, kind: Kind, name: &str) -> Option<Type<'a>> {
        self.iter().find(|ty| ty.kind() == kind && ty.name() == name)
    }

    /// The string at this offset; empty if there is none.
    pub fn string(&self, at: u32) -> &str {
        let at = at.checked_sub(self.first_string).map(|at| at as usize);
        let bytes = at.and_then(|at| self.strings.get(at..)).unwrap_or_default();
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(0);
        std::str::from_utf8(&bytes[..end]).unwrap_or_default()
    }
}

/// Bytes that follow the common 12 of a type.
fn extra_len(info: u32) -> Option<usize> {
    let vlen = (info & 0xffff) as usize;
    Some(match info >> 24 & 0x1f {
        2 | 7 | 8 | 9 | 10 | 11 | 12 | 16 | 18 => 0,
        1 | 14 | 17 => 4,
        3 => 12,
        4 | 5 | 15 | 19 => 12 * vlen,
        6 | 13 => 8 * vlen,
        _ => return None,
    })
}

impl<'b> Type<'b> {
    fn word(&self, at: usize) -> u32 {
        u32_at(self.btf.types, self.at + at).unwrap_or(0)
    }

    /// Its name; empty if it has none.
    pub fn name(&self) -> &'b str {
        self.btf.string(self.word(0))
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match self.word(4) >> 24 & 0x1f {
            1 => Kind::Int,
            2 => Kind::Ptr,
            3 => Kind::Array,
            4 => Kind::Struct,
            5 => Kind::Union,
            6 | 19 => Kind::Enum,
            7 => Kind::Fwd,
            8 => Kind::Typedef,
            9..=11 | 18 => Kind::Modifier,
            12 => Kind::Func,
            13 => Kind::FuncProto,
            14 => Kind::Var,
            15 => Kind::Datasec,
            16 => Kind::Float,
            _ => Kind::Other,
        }
    }

    /// Number of members, parameters or values.
    pub fn vlen(&self) -> usize {
        (self.word(4) & 0xffff) as usize
    }

    /// What it points to, names or modifies.
    pub fn target(&self) -> Option<Type<'b>> {
        match self.kind() {
            Kind::Array => self.btf.get(self.word(12)),
            _ => self.btf.get(self.word(8)),
        }
    }

    /// Number of elements of an array.
    pub fn array_len(&self) -> usize {
        self.word(20) as usize
    }

    /// Whether an integer is signed.
    pub fn is_signed(&self) -> bool {
        self.kind() == Kind::Int && self.word(12) >> 24 & 1 == 1
    }

    /// Fields of a struct or union, variables of a section.
    pub fn members(self) -> impl Iterator<Item = Member<'b>> {
        let kind = self.kind();
        let n = if matches!(kind, Kind::Struct | Kind::Union | Kind::Datasec) { self.vlen() } else { 0 };
        (0..n).map(move |i| {
            let at = 12 + 12 * i;
            if kind == Kind::Datasec {
                let var = self.btf.get(self.word(at));
                let name = var.map(|v| v.name()).unwrap_or_default();
                let type_id = var.map(|v| v.word(8)).unwrap_or(0);
                return Member { name, type_id, offset: self.word(at + 4), bits: 0 };
            }
            // With the kind flag (bit 31) the upper byte is the size of a bit field.
            let flagged = self.word(4) >> 31 == 1;
            let place = self.word(at + 8);
            let (offset, bits) = if flagged { (place & 0x00ff_ffff, (place >> 24) as u8) } else { (place, 0) };
            Member { name: self.btf.string(self.word(at)), type_id: self.word(at + 4), offset: offset / 8, bits }
        })
    }

    /// Names and values of an enum, of 32 or 64 bits.
    pub fn enumerators(self) -> impl Iterator<Item = (&'b str, u64)> {
        let wide = self.word(4) >> 24 & 0x1f == 19;
        let n = if self.kind() == Kind::Enum { self.vlen() } else { 0 };
        (0..n).map(move |i| {
            let at = 12 + i * if wide { 12 } else { 8 };
            let low = self.word(at + 4);
            let value = match wide {
                true => u64::from(self.word(at + 8)) << 32 | u64::from(low),
                // As libbpf: sign-extended, whether the enum is signed or not.
                false => i64::from(low as i32) as u64,
            };
            (self.btf.string(self.word(at)), value)
        })
    }

    /// Ids of the types it is made of. What a pointer points to is not part of it.
    pub fn references(&self) -> Vec<u32> {
        match self.kind() {
            Kind::Array => vec![self.word(12), self.word(16)],
            Kind::Struct | Kind::Union => (0..self.vlen()).map(|i| self.word(16 + 12 * i)).collect(),
            Kind::Typedef | Kind::Modifier => vec![self.word(8)],
            _ => vec![],
        }
    }

    /// Appends its bytes to `out`, with names and ids as in another BTF. Pointers become `void *`.
    pub fn copy<'s>(&self, out: &mut Vec<u8>, name: &mut dyn FnMut(&'s str) -> u32, id: &dyn Fn(u32) -> u32)
    where
        'b: 's,
    {
        let raw = self.word(4) >> 24 & 0x1f;
        let len = 12 + extra_len(self.word(4)).unwrap_or(0);
        // Which words, counted in fours from the start of each record, are names and ids.
        let (record, names, ids): (usize, &[usize], &[usize]) = match raw {
            3 => (12, &[], &[0, 4]),
            4 | 5 => (12, &[0], &[4]),
            6 => (8, &[0], &[]),
            19 => (12, &[0], &[]),
            _ => (usize::MAX, &[], &[]),
        };
        for at in (0..len).step_by(4) {
            let word = self.word(at);
            let inside = at.checked_sub(12).map(|at| at % record);
            let new = match inside {
                None if at == 0 => name(self.btf.string(word)),
                None if at == 8 && self.kind() == Kind::Ptr => 0,
                None if at == 8 && matches!(self.kind(), Kind::Typedef | Kind::Modifier) => id(word),
                Some(at) if names.contains(&at) => name(self.btf.string(word)),
                Some(at) if ids.contains(&at) => id(word),
                _ => word,
            };
            out.extend_from_slice(&new.to_ne_bytes());
        }
    }

    /// The type behind typedefs, `const` and `volatile`.
    pub fn resolved(self) -> Type<'b> {
        let mut ty = self;
        // Chains are a few long; the bound is for input that loops.
        for _ in 0..32 {
            match (ty.kind(), ty.target()) {
                (Kind::Typedef | Kind::Modifier, Some(next)) => ty = next,
                _ => break,
            }
        }
        ty
    }

    /// The first typedef name on the way to the type: the meaning of a column.
    pub fn typedef_name(self) -> Option<&'b str> {
        let mut ty = self;
        for _ in 0..32 {
            match ty.kind() {
                Kind::Typedef => return Some(ty.name()),
                Kind::Modifier => ty = ty.target()?,
                _ => return None,
            }
        }
        None
    }

    /// Size in bytes.
    pub fn size(self) -> usize {
        let (element, n) = self.element();
        let one = match element.kind() {
            Kind::Ptr => 8,
            Kind::Int | Kind::Struct | Kind::Union | Kind::Enum | Kind::Float => element.word(8) as usize,
            _ => 0,
        };
        one.saturating_mul(n)
    }

    /// What an array of arrays is made of in the end, and how many; any other type is one of itself.
    pub fn element(self) -> (Type<'b>, usize) {
        let (mut ty, mut n) = (self.resolved(), 1usize);
        // No recursion: in a file that the user named, an array may contain itself.
        for _ in 0..32 {
            match (ty.kind(), ty.target()) {
                (Kind::Array, Some(element)) => {
                    n = n.saturating_mul(ty.array_len());
                    ty = element.resolved();
                }
                _ => break,
            }
        }
        (ty, n)
    }

    /// The type of a member.
    pub fn member_type(&self, member: &Member<'_>) -> Option<Type<'b>> {
        self.btf.get(member.type_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_is_refused() {
        assert!(Btf::parse(b"").is_err());
        assert!(
            Btf::parse(&[0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).is_err()
        );
    }

    #[test]
    fn an_array_of_itself_has_a_size() {
        // One array type: no name, kind 3, then element type 1 (itself), index type 1, 2 elements.
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        for word in [24u32, 0, 24, 24, 1, 0, 3 << 24, 0, 1, 1, 2] {
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        bytes.push(0);
        let btf = Btf::parse(&bytes).expect("well-formed");
        assert_eq!(btf.get(1).map(|ty| ty.size()), Some(0));
    }

    #[test]
    fn names_in_a_module_count_on_where_those_of_the_kernel_end() {
        let write = |types: &[u32], strings: &[u8]| {
            let len = 4 * types.len() as u32;
            let mut bytes = vec![0x9f, 0xeb, 1, 0];
            for word in [&[24, 0, len, len, strings.len() as u32], types].concat() {
                bytes.extend_from_slice(&word.to_ne_bytes());
            }
            bytes.extend_from_slice(strings);
            bytes
        };
        // A function each (kind 12): its name, its kind and its type.
        let (kernel, module) = (write(&[1, 12 << 24, 0], b"\0kernel\0"), write(&[8, 12 << 24, 0], b"module\0"));
        let kernel = Btf::parse(&kernel).expect("well-formed");
        let module = Btf::parse_split(&module, &kernel).expect("well-formed");
        assert!(kernel.find(Kind::Func, "kernel").is_some() && module.find(Kind::Func, "module").is_some());
        assert!(module.find(Kind::Func, "kernel").is_none());
    }

    #[test]
    fn the_running_kernel_has_a_task_struct() {
        let Ok(bytes) = std::fs::read("/sys/kernel/btf/vmlinux") else { return };
        let btf = Btf::parse(&bytes).expect("the kernel's own BTF");
        let task = btf.find(Kind::Struct, "task_struct").expect("task_struct");
        assert!(task.size() > 1000);
        let tgid = task.members().find(|m| m.name == "tgid").expect("tgid");
        assert_eq!(task.member_type(&tgid).map(|t| t.size()), Some(4));
    }
}
