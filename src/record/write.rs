//! Writing a recording: lines are collected and leave as one zstd frame every ten seconds.

use std::io::{self, Write};

use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use super::index::{Chunk, Index};
use super::limits;
use crate::enrich::host::Host;
use crate::export::{Exporter, Shown, frame_line, header_line};
use crate::frame::order::sort_rows;
use crate::frame::{Frame, Stamp};

/// A chunk covers no more than this: what a crash may cost.
const CHUNK_NS: u64 = 10_000_000_000;

/// A chunk that is larger leaves before its time.
const CHUNK_BYTES: usize = 8 << 20;

/// Past this level, chunks of ten seconds get hardly smaller and cost twice as much.
const LEVEL: i32 = 6;

/// A recording being written.
pub struct Writer<W> {
    out: W,
    compressor: Compressor<'static>,
    /// Lines of the chunk.
    lines: Vec<u8>,
    /// Time of the first and of the last frame of the chunk.
    times: Option<(u64, u64)>,
    /// Number of the first line of the chunk, and of the next line.
    first_line: u64,
    line: u64,
    offset: u64,
    index: Index,
}

impl<W: Write> Writer<W> {
    /// A recording on `out`.
    ///
    /// # Errors
    /// If there is no memory for the compressor.
    pub fn new(out: W) -> io::Result<Writer<W>> {
        let mut compressor = Compressor::new(LEVEL)?;
        // What was damaged on its way is told from what is whole.
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Writer {
            out,
            compressor,
            lines: Vec::new(),
            times: None,
            first_line: 1,
            line: 1,
            offset: 0,
            index: Index::default(),
        })
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.offset
    }

    /// Writes the chunk.
    fn flush(&mut self) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let packed = self.compressor.compress(&self.lines)?;
        self.out.write_all(&packed)?;
        self.out.flush()?;
        let end = self.offset + packed.len() as u64;
        let (first_ns, last_ns) = self.times.take().unwrap_or_default();
        self.index.chunks.push(Chunk { offset: self.offset, end, line: self.first_line, first_ns, last_ns });
        self.offset = end;
        self.first_line = self.line;
        self.lines.clear();
        Ok(())
    }

    fn add(&mut self, view: &str, asked_ns: u64, time: Stamp) -> io::Result<()> {
        self.line += 1;
        self.index.count(view, asked_ns, time);
        let (first, last) = self.times.unwrap_or((time.mono_ns, time.mono_ns));
        self.times = Some((first.min(time.mono_ns), last.max(time.mono_ns)));
        // The next frame of this view would come too late for this chunk.
        let until = time.mono_ns.saturating_add(asked_ns).saturating_sub(first);
        if until > CHUNK_NS || self.lines.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(())
    }
}

impl<W: Write + Send> Exporter for Writer<W> {
    fn begin(&mut self, host: &Host) -> io::Result<()> {
        header_line(&mut self.lines, host)?;
        self.line += 1;
        Ok(())
    }

    fn frame(&mut self, shown: &Shown) -> io::Result<()> {
        let before = self.lines.len();
        frame_line(&mut self.lines, shown)?;
        let frame = &shown.frame;
        if self.lines.len() - before > limits::LINE {
            // Nobody would read it back.
            self.lines.truncate(before);
            log::warn!("{}: a frame of {} rows is too large to be recorded", frame.view, frame.table.len());
            return Ok(());
        }
        self.add(&frame.view, frame.interval.asked_ns, frame.time)
    }

    fn end(&mut self) -> io::Result<()> {
        self.flush()?;
        let mut index = Vec::new();
        self.index.write(&mut index)?;
        self.out.write_all(&index)?;
        self.offset += index.len() as u64;
        self.out.flush()
    }
}

/// A frame as it is recorded: all its rows, in the view's own order.
pub fn whole(frame: &Frame) -> Shown {
    let Some((column, descending)) = frame.table.schema.sort else { return Shown::whole(frame.clone()) };
    let mut rows: Vec<u32> = (0..frame.table.len() as u32).collect();
    sort_rows(&frame.table, &mut rows, column, descending);
    Shown::whole(frame.select(&rows))
}
