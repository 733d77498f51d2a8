//! Frames of single events.

use std::sync::Arc;

use super::{column, frame, number, text};
use crate::frame::{Agg, Frame, Kind, Schema, Table, Unit, Value};

/// Programs started: a few in each frame, one of them with a name that would harm a terminal.
pub fn exec_frame(index: u64) -> Frame {
    let schema = Schema {
        columns: vec![
            column("clock", "TIME", None, Agg::Last, (12, 12), 5),
            column("comm", "COMM", None, Agg::Last, (6, 16), 2),
            column("pid", "PID", Some(Unit::Id), Agg::Key, (5, 8), 1),
            column("ppid", "PPID", Some(Unit::Id), Agg::Last, (5, 8), 6),
            column("ret", "RET", Some(Unit::Id), Agg::Last, (3, 4), 7),
            column("args", "ARGS", None, Agg::Last, (6, 60), 2),
            column("time_ns", "TIME_NS", Some(Unit::Ns), Agg::Key, (6, 9), 1),
        ],
        key: vec![2, 6],
        totals: vec![],
        sort: Some((6, false)),
    };
    let mut schema = schema;
    schema.columns[6].visible = false;
    let mut table = Table::new(Arc::new(schema));
    let rows: [(&str, i64, &str); 6] = [
        ("make", 0, "make -j8 all"),
        ("sh", 0, "sh -c cc -O2 -Wall -c src/parser.c -o build/parser.o && touch build/.stamp"),
        ("cc", 0, "cc -O2 -Wall -c src/parser.c -o build/parser.o"),
        ("sh", -2, "/usr/local/bin/ccache cc"),
        ("evil\u{1b}[2J", 0, "evil\n\u{1b}]0;owned\u{7}"),
        ("größe-日本", 0, "größe-日本 --breite 4"),
    ];
    for (at, (comm, ret, args)) in rows.into_iter().enumerate().take(3 + index as usize % 4) {
        let ms = index * 1000 + at as u64 * 137;
        table.push_row();
        text(&mut table, at, 0, format!("11:10:{:02}.{:03}", 20 + ms / 1000, ms % 1000).as_bytes());
        text(&mut table, at, 1, comm.as_bytes());
        number(&mut table, at, 2, 4100 + index * 10 + at as u64);
        number(&mut table, at, 3, 812);
        table.row_mut(at)[4] = Value::Int(ret);
        text(&mut table, at, 5, args.as_bytes());
        number(&mut table, at, 6, 1_000_000_000_000 + ms * 1_000_000);
    }
    frame("execsnoop", Kind::Events, table, index)
}
