//! From exec until the last hook is attached and until something is printed, and the memory that it takes: beside
//! libbpf-tools and bpftrace.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::{bcc_top, libbpf_tool, median};

const ROUNDS: usize = 9;
/// Both views are asked for a picture a second, or for events as they come.
const PATIENCE: Duration = Duration::from_secs(10);

struct Subject {
    name: &'static str,
    program: PathBuf,
    args: Vec<String>,
    /// What a picture or a row has, and no heading.
    mark: &'static str,
}

/// What one start has shown.
struct Start {
    attached: f64,
    printed: f64,
    resident: f64,
}

fn subjects() -> Vec<Subject> {
    let subject = |name, program: Option<PathBuf>, args: &[&str], mark| {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Some(Subject { name, program: program?, args, mark })
    };
    // What they print into a pipe would wait there until a page is full.
    let theirs = |tool: &str, args: &[&str]| {
        let path = libbpf_tool(tool)?;
        let mut words = vec!["-oL".to_owned(), path.to_string_lossy().into_owned()];
        words.extend(args.iter().map(|arg| (*arg).to_owned()));
        Some(("/usr/bin/stdbuf".into(), words))
    };
    let their = |name, command: Option<(PathBuf, Vec<String>)>, mark| {
        let (program, args) = command?;
        Some(Subject { name, program, args, mark })
    };
    let script = |name: &str| {
        let (program, script) = (PathBuf::from("/usr/bin/bpftrace"), format!("/usr/sbin/{name}"));
        (program.exists() && Path::new(&script).exists())
            .then(|| (program, vec!["-B".to_owned(), "line".into(), script]))
    };
    let all = [
        subject("bcc-top runqlat", Some(bcc_top()), &["runqlat", "--ndjson"], "\"type\":\"frame\""),
        their("libbpf-tools runqlat", theirs("runqlat", &["1"]), "usecs"),
        subject("bcc-top opensnoop", Some(bcc_top()), &["opensnoop", "--ndjson"], "/dev/null"),
        their("libbpf-tools opensnoop", theirs("opensnoop", &[]), "/dev/null"),
        their("bpftrace opensnoop.bt", script("opensnoop.bt"), "/dev/null"),
        subject(
            "bcc-top, four views",
            Some(bcc_top()),
            &["biotop,tcptop,runqlat,cachetop", "--ndjson"],
            "\"type\":\"frame\"",
        ),
    ];
    all.into_iter().flatten().collect()
}

/// Descriptors that mean an attached hook. libbpf-tools use perf events where we use links.
fn hooks(pid: u32) -> usize {
    let Ok(fds) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return 0 };
    let is_hook = |target: &Path| {
        let name = target.to_string_lossy();
        ["bpf_link", "bpf-link", "bpf-raw-tracepoint", "perf_event"].iter().any(|kind| name.contains(kind))
    };
    fds.flatten().filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|target| is_hook(&target))).count()
}

/// The most memory that it ever had, MB.
fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e3
}

/// Until the number of hooks did not change any more for half a second, and something was printed.
fn start(subject: &Subject) -> Start {
    let begun = Instant::now();
    let mut child = Command::new(&subject.program)
        .args(&subject.args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the tool starts");
    let mut output = child.stdout.take().expect("its output");
    let (tell, first) = channel();
    let mark = subject.mark;
    std::thread::spawn(move || {
        let (mut buffer, mut text) = ([0; 1 << 16], vec![]);
        while let Ok(read) = output.read(&mut buffer) {
            text.extend_from_slice(&buffer[..read]);
            if text.windows(mark.len()).any(|part| part == mark.as_bytes()) {
                let _ = tell.send(begun.elapsed());
                text.clear();
            }
            if read == 0 {
                break;
            }
        }
    });
    let (mut count, mut changed) = (0, begun);
    while changed.elapsed() < Duration::from_millis(500) || count == 0 && begun.elapsed() < PATIENCE {
        let now = hooks(child.id());
        if now != count {
            (count, changed) = (now, Instant::now());
        }
        // There is always something to be opened.
        let _ = std::fs::File::open("/dev/null");
        std::thread::sleep(Duration::from_millis(1));
    }
    let attached = changed - begun;
    let printed = first.recv_timeout(PATIENCE).map_or(f64::NAN, |time| time.as_secs_f64());
    let resident = resident(child.id());
    let _ = child.kill();
    let _ = child.wait();
    Start { attached: attached.as_secs_f64(), printed, resident }
}

pub fn run() {
    let subjects = subjects();
    let mut starts: Vec<Vec<Start>> = subjects.iter().map(|_| vec![]).collect();
    for _ in 0..ROUNDS {
        for (subject, starts) in subjects.iter().zip(&mut starts) {
            starts.push(start(subject));
        }
    }
    println!("| what | attached, s | first picture or row, s | resident at most, MB |\n|---|---|---|---|");
    let mut attached = vec![];
    for (subject, starts) in subjects.iter().zip(starts) {
        let of = |field: fn(&Start) -> f64| median(starts.iter().map(field).collect());
        attached.push((subject.name, of(|start| start.attached)));
        println!(
            "| {} | {:.3} | {:.3} | {:.1} |",
            subject.name,
            of(|start| start.attached),
            of(|start| start.printed),
            of(|start| start.resident)
        );
    }
    let of = |wanted: &str| attached.iter().find(|(name, _)| *name == wanted).map(|(_, seconds)| *seconds);
    println!();
    if let (Some(ours), Some(theirs)) = (of("bcc-top runqlat"), of("libbpf-tools runqlat")) {
        println!("Attached beside libbpf-tools' runqlat: ours {:.2} of its time, goal 1.", ours / theirs);
    }
    println!(
        "`opensnoop` has a ring of 8 MiB, mapped twice, and where fentry is refused, that is found by trying: so it starts later \
         and is larger.\n"
    );
    println!("All of ours print once a second, as does `runqlat`: no sooner than that.");
}
