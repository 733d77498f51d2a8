//! What `cachestat` must be right about: pages that missed, hit and were dirtied, of one process and of the whole host.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::files::{self, PAGE};
use crate::support::{Case, Job, Test, Thing, Worker, assert_near, in_guest, note, number, total};
use crate::test;

/// Pages of the file.
const PAGES: u64 = 4096;
/// What the view may be wrong by, percent: it counts batches of pages, not single ones.
const NEAR: f64 = 3.0;
/// What others may add on a guest that does nothing else, percent. A host is never quiet: there only the lower bound holds.
const NOISE: f64 = 15.0;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(cold_and_warm_reads_of_one_process).every_way(),
    test!(new_and_rewritten_files_of_one_process).every_way(),
    test!(the_whole_host_is_what_a_process_did_and_little_more).uses(&[Thing::Machine]),
    test!(nothing_done_is_a_row_of_zeros),
];

/// What the workers do: words are the file and the steps, each with its block size in kilobytes.
pub fn work(job: &Job) {
    let path = Path::new(job.word(0));
    job.step(&json!("ready"));
    for step in job.word(1).split(',') {
        let (what, kilobytes) = step.split_once(':').unwrap_or((step, "64"));
        let mut block = vec![0x5a; kilobytes.parse::<usize>().expect("a size") << 10];
        let file = || OpenOptions::new().read(true).write(true).open(path).expect("the file");
        let places = (0..PAGES * PAGE as u64).step_by(block.len());
        match what {
            "create" => drop(File::create_new(path).expect("created")),
            "evict" => files::evict(&file()),
            "sync" => file().sync_all().expect("written back"),
            "read" => {
                let file = file();
                places.for_each(|at| file.read_exact_at(&mut block, at).expect("read"));
            }
            "write" => {
                let file = file();
                places.for_each(|at| file.write_all_at(&block, at).expect("written"));
            }
            other => panic!("unknown step {other}"),
        }
    }
    let resident = files::resident(&File::open(path).expect("the file")) as u64;
    assert_eq!(resident, PAGES, "the whole file is in the page cache");
    job.last(&json!("done"));
}

/// A file of `PAGES` pages that are not in the page cache, or the name of one; removed in the end.
fn scratch(exists: bool) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
    let path = dir.path().join("file");
    if exists {
        std::fs::write(&path, vec![0xa5; PAGES as usize * PAGE]).expect("written");
        files::evict(&File::open(&path).expect("the file"));
    }
    (dir, path)
}

fn worker(path: &Path, steps: &str) -> Worker {
    Worker::start("cachestat", &[&path.to_string_lossy(), steps])
}

/// Sums over the intervals, each of which has one row. Nothing may be negative, which [`number`] checks.
fn sums(rows: &[Value]) -> impl Fn(&str) -> u64 + use<> {
    assert!(!rows.is_empty(), "no interval has a row");
    let rows = rows.to_vec();
    for row in &rows {
        for column in ["hits", "misses", "dirtied", "read_hits", "read_misses", "write_hits", "write_misses"] {
            number(row, column);
        }
        assert!(number(row, "cached") > 0, "the cache has a size: {row}");
        number(row, "buffers");
    }
    note(format!("{rows:?}"));
    move |column| total(&rows, column, |_| true)
}

/// Pages that a count which should be 0 may show: directories, maps of blocks.
fn assert_few(what: &str, found: u64) {
    assert!(found as f64 <= PAGES as f64 * NEAR / 100.0, "{what}: {found}, in truth none");
}

/// A cold read misses and a warm read hits, whatever the block size, although one thread does both.
fn cold_and_warm_reads_of_one_process(case: &Case) {
    let (_dir, path) = scratch(true);
    let sizes = [4, 64, 1024];
    let steps: Vec<String> = sizes.iter().map(|size| format!("evict,read:{size},read:{size}")).collect();
    let mut worker = worker(&path, &steps.join(","));
    let watch = case.watch(&["cachestat", "-p", &worker.pid.to_string()]);
    assert_eq!(worker.step(), "done");
    watch.check(|rows| {
        let found = sums(rows);
        let truth = PAGES * sizes.len() as u64;
        assert_near("misses of cold reads", found("misses"), truth, NEAR);
        assert_near("hits of warm reads", found("hits"), truth, NEAR);
        assert_few("pages dirtied by reads", found("dirtied"));
    });
}

/// A new file misses when it is written, and hits when it is rewritten after writeback.
fn new_and_rewritten_files_of_one_process(case: &Case) {
    let (_dir, path) = scratch(false);
    let mut worker = worker(&path, "create,write,sync,write");
    let watch = case.watch(&["cachestat", "-p", &worker.pid.to_string()]);
    assert_eq!(worker.step(), "done");
    watch.check(|rows| {
        let found = sums(rows);
        assert_near("pages dirtied", found("dirtied"), 2 * PAGES, NEAR);
        assert_near("write misses of the new file", found("write_misses"), PAGES, NEAR);
        assert_near("write hits of the written file", found("write_hits"), PAGES, NEAR);
        assert_few("read misses of a writer", found("read_misses"));
        assert_few("read hits of a writer", found("read_hits"));
    });
}

fn the_whole_host_is_what_a_process_did_and_little_more(case: &Case) {
    let (_dir, path) = scratch(true);
    let mut worker = worker(&path, "read,read,write,sync");
    let watch = case.watch(&["cachestat"]);
    assert_eq!(worker.step(), "done");
    watch.check(|rows| {
        let found = sums(rows);
        for (column, truth) in [("hits", 2 * PAGES), ("misses", PAGES), ("dirtied", PAGES)] {
            let (least, most) = (truth as f64 * (1.0 - NEAR / 100.0), truth as f64 * (1.0 + NOISE / 100.0));
            let found = found(column);
            assert!(found as f64 >= least, "{column}: {found}, one process alone: {truth}");
            assert!(!in_guest() || found as f64 <= most, "{column}: {found}, one process alone: {truth}");
        }
    });
}

/// A process that sleeps: the row is there all the same.
fn nothing_done_is_a_row_of_zeros(case: &Case) {
    let (_dir, path) = scratch(true);
    let worker = worker(&path, "read");
    let watch = case.watch(&["cachestat", "-p", &worker.pid.to_string()]);
    watch.check(|rows| {
        let found = sums(rows);
        assert_eq!((found("hits"), found("misses"), found("dirtied")), (0, 0, 0));
        assert!(rows.iter().all(|row| row["ratio"].is_null()), "a ratio of nothing is unknown: {rows:?}");
    });
}
