//! Fixed frames for tests of everything that writes or shows them.

use std::sync::Arc;

use crate::frame::{
    Agg, Align, Column, Cost, Formula, Frame, Histogram, Hook, Interval, Kind, Lost, Mode, Reason, ReasonClass, Schema,
    SettingValue, Stamp, Status, Table, Type, Unavailable, Unit, Value,
};

pub(crate) fn column(name: &str, bcc: &str, ty: Type, unit: Option<Unit>, agg: Agg) -> Column {
    Column {
        name: name.to_owned(),
        label: name.to_uppercase(),
        bcc: bcc.to_owned(),
        help: format!("help of {name}"),
        ty,
        unit,
        agg,
        min_width: 4,
        ideal_width: 10,
        align: if ty == Type::Text { Align::Left } else { Align::Right },
        priority: 0,
        visible: true,
        cut_middle: false,
        wide: false,
    }
}

fn frame(view: &str, kind: Kind, table: Table, histograms: Vec<Histogram>) -> Frame {
    Frame {
        view: view.into(),
        kind,
        status: Status::Ok,
        time: Stamp { wall_ns: 1_795_345_831_000_214_000, mono_ns: 1_374_000_214_551 },
        interval: Interval { index: 4, asked_ns: 1_000_000_000, real_ns: 2_000_000_000, mode: Mode::Interval },
        settings: [("pid".to_owned(), SettingValue::Null), ("queued".to_owned(), SettingValue::Bool(true))].into(),
        hooks: [Hook {
            purpose: "submit".into(),
            alternative: 1,
            kind: "tp_btf".into(),
            target: "block_io_start".into(),
        }]
        .into(),
        table,
        histograms,
        lost: Lost { late_ns: 211_873, ..Lost::default() },
        cost: Cost { self_cpu_ns: 3_900_000, map_bytes: 1_310_720, ..Cost::default() },
    }
}

/// Three rows: fio with 4 MiB, an unknown owner with 1 KiB, and one whose name is hostile.
pub(crate) fn table() -> Frame {
    let mut columns = vec![
        column("pid", "PID", Type::Int, Some(Unit::Id), Agg::Key),
        column("comm", "COMM", Type::Text, None, Agg::Last),
        column("io", "I/O", Type::Int, Some(Unit::Count), Agg::Sum),
        column("bytes", "Kbytes", Type::Int, Some(Unit::Bytes), Agg::Sum),
        column("latency_sum", "LATSUM", Type::Int, Some(Unit::Ns), Agg::Sum),
        column("latency_avg", "AVGms", Type::Int, Some(Unit::Ns), Agg::Formula(Formula::Mean { sum: 4, count: 2 })),
        column("cgroup_id", "CGID", Type::Int, Some(Unit::Id), Agg::Last),
        column("hit", "HIT%", Type::Float, Some(Unit::Ratio), Agg::Last),
    ];
    columns[6].wide = true;
    columns[6].visible = false;
    let schema = Schema { columns, key: vec![0], totals: vec![2, 3], sort: Some((3, true)) };
    let mut table = Table::new(Arc::new(schema));
    let hostile: &[u8] = b"a\x1b[31m\xff,\"b";
    let owners = [(Value::Uint(812), Some(&b"fio"[..])), (Value::Null, None), (Value::Uint(7), Some(hostile))];
    let numbers = [(1024, 4 << 20, 81_234_500), (1, 1024, 500), (2, 2048, 900)];
    for ((pid, comm), (io, bytes, sum)) in owners.into_iter().zip(numbers) {
        let comm = comm.map_or(Value::Null, |comm| table.intern(comm));
        let cells = table.push_row();
        cells[0] = pid;
        cells[1] = comm;
        cells[2] = Value::Uint(io);
        cells[3] = Value::Uint(bytes);
        cells[4] = Value::Uint(sum);
        cells[6] = Value::Uint(u64::MAX - 1);
        cells[7] = Value::Float(if io == 1 { f64::NAN } else { 0.975 });
    }
    table.derive();
    frame("sampletop", Kind::Table, table, Vec::new())
}

/// Two distributions by process.
pub(crate) fn histogram() -> Frame {
    let columns = vec![
        column("pid", "PID", Type::Int, Some(Unit::Id), Agg::Key),
        column("comm", "COMM", Type::Text, None, Agg::Last),
        column("count", "COUNT", Type::Int, Some(Unit::Count), Agg::Sum),
        column("sum", "SUM", Type::Int, Some(Unit::Ns), Agg::Sum),
        column("max", "MAX", Type::Int, Some(Unit::Ns), Agg::Max),
    ];
    let schema = Schema { columns, key: vec![0], totals: vec![2, 3], sort: Some((2, true)) };
    let mut table = Table::new(Arc::new(schema));
    let histograms = vec![
        Histogram { buckets: vec![0, 0, 3, 0, 40, 0], sum: 900, max: Some(30) },
        Histogram { buckets: vec![], sum: 0, max: None },
    ];
    for (pid, histogram) in [(1u64, &histograms[0]), (2, &histograms[1])] {
        let comm = table.intern(format!("task{pid}").as_bytes());
        let cells = table.push_row();
        cells[0] = Value::Uint(pid);
        cells[1] = comm;
        cells[2] = Value::Uint(histogram.count());
        cells[3] = Value::Uint(histogram.sum);
        cells[4] = histogram.max.map_or(Value::Null, Value::Uint);
    }
    frame("samplelat", Kind::Histogram, table, histograms)
}

/// One row: 1024 reads, 4 writes, a gauge.
pub(crate) fn counters() -> Frame {
    let columns = vec![
        column("read", "READ/s", Type::Int, Some(Unit::Count), Agg::Sum),
        column("write", "WRITE/s", Type::Int, Some(Unit::Count), Agg::Sum),
        column("ratio", "RATIO", Type::Float, Some(Unit::Ratio), Agg::Formula(Formula::Share { part: 0, rest: 1 })),
        column("cached", "CACHED_MB", Type::Int, Some(Unit::Bytes), Agg::Last),
    ];
    let schema = Schema { columns, key: vec![], totals: vec![0, 1], sort: Some((0, true)) };
    let mut table = Table::new(Arc::new(schema));
    table.push_row().copy_from_slice(&[Value::Uint(1024), Value::Uint(4), Value::Null, Value::Uint(64 << 20)]);
    table.derive();
    frame("samplestat", Kind::Counters, table, Vec::new())
}

/// A view that cannot run.
pub(crate) fn unavailable(class: ReasonClass) -> Frame {
    let reason = Reason { class, message: "no hook for submit".into(), remedy: "use another kernel".into() };
    let status = Status::Unavailable(Box::new(Unavailable { reason, tried: Vec::new() }));
    Frame { status, ..frame("sampletop", Kind::Table, Table::default(), Vec::new()) }
}
