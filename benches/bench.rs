//! What we cost beside libbpf-tools, both in one run. Prints a table; numbers are medians.
//!
//! `cargo bench --bench bench` as root, or `make bench`, which keeps the result in
//! docs/performance.md. Absolute times are of this machine at this moment: only the ratios of one
//! run mean something.

mod floor;
mod startup;
mod switches;
mod tick;

use std::path::PathBuf;

/// The release binary under test.
fn bcc_top() -> PathBuf {
    env!("CARGO_BIN_EXE_bcc-top").into()
}

/// A tool of Debian's libbpf-tools, if it is installed.
fn libbpf_tool(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from("/usr/sbin").join(name);
    path.exists().then_some(path)
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
    println!("## Start: exec to the last hook attached, s\n");
    startup::run();
    println!("\n## Kernel cost of runqlat under a pipe ping-pong on one CPU\n");
    switches::run();
    println!("\n## One tick over a map of 10,000 connections, CPU ms\n");
    tick::run();
}
