//! What every screen looks like, from fixed frames.

use insta::assert_snapshot;

use super::super::app::Screen;
use super::super::glyphs::{Depth, Level};
use super::super::message::Input;
use super::super::testing::{Rig, unavailable_frame};
use super::super::{ProcessFacts, view::Load};
use super::{SIZES, dashboard, heat, histogram, table};
use crate::feed::{Event, LoadStep};
use crate::host::Sample;

fn name(what: &str, size: (u16, u16), level: Level) -> String {
    format!("{what}_{}x{}_{}", size.0, size.1, format!("{level:?}").to_lowercase())
}

/// Glyph levels and colour depths that a few screens are drawn with beside Unicode and 24 bits.
const OTHERS: [(Level, Depth); 4] = [
    (Level::Box, Depth::Indexed),
    (Level::Ascii, Depth::Mono),
    (Level::Unicode, Depth::Ansi),
    (Level::Ascii, Depth::Ansi),
];

/// A screen at every size, with its styles.
fn at_every_size(what: &str, make: impl Fn((u16, u16), Level) -> Rig) {
    for size in SIZES {
        let mut rig = make(size, Level::Unicode);
        rig.set_depth(Depth::True);
        assert_snapshot!(name(what, size, Level::Unicode), rig.styled());
    }
}

/// A screen at every size, and at 80x24 at other glyph levels and depths.
fn everywhere(what: &str, make: impl Fn((u16, u16), Level) -> Rig) {
    at_every_size(what, &make);
    for (level, depth) in OTHERS {
        let mut rig = make((80, 24), level);
        rig.set_depth(depth);
        let name = format!("{}_{}", name(what, (80, 24), level), format!("{depth:?}").to_lowercase());
        let shown = rig.styled();
        assert_snapshot!(name, shown);
        assert!(level != Level::Ascii || shown.is_ascii(), "{shown}");
        let colours = ["ansi", "#", "black", "blue", "cyan", "yellow", "magenta", "green", " on "];
        let styles = shown.rsplit("\n\n").next().unwrap_or_default().to_lowercase();
        let coloured = colours.iter().any(|colour| styles.contains(colour));
        assert!(depth != Depth::Mono || !coloured, "{styles}");
    }
}

#[test]
fn table_view() {
    everywhere("table", table);
}

#[test]
fn dashboard_of_the_overview() {
    everywhere("dashboard", |size, level| {
        let mut rig = dashboard(size, level);
        rig.input(Input::Host(Sample { cpu: Some(0.42), memory: Some(0.311), load: Some(1.25), own: Some(0.011) }));
        rig
    });
}

#[test]
fn histogram_view() {
    everywhere("histogram", |size, level| histogram(size, level, false));
}

#[test]
fn histogram_by_key() {
    at_every_size("keyed", |size, level| histogram(size, level, true));
    let mut rig = histogram((80, 24), Level::Unicode, true);
    rig.keys("j m");
    assert_snapshot!("keyed_as_table", rig.screen());
}

#[test]
fn view_that_cannot_run() {
    at_every_size("unavailable", |size, level| {
        let mut rig = Rig::new(&["tcptop"], size, level);
        rig.frame(unavailable_frame());
        rig
    });
    let mut rig = dashboard((80, 24), Level::Unicode);
    rig.frame(unavailable_frame());
    assert_snapshot!("unavailable_pane", rig.screen());
}

#[test]
fn view_on_its_way() {
    at_every_size("loading", |size, level| {
        let mut rig = Rig::new(&["runqlat"], size, level);
        rig.input(Input::Feed(0, 1, Event::Loading(LoadStep::Attach)));
        rig.input(Input::Feed(0, 1, Event::Attached));
        rig
    });
}

#[test]
fn help_for_this_place() {
    at_every_size("help", |size, level| {
        let mut rig = table(size, level);
        rig.keys("?");
        rig
    });
}

#[test]
fn explanation_of_a_view() {
    let mut rig = table((80, 24), Level::Unicode);
    rig.keys("i");
    assert_snapshot!("explain", rig.screen());
}

#[test]
fn picker_of_views() {
    at_every_size("picker", |size, level| {
        let mut rig = table(size, level);
        rig.input(Input::Unavailable(vec![("cachetop".into(), "no kprobes, and fentry is refused".into())]));
        rig.keys("v");
        rig
    });
    let mut rig = table((80, 24), Level::Unicode);
    rig.keys("v");
    rig.type_in("net");
    assert_snapshot!("picker_search", rig.screen());
}

#[test]
fn detail_of_a_row() {
    at_every_size("detail", |size, level| {
        let mut rig = table(size, level);
        rig.keys("j Enter");
        rig.input(Input::Facts(
            4412,
            Some(Box::new(ProcessFacts {
                pid: 4412,
                comm: "fio".into(),
                cmdline: "fio --name=randwrite --rw=randwrite --bs=64k --size=4g --numjobs=2 --time_based"
                    .split(' ')
                    .map(str::to_owned)
                    .collect(),
                user: "root".into(),
                cgroup: Some("/system.slice/docker-0123456789ab.scope".into()),
                container: Some("docker 0123456789ab".into()),
                parents: vec![(4400, "bash".into()), (1, "systemd".into())],
                started: Some(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_795_345_000)),
            })),
        ));
        rig
    });
}

#[test]
fn filter_being_typed() {
    at_every_size("filter", |size, level| {
        let mut rig = table(size, level);
        rig.keys("/");
        rig.type_in("nvme0n1");
        rig
    });
    let mut rig = table((80, 24), Level::Unicode);
    rig.keys("/");
    rig.type_in("nvme0n1 (wrong");
    assert_snapshot!("filter_wrong", rig.screen());
}

#[test]
fn standing_still() {
    at_every_size("timeline", |size, level| {
        let mut rig = table(size, level);
        rig.keys("Space [ [");
        rig
    });
}

#[test]
fn sort_menu_and_export_line() {
    at_every_size("sort_menu", |size, level| with_keys(table(size, level), "s"));
    at_every_size("export", |size, level| {
        let mut rig = with_keys(table(size, level), "w");
        rig.input(Input::Measured(1834));
        rig
    });
}

/// The same after some keys, toasts gone.
fn with_keys(mut rig: Rig, keys: &str) -> Rig {
    rig.screen();
    for key in keys.split(' ') {
        rig.keys(key);
        // Pictures over time follow what was drawn.
        rig.screen();
    }
    rig.app.toast = None;
    rig
}

#[test]
fn lists_over_the_screen() {
    for (what, keys) in [
        ("palette", ": t h"),
        ("columns", "c j"),
        ("settings", "S"),
        ("settings_keys", "S Tab Tab Tab"),
        ("capture", "F Down 7"),
    ] {
        at_every_size(what, |size, level| with_keys(table(size, level), keys));
    }
    everywhere("themes", |size, level| with_keys(table(size, level), "Ctrl-t"));
    for theme in ["dark", "light", "high-contrast"] {
        let mut rig = heat((80, 24), Level::Unicode, 100);
        rig.set_depth(Depth::True);
        rig.app.set_theme(theme);
        assert_snapshot!(format!("theme_{theme}"), rig.styled());
    }
}

#[test]
fn trends_groups_and_limits() {
    at_every_size("trend", |size, level| with_keys(table(size, level), "m"));
    at_every_size("grouped", |size, level| with_keys(table(size, level), "b b"));
    everywhere("limits", |size, level| {
        let mut rig = with_keys(table(size, level), ":");
        rig.type_in("threshold bytes warn 5M crit 20M");
        with_keys(rig, "Enter j j p Space")
    });
    at_every_size("baseline", |size, level| {
        let mut rig = with_keys(histogram(size, level, false), "B");
        rig.frame(crate::ui::testing::hist_frame(7, false));
        rig
    });
}

#[test]
fn log_pane() {
    // The logger is one for the whole process; nothing else in these tests logs at this level.
    super::super::logger::start(log::LevelFilter::Warn, None);
    log::warn!("fentry is refused");
    tui_logger::move_events();
    for size in [(80, 24), (40, 10)] {
        let mut rig = table(size, Level::Unicode);
        rig.keys("!");
        let shown = rig.screen();
        // The time of day is the only thing that differs, and other tests may have logged too.
        let log: Vec<&str> = shown.lines().skip_while(|line| !line.contains("! closes")).collect();
        assert!(log.len() >= 3, "{shown}");
        assert!(shown.contains("fentry is refused"), "{shown}");
    }
}

#[test]
fn the_log_of_one_view() {
    super::super::logger::start(log::LevelFilter::Warn, None);
    log::warn!("biotop: this one is about the view");
    log::warn!("tcptop: that one is about another");
    tui_logger::move_events();
    let mut rig = table((80, 24), Level::Unicode);
    rig.keys("!");
    rig.app.log_view = true;
    let shown = rig.screen();
    assert!(shown.contains("this one is about the view") && !shown.contains("that one"), "{shown}");
}

#[test]
fn a_view_that_was_unloaded_is_dimmed_and_keeps_what_it_had() {
    let mut rig = dashboard((80, 24), Level::Unicode);
    rig.keys("1");
    rig.pass(std::time::Duration::from_secs(31));
    assert_eq!(rig.app.screen, Screen::View(0));
    assert_eq!(rig.app.views[1].load, Load::Off);
    assert_eq!(rig.app.views[1].history.len(), 4);
}

#[test]
fn heat_map_of_a_distribution() {
    everywhere("heat", |size, level| heat(size, level, 100));
    for (name, keys) in [("heat_alone", "m"), ("percentiles", "m m"), ("heat_cross", "Space Left Left Up")] {
        at_every_size(name, |size, level| with_keys(heat(size, level, 100), keys));
    }
}
