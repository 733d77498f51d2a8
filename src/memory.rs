//! What the allocator of the C library keeps to itself.

/// What is larger is a mapping of its own, bytes. Left to itself, glibc raises this with each such block that is freed, up to 32 MiB.
const OWN_MAPPING: i32 = 1 << 20;
/// What may lie unused at the end of a heap, bytes.
const UNUSED: i32 = 1 << 20;
/// Heaps; glibc makes eight for each CPU, and what one thread has freed another one does not find.
const HEAPS: i32 = 2;

/// Has memory that a burst took given back to the system when it is over: a tick of 20,000 events takes megabytes, and each view has a
/// thread of its own. Halves what nine views keep after bursts. To be called before there are threads.
pub fn give_back() {
    // What is refused stays as it was: none of this has to be so.
    // SAFETY: takes numbers, and changes when memory is given back, never what is in use.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING);
        libc::mallopt(libc::M_TRIM_THRESHOLD, UNUSED);
        libc::mallopt(libc::M_ARENA_MAX, HEAPS);
    }
}
