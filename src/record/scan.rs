//! Finding the chunks of a file that has no index: a cut-off recording, a stream, a document.

use std::io::{self, BufRead, ErrorKind, Read};
use std::sync::Arc;

use super::decode::stamp;
use super::index::{Chunk, Index};
use super::input::{self, Line};
use super::recording::{Format, Pieces};
use super::shape::{HostShape, Probe};
use super::source::Source;
use super::{document, limits};

/// First bytes of a zstd frame.
pub const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Text is cut into chunks of this size at least, to be entered in the middle.
const TEXT_CHUNK: u64 = 256 << 10;

/// What was found.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The host of the first header.
    pub host: Option<HostShape>,
    /// The chunks.
    pub index: Index,
    /// What stands between chunks and is none.
    pub problems: Vec<String>,
    /// Number of the next line.
    pub line: u64,
}

/// Whether bytes start a frame that decoders skip.
pub fn is_skipped(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..])
}

/// Finds out what the file is, and its chunks.
///
/// # Errors
/// As the file.
pub fn scan(source: &Arc<Source>) -> io::Result<(Format, Scanned)> {
    let start = source.bytes(0, 4)?;
    let mut scanned = Scanned { line: 1, ..Scanned::default() };
    if start == ZSTD || is_skipped(&start) {
        scanned.zstd(source)?;
        return Ok((Format::Zstd, scanned));
    }
    if start.contains(&b'{') && scanned.document(source)? {
        return Ok((Format::Document, scanned));
    }
    scanned = Scanned { line: 1, ..Scanned::default() };
    scanned.lines(source)?;
    Ok((Format::Lines, scanned))
}

impl Scanned {
    /// Looks at one line in the chunk that starts at `offset`.
    fn look(&mut self, line: &[u8], chunk: &mut Chunk) {
        let Ok(probe) = serde_json::from_slice::<Probe<'_>>(line) else { return };
        if let Some(host) = probe.host.filter(|_| self.host.is_none()) {
            self.host = Some(host);
        }
        let (Some(view), Some(time)) = (probe.view, probe.time) else { return };
        let Ok(time) = stamp(&time) else { return };
        self.index.count(&view.0, probe.interval.asked_ns.min(limits::TIME_NS), time);
        chunk.first_ns = chunk.first_ns.min(time.mono_ns);
        chunk.last_ns = chunk.last_ns.max(time.mono_ns);
    }

    fn begin(&self, offset: u64) -> Chunk {
        Chunk { offset, end: offset, line: self.line, first_ns: u64::MAX, last_ns: 0 }
    }

    fn finish(&mut self, mut chunk: Chunk, end: u64) {
        if chunk.first_ns > chunk.last_ns {
            // A header alone, or nothing that could be read: it belongs to no time.
            chunk.first_ns = self.index.last.mono_ns;
            chunk.last_ns = chunk.first_ns;
        }
        chunk.end = end;
        if end > chunk.offset && self.index.chunks.len() < limits::CHUNKS {
            self.index.chunks.push(chunk);
        }
    }

    fn zstd(&mut self, source: &Arc<Source>) -> io::Result<()> {
        let mut at = 0;
        while at < source.len {
            let start = source.bytes(at, 8)?;
            if is_skipped(&start) {
                let Some(length) = start.get(4..8).and_then(|bytes| bytes.try_into().ok()) else { return Ok(()) };
                at += 8 + u64::from(u32::from_le_bytes(length));
                continue;
            }
            match self.zstd_chunk(source, at)? {
                Ok(end) => at = end,
                Err(wrong) => {
                    let what = format!("{}: byte {at}: {wrong}, skipped to what follows", source.name);
                    if self.problems.len() < limits::NAMES {
                        self.problems.push(what);
                    }
                    let Some(next) = next_frame(source, at + 1)? else { return Ok(()) };
                    at = next;
                }
            }
        }
        Ok(())
    }

    /// The end of the zstd frame at `at`, or what is wrong with it.
    fn zstd_chunk(&mut self, source: &Arc<Source>, at: u64) -> io::Result<Result<u64, &'static str>> {
        let (end, _) = match verify(source, at, source.len)? {
            Ok(found) => found,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let mut pieces = Pieces::zstd(source.part(at, end))?;
        let (mut chunk, mut line) = (self.begin(at), Vec::new());
        // Of a cut-off frame, what can be decoded is what is there.
        while let Ok(found) = pieces.next(&mut line) {
            match found {
                Line::Whole | Line::Cut => self.look(&line, &mut chunk),
                Line::TooLong => {}
                Line::End => break,
            }
            self.line += 1;
        }
        // Also one that nothing can be read of: whoever reads it is told that it is cut off.
        self.finish(chunk, end);
        Ok(Ok(end))
    }

    fn lines(&mut self, source: &Arc<Source>) -> io::Result<()> {
        let mut part = source.part(0, source.len);
        let (mut chunk, mut line) = (self.begin(0), Vec::new());
        loop {
            let at = part.position();
            if at - chunk.offset >= TEXT_CHUNK {
                self.finish(chunk, at);
                chunk = self.begin(at);
            }
            match input::line(&mut part, &mut line)? {
                Line::End => break,
                Line::TooLong => {}
                Line::Whole | Line::Cut => self.look(&line, &mut chunk),
            }
            self.line += 1;
        }
        self.finish(chunk, part.position());
        Ok(())
    }

    /// Whether it is a document.
    fn document(&mut self, source: &Arc<Source>) -> io::Result<bool> {
        let mut part = source.part(0, source.len);
        let mut chunk: Option<Chunk> = None;
        let host = document::walk(&mut part, |at, frame| {
            if let Some(full) = chunk.take_if(|chunk| at - chunk.offset >= TEXT_CHUNK) {
                self.finish(full, at);
            }
            let chunk = chunk.get_or_insert_with(|| self.begin(at));
            self.look(frame, chunk);
            self.line += 1;
        })?;
        if let Some(last) = chunk {
            self.finish(last, part.position());
        }
        self.host = host;
        Ok(self.host.is_some())
    }
}

/// Decodes the zstd frame at `at` to its end, which checks its sum. Gives its end and whether it is
/// whole, or cut off by `end`; or what is wrong with it.
///
/// # Errors
/// As the file.
pub fn verify(source: &Arc<Source>, at: u64, end: u64) -> io::Result<Result<(u64, bool), &'static str>> {
    let mut decoder = zstd::Decoder::with_buffer(source.part(at, end))?;
    decoder.window_log_max(limits::WINDOW_LOG)?;
    let mut decoder = decoder.single_frame();
    let mut rest = vec![0; 64 << 10];
    let mut length = 0u64;
    loop {
        match decoder.read(&mut rest) {
            Ok(0) => return Ok(Ok((decoder.finish().position(), true))),
            Ok(n) => length += n as u64,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Ok((end, false))),
            Err(error) if error.raw_os_error().is_some() => return Err(error),
            Err(_) => return Ok(Err("damaged")),
        }
        if length > limits::CHUNK {
            return Ok(Err("more than 1 GiB in one zstd frame"));
        }
    }
}

/// Where the next zstd frame may start, from `at` on.
fn next_frame(source: &Arc<Source>, at: u64) -> io::Result<Option<u64>> {
    let mut part = source.part(at, source.len);
    let mut window = [0u8; 4];
    loop {
        let position = part.position();
        let held = part.fill_buf()?;
        if held.is_empty() {
            return Ok(None);
        }
        for (used, &byte) in held.iter().enumerate() {
            window.rotate_left(1);
            window[3] = byte;
            if window == ZSTD || is_skipped(&window) {
                let start = position + used as u64;
                return Ok(start.checked_sub(3).filter(|&start| start >= at));
            }
        }
        let used = held.len();
        part.consume(used);
    }
}
