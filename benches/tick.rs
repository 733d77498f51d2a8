//! User CPU of one tick over a full map of tcptop's shape: drain, decode, derive, and the explorer's
//! sort and drawing of a screen of 200 rows, to the last byte; beside a bare batch read of the same map.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use bcc_top::frame::{Cost, Frame, Interval, Kind, Lost, Stamp, Status, Table};
use bcc_top::probes::decode::{Resolve, decode};
use bcc_top::probes::probe::{Data, Probe, Wish};
use bcc_top::probes::reader::{Halves, RawRows};
use bcc_top::probes::sys;
use bcc_top::views::Registry;

use super::explorer::Explorer;
use super::{cpu, median};

const ROWS: u32 = 10_000;
const ROUNDS: usize = 15;

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

fn fill(map: &OwnedFd, key_size: usize, value_size: usize) {
    for n in 0..ROWS {
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

pub fn run() {
    let view = Registry::get().find("tcptop").expect("a view with a wide key");
    let probe = Probe::start(view, &Wish::default(), &mut |_| {}).unwrap_or_else(|e| panic!("{}", e.reason.message));
    let Data::Halves(halves) = &probe.data else { panic!("halves") };
    let Halves::Hash { maps, key_size, value_size, .. } = halves else { panic!("a hash") };
    let (mut bare, mut decoded, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let mut rows = RawRows::default();
    let mut explorer = Explorer::open(&["tcptop"], (100, 206));
    for round in 0..ROUNDS {
        fill(&maps[1], *key_size, *value_size);
        let begun = cpu();
        halves.drain(1, &mut rows).expect("a drain");
        bare.push((cpu() - begun).as_secs_f64() * 1e3);

        fill(&maps[1], *key_size, *value_size);
        let begun = cpu();
        halves.drain(1, &mut rows).expect("a drain");
        let (mut table, _) = decode(&probe.layout, Kind::Table, &mut rows, &mut Nobody);
        table.derive();
        assert!(table.len() as u32 >= ROWS);
        decoded.push((cpu() - begun).as_secs_f64() * 1e3);
        let bytes = explorer.show(std::iter::once(Arc::new(frame(table, round as u64))));
        whole.push((cpu() - begun).as_secs_f64() * 1e3);
        assert!(bytes > 200 || round > 0, "nothing was drawn");
    }
    println!("| what | ms |\n|---|---|");
    println!("| batch drain alone | {:.2} |", median(bare));
    println!("| drain and decode | {:.2} |", median(decoded));
    println!("| drain, decode, sort, a screen of 200 rows drawn | {:.2} |", median(whole));
    println!("\nGoal: at most 6 ms.");
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
