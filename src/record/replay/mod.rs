//! Views of a recording, opened as if they were running.
//!
//! Batch mode wants all frames, in the order of the file and as fast as it takes them:
//! [`Sequence`]. The explorer wants them when their time comes, by a clock that the user stops and
//! moves: [`Player`].

mod player;
mod sequence;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::feed::Request;
use crate::frame::{Cost, Frame, Interval, Kind, Lost, Reason, ReasonClass, Stamp, Status, Table, Unavailable};

pub use player::Player;
pub use sequence::Sequence;

use super::Recording;

/// What a view is that the recording does not hold.
fn absent(recording: &Recording, request: &Request) -> Arc<Frame> {
    let names: Vec<&str> = recording.views().iter().map(|view| view.name.as_str()).collect();
    let reason = Reason {
        class: ReasonClass::TargetMissing,
        message: format!("the recording does not hold {}", request.view),
        remedy: format!("open a view that was recorded: {}", names.join(", ")),
    };
    let (first, _) = recording.span();
    Arc::new(Frame {
        view: request.view.as_str().into(),
        kind: Kind::Table,
        status: Status::Unavailable(Box::new(Unavailable { reason, tried: Vec::new() })),
        time: Stamp { ..first },
        interval: Interval::default(),
        settings: Arc::new([]),
        hooks: Arc::new([]),
        table: Table::default(),
        histograms: Vec::new(),
        lost: Lost::default(),
        cost: Cost::default(),
    })
}
