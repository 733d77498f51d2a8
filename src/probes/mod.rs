//! The kernel side: what it takes, which hooks to use, loading, attaching, reading and decoding.
//!
//! The room with `unsafe`: calls of libbpf that libbpf-rs does not wrap, each with its reason.

mod attempt;
pub mod btf;
pub mod decode;
pub mod elf;
pub mod events;
pub mod facts;
mod given;
pub mod guard;
pub mod kernel;
pub mod layout;
pub mod libbpf_log;
pub mod libraries;
mod names;
pub mod object;
pub mod plan;
pub mod probe;
pub mod reader;
pub mod refusal;
pub mod requires;
pub mod ring;
pub mod sampling;
pub mod settings;
pub mod slim;
pub mod stats;
pub mod sys;
mod words;
