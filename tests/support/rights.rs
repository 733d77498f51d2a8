//! What the threads of a process may do, and programs run with some capabilities only.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::XattrFlags;

use super::{BIN, NOBODY, eventually, scratch};

pub const CHOWN: u64 = 1 << 0;
pub const DAC_OVERRIDE: u64 = 1 << 1;
pub const DAC_READ_SEARCH: u64 = 1 << 2;
pub const FOWNER: u64 = 1 << 3;
pub const KILL: u64 = 1 << 5;
pub const SYS_ADMIN: u64 = 1 << 21;
pub const PERFMON: u64 = 1 << 38;
pub const BPF: u64 = 1 << 39;

/// What root keeps for files in folders of others.
pub const FILES: u64 = CHOWN | DAC_OVERRIDE | FOWNER;

/// A thread as the kernel tells it.
#[derive(Clone, Debug)]
pub struct Thread {
    pub name: String,
    pub permitted: u64,
    pub effective: u64,
    pub inheritable: u64,
    pub bounding: u64,
    pub ambient: u64,
    pub no_new_privs: bool,
}

/// The threads of a process; one that just ended is left out.
pub fn threads(pid: u32) -> Vec<Thread> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a process").flatten();
    tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok()).map(|text| thread(&text)).collect()
}

fn thread(status: &str) -> Thread {
    let line = |name: &str| {
        let found = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.unwrap_or_else(|| panic!("no {name} in {status}")).trim()
    };
    let set = |name: &str| u64::from_str_radix(line(name), 16).expect("hexadecimal");
    Thread {
        name: line("Name").to_owned(),
        permitted: set("CapPrm"),
        effective: set("CapEff"),
        inheritable: set("CapInh"),
        bounding: set("CapBnd"),
        ambient: set("CapAmb"),
        no_new_privs: line("NoNewPrivs") == "1",
    }
}

/// Waits until no thread has anything in force, then asserts that none may have more than `allowed` says of its name,
/// and that nothing it executes could get more. Kernels before 5.19 want CAP_BPF for each read of a map.
#[track_caller]
pub fn assert_narrow(pid: u32, root: bool, allowed: impl Fn(&str) -> u64) {
    let old = old_kernel();
    let reads = |thread: &Thread| if old && thread.name.starts_with("view-") { BPF } else { 0 };
    let quiet = || threads(pid).iter().all(|thread| thread.effective & !reads(thread) == 0 && thread.no_new_privs);
    eventually(&format!("nothing is in force: {:#x?}", threads(pid)), quiet);
    for thread in threads(pid) {
        let may = allowed(&thread.name) | reads(&thread);
        assert_eq!(thread.permitted & !may, 0, "it may have {may:#x}: {thread:#x?}");
        assert_eq!((thread.inheritable, thread.ambient, thread.no_new_privs), (0, 0, true), "{thread:#x?}");
        // Only root may empty it; for others no_new_privs has to do.
        assert!(!root || thread.bounding == 0, "{thread:#x?}");
    }
}

fn old_kernel() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut numbers = release.split(['.', '-']).map_while(|part| part.trim().parse::<u32>().ok());
    (numbers.next(), numbers.next()) < (Some(5), Some(19))
}

/// A copy of the program that everybody may run, in a folder that everybody may write to.
pub struct Copy {
    pub dir: tempfile::TempDir,
    pub path: PathBuf,
}

impl Copy {
    /// One that gets these capabilities when it is executed.
    pub fn with(capabilities: u64) -> Copy {
        let dir = scratch();
        let path = dir.path().join("bcc-top");
        fs::copy(BIN, &path).expect("a copy");
        for path in [dir.path(), &path] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("a mode");
        }
        if capabilities != 0 {
            set_capabilities(&path, capabilities);
        }
        Copy { dir, path }
    }

    /// The words that run it as an ordinary user with these ambient capabilities, `bpf` for instance.
    pub fn as_user(&self, capabilities: &[&str]) -> Vec<String> {
        let id = NOBODY.to_string();
        let mut words: Vec<String> =
            ["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"].map(str::to_owned).into();
        if !capabilities.is_empty() {
            let list = capabilities.iter().map(|name| format!("+{name}")).collect::<Vec<_>>().join(",");
            words.extend(["--inh-caps".to_owned(), list.clone(), "--ambient-caps".to_owned(), list]);
        }
        words.push(self.path.to_str().expect("text").to_owned());
        words
    }
}

/// What `setcap ...+ep` writes: `struct vfs_cap_data`, revision 2, effective.
fn set_capabilities(path: &Path, capabilities: u64) {
    let (low, high) = (capabilities as u32, (capabilities >> 32) as u32);
    let words: Vec<u8> = [0x0200_0001, low, 0, high, 0].into_iter().flat_map(u32::to_le_bytes).collect();
    rustix::fs::setxattr(path, "security.capability", &words, XattrFlags::empty()).expect("file capabilities");
}
