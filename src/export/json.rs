//! `--json`: one document with every frame of the run.

use std::io::{self, Write};

use serde_json::to_string;

use super::shape::{FrameLine, TOOL, Version};
use super::{Exporter, Shown, escape};
use crate::enrich::host::Host;

/// The document is written as it grows, a frame a line, so that a long run holds no memory; it is
/// valid once [`Exporter::end`] closed it, which also a failed run does.
pub(super) struct Json<W> {
    out: W,
    frames: usize,
}

impl<W: Write> Json<W> {
    pub fn new(out: W) -> Json<W> {
        Json { out, frames: 0 }
    }
}

impl<W: Write + Send> Exporter for Json<W> {
    fn begin(&mut self, host: &Host) -> io::Result<()> {
        let (schema, tool) = (to_string(&Version::One)?, to_string(&TOOL)?);
        write!(self.out, "{{\"schema\":{schema},\"tool\":{tool},\"host\":")?;
        escape::write(&mut self.out, host)?;
        self.out.write_all(b",\"frames\":[")?;
        self.out.flush()
    }

    fn frame(&mut self, shown: &Shown) -> io::Result<()> {
        self.out.write_all(if self.frames > 0 { b",\n" } else { b"\n" })?;
        self.frames += 1;
        escape::write(&mut self.out, &FrameLine::from(shown))?;
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n]}\n")?;
        self.out.flush()
    }
}
