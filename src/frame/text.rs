//! Text from the kernel is hostile until it was cleaned: names of processes and files can hold
//! escape sequences, marks that turn the writing direction around, and bytes that are not UTF-8.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What stands for something that must not be shown. Not U+FFFD: its width is ambiguous, some
/// terminals drop it, and 7-bit ones do not have it.
const REPLACEMENT: char = '?';

/// Whether a character may reach a terminal. Control characters (C0, DEL, C1) could steer it; bidi
/// marks, invisible and zero-width characters make a name look like another one.
pub fn is_safe(c: char) -> bool {
    !matches!(c,
        '\u{00}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}')
        && c.width().is_some_and(|width| width > 0)
}

/// Bytes from anywhere as text that is safe to show: what must not be shown, and what is not
/// UTF-8, becomes a question mark, so that the reader sees that something was there.
pub fn clean(bytes: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => clean_str(text),
        Cow::Owned(text) => Cow::Owned(clean_str(&text).into_owned()),
    }
}

/// [`clean`] for what is UTF-8 already.
pub fn clean_str(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) || text.chars().all(is_safe) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if is_safe(c) { c } else { REPLACEMENT }).collect())
}

/// Cells that clean text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The longest start of `text` that fits into `cells`.
pub fn head(text: &str, cells: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > cells {
            return &text[..at];
        }
    }
    text
}

/// The longest end of `text` that fits into `cells`.
pub fn tail(text: &str, cells: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > cells {
            return &text[at + c.len_utf8()..];
        }
    }
    text
}

/// Cuts text to `cells`, in the middle for paths, at the end otherwise, with `ellipsis` in place of
/// what is gone.
pub fn cut<'a>(text: &'a str, cells: usize, middle: bool, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let Some(room) = cells.checked_sub(width(ellipsis)).filter(|&room| room > 0) else {
        return Cow::Borrowed(head(text, cells));
    };
    if middle {
        let left = room / 2;
        return Cow::Owned(format!("{}{ellipsis}{}", head(text, left), tail(text, room - left)));
    }
    Cow::Owned(format!("{}{ellipsis}", head(text, room)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_not_copied() {
        assert!(matches!(clean(b"jbd2/nvme0n1p1"), Cow::Borrowed(_)));
        assert!(matches!(clean("größe 日本".as_bytes()), Cow::Borrowed(_)));
    }

    #[test]
    fn nothing_that_steers_a_terminal_survives() {
        let hostile = "a\x1b[31m\x07\u{9b}2J\x7f\u{202e}\u{200b}\u{2066}\u{feff}\n\t\u{85}b";
        let text = clean(hostile.as_bytes());
        assert!(text.chars().all(is_safe), "{text:?}");
        assert!(text.starts_with('a') && text.ends_with('b'));
        assert_eq!(clean(b"x\xff\xfey").chars().filter(|&c| c == REPLACEMENT).count(), 2);
    }

    #[test]
    fn combining_marks_cannot_pile_up() {
        assert_eq!(clean("e\u{301}\u{301}".as_bytes()), "e??");
    }

    #[test]
    fn cutting_respects_double_width() {
        assert_eq!(cut("日本語", 5, false, "…"), "日本…");
        assert_eq!(cut("日本語", 4, false, "…"), "日…");
        assert_eq!(cut("/usr/lib/systemd/systemd", 11, true, "…"), "/usr/…stemd");
        assert_eq!(cut("abc", 1, false, ".."), "a");
        assert_eq!(cut("abc", 3, false, "…"), "abc");
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_in_nothing_that_steers_comes_out(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            let text = clean(&bytes).into_owned();
            proptest::prop_assert!(text.chars().all(is_safe), "{:?}", text);
            proptest::prop_assert_eq!(clean_str(&text), text.as_str(), "clean is clean");
            // Every character of it takes a cell: a name cannot move what stands behind it.
            proptest::prop_assert!(width(&text) >= text.chars().count());
            for cells in 0..12 {
                for middle in [false, true] {
                    let short = cut(&text, cells, middle, "..");
                    proptest::prop_assert!(width(&short) <= cells && short.chars().all(is_safe), "{:?}", short);
                }
            }
        }

        #[test]
        fn any_character_is_safe_or_replaced(c in proptest::char::any()) {
            let text = clean_str(c.encode_utf8(&mut [0; 4])).into_owned();
            proptest::prop_assert_eq!(text == "?" && c != '?', !is_safe(c));
            proptest::prop_assert!(!is_safe(c) || !c.is_control());
        }
    }
}
