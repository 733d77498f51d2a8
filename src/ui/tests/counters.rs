//! Views of one row: what they look like, and what keys do in them.

use std::sync::Arc;

use super::super::glyphs::Level;
use super::super::testing::{Rig, column, disk_frame, frame, number};
use super::screens::{at_every_size, with_keys};
use crate::frame::{Agg, Formula, Frame, Kind, Schema, Table, Unit};
use crate::ui::view::Rendering;

/// Page cache of the whole host: one row.
pub fn counters_frame(index: u64) -> Frame {
    let ratio = Agg::Formula(Formula::Share { part: 0, rest: 1 });
    let schema = Schema {
        columns: vec![
            column("hits", "HITS", Some(Unit::Pages), Agg::Sum, (5, 8), 5),
            column("misses", "MISSES", Some(Unit::Pages), Agg::Sum, (5, 8), 5),
            column("dirtied", "DIRTIED", Some(Unit::Pages), Agg::Sum, (5, 8), 5),
            column("ratio", "HIT%", Some(Unit::Ratio), ratio, (4, 6), 5),
            column("buffers", "BUFFERS", Some(Unit::Bytes), Agg::Last, (6, 9), 5),
            column("cached", "CACHED", Some(Unit::Bytes), Agg::Last, (6, 9), 5),
        ],
        key: vec![],
        totals: vec![0, 1, 2],
        sort: Some((0, true)),
    };
    let mut table = Table::new(Arc::new(schema));
    table.push_row();
    let wave = index % 8;
    number(&mut table, 0, 0, 91_202 + wave * wave * 4000);
    number(&mut table, 0, 1, if wave == 3 { 0 } else { 1201 * wave });
    number(&mut table, 0, 2, 0);
    number(&mut table, 0, 4, 27_262_976);
    number(&mut table, 0, 5, 3_758_096_384 + (wave << 24));
    table.derive();
    frame("cachestat", Kind::Counters, table, index)
}

fn counters(size: (u16, u16), level: Level) -> Rig {
    let mut rig = Rig::new(&["cachestat"], size, level);
    for index in 0..30 {
        rig.frame(counters_frame(index));
    }
    rig
}

fn toast(rig: &Rig) -> String {
    format!("{:?}", rig.app.toast)
}

#[test]
fn every_number_has_its_line() {
    at_every_size("counters", counters);
}

#[test]
fn m_draws_the_table_and_enter_looks_into_the_row() {
    let rig = counters((80, 24), Level::Unicode);
    assert_eq!(rig.app.view().unwrap().rendering(), Rendering::Trend);
    at_every_size("counters_table", |size, level| with_keys(counters(size, level), "m"));
    at_every_size("counters_detail", |size, level| with_keys(counters(size, level), "Enter"));
}

#[test]
fn since_the_start_the_number_is_the_total_and_its_past_that_of_intervals() {
    at_every_size("counters_since_start", |size, level| with_keys(counters(size, level), "a a"));
}

#[test]
fn in_a_pane_they_are_lines_too() {
    at_every_size("counters_pane", |size, level| {
        let mut rig = Rig::new(&["biotop", "cachestat"], size, level);
        rig.keys("0");
        for index in 0..8 {
            rig.frame(disk_frame(index));
            rig.frame(counters_frame(index));
        }
        rig
    });
}

#[test]
fn a_filter_does_not_apply_and_says_so() {
    let mut rig = counters((80, 24), Level::Unicode);
    rig.keys("/");
    assert!(toast(&rig).contains("no filter applies"), "{}", toast(&rig));
    assert!(rig.app.overlays.is_empty());
    rig.app.view_mut().unwrap().filter = "nothing".into();
    rig.app.view_mut().unwrap().hide_idle = true;
    let mut frame = counters_frame(30);
    frame.table.row_mut(0).fill(crate::frame::Value::Uint(0));
    rig.frame(frame);
    assert_eq!(rig.app.view().unwrap().shown.as_ref().unwrap().rows.len(), 1, "its row is always there");
}

#[test]
fn lines_that_do_not_fit_are_scrolled_to() {
    let mut rig = counters((20, 5), Level::Unicode);
    let first = rig.screen();
    assert!(first.contains("HITS") && first.contains("+3 more") && !first.contains("CACHED"), "{first}");
    rig.keys("G");
    let last = rig.screen();
    assert!(last.contains("CACHED") && !last.contains("HITS"), "{last}");
    let mut rig = counters((80, 24), Level::Unicode);
    rig.keys("j");
    assert!(toast(&rig).contains("all numbers"), "{}", toast(&rig));
}

#[test]
fn a_slow_line_has_no_pictures() {
    let mut rig = counters((80, 24), Level::Ascii);
    rig.app.options.slow = true;
    let shown = rig.screen();
    assert!(!shown.contains("TREND") && shown.contains("MAX"), "{shown}");
}
