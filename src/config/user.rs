//! Themes of the user and of the host.

use std::path::{Path, PathBuf};

use crate::ui::theme::{BUILT_IN, UserTheme};
use crate::views::nearest;
use crate::views::settings::did_you_mean;

use super::place::{Found, Surroundings, load};

/// Most theme files that are read.
const MOST: usize = 64;

/// Largest theme, bytes.
const LARGEST: u64 = 64 << 10;

/// Where packages put themes.
const SHARED: &str = "/usr/share/bcc-top/themes";

/// The themes beside the configuration, then those of the host; and what is wrong with files that were not read.
pub fn themes(found: &Found, around: &Surroundings<'_>) -> (Vec<UserTheme>, Vec<String>) {
    let folders = found.folders.iter().map(|folder| folder.join("themes")).chain([PathBuf::from(SHARED)]);
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
        let mut here: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|e| e == "toml")).take(MOST).collect();
        here.sort();
        files.extend(here);
    }
    files.truncate(MOST);
    let (mut themes, mut problems): (Vec<UserTheme>, Vec<String>) = Default::default();
    for path in files {
        match load(&path, false, LARGEST, around.trust()) {
            Ok(Some((text, _))) => themes.extend(theme(&path, text)),
            Ok(None) => {}
            Err(problem) => problems.push(format!("theme {}: {problem}; not used", path.display())),
        }
    }
    (themes, problems)
}

/// What is wrong with the name of a theme.
pub fn unknown_theme(name: &str, user: &[UserTheme]) -> Option<String> {
    let names = || BUILT_IN.iter().map(|(name, _)| *name).chain(user.iter().map(|theme| theme.name.as_str()));
    let known = names().any(|known| known == name);
    (!known).then(|| format!("there is no theme `{name}`{}", did_you_mean(&nearest(name, names()))))
}

fn theme(path: &Path, text: String) -> Option<UserTheme> {
    Some(UserTheme { name: path.file_stem()?.to_string_lossy().into_owned(), file: path.display().to_string(), text })
}
