//! Where the configuration is looked for, and what is believed.
//!
//! Under sudo the file may be that of the user who called: it is then read with root's rights, so it has to be
//! a plain file of theirs or of root's that not everybody may write, and what it says may only change looks and limits.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat};

use crate::privilege::Invoker;

use super::parse::{Parsed, read};

/// Largest configuration, bytes.
pub const LARGEST: u64 = 256 << 10;

/// What the search depends on.
pub struct Surroundings<'a> {
    /// Looks up an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<OsString>,
    /// Whose rights the process has.
    pub uid: u32,
    /// Who called sudo: their user and home. Nobody but root asks.
    pub invoker: Option<(u32, PathBuf)>,
    /// The folder for the whole host.
    pub system: PathBuf,
}

/// The configuration of this process; the argument is `--config`.
///
/// # Errors
/// The file that `--config` names cannot be read.
pub fn here(flag: Option<&Path>) -> Result<Found, String> {
    find(flag, &surroundings())
}

/// What surrounds this process.
pub fn surroundings() -> Surroundings<'static> {
    let invoker = Invoker::from_env().filter(|invoker| invoker.uid != 0);
    Surroundings {
        env: &|name| std::env::var_os(name),
        uid: rustix::process::geteuid().as_raw(),
        invoker: invoker.and_then(|invoker| Some((invoker.uid, invoker.home()?))),
        system: PathBuf::from("/etc/bcc-top"),
    }
}

/// Why a file is the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `--config`.
    Flag,
    /// `BCC_TOP_CONFIG`.
    Env,
    /// It is the user's.
    User,
    /// It belongs to who called sudo.
    Invoker,
    /// It is for the whole host.
    System,
}

/// The configuration that was found, or the defaults.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The file, and why it.
    pub file: Option<(PathBuf, Source)>,
    /// Its text.
    pub text: String,
    /// It is of somebody who may do less than this process.
    pub foreign: bool,
    /// What it says.
    pub parsed: Parsed,
    /// Files that were not believed or could not be read, each in a sentence.
    pub problems: Vec<String>,
    /// Folders where themes may be, first wins.
    pub folders: Vec<PathBuf>,
    /// Where `W` writes.
    pub target: Option<PathBuf>,
}

impl Surroundings<'_> {
    fn path(&self, name: &str) -> Option<PathBuf> {
        (self.env)(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// A folder by its variable, else below the home directory; relative ones do not count.
    fn base(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let below = |home: PathBuf| home.join(below_home);
        let absolute = |path: &PathBuf| path.is_absolute();
        let named = self.path(variable).filter(absolute);
        named.or_else(|| self.path("HOME").map(below).filter(absolute))
    }

    /// Where state is kept.
    pub fn state(&self) -> Option<PathBuf> {
        self.base("XDG_STATE_HOME", ".local/state").map(|base| base.join("bcc-top"))
    }

    /// Whose files are believed.
    pub fn trust(&self) -> Trust {
        Trust { uid: self.uid, invoker: self.invoker.as_ref().map(|(uid, _)| *uid) }
    }
}

/// Whose files are believed where nobody named the file: root's, our own, those of who called sudo.
#[derive(Clone, Copy, Debug)]
pub struct Trust {
    /// Whose rights the process has.
    pub uid: u32,
    /// Who called sudo.
    pub invoker: Option<u32>,
}

/// Looks for the configuration and reads it. Every mistake is told and costs only itself.
///
/// # Errors
/// The file that `--config` names cannot be read.
pub fn find(flag: Option<&Path>, around: &Surroundings<'_>) -> Result<Found, String> {
    let mut found = Found::default();
    let user = around.base("XDG_CONFIG_HOME", ".config").map(|base| base.join("bcc-top"));
    let invoker = around.invoker.as_ref().map(|(_, home)| home.join(".config/bcc-top"));
    let folders = [(&user, Source::User), (&invoker, Source::Invoker)];
    let folders = folders.into_iter().filter_map(|(folder, source)| Some((folder.clone()?, source)));
    let mut folders: Vec<_> = folders.chain([(around.system.clone(), Source::System)]).collect();
    folders.dedup_by(|a, b| a.0 == b.0);
    found.folders = folders.iter().map(|(folder, _)| folder.clone()).collect();
    let named = flag.map(|path| (path.to_owned(), Source::Flag));
    let named = named.or_else(|| around.path("BCC_TOP_CONFIG").map(|path| (path, Source::Env)));
    let candidates = match named {
        Some(named) => vec![named],
        None => folders.iter().map(|(folder, source)| (folder.join("config.toml"), *source)).collect(),
    };
    for (path, source) in candidates {
        let named = matches!(source, Source::Flag | Source::Env);
        match load(&path, named, LARGEST, around.trust()) {
            Ok(Some((text, owner))) => {
                found.foreign = around.uid == 0 && owner != 0;
                found.text = text;
                found.file = Some((path, source));
                break;
            }
            Ok(None) if source == Source::Flag => return Err(format!("--config: {}: no such file", path.display())),
            Ok(None) if source == Source::Env => {
                found.problems.push(format!("BCC_TOP_CONFIG: {}: no such file", path.display()));
            }
            Ok(None) => {}
            Err(problem) if source == Source::Flag => return Err(format!("--config: {}: {problem}", path.display())),
            Err(problem) => found.problems.push(format!("{}: {problem}; not used", path.display())),
        }
    }
    if let Some((path, _)) = &found.file {
        found.parsed = read(&found.text, found.foreign);
        let beside = path.parent().map(Path::to_owned);
        found.folders.retain(|folder| Some(folder) != beside.as_ref());
        found.folders.splice(0..0, beside);
    }
    found.target = match &found.file {
        Some((path, Source::System)) => user.map(|folder| folder.join("config.toml")).or(Some(path.clone())),
        Some((path, _)) => Some(path.clone()),
        None => user.map(|folder| folder.join("config.toml")),
    };
    Ok(found)
}

/// The text of a file and its owner; `None` if there is none. Somebody who can make root read a file
/// must not learn from it what they may not read, nor have it block or touch a device.
///
/// # Errors
/// Why it is not read, in words.
pub fn load(path: &Path, named: bool, largest: u64, trust: Trust) -> Result<Option<(String, u32)>, String> {
    // Opened as a name only: nothing is touched before it is known to be a plain file.
    let name = match rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        Ok(name) => name,
        Err(error) if matches!(std::io::Error::from(error).kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        // A home that may not be entered is somebody else's: whoever changes users often keeps the variable.
        Err(rustix::io::Errno::ACCESS) if !named => return Ok(None),
        Err(error) => return Err(std::io::Error::from(error).to_string()),
    };
    let stat = fstat(&name).map_err(|error| std::io::Error::from(error).to_string())?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err("it is not a plain file".to_owned());
    }
    if u64::try_from(stat.st_size).is_ok_and(|size| size > largest) {
        return Err(format!("it is larger than {} KiB", largest >> 10));
    }
    if !named {
        if ![Some(0), Some(trust.uid), trust.invoker].contains(&Some(stat.st_uid)) {
            return Err(format!("it belongs to user {}", stat.st_uid));
        }
        if stat.st_mode & 0o002 != 0 {
            return Err("everybody may write it".to_owned());
        }
        // A link in somebody's folder may lead to a file of root's that they may not read.
        let hidden = stat.st_uid == 0 && stat.st_mode & 0o004 == 0;
        if trust.uid == 0 && hidden && !folders_are_roots(path) {
            return Err("it is a file of root's that not everybody may read".to_owned());
        }
    }
    let file = File::open(format!("/proc/self/fd/{}", name.as_raw_fd())).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(largest + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > largest {
        return Err(format!("it is larger than {} KiB", largest >> 10));
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok(Some((text, stat.st_uid)))
}

/// Whether all folders on the way to a file, as far as there are any, are root's; links are not followed.
pub fn folders_are_roots(path: &Path) -> bool {
    let owner = |folder: &Path| match rustix::fs::lstat(folder) {
        Ok(stat) => stat.st_uid == 0,
        Err(error) => error == rustix::io::Errno::NOENT,
    };
    path.ancestors().filter(|folder| !folder.as_os_str().is_empty()).all(owner)
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
