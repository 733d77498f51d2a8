//! Tests of the whole explorer without a terminal.

mod bytes;
mod config;
mod core;
pub(super) mod counters;
mod fuzz;
mod keys;
mod latency;
mod log;
mod mouse;
mod replay;
mod rows;
mod screens;
mod styled;
mod tools;

use super::glyphs::Level;
use super::testing::{Rig, cache_frame, disk_frame, hist_frame, net_frame};

/// The smallest screen that shows everything.
const SIZE: (u16, u16) = (80, 24);

/// Screens that everything is drawn at.
const SIZES: [(u16, u16); 5] = [(80, 24), (60, 16), (40, 10), (20, 5), (200, 60)];

/// The explorer on one view that has delivered some frames.
fn table(size: (u16, u16), level: Level) -> Rig {
    let mut rig = Rig::new(&["biotop"], size, level);
    for index in 0..8 {
        rig.frame(disk_frame(index));
    }
    rig
}

/// A distribution, or a list of them.
fn histogram(size: (u16, u16), level: Level, keyed: bool) -> Rig {
    let mut rig = Rig::new(&["runqlat"], size, level);
    for index in 0..4 {
        rig.frame(hist_frame(index, keyed));
    }
    rig
}

/// The overview.
fn dashboard(size: (u16, u16), level: Level) -> Rig {
    let mut rig = Rig::new(&[], size, level);
    for index in 0..4 {
        rig.frame(disk_frame(index));
        rig.frame(net_frame(index));
        rig.frame(hist_frame(index, false));
        rig.frame(cache_frame(index));
    }
    rig
}

fn selected_pid(rig: &Rig) -> u64 {
    let view = rig.app.view().unwrap();
    let shown = view.shown.as_ref().unwrap();
    let row = &shown.rows[view.selected_row().unwrap()];
    shown.table(row).cell(row.at as usize, 0).as_u64().unwrap()
}

fn pids(rig: &Rig) -> Vec<u64> {
    let shown = rig.app.view().unwrap().shown.as_ref().unwrap();
    shown.rows.iter().map(|row| shown.table(row).cell(row.at as usize, 0).as_u64().unwrap()).collect()
}

/// A distribution with enough history to fill a picture over time.
fn heat(size: (u16, u16), level: Level, frames: u64) -> Rig {
    let mut rig = Rig::new(&["runqlat"], size, level);
    for index in 0..frames {
        rig.frame(heat_frame(index));
    }
    rig
}

/// As [`hist_frame`], with a tail that comes and goes and a middle that moves.
fn heat_frame(index: u64) -> crate::frame::Frame {
    let mut frame = hist_frame(index, false);
    let buckets = &mut frame.histograms[0].buckets;
    for (at, count) in buckets.iter_mut().enumerate() {
        *count = match at as u64 {
            10.. if (index + at as u64).is_multiple_of(7) => 0,
            18.. => *count * (index * 7 % 5),
            _ => *count * (1 + (index * at as u64) % 3),
        };
    }
    if index.is_multiple_of(23) {
        frame.lost.events = 5;
    }
    frame
}
