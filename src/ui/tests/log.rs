//! Single events: the log, its ends, and what is counted from it.

use std::time::Duration;

use super::super::glyphs::Level;
use super::super::testing::{Rig, exec_frame};
use super::super::view::Rendering;
use super::screens::{at_every_size, with_keys};

fn log(size: (u16, u16), level: Level, frames: u64) -> Rig {
    let mut rig = Rig::new(&["execsnoop"], size, level);
    for index in 0..frames {
        let mut frame = exec_frame(index);
        frame.lost.events = if index == 5 { 12 } else { 0 };
        rig.frame(frame);
    }
    rig
}

/// The row with the cursor.
fn selected(rig: &Rig) -> u64 {
    let view = rig.app.view().unwrap();
    let shown = view.shown.as_ref().unwrap();
    let row = &shown.rows[view.selected_row().unwrap()];
    shown.table(row).cell(row.at as usize, 6).as_u64().unwrap()
}

fn newest(rig: &Rig) -> u64 {
    let frame = rig.app.view().unwrap().history.last().unwrap();
    frame.table.cell(frame.table.len() - 1, 6).as_u64().unwrap()
}

#[test]
fn the_log_at_several_sizes() {
    at_every_size("log", |size, level| log(size, level, 6));
}

#[test]
fn it_follows_the_newest_until_the_user_goes_back() {
    let mut rig = log((80, 24), Level::Unicode, 20);
    assert_eq!(selected(&rig), newest(&rig));
    rig.frame(exec_frame(20));
    assert_eq!(selected(&rig), newest(&rig));
    rig.keys("k k k");
    let here = selected(&rig);
    assert!(here < newest(&rig));
    rig.frame(exec_frame(21));
    rig.pass(Duration::from_secs(5));
    rig.frame(exec_frame(22));
    assert_eq!(selected(&rig), here, "it stays where the user is");
    rig.keys("G");
    rig.frame(exec_frame(23));
    assert_eq!(selected(&rig), newest(&rig), "at the end it follows again");
}

#[test]
fn standing_still_shows_the_log_of_then() {
    let mut rig = log((80, 24), Level::Unicode, 6);
    rig.keys("Space");
    let then = selected(&rig);
    rig.frame(exec_frame(6));
    assert_eq!(selected(&rig), then);
    rig.keys("[");
    assert!(selected(&rig) < then, "a step back in time");
    rig.keys("Space");
    assert_eq!(selected(&rig), newest(&rig));
}

#[test]
fn a_filter_finds_what_is_held_and_enter_tells_all() {
    let filtered = |size, level| {
        let mut rig = log(size, level, 6);
        rig.keys("/");
        rig.type_in("ret<0");
        rig.keys("Enter");
        rig
    };
    at_every_size("log_filtered", filtered);
    at_every_size("log_detail", |size, level| {
        let mut rig = filtered(size, level);
        rig.keys("Enter");
        rig
    });
}

#[test]
fn m_counts_what_is_held() {
    at_every_size("log_counted", |size, level| with_keys(log(size, level, 6), "m"));
    let mut rig = log((80, 24), Level::Unicode, 6);
    rig.keys("m");
    assert_eq!(rig.app.view().unwrap().rendering(), Rendering::Table);
    rig.keys("m");
    assert_eq!(rig.app.view().unwrap().rendering(), Rendering::Log);
    assert_eq!(selected(&rig), newest(&rig));
}
