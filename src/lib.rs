//! `bcc-top`: live eBPF views of a Linux host.
//!
//! The rooms, ground floor first: [`frame`] is plain data and knows nobody; [`views`] declares
//! what each view is; [`feed`] is how frames travel; `probes` talks to the kernel; `enrich` turns
//! numbers into names; `sampler` produces frames; `export` writes them; `record` keeps them and gives
//! them back; `ui` draws them; `cli` picks what to do. Arrows point down that list only.

// What neither the compiler nor a library can vouch for is in few places: tests/lint.rs names them.
#![deny(unsafe_code)]

pub mod batch;
pub mod bug;
pub mod cli;
#[allow(unsafe_code)] // fork: what a child does before it becomes the command
pub mod command;
pub mod config;
pub mod doctor;
pub mod enrich;
pub mod examine;
pub mod explore;
pub mod export;
pub mod feed;
pub mod frame;
pub mod host;
#[allow(unsafe_code)] // mallopt
pub mod memory;
pub mod privilege;
#[allow(unsafe_code)] // libbpf and bpf(2)
pub mod probes;
pub mod record;
pub mod sampler;
pub mod ui;
pub mod views;
