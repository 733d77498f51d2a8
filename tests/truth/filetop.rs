//! What `filetop` must be right about: which file a process read and wrote, how often, and the bytes that it really got.

use std::fs::{File, OpenOptions};
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use serde_json::{Value, json};

use crate::support::numbers::is;
use crate::support::{Case, Job, Test, Worker, files, in_guest, number, ok, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(bytes_are_those_that_calls_returned_under_their_file).every_way(),
    test!(what_is_no_file_is_shown_when_asked_for),
    test!(paths_lead_over_mounts_and_a_directory_is_all_that_is_below_it),
];

/// What the file that is read holds: the last read is short, and the one behind it gets nothing.
const SIZE: usize = 10_000;

/// How often the whole work is done.
fn rounds() -> u64 {
    if in_guest() { 20 } else { 300 }
}

/// Reads or writes of one file, as the worker saw its calls end.
#[derive(Clone, Copy, Default)]
struct Done {
    calls: u64,
    bytes: u64,
}

impl Done {
    fn add(&mut self, returned: impl TryInto<u64>) {
        self.calls += 1;
        self.bytes += returned.try_into().ok().expect("it worked");
    }
}

/// What the workers do, with two directories of their own.
pub fn work(job: &Job) {
    let dir = |at| Path::new(job.word(at)).to_owned();
    let open = |path: &Path| {
        OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).expect("a file")
    };
    // The same name in two places.
    let (one, other) = (open(&dir(1).join("same")), open(&dir(2).join("same")));
    one.write_all_at(&[7; SIZE], 0).expect("written");
    let pipe = files::Pipe::new();
    job.step(&json!({ "one": one.metadata().expect("it").ino(), "other": other.metadata().expect("it").ino() }));
    let mut done = [Done::default(); 5];
    for _ in 0..rounds() {
        match job.word(0) {
            "files" => {
                round(&one, &other, &mut done);
                let [read_one, write_one, read_other, write_other, _] = &mut done;
                copy(&one, &other, [read_one, write_other]);
                copy(&other, &one, [read_other, write_one]);
            }
            // Not every kernel copies from one filesystem to another.
            "filesystems" => round(&one, &other, &mut done),
            _ => through_pipe(&pipe, &mut done),
        }
    }
    let names = ["read_one", "write_one", "read_other", "write_other", "pipe"];
    let said = names.iter().zip(done).map(|(name, done)| (*name, json!([done.calls, done.bytes])));
    job.last(&said.collect::<std::collections::BTreeMap<_, _>>().into_iter().collect());
}

/// Each way to read and write once, and calls that fail.
fn round(mut one: &File, mut other: &File, done: &mut [Done; 5]) {
    let [read_one, write_one, read_other, write_other, _] = done;
    let (mut big, mut half) = (vec![0; 1 << 20], vec![0; 4096]);
    rewind(one);
    read_one.add(one.read(&mut big).expect("all of it"));
    read_one.add(one.read(&mut big).expect("its end"));
    read_one.add(one.read_at(&mut half, 8000).expect("less than asked for"));
    read_one.add(one.read_vectored(&mut [IoSliceMut::new(&mut half)]).expect("its end"));
    let vector = libc::iovec { iov_base: half.as_mut_ptr().cast(), iov_len: half.len() };
    // SAFETY: one vector of memory that is there; the places are numbers.
    unsafe {
        read_one.add(moved("preadv", libc::preadv(one.as_raw_fd(), &raw const vector, 1, 4000)));
        read_one.add(moved("preadv2", libc::preadv2(one.as_raw_fd(), &raw const vector, 1, 6000, 0)));
        write_one.add(moved("pwritev", libc::pwritev(one.as_raw_fd(), &raw const vector, 1, 1000)));
        write_one.add(moved("pwritev2", libc::pwritev2(one.as_raw_fd(), &raw const vector, 1, 2000, 0)));
        assert_eq!(libc::write(9999, half.as_ptr().cast(), 10), -1, "no such descriptor");
    }
    rewind(other);
    write_other.add(other.write(&half[..1234]).expect("written"));
    write_other.add(other.write_vectored(&[IoSlice::new(&half), IoSlice::new(&half[..5])]).expect("written"));
    write_other.add(other.write_at(&half[..77], 9).expect("written"));
    read_other.add(other.read_at(&mut half, 100).expect("some"));
    assert!(File::open("/").expect("a directory").read(&mut half).is_err(), "a directory is not read");
}

/// By the two calls that have two descriptors.
fn copy(from: &File, to: &File, [read, write]: [&mut Done; 2]) {
    let (from, out) = (from.as_raw_fd(), to.as_raw_fd());
    let (mut start, mut source, mut target) = (0, 0, 150);
    rewind(to);
    // SAFETY: the places that are given live until the calls return.
    let copied = unsafe {
        [
            moved("sendfile", libc::sendfile(out, from, &raw mut start, 900)),
            moved("copy_file_range", libc::copy_file_range(from, &raw mut source, out, &raw mut target, 800, 0)),
        ]
    };
    for bytes in copied {
        read.add(bytes);
        write.add(bytes);
    }
}

fn through_pipe(pipe: &files::Pipe, done: &mut [Done; 5]) {
    pipe.write(&[1; 300]);
    done[4].add(300u64);
    pipe.read(300);
}

/// The bytes that a call of libc moved.
fn moved(what: &str, returned: isize) -> u64 {
    ok(what, returned as i64).unsigned_abs()
}

fn rewind(mut file: &File) {
    std::io::Seek::rewind(&mut file).expect("a file");
}

fn bytes_are_those_that_calls_returned_under_their_file(case: &Case) {
    let dirs = [(); 2].map(|()| tempfile::tempdir_in(files::scratch()).expect("a directory"));
    let paths = dirs.each_ref().map(|dir| dir.path().to_string_lossy());
    let mut worker = Worker::start("filetop", &["files", &paths[0], &paths[1]]);
    let watch = case.watch(&["filetop"]);
    let by_file = case.watch_plain(&["filetop", "--by", "file"]);
    let by_tid = case.watch_plain(&["filetop", "--by", "tid", "-p", &worker.pid.to_string()]);
    let [only_read, only_written] = ["R", "W"].map(|rw| case.watch_plain(&["filetop", "--rw", rw]));
    let said = worker.step();
    let check = |how: &str, rows: &[Value], own: &dyn Fn(&Value) -> bool| {
        for file in ["one", "other"] {
            let inode = worker.hello[file].to_string();
            let of_file = |row: &Value| own(row) && is(row, "inode", inode.as_str()) && is(row, "file", "same");
            for (kind, calls, bytes) in [("read", "reads", "read_bytes"), ("write", "writes", "write_bytes")] {
                let found = json!([total(rows, calls, of_file), total(rows, bytes, of_file)]);
                assert_eq!(found, said[format!("{kind}_{file}")], "{kind} of {file}, {how}");
            }
            let of_all = |column| total(rows, column, of_file);
            assert_eq!(of_all("bytes"), of_all("read_bytes") + of_all("write_bytes"), "{file}, {how}");
            let mut rows = rows.iter().filter(|row| of_file(row));
            assert!(rows.all(|row| is(row, "type", "R") && row["device"].is_string()), "{file}, {how}");
        }
    };
    watch.check(|rows| {
        check("by process", rows, &|row| is(row, "pid", worker.pid));
        assert!(rows.iter().all(|row| is(row, "type", "R")), "regular files only: {rows:?}");
    });
    let calls = |rows: &[Value], column| total(rows, column, |row| is(row, "pid", worker.pid) && is(row, "file", "same"));
    let done = |kind| -> u64 { ["one", "other"].map(|file| said[format!("{kind}_{file}")][0].as_u64().expect("a count")).iter().sum() };
    only_read.check(|rows| assert_eq!((calls(rows, "reads"), calls(rows, "writes")), (done("read"), 0)));
    only_written.check(|rows| assert_eq!((calls(rows, "reads"), calls(rows, "writes")), (0, done("write"))));
    by_file.check(|rows| check("by file", rows, &|_| true));
    by_tid.check(|rows| check("by thread", rows, &|row| is(row, "tid", worker.pid) && number(row, "pid") > 0));
}

fn what_is_no_file_is_shown_when_asked_for(case: &Case) {
    let dirs = [(); 2].map(|()| tempfile::tempdir_in(files::scratch()).expect("a directory"));
    let paths = dirs.each_ref().map(|dir| dir.path().to_string_lossy());
    let mut worker = Worker::start("filetop", &["pipe", &paths[0], &paths[1]]);
    let pid = worker.pid.to_string();
    let all = case.watch(&["filetop", "--kind", "all", "-p", &pid]);
    let regular = case.watch(&["filetop", "-p", &pid]);
    let said = worker.step();
    regular.check(|rows| assert!(rows.is_empty(), "it did nothing to a regular file: {rows:?}"));
    all.check(|rows| {
        let pipes = |row: &Value| is(row, "type", "P");
        // It is asked and answers through pipes too, a few times.
        let (written, read) = (total(rows, "writes", pipes), total(rows, "reads", pipes));
        assert!((rounds()..rounds() + 4).contains(&written), "{written} writes, {}", said["pipe"]);
        assert!((rounds()..rounds() + 4).contains(&read), "{read} reads, {}", said["pipe"]);
    });
}

fn paths_lead_over_mounts_and_a_directory_is_all_that_is_below_it(case: &Case) {
    let dir = tempfile::tempdir_in(files::scratch()).expect("a directory");
    let below = files::Tmpfs::new(dir.path().join("below"));
    let [above, below] = [dir.path(), below.path()].map(|path| path.to_str().expect("text").to_owned());
    let mut worker = Worker::start("filetop", &["filesystems", &above, &below]);
    let pid = worker.pid.to_string();
    let watch = |more: &[&str]| case.watch_plain(&[&["filetop", "-p", &pid], more].concat());
    let without = watch(&[]);
    let all = watch(&["--full-path"]);
    let by_file = case.watch_plain(&["filetop", "--by", "file", "--full-path", "--directory", &above]);
    let [in_above, in_below] = [&above, &below].map(|path| watch(&["--directory", path, "--full-path"]));
    let elsewhere = watch(&["--directory", "/proc"]);
    let said = worker.step();
    let path_of = |file: &str| format!("{}/same", if file == "one" { &above } else { &below });
    let check = |rows: &[Value], files: &[&str]| {
        for file in files {
            let own = |row: &Value| is(row, "path", path_of(file).as_str());
            let found = json!([total(rows, "reads", own), total(rows, "read_bytes", own)]);
            assert_eq!(found, said[format!("read_{file}")], "{file}: {rows:?}");
        }
        let known = |row: &Value| files.iter().any(|file| is(row, "path", path_of(file).as_str()));
        assert!(rows.iter().all(known), "only {files:?}: {rows:?}");
    };
    all.check(|rows| check(rows, &["one", "other"]));
    by_file.check(|rows| check(rows, &["one", "other"]));
    in_above.check(|rows| check(rows, &["one", "other"]));
    in_below.check(|rows| check(rows, &["other"]));
    elsewhere.check(|rows| assert!(rows.is_empty(), "it is elsewhere: {rows:?}"));
    without.check(|rows| assert!(!rows.is_empty() && rows.iter().all(|row| row["path"].is_null()), "{rows:?}"));
}
