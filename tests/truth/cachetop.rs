//! What `cachetop` must be right about: pages that missed, pages that hit, pages dirtied, by process.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::files::{self, PAGE};
use crate::support::filesystem::Filesystem;
use crate::support::numbers::{is, number};
use crate::support::{Job, Tool, Worker, assert_near, begin, total};

/// Pages of the file.
const PAGES: usize = 4096;
/// What the view may be wrong by, percent: it counts batches of pages, not single ones.
const NEAR: f64 = 3.0;

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
    move |column| total(&own, column, |_| true)
}

/// Pages that a count which should be 0 may show: directories, maps of blocks.
fn assert_few(what: &str, found: u64) {
    assert!(found as f64 <= PAGES as f64 * NEAR / 100.0, "{what}: {found}, in truth none");
}

/// A cold read misses and a warm read hits, whatever the block size.
fn check_reads(on: &Filesystem) {
    let scratch = Scratch::new(on);
    let tool = Tool::start(&["cachetop"]);
    let mut readers = Vec::new();
    for block in [PAGE, 64 << 10, 1 << 20] {
        scratch.evict();
        let cold = scratch.work(block, "read");
        assert_eq!(scratch.resident(), PAGES, "the whole file was read");
        readers.push((block, cold, scratch.work(block, "read")));
    }
    let rows = tool.finish();
    for (block, cold, warm) in &readers {
        let (cold, warm) = (totals(&rows, cold), totals(&rows, warm));
        assert_near(&format!("misses of a cold read by {block}"), cold("misses"), PAGES as u64, NEAR);
        assert_few("hits of a cold read", cold("hits"));
        assert_near(&format!("hits of a warm read by {block}"), warm("hits"), PAGES as u64, NEAR);
        assert_few("misses of a warm read", warm("misses"));
        assert_few("pages dirtied by a read", cold("dirtied") + warm("dirtied"));
    }
}

/// One process reads cold and rewrites warm: what it dirties is not taken for what it missed.
fn check_mixed(on: &Filesystem) {
    let scratch = Scratch::new(on);
    let tool = Tool::start(&["cachetop"]);
    let worker = scratch.work(64 << 10, "read,write");
    let found = totals(&tool.finish(), &worker);
    assert_near("read misses", found("read_misses"), PAGES as u64, NEAR);
    assert_near("write hits", found("write_hits"), PAGES as u64, NEAR);
    assert_near("misses", found("misses"), PAGES as u64, NEAR);
    assert_near("hits", found("hits"), PAGES as u64, NEAR);
    assert_near("dirtied", found("dirtied"), PAGES as u64, NEAR);
    assert_few("read hits", found("read_hits"));
    assert_few("write misses", found("write_misses"));
}

/// A new file misses when it is written, and hits when it is rewritten after writeback.
fn check_writes(on: &Filesystem) {
    let scratch = Scratch::new(on);
    std::fs::remove_file(scratch.path()).expect("removed");
    let tool = Tool::start(&["cachetop"]);
    let first = scratch.work(64 << 10, "create,write,sync");
    assert_eq!(scratch.resident(), PAGES, "the whole file is in the page cache");
    let again = scratch.work(64 << 10, "write");
    let rows = tool.finish();
    let (first, again) = (totals(&rows, &first), totals(&rows, &again));
    assert_near("write misses of a new file", first("write_misses"), PAGES as u64, NEAR);
    assert_near("pages dirtied of a new file", first("dirtied"), PAGES as u64, NEAR);
    assert_few("write hits of a new file", first("write_hits"));
    assert_near("write hits of a written file", again("write_hits"), PAGES as u64, NEAR);
    assert_near("pages dirtied of a written file", again("dirtied"), PAGES as u64, NEAR);
    assert_few("write misses of a written file", again("write_misses"));
    assert_few("read misses of writers", first("read_misses") + again("read_misses"));
}

#[test]
fn cold_and_warm_reads_on_the_scratch_disk() {
    let _alone = begin();
    check_reads(&Filesystem::scratch());
}

#[test]
fn cold_and_warm_reads_on_xfs() {
    let _alone = begin();
    Filesystem::of_kind("xfs").iter().for_each(check_reads);
}

#[test]
fn cold_and_warm_reads_on_btrfs() {
    let _alone = begin();
    Filesystem::of_kind("btrfs").iter().for_each(check_reads);
}

#[test]
fn new_and_rewritten_files_on_the_scratch_disk() {
    let _alone = begin();
    check_writes(&Filesystem::scratch());
}

#[test]
fn new_and_rewritten_files_on_xfs() {
    let _alone = begin();
    Filesystem::of_kind("xfs").iter().for_each(check_writes);
}

#[test]
fn new_and_rewritten_files_on_btrfs() {
    let _alone = begin();
    Filesystem::of_kind("btrfs").iter().for_each(check_writes);
}

#[test]
fn reading_and_rewriting_in_one_process_on_the_scratch_disk() {
    let _alone = begin();
    check_mixed(&Filesystem::scratch());
}

#[test]
fn reading_and_rewriting_in_one_process_on_xfs() {
    let _alone = begin();
    Filesystem::of_kind("xfs").iter().for_each(check_mixed);
}
