//! The log of the explorer: a ring in memory that the log pane shows.

use std::fs::File;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use log::{Level, LevelFilter, Log, Metadata, Record};
use tui_logger::Drain;

use crate::frame::text::clean_str;

/// Lines held.
const LINES: usize = 2000;

/// Errors and warnings so far.
static PROBLEMS: AtomicUsize = AtomicUsize::new(0);

struct Ring {
    drain: Drain,
    file: Option<Mutex<File>>,
}

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
        let metadata = record.metadata();
        if let Some(mut file) = self.file.as_ref().and_then(|file| file.lock().ok()) {
            let time = humantime::format_rfc3339_millis(SystemTime::now());
            // There is nobody left to tell that the log cannot be written.
            let _ = writeln!(file, "{time} {} {}: {text}", record.level(), record.target());
        }
        // What is about a view begins with its name: the log can show that view alone.
        let view = text
            .split_once(": ")
            .and_then(|(name, _)| crate::ui::registry().find(name))
            .map(|view| view.decl.name.as_str());
        let metadata = Metadata::builder().level(metadata.level()).target(view.unwrap_or(metadata.target())).build();
        self.drain.log(&Record::builder().metadata(metadata).args(format_args!("{text}")).build());
    }

    fn flush(&self) {}
}

/// Starts the ring, unless there is a logger already; lines go to `file` too. Nothing runs in the background: lines move
/// to where the pane sees them when it is drawn.
pub fn start(level: LevelFilter, file: Option<File>) {
    let ring = Ring { drain: Drain::new(), file: file.map(Mutex::new) };
    if log::set_boxed_logger(Box::new(ring)).is_ok() {
        log::set_max_level(level);
        tui_logger::set_default_level(level);
        tui_logger::set_hot_buffer_depth(LINES);
        tui_logger::set_buffer_depth(LINES);
    }
}

/// Keeps lines of this level and worse from now on.
pub fn set_level(level: LevelFilter) {
    log::set_max_level(level);
    tui_logger::set_default_level(level);
}

/// How many warnings and errors there were.
pub fn problems() -> usize {
    PROBLEMS.load(Ordering::Relaxed)
}
