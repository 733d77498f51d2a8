//! A recording as it is read: its host, its views, its times, and its lines from any chunk on.

use std::io::{self, BufReader, Read, Take};
use std::sync::Arc;

use super::decode::{Decoder, Known};
pub use super::index::Recorded;
use super::index::{Chunk, Index};
use super::input::{self, Line};
use super::shape::{HostShape, Probe};
use super::source::{Part, Source};
use super::{document, limits, scan};
use crate::enrich::host::Host;
use crate::frame::{Frame, Stamp};

/// How a file holds its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines in zstd frames: a recording.
    Zstd,
    /// Lines: `--ndjson`.
    Lines,
    /// A document: `--json`.
    Document,
}

/// An opened recording.
pub struct Recording {
    /// The host it comes from.
    pub host: Host,
    source: Arc<Source>,
    format: Format,
    index: Index,
    known: Known,
    problems: Vec<String>,
}

impl Recording {
    /// Looks into a file. Without an index it is read once from its start to its end.
    ///
    /// # Errors
    /// One line that names the file and says what is wrong with it.
    pub fn open(source: Source, known: Known) -> Result<Recording, String> {
        let source = Arc::new(source);
        let fail = |error: io::Error| format!("{}: {error}", source.name);
        let start = source.bytes(0, 4).map_err(fail)?;
        let indexed = if start == scan::ZSTD { Index::read(&source) } else { None };
        let (format, scanned) = match indexed {
            Some(index) => (Format::Zstd, scan::Scanned { index, ..scan::Scanned::default() }),
            None => scan::scan(&source).map_err(fail)?,
        };
        let scan::Scanned { host, index, problems, .. } = scanned;
        let mut recording = Recording { host: Host::default(), source, format, index, known, problems };
        let host = host.or_else(|| recording.first_host());
        recording.host = host.map_or_else(unknown_host, Host::from);
        if recording.index.views.is_empty() {
            return Err(recording.why_none());
        }
        Ok(recording)
    }

    /// As errors name it.
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// Its views, in the order in which they come up.
    pub fn views(&self) -> &[Recorded] {
        &self.index.views
    }

    /// When its first and its last interval ended.
    pub fn span(&self) -> (Stamp, Stamp) {
        (self.index.first, self.index.last)
    }

    /// What stands between chunks and is none.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The moment in `CLOCK_MONOTONIC` of a wall-clock time.
    pub fn moment(&self, wall_ns: u64) -> u64 {
        let Stamp { wall_ns: wall, mono_ns } = self.index.first;
        if wall_ns >= wall { mono_ns.saturating_add(wall_ns - wall) } else { mono_ns.saturating_sub(wall - wall_ns) }
    }

    /// The host of the header in the first chunk.
    fn first_host(&self) -> Option<HostShape> {
        let mut items = self.items(0);
        match items.next()? {
            Found::Line(_) => serde_json::from_slice::<Probe<'_>>(&items.line).ok()?.host,
            _ => None,
        }
    }

    /// Why there is nothing to show.
    fn why_none(&self) -> String {
        let name = &self.source.name;
        if self.source.len == 0 {
            return format!("{name}: is empty");
        }
        let mut items = self.items(0);
        let mut decoder = Decoder::new(self.known.clone());
        while let Some(found) = items.next() {
            match found {
                // A header, or something that a later version writes.
                Found::Line(_) if other_than_frame(&items.line) => {}
                Found::Line(at) => {
                    let why = decoder.frame(&items.line).err().unwrap_or_default();
                    return format!("{name}: is no recording: {}: {why}", self.place(at));
                }
                Found::Damage(what) | Found::Cut(what) => return format!("{what}; it holds no frames"),
            }
        }
        self.problems.first().map_or_else(|| format!("{name}: holds no frames"), |p| format!("{p}; it holds no frames"))
    }

    fn place(&self, at: u64) -> String {
        let what = if self.format == Format::Document { "frame" } else { "line" };
        format!("{what} {at}")
    }

    /// The chunk to start with to see everything from `mono_ns` on.
    pub fn chunk_at(&self, mono_ns: u64) -> usize {
        // Chunks overlap by a frame of another view at most; one earlier is early enough.
        let after = self.index.chunks.iter().position(|chunk| chunk.last_ns >= mono_ns);
        after.unwrap_or(self.index.chunks.len()).saturating_sub(1)
    }

    /// Its lines from a chunk on.
    pub fn items(&self, chunk: usize) -> Items<'_> {
        Items { recording: self, next: chunk, pieces: None, number: 1, whole: true, line: Vec::new() }
    }

    /// Its frames from a chunk on.
    pub fn frames(&self, chunk: usize) -> Frames<'_> {
        Frames { items: self.items(chunk), decoder: Decoder::new(self.known.clone()) }
    }
}

fn other_than_frame(line: &[u8]) -> bool {
    serde_json::from_slice::<Probe<'_>>(line).is_ok_and(|probe| probe.tag.is_some_and(|tag| tag.0 != "frame"))
}

fn unknown_host() -> Host {
    Host { hostname: "unknown".to_owned(), kernel: "unknown".to_owned(), ..Host::default() }
}

/// Pieces of a chunk: lines, or frames of a document.
pub enum Pieces {
    /// Lines that are packed.
    Zstd(Box<BufReader<Take<zstd::Decoder<'static, Part>>>>),
    /// Lines.
    Lines(Part),
    /// Frames of a document.
    Elements(Part),
}

impl Pieces {
    /// Of the zstd frame that starts where `part` does.
    ///
    /// # Errors
    /// If it is none.
    pub fn zstd(part: Part) -> io::Result<Pieces> {
        let mut decoder = zstd::Decoder::with_buffer(part)?;
        decoder.window_log_max(limits::WINDOW_LOG)?;
        Ok(Pieces::Zstd(Box::new(BufReader::new(decoder.single_frame().take(limits::CHUNK)))))
    }

    /// The next piece.
    ///
    /// # Errors
    /// As the file, or if the zstd frame is damaged or cut off.
    pub fn next(&mut self, piece: &mut Vec<u8>) -> io::Result<Line> {
        match self {
            Pieces::Zstd(input) => input::line(input, piece),
            Pieces::Lines(input) => input::line(input, piece),
            Pieces::Elements(input) => document::element(input, piece),
        }
    }
}

/// What comes next in a recording.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A line, or a frame of a document; its number.
    Line(u64),
    /// Something cannot be read and was skipped.
    Damage(String),
    /// The file ends too early.
    Cut(String),
}

/// Lines of a recording.
pub struct Items<'r> {
    recording: &'r Recording,
    next: usize,
    pieces: Option<Pieces>,
    number: u64,
    /// Whether the chunk is known to be undamaged.
    whole: bool,
    /// The line.
    pub line: Vec<u8>,
}

impl Items<'_> {
    /// Moves on; `None` at the end.
    #[allow(clippy::should_implement_trait)] // the line stays here, to be used again
    pub fn next(&mut self) -> Option<Found> {
        loop {
            let Some(pieces) = &mut self.pieces else {
                let chunk = *self.recording.index.chunks.get(self.next)?;
                self.next += 1;
                match self.open(&chunk) {
                    Ok(()) => continue,
                    Err(problem) => return Some(Found::Damage(problem)),
                }
            };
            let number = self.number;
            self.number += 1;
            let name = &self.recording.source.name;
            let place = self.recording.place(number);
            match pieces.next(&mut self.line) {
                Ok(Line::Whole) if self.line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(Line::Whole) => return Some(Found::Line(number)),
                Ok(Line::End) => self.pieces = None,
                Ok(Line::TooLong) => {
                    return Some(Found::Damage(format!("{name}: {place}: longer than {} bytes", limits::LINE)));
                }
                // The last line of a text may lack its end and nothing else.
                Ok(Line::Cut) if serde_json::from_slice::<Probe<'_>>(&self.line).is_ok() => {
                    return Some(Found::Line(number));
                }
                Ok(Line::Cut) => return Some(Found::Cut(format!("{name}: {place}: the file ends here, cut off"))),
                Err(error) => {
                    self.pieces = None;
                    let what = format!("{name}: {place}: ");
                    return Some(match self.whole {
                        true => Found::Damage(format!("{what}{error}")),
                        false => Found::Cut(format!("{what}the file ends here, cut off")),
                    });
                }
            }
        }
    }

    fn open(&mut self, chunk: &Chunk) -> Result<(), String> {
        let Recording { source, format, .. } = self.recording;
        self.number = chunk.line;
        self.whole = true;
        let part = source.part(chunk.offset, chunk.end);
        self.pieces = Some(match format {
            Format::Lines => Pieces::Lines(part),
            Format::Document => Pieces::Elements(part),
            Format::Zstd => {
                let fail = |error: io::Error| format!("{}: byte {}: {error}", source.name, chunk.offset);
                // Whatever is wrong in it, nothing of a damaged chunk is shown: numbers could be wrong.
                match scan::verify(source, chunk.offset, chunk.end).map_err(fail)? {
                    Ok((_, whole)) => self.whole = whole,
                    Err(wrong) => return Err(format!("{}: byte {}: {wrong}, skipped", source.name, chunk.offset)),
                }
                Pieces::zstd(part).map_err(fail)?
            }
        });
        Ok(())
    }
}

/// Frames of a recording.
pub struct Frames<'r> {
    items: Items<'r>,
    decoder: Decoder,
}

/// What stands in the place of a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Something cannot be read and was skipped.
    Damage(String),
    /// The file ends too early.
    Cut(String),
}

impl Frames<'_> {
    /// The next frame for which `wanted` holds, by view and time; `None` at the end.
    pub fn next(&mut self, wanted: impl Fn(&str, u64) -> bool) -> Option<Result<Frame, Trouble>> {
        loop {
            let at = match self.items.next()? {
                Found::Line(at) => at,
                Found::Damage(what) => return Some(Err(Trouble::Damage(what))),
                Found::Cut(what) => return Some(Err(Trouble::Cut(what))),
            };
            let line = &self.items.line;
            let recording = self.items.recording;
            let damage = |what: String| {
                Some(Err(Trouble::Damage(format!("{}: {}: {what}", recording.name(), recording.place(at)))))
            };
            match serde_json::from_slice::<Probe<'_>>(line) {
                Err(error) => return damage(error.to_string()),
                Ok(Probe { tag: Some(tag), .. }) if tag.0 != "frame" => continue,
                Ok(Probe { view: Some(view), time: Some(time), .. }) if !wanted(&view.0, time.mono_ns) => continue,
                Ok(_) => {}
            }
            match self.decoder.frame(line) {
                Ok(frame) => return Some(Ok(frame)),
                Err(what) => return damage(what),
            }
        }
    }
}
