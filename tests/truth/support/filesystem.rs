//! Filesystems to test on: each has its own way to read ahead, and folios of its own size.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::disk::Disk;
use super::files;

/// What names a directory in a filesystem of this kind, if there is one already.
pub fn variable(kind: &str) -> String {
    format!("BCC_TOP_SCRATCH_{}", kind.to_uppercase())
}

/// A mounted filesystem; one of our own is unmounted in the end.
pub struct Filesystem {
    /// A directory in it.
    pub dir: PathBuf,
    own: Option<(tempfile::TempDir, Disk)>,
}

impl Filesystem {
    /// The one that scratch files are on anyway.
    pub fn scratch() -> Filesystem {
        Filesystem { dir: files::scratch(), own: None }
    }

    /// One of this kind: `BCC_TOP_SCRATCH_KIND` names a directory in one, else it is made on a loop
    /// device. The test has declared that it needs it.
    pub fn of_kind(kind: &str) -> Filesystem {
        if let Some(dir) = std::env::var_os(variable(kind)) {
            return Filesystem { dir: dir.into(), own: None };
        }
        let (dir, disk) = (tempfile::tempdir().expect("a directory"), Disk::over_file(512 << 20));
        let force = if kind.starts_with("ext") { "-F" } else { "-f" };
        assert!(run(&format!("mkfs.{kind}"), &["-q", force, &disk.path.to_string_lossy()]), "mkfs.{kind} failed");
        let mounted = run("mount", &["-t", kind, &disk.path.to_string_lossy(), &dir.path().to_string_lossy()]);
        assert!(mounted, "mount -t {kind} failed");
        Filesystem { dir: dir.path().into(), own: Some((dir, disk)) }
    }
}

impl Drop for Filesystem {
    fn drop(&mut self) {
        if self.own.is_some() {
            run("umount", &[&self.dir.to_string_lossy()]);
        }
    }
}

/// Where another filesystem of this kind is mounted than the one of `dir`, if there is one.
pub fn another(kind: &str, dir: &Path) -> Option<String> {
    let device = |path: &Path| std::fs::metadata(path).map(|found| std::os::unix::fs::MetadataExt::dev(&found));
    let own = device(dir).expect("it is there");
    let mounts = std::fs::read_to_string("/proc/mounts").expect("procfs");
    let mut of_kind = mounts.lines().filter_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        (words.get(2) == Some(&kind)).then(|| words[1].to_owned())
    });
    of_kind.find(|place| device(Path::new(place)).is_ok_and(|device| device != own))
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error} (make test installs it)"));
    if !output.status.success() {
        super::note(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    output.status.success()
}
