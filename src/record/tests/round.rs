use proptest::prelude::*;

use super::*;
use crate::frame::accumulate::per_second;
use crate::frame::{Kind, Mode, ReasonClass, Status, Value};

/// Sorted as a recording has them.
fn as_recorded(frames: &[Frame]) -> String {
    let frames: Vec<Frame> = frames.iter().map(|frame| whole(frame).frame).collect();
    exported(Format::Ndjson, &frames)
}

#[test]
fn what_was_recorded_reads_as_it_was() {
    let mut frames = stream(25);
    frames.push(sample::unavailable(ReasonClass::NoKprobes));
    for known in [knows(&frames), knows_nothing()] {
        let recording = opened(recorded(&frames), known).unwrap();
        let (back, wrong) = read(&recording);
        assert_eq!(wrong, Vec::<String>::new());
        assert_eq!(exported(Format::Ndjson, &back), as_recorded(&frames));
        assert_eq!(recording.host, host());
        let views: Vec<(&str, u64)> = recording.views().iter().map(|view| (&*view.name, view.frames)).collect();
        assert_eq!(views, [("sampletop", 26), ("samplelat", 25), ("other", 25)]);
    }
}

#[test]
fn counters_keep_their_row_and_their_kind() {
    let frames: Vec<Frame> = (0..3).map(|index| nth(&sample::counters(), index)).collect();
    let (back, wrong) = read(&opened(recorded(&frames), knows(&frames)).unwrap());
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(exported(Format::Ndjson, &back), as_recorded(&frames));
    assert!(back.iter().all(|frame| frame.kind == Kind::Counters && frame.table.len() == 1));
    assert_eq!(back[0].table.schema, frames[0].table.schema);
}

#[test]
fn events_come_back_in_their_order_with_their_times() {
    let frames: Vec<Frame> = (0..12).map(crate::ui::testing::exec_frame).collect();
    for known in [knows(&frames), knows_nothing()] {
        let (back, wrong) = read(&opened(recorded(&frames), known).unwrap());
        assert_eq!(wrong, Vec::<String>::new());
        assert!(back.iter().all(|frame| frame.kind == Kind::Events));
        assert_eq!(exported(Format::Ndjson, &back), exported(Format::Ndjson, &frames));
    }
}

#[test]
fn a_stream_and_a_document_read_as_a_recording_does() {
    let frames = stream(3);
    let pretty: serde_json::Value = serde_json::from_str(&exported(Format::Json, &frames)).unwrap();
    let pretty = serde_json::to_string_pretty(&pretty).unwrap();
    let ndjson = exported(Format::Ndjson, &frames);
    let packed = zstd::encode_all(ndjson.as_bytes(), 3).unwrap();
    for bytes in [ndjson.clone().into_bytes(), exported(Format::Json, &frames).into_bytes(), pretty.into(), packed] {
        let recording = opened(bytes, knows(&frames)).unwrap();
        let (back, wrong) = read(&recording);
        // Whoever prints JSON anew may give it another order.
        let values =
            |text: &str| -> Vec<serde_json::Value> { text.lines().map(|l| serde_json::from_str(l).unwrap()).collect() };
        assert!(values(&exported(Format::Ndjson, &back)) == values(&ndjson) && wrong.is_empty(), "{wrong:?}");
        assert_eq!(recording.host, host());
    }
}

#[test]
fn numbers_per_second_stay_what_they_are() {
    let frames: Vec<Frame> = [sample::table(), sample::histogram()].iter().map(per_second).collect();
    let text = exported(Format::Ndjson, &frames);
    let (back, _) = read(&opened(text.clone().into(), knows(&[sample::table(), sample::histogram()])).unwrap());
    assert_eq!(exported(Format::Ndjson, &back), text);
    let again: Vec<Frame> = back.iter().map(per_second).collect();
    assert_eq!(exported(Format::Ndjson, &again), text, "and are not divided once more");
}

#[test]
fn null_is_not_0_and_bytes_stay_bytes() {
    let (back, _) = read(&opened(recorded(&[sample::table()]), knows(&[sample::table()])).unwrap());
    let (old, new) = (whole(&sample::table()).frame.table, &back[0].table);
    assert_eq!(old.len(), new.len());
    for row in 0..old.len() {
        for column in 0..old.width() {
            let (was, is) = (old.cell(row, column), new.cell(row, column));
            match was {
                Value::Float(n) if n.is_nan() => assert_eq!(is, Value::Null),
                Value::Text(_) => assert_eq!(old.text_at(row, column), new.text_at(row, column)),
                was => assert_eq!(was, is),
            }
        }
    }
    assert_eq!(back[0].cost.bpf_ns, None);
    assert_eq!(new.schema, old.schema, "labels, widths and formulas are those of this program");
}

#[test]
fn a_view_that_nobody_knows_is_shown_as_well_as_can_be() {
    let line = r#"{"type":"frame","view":"newsnoop","kind":"picture","status":"ok","later":{"a":[1]},
        "time":{"wall":"2026-11-22T11:10:31.5Z","mono_ns":5,"zone":"x"},"key":["time_ns"],
        "columns":[{"name":"time_ns","type":"int","unit":"ns"},{"name":"stack","type":"list"},
                   {"name":"inode","type":"int","unit":"furlong"},{"name":"hits","type":"int","unit":"count"}],
        "rows":[{"time_ns":1,"stack":["a","b"],"inode":"18446744073709551615","hits":3,"more":null}],
        "totals":{"hits":3},"lost":{"events":1,"of_the_future":2}}"#;
    let (frames, wrong) = read(&opened(line.replace('\n', " ").into_bytes(), knows_nothing()).unwrap());
    assert_eq!(wrong, Vec::<String>::new());
    let table = &frames[0].table;
    assert_eq!(
        (frames[0].kind, frames[0].lost.events, frames[0].time.wall_ns),
        (Kind::Table, 1, 1_795_345_831_500_000_000)
    );
    assert_eq!(table.text_at(0, 1), Some(&b"a;b"[..]));
    assert_eq!((table.cell(0, 2), table.cell(0, 3)), (Value::Uint(u64::MAX), Value::Uint(3)));
    assert!(table.schema.columns[2].wide && table.schema.columns[3].label == "HITS");
    assert_eq!(frames[0].interval.mode, Mode::Interval);
    assert!(matches!(frames[0].status, Status::Ok));
}

#[test]
fn chunks_are_of_ten_seconds_and_can_be_entered() {
    let frames = stream(60);
    let recording = opened(recorded(&frames), knows_nothing()).unwrap();
    let (first, last) = recording.span();
    assert_eq!((first, last), (frames[0].time, frames[59 * 3].time));
    let chunks = (0..).take_while(|&chunk| recording.items(chunk).next().is_some()).count();
    assert!((6..=7).contains(&chunks), "{chunks}");
    let at = first.mono_ns + 30_000_000_000;
    let mut items = recording.frames(recording.chunk_at(at));
    let found = items.next(|_, time| time >= at).unwrap().unwrap();
    assert_eq!(found.time.mono_ns, at);
    assert!(recording.chunk_at(at) > 0);
    assert_eq!(recording.moment(first.wall_ns + 7), first.mono_ns + 7);
}

#[test]
fn a_long_interval_does_not_wait_for_a_chunk_to_fill() {
    let mut frame = sample::table();
    frame.interval.asked_ns = 60_000_000_000;
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out).unwrap();
    writer.begin(&host()).unwrap();
    writer.frame(&whole(&frame)).unwrap();
    assert!(writer.bytes() > 0);
}

#[test]
fn an_index_is_as_good_as_none() {
    let bytes = recorded(&stream(60));
    let whole = opened(bytes.clone(), knows_nothing()).unwrap();
    let end =
        bytes.windows(8).position(|part| part == b"{\"type\":" && part.len() == 8).map_or(bytes.len(), |at| at - 8);
    let rebuilt = opened(bytes[..end].to_vec(), knows_nothing()).unwrap();
    assert_eq!((whole.views(), whole.span()), (rebuilt.views(), rebuilt.span()));
    assert_eq!(exported(Format::Ndjson, &read(&whole).0), exported(Format::Ndjson, &read(&rebuilt).0));
    assert_eq!(rebuilt.host, host());
    // Two recordings behind one another are one.
    let twice = opened([bytes.clone(), bytes].concat(), knows_nothing()).unwrap();
    assert_eq!(read(&twice).0.len(), 2 * 60 * 3);
}

/// A row that any program could have written.
fn row() -> impl Strategy<Value = (Option<u32>, Option<Vec<u8>>, u64, u64)> {
    let text = prop_oneof![prop::collection::vec(any::<u8>(), 1..16), "[ -~]{1,16}".prop_map(String::into_bytes)];
    (prop::option::of(any::<u32>()), prop::option::of(text), any::<u64>(), any::<u64>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_rows_come_back_as_they_were(rows in prop::collection::vec(row(), 0..12), events in any::<u64>()) {
        let mut frame = sample::table();
        let mut table = crate::frame::Table::new(frame.table.schema.clone());
        let of = |name: &str| table.schema.index(name).unwrap();
        let (pid, comm, io, size) = (of("pid"), of("comm"), of("io"), of("bytes"));
        for (id, text, many, more) in &rows {
            let text = text.as_ref().map_or(Value::Null, |text| table.intern(text));
            let cells = table.push_row();
            cells[pid] = id.map_or(Value::Null, |id| Value::Uint(id.into()));
            (cells[comm], cells[io], cells[size]) = (text, Value::Uint(*many), Value::Uint(*more));
        }
        (frame.table, frame.lost.events) = (table, events);
        for bytes in [recorded(std::slice::from_ref(&frame)), exported(Format::Ndjson, &[frame.clone()]).into_bytes()] {
            let (back, wrong) = read(&opened(bytes, knows(&[frame.clone()])).unwrap());
            prop_assert_eq!(wrong, Vec::<String>::new());
            prop_assert_eq!(back[0].lost, frame.lost);
            prop_assert_eq!(back[0].table.len(), rows.len());
            let mut were: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
            let table = &back[0].table;
            let read = |at: usize| {
                let n = |column| table.cell(at, column).as_u64();
                let text = table.text_at(at, comm).map(<[u8]>::to_vec);
                format!("{:?}", (n(pid).map(|id| id as u32), text, n(io).unwrap(), n(size).unwrap()))
            };
            let mut are: Vec<String> = (0..table.len()).map(read).collect();
            were.sort();
            are.sort();
            prop_assert_eq!(were, are);
        }
    }
}
