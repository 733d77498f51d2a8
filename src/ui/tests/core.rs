//! The state without a screen.

use std::sync::Arc;
use std::time::Duration;

use super::super::app::Screen;
use super::super::glyphs::Level;
use super::super::message::{Effect, Input};
use super::super::overlay::Overlay;
use super::super::testing::{Rig, cache_frame, disk_frame, hist_frame, unavailable_frame};
use super::super::view::Load;
use super::{SIZE, dashboard, histogram, pids, selected_pid, table};
use crate::feed::{Command, Event};
use crate::frame::SettingValue;

#[test]
fn it_opens_on_what_was_asked_for() {
    let one = Rig::new(&["tcptop"], SIZE, Level::Unicode);
    assert_eq!(one.app.screen, Screen::View(0));
    assert!(matches!(one.effects.as_slice(), [Effect::Open(0, 1, request)] if request.first.is_some()));
    let two = Rig::new(&["tcptop", "biotop"], SIZE, Level::Unicode);
    assert_eq!((two.app.screen, two.app.panes.len()), (Screen::Dashboard, 2));
    let none = Rig::new(&[], SIZE, Level::Unicode);
    assert_eq!((none.app.screen, none.app.panes.len(), none.effects.len()), (Screen::Dashboard, 4, 4));
}

#[test]
fn a_key_that_does_nothing_says_so() {
    let mut rig = table(SIZE, Level::Unicode);
    for (keys, said) in [
        ("Z", "does nothing"),
        ("n", "find"),
        ("m", "trend"),
        ("(", "time axis"),
        ("B", "only distributions"),
        ("L", "does not work here"),
    ] {
        rig.keys(keys);
        let toast = rig.app.toast.clone().unwrap_or_else(|| panic!("{keys} is silent")).0;
        assert!(toast.contains(said), "{keys}: {toast}");
    }
    rig.pass(Duration::from_secs(5));
    assert!(rig.app.toast.is_none());
}

#[test]
fn a_view_off_the_screen_is_unloaded_after_a_while_and_comes_back() {
    let mut rig = dashboard(SIZE, Level::Unicode);
    rig.keys("2");
    rig.effects.clear();
    rig.pass(Duration::from_secs(29));
    assert!(rig.effects.is_empty());
    rig.pass(Duration::from_secs(1));
    let closed: Vec<usize> =
        rig.effects.iter().filter_map(|e| if let Effect::Close(at) = e { Some(*at) } else { None }).collect();
    assert_eq!(closed, [0, 2, 3]);
    assert_eq!(rig.app.views[0].load, Load::Off);
    rig.effects.clear();
    rig.keys("1");
    assert!(matches!(rig.effects.as_slice(), [Effect::Open(0, 3, _)]), "{:?}", rig.effects);
    // What the unloaded one still had on its way is not taken for the new one's.
    rig.input(Input::Feed(0, 1, Event::Frame(Arc::new(disk_frame(99)))));
    assert_eq!(rig.app.views[0].history.len(), 4);
    rig.frame(disk_frame(0));
    assert!(rig.app.views[0].history.gap_before(4));
}

#[test]
fn flipping_back_in_time_costs_nothing() {
    let mut rig = dashboard(SIZE, Level::Unicode);
    rig.keys("1");
    rig.pass(Duration::from_secs(20));
    rig.effects.clear();
    rig.keys("0");
    rig.pass(Duration::from_secs(20));
    assert!(rig.effects.is_empty(), "{:?}", rig.effects);
}

#[test]
fn grouping_asks_for_the_next_choice() {
    let mut rig = histogram(SIZE, Level::Unicode, false);
    rig.effects.clear();
    rig.keys("b");
    let by_pid = vec![("by".to_owned(), SettingValue::Text("pid".to_owned()))];
    assert!(matches!(rig.effects.as_slice(), [Effect::Send(0, Command::Settings(set))] if *set == by_pid));
    rig.frame(hist_frame(0, true));
    assert!(rig.app.views[0].history.gap_before(4), "totals start anew");
    rig.keys("b b b");
    let all = vec![("by".to_owned(), SettingValue::Text("all".to_owned()))];
    assert!(matches!(rig.effects.last(), Some(Effect::Send(0, Command::Settings(set))) if *set == all));
}

#[test]
fn the_interval_steps_and_is_told_to_every_running_view() {
    let mut rig = dashboard(SIZE, Level::Unicode);
    rig.effects.clear();
    rig.keys("-");
    let two = Command::Interval(Duration::from_secs(2));
    assert_eq!(rig.effects.iter().filter(|e| matches!(e, Effect::Send(_, c) if *c == two)).count(), 4);
    rig.keys("+ + + +");
    assert_eq!(rig.app.interval, Duration::from_millis(250));
    assert!(rig.app.toast.is_some());
}

#[test]
fn what_is_wrong_or_unfinished_leaves_the_last_filter_in_force() {
    let mut rig = table(SIZE, Level::Unicode);
    let rows = |rig: &Rig| rig.app.view().unwrap().shown.as_ref().unwrap().rows.len();
    rig.keys("/");
    rig.type_in("bytes>1M");
    let large = rows(&rig);
    assert!(large > 0 && large < 14, "{large}");
    rig.type_in(" (disk=sdb");
    assert_eq!(rows(&rig), large);
    assert!(rig.screen().contains("this bracket is not closed"), "{}", rig.screen());
    rig.type_in(")");
    let both = rows(&rig);
    assert!(both < large, "{both}");
    rig.type_in(" !");
    assert_eq!(rows(&rig), both);
    rig.keys("Enter");
    assert_eq!(rig.app.view().unwrap().filter, "bytes>1M (disk=sdb) ");
    assert!(rig.screen().contains("the filter stays as it was"), "{}", rig.screen());
    // The palette refuses it, and what was in force stays.
    rig.keys(":");
    rig.type_in("filter comm>");
    rig.keys("Enter");
    assert_eq!(rig.app.view().unwrap().filter, "bytes>1M (disk=sdb) ");
}

#[test]
fn a_filter_is_live_and_can_be_taken_back() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("/");
    rig.type_in("fio");
    assert_eq!(pids(&rig), [4412]);
    rig.keys("Enter");
    assert!(rig.app.overlays.is_empty());
    assert_eq!(rig.app.view().unwrap().typed, ["fio"]);
    rig.keys("/ Ctrl-w");
    assert_eq!(pids(&rig).len(), 14);
    rig.keys("Up");
    assert_eq!(pids(&rig), [4412]);
    rig.keys("Esc");
    assert_eq!(pids(&rig).len(), 14);
    rig.keys("/");
    rig.type_in("lat");
    rig.keys("Tab");
    assert!(rig.app.toast.as_ref().unwrap().0.contains("latency_avg"));
    rig.type_in("ency_m");
    rig.keys("Tab");
    assert_eq!(rig.app.view().unwrap().filter, "latency_max");
}

#[test]
fn idle_rows_hide() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("o");
    assert!(!pids(&rig).contains(&782));
    rig.keys("o");
    assert!(pids(&rig).contains(&782));
}

#[test]
fn a_view_that_cannot_run_is_a_page_with_a_retry() {
    let mut rig = Rig::new(&["tcptop"], SIZE, Level::Unicode);
    rig.frame(unavailable_frame());
    rig.effects.clear();
    rig.keys("r");
    assert!(matches!(rig.effects.as_slice(), [Effect::Send(0, Command::Retry)]));
    rig.frame(unavailable_frame());
    rig.keys("Enter");
    assert_eq!(rig.app.screen, Screen::View(1), "the nearest view is opened");
    assert_ne!(rig.app.views[1].name, "tcptop");
    rig.keys("1 v");
    rig.type_in("net");
    let found = |rig: &Rig| match rig.app.overlays.last() {
        Some(Overlay::Picker(picker)) => picker.found.iter().map(|decl| decl.name.clone()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert!(!found(&rig).contains(&"tcptop".to_owned()), "skipped unless named");
    rig.keys("Ctrl-u");
    rig.type_in("tcptop");
    assert_eq!(found(&rig)[0], "tcptop");
}

#[test]
fn a_detail_leads_to_the_same_process_elsewhere() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.effects.clear();
    rig.keys("j Enter");
    assert!(matches!(rig.effects.as_slice(), [Effect::Facts(4412)]));
    rig.keys("Enter");
    let view = rig.app.view().unwrap();
    assert_ne!(view.name, "biotop");
    let only = [("pid".to_owned(), SettingValue::Int(4412))];
    assert_eq!(view.request.settings, only, "the kernel side looks at nothing else");
    assert!(matches!(rig.effects.last(), Some(Effect::Open(1, _, request)) if request.settings == only));
    assert!(rig.app.overlays.is_empty());
    rig.keys("'");
    assert_eq!(rig.app.view().unwrap().name, "biotop");
    rig.keys("' Backspace");
    assert_eq!(rig.app.view().unwrap().name, "biotop", "up again");
    assert!(rig.app.views.iter().all(|view| view.request.settings.is_empty()), "and what it captured is again");
    assert!(matches!(rig.effects.last(), Some(Effect::Send(1, Command::Settings(none))) if none.is_empty()));
    rig.keys("Backspace");
    assert!(rig.app.toast.as_ref().unwrap().0.contains("nothing to go back to"));
}

#[test]
fn a_detail_leads_to_every_kind_of_view_and_in_a_recording_to_what_it_holds() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("j Enter G");
    let jumps = |rig: &Rig| match rig.app.overlays.last() {
        Some(Overlay::Detail(detail)) => detail.jumps.clone(),
        other => panic!("{other:?}"),
    };
    assert!(["runqlat", "execsnoop", "vfsstat"].iter().all(|name| jumps(&rig).iter().any(|jump| jump == name)));
    assert!(!jumps(&rig).contains(&"biotop".to_owned()));
    (0..20).for_each(|_| rig.keys("j"));
    let last = jumps(&rig).last().unwrap().clone();
    assert!(rig.screen().contains(&format!("▸ pid 4412 in {last}")), "{}", rig.screen());
    rig.keys("Enter");
    assert_eq!(rig.app.view().unwrap().name, last);
}

#[test]
fn loading_can_be_cancelled_and_asked_for_again() {
    let mut rig = Rig::new(&["biotop"], SIZE, Level::Unicode);
    rig.effects.clear();
    rig.keys("Esc");
    assert!(matches!(rig.effects.as_slice(), [Effect::Close(0)]));
    assert!(rig.screen().contains("r loads it"));
    rig.keys("r");
    assert!(matches!(rig.effects.last(), Some(Effect::Open(0, 3, _))), "{:?}", rig.effects);
}

#[test]
fn columns_scroll_only_where_some_are_left_out() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("l");
    assert!(rig.app.toast.is_some() && rig.app.view().unwrap().left == 0);
    let mut rig = table((40, 10), Level::Unicode);
    rig.keys("l l");
    assert_eq!(rig.app.view().unwrap().left, 2);
    assert!(rig.screen().contains("PID"), "the first column stays");
    rig.keys("h h h");
    assert_eq!(rig.app.view().unwrap().left, 0);
}

#[test]
fn problems_are_counted_until_they_were_looked_at() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.app.problems(3);
    assert!(rig.screen().contains("!3"));
    rig.keys("!");
    rig.app.problems(3);
    assert!(!rig.screen().contains("!3"));
    rig.keys("!");
    rig.app.problems(4);
    assert!(rig.screen().contains("!1"));
}

#[test]
fn focus_moves_over_the_grid() {
    let mut rig = dashboard(SIZE, Level::Unicode);
    rig.keys("L J");
    assert_eq!(rig.app.focus, 3);
    rig.keys("H");
    assert_eq!(rig.app.focus, 2);
    rig.keys("K");
    assert_eq!(rig.app.focus, 0);
    rig.keys("Shift-Tab");
    assert_eq!(rig.app.focus, 3);
    rig.keys("e");
    assert_eq!(rig.app.screen, Screen::View(3));
    rig.keys("e");
    assert_eq!((rig.app.screen, rig.app.focus), (Screen::Dashboard, 3));
}

#[test]
fn closing_goes_one_layer_at_a_time() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.effects.clear();
    rig.keys("! ? q");
    assert!(rig.app.overlays.is_empty() && rig.app.log);
    rig.keys("q");
    assert!(!rig.app.log && rig.effects.is_empty());
    rig.keys("q");
    assert!(matches!(rig.effects.as_slice(), [Effect::Quit(false)]));
    rig.keys("/ Q");
    assert_eq!(rig.app.view().unwrap().filter, "Q", "letters are text in an input line");
    rig.keys("Ctrl-c");
    assert!(matches!(rig.effects.as_slice(), [_, Effect::Quit(false)]));
}

#[test]
fn a_count_ends_the_program() {
    let mut rig = Rig::new(&["biotop", "cachetop"], SIZE, Level::Unicode);
    rig.app.options.count = Some(2);
    rig.frame(disk_frame(0));
    rig.frame(disk_frame(1));
    rig.frame(cache_frame(0));
    assert!(!rig.effects.iter().any(|e| matches!(e, Effect::Quit(_))));
    rig.frame(cache_frame(1));
    assert!(rig.effects.iter().any(|e| matches!(e, Effect::Quit(true))));
}

#[test]
fn an_export_takes_the_frames_of_its_scope() {
    let mut rig = dashboard(SIZE, Level::Unicode);
    rig.keys("w Enter");
    let frames = |rig: &Rig| match rig.effects.last() {
        Some(Effect::Export(path, _, frames)) => {
            assert!(path.starts_with("bcc-top-web-07-dashboard-"), "{path}");
            frames.len()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(frames(&rig), 4);
    rig.keys("w Tab Enter");
    assert_eq!(frames(&rig), 16);
}

#[test]
fn the_first_short_frame_is_shown_and_not_kept() {
    let mut rig = Rig::new(&["biotop"], SIZE, Level::Unicode);
    rig.input(Input::Feed(0, 1, Event::First(Arc::new(disk_frame(0)))));
    assert!(rig.screen().contains("first 1.0 s"));
    assert!(rig.app.views[0].history.is_empty());
    rig.keys("w Enter");
    assert!(!rig.effects.iter().any(|e| matches!(e, Effect::Export(..))));
    rig.frame(disk_frame(1));
    assert!(!rig.screen().contains("first"));
}

#[test]
fn losses_add_up_and_show_when_they_grow() {
    let mut rig = table(SIZE, Level::Unicode);
    let mut frame = disk_frame(8);
    frame.lost.events = 7;
    rig.frame(frame);
    let view = rig.app.view().unwrap();
    assert!(view.lost == 7 && view.lost_grew);
    rig.frame(disk_frame(9));
    assert!(rig.screen().contains("lost 7"));
    assert!(!rig.app.view().unwrap().lost_grew);
}

#[test]
fn the_mouse_selects_sorts_and_focuses() {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let click = |column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    };
    let mut rig = table(SIZE, Level::Unicode);
    rig.input(click(20, 6));
    assert_eq!(selected_pid(&rig), 611);
    rig.input(click(5, 2));
    assert_eq!(rig.app.view().unwrap().sort.as_ref().unwrap().0, "pid");
    rig.input(click(20, 6));
    rig.input(click(20, 6));
    assert!(matches!(rig.app.overlays.last(), Some(Overlay::Detail(_))), "a double click");
    let mut rig = dashboard(SIZE, Level::Unicode);
    rig.input(click(60, 5));
    assert_eq!(rig.app.focus, 1);
    rig.input(click(15, 0));
    assert_eq!(rig.app.screen, Screen::View(1));
}

#[test]
fn every_size_can_be_drawn() {
    for width in [1, 3, 19, 20, 21, 37, 45, 60, 79, 81] {
        for height in [1, 2, 4, 5, 6, 11, 12, 16, 24] {
            for mut rig in [
                table((width, height), Level::Unicode),
                dashboard((width, height), Level::Ascii),
                histogram((width, height), Level::Box, true),
            ] {
                for keys in
                    ["j", "!", "?", "Esc", "v", "Esc", "s", "Esc", "Enter", "Esc", "Space", "/", "Esc", "w", "Esc", "i"]
                {
                    rig.keys(keys);
                    rig.screen();
                }
            }
        }
    }
}
