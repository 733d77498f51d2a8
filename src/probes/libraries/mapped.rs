//! Which files of a name a process has mapped, and how they are opened from here.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// What overlays call themselves (OVERLAYFS_SUPER_MAGIC).
const OVERLAY: i64 = 0x794c_7630;

/// A file that a process has mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    start: u64,
    end: u64,
    inode: u64,
    /// Its path, where the process sees it.
    pub(super) path: PathBuf,
}

/// Names a file wherever it is reached: the same one is to be attached to once. Overlays have devices of their own, and their
/// files the inode numbers of the layer below: those are the same file if they were last changed in the same nanosecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct FileKey {
    dev: u64,
    ino: u64,
    changed: (i64, i64),
}

/// The files of a process whose name is `wanted`, each once.
pub(super) fn of_process(pid: u32, wanted: impl Fn(&[u8]) -> bool) -> io::Result<Vec<Mapping>> {
    let maps = BufReader::new(File::open(format!("/proc/{pid}/maps"))?);
    let mut found: Vec<Mapping> = Vec::new();
    for line in maps.split(b'\n') {
        let line = line?;
        let Some(mapping) = parse(&line, &wanted) else { continue };
        if !found.iter().any(|known| (known.inode, &known.path) == (mapping.inode, &mapping.path)) {
            found.push(mapping);
        }
    }
    Ok(found)
}

/// A line of /proc/PID/maps: `START-END PERMS OFFSET DEV INODE PATH`.
fn parse(line: &[u8], wanted: &impl Fn(&[u8]) -> bool) -> Option<Mapping> {
    let slash = line.iter().position(|&byte| byte == b'/')?;
    let (head, path) = line.split_at(slash);
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    let name = path.rsplit(|&byte| byte == b'/').next()?;
    if !wanted(name) {
        return None;
    }
    let mut words = std::str::from_utf8(head).ok()?.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let number = |hex| u64::from_str_radix(hex, 16).ok();
    let inode = words.nth(3)?.parse().ok()?;
    Some(Mapping { start: number(start)?, end: number(end)?, inode, path: std::ffi::OsStr::from_bytes(path).into() })
}

/// Opens what a process has mapped: the very file, in whatever mount namespace, also if it has been deleted or covered since.
pub(super) fn open(pid: u32, mapping: &Mapping) -> io::Result<File> {
    open_path(Path::new(&format!("/proc/{pid}/map_files/{:x}-{:x}", mapping.start, mapping.end)))
}

/// Opens a regular file. Opening another one may do something, and a process may call anything by the name of a library.
pub(super) fn open_path(path: &Path) -> io::Result<File> {
    let file = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode);
    if !kind.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

impl FileKey {
    /// The name of an open file.
    pub(super) fn of(file: &File) -> io::Result<FileKey> {
        let stat = rustix::fs::fstat(file)?;
        let overlay = rustix::fs::fstatfs(file)?.f_type as i64 == OVERLAY;
        let changed = (stat.st_ctime as i64, stat.st_ctime_nsec as i64);
        Ok(match overlay {
            true => FileKey { dev: 0, ino: stat.st_ino, changed },
            false => FileKey { dev: stat.st_dev, ino: stat.st_ino, changed: (0, 0) },
        })
    }
}

/// Whether a name fits a pattern, in which `*` stands for anything.
pub(super) fn fits(pattern: &str, name: &[u8]) -> bool {
    let mut parts = pattern.as_bytes().split(|&byte| byte == b'*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = (0..=rest.len()).find(|&at| rest[at..].starts_with(part)) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_patterns_as_a_whole() {
        let cases: &[(&str, &str, bool)] = &[
            ("libc.so.6", "libc.so.6", true),
            ("libc.so.6", "libc.so.60", false),
            ("libc.so.6", "glibc.so.6", false),
            ("libc-2.*.so", "libc-2.31.so", true),
            ("libc-2.*.so", "libc-2.so", false),
            ("ld-musl-*.so.1", "ld-musl-x86_64.so.1", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1c", false),
            ("*", "", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(fits(pattern, name.as_bytes()), *expected, "{pattern} {name}");
        }
    }

    #[test]
    fn lines_of_maps_are_read_and_others_are_left() {
        let wanted = |name: &[u8]| name == b"libc.so.6";
        let line = b"7f0a-7f0b r-xp 00001000 fe:01 1234     /snap/a b/libc.so.6 (deleted)";
        let path = PathBuf::from("/snap/a b/libc.so.6");
        assert_eq!(parse(line, &wanted), Some(Mapping { start: 0x7f0a, end: 0x7f0b, inode: 1234, path }));
        let others: [&[u8]; 6] = [
            b"",
            b"7f0a-7f0b rw-p 00000000 00:00 0",
            b"7f0a-7f0b rw-p 00000000 00:00 0     [stack]",
            b"7f0a-7f0b r-xp 00001000 fe:01 1234     /lib/libm.so.6",
            b"7f0a r-xp 00001000 fe:01 1234     /lib/libc.so.6",
            b"\xff\xfe-1 r-xp 0 fe:01 1234     /lib/libc.so.6",
        ];
        for line in others {
            assert_eq!(parse(line, &wanted), None, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn one_file_has_one_name_by_whatever_path() {
        let dir = tempfile::tempdir().expect("a directory");
        let (one, link, other) = (dir.path().join("one"), dir.path().join("link"), dir.path().join("other"));
        std::fs::write(&one, "1").expect("written");
        std::fs::write(&other, "1").expect("written");
        std::fs::hard_link(&one, &link).expect("linked");
        let key = |path: &Path| FileKey::of(&open_path(path).expect("opened")).expect("a name");
        assert_eq!(key(&one), key(&link));
        assert_ne!(key(&one), key(&other));
        assert!(open_path(dir.path()).is_err(), "a directory is no library");
        assert!(open_path(Path::new("/dev/null")).is_err(), "a device is no library");
    }
}
