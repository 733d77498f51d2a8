//! `--ndjson`: a header line, then a line per frame, each flushed at once.

use std::io::{self, Write};

use super::{Exporter, Shown, frame_line, header_line};
use crate::enrich::host::Host;

pub(super) struct Ndjson<W> {
    out: W,
}

impl<W: Write> Ndjson<W> {
    pub fn new(out: W) -> Ndjson<W> {
        Ndjson { out }
    }
}

impl<W: Write + Send> Exporter for Ndjson<W> {
    fn begin(&mut self, host: &Host) -> io::Result<()> {
        header_line(&mut self.out, host)?;
        self.out.flush()
    }

    fn frame(&mut self, shown: &Shown) -> io::Result<()> {
        frame_line(&mut self.out, shown)?;
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
