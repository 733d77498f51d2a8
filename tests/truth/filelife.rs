//! What `filelife` must be right about: which files died, of whom, at which age, and that others did not.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::numbers::is;
use crate::support::{Case, Job, Test, Worker, files, in_guest, monotonic, number, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(each_file_dies_once_at_its_age_by_its_last_name).every_way(),
    test!(who_deletes_is_told_from_who_created).every_way(),
    test!(old_files_are_left_out_and_all_are_counted),
];

/// Files that are created and deleted one after the other.
fn burst() -> usize {
    if in_guest() { 60 } else { 2000 }
}

/// What the workers do, with a directory of their own.
pub fn work(job: &Job) {
    let dir = Path::new(job.word(1));
    match job.word(0) {
        "churn" => churn(job, dir),
        "create" => {
            job.step(&json!("ready"));
            Life::begin(dir.join("shared"));
        }
        "delete" => {
            job.step(&json!("ready"));
            std::fs::remove_file(dir.join("shared")).expect("deleted");
        }
        other => panic!("unknown work {other}"),
    }
    job.last(&json!("done"));
}

/// A file from its creation on, and between which times that was.
struct Life {
    path: PathBuf,
    file: File,
    born: [u64; 2],
}

impl Life {
    fn begin(path: PathBuf) -> Life {
        let begin = monotonic();
        let file = File::create_new(&path).expect("a new file");
        Life { path, file, born: [begin, monotonic()] }
    }

    /// It has another name now.
    fn rename(&mut self, name: &str) {
        let to = self.path.with_file_name(name);
        std::fs::rename(&self.path, &to).expect("renamed");
        self.path = to;
    }

    /// Takes its last name; what is to be told of it.
    fn end(self, delete: impl FnOnce(&Path)) -> Value {
        let inode = self.file.metadata().expect("its number").ino().to_string();
        drop(self.file);
        let begin = monotonic();
        delete(&self.path);
        let name = self.path.file_name().expect("a name").to_str().expect("text");
        json!({ "file": name, "path": self.path, "inode": inode, "born": self.born, "died": [begin, monotonic()] })
    }
}

fn remove(path: &Path) {
    std::fs::remove_file(path).expect("deleted");
}

/// Files in all the ways they come and go in; says which deaths are to be told.
fn churn(job: &Job, dir: &Path) {
    let (sub, old) = (dir.join("sub"), dir.join("old"));
    std::fs::create_dir(&sub).expect("a directory");
    drop(File::create(&old).expect("a file"));
    job.step(&json!("ready"));
    let mut told = Vec::new();
    remove(&old);

    let (here, there) = (Life::begin(dir.join("twin")), Life::begin(sub.join("twin")));
    told.push(there.end(remove));
    let directory = File::open(dir).expect("it");
    told.push(here.end(|_| {
        rustix::fs::unlinkat(&directory, "twin", rustix::fs::AtFlags::empty()).expect("deleted");
    }));

    let mut linked = Life::begin(dir.join("first"));
    std::fs::hard_link(&linked.path, dir.join("second")).expect("a link");
    remove(&linked.path);
    linked.path = dir.join("second");
    told.push(linked.end(remove));

    let mut moved = Life::begin(dir.join("moved"));
    moved.rename("final");
    told.push(moved.end(remove));

    let (over, mut new) = (Life::begin(dir.join("over")), Life::begin(dir.join("new")));
    drop(over.file);
    new.rename("over");
    told.push(new.end(remove));

    let (mut left, mut right) = (Life::begin(dir.join("left")), Life::begin(dir.join("right")));
    let exchange = rustix::fs::RenameFlags::EXCHANGE;
    // Not every filesystem can.
    if rustix::fs::renameat_with(rustix::fs::CWD, &left.path, rustix::fs::CWD, &right.path, exchange).is_ok() {
        std::mem::swap(&mut left.path, &mut right.path);
    }
    told.extend([left, right].map(|life| life.end(remove)));

    let open = Life::begin(dir.join("open"));
    let held = open.file.try_clone().expect("another descriptor");
    told.push(open.end(remove));
    drop(held);

    // Alike for longer than anybody may compare.
    let alike = |n: usize| Life::begin(dir.join(format!("{}{n}", "alike".repeat(30))));
    let [one, two, three] = [1, 2, 3].map(alike);
    told.extend([two, three, one].map(|life| life.end(remove)));

    for number in 0..burst() {
        told.push(Life::begin(dir.join(format!("burst{number}"))).end(remove));
    }
    job.last(&Value::Array(told));
}

fn new_dir() -> tempfile::TempDir {
    tempfile::tempdir_in(files::scratch()).expect("a directory")
}

fn each_file_dies_once_at_its_age_by_its_last_name(case: &Case) {
    let dir = new_dir();
    let mut worker = Worker::start("filelife", &["churn", &dir.path().to_string_lossy()]);
    let watch = case.watch(&["filelife"]);
    let with_path = case.watch(&["filelife", "-p", &worker.pid.to_string(), "--full-path"]);
    let sub = dir.path().join("sub");
    let in_sub = case.watch(&["filelife", "--directory", sub.to_str().expect("text")]);
    let told = worker.step();
    let told = told.as_array().expect("a list");
    with_path.check(|rows| {
        let paths = |list: &[Value]| list.iter().map(|row| row["path"].clone()).collect::<Vec<_>>();
        assert_eq!(paths(rows), paths(told));
    });
    in_sub.check(|rows| {
        assert!(rows.len() == 1 && is(&rows[0], "file", "twin"), "one file lived there: {rows:?}");
        assert_eq!(rows[0]["inode"], told[0]["inode"], "the other one of this name");
        assert!(rows[0]["path"].is_null(), "nobody asked for it: {rows:?}");
    });
    watch.check(|rows| {
        let own: Vec<&Value> = rows.iter().filter(|row| is(row, "pid", worker.pid)).collect();
        for (row, truth) in own.iter().zip(told) {
            for column in ["file", "inode"] {
                assert_eq!(row[column], truth[column], "{row}, in truth {truth}");
            }
            let time = |of: &str, at: usize| truth[of][at].as_u64().expect("a time");
            let (died, age) = (number(row, "time_ns"), number(row, "age"));
            assert!((time("died", 0)..=time("died", 1)).contains(&died), "when: {row}, in truth {truth}");
            assert!((time("born", 0)..=time("born", 1)).contains(&(died - age)), "age: {row}, in truth {truth}");
            assert!(is(row, "creator", worker.pid) && row["device"].is_string(), "{row}");
        }
        assert_eq!(own.len(), told.len(), "files that died");
    });
}

fn who_deletes_is_told_from_who_created(case: &Case) {
    let dir = new_dir();
    let path = dir.path().to_string_lossy();
    let mut creator = Worker::start("filelife", &["create", &path]);
    let mut deleter = Worker::start("filelife", &["delete", &path]);
    let filtered = case.watch(&["filelife", "-p", &deleter.pid.to_string()]);
    let other = case.watch_plain(&["filelife", "-p", &creator.pid.to_string()]);
    creator.step();
    deleter.step();
    filtered.check(|rows| {
        assert_eq!(rows.len(), 1, "one file of one process: {rows:?}");
        let row = &rows[0];
        assert!(is(row, "file", "shared") && is(row, "pid", deleter.pid) && is(row, "creator", creator.pid), "{row}");
    });
    other.check(|rows| assert!(rows.is_empty(), "it deleted nothing: {rows:?}"));
}

fn old_files_are_left_out_and_all_are_counted(case: &Case) {
    let dir = new_dir();
    let mut worker = Worker::start("filelife", &["churn", &dir.path().to_string_lossy()]);
    let pid = worker.pid.to_string();
    let young = case.watch(&["filelife", "-p", &pid, "--max-age-ms", "4000000000"]);
    let limited = case.watch(&["filelife", "-p", &pid, "--max-age-ms", "1"]);
    let by_comm = case.watch(&["filelife", "-p", &pid, "--by", "comm"]);
    let by_file = case.watch(&["filelife", "-p", &pid, "--by", "file"]);
    let told = worker.step();
    let told = told.as_array().expect("a list");
    young.check(|rows| assert_eq!(rows.len(), told.len(), "none is a month old"));
    limited.check(|rows| {
        assert!(rows.iter().all(|row| number(row, "age") <= 1_000_000), "too old: {rows:?}");
        let least = |truth: &Value| truth["died"][1].as_u64() < truth["born"][0].as_u64().map(|born| born + 1_000_000);
        let least = told.iter().filter(|truth| least(truth)).count();
        assert!(rows.len() >= least, "{} rows, {least} files were surely young enough", rows.len());
    });
    by_comm.check(|rows| assert_eq!(total(rows, "count", |_| true), told.len() as u64, "by comm"));
    by_file.check(|rows| {
        assert_eq!(total(rows, "count", |_| true), told.len() as u64, "by file");
        assert_eq!(total(rows, "count", |row| is(row, "file", "twin")), 2, "two of one name");
    });
}
