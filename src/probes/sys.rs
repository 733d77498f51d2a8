//! Calls of the kernel's BPF interface that libbpf-rs does not offer, or not right.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use rustix::thread::CapabilitySet;

use crate::privilege::rights::{as_user, raised};

/// `ENOTSUPP`, which the kernel leaks to user space and libc does not know.
pub const ENOTSUPP: i32 = 524;

/// One step of a batch read.
pub struct Batch {
    /// Entries that were read.
    pub count: u32,
    /// Whether there are more.
    pub more: bool,
}

/// Where a batch read goes on; the kernel keeps a bucket number in it.
pub type BatchToken = [u8; 8];

/// Reads and deletes up to `count` entries of a hash map. `keys` and `values` must hold that many.
///
/// # Errors
/// `ENOSPC` if one bucket holds more than `count` entries: grow and call again with the same token.
pub fn drain_batch(
    map: BorrowedFd<'_>,
    from: Option<&mut BatchToken>,
    to: &mut BatchToken,
    keys: &mut [u8],
    values: &mut [u8],
    count: u32,
) -> io::Result<Batch> {
    let mut n = count;
    let from = from.map_or(ptr::null_mut(), |token| token.as_mut_ptr().cast());
    // SAFETY: both buffers hold `count` entries of the map's sizes (the caller made them for this
    // map), the token is as large as the largest key the kernel would copy into it for a hash
    // (4 bytes), and all outlive the call.
    let err = unsafe {
        libbpf_sys::bpf_map_lookup_and_delete_batch(
            map.as_raw_fd(),
            from,
            to.as_mut_ptr().cast(),
            keys.as_mut_ptr().cast(),
            values.as_mut_ptr().cast(),
            &mut n,
            ptr::null(),
        )
    };
    match -err {
        0 => Ok(Batch { count: n, more: true }),
        libc::ENOENT => Ok(Batch { count: n, more: false }),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// Looks one entry up; for per-CPU maps `value` holds one value, rounded up to 8, for each
/// possible CPU.
///
/// # Errors
/// What the kernel says; `ENOENT` if there is no such key.
pub fn lookup(map: BorrowedFd<'_>, key: &[u8], value: &mut [u8]) -> io::Result<()> {
    // SAFETY: key and value have the map's sizes (the caller made them for this map).
    let err =
        unsafe { libbpf_sys::bpf_map_lookup_elem(map.as_raw_fd(), key.as_ptr().cast(), value.as_mut_ptr().cast()) };
    errno(err)
}

/// Sets one entry; sizes as for [`lookup`].
///
/// # Errors
/// What the kernel says.
pub fn update(map: BorrowedFd<'_>, key: &[u8], value: &[u8]) -> io::Result<()> {
    // SAFETY: as for `lookup`.
    let err =
        unsafe { libbpf_sys::bpf_map_update_elem(map.as_raw_fd(), key.as_ptr().cast(), value.as_ptr().cast(), 0) };
    errno(err)
}

fn errno(err: i32) -> io::Result<()> {
    if err == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-err)) }
}

/// Number of possible CPUs, which is what per-CPU values are made for.
///
/// # Errors
/// If /sys cannot be read.
pub fn possible_cpus() -> io::Result<usize> {
    // SAFETY: no arguments, no state.
    let n = unsafe { libbpf_sys::libbpf_num_possible_cpus() };
    if n > 0 { Ok(n as usize) } else { Err(io::Error::from_raw_os_error(-n)) }
}

/// Waits until every BPF program that was running has ended.
///
/// Replacing the inner map of a map in map makes the kernel wait for a grace period, so that user
/// space may rely on it (`maybe_wait_bpf_programs`). membarrier(GLOBAL) would do on several CPUs,
/// but returns at once on one, where a preempted program can still be in the middle.
pub struct Barrier {
    outer: OwnedFd,
    inner: OwnedFd,
}

impl Barrier {
    /// Makes the two little maps.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new() -> io::Result<Barrier> {
        let inner = create_map(libbpf_sys::BPF_MAP_TYPE_ARRAY, c"barrier_inner", None)?;
        let outer = create_map(libbpf_sys::BPF_MAP_TYPE_ARRAY_OF_MAPS, c"barrier", Some(&inner))?;
        Ok(Barrier { outer, inner })
    }

    /// Waits.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn wait(&self) -> io::Result<()> {
        use std::os::fd::AsFd;
        update(self.outer.as_fd(), &0u32.to_ne_bytes(), &self.inner.as_raw_fd().to_ne_bytes())
    }
}

fn create_map(kind: u32, name: &std::ffi::CStr, inner: Option<&OwnedFd>) -> io::Result<OwnedFd> {
    // SAFETY: zero is a valid value for every field of the options.
    let mut options: libbpf_sys::bpf_map_create_opts = unsafe { std::mem::zeroed() };
    options.sz = size_of_val(&options) as libbpf_sys::size_t;
    if let Some(inner) = inner {
        options.inner_map_fd = inner.as_raw_fd() as u32;
    }
    // SAFETY: name and options outlive the call.
    let fd = unsafe { libbpf_sys::bpf_map_create(kind, name.as_ptr(), 4, 4, 1, &options) };
    // SAFETY: a non-negative result is a new descriptor that is ours.
    if fd >= 0 { Ok(unsafe { OwnedFd::from_raw_fd(fd) }) } else { Err(io::Error::from_raw_os_error(-fd)) }
}

/// Run-time statistics of the kernel for all BPF programs; on while the descriptor lives.
///
/// # Errors
/// `EPERM` without CAP_SYS_ADMIN.
pub fn enable_stats() -> io::Result<OwnedFd> {
    // SAFETY: numbers only.
    let switch_on = || unsafe { libbpf_sys::bpf_enable_stats(libbpf_sys::BPF_STATS_RUN_TIME) };
    let fd = raised(CapabilitySet::SYS_ADMIN, switch_on);
    // SAFETY: a non-negative result is a new descriptor that is ours.
    if fd >= 0 { Ok(unsafe { OwnedFd::from_raw_fd(fd) }) } else { Err(io::Error::from_raw_os_error(-fd)) }
}

/// What the kernel counted for one program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramCounters {
    /// CPU time of its runs, ns, while statistics were on.
    pub run_time_ns: u64,
    /// Its runs while statistics were on.
    pub runs: u64,
    /// Runs skipped because it was running on that CPU already; always counted (since 5.12).
    pub misses: u64,
}

/// Reads a program's counters.
///
/// # Errors
/// What the kernel says.
pub fn program_counters(program: BorrowedFd<'_>) -> io::Result<ProgramCounters> {
    // SAFETY: zero is a valid value for every field.
    let mut info: libbpf_sys::bpf_prog_info = unsafe { std::mem::zeroed() };
    let mut len = size_of_val(&info) as u32;
    // SAFETY: `info` is `len` bytes; the kernel writes at most that many.
    let err = unsafe { libbpf_sys::bpf_obj_get_info_by_fd(program.as_raw_fd(), (&raw mut info).cast(), &mut len) };
    errno(err)?;
    Ok(ProgramCounters { run_time_ns: info.run_time_ns, runs: info.run_cnt, misses: info.recursion_misses })
}

/// Opens a perf event of all processes on one CPU.
///
/// # Errors
/// What the kernel says.
pub fn open_perf_event(attr: &libbpf_sys::perf_event_attr, cpu: u32) -> io::Result<OwnedFd> {
    let (cpu, none) = (libc::c_int::try_from(cpu).map_err(io::Error::other)?, -1);
    // SAFETY: `attr` is as large as it says and, with what it points to, outlives the call; a result that is no error is a
    // new descriptor of ours.
    unsafe {
        let flags = libc::c_ulong::from(libbpf_sys::PERF_FLAG_FD_CLOEXEC);
        let fd = libc::syscall(libc::SYS_perf_event_open, ptr::from_ref(attr), none, cpu, none, flags);
        let fd = i32::try_from(fd).map_err(io::Error::other)?;
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

/// Has `program` run at each hit of `event`, for as long as that is open.
///
/// # Errors
/// What the kernel says.
pub fn run_at(event: &OwnedFd, program: &OwnedFd) -> io::Result<()> {
    const SET_BPF: libc::c_ulong = 0x4004_2408; // PERF_EVENT_IOC_SET_BPF
    const ENABLE: libc::c_ulong = 0x2400; // PERF_EVENT_IOC_ENABLE
    for (request, argument) in [(SET_BPF, program.as_raw_fd()), (ENABLE, 0)] {
        // SAFETY: two open descriptors; neither request has a pointer.
        if unsafe { libc::ioctl(event.as_raw_fd(), request as _, argument) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// CPU time that this thread has used, ns.
pub fn thread_cpu_ns() -> u64 {
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    cpu.tv_sec as u64 * 1_000_000_000 + cpu.tv_nsec as u64
}

/// A file that is only in memory.
///
/// # Errors
/// If there is no memory.
pub fn memory_file(bytes: &[u8]) -> io::Result<OwnedFd> {
    use std::io::Write;
    let fd = rustix::fs::memfd_create("bcc-top", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut file = std::fs::File::from(fd);
    file.write_all(bytes)?;
    Ok(file.into())
}

/// The bytes of a file: mapped where that is possible, else read. sysfs gives out 4 KiB for each
/// read, which makes 1,350 calls of the kernel's BTF; it can be mapped since 6.16.
pub enum FileBytes {
    /// Mapped read-only.
    Mapped {
        /// Where.
        start: std::ptr::NonNull<u8>,
        /// How much.
        len: usize,
    },
    /// Read.
    Read(Vec<u8>),
}

impl FileBytes {
    /// Opens the file.
    ///
    /// # Errors
    /// If it cannot be opened or read.
    pub fn open(path: &std::path::Path) -> io::Result<FileBytes> {
        use rustix::mm::{MapFlags, ProtFlags, mmap};
        if !path.starts_with("/sys/") {
            // A user's file may be cut off while it is mapped, and is read with the user's own rights.
            return Ok(FileBytes::Read(as_user(|| std::fs::read(path))?));
        }
        let file = std::fs::File::open(path)?;
        let len = file.metadata()?.len() as usize;
        // SAFETY: a fresh private read-only mapping aliases nothing; the kernel's BTF does not change.
        let mapped = unsafe { mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE, &file, 0) };
        match mapped.ok().and_then(|start| std::ptr::NonNull::new(start.cast())) {
            Some(start) => Ok(FileBytes::Mapped { start, len }),
            None => Ok(FileBytes::Read(std::fs::read(path)?)),
        }
    }
}

impl std::ops::Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            // SAFETY: mapped for `len` bytes as long as `self` lives.
            FileBytes::Mapped { start, len } => unsafe { std::slice::from_raw_parts(start.as_ptr(), *len) },
            FileBytes::Read(bytes) => bytes,
        }
    }
}

impl Drop for FileBytes {
    fn drop(&mut self) {
        if let FileBytes::Mapped { start, len } = self {
            // SAFETY: the mapping is ours, and no slice of it outlives `self`.
            let _ = unsafe { rustix::mm::munmap(start.as_ptr().cast(), *len) };
        }
    }
}
