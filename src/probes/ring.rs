//! The consumer of a BPF ring buffer (`kernel/bpf/ringbuf.c`): mapped memory, no system call and no wake-up for an event.
//!
//! libbpf's consumer wants a callback that lives as long as it does, and an epoll descriptor that we would not use.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A record's header: length with two flags, and a page offset that only the kernel uses.
const HEADER: usize = 8;
/// The record is not written yet (`BPF_RINGBUF_BUSY_BIT`).
const BUSY: u32 = 1 << 31;
/// The record was given up (`BPF_RINGBUF_DISCARD_BIT`).
const DISCARDED: u32 = 1 << 30;

/// A mapped ring.
pub struct Ring {
    /// How far we have read: a page that we write.
    consumer: Mapped,
    /// How far the kernel has reserved: a page, and behind it the data, twice, so that no record is cut in two.
    producer: Mapped,
    page: usize,
    size: usize,
}

struct Mapped {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: memory shared with the kernel, which only this value reads and writes on our side.
unsafe impl Send for Mapped {}

impl Mapped {
    fn new(map: BorrowedFd<'_>, len: usize, offset: u64, prot: ProtFlags) -> io::Result<Mapped> {
        // SAFETY: a fresh shared mapping of a ring; it aliases nothing that Rust knows of.
        let start = unsafe { mmap(ptr::null_mut(), len, prot, MapFlags::SHARED, map, offset) }?;
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at 0"))?;
        Ok(Mapped { start, len })
    }

    /// The counter at the start of a page.
    fn position(&self) -> &AtomicU64 {
        // SAFETY: mapped, page-aligned, and as long as `self` lives; both sides use it as an atomic.
        unsafe { self.start.cast::<AtomicU64>().as_ref() }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no reference into it outlives `self`.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

impl Ring {
    /// Maps the ring `map` of `size` bytes.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new(map: BorrowedFd<'_>, size: usize) -> io::Result<Ring> {
        if !size.is_power_of_two() {
            return Err(io::Error::other(format!("a ring of {size} bytes on descriptor {}", map.as_raw_fd())));
        }
        let page = rustix::param::page_size();
        let consumer = Mapped::new(map, page, 0, ProtFlags::READ | ProtFlags::WRITE)?;
        let producer = Mapped::new(map, page + 2 * size, page as u64, ProtFlags::READ)?;
        Ok(Ring { consumer, producer, page, size })
    }

    /// Bytes that wait to be read, and how many there is room for.
    pub fn fill(&self) -> (u64, u64) {
        let (read, reserved) = (self.consumer.position(), self.producer.position());
        (reserved.load(Ordering::Acquire).saturating_sub(read.load(Ordering::Relaxed)), self.size as u64)
    }

    /// Gives every record that is complete to `each`, in the order in which they were begun, and their room back.
    pub fn consume(&mut self, mut each: impl FnMut(&[u8])) {
        let (read, reserved) = (self.consumer.position(), self.producer.position());
        let mut at = read.load(Ordering::Relaxed);
        // What is begun after this is for the next time: with a kernel that is faster than us this ends.
        let end = reserved.load(Ordering::Acquire);
        while at < end {
            let start = self.page + (at & (self.size as u64 - 1)) as usize;
            // SAFETY: within the mapping, as `start` is less than page + size; headers are 8-aligned.
            let header = unsafe { self.producer.start.add(start).cast::<AtomicU32>().as_ref() }.load(Ordering::Acquire);
            let len = (header & !(BUSY | DISCARDED)) as usize;
            if header & BUSY != 0 || len > self.size - HEADER {
                break;
            }
            if header & DISCARDED == 0 {
                // SAFETY: a complete record lies within the data and its second copy, and the kernel does not write it
                // again before we give its room back below.
                each(unsafe { std::slice::from_raw_parts(self.producer.start.add(start + HEADER).as_ptr(), len) });
            }
            at += (len + HEADER).next_multiple_of(8) as u64;
            read.store(at, Ordering::Release);
        }
    }
}
