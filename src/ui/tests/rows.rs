//! Rows over time: order, selection, accumulation, standing still.

use std::time::Duration;

use super::super::glyphs::Level;
use super::super::testing::{Rig, disk_frame};
use super::{SIZE, pids, selected_pid, table};
use crate::frame::{Frame, Mode};

fn only(frame: Frame, rows: &[u32]) -> Frame {
    frame.select(rows)
}

#[test]
fn the_selection_follows_its_key() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("j j");
    assert_eq!(selected_pid(&rig), 611);
    rig.pass(Duration::from_secs(3));
    rig.keys("r");
    assert_eq!(selected_pid(&rig), 611);
    rig.keys("gg");
}

#[test]
fn a_row_that_is_gone_stays_for_three_frames_and_its_neighbour_takes_over() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("j");
    assert_eq!(selected_pid(&rig), 4412);
    rig.pass(Duration::from_secs(3));
    for index in 8..11 {
        rig.frame(only(disk_frame(index), &[0, 2, 3]));
        assert_eq!(selected_pid(&rig), 4412, "frame {index}");
        let view = rig.app.view().unwrap();
        let row = &view.shown.as_ref().unwrap().rows[1];
        assert!(row.gone);
    }
    rig.frame(only(disk_frame(11), &[0, 2, 3]));
    assert_eq!(selected_pid(&rig), 611);
    rig.frame(only(disk_frame(12), &[0, 1, 2, 3]));
    assert_eq!(selected_pid(&rig), 611);
    let fresh: Vec<bool> = rig.app.view().unwrap().shown.as_ref().unwrap().rows.iter().map(|row| row.fresh).collect();
    assert_eq!(fresh, [false, true, false, false], "back again is new");
}

#[test]
fn rows_do_not_move_under_the_hand_of_the_user() {
    let mut rig = table(SIZE, Level::Unicode);
    let before = pids(&rig);
    rig.keys("j");
    let mut frame = disk_frame(8);
    let last = frame.table.len() - 1;
    frame.table.row_mut(last)[5] = crate::frame::Value::Uint(u64::MAX / 2);
    rig.frame(frame);
    assert_eq!(pids(&rig), before, "held");
    assert!(rig.screen().contains("hold"));
    rig.pass(Duration::from_secs(2));
    assert_eq!(pids(&rig)[0], 782, "sorted again");
}

#[test]
fn sorting_by_keys_and_menu() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("s a");
    assert_eq!(pids(&rig)[0], 0, "ids start at the smallest");
    rig.keys("a Esc");
    assert_eq!(pids(&rig)[0], 30021, "the same letter again reverses");
    rig.keys("s e Esc >");
    assert_eq!(rig.app.view().unwrap().sort.as_ref().unwrap().0, "bytes");
    rig.keys("<");
    assert_eq!(rig.app.view().unwrap().sort.as_ref().unwrap().0, "io");
    assert!(rig.app.overlays.is_empty());
}

#[test]
fn standing_still_does_not_stop_the_collection() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("Space");
    let shown = pids(&rig);
    let at = rig.app.view().unwrap().shown.as_ref().unwrap().source.interval.index;
    for index in 8..20 {
        rig.frame(only(disk_frame(index), &[3]));
    }
    assert_eq!(pids(&rig), shown);
    assert_eq!(rig.app.view().unwrap().history.len(), 20);
    rig.keys("[");
    assert_eq!(rig.app.view().unwrap().shown.as_ref().unwrap().source.interval.index, at - 1);
    rig.keys("] ]");
    assert_eq!(rig.app.view().unwrap().shown.as_ref().unwrap().source.interval.index, at + 1);
    rig.keys("{");
    assert_eq!(rig.app.view().unwrap().shown.as_ref().unwrap().source.interval.index, 0);
    rig.keys("Esc");
    assert_eq!(pids(&rig), [1187]);
    assert!(rig.app.cursor.is_none());
}

#[test]
fn since_start_in_the_past_shows_what_was_known_then() {
    let sum = |rig: &Rig| {
        let frame = &rig.app.view().unwrap().shown.as_ref().unwrap().frame;
        assert_eq!(frame.interval.mode, Mode::SinceStart);
        frame.table.sum(5).as_u64().unwrap()
    };
    let of =
        |frames: std::ops::Range<u64>| -> u64 { frames.map(|i| disk_frame(i).table.sum(5).as_u64().unwrap()).sum() };
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("a a");
    assert_eq!(sum(&rig), of(0..8));
    rig.keys("Space [ [");
    assert_eq!(sum(&rig), of(0..6));
    rig.frame(disk_frame(8));
    assert_eq!(sum(&rig), of(0..6));
    rig.keys("Space");
    assert_eq!(sum(&rig), of(0..9));
    rig.keys("a");
    assert_eq!(rig.app.view().unwrap().mode, Mode::Interval);
}

#[test]
fn per_second_divides_by_the_real_length() {
    let mut rig = Rig::new(&["biotop"], SIZE, Level::Unicode);
    let mut frame = disk_frame(0);
    frame.interval.real_ns = 2_000_000_000;
    rig.frame(frame);
    rig.keys("a");
    let shown = rig.app.view().unwrap().shown.as_ref().unwrap().frame.clone();
    assert_eq!(shown.table.cell(0, 4).as_f64(), Some(406.0));
}

#[test]
fn what_rows_are_put_together_by_comes_first() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.app.group_rows("disk").expect("a table can be grouped");
    let screen = rig.screen();
    let head = screen.lines().nth(2).expect("heads");
    assert!(head.trim_start().starts_with("DISK"), "{head}");
    // Also where the user chose other columns.
    rig.keys(":");
    rig.type_in("show io,bytes");
    rig.keys("Enter");
    let screen = rig.screen();
    assert!(screen.lines().nth(2).expect("heads").trim_start().starts_with("DISK"), "{screen}");
}
