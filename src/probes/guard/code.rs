//! The instructions of an object, and what its ELF relocations refer to.

use std::collections::{HashMap, HashSet};

use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionKind, SymbolKind, SymbolSection};

use super::super::settings::Constant;

/// An instruction: its ELF section and its place in it.
pub type Place = (usize, usize);

/// One instruction: `struct bpf_insn`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Insn {
    /// Operation, class and mode.
    pub code: u8,
    /// Register written to.
    pub dst: usize,
    /// Register read from, or what sort of constant or call it is.
    pub src: usize,
    /// Of a jump or an address.
    pub off: i16,
    /// Constant.
    pub imm: i32,
}

impl Insn {
    fn read(bytes: &[u8; 8]) -> Insn {
        let [code, registers, off0, off1, imm @ ..] = *bytes;
        Insn {
            code,
            dst: usize::from(registers & 15),
            src: usize::from(registers >> 4),
            off: i16::from_le_bytes([off0, off1]),
            imm: i32::from_le_bytes(imm),
        }
    }
}

/// What the ELF relocation of an instruction refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `.rodata`: the symbol's offset in it.
    Constant(u64),
    /// A function of this object: section and offset in it.
    Code(usize, u64),
    /// A function that the kernel must have.
    KernelFunction(String),
    /// A map, a variable, something optional.
    Other,
}

/// A program: a function that is attached.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name in C.
    pub name: String,
    /// Name of its section: what it is attached to.
    pub section: String,
    /// Its first instruction.
    pub place: Place,
}

/// An object, taken apart.
#[derive(Debug, Default)]
pub struct Code<'o> {
    /// Instructions of each section that has any.
    pub insns: HashMap<usize, Vec<Insn>>,
    /// Sections by name; of several of one name libbpf knows the last too.
    pub sections: HashMap<String, usize>,
    /// What instructions refer to.
    pub references: HashMap<Place, Reference>,
    /// The programs, in their order in the file.
    pub entries: Vec<Entry>,
    /// Length of `.rodata`.
    pub rodata: usize,
    /// What lies where in it. Of the symbols, as the object's BTF has no offsets before libbpf puts
    /// them in (btf_fixup_datasec).
    pub constants: HashMap<String, Constant>,
    /// The object's own types.
    pub btf: &'o [u8],
    /// Its relocations.
    pub ext: &'o [u8],
}

impl<'o> Code<'o> {
    /// Takes an object apart.
    ///
    /// # Errors
    /// A sentence if it is no BPF object of this machine's byte order.
    pub fn read(bytes: &'o [u8]) -> Result<Code<'o>, String> {
        let file = object::File::parse(bytes).map_err(|e| format!("not a program file: {e}"))?;
        if file.architecture() != object::Architecture::Bpf || !file.is_little_endian() {
            return Err("not a program file for little-endian BPF".to_owned());
        }
        let mut code = Code::default();
        let mut rodata = None;
        for section in file.sections() {
            let name = section.name().unwrap_or_default();
            let data = section.data().unwrap_or_default();
            match name {
                ".BTF" => code.btf = data,
                ".BTF.ext" => code.ext = data,
                ".rodata" => (rodata, code.rodata) = (Some(section.index()), data.len()),
                _ if section.kind() == SectionKind::Text => {
                    code.sections.insert(name.to_owned(), section.index().0);
                    let insns = data.as_chunks().0.iter().map(Insn::read).collect();
                    code.insns.insert(section.index().0, insns);
                }
                _ => {}
            }
        }
        code.read_references(&file, rodata);
        code.read_entries(&file);
        for symbol in file.symbols().filter(|s| rodata.is_some() && s.section_index() == rodata) {
            let constant = Constant { offset: symbol.address() as usize, size: symbol.size() as usize };
            code.constants.insert(symbol.name().unwrap_or_default().to_owned(), constant);
        }
        Ok(code)
    }

    fn read_references(&mut self, file: &object::File<'_>, rodata: Option<object::SectionIndex>) {
        for section in file.sections().filter(|s| s.kind() == SectionKind::Text) {
            for (offset, relocation) in section.relocations() {
                let RelocationTarget::Symbol(index) = relocation.target() else { continue };
                let Ok(symbol) = file.symbol_by_index(index) else { continue };
                let reference = match symbol.section() {
                    SymbolSection::Section(s) if Some(s) == rodata => Reference::Constant(symbol.address()),
                    SymbolSection::Section(s) if self.insns.contains_key(&s.0) => {
                        Reference::Code(s.0, symbol.address())
                    }
                    SymbolSection::Undefined if !symbol.is_weak() => {
                        Reference::KernelFunction(symbol.name().unwrap_or_default().to_owned())
                    }
                    _ => Reference::Other,
                };
                self.references.insert((section.index().0, offset as usize / 8), reference);
            }
        }
    }

    /// Global functions outside `.text`, where functions are that programs call.
    fn read_entries(&mut self, file: &object::File<'_>) {
        let mut seen = HashSet::new();
        for symbol in file.symbols().filter(|s| s.kind() == SymbolKind::Text && s.is_global()) {
            let Some(index) = symbol.section_index().filter(|i| self.insns.contains_key(&i.0)) else { continue };
            let section = file.section_by_index(index).ok();
            let Some(section) = section.and_then(|s| Some(s.name().ok()?.to_owned())) else { continue };
            let place = (index.0, symbol.address() as usize / 8);
            // As many programs as there are places: hostile symbol tables may name one a million times.
            if section != ".text" && seen.insert(place) {
                let name = symbol.name().unwrap_or_default().to_owned();
                self.entries.push(Entry { name, section, place });
            }
        }
        self.entries.sort_by_key(|entry| entry.place);
    }

    /// The instruction at a place.
    pub fn insn(&self, (section, at): Place) -> Option<Insn> {
        self.insns.get(&section)?.get(at).copied()
    }
}
