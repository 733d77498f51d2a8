//! Recordings: the frame stream to a file and back.
//!
//! A recording is what `--ndjson` writes, in independent zstd frames ("chunks") of about ten
//! seconds, with an index at the end in a frame that decoders skip. [`write`] makes one, [`Recording`]
//! reads one, or a stream, or a document; [`replay`] opens its views as if they were running.
//!
//! What is read is hostile until it was decoded: every length has a limit, and what names things is
//! cleaned at the door.

mod decode;
mod document;
mod index;
mod input;
mod limits;
mod recorder;
mod recording;
pub mod replay;
mod rows;
mod scan;
mod schema;
mod shape;
mod source;
#[cfg(test)]
pub(crate) mod tests;
pub mod write;

pub use decode::{Decoder, Known};
pub use recorder::{Recorder, Tape, failed};
pub use recording::{Recorded, Recording};
pub use source::Source;
