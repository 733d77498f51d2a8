//! The reader against real maps of the running kernel. Needs root.

use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};

use bcc_top::probes::reader::{Halves, RawRows};
use bcc_top::probes::sys::{self, Barrier};
use libbpf_rs::{MapHandle, MapType};

const KEY: usize = 8;
const VALUE: usize = 24;

fn hash(entries: u32) -> OwnedFd {
    let options =
        libbpf_sys::bpf_map_create_opts { sz: size_of::<libbpf_sys::bpf_map_create_opts>() as _, ..Default::default() };
    let map = MapHandle::create(MapType::Hash, Some("reader"), KEY as u32, VALUE as u32, entries, &options)
        .expect("a hash map: these tests need root");
    map.as_fd().try_clone_to_owned().expect("a descriptor")
}

fn fill(map: &OwnedFd, entries: u64) {
    for n in 0..entries {
        let value = [n.to_ne_bytes(), (n * 2).to_ne_bytes(), (n * 3).to_ne_bytes()].concat();
        sys::update(map.as_fd(), &n.to_ne_bytes(), &value).expect("an insert");
    }
}

#[test]
fn a_drain_gives_every_entry_once_and_leaves_none() {
    // Around the batch size, where a reader that takes a short batch for the last one loses rows.
    for entries in [0, 1, 255, 4095, 4096, 4097, 10_000] {
        let (live, idle) = (hash(16), hash(10_000));
        fill(&idle, entries);
        let halves = Halves::Hash { maps: [live, idle], key_size: KEY, value_size: VALUE, capacity: 10_000 };
        let mut rows = RawRows::default();
        halves.drain(1, &mut rows).expect("a drain");
        assert_eq!(rows.count as u64, entries);
        let keys: HashSet<u64> =
            rows.keys.chunks_exact(KEY).take(rows.count).map(|k| u64::from_ne_bytes(k.try_into().unwrap())).collect();
        assert_eq!(keys.len() as u64, entries, "keys came twice");
        for (key, value) in rows.keys.chunks_exact(KEY).zip(rows.values.chunks_exact(VALUE)).take(rows.count) {
            let n = u64::from_ne_bytes(key.try_into().unwrap());
            assert_eq!(value[16..], (n * 3).to_ne_bytes());
        }
        halves.drain(1, &mut rows).expect("a second drain");
        assert_eq!(rows.count, 0, "entries were left behind");
    }
}

#[test]
fn the_other_half_is_not_touched() {
    let halves = Halves::Hash { maps: [hash(100), hash(100)], key_size: KEY, value_size: VALUE, capacity: 100 };
    let Halves::Hash { maps, .. } = &halves else { unreachable!() };
    fill(&maps[0], 50);
    fill(&maps[1], 70);
    let mut rows = RawRows::default();
    halves.drain(0, &mut rows).expect("a drain");
    assert_eq!(rows.count, 50);
    halves.drain(1, &mut rows).expect("a drain");
    assert_eq!(rows.count, 70);
}

#[test]
fn the_barrier_returns() {
    let barrier = Barrier::new().expect("two maps: these tests need root");
    barrier.wait().expect("a grace period");
    barrier.wait().expect("another one");
}
