//! Cross-hair, rectangles and clicks.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::super::glyphs::Level;
use super::super::message::Input;
use super::super::view::Rendering;
use super::{SIZE, heat, table};

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
