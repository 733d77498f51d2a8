//! What `bps` must be right about: how often a program runs, who holds it, and what the kernel says of it and of a map.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use serde_json::{Value, json};

use crate::support::numbers::is;
use crate::support::cell::{self, release};
use crate::support::{Case, Job, Test, Way, Worker, eventually, note, number, ok, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(runs_are_those_of_the_program_and_holders_those_who_hold_it).every_way(),
    test!(maps_and_links_are_those_that_were_made),
    test!(what_is_not_counted_is_null_and_said),
];

/// Datagrams that the filter sees, each a run of the program.
const DATAGRAMS: u64 = 1_234;
/// What the map was made with: sizes of key and value, and entries.
const MAP: (u32, u32, u32) = (12, 20, 77);
/// Whether runs are counted for everybody.
const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// The program and the map of one process are told from others by it.
fn name(pid: u32) -> String {
    format!("truth_{pid}")
}

/// What the workers do: make a program and a map; run the program.
pub fn work(job: &Job) {
    let name = CString::new(name(std::process::id())).expect("no NUL");
    let program = socket_filter(&name);
    let map = map(&name);
    let (here, there) = UnixDatagram::pair().expect("a pair");
    let fd = program.as_raw_fd();
    // SAFETY: the value is a descriptor that is read.
    let set = unsafe {
        let (value, len) = ((&raw const fd).cast(), size_of_val(&fd) as u32);
        libc::setsockopt(there.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_BPF, value, len)
    };
    ok("SO_ATTACH_BPF", set);
    job.step(&json!("ready"));
    let mut buffer = [0];
    for _ in 0..DATAGRAMS {
        here.send(b"!").expect("there is room");
        there.recv(&mut buffer).expect("it has arrived");
    }
    let info = info(&program);
    let tag: String = info.tag.iter().map(|byte| format!("{byte:02x}")).collect();
    job.step(&json!({ "id": info.id, "tag": tag, "jited": info.jited_prog_len }));
    drop((program, map, here, there));
    job.last(&json!("gone"));
}

/// Lets every datagram through.
fn socket_filter(name: &CString) -> OwnedFd {
    let insn = |code, imm| libbpf_sys::bpf_insn { code, imm, ..Default::default() };
    // r0 = -1; exit
    let code = [insn(0xb7, -1), insn(0x95, 0)];
    // SAFETY: all pointers outlive the call; a non-negative result is our descriptor.
    unsafe {
        let program = libbpf_sys::bpf_prog_load(
            libbpf_sys::BPF_PROG_TYPE_SOCKET_FILTER,
            name.as_ptr(),
            c"GPL".as_ptr(),
            code.as_ptr(),
            code.len() as _,
            std::ptr::null_mut(),
        );
        ok("a program", program);
        OwnedFd::from_raw_fd(program)
    }
}

fn map(name: &CString) -> OwnedFd {
    let (key, value, entries) = MAP;
    let kind = libbpf_sys::BPF_MAP_TYPE_HASH;
    // SAFETY: all pointers outlive the call; a non-negative result is our descriptor.
    unsafe {
        let map = libbpf_sys::bpf_map_create(kind, name.as_ptr(), key, value, entries, std::ptr::null());
        ok("a map", map);
        OwnedFd::from_raw_fd(map)
    }
}

fn info(program: &OwnedFd) -> libbpf_sys::bpf_prog_info {
    // SAFETY: zero is a valid value for every field; the kernel writes at most `len` bytes.
    unsafe {
        let mut info: libbpf_sys::bpf_prog_info = std::mem::zeroed();
        let mut len = size_of_val(&info) as u32;
        let fd = program.as_fd().as_raw_fd();
        ok("info", libbpf_sys::bpf_obj_get_info_by_fd(fd, (&raw mut info).cast(), &mut len));
        info
    }
}

/// Counts runs for everybody while it lives, as those may not switch it on who have no CAP_SYS_ADMIN.
struct Counted(String);

impl Counted {
    fn on() -> Counted {
        let before = std::fs::read_to_string(SWITCH).expect("a switch");
        std::fs::write(SWITCH, "1").expect("root");
        Counted(before)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let _ = std::fs::write(SWITCH, &self.0);
    }
}

fn runs_are_those_of_the_program_and_holders_those_who_hold_it(case: &Case) {
    let mut worker = Worker::start("bps", &[]);
    let pid = worker.pid;
    let counted = Counted::on();
    let every = case.watch(&["bps"]);
    let others = case.watch_plain(&["bps", "-p", &std::process::id().to_string()]);
    let truth = worker.step();
    note(format!("in truth {truth}"));
    let own = |row: &Value| row["name"] == name(pid);
    let is_right = |rows: &[Value]| {
        let own: Vec<&Value> = rows.iter().filter(|row| own(row)).collect();
        assert!(!own.is_empty(), "it is not listed");
        for row in own {
            assert_eq!((&row["id"], &row["tag"]), (&truth["id"], &truth["tag"]), "{row}");
            assert_eq!((&row["type"], &row["uid"]), (&json!("SOCKET_FILTER"), &json!(0)), "{row}");
            assert_eq!((&row["pid"], &row["holders"], &row["maps"]), (&json!(pid), &json!(1), &json!(0)), "{row}");
            assert_eq!(row["jited"], truth["jited"], "{row}");
        }
    };
    every.check(|rows| {
        is_right(rows);
        // Where other CPUs are found by an address of the kernel, it does not show that to everybody.
        let unknown = rows.iter().filter(|row| own(row)).all(|row| row["runs"].is_null());
        if !(unknown && release().starts_with("5.10")) {
            assert_eq!(total(rows, "runs", own), DATAGRAMS);
        }
    });
    others.check(|rows| assert!(!rows.iter().any(own), "nobody else holds it: {rows:?}"));
    drop(counted);
    assert_eq!(worker.step(), "gone");
    // An object is freed a little after the last who held it.
    eventually("it is gone", || {
        let (_, frames) = cell::once(&Way::Plain, "bps");
        frames[0]["rows"].as_array().is_some_and(|rows| !rows.iter().any(own))
    });
}

fn maps_and_links_are_those_that_were_made(case: &Case) {
    let mut worker = Worker::start("bps", &[]);
    let pid = worker.pid;
    let maps = case.watch_plain(&["bps", "--show", "map", "-p", &pid.to_string()]);
    worker.step();
    maps.check(|rows| {
        let last = rows.iter().rev().find(|row| row["name"] == name(pid)).expect("the map");
        let (key, value, entries) = MAP;
        assert_eq!((&last["key_bytes"], &last["value_bytes"]), (&json!(key), &json!(value)), "{last}");
        assert_eq!((&last["entries"], &last["type"]), (&json!(entries), &json!("HASH")), "{last}");
        assert_eq!((&last["pid"], &last["holders"]), (&json!(pid), &json!(1)), "{last}");
    });
    assert_eq!(worker.step(), "gone");
    if release().starts_with("5.10") {
        let (code, frames) = cell::once_with(&Way::Plain, "bps", &["--show=link".to_owned()]);
        assert_eq!((code, &frames[0]["reason"]["class"]), (4, &json!("symbol_missing")), "{frames:?}");
        return;
    }
    // Those of the program under test itself are known: a link for each of its iterators.
    let links = case.watch_plain(&["bps", "--show", "link"]);
    links.check(|rows| {
        let own: Vec<&Value> = rows.iter().filter(|row| row["comm"] == "bcc-top" && row["type"] == "ITER").collect();
        assert!(own.len() >= 3, "its own links are missing: {rows:?}");
        assert!(own.iter().all(|row| number(row, "prog") > 0), "{own:?}");
    });
}

/// The switch is off, which it is but where somebody has put it on for good: then root counts by our own, and a user not at all.
fn what_is_not_counted_is_null_and_said(case: &Case) {
    if std::fs::read_to_string(SWITCH).is_ok_and(|text| text.trim() == "1") {
        return;
    }
    let mut worker = Worker::start("bps", &[]);
    let pid = worker.pid;
    let root = case.watch_plain(&["bps", "-p", &pid.to_string()]);
    let (code, frames) = cell::once(&Way::User, "bps");
    let frame = frames.first().expect("a frame");
    assert_eq!((code, &frame["status"]), (0, &json!("partial")), "{frame}");
    let message = frame["reason"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("does not count the runs"), "{message}");
    let rows = frame["rows"].as_array().expect("rows");
    assert!(!rows.is_empty() && rows.iter().all(|row| row["runs"].is_null() && row["time"].is_null()), "{frame}");
    worker.step();
    root.check(|rows| {
        let own = |row: &Value| row["name"] == name(pid);
        assert_eq!(total(rows, "runs", own), DATAGRAMS);
        assert!(total(rows, "time", own) > DATAGRAMS, "a run takes more than a nanosecond");
        assert!(rows.iter().all(|row| is(row, "pid", pid)), "of other processes: {rows:?}");
    });
}
