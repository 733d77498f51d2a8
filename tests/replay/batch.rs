//! What batch mode makes of files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use crate::support::batch::{document, frames, run, stderr};
use crate::{arg, demo};

/// A stream written by hand, of a view that this program knows and one that it does not.
const STREAM: &str = r#"{"type":"header","schema":"bcc-top/1","tool":{"name":"bcc-top","version":"9.9.9"},"host":{"hostname":"db1","kernel":"6.1.0","arch":"x86_64","cpus":2,"boot_id":null,"new":1},"later":true}
{"type":"frame","view":"biotop","kind":"table","status":"ok","time":{"wall":"2026-11-22T11:10:31.000214Z","mono_ns":1374000214551},"interval":{"index":0,"asked_ns":1000000000,"real_ns":1000000000,"mode":"interval"},"settings":{"pid":null},"hooks":[],"key":["pid"],"columns":[{"name":"pid","type":"int","unit":"id"},{"name":"comm","type":"text","unit":null},{"name":"io","type":"int","unit":"count"},{"name":"bytes","type":"int","unit":"bytes"}],"rows":[{"pid":812,"comm":"fio","io":10,"bytes":4096},{"pid":7,"comm":"a\u001b[2Jb","io":3,"bytes":512},{"pid":null,"comm":null,"io":1,"bytes":0}],"totals":{"io":14,"bytes":4608},"lost":{"events":0},"cost":{"self_cpu_ns":1,"bpf_ns":null}}
{"type":"note","text":"of a later version"}
{"type":"frame","view":"newstat","kind":"counters","status":"partial","reason":{"class":"of_the_future","message":"one hook is missing","remedy":"none"},"time":{"wall":"2026-11-22T11:10:32Z","mono_ns":1375000214551},"interval":{"index":0,"asked_ns":1000000000,"real_ns":1000000000,"mode":"interval"},"settings":{},"hooks":[],"key":[],"columns":[{"name":"swaps","type":"int","unit":"count"}],"rows":[{"swaps":5}],"totals":{},"lost":{},"cost":{}}
"#;

struct Scene {
    dir: tempfile::TempDir,
}

impl Scene {
    fn new() -> Scene {
        Scene { dir: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn replay(path: &std::path::Path, args: &[&str]) -> Output {
    run(&[&["replay", arg(path)], args].concat())
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn fine(output: Output) -> String {
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    text(&output)
}

#[test]
fn what_is_redacted_has_no_names_and_the_same_numbers() {
    let written = |more: &[&str]| fine(run(&[&["demo", "biotop,tcptop", "--ndjson", "-n", "4"], more].concat()));
    let (plain, redacted) = (written(&[]), written(&["--redact"]));
    assert_eq!(plain.lines().count(), redacted.lines().count());
    for name in ["fio", "web-07", "10.0.4.2", "/system.slice"] {
        assert!(plain.contains(name) && !redacted.contains(name), "{name}");
    }
    let rows = |text: &str| {
        let frames = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        frames.flat_map(|frame| frame["rows"].as_array().cloned().unwrap_or_default()).collect::<Vec<_>>()
    };
    let (plain, redacted) = (rows(&plain), rows(&redacted));
    let mut words = std::collections::HashMap::new();
    assert!(plain.len() > 10 && plain.len() == redacted.len());
    for (was, is) in plain.iter().zip(&redacted) {
        assert_eq!(
            (&was["pid"], &was["bytes"], &was["tx"], &was["rw"]),
            (&is["pid"], &is["bytes"], &is["tx"], &is["rw"])
        );
        let word = words.entry(was["comm"].to_string()).or_insert_with(|| is["comm"].clone());
        assert_eq!(word, &is["comm"], "a name is one word");
    }
    assert!(words.len() > 2);
    let filtered = ["demo", "biotop", "--csv", "-n", "4", "--redact", "--filter", "comm=fio", "--columns", "comm,io"];
    assert!(fine(run(&filtered)).lines().count() > 1, "a filter sees the names as they were");
}

#[test]
fn the_demo_is_a_recording_of_a_host_that_nobody_knows() {
    let lines = fine(run(&["demo", "--ndjson"]));
    let header: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(header["host"]["hostname"], "web-07");
    let unpacked = std::process::Command::new("zstd").arg("-dcq").arg(demo()).output();
    if let Ok(unpacked) = unpacked.map(|output| output.stdout) {
        assert!(unpacked == lines.as_bytes(), "what zstd unpacks is what is replayed");
    }
    assert_eq!(fine(replay(&demo(), &["--ndjson"])), lines);
    assert!(fs::metadata(demo()).unwrap().len() < 300_000);
    for view in ["biotop", "tcptop", "runqlat", "cachetop"] {
        assert!(lines.matches(&format!("\"view\":\"{view}\"")).count() > 60, "{view}");
    }
    assert!(!lines.contains("\"status\":\"unavailable\"") && !lines.contains("/work") && !lines.contains("/root"));
}

#[test]
fn every_form_of_output_works_on_it() {
    let document = document(&run(&["demo", "biotop,runqlat", "--json", "-n", "3"]));
    let views: Vec<&str> = frames(&document).iter().map(|frame| frame["view"].as_str().unwrap()).collect();
    assert_eq!(views.len(), 6);
    assert!(fine(run(&["demo", "biotop", "-b", "-n", "1"])).contains("COMM"));
    let csv = fine(run(&["demo", "tcptop", "--csv", "-n", "2", "-r", "1", "-s", "-tx", "--columns", "comm,tx"]));
    assert!(csv.starts_with("time,interval_ns,comm,tx\r\n") && csv.lines().count() == 3, "{csv}");
    let since = fine(run(&["demo", "cachetop", "--ndjson", "--since-start", "--filter", "hits>0", "--duration", "5s"]));
    let last: Value = serde_json::from_str(since.lines().last().unwrap()).unwrap();
    assert_eq!((&last["interval"]["mode"], &last["interval"]["index"]), (&"since_start".into(), &4.into()));
}

#[test]
fn frames_that_are_recorded_again_are_the_same() {
    let scene = Scene::new();
    let first = fine(replay(&demo(), &["--ndjson"]));
    let stream = scene.file("stream.ndjson", &first);
    assert_eq!(fine(replay(&stream, &["--ndjson"])), first);
    let json = scene.dir.path().join("all.json");
    fine(replay(&demo(), &["--json", "-o", arg(&json)]));
    assert_eq!(fs::metadata(&json).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fine(replay(&json, &["--ndjson"])), first);
}

#[test]
fn a_stream_by_hand_is_shown_with_all_that_is_unknown() {
    let scene = Scene::new();
    let stream = scene.file("hand.ndjson", STREAM);
    let lines = fine(replay(&stream, &["--ndjson"]));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["host"]["hostname"], "db1");
    assert_eq!(lines[1]["rows"][2], serde_json::json!({ "pid": null, "comm": null, "io": 1, "bytes": 0 }));
    assert_eq!(lines[1]["rows"][1]["comm"], "a\u{1b}[2Jb");
    assert_eq!((&lines[2]["view"], &lines[2]["rows"][0]["swaps"]), (&"newstat".into(), &5.into()));
    assert_eq!(
        (&lines[2]["status"], &lines[2]["reason"]["message"]),
        (&"partial".into(), &"one hook is missing".into())
    );
    let shown = fine(replay(&stream, &["-b"]));
    assert!(shown.contains("SWAPS") && shown.contains("a?[2Jb") && !shown.contains('\u{1b}'), "{shown}");
    let filtered = fine(replay(&stream, &["disk", "-b", "--filter", "io>2"]));
    assert!(filtered.contains("fio") && !filtered.contains("newstat"), "{filtered}");
}

#[test]
fn a_cut_off_file_is_shown_to_its_end() {
    let scene = Scene::new();
    let whole = fs::read(demo()).unwrap();
    let lines = fine(replay(&demo(), &["--ndjson"]));
    for tenths in [5, 8, 9] {
        let part = scene.file("cut.rec.part", &whole[..whole.len() * tenths / 10]);
        let output = replay(&part, &["--ndjson"]);
        let (shown, told) = (text(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert!(lines.starts_with(&shown) && shown.lines().count() > 100, "what there is is right");
        assert!(told.is_empty() || told.lines().count() == 1 && told.contains("cut off"), "{told}");
    }
    let part = scene.file("cut.ndjson.part", &lines[..lines.len() - 5]);
    let output = replay(&part, &["--ndjson"]);
    assert_eq!((output.status.code(), text(&output).lines().count()), (Some(0), lines.lines().count() - 1));
    assert!(stderr(&output).contains("cut.ndjson.part: line "), "{}", stderr(&output));
}

#[test]
fn a_file_without_its_index_is_scanned_and_a_damaged_one_is_told() {
    let scene = Scene::new();
    let whole = fs::read(demo()).unwrap();
    let lines = fine(replay(&demo(), &["--ndjson"]));
    let length = u32::from_le_bytes(whole[whole.len() - 12..whole.len() - 8].try_into().unwrap()) as usize;
    let bare = scene.file("bare.rec", &whole[..whole.len() - length - 20]);
    assert_eq!(fine(replay(&bare, &["--ndjson"])), lines);
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    for (name, end) in [("damaged.rec", whole.len()), ("damaged-bare.rec", whole.len() - length - 20)] {
        let output = replay(&scene.file(name, &damaged[..end]), &["--ndjson"]);
        let told = stderr(&output);
        assert!(output.status.code() == Some(1) && told.lines().count() == 1 && told.contains("damaged"), "{told}");
        let shown = text(&output);
        assert!(shown.lines().all(|line| lines.contains(line)), "no number of a damaged chunk is shown");
        assert!(shown.lines().count() > lines.lines().count() - 60);
    }
}

#[test]
fn what_is_no_recording_is_one_line_and_exit_1() {
    let scene = Scene::new();
    let link = scene.dir.path().join("link.rec");
    symlink(demo(), &link).unwrap();
    assert!(replay(&link, &["-b", "-n", "1"]).status.success(), "a link may be read, it is only not written");
    let mut long = b"{\"type\":\"frame\",\"view\":\"".to_vec();
    long.resize(40 << 20, b'x');
    let cases: [(PathBuf, &str); 8] = [
        (scene.dir.path().join("none"), "No such file"),
        (scene.file("empty", ""), "is empty"),
        (scene.file("text", "hello\nworld\n"), "line 1"),
        (scene.file("\u{1b}[2Jnoise", [0xfe; 9000]), "noise: "),
        (scene.file("long", long), "longer than"),
        (scene.file("other.json", "{\"frames\":[{\"x\":1}]}"), "frame 1"),
        (scene.file("header", STREAM.lines().next().unwrap()), "no frames"),
        (scene.dir.path().to_owned(), "not a regular file"),
    ];
    for (path, expected) in cases {
        let output = replay(&path, &["--json"]);
        let told = stderr(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{told}");
        assert!(told.lines().count() == 1 && told.contains(expected), "{expected}: {told}");
        assert!(told.trim_end().chars().all(|c| !c.is_control()), "{told:?}");
    }
}

#[test]
fn wrong_usage_is_exit_2_before_anything_is_written() {
    let demo = demo();
    let cases: [(&[&str], &str); 8] = [
        (&["replay"], "FILE"),
        (&["replay", arg(&demo), "biotpo", "-b"], "did you mean biotop?; it holds"),
        (&["replay", arg(&demo), "--csv"], "one view"),
        (&["replay", arg(&demo), "--json", "--sort", "byts"], "--sort"),
        (&["replay", arg(&demo), "biotop", "--json", "--filter", "byts>1"], "--filter"),
        (&["replay", arg(&demo), "--speed", "0", "-b"], "--speed"),
        (&["replay", arg(&demo), "--pid", "1"], "--pid"),
        (&["demo", "-d", "2"], "-d"),
    ];
    for (args, expected) in cases {
        let output = run(args);
        let told = stderr(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}: {told}");
        assert!(told.lines().count() == 1 && told.contains(expected), "{args:?}: {told}");
    }
    for name in ["record", "replay", "demo"] {
        let help = fine(run(&[name, "--help"]));
        assert!(help.contains(name) && help.contains("--log-file"), "{help}");
        assert_eq!(fine(run(&["help", name])), help);
    }
}
