//! The log of the explorer: a ring in memory that the log pane shows.

use std::sync::atomic::{AtomicUsize, Ordering};

use log::{Level, LevelFilter, Log, Metadata, Record};
use tui_logger::Drain;

use crate::frame::text::clean_str;

/// Lines held.
const LINES: usize = 2000;

/// Errors and warnings so far.
static PROBLEMS: AtomicUsize = AtomicUsize::new(0);

struct Ring(Drain);

impl Log for Ring {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if record.level() <= Level::Warn {
            PROBLEMS.fetch_add(1, Ordering::Relaxed);
        }
        // One record is one line of text, whatever a library or the kernel put into it.
        let text = record.args().to_string();
        let text = clean_str(text.trim_end());
        let metadata = record.metadata().clone();
        self.0.log(&Record::builder().metadata(metadata).args(format_args!("{text}")).build());
    }

    fn flush(&self) {}
}

/// Starts the ring, unless there is a logger already. Nothing runs in the background: lines move
/// to where the pane sees them when it is drawn.
pub fn start(level: LevelFilter) {
    if log::set_boxed_logger(Box::new(Ring(Drain::new()))).is_ok() {
        log::set_max_level(level);
        tui_logger::set_default_level(level);
        tui_logger::set_hot_buffer_depth(LINES);
        tui_logger::set_buffer_depth(LINES);
    }
}

/// How many warnings and errors there were.
pub fn problems() -> usize {
    PROBLEMS.load(Ordering::Relaxed)
}
