//! Files, the page cache, and memory that direct I/O takes.

use std::ffi::{CStr, CString};
use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{eventually, ok};

/// Size of a page on every machine this is built for.
pub const PAGE: usize = 4096;

/// A directory on a disk for scratch files: `BCC_TOP_SCRATCH_DIR`, else `/var/tmp`, as `/tmp` is
/// often in memory.
pub fn scratch() -> PathBuf {
    std::env::var_os("BCC_TOP_SCRATCH_DIR").unwrap_or_else(|| "/var/tmp".into()).into()
}

/// Mounts a filesystem that needs no device.
pub fn mount(kind: &CStr, place: &Path) {
    let place = CString::new(place.as_os_str().as_bytes()).expect("no NUL");
    // SAFETY: a system call with strings.
    ok("mount", unsafe { libc::mount(kind.as_ptr(), place.as_ptr(), kind.as_ptr(), 0, std::ptr::null()) });
}

/// A filesystem in memory, mounted at a new directory until it is dropped.
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    /// At `place`, which is made.
    pub fn new(place: PathBuf) -> Tmpfs {
        std::fs::create_dir(&place).expect("a directory");
        mount(c"tmpfs", &place);
        Tmpfs(place)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let place = CString::new(self.0.as_os_str().as_bytes()).expect("no NUL");
        // SAFETY: a system call with a string.
        unsafe { libc::umount2(place.as_ptr(), libc::MNT_DETACH) };
    }
}

/// Opens a file or a disk past the page cache.
pub fn open_direct(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_DIRECT);
    options.open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Zeroes at the address of a page, as direct I/O asks for.
pub struct Pages {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl Pages {
    /// `length` bytes.
    pub fn new(length: usize) -> Pages {
        let memory = vec![0; length + PAGE];
        let start = memory.as_ptr().align_offset(PAGE);
        Pages { memory, start, length }
    }

    /// The bytes.
    pub fn bytes(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.length]
    }
}

/// Puts all of a file out of the page cache.
pub fn evict(file: &File) {
    file.sync_all().expect("written back");
    eventually("the page cache has dropped a file", || {
        // SAFETY: a call with numbers only.
        ok("fadvise", -unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) });
        resident(file) == 0
    });
}

/// How many pages of a file are in the page cache.
pub fn resident(file: &File) -> usize {
    let length = usize::try_from(file.metadata().expect("its size").len()).expect("a size");
    let mut pages = vec![0u8; length.div_ceil(PAGE)];
    // SAFETY: a new mapping of an open file, which is only asked about and then removed; `pages` has
    // a byte for each page of it.
    unsafe {
        let fd = file.as_raw_fd();
        let address = libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, fd, 0);
        assert_ne!(address, libc::MAP_FAILED, "mmap: {}", std::io::Error::last_os_error());
        ok("mincore", libc::mincore(address, length, pages.as_mut_ptr()));
        ok("munmap", libc::munmap(address, length));
    }
    pages.iter().filter(|&&page| page & 1 == 1).count()
}

/// Makes a pipe with a name.
pub fn make_fifo(path: &Path) {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).expect("a named pipe");
}

/// A pipe, to splice through.
pub struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipe {
    /// Bytes that it takes without being read.
    pub const SIZE: usize = 65_536;

    /// An empty pipe.
    pub fn new() -> Pipe {
        let (read, write) = rustix::pipe::pipe().expect("a pipe");
        Pipe { read, write }
    }

    /// Writes bytes, `SIZE` at most while nobody reads.
    pub fn write(&self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = &rest[rustix::io::write(&self.write, rest).expect("written")..];
        }
    }

    /// Reads `length` bytes that are there, in one call.
    pub fn read(&self, length: usize) {
        let mut bytes = vec![0; length];
        assert_eq!(rustix::io::read(&self.read, &mut bytes[..]).expect("read"), length);
    }

    /// Splices what `from` has into the empty pipe; 0 at its end.
    pub fn fill(&self, from: &impl AsFd, most: usize) -> usize {
        splice(from.as_fd(), self.write.as_fd(), most)
    }

    /// Splices `length` bytes of the pipe into `to`.
    pub fn drain(&self, to: &impl AsFd, length: usize) {
        let mut left = length;
        while left > 0 {
            left -= splice(self.read.as_fd(), to.as_fd(), left);
        }
    }
}

fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, most: usize) -> usize {
    let flags = rustix::pipe::SpliceFlags::MOVE;
    rustix::pipe::splice(from, None, to, None, most, flags).expect("spliced")
}
