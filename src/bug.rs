//! Bugs of our own: whether one showed in this run, and how tests provoke one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

static SEEN: AtomicBool = AtomicBool::new(false);
static KEPT: Mutex<Option<String>> = Mutex::new(None);

/// A thread panicked, and the panic hook has told it.
pub fn note() {
    SEEN.store(true, Ordering::SeqCst);
}

/// A thread panicked, which can only be told when the screen is closed; the first one counts.
pub fn keep(lines: String) {
    note();
    if let Ok(mut kept) = KEPT.lock() {
        kept.get_or_insert(lines);
    }
}

/// What has to be told yet.
pub fn kept() -> Option<String> {
    KEPT.lock().ok()?.take()
}

/// Whether any thread panicked. The run then ends with code 101, even where the others went on.
pub fn seen() -> bool {
    SEEN.load(Ordering::SeqCst)
}

/// Panics if `BCC_TOP_TEST_PANIC` names this place, once. How the terminal is given back after a bug
/// can only be tested in the real program, on a real terminal, with a bug.
#[cfg(debug_assertions)]
pub fn provoke(place: &str) {
    static DONE: AtomicBool = AtomicBool::new(false);
    if std::env::var_os("BCC_TOP_TEST_PANIC").is_some_and(|named| named == place) && !DONE.swap(true, Ordering::SeqCst)
    {
        panic!("provoked in {place}");
    }
}

/// Nothing: programs that are released have no such door.
#[cfg(not(debug_assertions))]
pub fn provoke(_place: &str) {}
