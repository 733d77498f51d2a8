//! What the configuration sets, on the screen.

use std::time::Duration;

use super::super::keymap::Keymap;
use super::super::message::Effect;
use super::super::overlay::Overlay;
use super::*;

/// The explorer on one view, with these keys.
fn bound(wishes: &[(&str, &str)]) -> Rig {
    let mut rig = table(SIZE, Level::Unicode);
    let wishes: Vec<_> = wishes.iter().map(|(action, key)| ((*action).to_owned(), vec![(*key).to_owned()])).collect();
    let (keys, problems) = Keymap::new(&wishes);
    assert!(problems.is_empty(), "{problems:?}");
    rig.app.options.keys = keys;
    rig
}

#[test]
fn pages_help_hints_and_palette_know_the_keys_in_effect() {
    let mut rig = bound(&[("down", "n"), ("help", "z"), ("settings", "E"), ("close", "Delete")]);
    assert!(rig.screen().contains("z help") && rig.screen().contains("Delete quit"));
    rig.keys("E n n");
    assert!(matches!(rig.app.overlays.last(), Some(Overlay::Settings(page)) if page.at == 2));
    rig.keys("E");
    assert!(rig.app.overlays.is_empty(), "the key that opens a page closes it");
    rig.keys("E Delete :");
    rig.type_in("help");
    assert!(rig.screen().lines().any(|line| line.contains("help") && line.contains(" z ")));
    rig.keys("Esc z");
    rig.type_in("settings");
    assert!(rig.screen().contains(" E "), "{}", rig.screen());
    rig.keys("Esc z");
    assert!(rig.app.overlays.is_empty());
}

#[test]
fn letters_stay_text_in_lines_even_if_they_quit_elsewhere() {
    let mut rig = bound(&[("quit", "x"), ("redraw", "Ctrl-k")]);
    rig.keys("/");
    rig.type_in("xx");
    assert_eq!(rig.app.view().unwrap().filter, "xx");
    rig.keys("Ctrl-k");
    assert!(matches!(rig.effects.last(), Some(Effect::Redraw)));
    rig.keys("Esc x");
    assert!(matches!(rig.effects.last(), Some(Effect::Quit(false))));
}

#[test]
fn pausing_may_stop_the_collection() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.keys("Space");
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Close(_))), "collection goes on");
    rig.keys("Space");
    rig.app.options.pause_collection = true;
    rig.keys("Space [");
    assert_eq!(rig.effects.iter().filter(|effect| matches!(effect, Effect::Close(0))).count(), 1);
    let opened = |rig: &Rig| rig.effects.iter().filter(|effect| matches!(effect, Effect::Open(0, ..))).count();
    let before = opened(&rig);
    rig.keys("0 1");
    assert_eq!(opened(&rig), before, "nothing is loaded while time stands still");
    rig.keys("Space");
    assert_eq!(opened(&rig), before + 1);
    rig.frame(disk_frame(20));
    assert!(rig.screen().contains("LIVE"));
}

#[test]
fn views_stay_warm_as_long_as_asked() {
    for (keep, closes) in [(Some(Duration::ZERO), true), (Some(Duration::from_secs(5)), true), (None, false)] {
        let mut rig = table(SIZE, Level::Unicode);
        rig.app.options.keep_warm = keep;
        let at = rig.app.tab_of("tcptop");
        rig.keys("2");
        rig.frame(net_frame(0));
        rig.pass(Duration::from_secs(3));
        rig.pass(Duration::from_secs(3600));
        assert_eq!(rig.effects.iter().any(|effect| matches!(effect, Effect::Close(0))), closes, "{keep:?}");
        assert_eq!(at, 1);
    }
}

#[test]
fn history_is_as_long_as_asked() {
    let mut rig = table(SIZE, Level::Unicode);
    rig.app.options.history_frames = 3;
    for index in 8..20 {
        rig.frame(disk_frame(index));
    }
    assert_eq!(rig.app.view().unwrap().history.len(), 3);
    rig.app.options.history_bytes = 1;
    rig.frame(disk_frame(20));
    assert_eq!(rig.app.view().unwrap().history.len(), 1);
}

#[test]
fn dashboards_of_the_configuration_are_opened_by_name() {
    let mut rig = table(SIZE, Level::Unicode);
    let panes = vec!["runqlat".to_owned(), "biotop".to_owned()];
    rig.app.options.layout.dashboards.insert("cpu".to_owned(), panes);
    assert!(rig.app.open_dashboard("disk").unwrap_err().contains("dashboards are cpu"));
    rig.app.open_dashboard("cpu").unwrap();
    let names: Vec<&str> = rig.app.panes.iter().map(|&at| rig.app.views[at].name.as_str()).collect();
    assert_eq!(names, ["runqlat", "biotop"]);
}
