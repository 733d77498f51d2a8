//! Patterns of text that the kernel decides: `*` stands for anything, `?` for one byte, `\` makes the next byte itself.

/// Places of a pattern that are not `*`: one bit of 64 is for its end.
const PLACES: usize = 63;

/// A pattern as programs have it (`struct pattern` of pattern.h): an automaton with a bit for each place, which takes one step for each
/// byte of a text and never goes back, so that a verifier sees its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// By byte: places that it takes to the next one.
    bytes: [u64; 256],
    /// Places where any byte may stand any number of times.
    stays: u64,
    /// The place behind the last one.
    end: u64,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is empty, or too long.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        if text.is_empty() {
            return Err("the text is empty".to_owned());
        }
        let mut pattern = Pattern { bytes: [0; 256], stays: 0, end: 1 };
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'*' => pattern.stays |= pattern.end,
                b'?' => pattern.add(|_| true)?,
                b'\\' => {
                    let byte = bytes.next().unwrap_or(b'\\');
                    pattern.add(|other| other == byte)?;
                }
                _ => pattern.add(|other| other == byte)?,
            }
        }
        // Between strings that lie one behind the other.
        pattern.bytes[0] = pattern.bytes[usize::from(b' ')];
        Ok(pattern)
    }

    /// One more place, which these bytes may stand at.
    fn add(&mut self, takes: impl Fn(u8) -> bool) -> Result<(), String> {
        if self.end == 1 << PLACES {
            return Err(format!("a pattern has at most {PLACES} bytes"));
        }
        for byte in 0..=u8::MAX {
            if takes(byte) {
                self.bytes[usize::from(byte)] |= self.end;
            }
        }
        self.end <<= 1;
        Ok(())
    }

    /// `struct pattern`.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bytes.iter().chain([&self.stays, &self.end]).flat_map(|word| word.to_le_bytes()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As pattern.h does it.
    fn matches(pattern: &str, text: &str) -> bool {
        let pattern = Pattern::parse(pattern).expect("a pattern");
        let step = |state: u64, byte: u8| (state & pattern.bytes[usize::from(byte)]) << 1 | state & pattern.stays;
        text.bytes().fold(1, step) & pattern.end != 0
    }

    #[test]
    fn stars_stand_for_anything_and_all_of_the_text_counts() {
        for (pattern, good, bad) in [
            ("data", &["data"][..], &["", "dat", "datas", "adata"][..]),
            ("data*", &["data", "data.log"], &["dat", "adata"]),
            ("*.log", &[".log", "a.log", "a.log.log"], &["a.log1", "log"]),
            ("*b*", &["b", "abc", "bbb"], &["", "ac"]),
            ("a*b*c", &["abc", "aXbXc", "abcbc"], &["acb", "ab", "abcd"]),
            ("a?c", &["abc", "a?c"], &["ac", "abbc"]),
            ("*", &["", "anything"], &[]),
            ("größe*", &["größe", "größer"], &["grosse"]),
            (r"a\*", &["a*"], &["a", "ab"]),
            (r"a\", &[r"a\"], &["a"]),
        ] {
            for text in good {
                assert!(matches(pattern, text), "{pattern} {text}");
            }
            for text in bad {
                assert!(!matches(pattern, text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn a_pattern_has_an_end() {
        assert!(Pattern::parse("").is_err());
        let longest = "x".repeat(PLACES);
        assert!(matches(&longest, &longest) && matches(&format!("*{longest}*"), &format!("a{longest}b")));
        assert!(Pattern::parse(&"x".repeat(PLACES + 1)).unwrap_err().contains("63"));
        assert_eq!(Pattern::parse("a").map(|p| p.to_bytes().len()), Ok(258 * 8));
    }
}
