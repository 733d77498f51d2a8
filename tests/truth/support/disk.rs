//! Disks that may be written all over.

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use super::ok;

/// From include/uapi/linux/loop.h.
const LOOP_SET_FD: libc::c_ulong = 0x4C00;
const LOOP_CLR_FD: libc::c_ulong = 0x4C01;
const LOOP_CTL_GET_FREE: libc::c_ulong = 0x4C82;

/// A disk without anything on it.
pub struct Disk {
    /// `/dev/NAME`.
    pub path: PathBuf,
    /// Its name in `/proc/diskstats`.
    pub name: String,
    /// For a loop device, which is given back in the end.
    device: Option<File>,
}

/// What `/sys/block/NAME/stat` counts.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// Reads completed, and their bytes.
    pub reads: [u64; 2],
    /// Writes completed, and their bytes.
    pub writes: [u64; 2],
    /// How long they all took together, from when the kernel made the request to when it was done, ms.
    pub ticks: u64,
}

impl Disk {
    /// The disk named by `BCC_TOP_SCRATCH_DISK`, else a loop device over a new file of `bytes`.
    pub fn scratch(bytes: u64) -> Disk {
        match std::env::var("BCC_TOP_SCRATCH_DISK") {
            Ok(path) => Disk { name: name_of(Path::new(&path)), path: path.into(), device: None },
            Err(_) => Disk::over_file(bytes),
        }
    }

    /// A loop device over a file that is gone when the device is.
    pub fn over_file(bytes: u64) -> Disk {
        let backing = tempfile::tempfile_in(super::files::scratch()).expect("a file");
        backing.set_len(bytes).expect("room for a disk");
        let control = OpenOptions::new().read(true).write(true).open("/dev/loop-control").expect("loop devices");
        // Another process may take the same one first.
        for _ in 0..20 {
            // SAFETY: this ioctl has no argument.
            let number = ok("LOOP_CTL_GET_FREE", unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE as _) });
            let path = PathBuf::from(format!("/dev/loop{number}"));
            let device = OpenOptions::new().read(true).write(true).open(&path).expect("a loop device");
            // SAFETY: its argument is a descriptor, which is open.
            if unsafe { libc::ioctl(device.as_raw_fd(), LOOP_SET_FD as _, backing.as_raw_fd()) } == 0 {
                return Disk { name: name_of(&path), path, device: Some(device) };
            }
        }
        panic!("no loop device to be had: {}", std::io::Error::last_os_error());
    }

    /// The name of another disk, which nobody here uses.
    pub fn another(&self) -> String {
        let names = std::fs::read_dir("/sys/block").expect("sysfs").flatten().map(|disk| disk.file_name());
        let mut names = names.map(|name| name.to_string_lossy().replace('!', "/"));
        names.find(|name| *name != self.name).expect("another disk")
    }

    /// What the kernel has counted.
    pub fn stats(&self) -> Stats {
        let text = std::fs::read_to_string(format!("/sys/block/{}/stat", self.name)).expect("statistics");
        let fields: Vec<u64> = text.split_whitespace().map(|field| field.parse().expect("a number")).collect();
        let ticks = fields[3] + fields[7];
        Stats { reads: [fields[0], fields[2] * 512], writes: [fields[4], fields[6] * 512], ticks }
    }

    /// Has an I/O scheduler between submission and issue.
    pub fn set_scheduler(&self, name: &str) {
        let file = format!("/sys/block/{}/queue/scheduler", self.name);
        std::fs::write(&file, name).unwrap_or_else(|error| panic!("{file}: {name}: {error}"));
    }
}

impl Stats {
    /// What was counted since `before`.
    pub fn since(self, before: Stats) -> Stats {
        let less = |now: [u64; 2], then: [u64; 2]| [now[0] - then[0], now[1] - then[1]];
        let ticks = self.ticks - before.ticks;
        Stats { reads: less(self.reads, before.reads), writes: less(self.writes, before.writes), ticks }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Some(device) = &self.device {
            // SAFETY: this ioctl has no argument that matters; if it fails the device stays, no more.
            unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CLR_FD as _, 0) };
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().expect("a device").to_string_lossy().into_owned()
}
