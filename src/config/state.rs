//! What is kept between runs where `save_state` asks for it: lines that were typed, views that were opened.

use std::path::{Path, PathBuf};

use crate::privilege::rights::{FILES, raised};
use crate::ui::save::Memory;

use super::place::{Trust, load};
use super::save::{Owner, replace};

/// Largest state, bytes.
const LARGEST: u64 = 1 << 20;

/// The file in the folder of the state.
pub fn file(folder: &Path) -> PathBuf {
    folder.join("state.json")
}

/// Reads the state of earlier runs. What is broken is as if it were not there, and told once.
pub fn load_state(folder: &Path, trust: Trust) -> Memory {
    let path = file(folder);
    let text = match load(&path, false, LARGEST, trust) {
        Ok(Some((text, _))) => text,
        Ok(None) => return Memory::default(),
        Err(problem) => {
            log::warn!("state {}: {problem}; not used", path.display());
            return Memory::default();
        }
    };
    serde_json::from_str::<Memory>(&text).map(Memory::bounded).unwrap_or_else(|error| {
        log::warn!("state {}: {error}; not used", path.display());
        Memory::default()
    })
}

/// Replaces the state in one step.
///
/// # Errors
/// What went wrong, in words.
pub fn save_state(folder: &Path, memory: &Memory, owner: Owner) -> Result<(), String> {
    let text = serde_json::to_string_pretty(memory).map_err(|error| error.to_string())?;
    raised(FILES, || replace(&file(folder), (text + "\n").as_bytes(), 0o600, owner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn us() -> Trust {
        Trust { uid: rustix::process::geteuid().as_raw(), invoker: None }
    }

    #[test]
    fn state_comes_back_and_is_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/bcc-top");
        let memory = Memory {
            recent: vec!["biotop".into()],
            uses: [("biotop".to_owned(), 3)].into(),
            said: vec!["theme dark".into()],
            filters: [("biotop".to_owned(), vec!["pid=1".to_owned()])].into(),
        };
        assert_eq!(load_state(&folder, us()), Memory::default());
        save_state(&folder, &memory, Owner::Us).unwrap();
        assert_eq!(load_state(&folder, us()), memory);
        assert_eq!(std::fs::metadata(file(&folder)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing half written is left");
    }

    #[test]
    fn under_sudo_state_and_its_folders_belong_to_who_called() {
        use std::os::unix::fs::{MetadataExt as _, chown, symlink};
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        std::fs::create_dir(&home).unwrap();
        chown(&home, Some(65534), Some(65533)).unwrap();
        let nobody = crate::privilege::Invoker { uid: 65534, gid: 65533 };
        let folder = home.join(".local/state/bcc-top");
        let owner = Owner::of_folder(&folder, Some(&nobody));
        save_state(&folder, &Memory::default(), owner).unwrap();
        for path in [&home.join(".local"), &folder, &file(&folder)] {
            let found = std::fs::metadata(path).unwrap();
            assert_eq!((found.uid(), found.gid(), found.mode() & 0o077), (65534, 65533, 0), "{}", path.display());
        }
        // A link in that home to a folder of root's.
        let (roots, planted) = (dir.path().join("roots"), home.join("planted"));
        std::fs::create_dir(&roots).unwrap();
        symlink(&roots, &planted).unwrap();
        let told = save_state(&planted, &Memory::default(), owner).unwrap_err();
        assert!(std::fs::read_dir(&roots).unwrap().next().is_none(), "{told}");
        assert_eq!(Owner::of_folder(Path::new("/etc/bcc-top"), Some(&nobody)), Owner::Us);
    }

    #[test]
    fn broken_or_huge_state_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "{", "[]", "{\"recent\": 3}", "{\"said\": [\"\\u001b[2J\"]}", &"x".repeat(2 << 20)] {
            std::fs::write(file(dir.path()), text).unwrap();
            assert_eq!(load_state(dir.path(), us()), Memory::default());
        }
    }
}
