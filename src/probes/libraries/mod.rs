//! Hooks in functions of user space: `SEC("uprobe/LIBRARY:FUNCTION")`. A breakpoint belongs to one file, and containers, snaps and
//! other C libraries bring their own, so every file that a running process has mapped under one of the library's names is watched,
//! once. A thread finds new ones and lets go of those that nobody maps any more.

mod hooks;
mod mapped;
mod watcher;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use hooks::Hook;
use watcher::Watcher;

use crate::frame::{Reason, ReasonClass};
use crate::privilege::rights::{self, Role};
use crate::probes::sys::thread_cpu_ns;
use crate::views::Library;

/// How often new processes are looked at.
const RESCAN: Duration = Duration::from_secs(2);

/// The libraries of a view, watched as long as this lives. Nobody waits for the thread to end, as closing a hook makes it wait in the kernel.
pub struct Libraries {
    told: Arc<Told>,
    /// Dropping it ends the thread.
    _stop: Sender<()>,
}

/// What the thread tells.
#[derive(Default)]
struct Told {
    problem: Mutex<Option<String>>,
    cpu_ns: AtomicU64,
}

/// Why nothing can be watched.
#[derive(Debug)]
pub enum Error {
    /// No file has the functions; a sentence.
    NotFound(String),
    /// The kernel, or the file system, refuses the only ones there are.
    Refused {
        /// One of the files.
        path: PathBuf,
        /// What it says.
        error: io::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotFound(sentence) => f.write_str(sentence),
            Error::Refused { path, error } => write!(f, "{} cannot be watched: {error}", path.display()),
        }
    }
}

impl Libraries {
    /// Attaches `hooks` to all the files there are, or to `only` that one, and keeps looking for more.
    ///
    /// # Errors
    /// If there is none that can be attached to.
    pub fn start(
        libraries: &BTreeMap<String, Library>,
        hooks: Vec<Hook>,
        only: Option<&Path>,
    ) -> Result<Libraries, Error> {
        let mut watcher = Watcher::new(libraries, hooks);
        match only {
            Some(path) => watcher.watch_only(path),
            None => {
                watcher.watch_usual_places();
                watcher.scan();
            }
        }
        watcher.check()?;
        let told = Arc::new(Told::default());
        told.set_problem(watcher.problem());
        let (stop, stopped) = channel();
        let (tell, alone) = (told.clone(), only.is_some());
        let run = move || {
            if alone {
                // Its file stays attached as long as its descriptors are open.
                rights::narrow(Role::Bystander);
                let _ = stopped.recv();
            }
            rights::narrow(Role::Searcher);
            let mut before = thread_cpu_ns();
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(RESCAN) {
                rights::raised(rights::SEARCH, || watcher.scan());
                tell.set_problem(watcher.problem());
                let now = thread_cpu_ns();
                tell.cpu_ns.fetch_add(now - before, Ordering::Relaxed);
                before = now;
            }
        };
        let thread = std::thread::Builder::new().name("libraries".to_owned()).spawn(run);
        let refused = |error| Error::Refused { path: "a thread for libraries".into(), error };
        thread.map(|_| Libraries { told, _stop: stop }).map_err(refused)
    }

    /// What is not watched although it should be.
    pub fn problem(&self) -> Option<Reason> {
        let message = self.told.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let class = ReasonClass::TargetMissing;
        Some(Reason {
            class,
            message,
            remedy: "run it as root (CAP_SYS_PTRACE), or watch one file with --lib PATH".to_owned(),
        })
    }

    /// CPU time of the thread since this was last asked, ns.
    pub fn take_cpu_ns(&self) -> u64 {
        self.told.cpu_ns.swap(0, Ordering::Relaxed)
    }
}

impl Told {
    fn set_problem(&self, problem: Option<String>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}
