//! Names of the values of an enum: the kernel's own, where it has an enum of that name, as values move from release to release.

use std::collections::HashMap;

use super::btf::{Btf, Kind, Type};
use crate::views::nearest;
use crate::views::settings::did_you_mean;

/// The named values of one enum of a view's program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Name of the enum.
    ty: String,
    /// What its values begin with, and what is not shown.
    prefix: String,
    /// Names by value, without the prefix.
    of: HashMap<u64, String>,
    /// They are those of the running kernel.
    found: bool,
}

impl Names {
    /// As the program declares it. What all its values begin with, up to an underscore, is not shown.
    pub fn declared(ty: Type<'_>) -> Names {
        let mut prefix: Option<&str> = None;
        for (name, _) in ty.enumerators() {
            prefix = Some(prefix.map_or(name, |prefix| common(prefix, name)));
        }
        let prefix = prefix.and_then(|prefix| Some(&prefix[..=prefix.rfind('_')?])).unwrap_or("").to_owned();
        let mut names = Names { ty: ty.name().to_owned(), prefix, of: HashMap::new(), found: false };
        names.take(ty);
        names
    }

    /// As the kernel has it, if it does.
    pub fn found(&mut self, kernel: &Btf<'_>) {
        if let Some(ty) = kernel.find(Kind::Enum, &self.ty) {
            self.found = true;
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

    /// The values of names with commas between them, in small letters or large.
    ///
    /// # Errors
    /// The kernel has none of this kind, or not this one, and what it may have been meant for.
    pub fn values(&self, text: &str) -> Result<Vec<u32>, String> {
        if !self.found {
            return Err(format!("{text}: this kernel has no names for it"));
        }
        text.split(',').map(|name| self.value(name.trim())).collect()
    }

    fn value(&self, name: &str) -> Result<u32, String> {
        let value = self.of.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(value, _)| *value as u32);
        value.ok_or_else(|| {
            let near = nearest(&name.to_ascii_uppercase(), self.of.values().map(String::as_str));
            format!("`{name}` is no name that this kernel has{}", did_you_mean(&near))
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Type information with one enum (kind 6), which is unsigned as its kind's flag is not set.
    fn with_enum(name: &str, values: &[(&str, u32)]) -> Vec<u8> {
        let mut strings = format!("\0{name}\0");
        let mut types = vec![1, 6 << 24 | values.len() as u32, 4];
        for (name, value) in values {
            types.extend([strings.len() as u32, *value]);
            strings += &format!("{name}\0");
        }
        let len = 4 * types.len() as u32;
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, len, len, strings.len() as u32].into_iter().chain(types) {
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        bytes.extend_from_slice(strings.as_bytes());
        bytes
    }

    fn declared(bytes: &[u8]) -> Names {
        let btf = Btf::parse(bytes).expect("well-formed");
        Names::declared(btf.get(1).expect("an enum"))
    }

    #[test]
    fn what_all_names_begin_with_is_not_shown() {
        let names = declared(&with_enum("reason", &[("DROP_REASON_NOT_SET", 2), ("DROP_REASON_NO_SOCKET", 3)]));
        assert_eq!((names.get(2), names.get(3)), (Some("NOT_SET"), Some("NO_SOCKET")), "up to an underscore only");
        assert_eq!(names.get(4), None, "no name is made up");
        assert_eq!(
            declared(&with_enum("one", &[("ALPHA", 1), ("BETA", 2)])).get(1),
            Some("ALPHA"),
            "nothing in common"
        );
    }

    #[test]
    fn the_running_kernel_says_which_number_is_what() {
        let ours = with_enum("reason", &[("REASON_NO_SOCKET", 3), ("REASON_CSUM", 5)]);
        let theirs = with_enum("reason", &[("REASON_NEW", 3), ("REASON_NO_SOCKET", 4), ("OTHER", 9)]);
        let mut names = declared(&ours);
        names.found(&Btf::parse(&theirs).expect("well-formed"));
        assert_eq!((names.get(3), names.get(4)), (Some("NEW"), Some("NO_SOCKET")), "they moved");
        assert_eq!(names.get(5), None, "ours do not stay where the kernel has another meaning, or none");
        assert_eq!(names.get(9), Some("OTHER"), "without our beginning it is told whole");
    }

    #[test]
    fn a_kernel_without_the_enum_leaves_ours() {
        let mut names = declared(&with_enum("reason", &[("REASON_A", 1), ("REASON_B", 2)]));
        names.found(&Btf::parse(&with_enum("another", &[("X", 1)])).expect("well-formed"));
        assert_eq!(names.get(1), Some("A"));
    }

    #[test]
    fn of_two_names_of_a_value_the_first_counts_and_all_ones_is_a_value() {
        let names = declared(&with_enum("e", &[("E_LAST", 7), ("E_MAX", 7), ("E_NONE", u32::MAX)]));
        assert_eq!((names.get(7), names.get(u64::from(u32::MAX))), (Some("LAST"), Some("NONE")));
    }
}
