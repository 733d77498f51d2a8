use super::*;
use crate::frame::SettingValue;
use crate::probes::object;
use crate::views::Registry;

struct Fixed;

impl Resolve for Fixed {
    fn disk(&mut self, _: u32) -> &[u8] {
        b"sda"
    }
    fn user(&mut self, _: u32) -> &[u8] {
        b"root"
    }
    fn cgroup(&mut self, _: u64) -> Option<&[u8]> {
        None
    }
    fn container(&mut self, _: Option<u32>, _: Option<u64>) -> Option<&[u8]> {
        None
    }
}

/// Writes a number where the layout has that field.
fn put(layout: &Layout, name: &str, key: &mut [u8], value: &mut [u8], number: u64) {
    let column = layout.schema.index(name);
    let is_it = |f: &&Field| if name == "_cpu" { f.role == Role::Shard } else { f.column == column };
    let field = layout.fields.iter().find(is_it).unwrap_or_else(|| panic!("no field {name}"));
    let bytes = if field.in_key { key } else { value };
    bytes[field.offset..field.offset + field.size].copy_from_slice(&number.to_le_bytes()[..field.size]);
}

fn raw(layout: &Layout, entries: &[&[(&str, u64)]]) -> RawRows {
    let mut raw = RawRows { keyed: true, count: entries.len(), ..RawRows::default() };
    for entry in entries {
        let (mut key, mut value) = (vec![0; layout.key_size], vec![0; layout.value_size]);
        entry.iter().for_each(|&(name, number)| put(layout, name, &mut key, &mut value, number));
        raw.keys.extend(key);
        raw.values.extend(value);
    }
    raw
}

#[test]
fn names_from_a_file_upwards_are_a_path() {
    let view = Registry::get().find("opensnoop").expect("a view with paths");
    let layout = object::layout(view, &[]).expect("a layout");
    let path = layout.fields.iter().find(|f| f.role == Role::Path).expect("a path").offset;
    let len = layout.fields.iter().find(|f| f.role == Role::ArgsLen).expect("its length").offset;
    let cases: [(&[u8], Option<&[u8]>); 6] = [
        (b"/etc/hosts\0", Some(b"/etc/hosts")),
        (b"hosts\0etc\0\0", Some(b"/etc/hosts")),
        (b"/\0", Some(b"/")),
        (b"a/b\0c\0...\0", Some(b".../c/a/b")),
        (b"\0", None),
        (b"", None),
    ];
    for (names, expected) in cases {
        // The event ends behind the names, as one that was given less room does.
        let mut record = vec![0; path];
        record.extend(names);
        record[len..len + 4].copy_from_slice(&(names.len() as u32).to_le_bytes());
        let mut table = Table::new(layout.schema.clone());
        push_event(&layout, &record, 0, &mut table, &mut Fixed);
        assert_eq!(table.text_at(0, layout.schema.index("path").expect("a column")), expected);
    }
}

#[test]
fn shards_of_one_key_are_one_row_and_unknown_is_null() {
    let view = Registry::get().find("biotop").expect("a view with shards");
    let layout = object::layout(view, &[]).expect("a layout");
    let mut raw = raw(
        &layout,
        &[
            &[("pid", 7), ("disk", 8 << 20), ("_cpu", 0), ("io", 2), ("bytes", 100), ("latency_max", 5)],
            &[("pid", u64::from(u32::MAX)), ("_cpu", 1), ("io", 1)],
            &[("pid", 7), ("disk", 8 << 20), ("_cpu", 1), ("io", 3), ("bytes", 50), ("latency_max", 9)],
        ],
    );
    let (table, _) = decode(&layout, Kind::Table, &mut raw, &mut Fixed);
    let of = |row, name| table.cell(row, layout.schema.index(name).expect("a column"));
    assert_eq!(table.len(), 2);
    assert_eq!([of(0, "pid"), of(0, "io"), of(0, "bytes")], [7, 5, 150].map(Value::Uint));
    assert_eq!(of(0, "latency_max"), Value::Uint(9));
    assert_eq!(table.text_at(0, layout.schema.index("disk").expect("a column")), Some(&b"sda"[..]));
    assert_eq!([of(1, "pid"), of(1, "disk"), of(1, "comm")], [Value::Null; 3]);
}

#[test]
fn distributions_of_all_cpus_are_one_and_the_maximum_of_nothing_is_null() {
    let view = Registry::get().find("runqlat").expect("a view of distributions");
    let layout = object::layout(view, &[]).expect("a layout");
    let mut raw = raw(&layout, &[&[("sum", 12), ("max", 9)], &[("sum", 3), ("max", 3)]]);
    raw.keyed = false;
    let slots = layout.fields.iter().find(|f| f.role == Role::Histogram).expect("slots").offset;
    raw.values[slots + 4 * 3] = 1; // the first CPU: one value of 8 to 15
    raw.values[layout.value_size + slots + 4] = 1; // the second: one of 2 to 3
    let (table, histograms) = decode(&layout, Kind::Histogram, &mut raw, &mut Fixed);
    let of = |table: &Table, name| table.cell(0, layout.schema.index(name).expect("a column"));
    assert_eq!((table.len(), of(&table, "count"), of(&table, "max")), (1, Value::Uint(2), Value::Uint(9)));
    assert_eq!((histograms[0].sum, &histograms[0].buckets[..4]), (15, &[0, 1, 0, 1][..]));
    let mut empty = self::raw(&layout, &[&[]]);
    empty.keyed = false;
    let (table, _) = decode(&layout, Kind::Histogram, &mut empty, &mut Fixed);
    assert_eq!((of(&table, "count"), of(&table, "max")), (Value::Uint(0), Value::Null));
}

#[test]
fn arguments_are_quoted_and_left_out_as_the_settings_say() {
    let view = Registry::get().find("execsnoop").expect("a view of events");
    let shown = |settings: &[(&str, SettingValue)], args: &[u8]| {
        let settings: Vec<_> = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let layout = object::layout(view, &settings).expect("a layout");
        let field = layout.fields.iter().find(|f| matches!(f.role, Role::Args(_))).expect("arguments");
        let length = layout.fields.iter().find(|f| f.role == Role::ArgsLen).expect("their length");
        let mut record = vec![0; layout.value_size];
        record[length.offset..length.offset + 4].copy_from_slice(&(args.len() as u32).to_le_bytes());
        record[field.offset..field.offset + args.len()].copy_from_slice(args);
        let mut table = Table::new(layout.schema.clone());
        push_event(&layout, &record, 0, &mut table, &mut Fixed);
        table
            .text_at(0, layout.schema.index("args").expect("a column"))
            .map(|text| String::from_utf8_lossy(text).into_owned())
    };
    let (quote, most) = (("quote", SettingValue::Bool(true)), |n| ("max_args", SettingValue::Int(n)));
    let args = b"sh\0-c\0a b\0\0it's\0";
    assert_eq!(shown(&[], args).as_deref(), Some("sh -c a b  it's"));
    let quoted = shown(std::slice::from_ref(&quote), args).expect("text");
    assert_eq!(shlex::split(&quoted).expect("a command"), ["sh", "-c", "a b", "", "it's"]);
    assert_eq!(shown(&[most(2)], args).as_deref(), Some("sh -c ..."));
    assert_eq!(shown(&[most(5)], args).as_deref(), Some("sh -c a b  it's"), "there are no more");
    assert!(shown(&[quote, most(3)], args).expect("text").ends_with(" ..."));
    assert_eq!(shown(&[most(0)], b""), None);
}

#[test]
fn an_event_is_a_row_with_its_time_and_its_strings() {
    let view = Registry::get().find("execsnoop").expect("a view of events");
    let layout = object::layout(view, &[]).expect("a layout");
    let offset = |role: Role| layout.fields.iter().find(|f| f.role == role).expect("a field").offset;
    let args = b"/bin/sh\0-c\0a\x1b b\0\0";
    let mut record = vec![0xff; layout.value_size];
    let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
    put(offset(Role::Time), &1_500_000_000u64.to_le_bytes());
    put(offset(Role::ArgsLen), &(args.len() as u32).to_le_bytes());
    put(offset(Role::Args(Words::default())), args);
    put(offset(Role::Text), b"/bin/sh\0of an event before");
    put(offset(Role::Comm), b"sh\0");
    let mut table = Table::new(layout.schema.clone());
    push_event(&layout, &record, 86_399_000_000_000, &mut table, &mut Fixed);
    push_event(&layout, &record[..7], 0, &mut table, &mut Fixed);
    let text = |row, name| table.text_at(row, layout.schema.index(name).expect("a column"));
    assert_eq!(text(0, "clock"), Some(&b"00:00:00.500"[..]), "a day is over");
    assert_eq!(text(0, "args"), Some(&b"/bin/sh -c a\x1b b "[..]), "the last one is empty");
    assert_eq!((text(0, "path"), text(0, "comm")), (Some(&b"/bin/sh"[..]), Some(&b"sh"[..])));
    let cell = |row, name| table.cell(row, layout.schema.index(name).expect("a column"));
    assert_eq!((cell(0, "pid"), cell(0, "ret")), (Value::Null, Value::Int(-1)));
    assert_eq!((cell(0, "uid"), text(0, "user")), (Value::Null, None), "whose it is is not known");
    assert_eq!((table.len(), cell(1, "args")), (2, Value::Null), "a record that is cut off reads as nothing");
    assert_eq!([1, 9, 31, 34].map(signals::name), ["SIGHUP", "SIGKILL", "SIGSYS", "SIGRT2"]);
}

#[test]
fn a_time_that_is_not_known_is_null() {
    let layout = object::layout(Registry::get().find("biosnoop").expect("a view"), &[]).expect("a layout");
    let mut table = Table::new(layout.schema.clone());
    for byte in [0xff, 1] {
        push_event(&layout, &vec![byte; layout.value_size], 0, &mut table, &mut Fixed);
    }
    let queue = layout.schema.index("queue").expect("a column");
    assert_eq!([0, 1].map(|row| table.cell(row, queue)), [Value::Null, Value::Uint(0x0101_0101_0101_0101)]);
}

#[test]
fn a_port_or_a_duration_that_is_not_known_is_null() {
    let view = Registry::get().find("tcplife").expect("a view of sessions");
    let layout = object::layout(view, &[]).expect("a layout");
    let mut table = Table::new(layout.schema.clone());
    for (port, duration) in [(0, u64::MAX), (7001, 12)] {
        let mut record = vec![0; layout.value_size];
        put(&layout, "lport", &mut [], &mut record, port);
        put(&layout, "duration", &mut [], &mut record, duration);
        push_event(&layout, &record, 0, &mut table, &mut Fixed);
    }
    let cell = |row, name| table.cell(row, layout.schema.index(name).expect("a column"));
    assert_eq!((cell(0, "lport"), cell(0, "duration")), (Value::Null, Value::Null));
    assert_eq!((cell(1, "lport"), cell(1, "duration")), (Value::Uint(7001), Value::Uint(12)));
}

#[test]
fn a_grouping_has_its_own_key() {
    let view = Registry::get().find("runqlat").expect("a view with groupings");
    let by_pid = [("by".to_owned(), SettingValue::Text("pid".to_owned()))];
    let layout = object::layout(view, &by_pid).expect("a layout");
    let mut raw = raw(&layout, &[&[("pid", 1), ("_cpu", 0)], &[("pid", 2), ("_cpu", 0)], &[("pid", 1), ("_cpu", 3)]]);
    let (table, histograms) = decode(&layout, Kind::Histogram, &mut raw, &mut Fixed);
    assert_eq!((table.len(), histograms.len()), (2, 2));
}

proptest::proptest! {
    #[test]
    fn shards_add_up_whatever_they_hold(
        entries in proptest::collection::vec((0u64..4, 0u64..8, proptest::num::u32::ANY, proptest::num::u32::ANY), 0..40),
    ) {
        let layout = object::layout(Registry::get().find("biotop").expect("a view with shards"), &[]).expect("a layout");
        let entry = |&(pid, cpu, io, max): &(u64, u64, u32, u32)| {
            [("pid", pid), ("_cpu", cpu), ("io", io.into()), ("latency_max", max.into())]
        };
        let fields: Vec<[(&str, u64); 4]> = entries.iter().map(entry).collect();
        let fields: Vec<&[(&str, u64)]> = fields.iter().map(|fields| &fields[..]).collect();
        let (table, _) = decode(&layout, Kind::Table, &mut raw(&layout, &fields), &mut Fixed);
        let column = |name| layout.schema.index(name).expect("a column");
        let mut pids: Vec<u64> = entries.iter().map(|entry| entry.0).collect();
        pids.sort_unstable();
        pids.dedup();
        proptest::prop_assert_eq!(table.len(), pids.len(), "a row for each process");
        for row in 0..table.len() {
            let pid = table.cell(row, column("pid")).as_u64().expect("known");
            let of_pid = || entries.iter().filter(|entry| entry.0 == pid);
            let io: u64 = of_pid().map(|entry| u64::from(entry.2)).sum();
            let max = of_pid().map(|entry| u64::from(entry.3)).max();
            proptest::prop_assert_eq!(table.cell(row, column("io")).as_u64(), Some(io));
            proptest::prop_assert_eq!(table.cell(row, column("latency_max")).as_u64(), max);
        }
    }
}
