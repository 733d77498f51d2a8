//! Who has which library mapped, and what is attached to it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Error;
use super::hooks::{self, Found, Hook};
use super::mapped::{self, FileKey, fits};
use crate::views::Library;

/// How long a file is kept that nobody has mapped: of short programs that follow each other nothing is to be missed. But a file
/// that is watched keeps its filesystem busy (create_local_trace_uprobe() holds its path).
const KEEP: Duration = Duration::from_secs(10);

/// Where libraries lie, so that the first process that maps one does not go unseen.
const PLACES: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];
const C_LIBRARIES: [&str; 2] = ["gnu", "musl"];

/// All that is known.
pub(super) struct Watcher {
    libraries: BTreeMap<String, Library>,
    hooks: Vec<Hook>,
    files: HashMap<FileKey, Watched>,
    processes: HashMap<u32, Process>,
    /// Processes of others that we may not look into.
    unseen: usize,
}

/// A file of a library.
struct Watched {
    path: PathBuf,
    state: State,
    /// When somebody last had it mapped; none if it is kept in any case.
    used: Option<Instant>,
}

enum State {
    Attached { _events: Vec<OwnedFd> },
    Other,
    Refused(io::Error),
}

/// A process that was looked at.
struct Process {
    /// Its program: another one has other libraries.
    program: (u64, u64),
    /// Whether it has had the time to map its libraries.
    settled: bool,
    files: Vec<FileKey>,
}

impl Watcher {
    pub(super) fn new(libraries: &BTreeMap<String, Library>, hooks: Vec<Hook>) -> Watcher {
        let (files, processes) = Default::default();
        Watcher { libraries: libraries.clone(), hooks, files, processes, unseen: 0 }
    }

    /// Watches one file, whatever its name.
    pub(super) fn watch_only(&mut self, path: &Path) {
        let Some(library) = self.libraries.keys().next().cloned() else { return };
        match mapped::open_path(path).and_then(|file| Ok((FileKey::of(&file)?, file))) {
            Ok((key, file)) => self.watch(key, &file, &library, path, None),
            Err(error) => {
                let key = FileKey::default();
                self.files.insert(key, Watched { path: path.into(), state: State::Refused(error), used: None });
            }
        }
    }

    /// Watches the files of our own system.
    pub(super) fn watch_usual_places(&mut self) {
        let arch = std::env::consts::ARCH;
        let of_arch = |dir: &str| C_LIBRARIES.map(|libc| format!("{dir}/{arch}-linux-{libc}"));
        let places = PLACES.iter().flat_map(|dir| of_arch(dir).into_iter().chain([(*dir).to_owned()]));
        for place in places {
            for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
                let Some(library) = self.library_of(entry.file_name().as_encoded_bytes()) else { continue };
                let opened = mapped::open_path(&entry.path()).and_then(|file| Ok((FileKey::of(&file)?, file)));
                if let Ok((key, file)) = opened {
                    self.watch(key, &file, &library, &entry.path(), None);
                }
            }
        }
    }

    /// Looks at the processes that are new, and lets go of what is no longer used.
    pub(super) fn scan(&mut self) {
        let now = Instant::now();
        let mut alive = HashSet::new();
        self.unseen = 0;
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            match self.look_at(pid, now) {
                Ok(true) => drop(alive.insert(pid)),
                // A kernel thread.
                Ok(false) => {}
                Err(error) if is_gone(&error) => {}
                Err(_) => self.unseen += 1,
            }
        }
        self.processes.retain(|pid, _| alive.contains(pid));
        for key in self.processes.values().flat_map(|process| &process.files) {
            if let Some(Watched { used: Some(used), .. }) = self.files.get_mut(key) {
                *used = now;
            }
        }
        self.files.retain(|_, file| file.used.is_none_or(|used| now.duration_since(used) < KEEP));
    }

    /// Whether there is such a process with a program.
    fn look_at(&mut self, pid: u32, now: Instant) -> io::Result<bool> {
        let program = match std::fs::metadata(format!("/proc/{pid}/exe")) {
            Ok(program) => (program.dev(), program.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            // Asked by an ordinary user, a kernel thread says the same as a process of others; but its maps are empty.
            Err(_) => return mapped::of_process(pid, |_| false).map(|_| false),
        };
        let known = self.processes.get(&pid).filter(|known| known.program == program);
        if known.is_some_and(|known| known.settled) {
            return Ok(true);
        }
        let seen_before = known.is_some();
        let mappings = mapped::of_process(pid, |name| self.library_of(name).is_some())?;
        let mut files = Vec::new();
        for mapping in mappings {
            let name = mapping.path.file_name().unwrap_or_default().as_encoded_bytes();
            let Some(library) = self.library_of(name) else { continue };
            let file = mapped::open(pid, &mapping)?;
            let key = FileKey::of(&file)?;
            self.watch(key, &file, &library, &mapping.path, Some(now));
            files.push(key);
        }
        let settled = seen_before || !files.is_empty();
        self.processes.insert(pid, Process { program, settled, files });
        Ok(true)
    }

    fn watch(&mut self, key: FileKey, file: &File, library: &str, path: &Path, used: Option<Instant>) {
        if self.files.contains_key(&key) {
            return;
        }
        let state = match hooks::attach(file, library, &self.hooks) {
            Ok(Found::Attached(events)) => State::Attached { _events: events },
            Ok(Found::Other) => State::Other,
            Err(error) => State::Refused(error),
        };
        if let State::Refused(error) = &state {
            log::warn!("{} cannot be watched: {error}", path.display());
        }
        self.files.insert(key, Watched { path: path.into(), state, used });
    }

    /// The library that has files of this name.
    fn library_of(&self, name: &[u8]) -> Option<String> {
        let has = |library: &Library| library.files.iter().any(|pattern| fits(pattern, name));
        self.libraries.iter().find(|(_, library)| has(library)).map(|(key, _)| key.clone())
    }

    /// Whether anything is watched.
    ///
    /// # Errors
    /// Why nothing is.
    pub(super) fn check(&self) -> Result<(), Error> {
        let is_attached = |file: &Watched| matches!(file.state, State::Attached { .. });
        if self.files.values().any(is_attached) {
            return Ok(());
        }
        let refused = self.files.values().find_map(|file| match &file.state {
            State::Refused(error) => {
                let error =
                    error.raw_os_error().map_or(io::Error::other(error.to_string()), io::Error::from_raw_os_error);
                Some(Error::Refused { path: file.path.clone(), error })
            }
            _ => None,
        });
        let what = self.libraries.values().next().map_or("library", |library| &library.what);
        let function = self.hooks.first().map_or("its functions", |hook| &hook.function);
        Err(refused.unwrap_or_else(|| Error::NotFound(format!("No {what} with {function} found"))))
    }

    /// What is not watched although it should be, in a sentence.
    pub(super) fn problem(&self) -> Option<String> {
        let refused = self.files.values().filter_map(|file| match &file.state {
            State::Refused(error) => Some((&file.path, error)),
            _ => None,
        });
        let refused: Vec<_> = refused.collect();
        if let Some((path, error)) = refused.first() {
            let (count, all) = (refused.len(), self.files.len());
            return Some(format!("{count} of {all} libraries cannot be watched ({}: {error})", path.display()));
        }
        let processes = match self.unseen {
            0 => return None,
            1 => "1 process".to_owned(),
            n => format!("{n} processes"),
        };
        Some(format!("{processes} cannot be looked into: a library that nobody else has mapped is not watched there"))
    }
}

/// What /proc says of a process that has ended, or of a mapping that has.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watcher() -> Watcher {
        let files = vec!["libc.so.6".to_owned(), "ld-musl-*.so.1".to_owned()];
        let library = Library { what: "C library".to_owned(), files };
        Watcher::new(&BTreeMap::from([("libc".to_owned(), library)]), Vec::new())
    }

    #[test]
    fn where_there_is_none_a_sentence_says_so() {
        let error = watcher().check().expect_err("nothing is watched");
        assert_eq!(error.to_string(), "No C library with its functions found");
    }

    #[test]
    fn a_file_that_cannot_be_watched_is_told_with_its_reason() {
        let mut watcher = watcher();
        watcher.watch_only(Path::new("/nowhere/libc.so.6"));
        let error = watcher.check().expect_err("nothing is watched");
        assert!(error.to_string().starts_with("/nowhere/libc.so.6 cannot be watched: No such file"), "{error}");
        let problem = watcher.problem().expect("one that is not watched");
        assert!(problem.starts_with("1 of 1 libraries") && problem.contains("/nowhere/libc.so.6"), "{problem}");
    }

    #[test]
    fn names_find_their_library() {
        let watcher = watcher();
        assert_eq!(watcher.library_of(b"ld-musl-aarch64.so.1").as_deref(), Some("libc"));
        assert_eq!(watcher.library_of(b"libm.so.6"), None);
    }
}
