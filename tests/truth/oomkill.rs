//! What `oomkill` must be right about: each process that was killed in a memory cgroup that was full, and no other.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::numbers::{is, number};
use crate::support::{Case, Job, Test, Worker, files, ok};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[test!(each_victim_of_a_full_cgroup_and_no_other).every_way()];

/// What the cgroup may hold, and what a victim wants.
const LIMIT: usize = 16 << 20;
const WANTED: usize = 64 << 20;
/// Processes that are killed.
const VICTIMS: usize = 3;

/// What the workers do: with the word `parent` they have children, which fill the cgroup.
pub fn work(job: &Job) {
    match job.word(0) {
        "parent" => parent(job),
        "fill" => fill(Path::new(job.word(1))),
        other => panic!("unknown work {other}"),
    }
}

fn fill(group: &Path) {
    fs::write(group.join("cgroup.procs"), std::process::id().to_string()).expect("moved");
    let memory = vec![1u8; WANTED];
    panic!("{} bytes were given", std::hint::black_box(memory).len());
}

fn parent(job: &Job) {
    job.step(&json!("ready"));
    let mut victims = Vec::new();
    for _ in 0..VICTIMS {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.env("BCC_TOP_WORKER_WORDS", json!(["fill", job.word(1)]).to_string()).stdin(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        victims.push(child.id());
        assert_eq!(child.wait().expect("it ends").signal(), Some(libc::SIGKILL));
    }
    job.last(&json!(victims));
}

/// A memory cgroup with a limit, of whichever version the host has.
struct Group {
    path: PathBuf,
    mounted: Option<tempfile::TempDir>,
}

impl Group {
    fn new() -> Group {
        let own = fs::read_to_string("/proc/self/cgroup").expect("procfs");
        let old = own.lines().find_map(|line| line.split_once(":memory:")).map(|(_, path)| path.trim_start_matches('/'));
        let name = format!("bcc-top-oomkill-{}", std::process::id());
        let (root, mounted) = match old {
            Some(own) => (Path::new("/sys/fs/cgroup/memory").join(own), None),
            None => {
                let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
                let target = std::ffi::CString::new(dir.path().to_str().expect("text")).expect("no NUL");
                // SAFETY: strings that live until the call returns.
                let mounted = unsafe {
                    let kind = c"cgroup2".as_ptr();
                    libc::mount(kind, target.as_ptr(), kind, 0, std::ptr::null())
                };
                ok("mount", mounted);
                let _ = fs::write(dir.path().join("cgroup.subtree_control"), "+memory");
                (dir.path().to_owned(), Some(dir))
            }
        };
        let path = root.join(name);
        fs::create_dir(&path).expect("a cgroup");
        let limit = if mounted.is_some() { "memory.max" } else { "memory.limit_in_bytes" };
        fs::write(path.join(limit), LIMIT.to_string()).expect("a limit");
        Group { path, mounted }
    }

    /// Processes that the kernel says it killed in it.
    fn kills(&self) -> usize {
        let file = if self.mounted.is_some() { "memory.events" } else { "memory.oom_control" };
        let text = fs::read_to_string(self.path.join(file)).expect("its events");
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.expect("a count of kills").parse().expect("a number")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
        if let Some(dir) = &self.mounted {
            let target = std::ffi::CString::new(dir.path().to_str().expect("text")).expect("no NUL");
            // SAFETY: a string that lives until the call returns.
            unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
        }
    }
}

fn each_victim_of_a_full_cgroup_and_no_other(case: &Case) {
    let group = Group::new();
    let mut worker = Worker::start("oomkill", &["parent", group.path.to_str().expect("text")]);
    let watch = case.watch(&["oomkill"]);
    let victims = worker.step();
    assert_eq!(group.kills(), VICTIMS, "as the kernel counts");
    let name = fs::read_to_string(format!("/proc/{}/comm", worker.pid)).expect("procfs");
    watch.check(|rows| {
        let own: Vec<&Value> = rows.iter().filter(|row| is(row, "comm", name.trim_end())).collect();
        let killed: Vec<&Value> = own.iter().map(|row| &row["pid"]).collect();
        assert_eq!(killed, victims.as_array().expect("pids").iter().collect::<Vec<_>>(), "the victims, in their order");
        for row in own {
            // It is alone in its cgroup, so it is its own allocation that was one too many.
            assert_eq!((&row["trigger"], &row["trigger_comm"]), (&row["pid"], &row["comm"]), "{row}");
            assert!(number(row, "vm") >= WANTED as u64, "{row}");
            assert_eq!(row["adj"], 0, "{row}");
        }
    });
}
