//! What is read from ELF files: which maps each program refers to, from the relocations of our objects, and where functions of libraries are.
//!
//! libbpf creates every map of an object. Those that only disabled programs use are switched off,
//! as the kernel may not even know their type (task storage on 5.10).

use std::collections::{BTreeSet, HashMap, HashSet};

use object::{Architecture, Object, ObjectSection, ObjectSegment, ObjectSymbol, RelocationTarget, SymbolKind};

/// Names of the maps used, by name of the program. Unreadable input gives an empty answer, which
/// switches nothing off.
pub fn maps_of_programs(bytes: &[u8]) -> HashMap<String, HashSet<String>> {
    let mut uses: HashMap<String, HashSet<String>> = HashMap::new();
    let Ok(file) = object::File::parse(bytes) else { return uses };
    for section in file.sections() {
        let programs: Vec<_> = file
            .symbols()
            .filter(|s| s.kind() == SymbolKind::Text && s.section_index() == Some(section.index()) && s.size() > 0)
            .collect();
        for (offset, relocation) in section.relocations() {
            let RelocationTarget::Symbol(index) = relocation.target() else { continue };
            let Ok(map) = file.symbol_by_index(index).and_then(|symbol| symbol.name()) else { continue };
            let inside = |p: &&object::Symbol<'_, '_>| (p.address()..p.address() + p.size()).contains(&offset);
            if let Some(name) = programs.iter().find(inside).and_then(|p| p.name().ok()) {
                uses.entry(name.to_owned()).or_default().insert(map.to_owned());
            }
        }
    }
    uses
}

/// Where functions of a library begin in its file, by name: what a uprobe is attached to. Both tables of symbols are read, as a
/// library may be stripped. A name may be defined more than once, in several versions.
///
/// # Errors
/// If it is no library of this machine's own kind of program.
pub fn places(bytes: &[u8], names: &HashSet<&str>) -> Result<HashMap<String, BTreeSet<u64>>, String> {
    let file = object::File::parse(bytes).map_err(|e| e.to_string())?;
    let native = if cfg!(target_arch = "x86_64") { Architecture::X86_64 } else { Architecture::Aarch64 };
    if file.format() != object::BinaryFormat::Elf || file.architecture() != native || !file.is_64() {
        return Err("made for another machine".to_owned());
    }
    let mut places: HashMap<String, BTreeSet<u64>> = HashMap::new();
    for symbol in file.dynamic_symbols().chain(file.symbols()) {
        let Some(name) = symbol.name().ok().filter(|name| names.contains(name)) else { continue };
        if !symbol.is_definition() || symbol.kind() != SymbolKind::Text {
            continue;
        }
        if let Some(place) = file.segments().find_map(|segment| in_file(&segment, symbol.address())) {
            places.entry(name.to_owned()).or_default().insert(place);
        }
    }
    Ok(places)
}

/// The place in the file of an address that this segment holds. A damaged file may claim anything.
fn in_file<'d>(segment: &impl ObjectSegment<'d>, address: u64) -> Option<u64> {
    let (start, size) = segment.file_range();
    let offset = address.checked_sub(segment.address())?;
    if offset < size { start.checked_add(offset) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_a_library_are_found_and_nothing_else_is() {
        let Ok(bytes) = std::fs::read("/proc/self/exe") else { return };
        // This program is static: its own table of symbols has the C library's functions, at addresses that are elsewhere in the file.
        let names = HashSet::from(["getaddrinfo", "environ", "there_is_no_such_function"]);
        let places = places(&bytes, &names).expect("a program of this machine");
        for place in places.values().flatten() {
            assert!(usize::try_from(*place).is_ok_and(|place| place < bytes.len()), "{place}");
        }
        assert!(!places.contains_key("environ") && !places.contains_key("there_is_no_such_function"), "{places:?}");
    }

    #[test]
    fn what_is_no_library_is_refused_and_damage_is_survived() {
        let names = HashSet::from(["main"]);
        assert!(places(b"GROUP ( /lib/libc.so.6 )", &names).is_err());
        let Ok(bytes) = std::fs::read("/proc/self/exe") else { return };
        for length in [0, 3, 16, 63, 64, 200, 5_000, bytes.len() / 2] {
            let _ = places(&bytes[..length], &names);
        }
    }
}
