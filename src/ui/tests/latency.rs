//! Single events that have a latency, as a picture over time.

use std::sync::Arc;

use super::super::glyphs::Level;
use super::super::testing::{Rig, column, exec_frame, frame, number, text};
use super::super::view::Rendering;
use crate::frame::{Agg, Frame, Kind, Schema, Table, Unit, Value};
use crate::views::Registry;

/// Requests of these processes, each with how long it took.
fn block_frame(index: u64, events: &[(&str, Option<u64>)]) -> Frame {
    let schema = Schema {
        columns: vec![
            column("time_ns", "TIME_NS", Some(Unit::Ns), Agg::Key, (6, 9), 1),
            column("comm", "COMM", None, Agg::Last, (6, 16), 2),
            column("latency", "LAT", Some(Unit::Ns), Agg::Last, (6, 9), 2),
        ],
        key: vec![0],
        totals: vec![],
        sort: Some((0, false)),
    };
    let mut table = Table::new(Arc::new(schema));
    for (at, &(comm, latency)) in events.iter().enumerate() {
        table.push_row();
        number(&mut table, at, 0, index * 1_000_000_000 + at as u64);
        text(&mut table, at, 1, comm.as_bytes());
        table.row_mut(at)[2] = latency.map_or(Value::Null, Value::Uint);
    }
    frame("biosnoop", Kind::Events, table, index)
}

fn rig(size: (u16, u16)) -> Rig {
    let mut rig = Rig::new(&["biosnoop"], size, Level::Unicode);
    rig.app.views[0].decl = Registry::get().find("biosnoop").map(|view| &view.decl);
    rig
}

/// All counts on the picture, by column and bucket.
fn counts(rig: &mut Rig) -> Vec<(usize, u64)> {
    rig.screen();
    let columns = rig.app.views[0].heat.columns.values();
    let each = |(bucket, &n): (usize, &u64)| (n > 0).then_some((bucket, n));
    columns.flat_map(|column| column.hist.buckets.iter().enumerate().filter_map(each).collect::<Vec<_>>()).collect()
}

#[test]
fn a_map_counts_exactly_the_events_of_each_interval() {
    let mut rig = rig((80, 24));
    rig.frame(block_frame(0, &[("fio", Some(1000)), ("fio", Some(1023)), ("dd", Some(1024)), ("dd", None)]));
    let mut lossy = block_frame(1, &[("dd", Some(70_000))]);
    lossy.lost.events = 3;
    rig.frame(lossy);
    rig.keys("m m");
    assert_eq!(rig.app.view().unwrap().rendering(), Rendering::HeatMap);
    assert_eq!(counts(&mut rig), [(9, 2), (10, 1), (16, 1)]);
    let columns: Vec<(u64, bool)> = rig.app.views[0].heat.columns.values().map(|c| (c.unknown, c.lost)).collect();
    assert_eq!(columns, [(1, false), (0, true)]);
    let screen = rig.screen();
    assert!(screen.contains("4 events drawn, 1 without a latency"), "{screen}");
    rig.frame(block_frame(2, &[("fio", Some(1))]));
    assert_eq!(counts(&mut rig), [(9, 2), (10, 1), (16, 1), (0, 1)], "a tick adds a column");
}

#[test]
fn a_filter_chooses_what_a_map_counts() {
    let mut rig = rig((80, 24));
    rig.frame(block_frame(0, &[("fio", Some(1000)), ("dd", Some(1024)), ("dd", Some(1025))]));
    rig.keys("m m");
    assert_eq!(counts(&mut rig), [(9, 1), (10, 2)]);
    rig.keys("/");
    rig.type_in("comm=dd");
    rig.keys("Enter");
    assert_eq!(counts(&mut rig), [(10, 2)]);
}

#[test]
fn events_up_to_the_moment_of_the_cross_hair_are_a_key_away() {
    let mut rig = rig((80, 24));
    for index in 0..3 {
        rig.frame(block_frame(index, &[("fio", Some(1000 << index))]));
    }
    rig.keys("m m");
    rig.screen();
    rig.keys("[");
    rig.screen();
    assert!(rig.app.has_cross());
    rig.keys("Enter");
    let view = rig.app.view().unwrap();
    assert_eq!((view.rendering(), view.shown.as_ref().unwrap().rows.len()), (Rendering::Log, 2));
}

#[test]
fn what_has_no_latency_says_so_and_other_events_have_no_map() {
    let mut rig = rig((80, 24));
    rig.frame(block_frame(0, &[("fio", None)]));
    rig.keys("m m");
    let screen = rig.screen();
    assert!(screen.contains("how long these events took is not known"), "{screen}");
    let mut rig = Rig::new(&["execsnoop"], (80, 24), Level::Unicode);
    rig.frame(exec_frame(0));
    assert_eq!(rig.app.view().unwrap().renderings(), [Rendering::Log, Rendering::Table]);
}

#[test]
fn what_the_map_of_events_looks_like() {
    super::screens::at_every_size("latency_map", |size, level| {
        let mut rig = Rig::new(&["biosnoop"], size, level);
        rig.app.views[0].decl = Registry::get().find("biosnoop").map(|view| &view.decl);
        for index in 0..24u64 {
            // Two crowds, fast reads and slower writes, and now and then one that waits.
            let read = |at: u64| ("postgres", Some(60_000 + 9_000 * ((index + at) % 5)));
            let write = |at: u64| ("fio", Some(900_000 * (1 + (index + at) % 3)));
            let mut events: Vec<_> = (0..12).map(read).chain((0..4).map(write)).collect();
            if index.is_multiple_of(9) {
                events.push(("jbd2/nvme0n1p1", Some(38_000_000)));
            }
            if index == 7 {
                events.push(("dd", None));
            }
            let mut frame = block_frame(index, &events);
            frame.lost.events = if index == 12 { 3 } else { 0 };
            rig.frame(frame);
        }
        rig.keys("m m");
        rig.screen();
        rig.app.toast = None;
        rig
    });
}

#[test]
fn every_size_draws_something() {
    for size in [(200, 60), (80, 24), (40, 12), (20, 5), (12, 2)] {
        let mut rig = rig(size);
        rig.frame(block_frame(0, &[("fio", Some(1000))]));
        rig.keys("m m");
        assert!(rig.screen().contains("biosnoop"), "{size:?}");
    }
}
