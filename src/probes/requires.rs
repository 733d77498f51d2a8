//! The part of the kernel that a view is about: whether it is there, and what to say if it is not.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::frame::{Reason, ReasonClass};
use crate::views::Requires;

/// Why the view has nothing to look at.
pub(super) fn missing(requires: &Requires) -> Option<Reason> {
    let known = std::fs::read_to_string("/proc/filesystems").ok()?;
    if lists(&known, &requires.filesystem) {
        return None;
    }
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let modules = std::fs::read_to_string(Path::new("/lib/modules").join(release).join("modules.dep"));
    Some(reason(requires, modules.as_deref().ok()))
}

/// A module as it was when a view was attached to it. A trampoline or a tracepoint holds its module, but a kprobe does not:
/// when the module goes, the kernel takes the kprobe away with it and tells nobody (`kprobes_module_callback`).
pub struct Module {
    name: String,
    folder: PathBuf,
    /// Folders of sysfs get a number that was never used before: that of a module that is loaded again is another one.
    number: u64,
}

impl Module {
    /// `None` where it is built into the kernel.
    pub fn find(requires: &Requires) -> Option<Module> {
        let name = requires.module.clone();
        let folder = Path::new("/sys/module").join(&name);
        // What is built in may have a folder too, with its parameters alone.
        std::fs::metadata(folder.join("refcnt")).ok()?;
        let number = std::fs::metadata(&folder).ok()?.ino();
        Some(Module { name, folder, number })
    }

    /// Why there is nothing to be seen any more, once it was unloaded.
    pub fn gone(&self) -> Option<Reason> {
        if std::fs::metadata(&self.folder).is_ok_and(|folder| folder.ino() == self.number) {
            return None;
        }
        let name = &self.name;
        Some(Reason {
            class: ReasonClass::ModuleMissing,
            message: format!("the kernel module {name} was unloaded while it was watched"),
            remedy: format!("retry once {name} is loaded again"),
        })
    }
}

/// A name stands behind `nodev` or a tab.
fn lists(filesystems: &str, name: &str) -> bool {
    filesystems.lines().any(|line| line.split_whitespace().next_back() == Some(name))
}

/// In one sentence what is missing, and in one what helps. `modules` is the list of those that are installed.
fn reason(requires: &Requires, modules: Option<&str>) -> Reason {
    let Requires { filesystem, module } = requires;
    let file = |line: &str| line.split(':').next().and_then(|path| path.rsplit('/').next()).map(str::to_owned);
    let is_it = |file: &str| file.split('.').next().is_some_and(|name| name.replace('-', "_") == *module);
    let installed = modules.is_some_and(|list| list.lines().filter_map(file).any(|file| is_it(&file)));
    let (message, remedy) = if installed {
        (
            format!("the kernel module {module} is not loaded, so no {filesystem} is mounted"),
            format!("modprobe {module}, or mount one, then retry"),
        )
    } else {
        (
            format!("this kernel has no {filesystem}, and its module {module} is not installed"),
            format!("install the module {module} for this kernel, then retry"),
        )
    };
    Reason { class: ReasonClass::ModuleMissing, message, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filesystem_is_found_by_its_whole_name() {
        let text = "nodev\tsysfs\nnodev\tnfs4\n\text4\n";
        assert!(lists(text, "ext4") && lists(text, "nfs4"));
        assert!(!lists(text, "nfs") && !lists(text, "ext") && !lists(text, "nodev"));
    }

    #[test]
    fn what_is_missing_is_told_with_what_helps() {
        let requires = Requires { filesystem: "xfs".into(), module: "xfs".into() };
        let list = "kernel/fs/xfs/xfs.ko.xz: kernel/lib/libcrc32c.ko.xz\n";
        let installed = reason(&requires, Some(list));
        assert_eq!(installed.class, ReasonClass::ModuleMissing);
        assert!(installed.message.contains("not loaded") && installed.remedy.contains("modprobe xfs"), "{installed:?}");
        for modules in [None, Some("kernel/fs/xfs_other.ko:\n")] {
            assert!(reason(&requires, modules).remedy.contains("install"), "{modules:?}");
        }
    }
}
