//! Palette, columns, groups, limits, copies, panes, settings: what users change.

use std::time::Duration;

use super::super::app::Screen;
use super::super::glyphs::{Depth, Level};
use super::super::message::{Effect, Input};
use super::super::overlay::Overlay;
use super::super::testing::{Rig, disk_frame, hist_frame};
use super::{SIZE, dashboard, histogram, pids, selected_pid, table};
use crate::export::Format;
use crate::feed::Command;
use crate::frame::SettingValue;

fn toast(rig: &Rig) -> String {
    rig.app.toast.as_ref().map(|(text, _)| text.clone()).unwrap_or_default()
}

fn say(rig: &mut Rig, text: &str) {
    rig.keys(":");
    rig.type_in(text);
    rig.keys("Enter");
}

#[test]
fn the_palette_finds_actions_words_and_views() {
    let mut rig = table(SIZE, Level::Unicode);
    say(&mut rig, "interval 2");
    assert_eq!(rig.app.interval, Duration::from_secs(2));
    say(&mut rig, "theme light");
    assert_eq!(rig.app.theme_name, "light");
    say(&mut rig, "log-scale");
    assert!(rig.app.view().unwrap().log_scale);
    say(&mut rig, "tcptop");
    assert_eq!(rig.app.view().unwrap().name, "tcptop");
    rig.keys("1");
    say(&mut rig, "reverse");
    assert_eq!(rig.app.view().unwrap().sort, Some(("bytes".into(), false)));
    say(&mut rig, "equal-panes");
    assert!(toast(&rig).contains("does not work here"));
    // A word that needs more says what, and takes it.
    rig.keys(":");
    rig.type_in("thres");
    rig.keys("Enter");
    assert!(toast(&rig).contains("COLUMN"));
    rig.type_in("bytes warn 1x");
    rig.keys("Enter");
    assert!(toast(&rig).contains("not"), "{}", toast(&rig));
    rig.keys("Ctrl-w");
    rig.type_in("1M");
    rig.keys("Enter");
    assert!(rig.app.overlays.is_empty(), "{}", toast(&rig));
    assert_eq!(rig.app.view().unwrap().thresholds.len(), 1);
    // What was said comes back with the arrows.
    rig.keys(": Up Up");
    let Some(Overlay::Palette(palette)) = rig.app.overlays.last() else { panic!("no palette") };
    assert_eq!(palette.input.value(), "reverse".replace("reverse", "equal-panes"));
    rig.keys("Down");
    let Some(Overlay::Palette(palette)) = rig.app.overlays.last() else { panic!("no palette") };
    assert_eq!(palette.input.value(), "threshold bytes warn 1M");
}

#[test]
fn a_time_of_day_is_gone_to() {
    let mut rig = table(SIZE, Level::Unicode);
    // The frames of the fixture end at 11:13:20 and each second after that.
    say(&mut rig, "at 11:13:23");
    let shown = |rig: &Rig| rig.app.view().unwrap().shown.as_ref().unwrap().source.interval.index;
    assert_eq!(shown(&rig), 3, "{}", toast(&rig));
    say(&mut rig, "at -2s");
    assert_eq!(shown(&rig), 5);
    say(&mut rig, "at 09:00");
    assert!(toast(&rig).contains("nothing older"));
    rig.keys("Esc Esc");
    say(&mut rig, "at noon");
    assert!(toast(&rig).contains("is no time such as"));
}

#[test]
fn columns_are_chosen_moved_and_sized() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("c Down Space Esc");
    assert!(!rig.screen().contains("COMM"));
    rig.keys("c > Esc");
    let columns = rig.app.view().unwrap().chosen.clone().unwrap();
    assert_eq!(columns[..2], ["rw", "pid"]);
    rig.keys("c a Esc");
    assert_eq!(rig.app.view().unwrap().chosen.as_ref().unwrap().len(), 9);
    rig.keys("c + + Esc");
    assert_eq!(rig.app.view().unwrap().widths.len(), 1);
    rig.keys("c d Esc");
    assert!(rig.app.view().unwrap().chosen.is_none() && rig.screen().contains("COMM"));
    rig.keys("c T");
    rig.type_in("warn 5");
    rig.keys("Enter");
    assert!(toast(&rig).contains("pid is a name"), "{}", toast(&rig));
    rig.keys("Esc Down Down Down Down T");
    rig.type_in("nonsense");
    rig.keys("Enter");
    assert!(toast(&rig).contains("nonsense?"));
    rig.keys("Esc Esc");
    assert!(rig.app.overlays.is_empty());
}

#[test]
fn rows_are_put_together_and_come_apart_again() {
    let mut rig = table(SIZE, Level::Unicode);
    let sum = |rig: &Rig| rig.app.view().unwrap().shown.as_ref().unwrap().frame.table.sum(5).as_u64();
    let before = (pids(&rig).len(), sum(&rig));
    say(&mut rig, "group disk");
    let view = rig.app.view().unwrap();
    assert_eq!(view.shown.as_ref().unwrap().rows.len(), 3);
    assert_eq!(sum(&rig), before.1);
    assert!(view.shown.as_ref().unwrap().rows.iter().all(|row| !row.fresh), "the groups were there before");
    rig.frame(disk_frame(8));
    assert!(rig.screen().contains("nvme0n1") && !rig.screen().contains("postgres"));
    assert!(rig.app.view().unwrap().trends.values().all(|values| values.iter().filter(|v| **v > 0.0).count() >= 2));
    for mode in ["a", "a", "a"] {
        rig.keys(mode);
        assert_eq!(rig.app.view().unwrap().shown.as_ref().unwrap().rows.len(), 3);
    }
    let mut seen = vec![];
    for _ in 0..10 {
        rig.keys("b");
        seen.push(rig.app.view().unwrap().group.clone());
    }
    assert!(
        seen.contains(&None) && seen.contains(&Some("pid".into())) && seen.contains(&Some("comm".into())),
        "{seen:?}"
    );
    say(&mut rig, "group none");
    assert_eq!(pids(&rig).len(), before.0);
}

#[test]
fn pins_stay_at_the_top_and_finds_go_round() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("j j j p");
    assert_eq!(pids(&rig)[0], 1187);
    rig.pass(Duration::from_secs(3));
    rig.frame(disk_frame(9));
    assert_eq!(pids(&rig)[0], 1187);
    assert!(rig.screen().lines().any(|line| line.contains("1187")));
    rig.keys("p");
    rig.pass(Duration::from_secs(3));
    assert_ne!(pids(&rig)[0], 1187);
    rig.keys("F3");
    rig.type_in("sd");
    rig.keys("Enter");
    let mut found = vec![selected_pid(&rig)];
    for _ in 0..4 {
        rig.keys("n");
        found.push(selected_pid(&rig));
    }
    let count = pids(&rig).len();
    assert_eq!(count, 14, "nothing is hidden");
    found.dedup();
    assert_eq!(found.len(), 5);
    rig.keys("N");
    assert_eq!(selected_pid(&rig), found[3]);
    rig.keys("F3 Ctrl-u");
    rig.type_in("nowhere");
    rig.keys("Enter");
    assert!(toast(&rig).contains("no row"));
}

#[test]
fn copies_go_to_the_clipboard_and_the_second_time_to_a_file() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.effects.clear();
    rig.keys("y");
    assert!(
        matches!(rig.effects.last(), Some(Effect::Copy(text)) if text.starts_with("21876\tpostgres\t")),
        "{:?}",
        rig.effects
    );
    assert!(toast(&rig).starts_with("copied (if the terminal allows)"));
    rig.keys("y");
    assert!(matches!(rig.effects.last(), Some(Effect::Write(path, _)) if path.ends_with(".txt")));
    rig.keys("j y");
    assert!(matches!(rig.effects.last(), Some(Effect::Copy(_))), "another key begins anew");
    rig.keys("Y");
    assert!(matches!(rig.effects.last(), Some(Effect::Copy(text)) if text.lines().count() == 15));
    rig.app.options.clipboard = false;
    rig.keys("j y");
    assert!(matches!(rig.effects.last(), Some(Effect::Write(..))));
    assert_eq!(super::super::copy::sequence("pid\n"), b"\x1b]52;c;cGlkCg==\x1b\\");
}

#[test]
fn a_baseline_is_an_outline_with_differences() {
    let mut rig = histogram(SIZE, Level::Unicode, false);
    rig.keys("B");
    rig.frame(hist_frame(7, false));
    let shown = rig.screen();
    assert!(shown.contains('Δ') && shown.contains("+4"), "{shown}");
    rig.keys("B");
    assert!(!rig.screen().contains('Δ'));
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("B");
    assert!(toast(&rig).contains("only distributions"));
}

#[test]
fn the_capture_form_checks_and_applies() {
    let mut rig = histogram(SIZE, Level::Unicode, false);
    rig.effects.clear();
    rig.keys("F");
    rig.type_in("zero");
    rig.keys("Enter");
    assert!(rig.screen().contains("not a process id"), "{}", rig.screen());
    rig.keys("Ctrl-u");
    rig.type_in("42");
    rig.keys("Enter");
    let pid = vec![("pid".to_owned(), SettingValue::Int(42))];
    assert!(matches!(rig.effects.last(), Some(Effect::Send(0, Command::Settings(set))) if *set == pid));
    assert!(rig.app.overlays.is_empty());
    rig.keys("F Enter");
    assert!(toast(&rig).contains("already"));
}

#[test]
fn limits_mark_rows_and_moments() {
    let mut rig = table(SIZE, Level::Unicode);
    say(&mut rig, "threshold bytes warn 5M crit 50M bell snapshot");
    rig.effects.clear();
    rig.frame(disk_frame(8));
    let shown = rig.screen();
    let line = |pid: &str| shown.lines().find(|line| line.contains(pid)).unwrap().to_owned();
    assert!(line("4412").starts_with('!') || line("4412").contains('!'), "{shown}");
    assert!(!line("2290").contains('!'), "{shown}");
    rig.keys("Space");
    rig.app.toast = None;
    assert!(rig.screen().lines().last().unwrap().contains('!'));
    // A view with limits stays loaded.
    rig.keys("0");
    rig.effects.clear();
    rig.pass(Duration::from_secs(40));
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Close(0))), "{:?}", rig.effects);
    rig.keys("1");
    // A row that gets worse rings once.
    rig.keys("Space");
    say(&mut rig, "threshold io crit 5 bell snapshot");
    let mut frame = disk_frame(9);
    frame.table.row_mut(13)[4] = crate::frame::Value::Uint(1000);
    rig.effects.clear();
    rig.frame(frame);
    assert!(rig.effects.iter().any(|effect| matches!(effect, Effect::Bell)));
    assert!(
        rig.effects.iter().any(|effect| matches!(effect, Effect::Export(_, Format::Json, frames) if frames.len() == 1))
    );
}

#[test]
fn panes_come_go_and_move() {
    let mut rig = dashboard(SIZE, Level::Unicode);
    rig.keys("X");
    assert_eq!(rig.app.panes.len(), 3);
    rig.keys("X X");
    assert_eq!(rig.app.panes.len(), 2);
    assert!(toast(&rig).contains("two panes"));
    rig.keys("A");
    rig.type_in("biotop");
    rig.keys("Enter");
    assert_eq!((rig.app.panes.len(), rig.app.screen), (3, Screen::Dashboard));
    let before = rig.app.panes.clone();
    rig.keys("H K M L Enter");
    assert_eq!([rig.app.panes[0], rig.app.panes[1]], [before[1], before[0]]);
    assert_eq!(rig.app.focus, 1);
    assert!(!rig.app.moving);
    rig.keys("=");
    assert!(toast(&rig).contains("equal"));
    rig.keys("W");
    let layout = rig.app.layout();
    assert_eq!(layout.panes.len(), 3);
    assert!(matches!(rig.effects.last(), Some(Effect::Keep(kept)) if kept.layout == layout));
}

#[test]
fn settings_say_where_they_come_from() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("S");
    assert!(rig.screen().contains("[general]") && rig.screen().contains("default"));
    rig.keys("j j Enter");
    assert!(rig.app.scroll && rig.screen().contains("this run"), "{}", rig.screen());
    rig.keys("Tab Tab Tab");
    assert!(rig.screen().contains("quit-leave") || rig.screen().contains("[keys]"));
    rig.keys("Esc");
    assert!(rig.app.overlays.is_empty());
}

#[test]
fn themes_are_tried_on_and_taken_off() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.set_depth(Depth::True);
    rig.keys("Ctrl-t j");
    assert_eq!(rig.app.theme_name, "dark");
    assert!(rig.screen().contains("ramp"));
    rig.keys("Esc");
    assert_eq!(rig.app.theme_name, "default");
    rig.keys("Ctrl-t j j Enter");
    assert_eq!(rig.app.theme_name, "light");
}

#[test]
fn help_is_filtered_as_it_is_typed() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("?");
    rig.type_in("baseline");
    assert!(rig.screen().contains("Keys with") && rig.screen().contains(" B "), "{}", rig.screen());
    assert!(!rig.screen().contains("display filter"));
    rig.keys("Esc");
    assert!(rig.screen().contains("Keys in"));
    rig.keys("q");
    assert!(rig.app.overlays.is_empty());
}

#[test]
fn an_export_has_formats_scopes_and_a_size() {
    let mut rig = dashboard(SIZE, Level::Unicode);
    rig.effects.clear();
    rig.keys("w");
    assert!(matches!(rig.effects.as_slice(), [Effect::Measure(Format::Json, frames)] if frames.len() == 4));
    rig.input(Input::Measured(12_345));
    assert!(rig.screen().contains("12.1KiB"), "{}", rig.screen());
    rig.keys("Down Tab Tab Enter");
    assert!(
        matches!(rig.effects.last(), Some(Effect::Export(path, Format::Ndjson, frames)) if path.ends_with(".ndjson") && frames.len() == 1),
        "{:?}",
        rig.effects.last()
    );
}

#[test]
fn favourites_and_recent_views_come_first() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("v");
    rig.type_in("tcptop");
    rig.keys("Enter v");
    assert!(rig.screen().contains("Recent") && !rig.screen().contains("Favourites"));
    rig.keys("Esc v");
    rig.type_in("runqlat");
    rig.keys("* Esc v");
    let Some(Overlay::Picker(picker)) = rig.app.overlays.last() else { panic!("no picker") };
    let names: Vec<&str> = picker.found.iter().take(2).map(|decl| decl.name.as_str()).collect();
    assert_eq!((names, picker.recent), (vec!["runqlat", "tcptop"], 2));
    assert!(rig.screen().contains("Favourites"));
    let layout = rig.app.layout();
    assert_eq!(layout.favourites, ["runqlat"]);
    let mut other = table(SIZE, Level::Unicode);
    other.app.apply_layout(layout);
    assert_eq!(other.app.favourites, ["runqlat"]);
}

#[test]
fn a_layout_that_was_kept_is_worn_again() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("c Down Space Esc r");
    say(&mut rig, "group disk");
    rig.keys("W");
    let layout = rig.app.layout();
    let mut other = table(SIZE, Level::Unicode);
    other.app.apply_layout(layout.clone());
    let (a, b) = (rig.app.view().unwrap(), other.app.view().unwrap());
    assert_eq!((&a.sort, &a.chosen, &a.group), (&b.sort, &b.chosen, &b.group));
    assert!(b.group.is_some() && b.chosen.is_some());
    assert_eq!(other.app.layout(), layout);
}
