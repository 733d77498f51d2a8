//! What `cachetop` must be right about: pages that missed, pages that hit, pages dirtied, by process.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::files::{self, PAGE};
use crate::support::filesystem::Filesystem;
use crate::support::numbers::{is, number};
use crate::support::{Case, Job, Need, Test, Worker, assert_near, note, pose_as, total, USER};
use crate::test;

/// Pages of the file.
const PAGES: usize = 4096;
/// What the view may be wrong by, percent: it counts batches of pages, not single ones.
const NEAR: f64 = 3.0;

/// The tests: filesystems read ahead each in a way of its own.
pub const TESTS: &[Test] = &[
    test!(cold_and_warm_reads_on_the_scratch_disk).every_way(),
    test!(cold_and_warm_reads_on_xfs).needs(&[Need::Filesystem("xfs")]),
    test!(cold_and_warm_reads_on_btrfs).needs(&[Need::Filesystem("btrfs")]),
    test!(new_and_rewritten_files_on_the_scratch_disk).every_way(),
    test!(new_and_rewritten_files_on_xfs).needs(&[Need::Filesystem("xfs")]),
    test!(new_and_rewritten_files_on_btrfs).needs(&[Need::Filesystem("btrfs")]),
    test!(reading_and_rewriting_in_one_process_on_the_scratch_disk).every_way(),
    test!(reading_and_rewriting_in_one_process_on_xfs).needs(&[Need::Filesystem("xfs")]),
    test!(only_one_user_when_asked).every_way(),
];

/// What the workers do: words are the file, then the steps, each with its block size.
pub fn work(job: &Job) {
    let path = Path::new(job.word(0));
    let block = vec![0x5a; job.count(1)];
    job.step(&json!("ready"));
    for step in job.word(2).split(',') {
        match step {
            "create" => drop(File::create_new(path).expect("created")),
            "read" => read(path, block.len()),
            "write" => write(path, &block),
            "sync" => File::open(path).expect("the file").sync_all().expect("written back"),
            "pose" => pose_as(USER),
            other => panic!("unknown step {other}"),
        }
    }
    job.last(&json!("done"));
}

fn read(path: &Path, size: usize) {
    let file = File::open(path).expect("the file");
    let mut block = vec![0; size];
    for at in (0..PAGES * PAGE).step_by(size) {
        file.read_exact_at(&mut block, at as u64).expect("read");
    }
}

fn write(path: &Path, block: &[u8]) {
    let file = OpenOptions::new().write(true).open(path).expect("the file");
    for at in (0..PAGES * PAGE).step_by(block.len()) {
        file.write_all_at(block, at as u64).expect("written");
    }
}

/// A file of `PAGES` pages that are not in the page cache; removed in the end.
struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    fn new(on: &Filesystem) -> Scratch {
        let dir = tempfile::tempdir_in(&on.dir).expect("a directory");
        let scratch = Scratch { dir };
        std::fs::write(scratch.path(), vec![0xa5; PAGES * PAGE]).expect("written");
        scratch.evict();
        scratch
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("file")
    }

    fn evict(&self) {
        files::evict(&File::open(self.path()).expect("the file"));
    }

    fn resident(&self) -> usize {
        files::resident(&File::open(self.path()).expect("the file"))
    }

    /// A new process that does `steps`, block by block, on the file; it stays until it is dropped.
    fn work(&self, block: usize, steps: &str) -> Worker {
        let path = self.path();
        let mut worker = Worker::start("cachetop", &[&path.to_string_lossy(), &block.to_string(), steps]);
        assert_eq!(worker.step(), "done");
        worker
    }
}

/// The totals of one process. No column of any row may be negative, which [`number`] checks.
fn totals(rows: &[Value], worker: &Worker) -> impl Fn(&str) -> u64 + use<> {
    let own: Vec<Value> = rows.iter().filter(|row| is(row, "pid", worker.pid)).cloned().collect();
    for row in &own {
        for column in ["hits", "misses", "dirtied", "read_hits", "read_misses", "write_hits", "write_misses"] {
            number(row, column);
        }
    }
    note(format!("{own:?}"));
    move |column| total(&own, column, |_| true)
}

/// Pages that a count which should be 0 may show: directories, maps of blocks.
fn assert_few(what: &str, found: u64) {
    assert!(found as f64 <= PAGES as f64 * NEAR / 100.0, "{what}: {found}, in truth none");
}

/// A cold read misses and a warm read hits, whatever the block size.
fn check_reads(case: &Case, on: &Filesystem) {
    let scratch = Scratch::new(on);
    let watch = case.watch(&["cachetop"]);
    let mut readers = Vec::new();
    for block in [PAGE, 64 << 10, 1 << 20] {
        scratch.evict();
        let cold = scratch.work(block, "read");
        assert_eq!(scratch.resident(), PAGES, "the whole file was read");
        let warm = scratch.work(block, "read");
        assert_eq!(scratch.resident(), PAGES, "the whole file was still there");
        readers.push((block, cold, warm));
    }
    watch.check(|rows| {
        for (block, cold, warm) in &readers {
            let (cold, warm) = (totals(rows, cold), totals(rows, warm));
            assert_near(&format!("misses of a cold read by {block}"), cold("misses"), PAGES as u64, NEAR);
            assert_few("hits of a cold read", cold("hits"));
            assert_near(&format!("hits of a warm read by {block}"), warm("hits"), PAGES as u64, NEAR);
            assert_few("misses of a warm read", warm("misses"));
            assert_few("pages dirtied by a read", cold("dirtied") + warm("dirtied"));
        }
    });
}

/// One process reads cold and rewrites warm: what it dirties is not taken for what it missed.
fn check_mixed(case: &Case, on: &Filesystem) {
    let scratch = Scratch::new(on);
    let watch = case.watch(&["cachetop"]);
    let worker = scratch.work(64 << 10, "read,write");
    watch.check(|rows| {
        let found = totals(rows, &worker);
        for column in ["read_misses", "write_hits", "misses", "hits", "dirtied"] {
            assert_near(column, found(column), PAGES as u64, NEAR);
        }
        assert_few("read hits", found("read_hits"));
        assert_few("write misses", found("write_misses"));
    });
}

/// A new file misses when it is written, and hits when it is rewritten after writeback.
fn check_writes(case: &Case, on: &Filesystem) {
    let scratch = Scratch::new(on);
    std::fs::remove_file(scratch.path()).expect("removed");
    let watch = case.watch(&["cachetop"]);
    let first = scratch.work(64 << 10, "create,write,sync");
    assert_eq!(scratch.resident(), PAGES, "the whole file is in the page cache");
    let again = scratch.work(64 << 10, "write");
    watch.check(|rows| {
        let (first, again) = (totals(rows, &first), totals(rows, &again));
        assert_near("write misses of a new file", first("write_misses"), PAGES as u64, NEAR);
        assert_near("pages dirtied of a new file", first("dirtied"), PAGES as u64, NEAR);
        assert_few("write hits of a new file", first("write_hits"));
        assert_near("write hits of a written file", again("write_hits"), PAGES as u64, NEAR);
        assert_near("pages dirtied of a written file", again("dirtied"), PAGES as u64, NEAR);
        assert_few("write misses of a written file", again("write_misses"));
        assert_few("read misses of writers", first("read_misses") + again("read_misses"));
    });
}

fn cold_and_warm_reads_on_the_scratch_disk(case: &Case) {
    check_reads(case, &Filesystem::scratch());
}

fn cold_and_warm_reads_on_xfs(case: &Case) {
    check_reads(case, &Filesystem::of_kind("xfs"));
}

fn cold_and_warm_reads_on_btrfs(case: &Case) {
    check_reads(case, &Filesystem::of_kind("btrfs"));
}

fn new_and_rewritten_files_on_the_scratch_disk(case: &Case) {
    check_writes(case, &Filesystem::scratch());
}

fn new_and_rewritten_files_on_xfs(case: &Case) {
    check_writes(case, &Filesystem::of_kind("xfs"));
}

fn new_and_rewritten_files_on_btrfs(case: &Case) {
    check_writes(case, &Filesystem::of_kind("btrfs"));
}

fn reading_and_rewriting_in_one_process_on_the_scratch_disk(case: &Case) {
    check_mixed(case, &Filesystem::scratch());
}

fn reading_and_rewriting_in_one_process_on_xfs(case: &Case) {
    check_mixed(case, &Filesystem::of_kind("xfs"));
}

fn only_one_user_when_asked(case: &Case) {
    let scratch = Scratch::new(&Filesystem::scratch());
    let [root, user] = [0, USER].map(|uid| case.watch(&["cachetop", "--uid", &uid.to_string()]));
    let steps = ["read,write", "pose,read,write"];
    let workers = steps.map(|steps| {
        scratch.evict();
        scratch.work(64 << 10, steps)
    });
    for (watch, uid, own, other) in [(root, 0, 0, 1), (user, USER, 1, 0)] {
        watch.check(|rows| {
            assert!(rows.iter().all(|row| is(row, "uid", uid)), "only {uid}: {rows:?}");
            let (own, other) = (totals(rows, &workers[own]), totals(rows, &workers[other]));
            for column in ["misses", "dirtied"] {
                assert_near(column, own(column), PAGES as u64, NEAR);
                assert_eq!(other(column), 0, "{column} of the other");
            }
        });
    }
}
