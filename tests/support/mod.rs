//! What the tests against the live kernel share: the program, load with a known name, a terminal,
//! and a look at what the kernel still holds.

// Each test binary uses its part.
#![allow(dead_code)]

pub mod batch;
pub mod kernel;
pub mod load;
pub mod rights;
pub mod terminal;

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// The program under test.
pub const BIN: &str = env!("CARGO_BIN_EXE_bcc-top");

/// An account without rights.
pub const NOBODY: u32 = 65534;

/// How long something that takes moments may take: generous, as machines that test are busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program must end this soon after a signal. The promise is 200 ms on a machine that has a CPU
/// to spare; this is where a busy one can no longer be the reason.
pub const SIGNAL_LIMIT: Duration = Duration::from_secs(1);

/// One test at a time, of all that run now: they look at the whole kernel. And only with root:
/// a test that could not look must not look as if it had.
#[must_use]
pub fn begin() -> File {
    assert!(rustix::process::geteuid().is_root(), "these tests load BPF programs and need root: run them with sudo");
    let path = std::env::temp_dir().join("bcc-top-tests.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).expect("a lock file");
    file.lock().expect("the lock of the tests");
    file
}

/// Waits until `check` holds.
///
/// # Panics
/// If it does not within [`PATIENCE`].
#[track_caller]
pub fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !check() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A directory on a disk, for files that are written past the page cache: `BCC_TOP_SCRATCH_DIR`,
/// else below `/var/tmp`, as `/tmp` is often in memory.
pub fn scratch() -> tempfile::TempDir {
    let dir: PathBuf = std::env::var_os("BCC_TOP_SCRATCH_DIR").unwrap_or_else(|| "/var/tmp".into()).into();
    tempfile::Builder::new().prefix("bcc-top-test-").tempdir_in(dir).expect("a scratch directory")
}

/// Whoever started the tests may have had signals ignored (`nohup`, `&` in a script); the program
/// then could not be interrupted before it takes them itself.
pub fn default_signals(command: &mut Command) -> &mut Command {
    // SAFETY: signal() is async-signal-safe and nothing else is called between fork and exec.
    unsafe { command.pre_exec(take_signals) }
}

/// See [`default_signals`]. Async-signal-safe.
pub fn take_signals() -> std::io::Result<()> {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: a call with numbers only.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    Ok(())
}

/// Sends a signal to a child that was not waited for yet.
pub fn kill(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).expect("a pid");
    // SAFETY: numbers only; the child was not waited for, so its pid is still its own.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0, "kill: {}", std::io::Error::last_os_error());
}

/// The exit code as a shell gives it: 128 + signal for who was ended by one.
pub fn shell_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// Waits for the end of a child.
pub fn wait(child: &mut Child) -> ExitStatus {
    let mut status = None;
    eventually("the program has ended", || {
        status = child.try_wait().expect("our own child");
        status.is_some()
    });
    status.expect("it has ended")
}
