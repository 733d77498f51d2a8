use std::io::Read as _;

use proptest::prelude::*;

use super::super::limits;
use super::*;
use crate::frame::accumulate::Accumulator;

fn why(bytes: &[u8]) -> String {
    opened(bytes.to_vec(), knows_nothing()).err().unwrap_or_else(|| panic!("it was opened"))
}

/// The one thing that is wrong.
fn wrong(bytes: Vec<u8>) -> String {
    match &mut read(&opened(bytes, knows_nothing()).unwrap()).1[..] {
        [one] => std::mem::take(one),
        other => panic!("{other:?}"),
    }
}

fn line(rest: &str) -> String {
    format!(
        r#"{{"type":"frame","view":"v","kind":"table","time":{{"wall":"2026-11-22T11:10:31Z","mono_ns":5}},{rest}}}"#
    )
}

#[test]
fn what_is_no_recording_says_so_with_file_and_place() {
    assert_eq!(why(b""), "test: is empty");
    assert!(why(b"hello\nworld\n").starts_with("test: is no recording: line 1: "), "{}", why(b"hello\nworld\n"));
    assert!(why(&[0xff; 5000]).starts_with("test: "), "{}", why(&[0xff; 5000]));
    assert!(why(b"{\"frames\":[]}").contains("holds no frames"));
    assert!(why(b"{\"frames\":[{}]}").contains("is no recording: frame 1: "), "{}", why(b"{\"frames\":[{}]}"));
    let header = exported(Format::Ndjson, &[]);
    assert!(why(header.as_bytes()).contains("holds no frames"));
    assert!(why(b"\x28\xb5\x2f\xfdgarbage").contains("byte 0: damaged"));
}

#[test]
fn a_cut_off_file_loses_its_end_and_nothing_else() {
    let frames = stream(60);
    let bytes = recorded(&frames);
    let expected = exported(Format::Ndjson, &read(&opened(bytes.clone(), knows_nothing()).unwrap()).0);
    let mut least = 0;
    for part in 4..10 {
        let cut = bytes.len() * part / 10;
        let (back, wrong) = read(&opened(bytes[..cut].to_vec(), knows_nothing()).unwrap());
        assert!(expected.starts_with(&exported(Format::Ndjson, &back)), "what there is is right");
        assert!(wrong.len() <= 1 && wrong.iter().all(|what| what.contains("cut off")), "{wrong:?}");
        assert!(back.len() >= least.max(part * 10), "a tenth is six seconds, ten may be lost: {}", back.len());
        least = back.len();
    }
    let text = exported(Format::Ndjson, &frames);
    let (back, wrong) = read(&opened(text[..text.len() - 10].into(), knows_nothing()).unwrap());
    assert_eq!((back.len(), wrong.len()), (frames.len() - 1, 1));
    assert!(wrong[0].contains("line 181: the file ends here"), "{wrong:?}");
}

#[test]
fn a_damaged_chunk_is_left_out_and_told() {
    let frames = stream(60);
    let mut bytes = recorded(&frames);
    let at = bytes.len() / 3;
    bytes[at] ^= 0x10;
    for end in [bytes.len(), bytes.len() - 12] {
        let recording = opened(bytes[..end].to_vec(), knows_nothing()).unwrap();
        let (back, wrong) = read(&recording);
        let told = wrong.len() + recording.problems().len();
        assert!(told == 1 && back.len() >= frames.len() - 33 && back.len() < frames.len(), "{told} {}", back.len());
        let times: Vec<u64> = back.iter().map(|frame| frame.time.mono_ns).collect();
        assert!(times.is_sorted());
    }
}

#[test]
fn one_wrong_line_costs_one_frame() {
    let text = exported(Format::Ndjson, &stream(3));
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(4, "{\"type\":\"frame\",\"view\":\"v\"}");
    lines.insert(5, "nonsense");
    let (back, wrong) = read(&opened(lines.join("\n").into(), knows_nothing()).unwrap());
    assert_eq!(back.len(), 9);
    assert!(
        wrong.len() == 2 && wrong[0].contains("test: line 5: ") && wrong[1].contains("test: line 6: "),
        "{wrong:?}"
    );
}

#[test]
fn nothing_may_be_larger_than_its_limit() {
    let columns = |n: usize| {
        let columns: Vec<String> = (0..n).map(|at| format!(r#"{{"name":"c{at}","type":"int"}}"#)).collect();
        format!(r#""columns":[{}]"#, columns.join(","))
    };
    let wide = line(&columns(limits::NAMES + 1));
    assert!(wrong(wide.into()).contains("more than 256"));
    // Rows cost three bytes each and become 256 cells.
    let rows = vec!["{}"; limits::CELLS / limits::NAMES + 2].join(",");
    let many = line(&format!(r#"{},"rows":[{rows}]"#, columns(limits::NAMES)));
    assert!(wrong(many.into()).contains("cells"));
    let deep = line(&format!(r#""rows":{}{}"#, "[".repeat(1 << 20), "]".repeat(1 << 20)));
    assert!(wrong(deep.into()).contains("rows"));
    let mut long = line("").into_bytes();
    long.resize(limits::LINE + 2, b' ');
    long.push(b'\n');
    assert!(why(&long).contains("longer than"), "{}", why(&long));
    // A bomb: 64 MiB of one line in a few KiB.
    let bomb = zstd::encode_all(std::io::repeat(b' ').take(64 << 20), 3).unwrap();
    assert!(bomb.len() < 1 << 16 && why(&bomb).contains("longer than"), "{}", why(&bomb));
    let many = r#""histograms":[{"buckets":[{"lo":0,"count":18446744073709551615},{"lo":2,"count":1}]}]"#;
    assert!(wrong(line(many).replace("table", "histogram").into()).contains("distribution of"));
    for time in [r#""mono_ns":18446744073709551615"#, r#""mono_ns":-1"#] {
        assert!(opened(line("").replace(r#""mono_ns":5"#, time).into(), knows_nothing()).is_err());
    }
}

#[test]
fn names_cannot_steer_a_terminal() {
    let text = line(
        r#""view2":1,"columns":[{"name":"a\u001b[2Jb","type":"text","unit":null}],"settings":{"s\u009b":"\u202e"},
        "hooks":[{"purpose":"p\n","kind":"k\u0007","target":"t\u001b"}],"rows":[]"#,
    );
    let text = text.replace(r#""view":"v""#, r#""view":"v\u001b]0;x\u0007""#).replace('\n', " ");
    let (frames, wrong) = read(&opened(text.into(), knows_nothing()).unwrap());
    assert_eq!(wrong, Vec::<String>::new());
    let frame = &frames[0];
    let hook = &frame.hooks[0];
    let column = &frame.table.schema.columns[0];
    for name in
        [&*frame.view, &hook.purpose, &hook.kind, &hook.target, &frame.settings[0].0, &column.name, &column.label]
    {
        assert!(name.chars().all(crate::frame::text::is_safe), "{name:?}");
    }
}

/// Everything that somebody does with frames.
fn use_up(bytes: Vec<u8>) {
    let Ok(recording) = opened(bytes, knows_nothing()) else { return };
    let (frames, wrong) = read(&recording);
    assert!(wrong.len() + frames.len() < 10_000);
    let mut totals = Accumulator::default();
    for frame in &frames {
        totals.push(frame);
        assert!(frame.histograms.iter().all(|histogram| histogram.percentile(0.99).is_none_or(|p| p.lo <= p.hi)));
    }
    for format in [Format::Ndjson, Format::Text] {
        exported(format, &frames);
    }
    recording.frames(recording.chunk_at(frames.first().map_or(7, |frame| frame.time.mono_ns))).next(|_, _| true);
}

#[test]
fn a_file_may_end_at_any_byte() {
    let frames = stream(1);
    for bytes in [recorded(&frames), exported(Format::Ndjson, &frames).into(), exported(Format::Json, &frames).into()] {
        let whole = exported(Format::Ndjson, &read(&opened(bytes.clone(), knows_nothing()).unwrap()).0);
        for cut in 0..bytes.len() {
            let Ok(recording) = opened(bytes[..cut].to_vec(), knows_nothing()) else { continue };
            let (back, wrong) = read(&recording);
            assert!(whole.starts_with(&exported(Format::Ndjson, &back)), "what is shown of {cut} bytes is right");
            assert!(wrong.len() <= 1, "{wrong:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn cuts_and_flipped_bits_are_survived(
        packed in any::<bool>(),
        cut in 0.0..1.0f64,
        flips in prop::collection::vec((0.0..1.0f64, 0u8..8), 0..6),
    ) {
        let frames = stream(12);
        let mut bytes = if packed { recorded(&frames) } else { exported(Format::Ndjson, &frames).into_bytes() };
        bytes.truncate((bytes.len() as f64 * (1.0 - cut * cut)) as usize);
        for (place, bit) in flips {
            let at = (bytes.len() as f64 * place) as usize;
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        use_up(bytes);
    }

    #[test]
    fn any_json_is_survived(text in r#"(\{|\}|\[|\]|,|:|"frames"|"rows"|"host"|1|"x"| ){0,40}"#) {
        use_up(text.clone().into_bytes());
        use_up(line(&format!(r#""columns":[{{"name":"x","type":"int"}}],"rows":[{text}]"#)).into_bytes());
    }
}
