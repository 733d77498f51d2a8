//! The relocations of an object: which instruction depends on which of the kernel's types. clang
//! notes them in `.BTF.ext` (struct bpf_core_relo in include/uapi/linux/bpf.h).

use super::super::btf::Btf;

const MAGIC: u16 = 0xeb9f;

/// More than any program has: the largest of ours have 200.
const MOST: usize = 1 << 16;

/// What a relocation asks about a type: `enum bpf_core_relo_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the names are those of the format
pub enum Kind {
    FieldOffset,
    FieldSize,
    FieldExists,
    FieldSigned,
    FieldLeftShift,
    FieldRightShift,
    TypeIdLocal,
    TypeIdTarget,
    TypeExists,
    TypeSize,
    EnumvalExists,
    EnumvalValue,
    TypeMatches,
}

impl Kind {
    fn from_number(number: u32) -> Option<Kind> {
        Some(match number {
            0 => Kind::FieldOffset,
            1 => Kind::FieldSize,
            2 => Kind::FieldExists,
            3 => Kind::FieldSigned,
            4 => Kind::FieldLeftShift,
            5 => Kind::FieldRightShift,
            6 => Kind::TypeIdLocal,
            7 => Kind::TypeIdTarget,
            8 => Kind::TypeExists,
            9 => Kind::TypeSize,
            10 => Kind::EnumvalExists,
            11 => Kind::EnumvalValue,
            12 => Kind::TypeMatches,
            _ => return None,
        })
    }
}

/// One relocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloc<'b> {
    /// ELF section of the instruction.
    pub section: &'b str,
    /// Which instruction of the section.
    pub insn: usize,
    /// Type in the object's own BTF.
    pub type_id: u32,
    /// The way from the type to a field, as member numbers (`0:5:1`), or the number of an enum's value.
    pub access: &'b str,
    /// What is asked.
    pub kind: Kind,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Reads `.BTF.ext`; its strings are those of the object's `.BTF`.
///
/// # Errors
/// A sentence if it is cut off, or asks what we do not know.
pub fn parse<'b>(ext: &[u8], btf: &'b Btf<'b>) -> Result<Vec<Reloc<'b>>, String> {
    let cut = || ".BTF.ext is not well-formed".to_owned();
    let magic = ext.get(..2).ok_or_else(cut)?;
    if u16::from_ne_bytes([magic[0], magic[1]]) != MAGIC {
        return Err(cut());
    }
    // struct btf_ext_header; the last two came with CO-RE, and an older compiler's header ends before.
    let header = u32_at(ext, 4).ok_or_else(cut)? as usize;
    if header < 32 {
        return Ok(vec![]);
    }
    let start = u32_at(ext, 24).and_then(|off| header.checked_add(off as usize)).ok_or_else(cut)?;
    let len = u32_at(ext, 28).ok_or_else(cut)? as usize;
    if len == 0 {
        return Ok(vec![]);
    }
    let part = ext.get(start..).and_then(|rest| rest.get(..len)).ok_or_else(cut)?;
    records(part, btf).ok_or_else(cut)
}

/// The size of a record; then for each section its name, the number of records, and these.
fn records<'b>(part: &[u8], btf: &'b Btf<'b>) -> Option<Vec<Reloc<'b>>> {
    let size = u32_at(part, 0)? as usize;
    if size < 16 {
        return None;
    }
    let mut relocs = Vec::new();
    let mut at = 4;
    while at < part.len() {
        let section = btf.string(u32_at(part, at)?);
        let n = u32_at(part, at + 4)?;
        at += 8;
        if relocs.len() + n as usize > MOST {
            return None;
        }
        for _ in 0..n {
            let record = part.get(at..at.checked_add(size)?)?;
            relocs.push(Reloc {
                section,
                insn: u32_at(record, 0)? as usize / 8,
                type_id: u32_at(record, 4)?,
                access: btf.string(u32_at(record, 8)?),
                kind: Kind::from_number(u32_at(record, 12)?)?,
            });
            at += size;
        }
    }
    Some(relocs)
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    /// A `.BTF.ext` with these words as its relocations.
    fn ext(words: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        for word in [32, 0, 0, 0, 0, 0, 4 * words.len() as u32].iter().chain(words) {
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn records_are_read_with_their_section() {
        let mut types = testing::Types::default();
        let (section, access) = (types.string("tp_btf/x"), types.string("0:1"));
        let bytes = types.write();
        let btf = Btf::parse(&bytes).expect("well-formed");
        // Records of 20 bytes: a later compiler may append to them.
        let good = ext(&[20, section, 2, 8, 1, access, 0, 77, 16, 2, access, 2, 77]);
        let relocs = parse(&good, &btf).expect("well-formed");
        let what: Vec<_> = relocs.iter().map(|r| (r.section, r.insn, r.type_id, r.access, r.kind)).collect();
        assert_eq!(what, [("tp_btf/x", 1, 1, "0:1", Kind::FieldOffset), ("tp_btf/x", 2, 2, "0:1", Kind::FieldExists)]);
        for end in 0..good.len() {
            assert!(parse(&good[..end], &btf).is_err(), "cut off at {end}");
        }
    }

    #[test]
    fn rubbish_is_refused() {
        let bytes = testing::Types::default().write();
        let btf = Btf::parse(&bytes).expect("well-formed");
        for words in [&[0, 0, 1, 0][..], &[16, 0, u32::MAX], &[u32::MAX, 0, 1, 0, 0, 0, 0], &[16, 0, 1, 0, 1, 0, 13]] {
            assert!(parse(&ext(words), &btf).is_err(), "{words:?}");
        }
        assert!(parse(b"", &btf).is_err());
        assert_eq!(parse(&ext(&[]), &btf), Ok(vec![]));
    }
}
