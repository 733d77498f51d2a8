//! Where an export goes: standard output, or a file that appears under its name when it is complete.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::privilege::rights::{FILES, raised};
use crate::privilege::{Invoker, give_to_invoker};

/// A file being written as `FILE.part`.
#[derive(Debug)]
pub struct PartFile {
    asked: PathBuf,
    part: PathBuf,
}

impl PartFile {
    /// Creates `FILE.part`, for its owner only; under sudo that is who called sudo. Neither name is
    /// followed if it is a link, and a device or a pipe is not replaced by a file.
    ///
    /// # Errors
    /// What stands in the way, in a sentence that names the file.
    pub fn create(asked: &Path, invoker: Option<&Invoker>) -> io::Result<(PartFile, File)> {
        raised(FILES, || PartFile::create_raised(asked, invoker))
    }

    fn create_raised(asked: &Path, invoker: Option<&Invoker>) -> io::Result<(PartFile, File)> {
        let explain = |path: &Path, e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
        if fs::symlink_metadata(asked).is_ok_and(|found| !found.is_file()) {
            let message = format!("{}: exists and is not a regular file", asked.display());
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        let mut name = OsString::from(asked);
        name.push(".part");
        let part = PathBuf::from(name);
        match fs::remove_file(&part) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(explain(&part, e)),
            _ => {}
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(&part, flags, Mode::RUSR | Mode::WUSR).map_err(|e| explain(&part, e.into()))?;
        give_to_invoker(&file, invoker).map_err(|e| explain(&part, e))?;
        Ok((PartFile { asked: asked.to_owned(), part }, File::from(file)))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// As rename.
    pub fn complete(self) -> io::Result<()> {
        raised(FILES, || fs::rename(&self.part, &self.asked))
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", self.asked.display())))
    }

    /// Leaves what was written as `FILE.part`, and says where that is; nothing is no file.
    pub fn keep(self) -> Option<PathBuf> {
        if raised(FILES, || fs::symlink_metadata(&self.part)).is_ok_and(|file| file.len() > 0) {
            return Some(self.part);
        }
        self.discard();
        None
    }

    /// Removes what was written.
    pub fn discard(self) {
        if let Err(error) = raised(FILES, || fs::remove_file(&self.part)) {
            log::warn!("{}: {error}", self.part.display());
        }
    }
}

/// A buffered writer on `file`.
pub fn to_file(file: File) -> Box<dyn Write + Send> {
    Box::new(BufWriter::with_capacity(1 << 16, file))
}

/// A buffered writer on standard output.
pub fn to_stdout() -> Box<dyn Write + Send> {
    // Not the lock: it is not `Send`, and its line buffer would split a block.
    Box::new(BufWriter::with_capacity(1 << 16, io::stdout()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_appears_when_it_is_complete_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let asked = dir.path().join("out.json");
        fs::write(&asked, "old").unwrap();
        let (part, file) = PartFile::create(&asked, None).unwrap();
        to_file(file).write_all(b"new").unwrap();
        assert_eq!(fs::read(&asked).unwrap(), b"old");
        part.complete().unwrap();
        assert_eq!(fs::read(&asked).unwrap(), b"new");
        assert_eq!(fs::metadata(&asked).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn links_and_devices_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (victim, link) = (dir.path().join("victim"), dir.path().join("link"));
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, &link).unwrap();
        assert!(PartFile::create(&link, None).unwrap_err().to_string().contains("link"));
        assert!(PartFile::create(Path::new("/dev/null"), None).is_err());
        // A link planted under the name of the part is replaced, not followed.
        symlink(&victim, dir.path().join("out.part")).unwrap();
        let (part, file) = PartFile::create(&dir.path().join("out"), None).unwrap();
        to_file(file).write_all(b"new").unwrap();
        part.discard();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert!(!dir.path().join("out.part").exists());
    }
}
