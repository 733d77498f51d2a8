//! Linux AIO: many direct writes at once.

use std::fs::File;
use std::os::fd::AsRawFd;

use super::files::Pages;
use super::ok;

/// `struct iocb` of include/uapi/linux/aio_abi.h.
#[repr(C)]
struct Iocb {
    data: u64,
    key: u32,
    rw_flags: u32,
    opcode: u16,
    priority: i16,
    fd: u32,
    buffer: u64,
    length: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    event_fd: u32,
}

/// `struct io_event`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct IoEvent {
    data: u64,
    iocb: u64,
    result: i64,
    result2: i64,
}

const IOCB_CMD_PWRITE: u16 = 1;

/// A queue of writes of the same zeroes to one file.
pub struct Queue {
    context: libc::c_ulong,
    fd: u32,
    depth: usize,
    pages: Pages,
    flying: usize,
}

impl Queue {
    /// A queue with at most `depth` writes of `length` bytes in flight.
    pub fn new(file: &File, depth: usize, length: usize) -> Queue {
        let mut context: libc::c_ulong = 0;
        // SAFETY: the call writes one number to `context`.
        ok("io_setup", unsafe { libc::syscall(libc::SYS_io_setup, depth, &raw mut context) });
        let fd = u32::try_from(file.as_raw_fd()).expect("a descriptor");
        Queue { context, fd, depth, pages: Pages::new(length), flying: 0 }
    }

    /// Submits a write at `offset`; waits first while the queue is full.
    pub fn write(&mut self, offset: u64) {
        self.write_all(&[offset]);
    }

    /// Submits a write at each of these places, at most as many as the queue holds, in one call: with more than two the
    /// kernel holds them back until it has seen them all, or 16 and more (`AIO_PLUG_THRESHOLD`, `BLK_MAX_REQUEST_COUNT`).
    pub fn write_all(&mut self, offsets: &[u64]) {
        while self.flying + offsets.len() > self.depth {
            self.wait(1);
        }
        let bytes = self.pages.bytes();
        let block = |&offset: &u64| Iocb {
            data: bytes.len() as u64,
            key: 0,
            rw_flags: 0,
            opcode: IOCB_CMD_PWRITE,
            priority: 0,
            fd: self.fd,
            buffer: bytes.as_ptr() as u64,
            length: bytes.len() as u64,
            offset: i64::try_from(offset).expect("an offset"),
            reserved: 0,
            flags: 0,
            event_fd: 0,
        };
        let mut blocks: Vec<Iocb> = offsets.iter().map(block).collect();
        let mut list: Vec<*mut Iocb> = blocks.iter_mut().map(std::ptr::from_mut).collect();
        // SAFETY: control blocks, which the kernel copies; the bytes they point to live as long as
        // the queue, which waits for its writes before it ends.
        let submitted = unsafe { libc::syscall(libc::SYS_io_submit, self.context, list.len(), list.as_mut_ptr()) };
        assert_eq!(ok("io_submit", submitted), offsets.len() as i64);
        self.flying += offsets.len();
    }

    /// Waits for everything that was submitted.
    pub fn finish(&mut self) {
        while self.flying > 0 {
            self.wait(self.flying.min(self.depth));
        }
    }

    fn wait(&mut self, least: usize) {
        let mut events = vec![IoEvent::default(); self.depth];
        let none = std::ptr::null_mut::<libc::timespec>();
        // SAFETY: `events` has room for `depth` events.
        let got = ok("io_getevents", unsafe {
            libc::syscall(libc::SYS_io_getevents, self.context, least, self.depth, events.as_mut_ptr(), none)
        });
        let got = usize::try_from(got).expect("a count");
        for event in &events[..got] {
            assert_eq!(event.result, event.data.cast_signed(), "a write failed");
        }
        self.flying -= got;
    }
}
