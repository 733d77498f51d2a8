//! Fixed frames and helpers for tests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::feed::{Event, Request};
use crate::frame::{
    Agg, Align, Column, Cost, Formula, Frame, Histogram, Hook, HookReport, Interval, Kind, Lost, Reason, ReasonClass,
    Schema, SettingValue, Stamp, Status, Table, Tried, Type, Unavailable, Unit, Value,
};

use super::Options;
use super::app::App;
use super::glyphs::{Depth, Level};
use super::message::{Effect, Input};

mod exec;

pub use exec::exec_frame;

/// The views that tests choose from.
pub const VIEWS: [&str; 8] =
    ["biotop", "cachestat", "cachetop", "execsnoop", "exitsnoop", "runqlat", "tcptop", "vfsstat"];

/// A key press by the name that the key table uses.
pub fn key(name: &str) -> KeyEvent {
    if let Some(rest) = name.strip_prefix("Ctrl-") {
        return KeyEvent::new(key(rest).code, KeyModifiers::CONTROL);
    }
    let code = match name {
        "Space" => KeyCode::Char(' '),
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Shift-Tab" => KeyCode::BackTab,
        "Backspace" => KeyCode::Backspace,
        "Delete" => KeyCode::Delete,
        "Insert" => KeyCode::Insert,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "Home" => KeyCode::Home,
        "End" => KeyCode::End,
        "PgUp" => KeyCode::PageUp,
        "PgDn" => KeyCode::PageDown,
        name if name.len() > 1 && name.starts_with('F') => KeyCode::F(name[1..].parse().unwrap()),
        name => KeyCode::Char(name.chars().next().unwrap()),
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}

/// A column as a view would declare it.
pub fn column(name: &str, label: &str, unit: Option<Unit>, agg: Agg, widths: (u16, u16), priority: u8) -> Column {
    Column {
        name: name.to_owned(),
        label: label.to_owned(),
        bcc: label.to_owned(),
        help: format!("what {name} means"),
        ty: match unit {
            None => Type::Text,
            Some(Unit::Ratio) => Type::Float,
            _ => Type::Int,
        },
        unit,
        agg,
        min_width: widths.0,
        ideal_width: widths.1,
        align: if unit.is_none() { Align::Left } else { Align::Right },
        priority,
        visible: true,
        cut_middle: false,
        wide: false,
    }
}

/// Puts a number into a cell.
pub fn number(table: &mut Table, row: usize, column: usize, value: u64) {
    table.row_mut(row)[column] = Value::Uint(value);
}

/// Fills a cell with a text.
pub fn text(table: &mut Table, row: usize, column: usize, value: &[u8]) {
    let value = table.intern(value);
    table.row_mut(row)[column] = value;
}

/// A frame around a table, one second after the one before it.
pub fn frame(view: &str, kind: Kind, table: Table, index: u64) -> Frame {
    Frame {
        view: view.into(),
        kind,
        status: Status::Ok,
        time: Stamp {
            wall_ns: 1_795_346_000_000_000_000 + index * 1_000_000_000,
            mono_ns: (1000 + index) * 1_000_000_000,
        },
        interval: Interval { index, asked_ns: 1_000_000_000, real_ns: 1_000_000_000, ..Interval::default() },
        settings: Arc::new([]),
        hooks: Arc::new([
            Hook { purpose: "submit".into(), alternative: 1, kind: "tp_btf".into(), target: "block_io_start".into() },
            Hook { purpose: "done".into(), alternative: 1, kind: "tp_btf".into(), target: "block_io_done".into() },
        ]),
        table,
        histograms: Vec::new(),
        lost: Lost::default(),
        cost: Cost {
            self_cpu_ns: 4_000_000,
            bpf_ns: Some(1_000_000),
            map_entries: 14,
            map_capacity: 1400,
            ..Cost::default()
        },
    }
}

/// Disk I/O by process: 14 rows whose numbers change with `index` and repeat every eight frames.
pub fn disk_frame(index: u64) -> Frame {
    let schema = Schema {
        columns: vec![
            column("pid", "PID", Some(Unit::Id), Agg::Key, (5, 8), 1),
            column("comm", "COMM", None, Agg::Last, (6, 16), 5),
            column("rw", "D", None, Agg::Key, (1, 1), 1),
            column("disk", "DISK", None, Agg::Key, (4, 10), 1),
            column("io", "I/O", Some(Unit::Count), Agg::Sum, (5, 8), 5),
            column("bytes", "BYTES", Some(Unit::Bytes), Agg::Sum, (6, 9), 5),
            column("latency_sum", "LATSUM", Some(Unit::Ns), Agg::Sum, (6, 9), 5),
            column("latency_avg", "AVG", Some(Unit::Ns), Agg::Formula(Formula::Mean { sum: 6, count: 4 }), (6, 9), 5),
            column("latency_max", "MAX", Some(Unit::Ns), Agg::Max, (6, 9), 5),
        ],
        key: vec![0, 2, 3],
        totals: vec![4, 5],
        sort: Some((5, true)),
    };
    let mut schema = schema;
    schema.columns[6].visible = false;
    let mut table = Table::new(Arc::new(schema));
    let rows: [(u64, &str, &str, &str, u64, u64, u64); 14] = [
        (21876, "postgres", "R", "nvme0n1", 812, 53_792_000, 180_000),
        (4412, "fio", "W", "nvme0n1", 301, 19_713_000, 1_400_000),
        (611, "jbd2/nvme0n1p1-8", "W", "nvme0n1", 97, 9_542_000, 2_900_000),
        (1187, "containerd", "R", "nvme0n1", 44, 4_404_000, 210_000),
        (30021, "rsync", "R", "sdb", 61, 3_985_000, 6_200_000),
        (0, "(kernel)", "W", "nvme0n1", 33, 629_000, 310_000),
        (2290, "journald", "W", "nvme0n1", 9, 147_456, 520_000),
        (9134, "dpkg", "R", "sdb", 6, 98_304, 7_800_000),
        (777, "sshd", "R", "sda", 2, 8192, 90_000),
        (778, "cron", "R", "sda", 1, 4096, 120_000),
        (779, "agetty", "R", "sda", 1, 4096, 80_000),
        (780, "chronyd", "F", "sda", 1, 0, 4_100_000),
        (781, "größe-日本", "R", "sda", 1, 512, 60_000),
        (782, "idle", "R", "sda", 0, 0, 0),
    ];
    for (at, (pid, comm, rw, disk, io, bytes, avg)) in rows.into_iter().enumerate() {
        let wave = if io == 0 { 0 } else { (index % 8) * (7 + at as u64 % 3) };
        table.push_row();
        number(&mut table, at, 0, pid);
        text(&mut table, at, 1, comm.as_bytes());
        text(&mut table, at, 2, rw.as_bytes());
        text(&mut table, at, 3, disk.as_bytes());
        number(&mut table, at, 4, io + wave);
        number(&mut table, at, 5, bytes + bytes / 100 * wave);
        number(&mut table, at, 6, (avg + wave * 1000) * (io + wave));
        number(&mut table, at, 8, avg * 12 + wave * 30_000);
    }
    table.derive();
    frame("biotop", Kind::Table, table, index)
}

/// TCP by connection.
pub fn net_frame(index: u64) -> Frame {
    let schema = Schema {
        columns: vec![
            column("pid", "PID", Some(Unit::Id), Agg::Key, (5, 8), 1),
            column("comm", "COMM", None, Agg::Last, (6, 16), 5),
            column("laddr", "LADDR", None, Agg::Key, (9, 18), 7),
            column("lport", "LPORT", Some(Unit::Id), Agg::Key, (5, 5), 8),
            column("raddr", "RADDR", None, Agg::Key, (9, 18), 1),
            column("rport", "RPORT", Some(Unit::Id), Agg::Key, (5, 5), 2),
            column("rx", "RX", Some(Unit::Bytes), Agg::Sum, (6, 9), 5),
            column("tx", "TX", Some(Unit::Bytes), Agg::Sum, (6, 9), 5),
        ],
        key: vec![0, 2, 3, 4, 5],
        totals: vec![6, 7],
        sort: Some((7, true)),
    };
    let mut table = Table::new(Arc::new(schema));
    let rows = [
        (8841, "nginx", "10.0.4.17", 443, "203.0.113.9", 51022, 1_153_434, 65_011_712),
        (8841, "nginx", "10.0.4.17", 443, "198.51.100.20", 40110, 317_440, 19_608_371),
        (2210, "kafka", "10.0.4.17", 38012, "192.0.2.77", 9092, 0, 6_396_313),
        (8843, "nginx", "10.0.4.17", 443, "2001:db8::42", 6112, 90_112, 1_468_006),
        (902, "sshd", "10.0.4.17", 22, "10.0.4.2", 50100, 1200, 12_288),
    ];
    for (at, (pid, comm, laddr, lport, raddr, rport, rx, tx)) in rows.into_iter().enumerate() {
        table.push_row();
        number(&mut table, at, 0, pid);
        text(&mut table, at, 1, comm.as_bytes());
        text(&mut table, at, 2, laddr.as_bytes());
        number(&mut table, at, 3, lport);
        text(&mut table, at, 4, raddr.as_bytes());
        number(&mut table, at, 5, rport);
        number(&mut table, at, 6, rx + index % 8 * 1000);
        number(&mut table, at, 7, tx + index % 8 * 100_000);
    }
    frame("tcptop", Kind::Table, table, index)
}

/// Page cache by process.
pub fn cache_frame(index: u64) -> Frame {
    let schema = Schema {
        columns: vec![
            column("pid", "PID", Some(Unit::Id), Agg::Key, (5, 8), 1),
            column("user", "USER", None, Agg::Last, (4, 10), 6),
            column("comm", "COMM", None, Agg::Last, (6, 16), 5),
            column("hits", "HITS", Some(Unit::Pages), Agg::Sum, (5, 8), 5),
            column("misses", "MISSES", Some(Unit::Pages), Agg::Sum, (5, 8), 5),
            column("dirtied", "DIRTIED", Some(Unit::Pages), Agg::Sum, (5, 8), 6),
            column(
                "read_ratio",
                "READ%",
                Some(Unit::Ratio),
                Agg::Formula(Formula::Share { part: 3, rest: 4 }),
                (6, 6),
                4,
            ),
        ],
        key: vec![0],
        totals: vec![3, 4],
        sort: Some((3, true)),
    };
    let mut table = Table::new(Arc::new(schema));
    let rows =
        [(21876, 91_202, 1201), (8841, 22_114, 12), (30021, 4020, 3990), (4412, 120, 8800), (1187, 88, 0), (5, 0, 0)];
    for (at, (pid, hits, misses)) in rows.into_iter().enumerate() {
        table.push_row();
        number(&mut table, at, 0, pid);
        text(&mut table, at, 1, b"root");
        text(&mut table, at, 2, [&b"postgres"[..], b"nginx", b"rsync", b"fio", b"containerd", b"sleepy"][at]);
        number(&mut table, at, 3, hits + index % 8 * 13);
        number(&mut table, at, 4, misses);
        number(&mut table, at, 5, 0);
    }
    table.derive();
    frame("cachetop", Kind::Table, table, index)
}

/// One distribution; or one for each of some processes.
pub fn hist_frame(index: u64, keyed: bool) -> Frame {
    let mut columns = vec![
        column("count", "COUNT", Some(Unit::Count), Agg::Sum, (5, 8), 5),
        column("sum", "SUM", Some(Unit::Ns), Agg::Sum, (6, 9), 5),
        column("max", "MAX", Some(Unit::Ns), Agg::Max, (6, 9), 5),
    ];
    columns[1].visible = false;
    let mut schema = Schema { columns, key: vec![], totals: vec![0, 1], sort: Some((0, true)) };
    if keyed {
        schema.columns.insert(0, column("pid", "PID", Some(Unit::Id), Agg::Key, (5, 8), 1));
        schema.columns.insert(1, column("comm", "COMM", None, Agg::Last, (6, 16), 5));
        schema.key = vec![0];
        schema.totals = vec![2, 3];
        schema.sort = Some((2, true));
    }
    let mut table = Table::new(Arc::new(schema));
    let mut histograms = Vec::new();
    let shape = [0, 443, 295, 449, 757, 341, 175, 68, 31, 0, 2];
    for at in 0..if keyed { 5 } else { 1 } {
        let mut buckets = vec![0; 10];
        buckets.extend(shape.map(|n: u64| n / (1 + at as u64 * 2) + (n > 0) as u64 * (index % 8)));
        let count: u64 = buckets.iter().sum();
        histograms.push(Histogram { buckets, sum: count * 30_000, max: Some(1_900_000) });
        table.push_row();
        let mut place = 0;
        if keyed {
            number(&mut table, at, 0, 1000 + at as u64);
            text(&mut table, at, 1, format!("worker/{at}").as_bytes());
            place = 2;
        }
        number(&mut table, at, place, count);
        number(&mut table, at, place + 1, count * 30_000);
        number(&mut table, at, place + 2, 1_900_000);
    }
    let settings: Vec<(String, SettingValue)> =
        if keyed { vec![("by".to_owned(), SettingValue::Text("pid".to_owned()))] } else { Vec::new() };
    let mut frame = frame("runqlat", Kind::Histogram, table, index);
    frame.settings = settings.into();
    frame.histograms = histograms;
    frame
}

/// A view that cannot run.
pub fn unavailable_frame() -> Frame {
    let mut frame = frame("tcptop", Kind::Table, Table::default(), 0);
    let tried = |kind: &str, target: &str, result: &str| Tried {
        alternative: 1,
        kind: kind.into(),
        target: target.into(),
        result: result.into(),
    };
    frame.hooks = Arc::new([]);
    frame.status = Status::Unavailable(Box::new(Unavailable {
        reason: Reason {
            class: ReasonClass::NoKprobes,
            message: "Kernel 6.18.44 is built without CONFIG_KPROBES, and loading fentry programs is denied although all capabilities are present.".into(),
            remedy: "Use a kernel with CONFIG_KPROBES=y.".into(),
        },
        tried: vec![
            HookReport {
                purpose: "send".into(),
                alternative: None,
                kind: None,
                target: None,
                tried: vec![
                    tried("fentry", "tcp_sendmsg_locked", "refused (EPERM)"),
                    tried("kprobe", "tcp_sendmsg_locked", "no kprobes in kernel"),
                ],
            },
            HookReport { purpose: "recv".into(), alternative: Some(1), kind: Some("tp_btf".into()), target: Some("tcp_rcv_space_adjust".into()), tried: vec![] },
        ],
    }));
    frame
}

/// A request for a view, as the command line makes it.
pub fn request(view: &str) -> Request {
    Request { view: view.into(), interval: Duration::from_secs(1), first: None, settings: vec![], force: vec![] }
}

/// The explorer on a screen of a size, with the clock in the hand of the test.
pub struct Rig {
    pub app: App,
    pub now: Instant,
    pub effects: Vec<Effect>,
}

impl Rig {
    /// On these views; none is the overview.
    pub fn new(views: &[&str], size: (u16, u16), level: Level) -> Rig {
        let options = Options {
            level: Some(level),
            depth: Some(if level == Level::Ascii { Depth::Mono } else { Depth::Ansi }),
            host: "web-07".into(),
            kernel: "6.18.44".into(),
            ..Options::default()
        };
        let now = Instant::now();
        let mut app = App::new(options, views.iter().map(|view| request(view)).collect(), now);
        app.area = ratatui::layout::Rect::new(0, 0, size.0, size.1);
        let effects = app.start();
        Rig { app, now, effects }
    }

    /// The terminal has that many colours.
    pub fn set_depth(&mut self, depth: Depth) {
        self.app.depth = depth;
        let theme = self.app.options.theme.clone();
        self.app.set_theme(&theme);
    }

    /// Time goes by.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.input(Input::Tick);
    }

    /// One input.
    pub fn input(&mut self, input: Input) {
        self.effects.extend(self.app.handle(self.now, input));
    }

    /// Keys by name, apart by blanks.
    pub fn keys(&mut self, keys: &str) {
        for name in keys.split(' ') {
            self.input(Input::Key(key(name)));
        }
    }

    /// Text typed letter by letter.
    pub fn type_in(&mut self, text: &str) {
        for c in text.chars() {
            self.input(Input::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        }
    }

    /// A frame arrives at the tab of its view.
    pub fn frame(&mut self, frame: Frame) {
        let at = self.app.views.iter().position(|view| view.name == *frame.view).unwrap();
        let generation = self.app.views[at].generation;
        self.input(Input::Feed(at, generation, Event::Frame(Arc::new(frame))));
    }

    /// The screen as text.
    pub fn screen(&mut self) -> String {
        super::screen::text(&mut self.app).replace("\r\n", "\n")
    }
}
