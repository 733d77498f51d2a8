//! A `--json` document, read frame by frame: it may be larger than what one wants to hold.

use std::io::{self, BufRead};

use super::input::Line;
use super::limits;
use super::shape::HostShape;
use super::source::Part;

/// Reads the next value of a list into `out`; [`Line::End`] at its end.
///
/// # Errors
/// As the input.
pub fn element(input: &mut impl BufRead, out: &mut Vec<u8>) -> io::Result<Line> {
    skip(input, b",")?;
    value(input, out, limits::LINE)
}

/// Skips blanks and bytes of `others`.
fn skip(input: &mut impl BufRead, others: &[u8]) -> io::Result<Option<u8>> {
    loop {
        let held = input.fill_buf()?;
        let Some(&byte) = held.first() else { return Ok(None) };
        if !byte.is_ascii_whitespace() && !others.contains(&byte) {
            return Ok(Some(byte));
        }
        input.consume(1);
    }
}

/// Collects bytes until what ends a value on its own level: a comma, a colon, a closing bracket.
fn value(input: &mut impl BufRead, out: &mut Vec<u8>, limit: usize) -> io::Result<Line> {
    out.clear();
    let (mut depth, mut text, mut escaped, mut length) = (0u64, false, false, 0usize);
    loop {
        let held = input.fill_buf()?;
        if held.is_empty() {
            return Ok(match (length, depth) {
                (0, _) => Line::End,
                (n, _) if n > limit => Line::TooLong,
                (_, 0) if !text => Line::Whole,
                _ => Line::Cut,
            });
        }
        let mut used = 0;
        let mut ended = false;
        for &byte in held {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if text => escaped = true,
                b'"' => text = !text,
                _ if text => {}
                b',' | b':' | b']' | b'}' if depth == 0 => {
                    ended = true;
                    break;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            used += 1;
        }
        length += used;
        if length <= limit {
            out.extend_from_slice(&held[..used]);
        }
        input.consume(used);
        if ended {
            return Ok(match length {
                0 => Line::End,
                n if n > limit => Line::TooLong,
                _ => Line::Whole,
            });
        }
    }
}

/// Walks through a document and hands out each of its frames with its offset. The host it comes from
/// is the result; `None` if this is no document.
///
/// # Errors
/// As the input.
pub fn walk(part: &mut Part, mut frame: impl FnMut(u64, &[u8])) -> io::Result<Option<HostShape>> {
    if skip(part, b"")? != Some(b'{') {
        return Ok(None);
    }
    part.consume(1);
    let (mut host, mut found, mut buffer) = (HostShape::default(), false, Vec::new());
    while skip(part, b",")? == Some(b'"') {
        let key = match value(part, &mut buffer, limits::HEAD)? {
            Line::Whole => serde_json::from_slice::<String>(&buffer).ok(),
            _ => None,
        };
        let (Some(key), Some(b':')) = (key, skip(part, b"")?) else { break };
        part.consume(1);
        let first = skip(part, b"")?;
        if key == "frames" && first == Some(b'[') {
            part.consume(1);
            found = true;
            loop {
                skip(part, b",")?;
                let at = part.position();
                match value(part, &mut buffer, limits::LINE)? {
                    Line::End => break,
                    _ => frame(at, &buffer),
                }
                if skip(part, b",")? == Some(b'}') {
                    // Out of step: what is left is no list of frames.
                    break;
                }
            }
            if skip(part, b"")? != Some(b']') {
                break;
            }
            part.consume(1);
        } else if value(part, &mut buffer, limits::HEAD)? == Line::Whole && key == "host" {
            host = serde_json::from_slice(&buffer).unwrap_or_default();
        }
    }
    Ok(found.then_some(host))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::source::Source;
    use super::*;

    fn walked(text: &'static str) -> (bool, Vec<(u64, String)>) {
        let source = Arc::new(Source::held("x", text.as_bytes()));
        let mut frames = vec![];
        let take = |at, bytes: &[u8]| frames.push((at, String::from_utf8(bytes.to_vec()).unwrap().trim().to_owned()));
        let host = walk(&mut source.part(0, source.len), take).unwrap();
        (host.is_some(), frames)
    }

    #[test]
    fn frames_are_found_wherever_they_stand() {
        let expected = |at, text: &str| (at, text.to_owned());
        let (found, frames) = walked(r#"{"a":{"frames":[1]},"frames":[{"x":"]}\""}, {"y":[{}]}],"host":{}}"#);
        assert!(found);
        assert_eq!(frames, [expected(30, r#"{"x":"]}\""}"#), expected(44, r#"{"y":[{}]}"#)]);
        assert_eq!(walked("\n{ \"frames\" : [ ] }"), (true, vec![]));
    }

    #[test]
    fn what_is_no_document_is_none() {
        for text in ["", "x", "[]", "{}", "{", r#"{"type":"header","frames":{}}"#, "{\"a\":1}\n{\"frames\":[1]}", "{1}"]
        {
            assert_eq!(walked(text), (false, vec![]), "{text}");
        }
    }

    #[test]
    fn a_cut_or_broken_document_gives_what_it_has() {
        let (found, frames) = walked(r#"{"frames":[{"a":1},{"b":"#);
        assert!(found && frames.len() == 2 && frames[0].1 == r#"{"a":1}"#);
        assert_eq!(walked(r#"{"frames":[1,]}}}:,"#).1.len(), 1);
        assert_eq!(walked(r#"{"frames":[1:2]"#).1.len(), 1);
        assert_eq!(walked(r#"{"frames":[}]"#).1.len(), 0);
    }
}
