//! Cross-hair, rectangles and clicks.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::super::glyphs::Level;
use super::super::message::Input;
use super::super::overlay::Overlay;
use super::super::testing::{Rig, exec_frame};
use super::super::view::Rendering;
use super::{SIZE, heat, histogram, table};

fn press(rig: &mut Rig, column: u16, row: u16) {
    let kind = MouseEventKind::Down(MouseButton::Left);
    rig.input(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

/// The row of the screen that has this text.
fn row_of(rig: &mut Rig, text: &str) -> u16 {
    let screen = rig.screen();
    screen.lines().position(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text}: {screen}")) as u16
}

#[test]
fn rows_of_logs_and_of_lists_of_distributions_take_clicks() {
    let mut log = Rig::new(&["execsnoop"], SIZE, Level::Unicode);
    (0..3).for_each(|index| log.frame(exec_frame(index)));
    log.screen();
    press(&mut log, 20, 6);
    assert_eq!(log.app.view().unwrap().selected_row(), Some(2));
    press(&mut log, 20, 6);
    assert!(matches!(log.app.overlays.last(), Some(Overlay::Detail(_))), "twice is Enter");
    let mut list = histogram(SIZE, Level::Unicode, true);
    let row = row_of(&mut list, "worker/3");
    press(&mut list, 10, row);
    assert_eq!(list.app.view().unwrap().selected_row(), Some(3));
    let shown = list.screen();
    assert!(shown.lines().nth(row as usize).unwrap().starts_with('▌'), "{shown}");
}

#[test]
fn lists_over_the_screen_take_clicks() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("v");
    let heading = row_of(&mut rig, "Network and sockets");
    let row = row_of(&mut rig, "tcptop");
    press(&mut rig, 10, heading);
    press(&mut rig, 10, row);
    let Some(Overlay::Picker(picker)) = rig.app.overlays.last() else { panic!("{:?}", rig.app.overlays) };
    assert_eq!(picker.found[picker.at].name, "tcptop");
    press(&mut rig, 10, row);
    assert!(rig.app.overlays.is_empty());
    assert_eq!(rig.app.view().unwrap().name, "tcptop");
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("Ctrl-t");
    let row = row_of(&mut rig, "high-contrast");
    press(&mut rig, 60, row);
    assert_eq!(rig.app.theme_name, "high-contrast", "it is tried at once");
    press(&mut rig, 60, row + 10);
    press(&mut rig, 2, row);
    assert_eq!(rig.app.theme_name, "high-contrast", "and nothing beside a line is one");
    rig.keys("c");
    rig.keys("Esc");
    rig.keys("Esc");
    assert_eq!(rig.app.theme_name, "default");
}

#[test]
fn a_heat_map_is_walked_and_measured() {
    let mut rig = heat(SIZE, Level::Unicode, 100);
    rig.screen();
    rig.keys("Space");
    rig.screen();
    let moment = rig.app.cursor;
    rig.keys("Left");
    assert!(rig.app.cursor < moment);
    rig.screen();
    rig.keys("Up");
    assert!(rig.screen().contains("events"), "{}", rig.screen());
    let mouse = |kind, column, row| Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    rig.input(mouse(MouseEventKind::Down(MouseButton::Left), 20, 16));
    rig.screen();
    rig.input(mouse(MouseEventKind::Drag(MouseButton::Left), 30, 18));
    let choice = rig.app.view().unwrap().heat.choice.unwrap();
    assert_eq!(choice.columns.1 - choice.columns.0, 10);
    assert!(choice.buckets.1 > choice.buckets.0 + 1);
    assert!(rig.screen().lines().nth(1).unwrap().contains('–'), "{}", rig.screen());
    rig.keys("Enter");
    assert_eq!(rig.app.view().unwrap().rendering(), Rendering::Table);
    assert!(rig.app.cursor.is_some(), "the moment stays");
    rig.keys("Space m");
    assert_eq!(rig.app.view().unwrap().rendering(), Rendering::Histogram);
    rig.screen();
    rig.keys(") )");
    rig.screen();
    assert_eq!(rig.app.view().unwrap().heat.frames(), 5);
}

#[test]
fn labels_are_never_half_a_number() {
    let mut rig = heat(SIZE, Level::Unicode, 20);
    rig.keys("m u");
    assert!(rig.screen().contains("524µs") && !rig.screen().contains("524,28"), "{}", rig.screen());
    rig.keys("m");
    assert!(rig.screen().contains("1.9ms"), "{}", rig.screen());
}

#[test]
fn the_timeline_takes_clicks() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("Space");
    let press = MouseEventKind::Down(MouseButton::Left);
    rig.input(Input::Mouse(MouseEvent { kind: press, column: 13, row: 23, modifiers: KeyModifiers::NONE }));
    assert_eq!(rig.app.view().unwrap().shown.as_ref().unwrap().source.interval.index, 2);
}
