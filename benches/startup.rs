//! From exec until the last BPF link or perf event stands among the process's descriptors.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{bcc_top, libbpf_tool, median};

const ROUNDS: usize = 9;

/// Descriptors that mean an attached hook. libbpf-tools use perf events where we use links.
fn hooks(pid: u32) -> usize {
    let Ok(fds) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return 0 };
    let is_hook = |target: &Path| {
        let name = target.to_string_lossy();
        ["bpf_link", "bpf-link", "bpf-raw-tracepoint", "perf_event"].iter().any(|kind| name.contains(kind))
    };
    fds.flatten().filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|target| is_hook(&target))).count()
}

/// Seconds until the number of hooks did not change any more for half a second.
fn attached(mut command: Command) -> f64 {
    let start = Instant::now();
    let mut child: Child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the tool starts");
    let (mut count, mut changed) = (0, start);
    while changed.elapsed() < Duration::from_millis(500) || count == 0 && start.elapsed() < Duration::from_secs(5) {
        let now = hooks(child.id());
        if now != count {
            (count, changed) = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    let _ = child.wait();
    (changed - start).as_secs_f64()
}

fn ours(views: &str) -> Command {
    let mut command = Command::new(bcc_top());
    command.args([views, "--ndjson"]);
    command
}

pub fn run() {
    let mut one = Vec::new();
    let mut theirs = Vec::new();
    let mut four = Vec::new();
    for _ in 0..ROUNDS {
        one.push(attached(ours("runqlat")));
        if let Some(tool) = libbpf_tool("runqlat") {
            let mut command = Command::new(tool);
            command.arg("1");
            theirs.push(attached(command));
        }
        four.push(attached(ours("biotop,tcptop,runqlat,cachetop")));
    }
    let (one, four) = (median(one), median(four));
    println!("| what | s | beside libbpf-tools runqlat |\n|---|---|---|");
    if theirs.is_empty() {
        println!("| bcc-top runqlat | {one:.3} | not installed |\n| bcc-top, four views | {four:.3} | |");
        return;
    }
    let theirs = median(theirs);
    println!("| libbpf-tools runqlat | {theirs:.3} | 1.00 |");
    println!("| bcc-top runqlat | {one:.3} | {:.2} |", one / theirs);
    println!("| bcc-top, four views | {four:.3} | {:.2} |", four / theirs);
}
