//! `--ndjson`: a header line, then a line per frame, each flushed at once.

use std::io::{self, Write};

use serde::Serialize;

use super::shape::{FrameLine, Header};
use super::{Exporter, Shown, escape};
use crate::enrich::host::Host;

pub(super) struct Ndjson<W> {
    out: W,
}

impl<W: Write> Ndjson<W> {
    pub fn new(out: W) -> Ndjson<W> {
        Ndjson { out }
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        escape::write(&mut self.out, value)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

impl<W: Write + Send> Exporter for Ndjson<W> {
    fn begin(&mut self, host: &Host) -> io::Result<()> {
        self.line(&Header::new(host))
    }

    fn frame(&mut self, shown: &Shown) -> io::Result<()> {
        self.line(&FrameLine::from(shown))
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
