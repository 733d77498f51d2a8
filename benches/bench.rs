//! What we cost beside libbpf-tools, both in one run. Prints a table; numbers are medians.
//!
//! `cargo bench --bench bench [-- SECTION]` as root, or `make bench`, which keeps the result in
//! docs/performance.md. Absolute times are of this machine at this moment: only the ratios of one
//! run mean something.

mod events;
mod explorer;
mod floor;
mod programs;
mod screen;
mod startup;
mod tick;
mod works;

use std::path::PathBuf;
use std::time::Duration;

/// The release binary under test.
fn bcc_top() -> PathBuf {
    env!("CARGO_BIN_EXE_bcc-top").into()
}

/// A tool of Debian's libbpf-tools, if it is installed.
fn libbpf_tool(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from("/usr/sbin").join(name);
    path.exists().then_some(path)
}

/// CPU of this thread so far.
fn cpu() -> Duration {
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(cpu.tv_sec as u64, cpu.tv_nsec as u32)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() {
    // `cargo test --benches` passes --test: there is nothing to check, only to measure.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    bcc_top::memory::give_back();
    let mut words = std::env::args().skip(1).filter(|arg| !arg.starts_with('-'));
    let asked = words.next();
    if asked.as_deref() == Some("memory-of") {
        let keys = words.next().and_then(|keys| keys.parse().ok()).expect("a number of keys");
        println!("{:.1}", tick::memory_of(keys));
        return;
    }
    let sections: [(&str, &str, fn()); 5] = [
        ("startup", "Start: exec to the last hook attached, s", startup::run),
        ("programs", "Kernel cost, and the slow-down of what is watched", programs::run),
        ("tick", "One tick, and how it grows: CPU ms", tick::run),
        ("events", "Events until the first is lost", events::run),
        ("screen", "The explorer on a terminal", screen::run),
    ];
    for (name, title, run) in sections {
        if asked.as_ref().is_none_or(|asked| asked == name) {
            println!("## {title}\n");
            run();
            println!();
        }
    }
}
