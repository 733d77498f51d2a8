//! The part of the kernel's BTF that one object's relocations can refer to.
//!
//! libbpf looks for candidates of each local type by walking all 130,000 kernel types: about a
//! millisecond each, ten for a view. In the few hundred types kept here it takes no time, and
//! they are found in one walk. Pointers are cut off: no relocation follows one.

use std::collections::{HashMap, HashSet};

use super::btf::{Btf, Kind, Type};

/// Names that relocations of this object look for: a suffix `___x` tells flavours apart (libbpf's
/// essential names).
pub fn roots(object: &Btf<'_>) -> HashSet<String> {
    let named = object.iter().filter(|ty| matches!(ty.kind(), Kind::Struct | Kind::Union | Kind::Enum | Kind::Fwd));
    let essential = |ty: Type<'_>| ty.name().split("___").next().unwrap_or_default().to_owned();
    named.map(essential).filter(|name| !name.is_empty()).collect()
}

/// BTF with the types of these names and what they are made of.
pub fn slim(kernel: &Btf<'_>, roots: &HashSet<String>) -> Vec<u8> {
    let mut slim = Slim { kernel, ids: HashMap::new(), order: vec![] };
    for (index, ty) in kernel.iter().enumerate() {
        let kind = matches!(ty.kind(), Kind::Struct | Kind::Union | Kind::Enum | Kind::Typedef);
        if kind && roots.contains(ty.name()) {
            slim.keep(index as u32 + 1);
        }
    }
    slim.write()
}

struct Slim<'a> {
    kernel: &'a Btf<'a>,
    /// New id by old one.
    ids: HashMap<u32, u32>,
    order: Vec<u32>,
}

impl Slim<'_> {
    /// Keeps a type and, without recursion, all it is made of.
    fn keep(&mut self, id: u32) {
        let mut waiting = vec![id];
        while let Some(id) = waiting.pop() {
            let Some(ty) = self.kernel.get(id) else { continue };
            if self.ids.contains_key(&id) {
                continue;
            }
            self.order.push(id);
            self.ids.insert(id, self.order.len() as u32);
            waiting.extend(ty.references().into_iter().filter(|&r| r != 0));
        }
    }

    fn write(&self) -> Vec<u8> {
        let mut types = Vec::new();
        let mut strings = vec![0];
        let mut places: HashMap<&str, u32> = HashMap::from([("", 0)]);
        for &id in &self.order {
            let Some(ty) = self.kernel.get(id) else { continue };
            let mut name = |text| {
                *places.entry(text).or_insert_with(|| {
                    let place = strings.len() as u32;
                    strings.extend_from_slice(str::as_bytes(text));
                    strings.push(0);
                    place
                })
            };
            let new_id = |old: u32| self.ids.get(&old).copied().unwrap_or(0);
            ty.copy(&mut types, &mut name, &new_id);
        }
        // struct btf_header: magic, version, flags, its length; then where types and strings are.
        let mut out = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, types.len() as u32, types.len() as u32, strings.len() as u32] {
            out.extend_from_slice(&word.to_ne_bytes());
        }
        out.extend_from_slice(&types);
        out.extend_from_slice(&strings);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_laid_out_as_before() {
        let Ok(bytes) = std::fs::read(super::super::facts::KERNEL_BTF) else { return };
        let kernel = Btf::parse(&bytes).expect("the kernel's own BTF");
        let names = ["task_struct", "sock_common", "pageflags"].map(str::to_owned);
        let small = slim(&kernel, &names.into_iter().collect());
        assert!(small.len() < bytes.len() / 20, "{} bytes", small.len());
        let small = Btf::parse(&small).expect("well-formed BTF");
        let fields = |btf: &Btf<'_>, name: &str| -> Vec<(String, u32, usize)> {
            let ty = btf.find(Kind::Struct, name).expect("the struct");
            ty.members().map(|m| (m.name.to_owned(), m.offset, ty.member_type(&m).map_or(0, |t| t.size()))).collect()
        };
        for name in ["task_struct", "sock_common"] {
            assert_eq!(fields(&small, name), fields(&kernel, name));
        }
        assert!(small.find(Kind::Enum, "pageflags").is_some());
    }
}
