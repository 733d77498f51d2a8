//! There and back: what was recorded reads as what was live, and what is no recording says so.

mod hostile;
mod round;

use std::sync::Arc;

use super::write::{Writer, whole};
use super::{Known, Recording, Source};
use crate::enrich::host::Host;
use crate::export::Exporter;
use crate::export::tests::Shared;
use crate::export::{Format, Shown, exporter, sample};
use crate::frame::{Frame, Schema};

pub(crate) fn host() -> Host {
    Host { hostname: "web-07".into(), kernel: "6.1".into(), arch: "x86_64".into(), cpus: 2, boot_id: Some("b".into()) }
}

/// This program knows no view.
pub(crate) fn knows_nothing() -> Known {
    Arc::new(|_, _| None)
}

/// This program knows these views, each with the columns of the frame.
pub(crate) fn knows(frames: &[Frame]) -> Known {
    let known: Vec<(Arc<str>, Arc<Schema>)> =
        frames.iter().map(|frame| (frame.view.clone(), frame.table.schema.clone())).collect();
    Arc::new(move |name, _| known.iter().find(|(view, _)| **view == *name).map(|(_, schema)| schema.clone()))
}

/// `frame` as the one of interval `index`, a second after the other.
pub(crate) fn nth(frame: &Frame, index: u64) -> Frame {
    let mut frame = frame.clone();
    frame.interval.index = index;
    frame.time.mono_ns += index * 1_000_000_000;
    frame.time.wall_ns += index * 1_000_000_000;
    frame
}

/// Three views for some seconds.
pub(crate) fn stream(seconds: u64) -> Vec<Frame> {
    let other = Frame { view: "other".into(), ..sample::table() };
    let each = [sample::table(), sample::histogram(), other];
    (0..seconds).flat_map(|index| each.iter().map(move |frame| nth(frame, index)).collect::<Vec<_>>()).collect()
}

/// A recording of frames.
pub(crate) fn recorded(frames: &[Frame]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out).unwrap();
    writer.begin(&host()).unwrap();
    frames.iter().for_each(|frame| writer.frame(&whole(frame)).unwrap());
    writer.end().unwrap();
    drop(writer);
    out
}

pub(crate) fn opened(bytes: Vec<u8>, known: Known) -> Result<Recording, String> {
    Recording::open(Source::held("test", bytes.leak()), known)
}

/// What `--ndjson` or `--json` writes of frames.
pub(crate) fn exported(format: Format, frames: &[Frame]) -> String {
    let out = Shared::default();
    let mut exporter = exporter(format, out.clone());
    exporter.begin(&host()).unwrap();
    frames.iter().for_each(|frame| exporter.frame(&Shown::whole(frame.clone())).unwrap());
    exporter.end().unwrap();
    out.text()
}

/// All frames of a recording, and what went wrong.
pub(crate) fn read(recording: &Recording) -> (Vec<Frame>, Vec<String>) {
    let (mut frames, mut wrong) = (vec![], vec![]);
    let mut items = recording.frames(0);
    while let Some(found) = items.next(|_, _| true) {
        match found {
            Ok(frame) => frames.push(frame),
            Err(trouble) => wrong.push(format!("{trouble:?}")),
        }
    }
    (frames, wrong)
}
