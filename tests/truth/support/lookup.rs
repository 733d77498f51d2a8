//! A dynamic program that looks host names up, as these tests are static: `lookup.c`, compiled where the tests are.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Where it is, also in guests.
const PROGRAM: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/truth-lookup");
/// Its name, as the kernel has it.
pub const COMM: &str = "truth-lookup";

/// Compiles it.
///
/// # Errors
/// What the compiler says.
pub fn compile() -> Result<PathBuf, String> {
    let new = format!("{PROGRAM}.{}", std::process::id());
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    // Position-independent, so that the address of a library's function is the function's own.
    let words = ["-O1", "-Wall", "-fPIE", "-pie", "-x", "c", "-o", &new, "-"];
    let mut child =
        Command::new(&compiler).args(words).stdin(Stdio::piped()).spawn().map_err(|e| format!("{compiler}: {e}"))?;
    let mut input = child.stdin.take().ok_or("no pipe")?;
    input.write_all(include_bytes!("lookup.c")).map_err(|e| e.to_string())?;
    drop(input);
    let status = child.wait().map_err(|e| e.to_string())?;
    if !status.success() {
        return Err(format!("{compiler} cannot compile lookup.c"));
    }
    std::fs::rename(new, PROGRAM).map_err(|e| e.to_string())?;
    Ok(PROGRAM.into())
}

/// What is missing for it.
pub fn missing() -> Option<String> {
    if super::in_guest() {
        return (!Path::new(PROGRAM).exists()).then(|| format!("there is no {PROGRAM}"));
    }
    compile().err()
}

/// It, running.
pub struct Lookup {
    /// Its process.
    pub pid: u32,
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Lookup {
    /// Starts it, with the libraries of `libraries` if that is a directory.
    pub fn start(libraries: Option<&Path>) -> Lookup {
        let mut command = Command::new(PROGRAM);
        if let Some(path) = libraries {
            command.env("LD_LIBRARY_PATH", path);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let orders = child.stdin.take().expect("its input is piped");
        let mut answers = BufReader::new(child.stdout.take().expect("its output is piped"));
        let mut ready = String::new();
        answers.read_line(&mut ready).expect("an answer");
        assert_eq!(ready.trim(), "ready");
        Lookup { pid: child.id(), child, orders, answers }
    }

    /// Looks `name` up: how long that took, ns, and whether it was found.
    pub fn look_up(&mut self, function: &str, name: &str) -> (u64, bool) {
        writeln!(self.orders, "{function} {name}").expect("it lives");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("an answer");
        let (ns, found) = answer.trim().split_once(' ').unwrap_or_else(|| panic!("{function} {name}: {answer:?}"));
        (ns.parse().expect("a number"), found == "1")
    }

    /// Whether somebody has put breakpoints into all the functions that it looks names up with, but perhaps the last.
    pub fn is_armed(&mut self) -> bool {
        self.look_up("armed", "-").1
    }

    /// The C library that it has mapped.
    pub fn library(&self) -> PathBuf {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid)).expect("its maps");
        let line = maps.lines().find(|line| line.contains("/libc.so.6") || line.contains("/libc-2."));
        let path = line.and_then(|line| line.find('/').map(|at| &line[at..]));
        path.unwrap_or_else(|| panic!("no C library in {maps}")).into()
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
