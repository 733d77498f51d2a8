//! From maps to flat bytes. Buffers are reused; nothing is read while a program writes it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::sys::{self, BatchToken};
use crate::frame::Lost;

/// Entries asked for at once. A bucket of a hash with a bound holds a few: growing is rare.
const BATCH: u32 = 4096;

/// Keys and values of one half, one after the other. The buffers only grow: what lies behind
/// `count` entries is left from an earlier read.
#[derive(Default)]
pub struct RawRows {
    /// At least `count` keys, if there are keys.
    pub keys: Vec<u8>,
    /// At least `count` values.
    pub values: Vec<u8>,
    /// Number of entries. For a per-CPU value: one for each CPU, without keys. For a per-CPU array: one for each number
    /// and CPU that has data, the key being those two.
    pub count: usize,
    /// Whether entries have keys.
    pub keyed: bool,
}

fn grow(buffer: &mut Vec<u8>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
}

/// The two halves of a view's data.
pub enum Halves {
    /// Two hash maps.
    Hash {
        /// Half 0 and half 1.
        maps: [OwnedFd; 2],
        /// Size of a key, bytes.
        key_size: usize,
        /// Size of a value, bytes.
        value_size: usize,
        /// Entries that a half can hold.
        capacity: u32,
    },
    /// A per-CPU array of two entries.
    PerCpu {
        /// The map.
        map: OwnedFd,
        /// Size of a value, bytes.
        value_size: usize,
        /// Possible CPUs.
        cpus: usize,
    },
    /// A per-CPU array with the entries of half 0 before those of half 1.
    Array {
        /// The map.
        map: OwnedFd,
        /// Size of a value, bytes.
        value_size: usize,
        /// Possible CPUs.
        cpus: usize,
        /// Entries of a half.
        size: u32,
    },
}

impl Halves {
    /// Reads and empties half `half`, which must be idle.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn drain(&self, half: u32, rows: &mut RawRows) -> io::Result<()> {
        rows.count = 0;
        rows.keyed = !matches!(self, Halves::PerCpu { .. });
        match self {
            Halves::Hash { maps, key_size, value_size, .. } => {
                drain_hash(&maps[half as usize & 1], *key_size, *value_size, rows)
            }
            Halves::PerCpu { map, value_size, cpus } => drain_per_cpu(map, half, *value_size, *cpus, rows),
            Halves::Array { map, value_size, cpus, size } => {
                let entries = (half & 1) * size..((half & 1) + 1) * size;
                drain_array(map, entries, *value_size, *cpus, rows)
            }
        }
    }

    /// Entries that a half can hold; 0 if it cannot fill up.
    pub fn capacity(&self) -> u64 {
        match self {
            Halves::Hash { capacity, .. } => u64::from(*capacity),
            Halves::PerCpu { .. } | Halves::Array { .. } => 0,
        }
    }
}

/// A short batch is not the last one: only ENOENT says so.
fn drain_hash(map: &OwnedFd, key_size: usize, value_size: usize, rows: &mut RawRows) -> io::Result<()> {
    let mut batch = BATCH;
    let mut token: BatchToken = [0; 8];
    let mut next: BatchToken = [0; 8];
    let mut first = true;
    loop {
        let (keys, values) = (rows.count * key_size, rows.count * value_size);
        grow(&mut rows.keys, keys + batch as usize * key_size);
        grow(&mut rows.values, values + batch as usize * value_size);
        let from = (!first).then_some(&mut token);
        match sys::drain_batch(map.as_fd(), from, &mut next, &mut rows.keys[keys..], &mut rows.values[values..], batch)
        {
            Ok(step) => {
                rows.count += step.count as usize;
                if !step.more {
                    break;
                }
                (token, first) = (next, false);
            }
            Err(error) if error.raw_os_error() == Some(libc::ENOSPC) && batch < 1 << 20 => batch *= 2,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn drain_per_cpu(map: &OwnedFd, half: u32, value_size: usize, cpus: usize, rows: &mut RawRows) -> io::Result<()> {
    // The kernel rounds each CPU's value up to 8 bytes.
    let stride = value_size.next_multiple_of(8);
    let key = (half & 1).to_ne_bytes();
    grow(&mut rows.values, stride * cpus);
    sys::lookup(map.as_fd(), &key, &mut rows.values)?;
    let zeros = vec![0; stride * cpus];
    sys::update(map.as_fd(), &key, &zeros)?;
    for cpu in 1..cpus {
        rows.values.copy_within(cpu * stride..cpu * stride + value_size, cpu * value_size);
    }
    rows.count = cpus;
    Ok(())
}

/// What is all zero says nothing: there is no row for it.
fn drain_array(
    map: &OwnedFd,
    entries: std::ops::Range<u32>,
    value_size: usize,
    cpus: usize,
    rows: &mut RawRows,
) -> io::Result<()> {
    let stride = value_size.next_multiple_of(8);
    let (mut values, zeros) = (vec![0; stride * cpus], vec![0; stride * cpus]);
    rows.keys.clear();
    rows.values.clear();
    for (number, entry) in (0u32..).zip(entries) {
        let key = entry.to_ne_bytes();
        sys::lookup(map.as_fd(), &key, &mut values)?;
        if values == zeros {
            continue;
        }
        sys::update(map.as_fd(), &key, &zeros)?;
        for (cpu, value) in (0u32..).zip(values.chunks_exact(stride)) {
            let value = &value[..value_size];
            if value.iter().any(|&byte| byte != 0) {
                rows.keys.extend([number.to_ne_bytes(), cpu.to_ne_bytes()].concat());
                rows.values.extend(value);
                rows.count += 1;
            }
        }
    }
    Ok(())
}

/// The counters that maps.h keeps of what a program could not record.
pub struct LostCounters {
    map: OwnedFd,
    cpus: usize,
    before: [u64; KINDS],
}

/// `enum lost_kind` of maps.h.
const KINDS: usize = 5;

impl LostCounters {
    /// The counters in the map `lost`.
    pub fn new(map: OwnedFd, cpus: usize) -> LostCounters {
        LostCounters { map, cpus, before: [0; KINDS] }
    }

    /// What was lost since the last call.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn read(&mut self) -> io::Result<Lost> {
        let mut delta = [0u64; KINDS];
        let mut values = vec![0; 8 * self.cpus];
        for (kind, (delta, before)) in delta.iter_mut().zip(&mut self.before).enumerate() {
            sys::lookup(self.map.as_fd(), &(kind as u32).to_ne_bytes(), &mut values)?;
            let numbers = values.chunks_exact(8).filter_map(|n| n.try_into().ok()).map(u64::from_ne_bytes);
            let now = numbers.fold(0, u64::wrapping_add);
            *delta = now.wrapping_sub(*before);
            *before = now;
        }
        let [events, map_full, stacks, unattributed, truncated] = delta;
        Ok(Lost { events, map_full, stacks, unattributed, truncated, ..Lost::default() })
    }
}
