//! Frames on their way out: JSON, lines of JSON, CSV and text.
//!
//! What a document looks like is said once, by the types in [`shape`]; the published schema is
//! generated from them.

mod cells;
mod csv;
mod escape;
mod json;
mod ndjson;
pub mod output;
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

/// The document that `--json` writes, of these frames.
///
/// # Errors
/// Only if a value cannot be serialised.
pub fn document(host: &Host, frames: &[std::sync::Arc<Frame>]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut json = json::Json::new(&mut out);
    json.begin(host)?;
    for frame in frames {
        json.frame(&Shown::whole((**frame).clone()))?;
    }
    json.end()?;
    Ok(out)
}
