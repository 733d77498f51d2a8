//! The bytes of a recording, and buffered readers on parts of them.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Bytes read from a file at once.
const BUFFER: usize = 64 << 10;

enum Bytes {
    File(File),
    Held(&'static [u8]),
}

/// Where the bytes come from. What is appended later is not looked at.
pub struct Source {
    /// As errors name it.
    pub name: String,
    /// Number of bytes.
    pub len: u64,
    bytes: Bytes,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.len)
    }
}

impl Source {
    /// Opens a file.
    ///
    /// # Errors
    /// As the file, in words that name it. A device or a pipe is none: it has no end.
    pub fn open(path: &Path) -> Result<Source, String> {
        let name = crate::frame::text::clean_str(&path.to_string_lossy()).into_owned();
        // A pipe nobody writes to would block right here.
        let metadata = std::fs::metadata(path).map_err(|e| format!("{name}: {e}"))?;
        if !metadata.is_file() {
            return Err(format!("{name}: is not a regular file"));
        }
        let file = File::open(path).map_err(|e| format!("{name}: {e}"))?;
        let len = file.metadata().map_err(|e| format!("{name}: {e}"))?.len();
        Ok(Source { name, len, bytes: Bytes::File(file) })
    }

    /// Bytes that are in memory.
    pub fn held(name: &str, bytes: &'static [u8]) -> Source {
        Source { name: name.to_owned(), len: bytes.len() as u64, bytes: Bytes::Held(bytes) }
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match &self.bytes {
            Bytes::File(file) => loop {
                match file.read_at(buffer, at) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    result => return result,
                }
            },
            Bytes::Held(bytes) => {
                let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
                let n = rest.len().min(buffer.len());
                buffer[..n].copy_from_slice(&rest[..n]);
                Ok(n)
            }
        }
    }

    /// Up to `limit` bytes from `at` on.
    ///
    /// # Errors
    /// As the file.
    pub fn bytes(self: &Arc<Source>, at: u64, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.part(at, at.saturating_add(limit as u64)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A reader on the bytes from `at` to `end`.
    pub fn part(self: &Arc<Source>, at: u64, end: u64) -> Part {
        let end = end.min(self.len);
        Part { source: self.clone(), buffer: Vec::new(), used: 0, position: at.min(end), end }
    }
}

/// A buffered reader that knows where it is.
#[derive(Debug)]
pub struct Part {
    source: Arc<Source>,
    buffer: Vec<u8>,
    used: usize,
    /// Of the first byte in the buffer that was not used.
    position: u64,
    end: u64,
}

impl Part {
    /// Offset of the next byte in the source.
    pub fn position(&self) -> u64 {
        self.position
    }
}

impl BufRead for Part {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used >= self.buffer.len() {
            let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
            self.buffer.resize(BUFFER.min(left), 0);
            self.used = 0;
            let n = if self.buffer.is_empty() { 0 } else { self.source.read_at(&mut self.buffer, self.position)? };
            self.buffer.truncate(n);
        }
        Ok(&self.buffer[self.used..])
    }

    fn consume(&mut self, n: usize) {
        let n = n.min(self.buffer.len() - self.used);
        self.used += n;
        self.position += n as u64;
    }
}

impl Read for Part {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let held = self.fill_buf()?;
        let n = held.len().min(out.len());
        out[..n].copy_from_slice(&held[..n]);
        self.consume(n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_knows_where_it_is() {
        let source = Arc::new(Source::held("x", b"0123456789"));
        let mut part = source.part(2, 6);
        let mut two = [0; 2];
        part.read_exact(&mut two).unwrap();
        assert_eq!((&two, part.position()), (b"23", 4));
        let mut rest = String::new();
        part.read_to_string(&mut rest).unwrap();
        assert_eq!((rest.as_str(), part.position()), ("45", 6));
        assert_eq!(source.bytes(8, 100).unwrap(), b"89");
        assert_eq!(source.bytes(100, 1).unwrap(), b"");
    }

    #[test]
    fn only_files_are_opened() {
        assert!(Source::open(Path::new("/dev/zero")).unwrap_err().contains("not a regular file"));
        assert!(Source::open(Path::new("/no/such")).unwrap_err().starts_with("/no/such: "));
    }
}
