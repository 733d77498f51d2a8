//! From a path to the filesystem that it is on.

use rustix::fs::{AtFlags, CWD, StatxFlags};

/// The device of the filesystem that a path is on, as programs have it (`s_dev` of its super block); `magic` is what the super blocks of the
/// wanted filesystem have.
///
/// `st_dev` is not it everywhere: Btrfs has one of its own for each subvolume, and mountinfo has that of the super block.
///
/// # Errors
/// There is no such path, or it is on another kind of filesystem.
pub fn device(path: &str, magic: Option<u64>) -> Result<i64, String> {
    let failed = |error: rustix::io::Errno| format!("{path}: {error}");
    let kind = rustix::fs::statfs(path).map_err(failed)?;
    if magic.is_some_and(|magic| magic != u64::from_ne_bytes(kind.f_type.to_ne_bytes())) {
        return Err(format!("{path} is on another kind of filesystem: /proc/mounts lists what is mounted"));
    }
    let found = rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).map_err(failed)?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").map_err(|error| format!("mountinfo: {error}"))?;
    of_mount(&mounts, found.stx_mnt_id).ok_or_else(|| format!("{path} is on no mount that is to be seen here"))
}

/// The constants of a program that is narrowed to the directory of a setting: see path.h.
pub fn directory_filters(setting: &str) -> [String; 2] {
    ["inode", "device"].map(|what| format!("filter_{setting}_{what}"))
}

/// What these are for a directory: its inode number, and the device of its filesystem.
///
/// # Errors
/// There is no such path, or it is no directory.
pub fn directory(path: &str) -> Result<[i64; 2], String> {
    let found = rustix::fs::stat(path).map_err(|error| format!("{path}: {error}"))?;
    if !rustix::fs::FileType::from_raw_mode(found.st_mode).is_dir() {
        return Err(format!("{path} is no directory"));
    }
    Ok([i64::from_ne_bytes(found.st_ino.to_ne_bytes()), device(path, None)?])
}

/// Lines begin with `ID PARENT MAJOR:MINOR`.
fn of_mount(mounts: &str, id: u64) -> Option<i64> {
    let line = mounts.lines().find(|line| line.split(' ').next().and_then(|word| word.parse().ok()) == Some(id))?;
    let (major, minor) = line.split(' ').nth(2)?.split_once(':')?;
    Some(i64::from(major.parse::<u32>().ok()? << 20 | minor.parse::<u32>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_of_a_mount_is_found_by_its_number() {
        let mounts = "21 1 254:1 / / rw - ext4 /dev/vda1 rw\n\
            36 21 0:31 /@home /home rw - btrfs /dev/vdb rw\n";
        assert_eq!(of_mount(mounts, 36), Some(31));
        assert_eq!(of_mount(mounts, 21), Some(254 << 20 | 1));
        assert_eq!((of_mount(mounts, 3), of_mount("", 1)), (None, None));
    }

    #[test]
    fn a_path_that_is_elsewhere_is_refused() {
        assert!(device("/proc", Some(0x9fa0)).is_ok());
        assert!(device("/proc", Some(0xEF53)).unwrap_err().contains("another kind"));
        assert!(device("/proc/nothing/there", None).is_err());
    }
}
