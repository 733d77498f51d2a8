use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value as Json;

use super::schema::tests::validate;
use super::*;
use crate::frame::accumulate::per_second;
use crate::frame::{Frame, ReasonClass};

/// A writer whose bytes can be looked at while the exporter holds it.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn host() -> Host {
    Host { hostname: "db1".into(), kernel: "6.1".into(), arch: "x86_64".into(), cpus: 2, boot_id: Some("b".into()) }
}

fn export(format: Format, frames: &[Frame]) -> String {
    let out = Shared::default();
    let mut exporter = exporter(format, out.clone());
    exporter.begin(&host()).unwrap();
    for frame in frames {
        exporter.frame(&Shown::whole(frame.clone())).unwrap();
    }
    exporter.end().unwrap();
    out.text()
}

fn document(frames: &[Frame]) -> Json {
    let document: Json = serde_json::from_str(&export(Format::Json, frames)).unwrap();
    validate("Document", &document).unwrap();
    document
}

#[test]
fn a_table_has_every_promised_field() {
    let document = document(&[sample::table()]);
    assert_eq!(document["schema"], "bcc-top/1");
    assert_eq!(document["tool"]["name"], "bcc-top");
    assert_eq!(document["host"]["hostname"], "db1");
    let frame = &document["frames"][0];
    assert_eq!(frame["type"], "frame");
    assert_eq!(frame["time"]["wall"], "2026-11-22T11:10:31.000214000Z");
    assert_eq!(
        frame["interval"],
        serde_json::json!({
            "index": 4, "asked_ns": 1_000_000_000u64, "real_ns": 2_000_000_000u64, "mode": "interval"
        })
    );
    assert_eq!(frame["settings"], serde_json::json!({ "pid": null, "queued": true }));
    assert_eq!(frame["hooks"][0]["target"], "block_io_start");
    assert_eq!(frame["key"], serde_json::json!(["pid"]));
    assert_eq!(frame["columns"][1], serde_json::json!({ "name": "comm", "type": "text", "unit": null }));
    assert_eq!(frame["columns"][3], serde_json::json!({ "name": "bytes", "type": "int", "unit": "bytes" }));
    assert_eq!(frame["rows"][0]["bytes"], 4 << 20);
    assert_eq!(frame["totals"], serde_json::json!({ "io": 1027, "bytes": (4 << 20) + 1024 + 2048 }));
    assert_eq!(frame["lost"]["late_ns"], 211_873);
    assert_eq!(frame["cost"]["bpf_ns"], Json::Null);
    assert!(frame.get("reason").is_none() && frame.get("histograms").is_none());
}

#[test]
fn unknown_is_null_and_what_json_cannot_hold_is_text() {
    let document = document(&[sample::table()]);
    let rows = &document["frames"][0]["rows"];
    assert_eq!((&rows[1]["pid"], &rows[1]["comm"], &rows[1]["hit"]), (&Json::Null, &Json::Null, &Json::Null));
    assert_eq!(rows[0]["cgroup_id"], "18446744073709551614");
    assert_eq!(rows[2]["comm"], "a\u{1b}[31m\u{fffd},\"b");
    assert_eq!(rows[2]["comm_hex"], "611b5b33316dff2c2262");
    assert!(rows[0].get("comm_hex").is_none());
    assert!(!export(Format::Json, &[sample::table()]).contains('\u{1b}'));
}

#[test]
fn a_histogram_has_bounds_and_all_buckets_between_the_used_ones() {
    let document = document(&[sample::histogram()]);
    let frame = &document["frames"][0];
    assert!(frame.get("rows").is_none());
    let first = &frame["histograms"][0];
    assert_eq!(first["key"], serde_json::json!({ "pid": 1 }));
    assert_eq!(first["attributes"], serde_json::json!({ "comm": "task1" }));
    assert_eq!((&first["unit"], &first["count"], &first["max"]), (&"ns".into(), &43.into(), &30.into()));
    assert_eq!(
        first["buckets"],
        serde_json::json!([
            { "lo": 4, "hi": 7, "count": 3 }, { "lo": 8, "hi": 15, "count": 0 }, { "lo": 16, "hi": 31, "count": 40 }
        ])
    );
    assert_eq!((&first["p50"]["lo"], &first["p50"]["hi"]), (&16.into(), &30.into()));
    let empty = &frame["histograms"][1];
    assert_eq!((&empty["p50"], &empty["max"], &empty["buckets"]), (&Json::Null, &Json::Null, &serde_json::json!([])));
}

#[test]
fn a_view_that_cannot_run_says_why() {
    let document = document(&[sample::unavailable(ReasonClass::NoBtf)]);
    let frame = &document["frames"][0];
    assert_eq!(frame["status"], "unavailable");
    assert_eq!(
        frame["reason"],
        serde_json::json!({
            "class": "no_btf", "message": "no hook for submit", "remedy": "use another kernel"
        })
    );
}

#[test]
fn per_second_columns_are_fractions_and_say_so() {
    let document = document(&[per_second(&sample::table())]);
    let frame = &document["frames"][0];
    assert_eq!(frame["interval"]["mode"], "per_second");
    assert_eq!((&frame["columns"][2]["type"], &frame["columns"][0]["type"]), (&"float".into(), &"int".into()));
    assert_eq!(frame["rows"][1]["io"], 0.5);
}

#[test]
fn a_hostile_host_name_is_escaped_wherever_it_is_written() {
    // U+009B is a control sequence introducer of its own, U+202E turns text round: serde_json writes both as they are.
    let host = Host { hostname: "\x1b]0;x\x07\u{9b}31m\u{202e}\u{7f}\n".into(), ..host() };
    for format in [Format::Json, Format::Ndjson, Format::Csv, Format::Text] {
        let out = Shared::default();
        let mut exporter = exporter(format, out.clone());
        exporter.begin(&host).unwrap();
        exporter.end().unwrap();
        let text = out.text();
        assert!(text.chars().all(|c| crate::frame::text::is_safe(c) || c == '\n'), "{text:?}");
        if format == Format::Json {
            assert_eq!(serde_json::from_str::<Json>(&text).unwrap()["host"]["hostname"], host.hostname.as_str());
        }
    }
}

#[test]
fn a_document_without_frames_is_valid() {
    assert_eq!(document(&[])["frames"], serde_json::json!([]));
}

#[test]
fn lines_are_a_header_and_frames() {
    let text = export(Format::Ndjson, &[sample::table(), sample::histogram()]);
    let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    validate("Header", &lines[0]).unwrap();
    validate("FrameLine", &lines[1]).unwrap();
    validate("FrameLine", &lines[2]).unwrap();
    assert_eq!(lines[2]["view"], "samplelat");
}

#[test]
fn csv_has_one_header_and_quotes_what_it_must() {
    let text = export(Format::Csv, &[sample::table(), sample::unavailable(ReasonClass::NoBtf), sample::table()]);
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 7, "{text}");
    assert_eq!(lines[0], "time,interval_ns,pid,comm,io,bytes,latency_sum,latency_avg,cgroup_id,hit");
    assert_eq!(
        lines[1],
        "2026-11-22T11:10:31.000214000Z,2000000000,812,fio,1024,4194304,81234500,79331,18446744073709551614,0.975"
    );
    assert_eq!(lines[2], "2026-11-22T11:10:31.000214000Z,2000000000,,,1,1024,500,500,18446744073709551614,");
    assert!(lines[3].contains("7,\"a?[31m?,\"\"b\",2,"), "{}", lines[3]);
}

#[test]
fn csv_of_a_histogram_is_a_line_per_bucket() {
    let text = export(Format::Csv, &[sample::histogram()]);
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines[0], "time,interval_ns,pid,lo,hi,count");
    assert_eq!(lines[1], "2026-11-22T11:10:31.000214000Z,2000000000,1,4,7,3");
    assert_eq!(lines.len(), 4);
}

#[test]
fn csv_refuses_columns_that_change() {
    let mut exporter = exporter(Format::Csv, Shared::default());
    exporter.frame(&Shown::whole(sample::table())).unwrap();
    assert!(exporter.frame(&Shown::whole(sample::histogram())).is_err());
}

#[test]
fn text_has_the_heads_of_bcc_in_their_units_and_no_control_characters() {
    let text = export(Format::Text, &[sample::table()]);
    let expected = "\
2026-11-22T11:10:31Z sampletop  interval, 2.0 s
PID COMM        I/O Kbytes LATSUM_ns AVGms  HIT%
812 fio        1024   4096  81234500  0.08 97.5%
  - -             1      1       500  0.00     -
  7 a?[31m?,\"b    2      2       900  0.00 97.5%
";
    assert_eq!(text, expected);
}

#[test]
fn text_of_events_is_a_log_under_one_head() {
    let mut frames: Vec<Frame> = (0..3).map(crate::ui::testing::exec_frame).collect();
    frames[1].table = frames[1].table.select(&[]);
    frames[2].table = frames[2].table.select(&[3, 4]);
    frames[1].lost.events = 7;
    let text = export(Format::Text, &frames);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].ends_with("Z execsnoop  events"), "{text}");
    let expected = [
        "TIME         COMM                  PID     PPID  RET ARGS",
        "11:10:20.000 make                 4100      812    0 make -j8 all",
        "11:10:20.137 sh                   4101      812    0 sh -c cc -O2 -Wall -c src/parser.c -o build/parser.o && touch build/.stamp",
        "11:10:20.274 cc                   4102      812    0 cc -O2 -Wall -c src/parser.c -o build/parser.o",
        "# 7 events were lost",
        "11:10:22.411 sh                   4123      812   -2 /usr/local/bin/ccache cc",
        "11:10:22.548 evil?[2J             4124      812    0 evil??]0;owned?",
    ];
    assert_eq!(lines[1..], expected);
}

#[test]
fn text_of_a_histogram_is_what_bcc_draws() {
    let text = export(Format::Text, &[sample::histogram()]);
    let expected = format!(
        "\
2026-11-22T11:10:31Z samplelat  interval, 2.0 s
pid = 1, comm = task1
       nsecs             : count     distribution
         4 -> 7          : 3        |***{:37}|
         8 -> 15         : 0        |{:40}|
        16 -> 31         : 40       |{}|
avg = 20 nsecs, total: 900 nsecs, count: 43

pid = 2, comm = task2
avg = 0 nsecs, total: 0 nsecs, count: 0
",
        "",
        "",
        "*".repeat(40)
    );
    assert_eq!(text, expected);
}
