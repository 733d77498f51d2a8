use std::sync::Arc;

use super::super::{Agg, Align, Unit};
use super::*;

fn column(name: &str, label: &str, ty: Type, unit: Option<Unit>) -> Column {
    Column {
        name: name.to_owned(),
        label: label.to_owned(),
        bcc: label.to_owned(),
        help: String::new(),
        ty,
        unit,
        agg: Agg::Last,
        min_width: 1,
        ideal_width: 8,
        align: Align::Right,
        priority: 0,
        visible: true,
        cut_middle: false,
        wide: false,
    }
}

pub(super) fn schema() -> Schema {
    let columns = vec![
        column("pid", "PID", Type::Int, Some(Unit::Id)),
        column("comm", "COMM", Type::Text, None),
        column("path", "PATH", Type::Text, None),
        column("bytes", "BYTES", Type::Int, Some(Unit::Bytes)),
        column("latency_avg", "AVG", Type::Int, Some(Unit::Ns)),
        column("hit", "HIT%", Type::Float, Some(Unit::Ratio)),
        column("io", "I/O", Type::Int, Some(Unit::Count)),
        column("rx", "SAME", Type::Int, Some(Unit::Bytes)),
        column("tx", "SAME", Type::Int, Some(Unit::Bytes)),
        column("ret", "RET", Type::Int, None),
    ];
    Schema { columns, ..Schema::default() }
}

/// Three rows: 0 nginx, 1 a big postgres, 2 all unknown but its name.
pub(super) fn table() -> Table {
    let mut table = Table::new(Arc::new(schema()));
    let rows: [(&[u8], &[u8], [Value; 8]); 3] = [
        (
            b"nginx",
            b"/var/log/a b",
            [
                Value::Uint(1),
                Value::Uint(100),
                Value::Uint(999),
                Value::Float(0.5),
                Value::Uint(7),
                Value::Uint(1),
                Value::Uint(2),
                Value::Int(-2),
            ],
        ),
        (
            "Postgres \u{c4}\u{fc}".as_bytes(),
            b"/dev/(null)|x",
            [
                Value::Uint(22),
                Value::Uint(2 << 20),
                Value::Uint(2_000_001),
                Value::Float(0.97),
                Value::Uint(1500),
                Value::Uint(1),
                Value::Uint(2),
                Value::Uint(0),
            ],
        ),
        (b"(kernel)", b"\xff\xfe", [Value::Null; 8]),
    ];
    for (comm, path, numbers) in rows {
        let (comm, path) = (table.intern(comm), table.intern(path));
        let cells = table.push_row();
        cells[0] = numbers[0];
        cells[1] = comm;
        cells[2] = path;
        cells[3..].copy_from_slice(&numbers[1..]);
    }
    table
}

fn rows(text: &str) -> Vec<u32> {
    let (filter, bad) = Filter::parse(text, &schema());
    assert_eq!(bad, None, "{text}");
    filter.rows(&table())
}

#[test]
fn right_filters_choose_their_rows() {
    let cases: &[(&str, &[u32])] = &[
        ("", &[0, 1, 2]),
        ("   ", &[0, 1, 2]),
        ("NGINX", &[0]),
        ("inx", &[0]),
        ("/DEV", &[1]),
        ("\u{e4}\u{fc}", &[1]),
        ("nginx /var", &[0]),
        ("nginx postgres", &[]),
        ("nginx | postgres", &[0, 1]),
        ("nginx|postgres", &[0, 1]),
        ("!nginx", &[1, 2]),
        ("!!nginx", &[0]),
        ("! nginx", &[1, 2]),
        ("!(nginx | postgres)", &[2]),
        ("(nginx | postgres) bytes>1M", &[1]),
        ("nginx | postgres bytes>1G", &[0]),
        ("\"a b\"", &[0]),
        ("'(null)|x'", &[1]),
        ("\"\"", &[0, 1, 2]),
        ("comm=nginx", &[0]),
        ("comm=NGINX", &[]),
        ("comm=nginx,'(kernel)'", &[0, 2]),
        ("comm=(kernel)", &[2]),
        ("comm!=nginx", &[1, 2]),
        ("comm!=nginx,(kernel)", &[1]),
        ("comm~^n.*x$", &[0]),
        ("comm~(?i)^(NGINX|post)", &[0, 1]),
        ("(comm~^n.*x$)", &[0]),
        ("comm!~^n", &[1, 2]),
        ("path='/var/log/a b'", &[0]),
        ("path=\"/var/log/a b\"", &[0]),
        ("pid=1,2,3", &[0]),
        ("pid=1,22", &[0, 1]),
        ("pid!=1", &[1]),
        ("pid!=1,22", &[]),
        ("PID=1", &[0]),
        ("pid~^2", &[1]),
        ("pid=0x16", &[1]),
        ("ret=-2", &[0]),
        ("ret<0", &[0]),
        ("bytes>100", &[1]),
        ("bytes>=100", &[0, 1]),
        ("bytes>1M", &[1]),
        ("bytes=2MiB", &[1]),
        ("bytes=2048k", &[1]),
        ("bytes<1.5K", &[0]),
        ("bytes > 1M", &[1]),
        ("avg>2ms", &[1]),
        ("avg<1us", &[0]),
        ("avg<1\u{b5}s", &[0]),
        ("avg<1\u{3bc}s", &[0]),
        ("latency_avg<=999", &[0]),
        ("avg<1s", &[0, 1]),
        ("i/o>1k", &[1]),
        ("hit>90%", &[1]),
        ("hit>0.9", &[1]),
        ("hit>90", &[1]),
        ("hit%<=50%", &[0]),
        // A cell that is unknown matches no comparison, so its negation does.
        ("!bytes>0", &[2]),
        ("bytes<1T", &[0, 1]),
    ];
    for (text, expected) in cases {
        assert_eq!(&rows(text), expected, "{text}");
    }
}

#[test]
fn wrong_parts_are_placed_and_the_rest_still_filters() {
    type Case<'a> = (&'a str, (usize, usize), &'a str, &'a [u32]);
    let cases: &[Case<'_>] = &[
        ("bytes>", (0, 6), "needs a value", &[0, 1, 2]),
        ("nginx bytes>1X", (12, 14), "not a size", &[0]),
        ("avg>2 days nginx", (0, 0), "", &[]),
        ("avg>2d nginx", (4, 6), "not a time", &[0]),
        ("pid=1,x", (6, 7), "plain number", &[0, 1, 2]),
        ("pid>1,2", (4, 7), "plain number", &[0, 1, 2]),
        ("hit>5x", (4, 6), "ratio", &[0, 1, 2]),
        ("comm>a", (5, 6), "is text", &[0, 1, 2]),
        ("comm~[ nginx", (5, 6), "regular expression", &[0]),
        ("byte>1", (0, 4), "did you mean bytes", &[0, 1, 2]),
        ("zzz=1", (0, 3), "there are pid, comm", &[0, 1, 2]),
        ("same>1", (0, 4), "rx or tx", &[0, 1, 2]),
        (">1", (0, 2), "needs a column", &[0, 1, 2]),
        ("(nginx", (0, 1), "not closed", &[0]),
        ("nginx)", (5, 6), "no bracket", &[0]),
        ("()", (0, 2), "between the brackets", &[0, 1, 2]),
        ("'ngin", (0, 1), "quote is not closed", &[0]),
        ("nginx |", (6, 7), "both sides", &[0]),
        ("| nginx", (0, 1), "both sides", &[0]),
        ("nginx !", (6, 7), "negates", &[0]),
    ];
    for (text, place, message, expected) in cases {
        let (filter, bad) = Filter::parse(text, &schema());
        if message.is_empty() {
            // A space is "and": `days` is a word like any other.
            assert_eq!(bad, None, "{text}");
        } else {
            let bad = bad.unwrap_or_else(|| panic!("{text} passed"));
            assert_eq!((bad.start, bad.end), *place, "{text}: {}", bad.message);
            assert!(bad.message.contains(message), "{text}: {}", bad.message);
        }
        assert_eq!(&filter.rows(&table()), expected, "{text}");
    }
}

#[test]
fn whole_numbers_beyond_2_to_53_are_compared_exactly() {
    let big = (1u64 << 60) + 1;
    let mut table = Table::new(Arc::new(schema()));
    table.push_row()[0] = Value::Uint(big);
    let found = |n: u64| Filter::parse(&format!("pid={n}"), &schema()).0.rows(&table).len();
    assert_eq!((found(big), found(big - 1)), (1, 0));
}

#[test]
fn deep_nesting_is_refused_and_not_left_to_the_stack() {
    let (_, bad) = Filter::parse(&"(".repeat(200_000), &schema());
    assert!(bad.is_some());
    let (filter, bad) = Filter::parse(&("!".repeat(200_001) + "nginx"), &schema());
    assert_eq!((filter.rows(&table()), bad), (vec![1, 2], None));
}

proptest::proptest! {
    #[test]
    fn any_text_parses_and_its_mistake_lies_on_character_bounds(text in "[ -~\u{e4}\u{2028}|()!=~<>,'\"]{0,40}") {
        let (filter, bad) = Filter::parse(&text, &schema());
        filter.rows(&table());
        if let Some(bad) = bad {
            proptest::prop_assert!(text.get(bad.start..bad.end).is_some(), "{bad:?}");
        }
    }
}
