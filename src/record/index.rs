//! The index at the end of a recording: which chunk holds which time. It stands in a zstd frame that
//! decoders skip, so that `zstd -dc FILE` gives the lines and nothing else.

use std::io::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::limits;
use super::shape::{Few, Name};
use super::source::Source;
use crate::frame::Stamp;

/// A zstd frame with this number is skipped. Another than that of zstd's seekable format, whose table
/// knows no times.
const SKIPPED: u32 = 0x184D_2A5B;

/// The last bytes of a whole recording, behind the length of the index.
const END: &[u8; 8] = b"BCCTOPIX";

/// A part of a recording that can be read by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where it starts, bytes.
    pub offset: u64,
    /// Where it ends.
    pub end: u64,
    /// Number of its first line, from 1.
    pub line: u64,
    /// `CLOCK_MONOTONIC` of its first frame, ns.
    pub first_ns: u64,
    /// That of its last frame.
    pub last_ns: u64,
}

/// A view of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Name of the view.
    pub name: String,
    /// Number of its frames.
    pub frames: u64,
    /// Length of its first interval, as asked for, ns.
    pub asked_ns: u64,
}

/// What is known of a recording without reading its frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// The views, in the order in which they come up.
    pub views: Vec<Recorded>,
    /// When its first interval ended.
    pub first: Stamp,
    /// When its last interval ended.
    pub last: Stamp,
    /// In the order of the file.
    pub chunks: Vec<Chunk>,
}

#[derive(Serialize, Deserialize)]
struct Shape {
    #[serde(rename = "type")]
    tag: String,
    schema: String,
    views: Few<ViewShape, { limits::VIEWS }>,
    first: (u64, u64),
    last: (u64, u64),
    /// Offset, bytes, first line, first and last time of each.
    chunks: Few<(u64, u64, u64, u64, u64), { limits::CHUNKS }>,
}

#[derive(Clone, Serialize, Deserialize)]
struct ViewShape {
    name: Name,
    frames: u64,
    asked_ns: u64,
}

impl<T: Serialize, const MAX: usize> Serialize for Few<T, MAX> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl Index {
    /// Counts a frame in: in the last chunk, which begins with it if it has none yet.
    pub fn count(&mut self, view: &str, asked_ns: u64, time: Stamp) {
        match self.views.iter().position(|known| known.name == view) {
            Some(at) => self.views[at].frames += 1,
            None if self.views.len() < limits::VIEWS => {
                self.views.push(Recorded { name: view.to_owned(), frames: 1, asked_ns });
            }
            None => {}
        }
        if self.first == Stamp::default() {
            self.first = time;
        }
        if time.mono_ns >= self.last.mono_ns {
            self.last = time;
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// As the output.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let view =
            |view: &Recorded| ViewShape { name: Name(view.name.clone()), frames: view.frames, asked_ns: view.asked_ns };
        let chunk = |chunk: &Chunk| {
            (chunk.offset, chunk.end.saturating_sub(chunk.offset), chunk.line, chunk.first_ns, chunk.last_ns)
        };
        let shape = Shape {
            tag: "index".to_owned(),
            schema: crate::export::SCHEMA.to_owned(),
            views: Few(self.views.iter().map(view).collect()),
            first: (self.first.wall_ns, self.first.mono_ns),
            last: (self.last.wall_ns, self.last.mono_ns),
            chunks: Few(self.chunks.iter().map(chunk).collect()),
        };
        let json = serde_json::to_vec(&shape)?;
        let too_long = |_| io::Error::other("the index is too long");
        let length = u32::try_from(json.len()).map_err(too_long)?;
        let whole = u32::try_from(json.len() + 4 + END.len()).map_err(too_long)?;
        let parts = [&SKIPPED.to_le_bytes()[..], &whole.to_le_bytes(), &json, &length.to_le_bytes(), END];
        out.write_all(&parts.concat())
    }

    /// Reads it from the end of a recording; `None` if there is none, or none that can be believed.
    pub fn read(source: &Arc<Source>) -> Option<Index> {
        let tail = source.bytes(source.len.checked_sub(12)?, 12).ok()?;
        let (length, end) = tail.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let start = source.len.checked_sub(20 + length as u64)?;
        if end != END || length > limits::INDEX {
            return None;
        }
        let bytes = source.bytes(start, 8 + length).ok()?;
        let (number, rest) = bytes.split_first_chunk::<4>()?;
        let (whole, json) = rest.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*number) != SKIPPED || u32::from_le_bytes(*whole) as usize != length + 12 {
            return None;
        }
        let shape: Shape = serde_json::from_slice(json).ok()?;
        let index = Index::from(shape);
        index.covers(start).then_some(index)
    }

    /// Whether the chunks are all of the file before `end`, one behind the other.
    fn covers(&self, end: u64) -> bool {
        let mut at = 0;
        let follows = |chunk: &Chunk| chunk.end > chunk.offset && std::mem::replace(&mut at, chunk.end) == chunk.offset;
        let sound = |time: &Stamp| time.mono_ns <= limits::TIME_NS;
        self.chunks.iter().all(follows)
            && at == end
            && !self.views.is_empty()
            && sound(&self.first)
            && sound(&self.last)
    }
}

impl From<Shape> for Index {
    fn from(shape: Shape) -> Index {
        let view = |view: ViewShape| Recorded { name: view.name.0, frames: view.frames, asked_ns: view.asked_ns };
        let stamp = |(wall_ns, mono_ns)| Stamp { wall_ns, mono_ns };
        let chunk = |(offset, bytes, line, first_ns, last_ns): (u64, u64, u64, u64, u64)| Chunk {
            offset,
            end: offset.saturating_add(bytes),
            line,
            first_ns,
            last_ns,
        };
        Index {
            views: shape.views.0.into_iter().map(view).collect(),
            first: stamp(shape.first),
            last: stamp(shape.last),
            chunks: shape.chunks.0.into_iter().map(chunk).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        let mut index = Index::default();
        index.count("biotop", 1, Stamp { wall_ns: 5, mono_ns: 10 });
        index.count("tcptop", 1, Stamp { wall_ns: 6, mono_ns: 9 });
        index.count("biotop", 1, Stamp { wall_ns: 7, mono_ns: 11 });
        index.chunks = vec![Chunk { offset: 0, end: 3, line: 1, first_ns: 10, last_ns: 11 }];
        index
    }

    fn read(mut bytes: Vec<u8>) -> Option<Index> {
        bytes.splice(0..0, *b"abc");
        Index::read(&Arc::new(Source::held("x", bytes.leak())))
    }

    #[test]
    fn an_index_reads_back() {
        let mut bytes = Vec::new();
        index().write(&mut bytes).unwrap();
        assert_eq!(read(bytes.clone()), Some(index()));
        assert_eq!(index().views[0], Recorded { name: "biotop".into(), frames: 2, asked_ns: 1 });
        for at in 0..bytes.len() {
            let mut cut = bytes.clone();
            cut.truncate(at);
            assert_eq!(read(cut), None);
        }
    }

    #[test]
    fn an_index_that_does_not_fit_the_file_is_none() {
        let mut other = index();
        other.chunks[0].end = 4;
        let mut bytes = Vec::new();
        other.write(&mut bytes).unwrap();
        assert_eq!(read(bytes), None);
        assert_eq!(read(vec![]), None);
    }
}
