//! Control group ids to paths.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirEntryExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::thread::CapabilitySet;

use super::escape::unescape;
use crate::privilege::rights::raised;

/// A host with more groups than this gets some of them unnamed when handles are refused.
const MAX_WALK: usize = 20_000;

/// The mounted v2 hierarchy.
pub struct Hierarchy {
    mount: Mount,
    /// The mount's directory, held open to resolve handles in it.
    dir: File,
    /// Set once the kernel refused a handle; then the tree is walked.
    refused: bool,
}

/// Where a cgroup v2 hierarchy is mounted, and which part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    point: PathBuf,
    root: Vec<u8>,
}

/// What a look-up found.
pub enum Found {
    /// Its path.
    Path(Vec<u8>),
    /// No such group.
    Nothing,
    /// Handles are not permitted: walk the tree.
    Refused,
}

impl Hierarchy {
    /// The hierarchy that this process sees, if there is one.
    pub fn open() -> Option<Hierarchy> {
        let mount = find_mount(&std::fs::read("/proc/self/mountinfo").ok()?)?;
        let dir = File::options().read(true).custom_flags(libc::O_DIRECTORY).open(&mount.point).ok()?;
        Some(Hierarchy { mount, dir, refused: false })
    }

    /// The path of the group `id`, by asking the kernel.
    pub fn by_handle(&mut self, id: u64) -> Found {
        if self.refused {
            return Found::Refused;
        }
        match open_by_id(&self.dir, id) {
            Ok(found) => match std::fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd())) {
                Ok(path) if !path.as_os_str().as_bytes().ends_with(b" (deleted)") => {
                    self.mount.path(&path).map_or(Found::Nothing, Found::Path)
                }
                _ => Found::Nothing,
            },
            // ESTALE: no such group, or not below this mount.
            Err(error) if error.raw_os_error() == Some(libc::ESTALE) => Found::Nothing,
            // CAP_DAC_READ_SEARCH is missing, or a kernel before 5.5 has other handles.
            Err(_) => {
                self.refused = true;
                Found::Refused
            }
        }
    }

    /// Every group's id and path, `MAX_WALK` at most, those near the root first.
    pub fn walk(&self) -> Vec<(u64, Vec<u8>)> {
        walk(&self.mount)
    }
}

/// Id and level of the group that a user names: by its path as `/proc/PID/cgroup` shows it, or by
/// its directory.
///
/// # Errors
/// A sentence if there is no such group, or if its level cannot be known: in a cgroup namespace
/// the root is not the hierarchy's.
pub fn of_name(name: &str) -> Result<(u64, i64), String> {
    use std::os::unix::fs::MetadataExt;
    // PROC_CGROUP_INIT_INO
    if std::fs::read_link("/proc/self/ns/cgroup").is_ok_and(|ns| ns.as_os_str() != "cgroup:[4026531835]") {
        return Err(format!("cgroup {name}: this is a cgroup namespace; run it on the host to filter by cgroup"));
    }
    let mountinfo = std::fs::read("/proc/self/mountinfo").map_err(|e| format!("/proc/self/mountinfo: {e}"))?;
    let mount = find_mount(&mountinfo).ok_or("there is no cgroup v2 mount on this host")?;
    let below = Path::new(name).strip_prefix(&mount.point).unwrap_or(Path::new(name));
    let normal = |c: &std::path::Component<'_>| matches!(c, std::path::Component::Normal(_));
    let below: PathBuf = below.components().filter(normal).collect();
    let path = mount.point.join(&below);
    let meta = std::fs::metadata(&path).map_err(|e| format!("cgroup {name}: {}: {e}", path.display()))?;
    Ok((meta.ino(), below.components().count() as i64))
}

impl Mount {
    /// A path below the mount as `/proc/PID/cgroup` writes it.
    fn path(&self, full: &Path) -> Option<Vec<u8>> {
        let below = full.strip_prefix(&self.point).ok()?.as_os_str().as_bytes();
        let mut path = self.root.clone();
        if path.is_empty() || !below.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(below);
        Some(path)
    }
}

/// Breadth first: the id of a group is the inode number of its directory.
fn walk(mount: &Mount) -> Vec<(u64, Vec<u8>)> {
    use std::os::unix::fs::MetadataExt;
    let mut groups = Vec::new();
    let mut waiting = std::collections::VecDeque::new();
    if let Ok(meta) = std::fs::metadata(&mount.point) {
        waiting.push_back((meta.ino(), mount.point.clone()));
    }
    while let Some((id, dir)) = waiting.pop_front() {
        if groups.len() >= MAX_WALK {
            break;
        }
        groups.extend(mount.path(&dir).map(|path| (id, path)));
        // A group removed meanwhile is no error.
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        let dirs = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        waiting.extend(dirs.map(|entry| (entry.ino(), entry.path())));
    }
    groups
}

/// `struct file_handle` with the 64-bit id that kernfs_fh_to_dentry() takes.
#[repr(C)]
struct Handle {
    bytes: u32,
    kind: i32,
    id: [u8; 8],
}

/// FILEID_KERNFS in include/linux/exportfs.h.
const FILEID_KERNFS: i32 = 0xfe;

fn open_by_id(dir: &File, id: u64) -> std::io::Result<File> {
    let mut handle = Handle { bytes: 8, kind: FILEID_KERNFS, id: id.to_ne_bytes() };
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    // SAFETY: Handle has the layout of struct file_handle with 8 bytes of handle, as `bytes` says,
    // and lives until the call returns; the kernel only reads it.
    let open = || unsafe { libc::open_by_handle_at(dir.as_raw_fd(), (&raw mut handle).cast(), flags) };
    let fd = raised(CapabilitySet::DAC_READ_SEARCH, open);
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: fd was just returned to us and nobody else owns it.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// The v2 mount in a mountinfo text; one that shows the whole hierarchy is preferred.
///
/// Hybrid hosts have it at `/sys/fs/cgroup/unified`.
fn find_mount(mountinfo: &[u8]) -> Option<Mount> {
    let mut mounts = mountinfo.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut fields = line.split(|&byte| byte == b' ');
        let root = octal(fields.nth(3)?);
        let point = octal(fields.next()?);
        let kind = fields.skip_while(|&field| field != b"-").nth(1)?;
        // In a control group namespace the root may lie above what we see: `/../..`.
        let root = if root == b"/" || root.starts_with(b"/..") { Vec::new() } else { root };
        (kind == b"cgroup2").then(|| Mount { point: OsString::from_vec(point).into(), root })
    });
    let first = mounts.next()?;
    if first.root.is_empty() { Some(first) } else { mounts.find(|mount| mount.root.is_empty()).or(Some(first)) }
}

/// Undoes mountinfo's escapes: `\040` is a space.
fn octal(field: &[u8]) -> Vec<u8> {
    unescape(field, |digits| u8::from_str_radix(digits, 8).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn mount(text: &str) -> Option<(String, String)> {
        let mount = find_mount(text.as_bytes())?;
        Some((mount.point.display().to_string(), String::from_utf8(mount.root).expect("text")))
    }

    #[test]
    fn the_v2_mount_is_found_on_every_layout() {
        let v1 = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
            32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n";
        let hybrid = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 master:2 - cgroup2 cgroup2 rw\n";
        let pure = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
        let bound = "99 1 0:30 /a/b /mnt/my\\040groups rw - cgroup2 none rw\n";
        assert_eq!(mount(v1), None);
        let found = |point: &str, root: &str| Some((point.to_owned(), root.to_owned()));
        assert_eq!(mount(&format!("{v1}{hybrid}")), found("/sys/fs/cgroup/unified", ""));
        assert_eq!(mount(pure), found("/sys/fs/cgroup", ""));
        assert_eq!(mount(bound), found("/mnt/my groups", "/a/b"));
        assert_eq!(mount(&format!("{bound}{pure}")), found("/sys/fs/cgroup", ""));
        assert_eq!(mount("99 1 0:30 /../.. /cg rw - cgroup2 none rw\n"), found("/cg", ""));
        assert_eq!(mount("nonsense\n\n1 2\n"), None);
    }

    #[test]
    fn paths_are_those_of_proc_pid_cgroup() {
        let whole = Mount { point: "/sys/fs/cgroup".into(), root: Vec::new() };
        assert_eq!(whole.path(Path::new("/sys/fs/cgroup")).as_deref(), Some(&b"/"[..]));
        assert_eq!(whole.path(Path::new("/sys/fs/cgroup/a.slice/b")).as_deref(), Some(&b"/a.slice/b"[..]));
        assert_eq!(whole.path(Path::new("/elsewhere")), None);
        let part = Mount { point: "/cg".into(), root: b"/a".to_vec() };
        assert_eq!(part.path(Path::new("/cg")).as_deref(), Some(&b"/a"[..]));
        assert_eq!(part.path(Path::new("/cg/b")).as_deref(), Some(&b"/a/b"[..]));
    }

    #[test]
    fn the_walk_finds_every_directory_by_its_inode() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(dir.path().join("a.slice/b.service")).expect("created");
        std::fs::write(dir.path().join("a.slice/cgroup.procs"), "").expect("written");
        let groups = walk(&Mount { point: dir.path().into(), root: Vec::new() });
        let inode = |path: &str| dir.path().join(path).metadata().expect("it is there").ino();
        let expected = [
            (inode("."), b"/".to_vec()),
            (inode("a.slice"), b"/a.slice".to_vec()),
            (inode("a.slice/b.service"), b"/a.slice/b.service".to_vec()),
        ];
        assert_eq!(groups, expected);
    }

    #[test]
    fn the_kernel_names_the_root_of_its_own_hierarchy() {
        // Needs a v2 mount, which every host that runs this has, and says so if not.
        let mut hierarchy = Hierarchy::open().expect("a cgroup2 mount");
        let id = hierarchy.mount.point.metadata().expect("it is there").ino();
        let walked = hierarchy.walk().into_iter().find(|&(found, _)| found == id).expect("the root is walked").1;
        match hierarchy.by_handle(id) {
            Found::Path(path) => assert_eq!(path, walked),
            Found::Nothing => panic!("the kernel does not know the inode {id} of its own root"),
            Found::Refused => assert!(!rustix::process::geteuid().is_root(), "root may open handles"),
        }
        assert!(matches!(hierarchy.by_handle(u64::MAX - 7), Found::Nothing | Found::Refused));
    }
}
