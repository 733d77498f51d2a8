//! What came of each way of each test, one line of JSON for each: what the matrix is made of.

use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Cell, cell};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The numbers were right.
    Ok,
    /// They were not, or there were none.
    Failed,
    /// Not tried: something is missing on this machine.
    Skipped,
    /// The view cannot run here, as declared, and said so.
    Unavailable,
}

/// One way of one test.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The view.
    pub view: String,
    /// The test's function.
    pub test: String,
    /// See [`super::Way`].
    pub way: String,
    /// What came of it.
    pub outcome: Outcome,
    /// The hooks in use, as a frame gives them.
    #[serde(default)]
    pub hooks: Value,
    /// What went wrong, or why it was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Where the records come from: the first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Origin {
    /// Name of the cell.
    pub cell: String,
    /// The kernel's release.
    pub kernel: String,
    /// The package it came in, with its version.
    pub package: String,
    /// What ran it: `host`, `tcg`, `kvm`.
    pub machine: String,
}

/// A line of a report.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Line {
    /// The first.
    Origin(Origin),
    /// The others.
    Record(Record),
}

/// Adds a record to the file that `BCC_TOP_REPORT` names.
pub fn add(record: &Record) {
    static REPORT: OnceLock<Option<Mutex<File>>> = OnceLock::new();
    let open = || {
        let path = std::env::var_os("BCC_TOP_REPORT")?;
        let mut file = File::options().append(true).create(true).open(&path).expect("the report can be written");
        write(&mut file, &Line::Origin(origin()));
        Some(Mutex::new(file))
    };
    if let Some(file) = REPORT.get_or_init(open) {
        write(&mut file.lock().unwrap_or_else(PoisonError::into_inner), &Line::Record(record.clone()));
    }
}

fn origin() -> Origin {
    let told = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    Origin {
        cell: Cell::here().name.clone(),
        kernel: cell::release(),
        package: told("BCC_TOP_KERNEL_PACKAGE", ""),
        machine: told("BCC_TOP_MACHINE", "host"),
    }
}

/// In one piece: a guest that dies leaves whole lines.
fn write(file: &mut File, line: &Line) {
    let mut text = serde_json::to_string(line).expect("JSON");
    text.push('\n');
    file.write_all(text.as_bytes()).expect("the report can be written");
}
