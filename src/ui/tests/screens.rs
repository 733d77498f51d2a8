//! What every screen looks like, from fixed frames.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;

use super::super::app::Screen;
use super::super::glyphs::{Depth, Level};
use super::super::message::Input;
use super::super::testing::{Rig, unavailable_frame};
use super::super::{ProcessFacts, view::Load};
use super::{SIZES, dashboard, heat, histogram, table};
use crate::feed::{Event, LoadStep};
use crate::host::Sample;

const LEVELS: [Level; 3] = [Level::Unicode, Level::Box, Level::Ascii];
const DEPTHS: [Depth; 4] = [Depth::True, Depth::Indexed, Depth::Ansi, Depth::Mono];

/// A picture: its lines, and the styles in them by row.
type Drawn = (Vec<String>, BTreeMap<String, String>);

fn drawn(rig: &mut Rig, depth: Depth) -> Drawn {
    rig.set_depth(depth);
    let styled = rig.styled();
    let text = rig.screen();
    let styles = styled[text.len()..].lines().filter_map(|line| line.split_once(": "));
    let styles: BTreeMap<String, String> = styles.map(|(row, runs)| (row.to_owned(), runs.to_owned())).collect();
    assert!(rig.app.glyphs.level != Level::Ascii || text.is_ascii(), "{text}");
    let colours = ["ansi", "#", "black", "blue", "cyan", "yellow", "magenta", "green", "red", "white", " on "];
    let coloured = |runs: &String| colours.iter().any(|colour| runs.to_lowercase().contains(colour));
    assert!(depth != Depth::Mono || !styles.values().any(coloured), "{styles:?}");
    (text.lines().map(str::to_owned).collect(), styles)
}

/// What of a picture is not as in another one: rows with their text, then rows with their styles.
fn differences((lines, styles): &Drawn, (other_lines, other_styles): &Drawn) -> String {
    let mut out = String::new();
    for row in 0..lines.len().max(other_lines.len()) {
        if lines.get(row) != other_lines.get(row) {
            out += &format!("{row:2}|{}\n", lines.get(row).map_or("", String::as_str));
        }
    }
    let rows: BTreeSet<&String> = styles.keys().chain(other_styles.keys()).collect();
    for row in rows.into_iter().filter(|row| styles.get(*row) != other_styles.get(*row)) {
        out += &format!("{row}: {}\n", styles.get(row).map_or("plain", String::as_str));
    }
    out
}

/// A screen at every size, glyph level and colour depth: whole in Unicode and 24 bits; at the other depths what is not
/// as there, and at the other levels what is not as in Unicode at the same depth.
pub(super) fn at_every_size(what: &str, make: impl Fn((u16, u16), Level) -> Rig) {
    for size in SIZES {
        let mut plain: Vec<Drawn> = Vec::new();
        let mut out = String::new();
        for level in LEVELS {
            let mut rig = make(size, level);
            for (at, depth) in DEPTHS.into_iter().enumerate() {
                let shown = drawn(&mut rig, depth);
                if (level, at) == (Level::Unicode, 0) {
                    out = rig.styled();
                } else {
                    let like = &plain[if level == Level::Unicode { 0 } else { at }];
                    let title = format!("{level:?} {depth:?}").to_lowercase();
                    out += &format!("\n== {title}\n{}", differences(&shown, like));
                }
                if level == Level::Unicode {
                    plain.push(shown);
                }
            }
        }
        assert_snapshot!(format!("{what}_{}x{}", size.0, size.1), out);
    }
}

#[test]
fn table_view() {
    at_every_size("table", table);
}

#[test]
fn dashboard_of_the_overview() {
    at_every_size("dashboard", |size, level| {
        let mut rig = dashboard(size, level);
        rig.input(Input::Host(Sample { cpu: Some(0.42), memory: Some(0.311), load: Some(1.25), own: Some(0.011) }));
        rig
    });
}

#[test]
fn histogram_view() {
    at_every_size("histogram", |size, level| histogram(size, level, false));
}

#[test]
fn histogram_by_key() {
    at_every_size("keyed", |size, level| histogram(size, level, true));
    at_every_size("keyed_heat", |size, level| with_keys(histogram(size, level, true), "j m"));
    at_every_size("keyed_table", |size, level| with_keys(histogram(size, level, true), "j m m m"));
}

#[test]
fn view_that_cannot_run() {
    at_every_size("unavailable", |size, level| {
        let mut rig = Rig::new(&["tcptop"], size, level);
        rig.frame(unavailable_frame());
        rig
    });
    at_every_size("unavailable_pane", |size, level| {
        let mut rig = dashboard(size, level);
        rig.frame(unavailable_frame());
        rig
    });
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
    at_every_size("explain", |size, level| with_keys(with_hooks(table(size, level), "biotop"), "i"));
    at_every_size("explain_hooks", |size, level| with_keys(with_hooks(table(size, level), "biotop"), "i G"));
}

#[test]
fn picker_of_views() {
    at_every_size("picker", |size, level| {
        let mut rig = with_hooks(table(size, level), "biotop");
        rig.input(Input::Unavailable(vec![("cachetop".into(), "no kprobes, and fentry is refused".into())]));
        rig.keys("v");
        rig
    });
    at_every_size("picker_search", |size, level| with_keys(with_hooks(table(size, level), "tcptop"), "v n e t"));
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
    let typed = |size, level, key, text: &str| {
        let mut rig = table(size, level);
        rig.keys(key);
        rig.type_in(text);
        rig
    };
    at_every_size("filter", |size, level| typed(size, level, "/", "nvme0n1"));
    at_every_size("filter_wrong", |size, level| typed(size, level, "/", "nvme0n1 (wrong"));
    at_every_size("find", |size, level| typed(size, level, "F3", "jbd"));
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

/// The same once it is known what the programs of a view may be attached to.
fn with_hooks(mut rig: Rig, view: &str) -> Rig {
    let view = super::super::registry().find(view).unwrap();
    let hooks = crate::probes::object::hooks(view).unwrap();
    rig.input(Input::Hooks(view.decl.name.clone(), hooks));
    rig
}

/// The same after some keys, toasts gone.
pub(super) fn with_keys(mut rig: Rig, keys: &str) -> Rig {
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
    at_every_size("themes", |size, level| with_keys(table(size, level), "Ctrl-t"));
    for theme in ["dark", "light", "high-contrast"] {
        let mut rig = heat((80, 24), Level::Unicode, 100);
        rig.set_depth(Depth::True);
        rig.app.set_theme(theme);
        assert_snapshot!(format!("theme_{theme}"), rig.styled());
    }
}

#[test]
fn what_our_programs_cost_and_what_is_an_estimate() {
    let program = |name: &str, target: &str, ns, runs| crate::frame::ProgramCost {
        name: name.to_owned(),
        kind: "tp_btf".to_owned(),
        target: target.to_owned(),
        ns,
        runs,
    };
    let sampled = |size, level| {
        let mut rig = table(size, level);
        rig.app.options.max_overhead = Some(0.5);
        let mut frame = crate::ui::testing::disk_frame(9);
        frame.cost.sampled = Some(8);
        frame.cost.map_bytes = 1_310_720;
        frame.cost.programs = vec![
            program("submit__1", "block_io_start", 250_000, 1515),
            program("complete__1", "block_io_done", 750_000, 1515),
        ];
        rig.frame(frame);
        rig
    };
    at_every_size("sampled", sampled);
    at_every_size("sampled_histogram", |size, level| {
        let mut rig = histogram(size, level, false);
        let mut frame = crate::ui::testing::hist_frame(9, false);
        frame.cost.sampled = Some(8);
        rig.frame(frame);
        rig
    });
    at_every_size("cost", |size, level| with_keys(sampled(size, level), "C"));
}

#[test]
fn trends_groups_and_limits() {
    at_every_size("trend", |size, level| with_keys(table(size, level), "m"));
    at_every_size("grouped", |size, level| with_keys(table(size, level), "b b"));
    at_every_size("limits", |size, level| {
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
    at_every_size("heat", |size, level| heat(size, level, 100));
    for (name, keys) in [("heat_alone", "m"), ("percentiles", "m m"), ("heat_cross", "Space Left Left Up")] {
        at_every_size(name, |size, level| with_keys(heat(size, level, 100), keys));
    }
}
