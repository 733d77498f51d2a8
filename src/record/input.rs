//! Lines of bounded length.

use std::io::{self, BufRead};

use super::limits;

/// What [`line`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A whole line, without its end.
    Whole,
    /// The input ended inside the line.
    Cut,
    /// A line beyond the limit; it was skipped.
    TooLong,
    /// There is no more.
    End,
}

/// Reads one line into `line`.
///
/// # Errors
/// As the input; what was read until then is lost.
pub fn line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let (mut any, mut long) = (false, false);
    loop {
        let held = input.fill_buf()?;
        if held.is_empty() {
            return Ok(match (any, long) {
                (false, _) => Line::End,
                (true, true) => Line::TooLong,
                (true, false) => Line::Cut,
            });
        }
        any = true;
        let end = held.iter().position(|&byte| byte == b'\n');
        let piece = &held[..end.unwrap_or(held.len())];
        long |= line.len() + piece.len() > limits::LINE;
        if !long {
            line.extend_from_slice(piece);
        }
        let used = piece.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(if long { Line::TooLong } else { Line::Whole });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_cut_or_too_long() {
        let mut text = b"one\n\n".to_vec();
        text.resize(text.len() + limits::LINE + 1, b'x');
        text.extend_from_slice(b"\ntwo\nthr");
        let mut input = io::Cursor::new(text);
        let mut buffer = Vec::new();
        let mut next = || {
            let found = line(&mut input, &mut buffer).unwrap();
            (found, buffer.get(..3).map(<[u8]>::to_vec).unwrap_or_default())
        };
        assert_eq!(next(), (Line::Whole, b"one".to_vec()));
        assert_eq!(next().0, Line::Whole);
        assert_eq!(next().0, Line::TooLong);
        assert_eq!(next(), (Line::Whole, b"two".to_vec()));
        assert_eq!(next(), (Line::Cut, b"thr".to_vec()));
        assert_eq!(next().0, Line::End);
    }
}
