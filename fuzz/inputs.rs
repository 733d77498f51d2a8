//! What is done with each kind of input that is not ours. The fuzz targets call these with what libFuzzer
//! makes up, and `tests/corpus.rs` with the files of `fuzz/corpus` in every run of the tests.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bcc_top::enrich::host::Host;
use bcc_top::export::{Format, Shown, exporter};
use bcc_top::frame::accumulate::Accumulator;
use bcc_top::frame::filter::{Filter, find_column, number_of};
use bcc_top::frame::text::{clean, is_safe};
use bcc_top::frame::threshold::Threshold;
use bcc_top::frame::{Cost, Frame, Interval, Kind, Lost, Mode, SettingValue, Stamp, Status, Table};
use bcc_top::probes::btf::Btf;
use bcc_top::probes::decode::{Resolve, decode as decode_rows, push_event};
use bcc_top::probes::guard::code::Code;
use bcc_top::probes::guard::{self, relocs};
use bcc_top::probes::layout::Layout;
use bcc_top::probes::object;
use bcc_top::probes::reader::RawRows;
use bcc_top::probes::slim::{roots, slim};
use bcc_top::record::{Known, Recording, Source};
use bcc_top::ui::glyphs::Depth;
use bcc_top::ui::save::Memory;
use bcc_top::ui::theme::{Theme, UserTheme};
use bcc_top::views::{Registry, View, ViewDecl, settings};

/// A view with these settings, and where its bytes are.
type Laid = (&'static View, Vec<(String, SettingValue)>, Layout);

/// Every layout there is: each view with each choice of its settings.
fn layouts() -> &'static [Laid] {
    static ALL: OnceLock<Vec<Laid>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Vec::new();
        for view in Registry::get().views() {
            let mut each = vec![vec![]];
            for (name, set) in view.decl.set.iter().filter(|(_, set)| set.group_by) {
                each.extend(set.choices.iter().map(|c| vec![(name.clone(), SettingValue::Text(c.name.clone()))]));
            }
            for settings in each {
                let layout = object::layout(view, &settings).expect("our own objects are sound");
                all.push((view, settings, layout));
            }
        }
        all
    })
}

/// Knows every number by a name that is as hostile as names can be.
struct Names;

const HOSTILE: &[u8] = b"\x1b]0;x\x07\x9b31m\xe2\x80\xae\n";

impl Resolve for Names {
    fn disk(&mut self, _: u32) -> &[u8] {
        HOSTILE
    }
    fn user(&mut self, _: u32) -> &[u8] {
        HOSTILE
    }
    fn cgroup(&mut self, id: u64) -> Option<&[u8]> {
        (id & 1 == 0).then_some(HOSTILE)
    }
    fn container(&mut self, _: Option<u32>, _: Option<u64>) -> Option<&[u8]> {
        Some(HOSTILE)
    }
}

/// No character of it may steer a terminal; ends of lines are ours.
#[track_caller]
fn assert_harmless(text: &str) {
    let bad = text.chars().find(|&c| !is_safe(c) && !matches!(c, '\n' | '\r'));
    assert!(bad.is_none(), "{bad:?} in {text:?}");
}

/// Every way out of the program.
fn write_out(frames: &[Frame]) {
    for format in [Format::Ndjson, Format::Json, Format::Csv, Format::Text] {
        let out = Out::default();
        let mut to = exporter(format, out.clone());
        let host = Host { hostname: String::from_utf8_lossy(HOSTILE).into_owned(), ..Host::default() };
        to.begin(&host).expect("memory");
        for frame in frames {
            // One CSV has one kind of rows, and says so.
            let told = to.frame(&Shown::whole(frame.clone()));
            assert!(told.is_ok() || format == Format::Csv, "{told:?}");
        }
        to.end().expect("memory");
        drop(to);
        let bytes = out.0.lock().expect("no panic").clone();
        let text = String::from_utf8(bytes).expect("all output is UTF-8");
        assert_harmless(&text);
        if format == Format::Ndjson {
            assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
        }
    }
}

#[derive(Clone, Default)]
struct Out(Arc<std::sync::Mutex<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Type information: that of a file named with `--btf`, of a module, of an object.
pub fn btf(data: &[u8]) {
    let Ok(btf) = Btf::parse(data) else { return };
    for ty in btf.iter() {
        let _ = (ty.name(), ty.size(), ty.typedef_name(), ty.resolved().kind(), ty.array_len(), ty.is_signed());
        for member in ty.members() {
            let _ = (member.name, ty.member_type(&member).map(|ty| ty.element().1));
        }
        let _ = (ty.enumerators().count(), ty.references().len(), ty.target().map(|ty| ty.name()));
    }
    if let Ok(split) = Btf::parse_split(data, &btf) {
        let _ = split.iter().map(|ty| ty.name().len()).sum::<usize>();
    }
    let small = slim(&btf, &roots(&btf));
    Btf::parse(&small).expect("what we write is well-formed");
    for view in Registry::get().views() {
        let choices = view.decl.set.values().filter(|set| set.group_by).flat_map(|set| &set.choices).map(Some);
        for choice in choices.chain([None]) {
            let map = choice.and_then(|choice| choice.map.as_deref()).unwrap_or(&view.decl.map);
            let _ = Layout::new(&btf, &view.decl, map, choice);
        }
    }
    // As the kernel's, against programs of ours.
    let views = Registry::get().views();
    let view = &views[data.len() % views.len()];
    for fault in guard::faults(view.object.bytes(), &btf).expect("our own objects are sound") {
        assert!(!fault.words().is_empty());
    }
    let code = Code::read(view.object.bytes()).expect("our own objects are sound");
    let _ = relocs::parse(code.ext, &btf).map(|relocs| relocs.len());
}

/// Bytes that programs wrote, read by the layout of any view.
pub fn decode(data: &[u8]) {
    let [which, more, count, rest @ ..] = data else { return };
    let all = layouts();
    let (view, settings, layout) = &all[(usize::from(*which) | usize::from(*more) << 8) % all.len()];
    let kind = view.decl.kind_with(settings);
    let mut frame = bare(&view.decl.name, kind, Table::new(layout.schema.clone()));
    if kind == Kind::Events {
        let parts = usize::from(*count) % 4 + 1;
        for record in rest.chunks((rest.len() / parts).max(1)).take(8) {
            push_event(layout, record, 1 << 60, &mut frame.table, &mut Names);
        }
    } else {
        // Buffers may be longer than what was read last.
        let keys = rest.get(..rest.len() / 2).unwrap_or_default().to_vec();
        let mut raw =
            RawRows { keys, values: rest.to_vec(), count: usize::from(*count) % 16, keyed: layout.key_size > 0 };
        (frame.table, frame.histograms) = decode_rows(layout, kind, &mut raw, &mut Names);
    }
    frame.table.derive();
    for row in 0..frame.table.len() {
        for column in 0..frame.table.width() {
            frame.table.text_at(row, column).inspect(|text| assert_harmless(&clean(text)));
        }
    }
    let mut totals = Accumulator::default();
    totals.push(&frame);
    totals.push(&frame);
    for histogram in &frame.histograms {
        let bounds = histogram.percentile(0.99).is_none_or(|p| p.lo <= p.est && p.est <= p.hi);
        assert!(bounds, "{histogram:?}");
    }
    write_out(&[frame]);
}

fn bare(view: &str, kind: Kind, table: Table) -> Frame {
    Frame {
        view: view.into(),
        kind,
        status: Status::Ok,
        time: Stamp::default(),
        interval: Interval { mode: Mode::Interval, index: 0, asked_ns: 1_000_000_000, real_ns: 1_000_000_000 },
        settings: Arc::new([]),
        hooks: Arc::new([]),
        table,
        histograms: vec![],
        lost: Lost::default(),
        cost: Cost::default(),
    }
}

/// A table with a row of each kind of value, to filter.
fn sample() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let of = |name: &str| layouts().iter().find(|(view, ..)| view.decl.name == name).expect("a view");
        let (_, _, layout) = of("opensnoop");
        let mut table = Table::new(layout.schema.clone());
        for byte in [0, 1, b'a', 0xff] {
            push_event(layout, &vec![byte; layout.value_size], 0, &mut table, &mut Names);
        }
        table
    })
}

/// What is typed into the filter line, as a limit, as the value of a setting.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let table = sample();
    let (filter, bad) = Filter::parse(text, &table.schema);
    let rows = filter.rows(table);
    assert!(rows.len() <= table.len());
    if let Some(bad) = bad {
        assert!(text.get(bad.start..bad.end).is_some(), "{bad:?} of {text:?}");
    }
    let (not, bad) = Filter::parse(&format!("!({text})"), &table.schema);
    if bad.is_none() && !filter.is_empty() && Filter::parse(text, &table.schema).1.is_none() {
        assert_eq!(not.rows(table).len() + rows.len(), table.len(), "{text:?}");
    }
    let _ = find_column(&table.schema, text);
    for column in &table.schema.columns {
        let _ = (number_of(text, column.unit), Threshold::parse(column, text));
    }
    for view in Registry::get().views() {
        for (name, setting) in &view.decl.set {
            let _ = (settings::value(setting, text), settings::capture(name, text));
        }
    }
    let _ = settings::time(text);
}

thread_local! {
    /// A file without a name: sources are files, or bytes that live as long as the program.
    static FILE: File =
        File::from(rustix::fs::memfd_create("recording", rustix::fs::MemfdFlags::CLOEXEC).expect("a file in memory"));
}

/// A recording, whoever wrote it.
pub fn recording(data: &[u8]) {
    let path = FILE.with(|mut file| {
        file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0)).map(drop)).expect("a file in memory");
        file.write_all(data).expect("a file in memory");
        PathBuf::from(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()))
    });
    let source = Source::open(&path).expect("a file");
    let known: Known = Arc::new(|name, settings| {
        let laid = layouts().iter().find(|(view, with, _)| view.decl.name == name && with.as_slice() == settings);
        laid.map(|(_, _, layout)| layout.schema.clone())
    });
    let recording = match Recording::open(source, known) {
        Ok(recording) => recording,
        Err(what) => return assert!(!what.is_empty()),
    };
    let (mut frames, mut troubles, mut totals) = (vec![], 0, HashMap::<String, Accumulator>::new());
    let mut items = recording.frames(0);
    while let Some(found) = items.next(|_, _| true) {
        match found {
            Ok(frame) => {
                totals.entry(frame.view.to_string()).or_default().push(&frame);
                if frames.len() < 8 {
                    frames.push(frame);
                }
            }
            Err(_) => troubles += 1,
        }
        assert!(troubles <= data.len() * 2 + 10, "each is told once");
    }
    for frame in &frames {
        assert_harmless(&frame.view);
        frame.table.schema.columns.iter().for_each(|column| assert_harmless(&column.label));
        let bounds = |p: bcc_top::frame::Percentile| p.lo <= p.est && p.est <= p.hi;
        assert!(frame.histograms.iter().all(|h| h.percentile(0.99).is_none_or(bounds)));
    }
    write_out(&frames);
    let (first, last) = recording.span();
    for at in [0, first.mono_ns, last.mono_ns, u64::MAX] {
        recording.frames(recording.chunk_at(at)).next(|_, time| time >= at);
        let _ = recording.moment(at);
    }
}

/// A configuration, a theme, and what was kept from the last run.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for foreign in [false, true] {
        let parsed = bcc_top::config::read(text, foreign);
        let lines = text.lines().count().max(1);
        assert!(parsed.problems.iter().all(|problem| problem.line <= lines + 1), "{:?}", parsed.problems);
        assert!(!foreign || !parsed.config.save_state);
    }
    let user = [UserTheme { name: "own".into(), file: "own.toml".into(), text: text.into() }];
    for depth in [Depth::Mono, Depth::True] {
        let (theme, _) = Theme::parse("fuzz.toml", text, &user, depth);
        let _ = theme.is_light();
        let _ = Theme::named("own", &user, depth);
    }
    let _ = serde_json::from_str::<Memory>(text).map(Memory::bounded);
}

/// The declaration of a view.
pub fn declaration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let decl = match ViewDecl::parse("fuzz", text) {
        Ok(decl) => decl,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let words = decl.set.iter().flat_map(|(name, set)| set.choices.iter().map(move |c| (name.clone(), c.name.clone())));
    let mut each: Vec<Vec<(String, SettingValue)>> =
        words.map(|(name, word)| vec![(name, SettingValue::Text(word))]).collect();
    each.push(vec![]);
    let programs = [data.len() % Registry::get().views().len()].map(|at| &Registry::get().views()[at]);
    let own = decl.program.as_deref().and_then(|name| Registry::get().find(name));
    for view in programs.into_iter().chain(own) {
        let code = Code::read(view.object.bytes()).expect("our own objects are sound");
        let btf = Btf::parse(code.btf).expect("clang's BTF");
        for settings in &each {
            let choice = decl.choice(settings);
            let map = choice.and_then(|choice| choice.map.as_deref()).unwrap_or(&decl.map);
            let _ = (decl.kind_with(settings), Layout::new(&btf, &decl, map, choice));
            assert!(decl.hooks.keys().filter(|hook| decl.wants_hook(hook, settings)).count() <= decl.hooks.len());
        }
    }
    for set in decl.set.values() {
        for text in ["", "1", "-1", "10ms", "\u{1b}", "99999999999999999999"] {
            let _ = (settings::value(set, text), settings::takes(set), settings::kind(set));
        }
    }
}
