//! What is captured: a command, a process, a name, a cgroup, and nothing else.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use crate::support::batch::{Stream, document, frames, rows, run, stderr};
use crate::support::load::{BLOCK, Load, SIZE, make_file};
use crate::support::{begin, scratch};

/// Bytes written, of these rows.
fn written<'a>(rows: impl IntoIterator<Item = &'a Value>) -> u64 {
    rows.into_iter().filter(|row| row["rw"] == "W").map(|row| row["bytes"].as_u64().expect("bytes")).sum()
}

fn of(pid: u32) -> impl Fn(&&Value) -> bool {
    move |row| row["pid"] == pid
}

#[test]
fn of_a_command_all_is_captured_and_of_others_nothing() {
    let _alone = begin();
    let dir = scratch();
    let mut other = Load::start(b"other", dir.path());
    other.busy();
    let file = dir.path().join("file");
    make_file(&file);
    let write = format!("dd if=/dev/zero of={} bs={BLOCK} conv=notrunc oflag=direct status=none", file.display());
    // By the shell's child, by a grandchild, and by one that outlives its parent.
    let script = format!("{write} count=10; (({write} count=20); true); sh -c '{write} count=5 & exit 0'; sleep 0.5");
    let output = run(&["biotop", "--json", "-d", "0.2", "--", "sh", "-c", &script]);
    let document = document(&output);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    let rows = rows(frames(&document), "biotop");
    assert_eq!(written(&rows), 35 * BLOCK as u64, "{rows:?}");
    assert_eq!(rows.iter().filter(of(other.pid)).count(), 0, "the other process is none of the command's");
    assert!(rows.iter().all(|row| row["pid"] != 0 || row["bytes"] == 0), "{rows:?}");
}

#[test]
fn the_status_of_a_command_is_told() {
    let _alone = begin();
    let with = |args: &[&str]| -> Output { run(&[&["biotop", "--json", "-d", "0.2", "--"], args].concat()) };
    let output = with(&["sh", "-c", "echo to the user; exit 3"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("exit status: 3") && text.contains("to the user"), "{text}");
    document(&output);
    let output = with(&["sh", "-c", "kill -9 $$"]);
    assert!(stderr(&output).contains("signal: 9"), "{}", stderr(&output));
    let output = with(&["/no/such/program"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
}

/// Runs two loads, one of which is wanted, under a filter; gives the rows.
fn filtered(filter: impl Fn(&Load) -> Vec<String>) -> (Vec<Value>, u32, u64) {
    let dir = scratch();
    let mut wanted = Load::start(b"wanted-load", dir.path());
    let mut other = Load::start(b"other-load", dir.path());
    let mut args = vec!["biotop,tcptop".to_owned(), "-d".to_owned(), "0.2".to_owned()];
    args.extend(filter(&wanted));
    let mut stream = Stream::start(&args.iter().map(String::as_str).collect::<Vec<_>>());
    other.busy();
    let bytes = wanted.write(50) + wanted.write(14);
    let mut frames = stream.whole_interval();
    frames.extend(stream.finish());
    assert!(frames.iter().all(|frame| rows([frame], "tcptop").iter().all(|row| row["pid"] != other.pid)));
    let rows = rows(&frames, "biotop");
    assert_eq!(rows.iter().filter(of(other.pid)).count(), 0, "{rows:?}");
    (rows, wanted.pid, bytes)
}

#[track_caller]
fn assert_only((rows, pid, bytes): (Vec<Value>, u32, u64)) {
    assert_eq!(written(&rows), bytes, "{rows:?}");
    assert!(rows.iter().all(|row| row["pid"] == pid), "{rows:?}");
    assert!(bytes <= SIZE);
}

#[test]
fn of_one_process_all_is_captured_and_of_others_nothing() {
    let _alone = begin();
    assert_only(filtered(|load| vec!["-p".to_owned(), load.pid.to_string()]));
}

#[test]
fn of_one_name_all_is_captured_and_of_others_nothing() {
    let _alone = begin();
    assert_only(filtered(|_| ["--comm", "wanted-load"].map(String::from).to_vec()));
}

#[test]
fn of_names_that_begin_so_all_is_captured_and_of_others_nothing() {
    let _alone = begin();
    assert_only(filtered(|_| ["--comm", "wanted*"].map(String::from).to_vec()));
}

/// A cgroup; removed when dropped, when its processes have gone.
struct Group(PathBuf);

impl Group {
    fn new(mount: &str, name: &str) -> Group {
        let path = PathBuf::from(mount).join(format!("{name}-{}", std::process::id()));
        fs::create_dir(&path).expect("a cgroup");
        Group(path)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn of_one_cgroup_all_is_captured_and_of_others_nothing() {
    let _alone = begin();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let v2 = mounts.lines().find(|line| line.contains(" - cgroup2 ")).expect("a mount of cgroup v2");
    let outer = Group::new(v2.split(' ').nth(4).expect("where it is mounted"), "bcc-top-test");
    let inner = Group::new(outer.0.to_str().unwrap(), "inner");
    assert_only(filtered(|load| {
        // A group holds what is in the groups below it.
        fs::write(inner.0.join("cgroup.procs"), load.pid.to_string()).expect("moved");
        vec!["--cgroup".to_owned(), outer.0.to_str().unwrap().to_owned()]
    }));
    // Its processes were killed; the kernel may still be at it.
    crate::support::eventually("the groups are empty", || fs::remove_dir(&inner.0).is_ok());
}
