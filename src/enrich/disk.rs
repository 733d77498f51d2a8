//! Disk numbers to names.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::bounded::Bounded;

/// A device may be removed and its number given to another one.
const RECHECK: Duration = Duration::from_secs(5);

/// Names of disks, as `/proc/diskstats` writes them.
pub struct Disks {
    links: PathBuf,
    known: Bounded<u32, Disk>,
}

struct Disk {
    name: Box<[u8]>,
    checked: Instant,
}

impl Disks {
    /// Names found through the links `MAJ:MIN` in `links`: `/sys/dev/block`.
    pub fn new(links: impl Into<PathBuf>) -> Disks {
        Disks { links: links.into(), known: Bounded::new(4096) }
    }

    /// The name of the kernel's `dev`, `MAJ:MIN` if the kernel tells no name.
    ///
    /// A device that is gone keeps the name it had: its last requests are still being shown.
    pub fn name(&mut self, dev: u32, now: Instant) -> &[u8] {
        let number = format!("{}:{}", dev >> 20, dev & 0xf_ffff);
        let fresh = self.known.get(dev).is_some_and(|disk| now.saturating_duration_since(disk.checked) < RECHECK);
        if !fresh {
            let found = link_name(&self.links.join(&number));
            match (found, self.known.get(dev)) {
                (Some(name), _) => self.known.insert(dev, Disk { name, checked: now }),
                (None, Some(disk)) => disk.checked = now,
                (None, None) => self.known.insert(dev, Disk { name: number.into_bytes().into(), checked: now }),
            }
        }
        self.known.get(dev).map_or(b"", |disk| &disk.name)
    }
}

/// What the link points to; sysfs writes `!` for the `/` in names such as `cciss/c0d0`.
fn link_name(link: &Path) -> Option<Box<[u8]>> {
    let target = std::fs::read_link(link).ok()?;
    let name = target.file_name()?.as_bytes();
    Some(name.iter().map(|&byte| if byte == b'!' { b'/' } else { byte }).collect())
}

/// The device number of a whole disk, as programs have it.
///
/// # Errors
/// There is no such disk, or it is a part of one.
pub fn number(name: &str) -> Result<i64, String> {
    number_in(Path::new("/sys/class/block"), name)
}

fn number_in(disks: &Path, name: &str) -> Result<i64, String> {
    let none = || format!("there is no disk {name}: /proc/diskstats lists what there is");
    let entry = name.strip_prefix("/dev/").unwrap_or(name).replace('/', "!");
    if matches!(entry.as_str(), "" | "." | "..") {
        return Err(none());
    }
    let disk = disks.join(entry);
    let dev = std::fs::read_to_string(disk.join("dev")).map_err(|_| none())?;
    if disk.join("partition").exists() {
        return Err(format!("{name} is a part of a disk, and requests are told by the whole one"));
    }
    let (major, minor) = dev.trim().split_once(':').ok_or_else(none)?;
    match (major.parse::<u32>(), minor.parse::<u32>()) {
        (Ok(major), Ok(minor)) => Ok(i64::from(major << 20 | minor)),
        _ => Err(none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn numbers_become_names_and_a_reused_number_gets_its_new_name() {
        let dir = tempfile::tempdir().expect("a directory");
        symlink("../../devices/pci/virtio0/block/vda", dir.path().join("254:0")).expect("a link");
        symlink("../../devices/cciss/block/cciss!c0d0", dir.path().join("104:16")).expect("a link");
        let mut disks = Disks::new(dir.path());
        let start = Instant::now();
        assert_eq!(disks.name(254 << 20, start), b"vda");
        assert_eq!(disks.name(104 << 20 | 16, start), b"cciss/c0d0");
        assert_eq!(disks.name(7 << 20 | 3, start), b"7:3");

        std::fs::remove_file(dir.path().join("254:0")).expect("removed");
        assert_eq!(disks.name(254 << 20, start + RECHECK), b"vda", "the last requests of a removed disk");
        symlink("../../devices/pci/virtio9/block/vdz", dir.path().join("254:0")).expect("a link");
        symlink("../../devices/virtual/block/loop3", dir.path().join("7:3")).expect("a link");
        assert_eq!(disks.name(254 << 20, start + RECHECK), b"vda", "not looked at again at once");
        assert_eq!(disks.name(254 << 20, start + RECHECK * 2), b"vdz");
        assert_eq!(disks.name(7 << 20 | 3, start + RECHECK * 2), b"loop3");
    }

    #[test]
    fn a_disk_is_found_by_its_name_and_a_part_of_one_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        for (disk, dev) in [("vda", "254:0\n"), ("cciss!c0d0", "104:16\n"), ("vda1", "254:1\n")] {
            std::fs::create_dir(dir.path().join(disk)).expect("a directory");
            std::fs::write(dir.path().join(disk).join("dev"), dev).expect("written");
        }
        std::fs::write(dir.path().join("vda1/partition"), "1\n").expect("written");
        assert_eq!(number_in(dir.path(), "vda"), Ok(254 << 20));
        assert_eq!(number_in(dir.path(), "/dev/vda"), Ok(254 << 20));
        assert_eq!(number_in(dir.path(), "cciss/c0d0"), Ok(104 << 20 | 16));
        assert!(number_in(dir.path(), "vda1").unwrap_err().contains("whole"));
        for none in ["", "..", "vdb", "../vda/x"] {
            assert!(number_in(dir.path(), none).unwrap_err().contains("no disk"), "{none}");
        }
    }
}
