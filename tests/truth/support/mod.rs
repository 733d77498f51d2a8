//! What the truth tests share.

pub mod aio;
pub mod asked;
pub mod case;
pub mod cell;
pub mod counts;
pub mod disk;
pub mod dns;
pub mod files;
pub mod filesystem;
pub mod guard;
pub mod harness;
pub mod hosts;
#[allow(dead_code)] // shared with other tests; this one uses its part
#[path = "../../support/kernel.rs"]
pub mod kernel;
pub mod lookup;
pub mod matrix;
pub mod net;
pub mod numbers;
pub mod report;
pub mod schedule;
pub mod suite;
pub mod tool;
pub mod way;
pub mod worker;

use std::time::{Duration, Instant};

pub use case::Case;
pub use cell::Cell;
pub use harness::note;
pub use numbers::{assert_near, number, total};
pub use suite::{Need, Test, Thing};
pub use tool::Tool;
pub use way::Way;
pub use worker::{Job, Worker};

/// What the workers of one view's test run.
pub type Work = fn(&Job);

/// Whether this is one of our guests, where an emulated CPU does the work.
pub fn in_guest() -> bool {
    std::env::var_os("BCC_TOP_GUEST").is_some()
}

/// A deadline for something that takes moments: generous, as machines that test are busy.
pub fn patience() -> Duration {
    Duration::from_secs(if in_guest() { 240 } else { 90 })
}

/// Waits until `check` holds.
///
/// # Panics
/// If it does not within [`patience`].
pub fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let until = Instant::now() + patience();
    while !check() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `CLOCK_MONOTONIC`, ns: the clock of the frames.
pub fn monotonic() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec that the call fills in.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) }, 0);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// A user whom nobody has.
pub const USER: u32 = 54_321;

/// Becomes another user for whoever looks, the real one, and keeps the rights of the effective one.
pub fn pose_as(user: u32) {
    // SAFETY: takes numbers; a worker has one thread.
    ok("setresuid", unsafe { libc::setresuid(user, 0, 0) });
}

/// The number of this process's mount namespace; with `apart` one of its own.
pub fn mount_namespace(apart: bool) -> u64 {
    if apart {
        // SAFETY: takes numbers; a worker has one thread.
        ok("unshare", unsafe { libc::unshare(libc::CLONE_NEWNS) });
    }
    std::os::unix::fs::MetadataExt::ino(&std::fs::metadata("/proc/self/ns/mnt").expect("it is always there"))
}

/// Panics with the last error of the system unless a call of libc did well.
pub fn ok(what: &str, result: impl Into<i64>) -> i64 {
    let result = result.into();
    assert!(result >= 0, "{what}: {}", std::io::Error::last_os_error());
    result
}
