//! What `gethostlatency` must be right about: every lookup with its name, how long it took and what came of it, in whatever C
//! library it was made.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::asked::{self, Asked};
use crate::support::files;
use crate::support::hosts::{self, IP};
use crate::support::lookup::{COMM, Lookup};
use crate::support::numbers::{is, number};
use crate::support::{Case, Job, Need, Test, Way, Worker, cell, eventually, in_guest, ok, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_lookup_with_its_name).every_way().needs(&[Need::Lookup, Need::Program(IP)]),
    test!(a_resolver_that_does_not_answer).needs(&[Need::Lookup, Need::Program(IP)]),
    test!(lookups_are_counted_exactly).needs(&[Need::Lookup, Need::Program(IP)]),
    test!(a_new_library_is_watched_and_let_go).needs(&[Need::Lookup]),
    test!(only_names_that_are_asked_for).needs(&[Need::Lookup, Need::Program(IP)]),
    test!(one_library_is_watched_alone).needs(&[Need::Lookup]),
];

const FUNCTIONS: [&str; 5] =
    ["getaddrinfo", "gethostbyname", "gethostbyname2", "gethostbyname_r", "gethostbyname2_r"];
/// What a resolver waits for an answer (`timeout:1`), less a tick or two.
const SECOND: u64 = 990_000_000;
/// One byte more than a row keeps, and then some.
const LONG: usize = 300;

/// Names of a burst.
fn burst() -> usize {
    if in_guest() { 20 } else { 200 }
}

fn host(number: usize) -> String {
    format!("host-{number}.truth.test")
}

/// What the workers do.
pub fn work(job: &Job) {
    match job.word(0) {
        "burst" => look_all_up(job),
        "dead" => ask_the_dead(job),
        "copy" => use_a_copy(job),
        other => panic!("unknown work {other}"),
    }
}

/// Leaves the mounts of the others as they are from now on.
fn own_mounts() {
    // SAFETY: system calls with constants.
    unsafe {
        ok("unshare", libc::unshare(libc::CLONE_NEWNS));
        let none = std::ptr::null();
        ok("mount", libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, none.cast()));
    }
}

/// A network and an /etc of this process's own, in which the names of the burst are known and `sources` are asked for them.
fn own_names(sources: &str) {
    hosts::isolate();
    own_mounts();
    let etc = Path::new("/etc");
    std::fs::create_dir_all(etc).expect("a directory");
    files::mount(c"tmpfs", etc);
    let names: String = (0..burst()).map(|n| format!("192.0.2.{} {}\n", n % 250 + 1, host(n))).collect();
    let resolver = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";
    for (file, text) in
        [("nsswitch.conf", format!("hosts: {sources}\n")), ("hosts", names), ("resolv.conf", resolver.to_owned())]
    {
        std::fs::write(etc.join(file), text).expect("written");
    }
}

/// Each name by each function; and then what is special. Says of each lookup its function, name, time, and what is to be
/// shown as its result.
fn look_all_up(job: &Job) {
    own_names("files");
    let mut program = Lookup::start(None);
    job.step(&json!(program.pid));
    let mut done = Vec::new();
    let mut look_up = |order: &str, name: &str, function: &str, result: &str| {
        let (ns, found) = program.look_up(order, name);
        assert_eq!(found, result == "ok" || order == "small", "{order} {name}");
        done.push(json!([function, name, ns, result]));
    };
    for number in 0..burst() {
        for function in FUNCTIONS {
            look_up(function, &host(number), function, "ok");
        }
    }
    for function in FUNCTIONS {
        look_up(function, "192.0.2.77", function, "ok");
        let result = if function == "getaddrinfo" { "no_name" } else { "failed" };
        look_up(function, "missing.truth.test", function, result);
    }
    look_up("small", &host(0), "gethostbyname_r", "too_small");
    look_up("getaddrinfo", &"x".repeat(LONG), "getaddrinfo", "no_name");
    program.look_up("service", "-");
    job.last(&json!(done));
}

/// A server that never answers; then a lookup that is left with longjmp(), and one in its place.
fn ask_the_dead(job: &Job) {
    own_names("files dns");
    let _deaf = UdpSocket::bind("127.0.0.1:53").expect("a server that does not read");
    let mut program = Lookup::start(None);
    job.step(&json!(program.pid));
    let (asked, found) = program.look_up("getaddrinfo", "dead.truth.test");
    assert!(asked > SECOND && !found, "{asked} ns, found: {found}");
    let (left, found) = program.look_up("give_up", "left.truth.test");
    assert!(left < SECOND && !found, "{left} ns, found: {found}");
    let (known, found) = program.look_up("getaddrinfo", &host(0));
    assert!(found);
    job.last(&json!([asked, known]));
}

/// A C library that is in a filesystem of this process alone, as in a container.
fn use_a_copy(job: &Job) {
    own_mounts();
    let place = PathBuf::from(job.word(1));
    files::mount(c"tmpfs", &place);
    let library = Lookup::start(None).library();
    job.step(&json!("ready"));
    let copy = place.join(library.file_name().expect("a name"));
    std::fs::copy(&library, &copy).expect("copied");
    let mut program = Lookup::start(Some(&place));
    assert_eq!(program.library(), copy);
    eventually("the new library is watched", || program.is_armed());
    for number in 0..burst() {
        program.look_up("getaddrinfo", &format!("127.0.0.{}", number + 1));
    }
    job.step(&json!(program.pid));
    drop(program);
    let mount = std::ffi::CString::new(job.word(1)).expect("no NUL");
    // SAFETY: a system call with a string.
    eventually("the library is let go", || unsafe { libc::umount2(mount.as_ptr(), 0) } == 0);
    job.last(&json!("let go"));
}

/// The rows of one process, in their order.
fn rows_of(rows: &[Value], pid: u64) -> Vec<&Value> {
    rows.iter().filter(|row| is(row, "pid", u32::try_from(pid).expect("a pid"))).collect()
}

fn every_lookup_with_its_name(case: &Case) {
    let mut worker = Worker::start("gethostlatency", &["burst"]);
    let pid = worker.hello.as_u64().expect("a pid");
    let watch = case.watch(&["gethostlatency"]);
    let done = worker.step();
    let done = done.as_array().expect("lookups");
    watch.check(|rows| {
        let own = rows_of(rows, pid);
        assert_eq!(own.len(), done.len(), "{:?}", own.last());
        for (row, done) in own.iter().zip(done) {
            let name = done[1].as_str().expect("a name");
            let shown = &name[..name.len().min(255)];
            assert_eq!((&row["function"], &row["host"]), (&done[0], &json!(shown)), "{row}");
            assert_eq!((&row["result"], &row["comm"]), (&done[3], &json!(COMM)), "{row}");
            assert_eq!((&row["tid"], &row["uid"]), (&row["pid"], &json!(0)), "{row}");
            let measured = done[2].as_u64().expect("a time");
            assert!((1..=measured).contains(&number(row, "latency")), "{measured} ns at most: {row}");
        }
    });
}

fn a_resolver_that_does_not_answer(case: &Case) {
    let mut worker = Worker::start("gethostlatency", &["dead"]);
    let pid = worker.hello.as_u64().expect("a pid");
    let all = case.watch(&["gethostlatency"]);
    let slow = case.watch(&["gethostlatency", "--min-latency", "900ms"]);
    let failed = case.watch(&["gethostlatency", "--failed"]);
    let times = worker.step();
    let is_dead = |row: &Value| {
        assert_eq!((&row["host"], &row["result"]), (&json!("dead.truth.test"), &json!("again")), "{row}");
        let measured = times[0].as_u64().expect("a time");
        assert!((SECOND..=measured).contains(&number(row, "latency")), "{measured} ns: {row}");
    };
    all.check(|rows| {
        let own = rows_of(rows, pid);
        // What was left does not return, and hides nothing that comes after it.
        assert_eq!(own.len(), 2, "{own:?}");
        is_dead(own[0]);
        assert_eq!((&own[1]["host"], &own[1]["result"]), (&json!(host(0)), &json!("ok")), "{}", own[1]);
        assert!(number(own[1], "latency") <= times[1].as_u64().expect("a time"), "{times}: {}", own[1]);
    });
    for watch in [slow, failed] {
        watch.check(|rows| {
            let own = rows_of(rows, pid);
            assert_eq!(own.len(), 1, "{own:?}");
            is_dead(own[0]);
        });
    }
}

fn lookups_are_counted_exactly(case: &Case) {
    let mut worker = Worker::start("gethostlatency", &["burst"]);
    let pid = worker.hello.as_u64().expect("a pid").to_string();
    let by = |word| case.watch(&["gethostlatency", "--pid", &pid, "--by", word]);
    let (by_host, by_comm, by_pid, by_latency) = (by("host"), by("comm"), by("pid"), by("latency"));
    let done = worker.step();
    let done = done.as_array().expect("lookups");
    let of = |part: &dyn Fn(&Value) -> bool| done.iter().filter(|done| part(done)).count() as u64;
    let (count, failed) = (done.len() as u64, of(&|done| done[3] != "ok"));
    by_host.check(|rows| {
        let of_host = |name: &str, column: &str| total(rows, column, |row| row["host"] == name);
        let five = FUNCTIONS.len() as u64;
        assert_eq!((of_host(&host(1), "count"), of_host(&host(1), "failed")), (five, 0));
        assert_eq!((of_host("missing.truth.test", "count"), of_host("missing.truth.test", "failed")), (five, five));
        assert_eq!(total(rows, "count", |_| true), count);
    });
    for (watch, column, value) in [(by_comm, "comm", json!(COMM)), (by_pid, "pid", json!(pid.parse::<u32>().ok()))] {
        watch.check(|rows| {
            let own = |row: &Value| row[column] == value;
            assert_eq!((total(rows, "count", own), total(rows, "failed", own)), (count, failed), "{rows:?}");
            let measured: u64 = done.iter().map(|done| done[2].as_u64().expect("a time")).sum();
            assert!((1..=measured).contains(&total(rows, "latency_sum", own)), "{measured} ns: {rows:?}");
        });
    }
    by_latency.check(|rows| assert_eq!(total(rows, "count", |_| true), count, "{rows:?}"));
}

fn a_new_library_is_watched_and_let_go(case: &Case) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut worker = Worker::start("gethostlatency", &["copy", dir.path().to_str().expect("text")]);
    let watch = case.watch(&["gethostlatency"]);
    let pid = worker.step().as_u64().expect("a pid");
    assert_eq!(worker.step(), "let go");
    watch.check(|rows| {
        let own = rows_of(rows, pid);
        assert_eq!(own.len(), burst(), "{:?}", own.last());
        for (number, row) in own.iter().enumerate() {
            assert_eq!(row["host"], format!("127.0.0.{}", number + 1), "{row}");
        }
    });
}

fn one_library_is_watched_alone(case: &Case) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut plain = Lookup::start(None);
    let copy = dir.path().join(plain.library().file_name().expect("a name"));
    std::fs::copy(plain.library(), &copy).expect("copied");
    let mut other = Lookup::start(Some(dir.path()));
    assert_eq!(other.library(), copy);
    let watch = case.watch(&["gethostlatency", "--lib", copy.to_str().expect("text")]);
    assert!(other.is_armed());
    for program in [&mut plain, &mut other] {
        program.look_up("getaddrinfo", "127.0.0.1");
    }
    watch.check(|rows| {
        let count = |program: &Lookup| rows_of(rows, program.pid.into()).len();
        assert_eq!((count(&plain), count(&other)), (0, 1), "{rows:?}");
    });
    let mut command = Way::Plain.command();
    command.args(["gethostlatency", "--lib", "/nowhere/libc.so.6", "--json", "-n", "1", "-d", "0.1"]);
    let output = command.output().expect("the program starts");
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!((output.status.code(), cell::class(&document["frames"][0])), (Some(4), "target_missing"), "{document}");
}

fn only_names_that_are_asked_for(case: &Case) {
    let mut worker = Worker::start("gethostlatency", &["burst"]);
    let pid = worker.hello.to_string();
    let words = ["gethostlatency", "--pid", &pid];
    let counted = case.watch(&[&words[..], &["--by", "pid", "--host", "host-?.*", "--failed"]].concat());
    let name = |row: &Value| row["host"].as_str().expect("a name").to_owned();
    let asked: &[Asked<'_>] = &[
        (&["--host", "host-1*"], &|row| name(row).starts_with("host-1")),
        (&["--host", "host-?.truth.test"], &|row| name(row).len() == "host-1.truth.test".len() && name(row).starts_with('h')),
        (&["--host", "*TRUTH*"], &|_| false),
        (&["--host", "truth"], &|_| false),
        (&["--host", "192.0.2.77"], &|row| name(row) == "192.0.2.77"),
        (&["--host", "x*x"], &|row| name(row).starts_with('x')),
        (&["--host", "*.truth.test", "--failed"], &|row| name(row).ends_with(".truth.test") && row["result"] != "ok"),
    ];
    asked::check(case, &words, asked, || drop(worker.step()), |_| true);
    // One name has too little room for its answer.
    counted.check(|rows| assert_eq!(total(rows, "count", |_| true), 1, "{rows:?}"));
}
