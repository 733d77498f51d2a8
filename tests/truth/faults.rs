//! What happens to a host while it is watched: a CPU goes and comes back, somebody sets the clock, a module is to be unloaded, a
//! crowd of processes dies at once. Only in guests, which are ours to break.

use std::io::{BufRead, BufReader};
use std::panic::panic_any;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::case::Skipped;
use crate::support::numbers::is;
use crate::support::way::interrupt;
use crate::support::{Case, Cell, Job, Test, Way, Worker, eventually, in_guest, note, ok, total};
use crate::test;

/// The tests.
pub const TESTS: &[Test] = &[
    test!(a_cpu_that_goes_and_comes_back_is_no_fault),
    test!(a_clock_that_is_set_moves_the_time_of_day_alone),
    test!(a_module_is_held_while_it_is_watched_and_then_let_go),
    test!(a_crowd_that_dies_at_once_is_counted_to_the_last),
];

/// What the workers do: `crowd` makes as many processes as they are told, and later ends them all.
pub fn work(job: &Job) {
    let crowd: Vec<i32> = (0..job.count(0)).map_while(|_| sleeper()).collect();
    job.step(&json!(crowd.len()));
    for &pid in &crowd {
        // SAFETY: our own children, which were not waited for.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
    for &pid in &crowd {
        // SAFETY: as above.
        ok("waitpid", unsafe { libc::waitpid(pid, std::ptr::null_mut(), libc::__WALL) });
    }
    job.last(&json!("done"));
}

/// A process that sleeps until it is killed, and costs the kernel as little as one can: it has our memory, and never
/// touches it. `None` if the kernel has no more of them.
#[cfg(target_arch = "x86_64")]
fn sleeper() -> Option<i32> {
    let flags = libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::CLONE_SIGHAND | libc::SIGCHLD;
    let mut result = i64::from(libc::SYS_clone as i32);
    // SAFETY: the child has our stack, and does nothing but a system call without arguments, again and again: that writes
    // nothing to memory. It has no signal handler, and nobody sends it a signal that would call one.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 3f",
            "2:",
            "mov eax, {pause}",
            "syscall",
            "jmp 2b",
            "3:",
            pause = const libc::SYS_pause,
            inout("rax") result,
            in("rdi") i64::from(flags),
            in("rsi") 0,
            in("rdx") 0,
            in("r10") 0,
            in("r8") 0,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    i32::try_from(result).ok().filter(|&pid| pid > 0)
}

#[cfg(not(target_arch = "x86_64"))]
fn sleeper() -> Option<i32> {
    None
}

/// The guests are ours; this host is not. In lockdown the views that these tests are about do not run.
fn only_in_guests() {
    if !in_guest() {
        panic_any(Skipped("it would break this host".to_owned()));
    }
    if Cell::here().name == "lockdown" {
        panic_any(Skipped("views of this test do not run here".to_owned()));
    }
}

/// The program, frame by frame.
struct Run {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Run {
    fn start(args: &[&str]) -> Run {
        let mut command = Way::Plain.command();
        let mut child =
            command.arg("--ndjson").args(args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut run = Run { child, lines };
        assert_eq!(run.line().expect("a header")["type"], "header");
        run
    }

    fn line(&mut self) -> Option<Value> {
        let line = self.lines.next()?.expect("its output");
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// The next frame, of a view that runs.
    fn frame(&mut self) -> Value {
        let frame = self.line().expect("it runs until it is interrupted");
        assert!(frame["status"] == "ok" || frame["status"] == "partial", "{frame}");
        frame
    }

    /// The next frame of this view that has a row like this.
    fn frame_with(&mut self, view: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.frame();
            let rows = frame["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
            if frame["view"] == view && rows.iter().any(&is_it) {
                return frame;
            }
        }
    }

    /// Interrupts it; the frames until the end.
    fn finish(mut self) -> Vec<Value> {
        interrupt(&self.child);
        let rest = std::iter::from_fn(|| self.line()).collect();
        assert!(self.child.wait().expect("our own child").success(), "interrupted after whole frames");
        rest
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn a_cpu_that_goes_and_comes_back_is_no_fault(_: &Case) {
    only_in_guests();
    let online = "/sys/devices/system/cpu/cpu1/online";
    // Timers of each CPU, values of each CPU, hash maps, and a distribution.
    let views = ["runqlen", "vfsstat", "syscount", "runqlat"];
    let mut run = Run::start(&[&views.join(","), "-d", "1"]);
    run.frame();
    for state in ["0", "1", "0", "1"] {
        std::fs::write(online, state).expect("a CPU that can go");
        assert_eq!(std::fs::read_to_string(online).expect("its state").trim(), state);
        // Two whole intervals of each, in which something was seen.
        for _ in 0..2 {
            let mut seen: Vec<String> = vec![];
            while seen.len() < views.len() {
                let frame = run.frame();
                let name = frame["view"].as_str().expect("a name").to_owned();
                let rows = frame["rows"].as_array().or(frame["histograms"].as_array()).map_or(0, Vec::len);
                assert!(rows > 0, "{frame}");
                if !seen.contains(&name) {
                    seen.push(name);
                }
            }
        }
    }
    let rest = run.finish();
    note(format!("{} frames in the end", rest.len()));
}

/// Sets the time of day forward or back.
fn step_clock(seconds: i64) {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a timespec that the first call fills in and the second one reads.
    unsafe {
        ok("clock_gettime", libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now));
        now.tv_sec += seconds;
        ok("clock_settime", libc::clock_settime(libc::CLOCK_REALTIME, &raw const now));
    }
}

fn wall_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
}

fn a_clock_that_is_set_moves_the_time_of_day_alone(_: &Case) {
    only_in_guests();
    let mut run = Run::start(&["vfsstat,execsnoop", "-d", "1"]);
    let mut last = 0;
    for (number, step) in [0, 7200, -3600, -3600].into_iter().enumerate() {
        step_clock(step);
        let name = format!("/bin/true{number}");
        std::fs::copy("/bin/busybox", &name).expect("a program of its own name");
        // What busybox is not called it does not know; that it began is enough.
        let _ = Command::new(&name).stderr(Stdio::null()).status().expect("it runs");
        let frame = run.frame_with("execsnoop", |row| row["path"] == name.as_str());
        let rows = frame["rows"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["path"] == name.as_str()).expect("its row");
        let clock = row["clock"].as_str().expect("a time of day");
        let part = |at: usize| clock[at..at + 2].parse::<u64>().expect("a number");
        let told = part(0) * 3600 + part(3) * 60 + part(6);
        let away = (wall_seconds() % 86_400 + 86_400 - told) % 86_400;
        assert!(away < 300, "{clock} is {away} s away from now, after a step of {step} s");
        let (mono, real) = (number_of(&frame, "time", "mono_ns"), number_of(&frame, "interval", "real_ns"));
        assert!(mono > last && real < 60_000_000_000, "{frame}");
        let wall = humantime_seconds(frame["time"]["wall"].as_str().expect("a time"));
        assert!(wall_seconds().abs_diff(wall) < 300, "{frame}");
        last = mono;
    }
    run.finish();
}

fn number_of(frame: &Value, group: &str, name: &str) -> u64 {
    frame[group][name].as_u64().unwrap_or_else(|| panic!("no {group}.{name} in {frame}"))
}

fn humantime_seconds(text: &str) -> u64 {
    let time = humantime::parse_rfc3339(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    time.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
}

/// As rmmod does. `Err` with what the kernel says.
fn unload(module: &std::ffi::CStr) -> std::io::Result<()> {
    // SAFETY: a C string and a number.
    match unsafe { libc::syscall(libc::SYS_delete_module, module.as_ptr(), libc::O_NONBLOCK) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn run_quietly(program: &str, args: &[&str]) {
    assert!(Command::new(program).args(args).status().expect("it runs").success(), "{program} {args:?}");
}

fn a_module_is_held_while_it_is_watched_and_then_let_go(_: &Case) {
    only_in_guests();
    let mounted = std::env::var("BCC_TOP_SCRATCH_XFS").expect("guests have one");
    run_quietly("umount", &[&mounted]);
    module_under(&[]);
    module_under(&["--hook", "call=2"]);
    run_quietly("mount", &["-t", "xfs", "/dev/vdc", &mounted]);
}

/// With these hooks: somebody unloads the module, which works or does not, and either is told.
fn module_under(hooks: &[&str]) {
    let mut run = Run::start(&[&["xfsslower", "0", "-d", "0.5"], hooks].concat());
    let frame = run.frame();
    let kinds: Vec<&str> =
        frame["hooks"].as_array().expect("hooks").iter().filter_map(|hook| hook["kind"].as_str()).collect();
    let trampoline = kinds.iter().any(|kind| kind.starts_with("fe"));
    let answer = unload(c"xfs");
    note(format!("{kinds:?}: {answer:?}"));
    match answer {
        Err(error) => {
            // EWOULDBLOCK: what rmmod tells as "in use". Frames go on.
            assert_eq!(error.raw_os_error(), Some(libc::EWOULDBLOCK), "{error}");
            run.frame();
            run.finish();
            eventually("the module is let go", || unload(c"xfs").is_ok());
        }
        // A kprobe does not hold its module: the kernel takes it away with the functions, and there is nothing more to see.
        Ok(()) => {
            assert!(!trampoline, "{kinds:?}: it was unloaded under a trampoline");
            let told = std::iter::from_fn(|| run.line()).find(|frame| frame["status"] == "unavailable");
            let reason = told.expect("it is told")["reason"].clone();
            note(reason.to_string());
            assert_eq!(reason["class"], "module_missing");
            assert_eq!(run.child.wait().expect("our own child").code(), Some(4), "no view is left");
        }
    }
    run_quietly("modprobe", &["xfs"]);
}

/// As many as the memory of this guest allows, up to a hundred thousand.
fn how_many() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").expect("procfs");
    let line = text.lines().find(|line| line.starts_with("MemAvailable:")).expect("free memory");
    let kib: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    // Its structures and its stack are some 35 KiB.
    (kib / 45).min(100_000)
}

fn a_crowd_that_dies_at_once_is_counted_to_the_last(_: &Case) {
    only_in_guests();
    std::fs::write("/proc/sys/kernel/pid_max", "400000").expect("more numbers");
    std::fs::write("/proc/sys/kernel/threads-max", "200000").expect("more processes");
    let many = how_many();
    let mut worker = Worker::start("faults", &[&many.to_string()]);
    let many = worker.hello.as_u64().expect("a number");
    println!("{many} processes");
    assert!(many > 10_000, "{many}");
    let ppid = worker.pid;
    // Started beside a crowd, and while it dies: every event is told or counted as lost, and the count in the kernel is exact.
    let mut run = Run::start(&["exitsnoop,biotop,tcptop", "-d", "1"]);
    let mut counts = Run::start(&["exitsnoop", "--by", "ppid", "-d", "1"]);
    let counted = std::thread::spawn(move || {
        // On 7.2 a program may be preempted, and what then begins on its CPU is skipped, which the kernel counts.
        let (mut counted, mut missed) = (0, 0);
        while counted + missed < many {
            let frame = counts.frame();
            assert!(frame["lost"]["map_full"] == 0 && frame["lost"]["intervals"] == 0, "{}", frame["lost"]);
            let rows = frame["rows"].as_array().expect("rows");
            counted += total(rows, "count", |row| is(row, "ppid", ppid));
            missed += number_of(&frame, "lost", "missed");
        }
        counts.finish();
        (counted, missed)
    });
    let rss = resident(run.child.id());
    note(format!("{rss} KiB resident beside {many}"));
    worker.step();
    let (mut told, mut lost, mut quiet) = (0, 0, 0);
    while quiet < 3 {
        let frame = run.frame();
        if frame["view"] != "exitsnoop" {
            continue;
        }
        let rows = frame["rows"].as_array().expect("rows");
        let own = rows.iter().filter(|row| is(row, "ppid", ppid)).count() as u64;
        quiet = if own == 0 && told + lost > 0 { quiet + 1 } else { 0 };
        (told, lost) = (told + own, lost + number_of(&frame, "lost", "events") + number_of(&frame, "lost", "missed"));
    }
    run.finish();
    println!("{told} told, {lost} lost");
    assert!(told <= many && told + lost >= many, "{told} told and {lost} lost of {many}");
    let (counted, missed) = counted.join().expect("counted");
    assert!(counted <= many && counted + missed >= many, "{counted} counted in the kernel and {missed} missed of {many}");
}

fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}
