//! Which maps each program refers to, from the object's relocations.
//!
//! libbpf creates every map of an object. Those that only disabled programs use are switched off,
//! as the kernel may not even know their type (task storage on 5.10).

use std::collections::{HashMap, HashSet};

use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SymbolKind};

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
