//! A recording on the screen: its clock, its jumps, and that it looks as it did when it was live.

use std::time::Duration;

use super::super::message::{Effect, Input};
use super::super::replay::{Playing, Replay};
use super::super::testing::{Rig, unavailable_frame};
use super::screens::{at_every_size, with_keys};
use super::*;
use crate::feed::{Event, Transport};
use crate::frame::Frame;
use crate::record::Tape;
use crate::record::tests::{knows, opened, read, recorded};

/// A recording of so many seconds of `biotop` that plays.
fn replay(seconds: u64) -> Rig {
    replay_on(SIZE, Level::Unicode, seconds)
}

fn replay_on(size: (u16, u16), level: Level, seconds: u64) -> Rig {
    replay_of("biotop", size, level, seconds)
}

fn replay_of(view: &str, size: (u16, u16), level: Level, seconds: u64) -> Rig {
    let mut rig = Rig::new(&[view], size, level);
    let (first, last) = (disk_frame(0).time, disk_frame(seconds - 1).time);
    rig.app.replay = Some(Playing::new(Replay { first, last, speed: 1.0, demo: false }));
    rig.effects.clear();
    rig
}

/// What the clock of the recording was asked for since the last time.
fn asked(rig: &mut Rig) -> Vec<Transport> {
    let effects = std::mem::take(&mut rig.effects);
    effects.into_iter().filter_map(|effect| if let Effect::Play(asked) = effect { Some(asked) } else { None }).collect()
}

fn opens(rig: &Rig) -> usize {
    rig.effects.iter().filter(|effect| matches!(effect, Effect::Open(..))).count()
}

fn end(rig: &mut Rig) {
    let generation = rig.app.views[0].generation;
    rig.input(Input::Feed(0, generation, Event::Ended));
}

fn index(rig: &Rig) -> u64 {
    rig.app.views[0].shown.as_ref().unwrap().source.interval.index
}

fn first_line(rig: &mut Rig) -> String {
    rig.screen().lines().next().unwrap().to_owned()
}

#[test]
fn the_first_row_says_that_it_is_a_replay_and_of_when() {
    let mut rig = replay(10);
    (0..4).for_each(|at| rig.frame(disk_frame(at)));
    assert!(first_line(&mut rig).ends_with("REPLAY 2026-11-22 11:13:23"), "{}", first_line(&mut rig));
    rig.keys("+");
    assert!(first_line(&mut rig).ends_with("REPLAY x2 11:13:23"), "{}", first_line(&mut rig));
    assert_eq!(asked(&mut rig), [Transport::Speed(2.0)]);
    rig.keys("Space");
    assert!(first_line(&mut rig).ends_with("REPLAY PAUSED 11:13:23"), "{}", first_line(&mut rig));
    assert!(rig.screen().contains("Space plays"));
    rig.keys("Space");
    (4..10).for_each(|at| rig.frame(disk_frame(at)));
    end(&mut rig);
    assert!(first_line(&mut rig).ends_with("REPLAY END 11:13:29"), "{}", first_line(&mut rig));
}

#[test]
fn a_recording_that_plays_stands_or_is_over() {
    let playing = |size, level| {
        let mut rig = replay_on(size, level, 10);
        (0..10).for_each(|at| rig.frame(disk_frame(at)));
        rig
    };
    at_every_size("replay", playing);
    at_every_size("replay_paused", |size, level| with_keys(playing(size, level), "Space [ ["));
    at_every_size("replay_end", |size, level| {
        let mut rig = playing(size, level);
        end(&mut rig);
        rig
    });
}

#[test]
fn stepping_goes_through_what_is_held_and_then_on() {
    let mut rig = replay(10);
    (0..4).for_each(|at| rig.frame(disk_frame(at)));
    rig.keys("[ [");
    assert_eq!(index(&rig), 1);
    assert!(asked(&mut rig).iter().all(|asked| *asked == Transport::Pause));
    rig.keys("] ]");
    assert_eq!(index(&rig), 3);
    asked(&mut rig);
    rig.keys("]");
    assert!(asked(&mut rig).contains(&Transport::Step("biotop".into())));
    rig.frame(disk_frame(4));
    assert_eq!(index(&rig), 4, "the screen goes where it was sent");
    rig.keys("[");
    rig.frame(disk_frame(5));
    assert_eq!(index(&rig), 3, "and stays where the user went");
    rig.keys("]");
    assert_eq!(index(&rig), 4);
    rig.keys("[ [ [ [ [ [");
    assert_eq!(index(&rig), 0);
    assert!(rig.screen().contains("this is the start of the recording"));
}

#[test]
fn space_goes_on_from_the_moment_on_the_screen() {
    let mut rig = replay(100);
    (0..4).for_each(|at| rig.frame(disk_frame(at)));
    rig.keys("Space");
    assert_eq!(asked(&mut rig), [Transport::Pause]);
    rig.keys("Space");
    assert_eq!(asked(&mut rig), [Transport::Play], "nothing is read again where nothing was skipped");
    rig.keys("[ [ Space");
    let now = disk_frame(1).time.mono_ns;
    assert_eq!((opens(&rig), rig.app.views[0].history.len()), (1, 0));
    assert_eq!(asked(&mut rig)[2..], [Transport::Seek(now), Transport::Play]);
    assert_eq!(rig.app.cursor, None);
}

#[test]
fn jumps_beyond_what_is_held_move_the_clock() {
    let mut rig = replay(1000);
    (500..520).for_each(|at| rig.frame(disk_frame(at)));
    let time = |at: u64| disk_frame(at).time;
    rig.keys("{");
    assert_eq!(asked(&mut rig), [Transport::Pause, Transport::Seek(time(459).mono_ns)]);
    (400..460).for_each(|at| rig.frame(disk_frame(at)));
    assert_eq!(index(&rig), 459);
    rig.keys("}");
    assert_eq!(asked(&mut rig), [Transport::Pause, Transport::Seek(time(519).mono_ns)]);
    (500..520).for_each(|at| rig.frame(disk_frame(at)));
    rig.app.go_to_time(time(510).wall_ns);
    assert_eq!(index(&rig), 510);
    rig.input(Input::Tick);
    asked(&mut rig);
    rig.app.go_to_time(time(100).wall_ns);
    rig.input(Input::Tick);
    assert_eq!(asked(&mut rig), [Transport::Pause, Transport::Seek(time(100).mono_ns)]);
}

#[test]
fn space_while_it_jumps_goes_on_from_where_it_lands() {
    let mut rig = replay(1000);
    (500..520).for_each(|at| rig.frame(disk_frame(at)));
    rig.keys("{ Space");
    assert_eq!(asked(&mut rig)[2..], [Transport::Play]);
    (400..460).for_each(|at| rig.frame(disk_frame(at)));
    assert_eq!((index(&rig), rig.app.cursor), (459, None));
    rig.frame(disk_frame(460));
    assert_eq!(index(&rig), 460);
}

#[test]
fn at_its_end_it_stands_and_plays_again() {
    let mut rig = replay(4);
    (0..4).for_each(|at| rig.frame(disk_frame(at)));
    end(&mut rig);
    rig.keys("Space");
    assert_eq!(asked(&mut rig), [Transport::Seek(disk_frame(0).time.mono_ns), Transport::Play]);
    (0..4).for_each(|at| rig.frame(disk_frame(at)));
    end(&mut rig);
    rig.keys("[ ] ]");
    assert!(rig.screen().contains("this is the end of the recording"));
    asked(&mut rig);
    rig.keys("Space");
    assert_eq!(asked(&mut rig), [Transport::Seek(disk_frame(0).time.mono_ns), Transport::Play]);
}

#[test]
fn nothing_is_unloaded_or_loaded_anew_in_a_replay() {
    let mut rig = replay(1000);
    rig.frame(disk_frame(0));
    rig.keys("v");
    rig.type_in("tcptop");
    rig.keys("Enter");
    rig.effects.clear();
    rig.pass(Duration::from_secs(3600));
    assert!(rig.effects.is_empty(), "{:?}", rig.effects);
    rig.keys("1 x F");
    assert!(rig.screen().contains("a recording is as it was made"));
    assert!(rig.effects.is_empty(), "{:?}", rig.effects);
}

#[test]
fn rows_of_a_recording_can_be_put_together() {
    let mut rig = replay(10);
    rig.frame(disk_frame(0));
    rig.keys("b b");
    assert!(rig.screen().contains("by comm"), "{}", rig.screen());
    assert!(rig.effects.is_empty(), "{:?}", rig.effects);
}

#[test]
fn distributions_of_a_recording_stay_as_they_are() {
    let mut rig = replay_of("runqlat", SIZE, Level::Unicode, 10);
    rig.frame(hist_frame(0, false));
    assert!(!rig.screen().contains("b group"), "{}", rig.screen());
    rig.keys("b");
    assert!(rig.screen().contains("as they were recorded"), "{}", rig.screen());
    assert!(rig.effects.is_empty(), "{:?}", rig.effects);
}

#[test]
fn views_that_were_not_recorded_are_not_offered() {
    let (first, last) = (disk_frame(0).time, disk_frame(9).time);
    let options = crate::ui::Options {
        replay: Some(Replay { first, last, speed: 1.0, demo: false }),
        recorded: vec!["biotop".into(), "cachetop".into()],
        ..Default::default()
    };
    let request = super::super::testing::request("tcptop");
    let app = crate::ui::app::App::new(options, vec![request], std::time::Instant::now());
    assert_eq!(app.nearest(&app.views[0]).iter().map(String::as_str).collect::<Vec<_>>(), ["cachetop", "biotop"]);
    assert_eq!(app.unavailable.get("runqlat").map(String::as_str), Some("not recorded"));
    assert!(!app.unavailable.contains_key("biotop"));
    let live = crate::ui::app::App::new(Default::default(), Vec::new(), std::time::Instant::now());
    assert!(live.unavailable.is_empty());
}

#[test]
fn a_recording_looks_as_it_did_live() {
    for size in SIZES {
        for level in [Level::Unicode, Level::Ascii] {
            let views = ["biotop", "tcptop", "runqlat", "cachetop"];
            let (mut live, mut again) = (Rig::new(&views, size, level), Rig::new(&views, size, level));
            let each = |at: u64| [disk_frame(at), net_frame(at), hist_frame(at, false), cache_frame(at)];
            let frames: Vec<Frame> = (0..12).flat_map(each).collect();
            let known = knows(&frames[..4]);
            let back = read(&opened(recorded(&frames), known).unwrap()).0;
            frames.into_iter().for_each(|frame| live.frame(frame));
            back.into_iter().for_each(|frame| again.frame(frame));
            for keys in ["e", "a", "a", "Space", "[", "0", "2", "u", "3", "m", "4", "Enter"] {
                live.keys(keys);
                again.keys(keys);
                assert_eq!(live.screen(), again.screen(), "{size:?} after {keys}");
            }
        }
    }
}

#[test]
fn what_could_not_run_then_is_told_now() {
    let mut rig = Rig::new(&["tcptop"], SIZE, Level::Unicode);
    let back = read(&opened(recorded(&[unavailable_frame()]), knows(&[])).unwrap()).0;
    back.into_iter().for_each(|frame| rig.frame(frame));
    assert!(rig.screen().contains("CONFIG_KPROBES=y"), "{}", rig.screen());
}

#[test]
fn a_time_of_day_is_found_or_the_nearest_that_is_held() {
    let mut rig = table(SIZE, Level::Unicode);
    // Frames are from 11:13:20 on, one a second.
    for (typed, expected, said) in [
        ("11:13:23", 3, ""),
        ("2026-11-22 11:13:24", 4, ""),
        ("2026-11-22T11:13:25Z", 5, ""),
        ("11:13", 0, "nothing older than 11:13:20 is held"),
        ("23:59", 0, "nothing older than"),
        ("11:14", 7, "the newest frame is of 11:13:27"),
        ("-2s", 5, ""),
    ] {
        rig.app.toast = None;
        rig.app.go_to(typed).unwrap();
        assert_eq!(index(&rig), expected, "{typed}");
        let toast = rig.app.toast.as_ref().map_or("", |(text, _)| text);
        assert!(toast.starts_with(said) && toast.is_empty() == said.is_empty(), "{typed}: {toast}");
        assert!(rig.app.cursor.is_some());
    }
    for wrong in ["", "25", "11:60", "x:y", "11:1:2:3", "2026-13-40 11:13", "+1:30"] {
        assert!(rig.app.go_to(wrong).unwrap_err().contains("is no time such as"), "{wrong}");
    }
    let mut empty = Rig::new(&["biotop"], SIZE, Level::Unicode);
    assert_eq!(empty.app.go_to("11:13").unwrap_err(), "nothing is held yet");
}

#[test]
fn losses_are_marked_and_can_be_walked() {
    let mut rig = Rig::new(&["biotop"], SIZE, Level::Unicode);
    for at in 0..10 {
        let mut frame = disk_frame(at);
        frame.lost.events = u64::from(at == 3 || at == 6) * 5;
        rig.frame(frame);
    }
    let say = |rig: &mut Rig, word: &str| {
        rig.keys(":");
        rig.type_in(word);
        rig.keys("Enter");
    };
    say(&mut rig, "previous-loss");
    assert_eq!(index(&rig), 6);
    say(&mut rig, "previous-loss");
    assert_eq!(index(&rig), 3);
    say(&mut rig, "previous-loss");
    assert!(rig.screen().contains("nothing was lost before this"));
    say(&mut rig, "next-loss");
    assert_eq!(index(&rig), 6);
    rig.app.toast = None;
    assert_eq!(rig.screen().lines().last().unwrap().matches('x').count(), 2, "{}", rig.screen());
}

#[test]
fn x_records_and_ends_it_and_the_status_says_so() {
    let mut rig = Rig::new(&["biotop"], SIZE, Level::Unicode);
    rig.keys("x");
    assert!(rig.screen().contains("there is nothing to record yet"));
    rig.frame(disk_frame(0));
    rig.keys("x");
    let name = "bcc-top-web-07-biotop-20261122T111320Z.rec";
    assert!(rig.effects.iter().any(|effect| matches!(effect, Effect::Record(Some(asked)) if asked == name)));
    rig.app.recording_runs(std::path::Path::new(name));
    rig.app.recording_grows(84 << 10);
    rig.pass(Duration::from_secs(63));
    rig.input(Input::Tick);
    assert!(
        rig.screen().contains("REC 1m03s 84.0 KiB") || rig.screen().contains("REC 1m03s 84 KiB"),
        "{}",
        rig.screen()
    );
    rig.keys("x");
    assert!(rig.effects.iter().any(|effect| matches!(effect, Effect::Record(None))));
    rig.input(Input::Recorded(Ok(Tape { path: name.into(), bytes: 90_000, frames: 63 })));
    assert!(rig.screen().contains("recorded bcc-top-web-07"), "{}", rig.screen());
    assert!(!rig.screen().contains("REC 1m"));
}

#[test]
fn what_is_recorded_stays_loaded() {
    let mut rig = Rig::new(&["biotop", "tcptop"], SIZE, Level::Unicode);
    rig.frame(disk_frame(0));
    rig.frame(net_frame(0));
    rig.app.recording_runs(std::path::Path::new("x.rec"));
    rig.keys("1");
    rig.effects.clear();
    rig.pass(Duration::from_secs(3600));
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Close(_))));
    rig.input(Input::Recorded(Err("x.rec: no space left".into())));
    assert!(rig.screen().contains("not recorded"));
    rig.pass(Duration::from_secs(3600));
    assert!(rig.effects.iter().any(|effect| matches!(effect, Effect::Close(1))));
}

#[test]
fn whatever_a_file_claims_is_drawn() {
    let max = u64::MAX;
    let columns: Vec<String> = (0..256)
        .map(|at| format!(r#"{{"name":"c{at}","type":"int","unit":"{}"}}"#, ["ns", "bytes", "id"][at % 3]))
        .collect();
    let most = 1u64 << 39;
    let bucket = format!(r#"{{"lo":9223372036854775808,"count":{most}}},{{"lo":0,"count":{most}}}"#);
    let shapes = [
        r#""kind":"table","columns":[],"rows":[{},{}]"#.to_owned(),
        format!(r#""kind":"table","key":["c0","c1"],"columns":[{}],"rows":[{{"c0":{max},"c2":-9223372036854775808}},{{}}],"totals":{{"c0":1}}"#, columns.join(",")),
        format!(r#""kind":"histogram","columns":[],"histograms":[{{"key":{{"x":1}},"sum":{max},"max":0,"buckets":[{bucket}]}},{{}}]"#),
        format!(r#""kind":"histogram","key":["k"],"columns":[{{"name":"k","type":"text"}},{{"name":"count","type":"int","unit":"count"}}],"histograms":[{{"key":{{"k":"a"}},"buckets":[{bucket}]}},{{"key":{{"k":null}},"max":7,"buckets":[]}}]"#),
        r#""kind":"table","columns":[{"name":"","type":"text"},{"name":"","type":"float","unit":"ratio"}],"rows":[{"":1e308}]"#.to_owned(),
        r#""kind":"histogram","columns":[{"name":"max","type":"text"}],"rows":[{}]"#.to_owned(),
    ];
    let mut lines = String::new();
    for (at, shape) in shapes.iter().cycle().take(24).enumerate() {
        let (mono, real) = (if at % 5 == 4 { 0 } else { at as u64 * 1_000_000_000 }, [0, 1u64 << 61][at % 2]);
        let mode = ["interval", "per_second", "since_start", "interval"][at / 6];
        lines += &format!(
            r#"{{"type":"frame","view":"biotop","time":{{"wall":"2026-11-22T11:10:31Z","mono_ns":{mono}}},"interval":{{"index":{at},"asked_ns":{real},"real_ns":{real},"mode":"{mode}"}},"lost":{{"events":{max},"missed":{max}}},"cost":{{"self_cpu_ns":{max},"bpf_ns":{max},"map_entries":{max},"map_capacity":1}},{shape}}}"#
        );
        lines.push('\n');
    }
    let (frames, wrong) = read(&opened(lines.into(), knows(&[disk_frame(0)])).unwrap());
    assert_eq!((frames.len(), wrong), (24, vec![]));
    for size in SIZES {
        let mut rig = Rig::new(&["biotop"], size, Level::Unicode);
        for frame in &frames {
            rig.frame(frame.clone());
            for keys in ["a", "m", "s", "Esc", "u", "j", "Enter", "Esc", "l", "Space", "[", "Space", "o", ">", "0", "1"]
            {
                rig.keys(keys);
                rig.screen();
            }
        }
    }
}
