//! What the explorer costs as a user has it: on a terminal of its own, beside htop, top and btop, and over the recording
//! that ships in the program.

#[allow(dead_code)]
#[path = "../tests/support/terminal.rs"]
mod terminal;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bcc_top::frame::{Frame, SettingValue};
use bcc_top::probes::object;
use bcc_top::record::{Recording, Source};
use bcc_top::views::Registry;
use terminal::Terminal;

use super::explorer::Explorer;
use super::{bcc_top, cpu, median};

const SIZE: (u16, u16) = (24, 80);
/// Seconds that a screen is watched, after it has settled.
const WATCHED: u64 = 20;

pub fn run() {
    let (wire, own): (Vec<_>, Vec<_>) = programs().into_iter().filter_map(|program| watch(&program)).unzip();
    println!("Bytes that a refresh sends to an 80x24 terminal, and the program's own CPU:\n");
    println!("| what | bytes a second | of one core |\n|---|---|---|");
    for ((name, bytes), cpu) in wire.iter().zip(&own) {
        println!("| {name} | {bytes:.0} | {cpu:.2} % |");
    }
    println!("\nGoals: 2,000 bytes for a table, 3,000 for the dashboard; 1 % with one view, 2 % with four.\n");
    println!(
        "From a key to what it changes on the screen, over the recording in the program, median of {PRESSES}: \
        {:.1} ms.\n",
        press()
    );
    println!(
        "A second of a dashboard of four panes at 200x60, from its frames to the bytes for the terminal: {:.2} ms CPU. \
        Goal: 2 ms.",
        Recorded::open().dashboard(4)
    );
}

struct Program {
    name: &'static str,
    command: Vec<String>,
}

/// All refresh once a second, but btop, whose least is its own default.
fn programs() -> Vec<Program> {
    let ours = bcc_top().to_string_lossy().into_owned();
    let program = |name, words: &[&str]| Program { name, command: words.iter().map(|w| (*w).to_owned()).collect() };
    vec![
        program("bcc-top biotop", &[&ours, "biotop"]),
        program("bcc-top cachetop", &[&ours, "cachetop"]),
        program("bcc-top, four views", &[&ours]),
        program("top", &["/usr/bin/top", "-d", "1"]),
        program("htop", &["/usr/bin/htop", "-d", "10"]),
        program("btop, every 2 s", &["/usr/bin/btop"]),
    ]
}

/// The bytes of a second and the share of a core, once the screen has settled.
fn watch(program: &Program) -> Option<((&'static str, f64), f64)> {
    let (path, args) = program.command.split_first()?;
    if !Path::new(path).exists() {
        return None;
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let terminal = Terminal::start(path, &args, SIZE.0, SIZE.1, &[("HOME", "/nonexistent")]);
    std::thread::sleep(Duration::from_secs(4));
    let (bytes, cpu, begun) = (terminal.bytes().len(), used(terminal.pid()), Instant::now());
    std::thread::sleep(Duration::from_secs(WATCHED));
    let seconds = begun.elapsed().as_secs_f64();
    let sent = (terminal.bytes().len() - bytes) as f64 / seconds;
    let share = (used(terminal.pid()) - cpu) / seconds * 100.0;
    assert!(sent > 0.0, "{} shows nothing: {}", program.name, terminal.text());
    Some(((program.name, sent), share))
}

/// CPU seconds of a process, from its schedstat: finer than the ticks of its stat.
pub fn used(pid: u32) -> f64 {
    let of = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.map(|thread| of(thread.path().join("schedstat"))).sum::<f64>() / 1e9
}

const PRESSES: usize = 31;

/// Milliseconds from `j` to the selection's new place.
fn press() -> f64 {
    let ours = bcc_top();
    let terminal = Terminal::start(&ours.to_string_lossy(), &["demo"], 50, 100, &[]);
    terminal.wait_for_text("REPLAY");
    terminal.send("4");
    terminal.wait_for_text("python3");
    terminal.send(" ");
    terminal.wait_for_text("Space plays");
    let mut times = Vec::new();
    for press in 0..PRESSES {
        let (before, begun) = (terminal.bytes().len(), Instant::now());
        terminal.send(if press % 2 == 0 { "j" } else { "k" });
        while terminal.bytes().len() == before {
            std::thread::sleep(Duration::from_micros(50));
        }
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(100));
    }
    median(times)
}

const VIEWS: [&str; 4] = ["biotop", "tcptop", "runqlat", "cachetop"];

/// The seconds of the recording in the program: a frame of each view.
pub struct Recorded(Vec<[Arc<Frame>; VIEWS.len()]>);

impl Recorded {
    /// Reads it.
    pub fn open() -> Recorded {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo.rec");
        let source = Source::open(Path::new(path)).expect("the recording");
        let known = |name: &str, settings: &[(String, SettingValue)]| {
            Registry::get().find(name).and_then(|view| object::layout(view, settings).ok()).map(|layout| layout.schema)
        };
        let recording = Recording::open(source, Arc::new(known)).expect("a good recording");
        let mut seconds = vec![];
        let mut frames: [Option<Arc<Frame>>; VIEWS.len()] = Default::default();
        for chunk in 0.. {
            let mut found = recording.frames(chunk);
            let mut any = false;
            while let Some(Ok(frame)) = found.next(|_, _| true) {
                any = true;
                let at = VIEWS.iter().position(|view| *view == &*frame.view).expect("a view of the demo");
                frames[at] = Some(Arc::new(frame));
                if frames.iter().all(Option::is_some) {
                    seconds.push(std::mem::take(&mut frames).map(|frame| frame.expect("all are there")));
                }
            }
            if !any {
                return Recorded(seconds);
            }
        }
        unreachable!("a recording ends")
    }

    /// CPU milliseconds from the new frames of this many panes to the bytes of a 200x60 screen, median over the recording.
    pub fn dashboard(&self, panes: usize) -> f64 {
        let views: Vec<&str> = VIEWS.iter().copied().cycle().take(panes).collect();
        let mut explorer = Explorer::open(&views, (200, 60));
        let mut times = Vec::new();
        for second in &self.0 {
            let frames = second.iter().cloned().cycle().take(panes);
            let begun = cpu();
            let bytes = explorer.show(frames);
            times.push((cpu() - begun).as_secs_f64() * 1e3);
            assert!(bytes > 0, "nothing was drawn");
        }
        // The first screens are drawn whole.
        median(times.split_off(5))
    }
}
