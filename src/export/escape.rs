//! JSON that is safe to look at: serde_json leaves DEL, the C1 controls and marks that turn the
//! writing direction as they are, and somebody will print the document on a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::frame::text::is_safe;

/// Writes a value, with everything escaped that must not reach a terminal. What is read back is the same.
pub(super) fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Escaping))?;
    Ok(())
}

struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain = 0;
        if !fragment.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            for (at, c) in fragment.char_indices().filter(|&(_, c)| !is_safe(c)) {
                out.write_all(&fragment.as_bytes()[plain..at])?;
                plain = at + c.len_utf8();
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
        out.write_all(&fragment.as_bytes()[plain..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_reads_back_the_same() {
        let hostile = "a\x1b[2J\n\"\\\u{7f}\u{9b}31m\u{202e}größe 日本 e\u{301}\u{e0041}z";
        let mut text = vec![];
        write(&mut text, &hostile).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.chars().all(is_safe) && text.contains("größe 日本") && text.ends_with("z\""), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_escaped_and_reads_back_the_same(said in "(?s).{0,40}") {
            let mut text = vec![];
            write(&mut text, &said).unwrap();
            let text = String::from_utf8(text).unwrap();
            proptest::prop_assert!(text.chars().all(is_safe), "{:?}", text);
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&text).unwrap(), said);
        }
    }
}
