//! Frames on their way out: JSON, lines of JSON, CSV and text.
//!
//! What a document looks like is said once, by the types in [`shape`]; the published schema is
//! generated from them.

mod cells;
mod csv;
mod escape;
mod json;
mod lines;
mod ndjson;
pub mod output;
pub mod redact;
#[cfg(test)]
pub(crate) mod sample;
pub mod schema;
pub mod shape;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use std::io::{self, Write};

use crate::enrich::host::Host;
use crate::frame::{Frame, Value};

/// The version of everything that is written for programs.
pub const SCHEMA: &str = "bcc-top/1";

/// How frames are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A block per interval, with BCC's column names.
    Text,
    /// One document with every frame of the run.
    Json,
    /// A header line, then a line per frame.
    Ndjson,
    /// RFC 4180, a header once; one view.
    Csv,
}

impl Format {
    /// How names of such files end.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Text => "txt",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
        }
    }
}

/// A frame ready to be written: filtered, sorted and cut, with the totals of what was not cut.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The rows to write.
    pub frame: Frame,
    /// Totals by column name, over the rows that passed the filter.
    pub totals: Vec<(String, Value)>,
}

impl Shown {
    /// The whole frame.
    pub fn whole(frame: Frame) -> Shown {
        let name = |column: usize| frame.table.schema.columns[column].name.clone();
        let totals = frame.totals().into_iter().map(|(column, value)| (name(column), value)).collect();
        Shown { frame, totals }
    }
}

/// Writes frames. Every call leaves what it wrote flushed.
pub trait Exporter: Send {
    /// Writes what comes before the first frame.
    ///
    /// # Errors
    /// As the output.
    fn begin(&mut self, host: &Host) -> io::Result<()>;

    /// Writes one frame.
    ///
    /// # Errors
    /// As the output.
    fn frame(&mut self, shown: &Shown) -> io::Result<()>;

    /// Writes what comes after the last frame.
    ///
    /// # Errors
    /// As the output.
    fn end(&mut self) -> io::Result<()>;
}

/// The exporter for a format.
pub fn exporter<W: Write + Send + 'static>(format: Format, out: W) -> Box<dyn Exporter> {
    match format {
        Format::Text => Box::new(text::Text::new(out)),
        Format::Json => Box::new(json::Json::new(out)),
        Format::Ndjson => Box::new(ndjson::Ndjson::new(out)),
        Format::Csv => Box::new(csv::Csv::new(out)),
    }
}

/// The line of `--ndjson` that comes first.
///
/// # Errors
/// As the output.
pub fn header_line(out: &mut impl Write, host: &Host) -> io::Result<()> {
    escape::write(out, &shape::Header::new(host))?;
    out.write_all(b"\n")
}

/// The line of `--ndjson` for one frame.
///
/// # Errors
/// As the output.
pub fn frame_line(out: &mut impl Write, shown: &Shown) -> io::Result<()> {
    escape::write(out, &shape::FrameLine::from(shown))?;
    out.write_all(b"\n")
}

/// The document that batch mode would write of these frames. Where a format takes one view, it is the
/// first one.
///
/// # Errors
/// Only if a value cannot be serialised.
pub fn document(host: &Host, format: Format, frames: &[std::sync::Arc<Frame>]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let one = frames.first().map(|frame| frame.view.clone()).filter(|_| format == Format::Csv);
    let frames = frames.iter().filter(|frame| one.as_ref().is_none_or(|view| *view == frame.view));
    match format {
        Format::Json => write_all(json::Json::new(&mut out), host, frames)?,
        Format::Ndjson => write_all(ndjson::Ndjson::new(&mut out), host, frames)?,
        Format::Csv => write_all(csv::Csv::new(&mut out), host, frames)?,
        Format::Text => write_all(text::Text::new(&mut out), host, frames)?,
    }
    Ok(out)
}

fn write_all<'a>(
    mut exporter: impl Exporter,
    host: &Host,
    frames: impl Iterator<Item = &'a std::sync::Arc<Frame>>,
) -> io::Result<()> {
    exporter.begin(host)?;
    for frame in frames {
        exporter.frame(&Shown::whole((**frame).clone()))?;
    }
    exporter.end()
}
