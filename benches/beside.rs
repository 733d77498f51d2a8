//! Kernel time of views of the CPU beside the libbpf-tools of the same name, both watching the same work.

use std::collections::HashMap;
use std::net::UdpSocket;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bcc_top::probes::sys;
use libbpf_rs::query::ProgInfoIter;

use super::switches::ping_pong;
use super::{bcc_top, libbpf_tool, median};

const ROUNDS: usize = 5;
const PACKETS: usize = 50_000;
const READS: usize = 5_000;
const PAGE: usize = 4096;

/// Each packet over the loopback device is a soft interrupt.
fn packets() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(socket.local_addr().expect("an address")).expect("connected to itself");
    for _ in 0..PACKETS {
        socket.send(&[1]).expect("sent");
        socket.recv(&mut [0]).expect("received");
    }
}

/// Each read past the page cache is an interrupt of the disk.
fn reads() {
    let file = tempfile::NamedTempFile::new_in("/var/tmp").expect("a file on a disk");
    std::fs::write(file.path(), vec![1; 256 * PAGE]).expect("written");
    file.as_file().sync_all().expect("on the disk");
    let direct = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(file.path());
    let direct = direct.expect("direct I/O");
    let mut memory = vec![0; 2 * PAGE];
    let start = memory.as_ptr().align_offset(PAGE);
    for number in 0..READS {
        let at = (number % 256 * PAGE) as u64;
        direct.read_exact_at(&mut memory[start..start + PAGE], at).expect("read");
    }
}

/// Run time and runs of every program, by its number.
fn programs() -> HashMap<u32, (u64, u64)> {
    ProgInfoIter::default().map(|p| (p.id, (p.run_time_ns, p.run_cnt))).collect()
}

/// Starts a tool; the numbers of its programs.
fn start(mut command: Command) -> (Child, Vec<u32>) {
    let before = programs();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.expect("the tool starts");
    std::thread::sleep(Duration::from_secs(2));
    let ids = programs().into_keys().filter(|id| !before.contains_key(id)).collect();
    (child, ids)
}

/// Kernel time for each thing that is watched, where each program of a tool runs once for it at most.
fn per_event(ids: &[u32], before: &HashMap<u32, (u64, u64)>, after: &HashMap<u32, (u64, u64)>) -> f64 {
    let grown = ids.iter().filter_map(|id| Some((before.get(id)?, after.get(id)?)));
    let grown: Vec<(u64, u64)> = grown.map(|(then, now)| (now.0 - then.0, now.1 - then.1)).collect();
    let events = grown.iter().map(|(_, runs)| *runs).max().unwrap_or(0).max(1);
    grown.iter().map(|(ns, _)| *ns).sum::<u64>() as f64 / events as f64
}

pub fn run() {
    let _statistics = sys::enable_stats().expect("run-time statistics: this needs root");
    let switches = || {
        ping_pong();
    };
    let cases: [(&str, &[&str], &[&str], &dyn Fn()); 4] = [
        ("cpudist", &["cpudist"], &["1"], &switches),
        ("cpudist", &["cpudist", "--off"], &["-O", "1"], &switches),
        ("softirqs", &["softirqs"], &["1"], &packets),
        ("hardirqs", &["hardirqs"], &["1"], &reads),
    ];
    println!("| view | bcc-top, ns per event | libbpf-tools | ratio |\n|---|---|---|---|");
    for (name, ours, theirs, work) in cases {
        let Some(tool) = libbpf_tool(name) else { continue };
        let mut command = Command::new(bcc_top());
        command.args(ours).arg("--ndjson");
        let mut running = vec![start(command)];
        let mut command = Command::new(tool);
        command.args(theirs);
        running.push(start(command));
        let mut found = [vec![], vec![]];
        for _ in 0..ROUNDS {
            let before = programs();
            work();
            let after = programs();
            for ((_, ids), found) in running.iter().zip(&mut found) {
                found.push(per_event(ids, &before, &after));
            }
        }
        for (child, _) in &mut running {
            let _ = child.kill();
            let _ = child.wait();
        }
        let [ours_ns, theirs_ns] = found.map(median);
        println!("| {} | {ours_ns:.0} | {theirs_ns:.0} | {:.2} |", ours.join(" "), ours_ns / theirs_ns);
    }
    println!("\nTwo readings of the clock and two empty programs are four fifths of libbpf-tools' softirqs.");
}
