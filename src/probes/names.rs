//! Names of the values of an enum: the kernel's own, where it has an enum of that name, as values move from release to release.

use std::collections::HashMap;

use super::btf::{Btf, Kind, Type};

/// The named values of one enum of a view's program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Name of the enum.
    ty: String,
    /// What its values begin with, and what is not shown.
    prefix: String,
    /// Names by value, without the prefix.
    of: HashMap<u64, String>,
}

impl Names {
    /// As the program declares it. What all its values begin with, up to an underscore, is not shown.
    pub fn declared(ty: Type<'_>) -> Names {
        let mut prefix: Option<&str> = None;
        for (name, _) in ty.enumerators() {
            prefix = Some(prefix.map_or(name, |prefix| common(prefix, name)));
        }
        let prefix = prefix.and_then(|prefix| Some(&prefix[..=prefix.rfind('_')?])).unwrap_or("").to_owned();
        let mut names = Names { ty: ty.name().to_owned(), prefix, of: HashMap::new() };
        names.take(ty);
        names
    }

    /// As the kernel has it, if it does.
    pub fn found(&mut self, kernel: &Btf<'_>) {
        if let Some(ty) = kernel.find(Kind::Enum, &self.ty) {
            self.of.clear();
            self.take(ty);
        }
    }

    fn take(&mut self, ty: Type<'_>) {
        for (name, value) in ty.enumerators() {
            let short = name.strip_prefix(&*self.prefix).unwrap_or(name);
            // Of two names of a value the first one counts: the last is often a limit.
            self.of.entry(value & u64::from(u32::MAX)).or_insert_with(|| short.to_owned());
        }
    }

    /// The name of a value.
    pub fn get(&self, value: u64) -> Option<&str> {
        self.of.get(&value).map(String::as_str)
    }
}

fn common<'a>(one: &'a str, other: &str) -> &'a str {
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    one.get(..same).unwrap_or("")
}
