//! Recordings through the program: replayed in batch mode and in a terminal. Needs no rights and no BPF.

#[path = "../support/mod.rs"]
mod support;

mod batch;
mod screen;
mod shape;

use std::path::{Path, PathBuf};

/// The recording that ships in the program.
fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo.rec")
}

/// A path as an argument.
fn arg(path: &Path) -> &str {
    path.to_str().expect("a path of ours")
}
