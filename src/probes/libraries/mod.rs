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
use std::thread::JoinHandle;
use std::time::Duration;

pub use hooks::Hook;
use watcher::Watcher;

use crate::frame::{Reason, ReasonClass};
use crate::privilege::rights::{self, Role};
use crate::views::Library;

/// How often new processes are looked at.
const RESCAN: Duration = Duration::from_secs(2);

/// The libraries of a view, watched as long as this lives.
pub struct Libraries {
    told: Arc<Told>,
    /// Dropping it ends the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
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
        let mut watched = Libraries { told: told.clone(), stop: None, thread: None };
        if only.is_some() {
            // Its file stays attached as long as its descriptors are open: in a thread that only waits.
            watched.keep(move |stop| {
                rights::narrow(Role::Bystander);
                drop((stop.recv(), watcher));
            });
            return Ok(watched);
        }
        watched.keep(move |stop| {
            rights::narrow(Role::Searcher);
            let mut before = thread_cpu_ns();
            while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(RESCAN) {
                rights::raised(rights::SEARCH, || watcher.scan());
                told.set_problem(watcher.problem());
                let now = thread_cpu_ns();
                told.cpu_ns.fetch_add(now - before, Ordering::Relaxed);
                before = now;
            }
        });
        Ok(watched)
    }

    fn keep(&mut self, run: impl FnOnce(std::sync::mpsc::Receiver<()>) + Send + 'static) {
        let (stop, stopped) = channel();
        match std::thread::Builder::new().name("libraries".to_owned()).spawn(move || run(stopped)) {
            Ok(thread) => (self.stop, self.thread) = (Some(stop), Some(thread)),
            // What it was to keep is gone with it.
            Err(error) => self.told.set_problem(Some(format!("libraries are not watched: no thread ({error})"))),
        }
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

impl Drop for Libraries {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn thread_cpu_ns() -> u64 {
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    cpu.tv_sec as u64 * 1_000_000_000 + cpu.tv_nsec as u64
}
