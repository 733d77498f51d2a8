//! How many events a second come through until the first is lost, what is told of the lost ones, and what the watcher itself
//! costs as the rate grows: opens that fail, beside libbpf-tools and bpftrace.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::screen::used;
use super::{bcc_top, libbpf_tool, median};

const ROUNDS: usize = 7;
/// Opens a second; the last is more than one thread can do.
const RATES: [u32; 7] = [1_000, 5_000, 20_000, 50_000, 100_000, 200_000, 1_000_000];
const LENGTH: Duration = Duration::from_secs(1);
/// Until what was seen is printed: all but bpftrace print once a second.
const SETTLED: Duration = Duration::from_millis(1500);
/// What paths begin with, that nobody else opens.
const MARK: &str = "/nonexistent/bcc-top-bench-";

struct Watcher {
    name: &'static str,
    command: fn() -> Option<Command>,
    /// Seen and told to be lost, of what it has printed.
    read: fn(&str) -> (u64, u64),
}

fn ours(args: &[&str]) -> Option<Command> {
    let mut command = Command::new(bcc_top());
    command.arg("opensnoop").args(args).args(["--ndjson", "-d", "1"]);
    Some(command)
}

fn tool(words: &[&str]) -> Option<Command> {
    let (path, args) = words.split_first()?;
    let mut command = Command::new("/usr/bin/stdbuf");
    command.arg("-oL").arg(path).args(args);
    Path::new(path).exists().then_some(command)
}

const WATCHERS: [Watcher; 4] = [
    Watcher {
        name: "bcc-top opensnoop",
        command: || ours(&["--max-events", "1000000", "--prefix", "/nonexistent/"]),
        read: |text| rows(text, |_| 1),
    },
    Watcher {
        name: "bcc-top opensnoop --by path",
        command: || ours(&["--by", "path", "--prefix", "/nonexistent/"]),
        read: |text| rows(text, |row| row["count"].as_u64().unwrap_or(0)),
    },
    Watcher {
        name: "libbpf-tools opensnoop",
        command: || libbpf_tool("opensnoop").and_then(|path| tool(&[&path.to_string_lossy()])),
        read: lines,
    },
    Watcher {
        name: "bpftrace opensnoop.bt",
        command: || tool(&["/usr/bin/bpftrace", "-B", "line", "/usr/sbin/opensnoop.bt"]),
        read: lines,
    },
];

/// Of our documents.
fn rows(text: &str, weight: fn(&Value) -> u64) -> (u64, u64) {
    let (mut seen, mut lost) = (0, 0);
    for frame in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let rows = frame["rows"].as_array().into_iter().flatten();
        let marked = rows.filter(|row| row["path"].as_str().is_some_and(|path| path.starts_with(MARK)));
        seen += marked.map(weight).sum::<u64>();
        let losses = frame["lost"].as_object().into_iter().flatten().filter(|(kind, _)| *kind != "late_ns");
        lost += losses.filter_map(|(_, count)| count.as_u64()).sum::<u64>();
    }
    (seen, lost)
}

/// Of text: "Lost 123 events" is how both tell it.
fn lines(text: &str) -> (u64, u64) {
    let lost = text.match_indices("ost ").filter_map(|(at, _)| {
        let number = text[at + 4..].split(' ').next()?;
        number.parse::<u64>().ok()
    });
    (text.matches(MARK).count() as u64, lost.sum())
}

/// A watcher that runs, with what it has printed so far.
struct Running {
    child: Child,
    printed: Arc<Mutex<Vec<u8>>>,
}

impl Running {
    fn start(mut command: Command) -> Running {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let printed = Arc::<Mutex<Vec<u8>>>::default();
        let (output, errors) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let streams: [Box<dyn Read + Send>; 2] = [Box::new(output), Box::new(errors)];
        for mut stream in streams {
            let printed = printed.clone();
            std::thread::spawn(move || {
                let mut buffer = vec![0; 1 << 20];
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    printed.lock().expect("nobody panics").extend_from_slice(&buffer[..read]);
                }
            });
        }
        Running { child, printed }
    }

    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.printed.lock().expect("nobody panics"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Until it shows an open: then it is attached. False if it never does, and nothing can be said about it.
    fn wait(&self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            open("warm");
            std::thread::sleep(Duration::from_millis(50));
            if String::from_utf8_lossy(&self.printed.lock().expect("nobody panics")).contains(MARK) {
                std::thread::sleep(SETTLED);
                self.take();
                return true;
            }
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open(what: &str) {
    let _ = std::fs::File::open(format!("{MARK}{what}"));
}

/// Opens at this rate, in portions of a millisecond: how many were made. With openat(2), as the C library does: of open(2) itself
/// libbpf-tools' opensnoop 0.26 shows nothing.
fn storm(rate: u32) -> u64 {
    let path = std::ffi::CString::new(format!("{MARK}{rate}")).expect("a path");
    let (begun, mut made) = (Instant::now(), 0);
    while begun.elapsed() < LENGTH {
        let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        while made < due && begun.elapsed() < LENGTH {
            let _ = rustix::fs::openat(rustix::fs::CWD, &*path, rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty());
            made += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    made
}

/// What one rate did to one watcher.
struct Outcome {
    made: f64,
    seen: f64,
    told: f64,
    /// Share of a core.
    cpu: f64,
}

fn outcome(watcher: &Watcher, running: &Running, rate: u32) -> Outcome {
    let (cpu, begun) = (used(running.child.id()), Instant::now());
    let made = storm(rate);
    std::thread::sleep(SETTLED);
    let cpu = (used(running.child.id()) - cpu) / begun.elapsed().as_secs_f64();
    let (seen, told) = (watcher.read)(&running.take());
    Outcome { made: made as f64, seen: seen as f64, told: told as f64, cpu: cpu * 100.0 }
}

/// Nothing is lost of what cannot be made.
fn slowness(outcomes: &BTreeMap<(u32, usize), Vec<Outcome>>, at: usize) -> String {
    let made = |of: &Vec<Outcome>| median(of.iter().map(|outcome| outcome.made).collect());
    let most = |at| RATES.iter().filter_map(|rate| outcomes.get(&(*rate, at))).map(made).fold(0.0, f64::max);
    let (beside, others) = (most(at), (0..WATCHERS.len()).map(most).fold(0.0, f64::max));
    if beside * 2.0 > others {
        return String::new();
    }
    format!(" that was made, but only {beside:.0} opens a second can be made beside it, and {others:.0} beside another")
}

pub fn run() {
    let mut outcomes: BTreeMap<(u32, usize), Vec<Outcome>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (at, watcher) in WATCHERS.iter().enumerate() {
            let Some(command) = (watcher.command)() else { continue };
            let running = Running::start(command);
            if !running.wait() {
                continue;
            }
            for rate in RATES {
                outcomes.entry((rate, at)).or_default().push(outcome(watcher, &running, rate));
            }
        }
    }
    println!("Opens of a path that is not there, for a second at each rate, medians of {ROUNDS}:\n");
    println!("| asked, a second | watched by | made | seen | told lost | lost in silence | watcher's CPU, of a core |");
    println!("|---|---|---|---|---|---|---|");
    for ((rate, at), outcomes) in &outcomes {
        let of = |field: fn(&Outcome) -> f64| median(outcomes.iter().map(field).collect());
        let silent = of(|outcome| (outcome.made - outcome.seen - outcome.told).max(0.0));
        let (made, seen, told) = (of(|outcome| outcome.made), of(|outcome| outcome.seen), of(|outcome| outcome.told));
        let silent = if silent > 0.0 { format!("**{silent:.0}**") } else { "0".into() };
        let name = WATCHERS[*at].name;
        println!(
            "| {rate} | {name} | {made:.0} | {seen:.0} | {told:.0} | {silent} | {:.1} % |",
            of(|outcome| outcome.cpu)
        );
    }
    println!();
    for (at, watcher) in WATCHERS.iter().enumerate() {
        let lost = |outcome: &Outcome| outcome.seen < outcome.made;
        let mut rates = RATES.into_iter().filter(|rate| outcomes.contains_key(&(*rate, at)));
        match rates.find(|rate| outcomes[&(*rate, at)].iter().any(lost)) {
            Some(rate) => println!("- {}: an event was lost at {rate} a second for the first time.", watcher.name),
            None if outcomes.keys().any(|(_, of)| *of == at) => {
                println!("- {}: nothing was lost{}.", watcher.name, slowness(&outcomes, at));
            }
            None => println!("- {}: does not run here, or showed none of these opens.", watcher.name),
        }
    }
    println!(
        "\nThe first is asked to keep 1,000,000 events of an interval, where it would keep 20,000; but never more than 24 MiB of them, which is"
    );
    println!("what is lost first, and told. A recording of more could not be replayed.");
}
