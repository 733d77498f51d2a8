//! CPU of one tick, and how it grows: with the keys of a map of tcptop's shape (drain, decode, derive, and the explorer's
//! sort and drawing of a screen of 200 rows, to the last byte; beside a bare batch read of the same map), with the CPUs that a
//! machine may have, and with the panes of a dashboard.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;

use bcc_top::frame::{Cost, Frame, Interval, Kind, Lost, Stamp, Status, Table};
use bcc_top::probes::decode::{Resolve, decode};
use bcc_top::probes::layout::Layout;
use bcc_top::probes::object;
use bcc_top::probes::reader::{Halves, RawRows};
use bcc_top::probes::sys;
use bcc_top::views::{Registry, View};

use super::explorer::Explorer;
use super::screen::Recorded;
use super::{cpu, median};

const KEYS: [u32; 4] = [100, 1_000, 10_000, 100_000];
const CPUS: [usize; 4] = [2, 8, 32, 128];
const PANES: [usize; 4] = [1, 2, 4, 9];
const ROUNDS: usize = 15;
/// At 10,000 keys, ms.
const GOAL: f64 = 6.0;

struct Nobody;

impl Resolve for Nobody {
    fn disk(&mut self, _: u32) -> &[u8] {
        b"vda"
    }
    fn user(&mut self, _: u32) -> &[u8] {
        b"root"
    }
    fn cgroup(&mut self, _: u64) -> Option<&[u8]> {
        Some(b"/system.slice/example.service")
    }
    fn container(&mut self, _: Option<u32>, _: Option<u64>) -> Option<&[u8]> {
        None
    }
}

pub fn run() {
    println!("Over a map of connections, as `tcptop` has it:\n");
    println!(
        "| keys | a bare batch read | drained | and decoded | and sorted and drawn, 200 rows of it | ns per key |"
    );
    println!("|---|---|---|---|---|---|");
    KEYS.into_iter().for_each(keys);
    println!(
        "\nGoal at 10,000 keys: at most {GOAL:.0} ms. A third of it and more is the kernel's own read of the map, the first column of times,"
    );
    println!(
        "which every program over a hash map pays; the rest is decoding, sorting, the history and the screen, each less than that.\n"
    );
    println!("What an explorer over it holds after a minute at one frame a second, its history with it:\n");
    println!("| keys | MB |\n|---|---|");
    KEYS.into_iter().for_each(memory);
    println!();
    println!(
        "With the CPUs that a machine may have, simulated behind the read, as the kernel gives one value for each:\n"
    );
    println!("| possible CPUs | `runqlat`, a histogram | `syscount`, 400 system calls |\n|---|---|---|");
    CPUS.into_iter().for_each(cpus);
    println!(
        "\nWith panes of a dashboard at 200x60, over the recording in the program, from the frames of a second to the bytes:\n"
    );
    println!("| panes | ms |\n|---|---|");
    let recorded = Recorded::open();
    for panes in PANES {
        println!("| {panes} | {:.2} |", recorded.dashboard(panes));
    }
}

fn view(name: &str) -> &'static View {
    Registry::get().find(name).expect("a view of this program")
}

fn hash(capacity: u32, key_size: usize, value_size: usize) -> OwnedFd {
    // SAFETY: all pointers outlive the call; a non-negative result is our descriptor.
    unsafe {
        let fd = libbpf_sys::bpf_map_create(
            libbpf_sys::BPF_MAP_TYPE_HASH,
            c"bench".as_ptr(),
            key_size as u32,
            value_size as u32,
            capacity,
            std::ptr::null(),
        );
        assert!(fd >= 0, "a map needs root: {fd}");
        OwnedFd::from_raw_fd(fd)
    }
}

fn fill(map: &OwnedFd, keys: u32, key_size: usize, value_size: usize) {
    for n in 0..keys {
        let mut key = vec![0; key_size];
        key[..4].copy_from_slice(&n.to_ne_bytes());
        key[8..24].copy_from_slice(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, n as u8]);
        let mut value = vec![0; value_size];
        // Received by one half, sent by the other: as many rows tie in the sort column.
        let direction = if n % 2 == 0 { 0 } else { 8 };
        value[direction..direction + 4].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_ne_bytes());
        value[16..20].copy_from_slice(b"curl");
        sys::update(map.as_fd(), &key, &value).expect("an insert");
    }
}

/// What any program would have to pay: one system call, or a few, into a buffer that is there.
fn bare_read(map: &OwnedFd, keys: u32, key_size: usize, value_size: usize) -> f64 {
    let most = keys * 2;
    let (mut out, mut keys) = ([0u8; 64], vec![0u8; most as usize * key_size]);
    let mut values = vec![0u8; most as usize * value_size];
    let mut count = most;
    let begun = cpu();
    // SAFETY: the buffers hold `count` entries, `out` a token of the largest key that is here.
    unsafe {
        libbpf_sys::bpf_map_lookup_batch(
            map.as_raw_fd(),
            std::ptr::null_mut(),
            out.as_mut_ptr().cast(),
            keys.as_mut_ptr().cast(),
            values.as_mut_ptr().cast(),
            &raw mut count,
            std::ptr::null(),
        )
    };
    (cpu() - begun).as_secs_f64() * 1e3
}

/// Two maps as `tcptop` has them.
fn halves(layout: &Layout, keys: u32) -> Halves {
    let (key_size, value_size) = (layout.key_size, layout.value_size);
    let capacity = keys.max(10_000) * 2;
    let map = || hash(capacity, key_size, value_size);
    Halves::Hash { maps: [map(), map()], key_size, value_size, capacity }
}

/// What a minute of an explorer over so many keys has added to this process, MB of resident memory. To be asked in a
/// process of its own, as nothing is given back to the kernel.
pub fn memory_of(keys: u32) -> f64 {
    let layout = object::layout(view("tcptop"), &[]).expect("its layout");
    let halves = halves(&layout, keys);
    let Halves::Hash { maps, key_size, value_size, .. } = &halves else { return f64::NAN };
    let (before, mut rows) = (resident(), RawRows::default());
    let mut explorer = Explorer::open(&["tcptop"], (100, 50));
    for round in 0..60 {
        fill(&maps[1], keys, *key_size, *value_size);
        halves.drain(1, &mut rows).expect("a drain");
        let (mut table, _) = decode(&layout, Kind::Table, &mut rows, &mut Nobody);
        table.derive();
        explorer.show(std::iter::once(Arc::new(frame(table, round))));
    }
    resident() - before
}

/// MB.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("it is always there");
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).expect("a number");
    pages * rustix::param::page_size() as f64 / 1e6
}

fn memory(keys: u32) {
    let this = std::env::current_exe().expect("this program");
    let output = std::process::Command::new(this).args(["memory-of", &keys.to_string()]).output().expect("it runs");
    println!("| {keys} | {} |", String::from_utf8_lossy(&output.stdout).trim());
}

fn keys(keys: u32) {
    let layout = object::layout(view("tcptop"), &[]).expect("its layout");
    let (key_size, value_size) = (layout.key_size, layout.value_size);
    let halves = halves(&layout, keys);
    let Halves::Hash { maps, .. } = &halves else { return };
    let (mut bare, mut drained, mut decoded, mut whole) = (vec![], vec![], vec![], vec![]);
    let mut rows = RawRows::default();
    let mut explorer = Explorer::open(&["tcptop"], (100, 206));
    for round in 0..ROUNDS {
        fill(&maps[1], keys, key_size, value_size);
        bare.push(bare_read(&maps[1], keys, key_size, value_size));
        let begun = cpu();
        let since = || (cpu() - begun).as_secs_f64() * 1e3;
        halves.drain(1, &mut rows).expect("a drain");
        drained.push(since());
        let (mut table, _) = decode(&layout, Kind::Table, &mut rows, &mut Nobody);
        table.derive();
        assert!(table.len() as u32 == keys);
        decoded.push(since());
        let bytes = explorer.show(std::iter::once(Arc::new(frame(table, round as u64))));
        whole.push(since());
        assert!(bytes > 200 || round > 0, "nothing was drawn");
    }
    let whole = median(whole);
    println!(
        "| {keys} | {:.2} | {:.2} | {:.2} | {whole:.2}{} | {:.0} |",
        median(bare),
        median(drained),
        median(decoded),
        if keys == 10_000 && whole > GOAL { ": **missed**" } else { "" },
        whole * 1e6 / f64::from(keys),
    );
}

/// Every CPU has counted a little of everything.
fn cpus(cpus: usize) {
    let cost = |name: &str, numbers: Option<usize>| {
        let layout = object::layout(view(name), &[]).expect("its layout");
        let kind = view(name).decl.kind_with(&[]);
        let mut times = vec![];
        for _ in 0..ROUNDS {
            let mut rows = counted(cpus, numbers, layout.key_size, layout.value_size);
            let begun = cpu();
            let (table, histograms) = decode(&layout, kind, &mut rows, &mut Nobody);
            times.push((cpu() - begun).as_secs_f64() * 1e3);
            assert_eq!(table.len(), numbers.unwrap_or(1));
            std::hint::black_box(histograms);
        }
        median(times)
    };
    println!("| {cpus} | {:.3} | {:.3} |", cost("runqlat", None), cost("syscount", Some(400)));
}

fn counted(cpus: usize, numbers: Option<usize>, key_size: usize, value_size: usize) -> RawRows {
    let mut rows = RawRows { keyed: numbers.is_some(), ..RawRows::default() };
    for number in 0..numbers.unwrap_or(1) {
        for cpu in 0..cpus {
            let mut key = vec![0; key_size];
            if numbers.is_some() {
                key[..4].copy_from_slice(&(number as u32).to_ne_bytes());
                key[4..8].copy_from_slice(&(cpu as u32).to_ne_bytes());
                rows.keys.extend(key);
            }
            rows.values.extend((0..value_size).map(|at| u8::from(at % 8 == 0)));
            rows.count += 1;
        }
    }
    rows
}

fn frame(table: Table, index: u64) -> Frame {
    Frame {
        view: "tcptop".into(),
        kind: Kind::Table,
        status: Status::Ok,
        time: Stamp { wall_ns: index * 1_000_000_000, mono_ns: index * 1_000_000_000 },
        interval: Interval { index, asked_ns: 1_000_000_000, real_ns: 1_000_000_000, ..Interval::default() },
        settings: Arc::new([]),
        hooks: Arc::new([]),
        table,
        histograms: vec![],
        lost: Lost::default(),
        cost: Cost::default(),
    }
}
