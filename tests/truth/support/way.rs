//! The ways in which one view is run: the same work must give the same numbers in all of them.

use std::ffi::CStr;
use std::fmt;
use std::io::Result;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use bcc_top::probes::object;
use bcc_top::views::View;

use super::ok;

/// An account without rights of its own.
const NOBODY: u32 = 65534;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// How a view is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// As root, with the hooks that the program chooses.
    Plain,
    /// With these alternatives instead of the ones it would choose: `purpose=number`.
    Forced(Vec<String>),
    /// As an ordinary user with CAP_BPF and CAP_PERFMON, who may lock as much memory as old kernels want.
    User,
    /// The same with as little locked memory as old systems allow.
    LittleMemory,
    /// Where tracefs is not mounted.
    NoTracefs,
    /// Where the kernel's type information cannot be seen.
    NoBtf,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Plain => f.write_str("plain"),
            Way::Forced(hooks) => f.write_str(&hooks.join(" ")),
            Way::User => f.write_str("user"),
            Way::LittleMemory => f.write_str("little_memory"),
            Way::NoTracefs => f.write_str("no_tracefs"),
            Way::NoBtf => f.write_str("no_btf"),
        }
    }
}

impl Way {
    /// Whether one of the alternatives that it asks for is a kprobe.
    pub fn forces_kprobe(&self, view: &View) -> bool {
        let Way::Forced(hooks) = self else { return false };
        let programs = object::programs(view).unwrap_or_else(|error| panic!("{}: {error}", view.decl.name));
        let mut kprobes = programs.iter().filter(|p| matches!(p.kind.as_str(), "kprobe" | "kretprobe"));
        kprobes.any(|p| hooks.contains(&format!("{}={}", p.hook, p.number)))
    }

    /// The program, to be run in this way.
    pub fn command(&self) -> Command {
        let mut command = match self {
            Way::User | Way::LittleMemory => Command::new(program_for_all()),
            _ => Command::new(program()),
        };
        match self {
            Way::Plain => {}
            Way::Forced(hooks) => {
                for hook in hooks {
                    command.args(["--hook", hook]);
                }
            }
            // SAFETY: between fork and exec these only make system calls with constants.
            Way::User => unsafe {
                command.pre_exec(|| become_user(libc::RLIM_INFINITY));
            },
            // SAFETY: as above.
            Way::LittleMemory => unsafe {
                command.pre_exec(|| become_user(64 << 10));
            },
            // SAFETY: as above.
            Way::NoTracefs => unsafe {
                command.pre_exec(|| hide(&[c"/sys/kernel/tracing", c"/sys/kernel/debug"]));
            },
            // SAFETY: as above.
            Way::NoBtf => unsafe {
                command.pre_exec(|| cover(c"/sys/kernel/btf"));
            },
        }
        command
    }
}

/// The program under test.
pub fn program() -> PathBuf {
    let named = std::env::var_os("BCC_TOP_BIN").map(PathBuf::from);
    named.or_else(|| option_env!("CARGO_BIN_EXE_bcc-top").map(PathBuf::from)).expect("BCC_TOP_BIN")
}

/// A copy that everybody can reach: the tree may be in a private directory.
fn program_for_all() -> PathBuf {
    static COPY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let make = || {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("a mode");
        let copy = dir.path().join("bcc-top");
        std::fs::copy(program(), &copy).expect("a copy of the program");
        (dir, copy)
    };
    COPY.get_or_init(make).1.clone()
}

fn checked(result: libc::c_int) -> Result<()> {
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

/// From here on the process is an ordinary user's that has two capabilities, and may lock this many bytes of memory.
fn become_user(locked: libc::rlim_t) -> Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Set {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    let bits = 1 << (CAP_BPF - 32) | 1 << (CAP_PERFMON - 32);
    let header = Header { version: VERSION_3, pid: 0 };
    let sets = [Set::default(), Set { effective: bits, permitted: bits, inheritable: bits }];
    let limit = libc::rlimit { rlim_cur: locked, rlim_max: locked };
    // SAFETY: system calls with numbers, or with structures that live until they return.
    unsafe {
        // Before 5.11 maps are charged to it. Refused without CAP_SYS_RESOURCE, where it is not needed.
        libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit);
        checked(libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0))?;
        checked(libc::setgroups(0, std::ptr::null()))?;
        checked(libc::setgid(NOBODY))?;
        checked(libc::setuid(NOBODY))?;
        checked(libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) as libc::c_int)?;
        for capability in [CAP_BPF, CAP_PERFMON] {
            checked(libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, capability, 0, 0))?;
        }
    }
    Ok(())
}

/// A mount namespace of its own, whose changes nobody else sees.
fn own_mounts() -> Result<()> {
    // SAFETY: system calls with constants.
    unsafe {
        checked(libc::unshare(libc::CLONE_NEWNS))?;
        let none = std::ptr::null();
        checked(libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, none.cast()))
    }
}

/// Takes away what is mounted there.
fn hide(places: &[&CStr]) -> Result<()> {
    own_mounts()?;
    for place in places {
        // SAFETY: a system call with a string. Until nothing is left: one may lie over the other.
        while unsafe { libc::umount2(place.as_ptr(), libc::MNT_DETACH) } == 0 {}
    }
    Ok(())
}

/// Puts an empty directory over it.
fn cover(place: &CStr) -> Result<()> {
    own_mounts()?;
    let tmpfs = c"tmpfs".as_ptr();
    // SAFETY: a system call with strings.
    checked(unsafe { libc::mount(tmpfs, place.as_ptr(), tmpfs, 0, std::ptr::null()) })
}

/// Ends a child of ours that has not been waited for.
pub fn interrupt(child: &std::process::Child) {
    let pid = i32::try_from(child.id()).expect("a pid");
    // SAFETY: the child has not been waited for, so its pid is still its own.
    ok("kill", unsafe { libc::kill(pid, libc::SIGINT) });
}
