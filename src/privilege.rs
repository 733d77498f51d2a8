//! What the process may do, and who called it.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::thread::CapabilitySet;

use crate::frame::{Reason, ReasonClass};

pub mod rights;

/// Who called sudo: files and commands are theirs, not root's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invoker {
    /// Their user.
    pub uid: u32,
    /// Their group.
    pub gid: u32,
}

impl Invoker {
    /// Reads `SUDO_UID` and `SUDO_GID`. Only root believes them: anybody can set a variable.
    pub fn from_env() -> Option<Invoker> {
        let number = |name: &str| std::env::var(name).ok()?.parse().ok();
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        Some(Invoker { uid: number("SUDO_UID")?, gid: number("SUDO_GID")? })
    }

    /// Their home: newer sudo says it, else the file of accounts does. Root's own variable often is root's.
    pub fn home(&self) -> Option<PathBuf> {
        let said = std::env::var_os("SUDO_HOME").map(PathBuf::from);
        let filed = || home_of(&fs::read_to_string("/etc/passwd").ok()?, self.uid);
        said.or_else(filed).filter(|home| home.is_absolute())
    }
}

/// Gives a file that we made to who called sudo, if anybody did.
///
/// # Errors
/// As fchown.
pub fn give_to_invoker(file: impl AsFd, invoker: Option<&Invoker>) -> std::io::Result<()> {
    let Some(Invoker { uid, gid }) = invoker else { return Ok(()) };
    let (uid, gid) = (rustix::fs::Uid::from_raw(*uid), rustix::fs::Gid::from_raw(*gid));
    Ok(rights::raised(rights::FILES, || rustix::fs::fchown(file, Some(uid), Some(gid)))?)
}

fn home_of(passwd: &str, uid: u32) -> Option<PathBuf> {
    let mut users = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let user = users.find(|user| user.get(2).and_then(|id| id.parse().ok()) == Some(uid))?;
    user.get(5).map(PathBuf::from)
}

/// Capabilities that loading BPF programs needs and this process lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    names: Vec<&'static str>,
}

impl Missing {
    /// Looks at this thread, which opens views; `None` if it may load programs. Where that cannot be known
    /// nothing is known to be missing, and the kernel has the last word.
    pub fn check() -> Option<Missing> {
        Missing::of(rights::permitted()?)
    }

    /// Whether this thread lacks CAP_SYS_ADMIN, which the kernel wants for hooks in user space.
    pub fn admin() -> bool {
        rights::permitted().is_some_and(|held| !held.contains(CapabilitySet::SYS_ADMIN))
    }

    fn of(held: CapabilitySet) -> Option<Missing> {
        // Kernels before 5.8 know neither of the two; the old one still covers both.
        if held.contains(CapabilitySet::SYS_ADMIN) {
            return None;
        }
        let needed = [(CapabilitySet::BPF, "CAP_BPF"), (CapabilitySet::PERFMON, "CAP_PERFMON")];
        let lacks = needed.into_iter().filter(|&(one, _)| !held.contains(one));
        let names: Vec<&str> = lacks.map(|(_, name)| name).collect();
        (!names.is_empty()).then_some(Missing { names })
    }

    /// The names, with commas.
    pub fn names(&self) -> String {
        self.names.join(", ")
    }

    /// The reason given for each view.
    pub fn reason(&self, binary: &Path) -> Reason {
        Reason {
            class: ReasonClass::NoPrivilege,
            message: format!("loading BPF programs needs {}", self.names()),
            remedy: format!("run with sudo, or once: sudo setcap {CAPS} {}", binary.display()),
        }
    }

    /// The page for somebody at a terminal.
    pub fn page(&self, uid: u32, kernel: &str, binary: &Path) -> String {
        format!(
            "bcc-top: live views need permission to load BPF programs.
  missing   {:<31} (uid {uid}, kernel {kernel})
  do        sudo bcc-top                    once
            sudo setcap {CAPS} {}    for good
  without   bcc-top replay FILE    bcc-top demo    bcc-top list    bcc-top doctor
",
            self.names(),
            binary.display()
        )
    }
}

const CAPS: &str = "cap_bpf,cap_perfmon,cap_dac_read_search,cap_syslog+ep";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(capabilities: u64) -> Option<String> {
        Missing::of(CapabilitySet::from_bits_retain(capabilities)).map(|missing| missing.names())
    }

    #[test]
    fn missing_capabilities_are_named() {
        assert_eq!(of(0).as_deref(), Some("CAP_BPF, CAP_PERFMON"));
        assert_eq!(of(1 << 39).as_deref(), Some("CAP_PERFMON"));
        assert_eq!(of(1 << 38).as_deref(), Some("CAP_BPF"));
        assert_eq!(of(1 << 38 | 1 << 39), None);
        assert_eq!(of(1 << 21), None);
    }

    #[test]
    fn a_home_is_that_of_the_account() {
        let passwd = "root:x:0:0::/root:/bin/sh\nbroken\nann:x:1000:1000:Ann:/home/ann:/bin/sh\n";
        assert_eq!(home_of(passwd, 1000), Some(PathBuf::from("/home/ann")));
        assert_eq!(home_of(passwd, 7), None);
    }

    #[test]
    fn the_page_is_the_promised_one() {
        let missing = Missing { names: vec!["CAP_BPF", "CAP_PERFMON"] };
        let expected = "bcc-top: live views need permission to load BPF programs.
  missing   CAP_BPF, CAP_PERFMON            (uid 1000, kernel 6.12.8)
  do        sudo bcc-top                    once
            sudo setcap cap_bpf,cap_perfmon,cap_dac_read_search,cap_syslog+ep FILE    for good
  without   bcc-top replay FILE    bcc-top demo    bcc-top list    bcc-top doctor
";
        assert_eq!(missing.page(1000, "6.12.8", Path::new("FILE")), expected);
    }
}
