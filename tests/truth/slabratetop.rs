//! What `slabratetop` must be right about: how many objects of which cache, and of which size.

use serde_json::{Value, json};

use crate::support::numbers::is;
use crate::support::{Case, Job, Test, Worker, in_guest, ok, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[test!(sockets_are_counted_in_their_caches).every_way()];

/// Sockets that are made.
fn sockets() -> u64 {
    if in_guest() { 100 } else { 2_000 }
}

/// A cache with a constructor, which keeps the kernel from merging it with others (slab_unmergeable).
const CACHE: &str = "sock_inode_cache";

/// What the workers do: sockets, each of which has an object of this cache.
pub fn work(job: &Job) {
    job.step(&json!("ready"));
    for _ in 0..sockets() {
        // SAFETY: numbers only; the descriptor is ours to close.
        unsafe {
            let socket = libc::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0);
            ok("socket", socket);
            ok("close", libc::close(socket));
        }
    }
    job.last(&json!(sockets()));
}

/// The size of an object of a cache, as the kernel tells it.
fn size_of(cache: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/slabinfo").expect("a list of caches");
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(cache));
    let size = line.and_then(|line| line.split_whitespace().nth(3)).unwrap_or_else(|| panic!("there is no {cache}"));
    size.parse().expect("a number")
}

fn sockets_are_counted_in_their_caches(case: &Case) {
    let mut worker = Worker::start("slabratetop", &[]);
    let own = case.watch(&["slabratetop", "-p", &worker.pid.to_string()]);
    let all = case.watch_plain(&["slabratetop"]);
    let pid = worker.pid.to_string();
    let [named, begun, other] = [CACHE, "sock_i*", "dentr?"].map(|name| case.watch_plain(&["slabratetop", "-p", &pid, "--cache", name]));
    let made = worker.step().as_u64().expect("a count");
    let of = |row: &Value| is(row, "cache", CACHE);
    own.check(|rows| {
        assert_eq!(total(rows, "allocs", of), made);
        assert_eq!(total(rows, "bytes", of), made * size_of(CACHE));
        assert!(rows.iter().filter(|row| of(row)).all(|row| is(row, "size", size_of(CACHE))));
    });
    for watch in [named, begun] {
        watch.check(|rows| {
            assert_eq!((total(rows, "allocs", of), total(rows, "allocs", |_| true)), (made, made), "{rows:?}");
        });
    }
    // Each socket has a name in the kernel as well (alloc_file_pseudo).
    other.check(|rows| {
        assert!(total(rows, "allocs", |row| is(row, "cache", "dentry")) >= made && !rows.iter().any(of), "{rows:?}");
    });
    // Without a filter it is whoever else made one too.
    all.check(|rows| assert!(total(rows, "allocs", of) >= made));
}
