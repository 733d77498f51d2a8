use super::*;
use crate::config::{Always, Color, Glyphs, KeepWarm, Overhead};

fn texts(parsed: &Parsed) -> Vec<String> {
    parsed.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn everything_that_can_be_set_is_read() {
    let parsed = read(
        r#"
interval = 2
theme = "dark"
color = "256"
glyphs = "box"
mouse = false
keep_warm = "always"
overhead = "off"
history_mib = 64
[dashboards]
default = ["biotop", "tcptop"]
[views.biotop]
sort = "-io"
columns = ["pid", "comm", "io"]
widths.comm = 30
thresholds = { bytes = "warn 1M crit 10M" }
set.queued = true
[views.runqlat]
draw = "heat-map"
set = { by = "pid" }
[keys]
picker = ["o"]
"#,
        false,
    );
    assert_eq!(parsed.problems, []);
    let config = &parsed.config;
    assert_eq!((config.interval, config.theme.as_str(), config.mouse), (2.0, "dark", false));
    assert_eq!((config.color, config.glyphs), (Color::Indexed, Glyphs::Box));
    assert_eq!((config.keep_warm, config.overhead), (KeepWarm::Word(Always::Always), Overhead::Off));
    assert_eq!((config.history_mib, config.history_frames), (64, 600));
    assert_eq!((parsed.lines["interval"], parsed.lines["views.biotop.widths.comm"]), (2, 15));
    let layout = config.layout();
    assert_eq!(layout.panes, ["biotop", "tcptop"]);
    let biotop = &layout.views["biotop"];
    assert_eq!((biotop.limits.len(), biotop.settings.len(), biotop.widths["comm"]), (1, 1, 30));
    assert!(layout.views["runqlat"].draw.is_some());
    assert_eq!(parsed.keys.of(crate::ui::action::Action::Picker), ["o"]);
}

#[test]
fn a_mistake_is_named_with_its_line_and_the_nearest_word_and_costs_only_itself() {
    let parsed = read(
        r#"themme = "dark"
interval = 0.01
color = "paint"
glyphs = 3
overhead = "sampeld"
keep_warm = "forever"
history_frames = -1
theme = "../../etc/shadow"
mouse = false

[dashboards]
default = ["biotpo", "tcptop"]
one = ["biotop"]
[views.biotopp]
sort = "pid"
[views.biotop]
sort = "-byts"
colums = []
columns = "pid"
draw = "heat map"
thresholds.bytes = "warn lots"
set.queud = true
set.queued = "perhaps"
hide_idle = true
[keys]
pickr = ["v"]
pause = ["z"]
explain = ["z"]
units = ["Spcae"]
"#,
        false,
    );
    let texts = texts(&parsed);
    let wanted = [
        "line 1: themme: `themme` is not a setting; did you mean theme",
        "line 2: interval: 0.01 is not between 0.1 and 3600 seconds",
        "line 3: color: `paint` is not one of auto, never, 16, 256, true",
        "line 4: glyphs:",
        "line 5: overhead: `sampeld` is not one of sampled, off, always; did you mean sampled",
        "line 6: keep_warm: takes a number of seconds, or \"always\"",
        "line 7: history_frames:",
        "line 8: theme: \"../../etc/shadow\" is not the name of a theme",
        "line 12: dashboards.default: there is no view `biotpo`; did you mean biotop",
        "line 13: dashboards.one: 1 views; a dashboard has 2 to 9",
        "line 15: views.biotopp.sort: there is no view `biotopp`; did you mean biotop",
        "line 17: views.biotop.sort: biotop has no column `byts`; did you mean bytes",
        "line 18: views.biotop.colums: `colums` is not a setting; did you mean columns",
        "line 19: views.biotop.columns: takes a list in brackets",
        "line 20: views.biotop.draw: `heat map` is not one of table, trend",
        "line 21: views.biotop.thresholds.bytes:",
        "line 22: views.biotop.set.queud: there is no such setting; did you mean queued",
        "line 23: views.biotop.set.queued: `perhaps` is neither true nor false",
        "line 26: keys.pickr: `pickr` is not an action; did you mean picker",
        "line 28: keys.explain: `z` is bound to pause already",
    ];
    for (at, wanted) in wanted.iter().enumerate() {
        assert!(texts.get(at).is_some_and(|text| text.starts_with(wanted)), "{wanted}\n{texts:#?}");
    }
    assert_eq!(texts.len(), 21);
    assert!(texts[20].contains("1 more"), "{texts:#?}");
    let expected = Config { mouse: false, ..Config::default() };
    let mut config = parsed.config.clone();
    assert_eq!(config.views.remove("biotop").and_then(|view| view.hide_idle), Some(true));
    config.keys.clear();
    assert_eq!(config, expected);
}

#[test]
fn a_text_that_is_no_toml_is_one_mistake() {
    for (text, line) in [("interval = 2\n[views\n", 2), ("a = 1\n\na = 2\n", 3), ("\u{0}", 1), ("= 3", 1)] {
        let parsed = read(text, false);
        assert_eq!((parsed.problems.len(), parsed.problems[0].line), (1, line), "{text:?} {:?}", parsed.problems);
        assert_eq!(parsed.config, Config::default());
        assert!(!parsed.problems[0].text.contains('\n'));
    }
}

#[test]
fn a_foreign_file_can_only_set_looks_and_limits() {
    let text = "save_state = true\ntheme = \"dark\"\n\
        [views.biotop]\nthresholds = { bytes = \"warn 1 snapshot\", io = \"warn 1 bell\" }\n";
    assert_eq!(read(text, false).problems, []);
    let foreign = read(text, true);
    assert_eq!(foreign.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [1, 4]);
    assert!(!foreign.config.save_state);
    assert_eq!(foreign.config.theme, "dark");
    assert_eq!(foreign.config.views["biotop"].thresholds.keys().collect::<Vec<_>>(), ["io"]);
}

#[test]
fn nothing_that_is_typed_makes_it_fall_over() {
    let deep = format!("a{} = 1", ".a".repeat(70));
    let wide = (0..3000).map(|n| format!("x{n} = 1\n")).collect::<String>();
    for text in ["views = 3", "views.biotop = 3", "keys = []", "[[keys]]", "[views.biotop.widths]", &deep, &wide] {
        let parsed = read(text, false);
        assert!(parsed.problems.len() <= TOLD + 1, "{text}");
        assert!(text.starts_with("[views") || !parsed.problems.is_empty(), "{text}");
    }
}
