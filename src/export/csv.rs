//! `--csv`: RFC 4180, a header once, raw base units. Unknown is an empty field.

use std::io::{self, Write};

use super::shape::{buckets, wall};
use super::{Exporter, Shown};
use crate::enrich::host::Host;
use crate::frame::text::clean;
use crate::frame::{Frame, Kind, Status, Table, Value};

pub(super) struct Csv<W: Write> {
    out: csv::Writer<W>,
    /// The header as it was written.
    header: Vec<String>,
}

impl<W: Write> Csv<W> {
    pub fn new(out: W) -> Csv<W> {
        let out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
        Csv { out, header: Vec::new() }
    }

    /// Writes the header before the first row. A view whose columns change within a run would make
    /// rows that no header describes; only a reload with other settings could do that.
    fn header(&mut self, frame: &Frame) -> io::Result<()> {
        let schema = &frame.table.schema;
        let name = |&column: &usize| schema.columns[column].name.clone();
        let mut header = vec!["time".to_owned(), "interval_ns".to_owned()];
        match frame.kind {
            Kind::Histogram => {
                header.extend(schema.key.iter().map(name));
                header.extend(["lo", "hi", "count"].map(str::to_owned));
            }
            Kind::Table | Kind::Counters | Kind::Events => {
                header.extend(schema.columns.iter().map(|column| column.name.clone()))
            }
        }
        if self.header.is_empty() {
            self.out.write_record(&header)?;
            self.header = header;
        } else if self.header != header {
            return Err(io::Error::other("the columns changed during the run; CSV cannot show that"));
        }
        Ok(())
    }
}

impl<W: Write + Send> Exporter for Csv<W> {
    fn begin(&mut self, _: &Host) -> io::Result<()> {
        Ok(())
    }

    fn frame(&mut self, shown: &Shown) -> io::Result<()> {
        let frame = &shown.frame;
        if matches!(frame.status, Status::Unavailable(_)) {
            return Ok(());
        }
        self.header(frame)?;
        let head = [wall(frame), frame.interval.real_ns.to_string()];
        match frame.kind {
            Kind::Histogram => {
                for (row, histogram) in frame.histograms.iter().enumerate() {
                    for bucket in buckets(histogram) {
                        let key = frame.table.schema.key.iter().map(|&column| field(&frame.table, row, column));
                        let bounds = [bucket.lo, bucket.hi, bucket.count].map(|n| n.to_string());
                        self.out.write_record(head.iter().cloned().chain(key).chain(bounds))?;
                    }
                }
            }
            Kind::Table | Kind::Counters | Kind::Events => {
                for row in 0..frame.table.len() {
                    let cells = (0..frame.table.width()).map(|column| field(&frame.table, row, column));
                    self.out.write_record(head.iter().cloned().chain(cells))?;
                }
            }
        }
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A spreadsheet or a terminal may be at the other end: control characters are not passed on.
fn field(table: &Table, row: usize, column: usize) -> String {
    match table.cell(row, column) {
        Value::Null => String::new(),
        Value::Uint(n) => n.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(n) if n.is_finite() => n.to_string(),
        Value::Float(_) => String::new(),
        Value::Text(span) => clean(table.text(span)).into_owned(),
    }
}
