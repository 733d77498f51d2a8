use super::super::reader::{TEXT_ROWS, WHOLE_RUN};
use super::*;
use crate::frame::Mode;

fn around(terminal: bool, env: &'static [(&str, &str)]) -> Surroundings<'static> {
    let find = move |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Surroundings { env: Box::leak(Box::new(find)), terminal, config: &|_| Ok(Default::default()) }
}

fn parse_with(line: &str, around: &Surroundings<'_>) -> Result<Options, Usage> {
    let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    Options::parse(&args, around)
}

fn parse(line: &str) -> Options {
    parse_with(line, &around(false, &[])).unwrap_or_else(|usage| panic!("{line}: {}", usage.text))
}

fn wrong(line: &str) -> String {
    match parse_with(line, &around(false, &[])) {
        Err(usage) => {
            assert_eq!((usage.code, usage.text.lines().count()), (2, 1), "{}", usage.text);
            usage.text
        }
        Ok(_) => panic!("{line} passed"),
    }
}

fn names(options: &Options) -> Vec<&str> {
    options.views.iter().map(|chosen| chosen.view.decl.name.as_str()).collect()
}

fn format(options: &Options) -> Option<Format> {
    match options.output {
        Output::Screen | Output::Recording { .. } => None,
        Output::Batch { format, .. } => Some(format),
    }
}

#[test]
fn views_are_named_by_lists_and_aliases() {
    assert_eq!(names(&parse("biotop")), ["biotop"]);
    assert_eq!(names(&parse("disk,tcptop,biotop")), ["biotop", "tcptop"]);
    let overview: Vec<&str> = Registry::get().overview().iter().map(|view| view.decl.name.as_str()).collect();
    assert_eq!(names(&parse("--json")), overview);
    let told = wrong("biotpo");
    assert!(
        told.starts_with("there is no view `biotpo`; did you mean biotop")
            && told.ends_with("; bcc-top list shows all")
    );
    assert!(wrong("biotop,").contains("no view ``"));
    assert!(wrong("check biotop").starts_with("check is not part of this version"));
}

#[test]
fn interval_and_count_stand_behind_the_view_or_behind_flags() {
    let of = |line| (parse(line).interval.as_secs_f64(), parse(line).count);
    assert_eq!(of("biotop -b"), (1.0, None));
    assert_eq!(of("biotop -b 5"), (5.0, None));
    assert_eq!(of("biotop 0.5 3"), (0.5, Some(3)));
    assert_eq!(of("-d 2 -n 4 biotop"), (2.0, Some(4)));
    assert_eq!(of("biotop --json"), (1.0, Some(1)));
    assert_eq!(of("biotop --json -n 7"), (1.0, Some(7)));
    assert_eq!(of("biotop --ndjson"), (1.0, None));
    for line in ["biotop 0.05", "biotop 3601", "biotop nan", "biotop inf", "biotop -d x", "biotop 1 0", "biotop 5 -d 5"]
    {
        wrong(line);
    }
    let env = parse_with("biotop -b", &around(false, &[("BCC_TOP_INTERVAL", "7")])).ok().unwrap();
    assert_eq!((env.interval.as_secs(), env.warnings.len()), (7, 0));
    let bad = parse_with("biotop -b", &around(false, &[("BCC_TOP_INTERVAL", "soon")])).ok().unwrap();
    assert_eq!((bad.interval.as_secs(), bad.warnings.len()), (1, 1));
}

#[test]
fn what_a_view_declares_stands_behind_its_name_instead() {
    let of = |line| parse(line).views[0].settings.clone();
    let latency = |text: &str| vec![("min_latency".to_owned(), SettingValue::Text(text.to_owned()))];
    assert_eq!(of("ext4slower 1"), latency("1ms"));
    assert_eq!(of("ext4slower 1"), of("ext4slower --min-latency 1ms"));
    assert_eq!(of("ext4slower 500us -d 2 -n 3"), latency("500us"));
    assert_eq!(of("ext4slower"), []);
    assert_eq!((parse("ext4slower 5 -n 3").interval.as_secs_f64(), parse("ext4slower 5 -n 3").count), (1.0, Some(3)));
    assert!(wrong("ext4slower 1 2").contains("unexpected"));
    assert!(wrong("ext4slower soon").contains("10ms"));
    wrong("ext4slower 1 --min-latency 2");
    // Several views have the common ones.
    assert_eq!(parse("ext4slower,biotop 2 3").count, Some(3));
}

#[test]
fn a_time_of_whole_intervals_is_a_count() {
    let of = |line| (parse(line).count, parse(line).duration.map(|d| d.as_secs_f64()));
    assert_eq!(of("biotop --json --duration 10s"), (Some(10), Some(11.0)));
    assert_eq!(of("biotop --json --duration 1m -d 7"), (None, Some(60.0)));
    assert_eq!(of("biotop -b --duration 10s -n 3"), (Some(3), Some(11.0)));
    assert!(wrong("biotop --duration 10").contains("10m"));
    wrong("biotop --duration 0s");
}

#[test]
fn the_explorer_needs_a_terminal_and_no_batch_flag() {
    let terminal = around(true, &[]);
    let on = |line: &str| format(&parse_with(line, &terminal).ok().unwrap());
    assert_eq!(on("biotop"), None);
    assert_eq!(on(""), None);
    assert_eq!(on("biotop -b"), Some(Format::Text));
    assert_eq!(on("biotop --json"), Some(Format::Json));
    assert_eq!(on("biotop --ndjson"), Some(Format::Ndjson));
    assert_eq!(on("biotop --csv"), Some(Format::Csv));
    assert_eq!(on("biotop -o file"), Some(Format::Text));
    assert_eq!(on("biotop -- true"), Some(Format::Text));
    assert_eq!(format(&parse("biotop")), Some(Format::Text));
    wrong("biotop --json --csv");
    assert!(wrong("biotop,tcptop --csv").contains("one view"));
    assert!(wrong("--csv").contains("one view"));
}

#[test]
fn a_command_makes_one_frame_of_the_whole_run() {
    let options = parse("biotop --json -- dd if=a -n 5");
    assert_eq!(options.command, ["dd", "if=a", "-n", "5"].map(OsString::from));
    assert_eq!((options.interval, options.count), (WHOLE_RUN, None));
    assert_eq!(parse("biotop --json -d 2 -- true").interval.as_secs(), 2);
    assert_eq!(parse("biotop --json -n 2 -- true").count, Some(2));
    assert_eq!(parse("biotop --ndjson -- true").interval.as_secs(), 1);
}

#[test]
fn settings_are_flags_and_sets() {
    let of = |line: &str| parse(line).views.into_iter().map(|chosen| chosen.settings).collect::<Vec<_>>();
    let queued = vec![("queued".to_owned(), SettingValue::Bool(true))];
    assert_eq!(of("biotop --queued"), std::slice::from_ref(&queued));
    assert_eq!(of("biotop --set queued=on"), [queued]);
    let by = vec![("by".to_owned(), SettingValue::Text("pid".into()))];
    assert_eq!(of("runqlat --by pid"), std::slice::from_ref(&by));
    assert_eq!(of("--by pid runqlat"), std::slice::from_ref(&by));
    assert_eq!(of("biotop,runqlat --by pid"), [vec![], by]);
    let pid = ("pid".to_owned(), SettingValue::Int(12));
    assert_eq!(of("biotop -p 12"), [vec![pid.clone()]]);
    assert_eq!(of("biotop -p 11 --set pid=12"), [vec![pid]]);
    let text = |name: &str, text: &str| (name.to_owned(), SettingValue::Text(text.to_owned()));
    assert_eq!(of("biotop --comm a --cgroup /b"), [vec![text("comm", "a"), text("cgroup", "/b")]]);
    assert!(wrong("runqlat --by pit").contains("did you mean pid"));
    assert!(wrong("runqlat --set by=pit").contains("did you mean pid"));
    assert!(wrong("biotop --set queud=1").contains("did you mean queued"));
    assert!(wrong("biotop --set queued").contains("NAME=VALUE"));
    assert!(wrong("biotop --queud").contains("--queued"));
    assert!(wrong("biotop --by pid").contains("--by"));
    wrong("biotop -p 0");
}

#[test]
fn rows_columns_and_mode_are_read() {
    let shape = parse("biotop --json -s -bytes -R -r 5 --columns pid,bytes --filter x --since-start").shape;
    let expected = Shape {
        filter: Some("x".into()),
        sort: Some("-bytes".into()),
        reverse: true,
        rows: 5,
        cut_logs: true,
        columns: vec!["pid".into(), "bytes".into()],
        mode: Mode::SinceStart,
    };
    assert_eq!(shape, expected);
    assert_eq!((parse("biotop -b").shape.rows, parse("biotop -b").shape.cut_logs), (TEXT_ROWS, false));
    assert_eq!(parse("biotop -b -r 0").shape.rows, 0);
    assert_eq!(parse("biotop --json").shape.rows, 0);
    wrong("biotop --since-start --per-second");
}

#[test]
fn hooks_are_kinds_or_alternatives() {
    let of = |line| parse(line).force;
    assert_eq!(of("biotop --hook fentry"), [Force::Kind("fentry".into())]);
    let alternative = |hook: &str, number| Force::Alternative { hook: hook.into(), number };
    assert_eq!(of("biotop --hook done=2 --hook issue=1"), [alternative("done", 2), alternative("issue", 1)]);
    assert!(wrong("biotop --hook fentri").contains("did you mean fentry"));
    assert!(wrong("biotop --hook don=1").contains("did you mean done"));
    wrong("biotop --hook done=x");
}

#[test]
fn looks_and_logs_are_read() {
    let options =
        parse_with("biotop --ascii -vv", &around(true, &[("NO_COLOR", "1"), ("BCC_TOP_SLOW", "1")])).ok().unwrap();
    let look = options.look;
    assert_eq!(
        (look.glyphs.as_deref(), look.color.as_str(), look.slow, look.mouse),
        (Some("ascii"), "never", true, true)
    );
    assert_eq!(options.log.verbose, 2);
    let flags = parse_with("biotop --color 256 --no-mouse", &around(true, &[("NO_COLOR", "1")])).ok().unwrap().look;
    assert_eq!((flags.color.as_str(), flags.mouse), ("256", false));
    wrong("biotop --color pink");
    wrong("biotop --quiet -v");
}

#[test]
fn help_is_no_error() {
    let usage = parse_with("biotop --help", &around(false, &[])).err().unwrap();
    assert_eq!(usage.code, 0);
    let decl = &Registry::get().find("biotop").unwrap().decl;
    assert!(usage.text.contains(&decl.question) && usage.text.contains("--queued"), "{}", usage.text);
}

#[test]
fn what_the_user_typed_cannot_add_lines() {
    let args = [OsString::from("bio\n\x1b[31mtop")];
    let usage = Options::parse(&args, &around(false, &[])).err().unwrap();
    assert!(!usage.text.contains(char::is_control), "{:?}", usage.text);
}

#[test]
fn a_recording_needs_a_file_and_keeps_everything() {
    let parse = |line: &str| {
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        Options::parse_record(&args, &around(true, &[]))
    };
    let options = parse("biotop,tcptop 1 60 -o out.rec --pid 7").unwrap_or_else(|usage| panic!("{}", usage.text));
    assert_eq!(options.output, Output::Recording { file: "out.rec".into() });
    assert_eq!((names(&options), options.count), (vec!["biotop", "tcptop"], Some(60)));
    assert_eq!(options.shape, Shape::default());
    let wrong = |line: &str| parse(line).err().map(|usage| usage.text).unwrap_or_default();
    assert!(wrong("biotop").contains("-o FILE"));
    for flag in ["--json", "-b", "--filter pid=1", "-s io", "-r 5", "--columns pid", "--per-second", "--record x"] {
        assert!(wrong(&format!("biotop -o x {flag}")).contains("bcc-top replay"), "{flag}");
    }
}
