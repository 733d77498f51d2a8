//! What `execsnoop` must be right about: every exec of a burst, who did it, with which arguments, and what it could not show.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::asked::{self, Filter};
use crate::support::numbers::is;
use crate::support::{Case, Job, Test, Worker, files, in_guest, monotonic, mount_namespace, note, pose_as, total, USER};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(every_exec_and_every_failure_of_a_burst).every_way(),
    test!(what_is_over_the_limit_is_told),
    test!(what_a_full_ring_refuses_is_told),
    test!(a_burst_is_counted_exactly),
    test!(only_names_and_arguments_that_are_asked_for),
    test!(only_one_user_or_parent_when_asked),
    test!(only_one_mount_namespace_when_asked).every_way(),
    test!(arguments_are_quoted_and_left_out_when_asked),
];

/// Execs of a burst, one behind the other as fast as they go.
fn burst() -> usize {
    if in_guest() { 100 } else { 2_000 }
}

/// More than the ring holds, which is 3,120.
const RING_OVERFLOW: usize = 5_000;
/// Calls that fail.
const FAILURES: usize = 100;
/// Arguments of each exec, behind its name and its number: with a blank, empty, of another alphabet.
const ARGS: [&str; 3] = ["with blank", "", "größe"];

/// What the workers do: with the words `burst`, a program, how often, and one that is not there; and what it starts.
pub fn work(job: &Job) {
    match job.word(0) {
        "burst" => run_all(job),
        "leave" => std::process::exit(0),
        "fail" => fail_all(job),
        "users" => run_as_users(job),
        "mounts" => {
            job.step(&json!(mount_namespace(job.word(1) == "apart")));
            leave();
            Command::new("/nowhere/missing").stdin(Stdio::null()).status().expect_err("it cannot start");
            job.last(&json!("done"));
        }
        other => panic!("unknown work {other}"),
    }
}

/// Calls that fail, by this process itself: a few microseconds each, also where a CPU is emulated.
fn fail_all(job: &Job) {
    job.step(&json!("ready"));
    let argv = [c"missing".as_ptr(), std::ptr::null()];
    for _ in 0..job.count(1) {
        // SAFETY: a path and a list of arguments with their ends; there is no such file, so the call returns.
        assert_eq!(unsafe { libc::execv(c"/nowhere/missing".as_ptr(), argv.as_ptr()) }, -1);
    }
    job.last(&json!("done"));
}

/// Two programs and one failure as root, and the same as somebody else.
fn run_as_users(job: &Job) {
    job.step(&json!("ready"));
    for user in [0, USER] {
        pose_as(user);
        (0..2).for_each(|_| leave());
        Command::new("/nowhere/missing").stdin(Stdio::null()).status().expect_err("it cannot start");
    }
    job.last(&json!("done"));
}

/// A program that ends at once.
fn leave() {
    let mut child = Command::new("/proc/self/exe");
    child.env("BCC_TOP_WORKER_WORDS", json!(["leave"]).to_string());
    assert!(child.stdin(Stdio::null()).status().expect("it starts").success());
}

fn run_all(job: &Job) {
    job.step(&json!("ready"));
    let begun = monotonic();
    for number in 0..job.count(2) {
        let mut child = Command::new(job.word(1));
        child.arg(number.to_string()).args(ARGS).env("BCC_TOP_WORKER_WORDS", json!(["leave"]).to_string());
        assert!(child.stdin(Stdio::null()).status().expect("it starts").success());
    }
    for number in 0..FAILURES {
        let failed = Command::new(job.word(3)).arg(number.to_string()).stdin(Stdio::null()).status();
        assert_eq!(failed.expect_err("it cannot start").raw_os_error(), Some(libc::ENOENT));
    }
    job.last(&json!(monotonic() - begun));
}

/// A worker, and the programs it starts under names that nobody else has.
struct Burst {
    _dir: tempfile::TempDir,
    program: PathBuf,
    missing: PathBuf,
    name: String,
    count: usize,
    worker: Worker,
}

impl Burst {
    fn new(name: &str, count: usize) -> Burst {
        let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
        let program = dir.path().join(name);
        std::os::unix::fs::symlink(std::env::current_exe().expect("this binary"), &program).expect("a link");
        let missing = dir.path().join("missing");
        let text = |path: &Path| path.to_str().expect("text").to_owned();
        let words = ["burst", &text(&program), &count.to_string(), &text(&missing)];
        let worker = Worker::start("execsnoop", &words);
        Burst { _dir: dir, program, missing, name: name.to_owned(), count, worker }
    }

    fn run(&mut self) {
        let ns = self.worker.step().as_u64().expect("a time");
        note(format!("{} execs in {} ms", self.count, ns / 1_000_000));
    }

    fn own(&self) -> impl Fn(&Value) -> bool + '_ {
        |row: &Value| is(row, "ppid", self.worker.pid)
    }
}

fn every_exec_and_every_failure_of_a_burst(case: &Case) {
    let mut burst = Burst::new("exec-every", burst());
    let watch = case.watch(&["execsnoop", "--failed", "also"]);
    burst.run();
    watch.check(|rows| {
        let own: Vec<&Value> = rows.iter().filter(|row| burst.own()(row)).collect();
        let (good, bad): (Vec<&Value>, Vec<&Value>) = own.iter().partition(|row| is(row, "ret", 0));
        assert_eq!((good.len(), bad.len()), (burst.count, FAILURES), "execs and failures");
        for (number, row) in good.iter().enumerate() {
            let args = format!("{} {number} {}", burst.program.display(), ARGS.join(" "));
            let expected = [("args", args.as_str()), ("comm", &burst.name), ("path", burst.program.to_str().expect("text"))];
            expected.iter().for_each(|(column, text)| assert_eq!(row[column], *text, "{column} of {row}"));
// A guest has no /etc/passwd.
            let user = if in_guest() { json!("0") } else { json!("root") };
            assert_eq!((&row["uid"], &row["user"]), (&json!(0), &user), "{row}");
        }
        for (number, row) in bad.iter().enumerate() {
            assert_eq!((&row["ret"], &row["path"]), (&json!(-libc::ENOENT), &json!(burst.missing)), "{row}");
            assert_eq!(row["args"], format!("{} {number}", burst.missing.display()), "{row}");
        }
        let times: Vec<u64> = own.iter().map(|row| row["time_ns"].as_u64().expect("a time")).collect();
        assert!(times.is_sorted(), "one behind the other, they are told in that order");
        assert!(times.last().is_some_and(|&last| last <= monotonic()), "the clock is that of the frames");
    });
}

fn what_is_over_the_limit_is_told(case: &Case) {
    let mut burst = Burst::new("exec-limit", burst());
    // An emulated CPU does not do ten in an interval.
    let watch = case.watch(&["execsnoop", "--comm", "exec-limit", "--max-events", "2"]);
    burst.run();
    watch.check_with_lost(|rows, lost| {
        assert_eq!(rows.len() as u64 + lost, burst.count as u64, "{} shown, {lost} lost", rows.len());
        assert!(!rows.is_empty() && lost > 0, "{} shown, {lost} lost", rows.len());
    });
}

fn what_a_full_ring_refuses_is_told(case: &Case) {
    let mut worker = Worker::start("execsnoop", &["fail", &RING_OVERFLOW.to_string()]);
    let watch = case.watch(&["execsnoop", "--failed", "only", "--pid", &worker.pid.to_string()]);
    watch.stop(true);
    worker.step();
    watch.stop(false);
    watch.check_with_lost(|rows, lost| {
        assert_eq!(rows.len() as u64 + lost, RING_OVERFLOW as u64, "{} shown, {lost} lost", rows.len());
        assert!(rows.len() > 3_000 && lost > 0, "{} shown, {lost} lost", rows.len());
    });
}

fn a_burst_is_counted_exactly(case: &Case) {
    let mut burst = Burst::new("exec-count", burst());
    let by_comm = case.watch(&["execsnoop", "--by", "comm"]);
    let by_path = case.watch(&["execsnoop", "--by", "path", "--failed", "also"]);
    let by_ppid = case.watch(&["execsnoop", "--by", "ppid", "--failed", "only"]);
    burst.run();
    let count = burst.count as u64;
    by_comm.check(|rows| assert_eq!(total(rows, "count", |row| is(row, "comm", "exec-count")), count));
    by_path.check(|rows| {
        let of = |path: &Path, column: &str| total(rows, column, |row| row["path"] == json!(path));
        assert_eq!((of(&burst.program, "count"), of(&burst.program, "failed")), (count, 0));
        assert_eq!((of(&burst.missing, "count"), of(&burst.missing, "failed")), (FAILURES as u64, FAILURES as u64));
    });
    by_ppid.check(|rows| assert_eq!(total(rows, "count", burst.own()), FAILURES as u64));
}

fn only_names_and_arguments_that_are_asked_for(case: &Case) {
    let mut burst = Burst::new("exec-named", 20);
    let watch = |args: &[&str]| case.watch(&[&["execsnoop", "--failed", "also"], args].concat());
    let [named, missing, nobody] = ["ex?c-na*", "missing", "named"].map(|name| watch(&["--name", name]));
    let one = watch(&["--args", "*exec-named 7 with blank*"]);
    let failed = watch(&["--args", "*/missing 9?"]);
    let exact = watch(&["--args", &format!("{} 3 {}", burst.program.display(), ARGS.join(" "))]);
    let none = watch(&["--args", "*/missing"]);
    let both = watch(&["--name", "exec-*", "--args", "*größe"]);
    let counted = case.watch_plain(&["execsnoop", "--failed", "also", "--by", "ppid", "--name", "missing", "--args", "* 1*"]);
    burst.run();
    let check = |what: &str, watch: crate::support::case::Watch<'_>, good: usize, bad: usize| {
        watch.check(|rows| {
            let (well, not): (Vec<&Value>, Vec<&Value>) = rows.iter().partition(|row| is(row, "ret", 0));
            assert_eq!((well.len(), not.len()), (good, bad), "{what}: {rows:?}");
            assert!(rows.iter().all(|row| burst.own()(row)), "{what}: {rows:?}");
        });
    };
    check("by name", named, burst.count, 0);
    check("by the name of what is missing", missing, 0, FAILURES);
    check("a part of a name", nobody, 0, 0);
    check("one line", one, 1, 0);
    check("ten failures", failed, 0, 10);
    check("all of a line", exact, 1, 0);
    check("a part of a line", none, 0, 0);
    check("both", both, burst.count, 0);
    // 1 and 10 to 19.
    counted.check(|rows| assert_eq!(total(rows, "failed", burst.own()), 11, "{rows:?}"));
}

fn only_one_user_or_parent_when_asked(case: &Case) {
    let mut workers = [0, 1].map(|_| Worker::start("execsnoop", &["users"]));
    let pids = workers.each_ref().map(|worker| worker.pid);
    let words = ["--by", "uid", "--uid", &USER.to_string(), "--ppid", &pids[1].to_string()];
    let counted = case.watch_plain(&[&["execsnoop", "--failed", "also"], &words[..]].concat());
    let users = [Filter::same("uid", 0), Filter::same("uid", USER), Filter::none("uid", USER + 1)];
    let asked = users.into_iter().chain([Filter::same("ppid", pids[0]), Filter::none("ppid", 1)]);
    let work = || workers.iter_mut().for_each(|worker| drop(worker.step()));
    asked::check(case, &["execsnoop", "--failed", "also"], asked, work, |row| pids.iter().any(|&pid| is(row, "ppid", pid)));
    counted.check(|rows| {
        assert!(rows.iter().all(|row| is(row, "uid", USER)), "{rows:?}");
        assert_eq!((total(rows, "count", |_| true), total(rows, "failed", |_| true)), (3, 1), "{rows:?}");
    });
}

fn only_one_mount_namespace_when_asked(case: &Case) {
    asked::check_mount_namespaces(case, &["execsnoop", "--failed", "also"], &["mounts"], "ppid");
}

fn arguments_are_quoted_and_left_out_when_asked(case: &Case) {
    let mut burst = Burst::new("exec-quoted", 3);
    let watch = |args: &[&str]| case.watch_plain(&[&["execsnoop"], args].concat());
    let (quoted, three, all) = (watch(&["--quote"]), watch(&["--max-args", "3"]), watch(&["--quote", "--max-args", "5"]));
    burst.run();
    let program = burst.program.to_str().expect("text");
    let own = |rows: &[Value]| rows.iter().filter(|row| burst.own()(row)).map(|row| row["args"].clone()).collect::<Vec<_>>();
    let whole = |rows: &[Value]| {
        // As a shell would read them.
        let read = own(rows).into_iter().map(|args| shlex::split(args.as_str().expect("text")).expect("words"));
        let truth = (0..burst.count).map(|number| [&[program, &number.to_string()], &ARGS[..]].concat().iter().map(|word| word.to_string()).collect::<Vec<_>>());
        assert_eq!(read.collect::<Vec<_>>(), truth.collect::<Vec<_>>());
    };
    quoted.check(whole);
    all.check(whole);
    three.check(|rows| {
        let truth: Vec<Value> = (0..burst.count).map(|number| json!(format!("{program} {number} with blank ..."))).collect();
        assert_eq!(own(rows), truth);
    });
}
