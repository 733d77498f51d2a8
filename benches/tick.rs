//! User CPU of one tick: drain, decode, derive, sort, and 200 rows of text, over a full map of
//! tcptop's shape; beside a bare batch read of the same map.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use bcc_top::feed::Force;
use bcc_top::frame::Kind;
use bcc_top::frame::order::sorted_rows;
use bcc_top::probes::decode::{Resolve, decode};
use bcc_top::probes::probe::{Probe, Wish};
use bcc_top::probes::reader::{Halves, RawRows};
use bcc_top::probes::sys;
use bcc_top::views::Registry;

use super::median;

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

fn cpu() -> Duration {
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(cpu.tv_sec as u64, cpu.tv_nsec as u32)
}

fn fill(map: &OwnedFd, key_size: usize, value_size: usize) {
    for n in 0..ROWS {
        let mut key = vec![0; key_size];
        key[..4].copy_from_slice(&n.to_ne_bytes());
        key[8..24].copy_from_slice(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, n as u8]);
        let mut value = vec![0; value_size];
        value[..4].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_ne_bytes());
        value[16..20].copy_from_slice(b"curl");
        sys::update(map.as_fd(), &key, &value).expect("an insert");
    }
}

pub fn run() {
    let view = Registry::get().find("tcptop").expect("a view with a wide key");
    let wish = Wish { force: Vec::<Force>::new(), ..Wish::default() };
    let probe = Probe::start(view, &wish, &mut |_| {}).unwrap_or_else(|e| panic!("{}", e.reason.message));
    let Halves::Hash { maps, key_size, value_size, .. } = &probe.halves else { panic!("a hash") };
    let (mut bare, mut whole) = (Vec::new(), Vec::new());
    let mut rows = RawRows::default();
    for _ in 0..ROUNDS {
        fill(&maps[1], *key_size, *value_size);
        let begun = cpu();
        probe.halves.drain(1, &mut rows).expect("a drain");
        bare.push((cpu() - begun).as_secs_f64() * 1e3);

        fill(&maps[1], *key_size, *value_size);
        let begun = cpu();
        probe.halves.drain(1, &mut rows).expect("a drain");
        let (mut table, _) = decode(&probe.layout, Kind::Table, &mut rows, &mut Nobody);
        table.derive();
        let (column, descending) = table.schema.sort.expect("a sort column");
        let order = sorted_rows(&table, column, descending);
        draw(&table, &order[..200]);
        whole.push((cpu() - begun).as_secs_f64() * 1e3);
        assert!(table.len() as u32 >= ROWS);
    }
    println!("| what | ms |\n|---|---|");
    println!("| batch drain alone | {:.2} |", median(bare));
    println!("| drain, decode, sort, 200 rows drawn | {:.2} |", median(whole));
    println!("\nGoal: at most 6 ms.");
}

/// 200 rows of cells, as a screen formats them.
fn draw(table: &bcc_top::frame::Table, rows: &[u32]) {
    let mut width = 0;
    for &row in rows {
        for cell in table.row(row as usize) {
            width += match cell {
                bcc_top::frame::Value::Text(span) => String::from_utf8_lossy(table.text(*span)).chars().count(),
                other => format!("{:?}", other.as_f64()).len(),
            };
        }
    }
    assert!(width > 0);
}
