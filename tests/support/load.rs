//! Processes that load the machine, under a name of our choice.
//!
//! A load is this test binary again. What it runs is decided before `main`: libtest would run it on a
//! second thread, and the name of a process is that of its first.

use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::json;

/// Words for the process, as a JSON array: its name as numbers, its scratch file.
const WORDS: &str = "BCC_TOP_LOAD";

/// Bytes of a block: each is one request to the disk.
pub const BLOCK: usize = 64 << 10;

/// Size of a scratch file.
pub const SIZE: u64 = 4 << 20;

/// A running load; killed when dropped.
pub struct Load {
    /// Its process.
    pub pid: u32,
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Load {
    /// Starts a process called `name` (15 bytes at most) with a scratch file of its own below `dir`.
    pub fn start(name: &[u8], dir: &Path) -> Load {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        let file = dir.join(format!("load-{}", name.iter().map(|b| format!("{b:02x}")).collect::<String>()));
        command.env(WORDS, json!([name, file]).to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a load starts");
        let (orders, answers) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let mut load = Load { pid: child.id(), child, orders, answers: BufReader::new(answers) };
        assert_eq!(load.answer(), "ready");
        load
    }

    /// Has it write `blocks` blocks past the page cache; returns the bytes, when they are on the disk.
    pub fn write(&mut self, blocks: usize) -> u64 {
        writeln!(self.orders, "{blocks}").expect("it lives");
        assert_eq!(self.answer(), "done");
        (blocks * BLOCK) as u64
    }

    /// Has it keep disk, network and CPU busy until it is dropped.
    pub fn busy(&mut self) {
        writeln!(self.orders, "busy").expect("it lives");
        assert_eq!(self.answer(), "done");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it lives");
        line.trim_end().to_owned()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Zeroes at the address of a page, as writes past the page cache ask for.
struct Block {
    memory: Vec<u8>,
    start: usize,
}

impl Block {
    fn new() -> Block {
        let memory = vec![0; BLOCK + 4096];
        let start = memory.as_ptr().align_offset(4096);
        Block { memory, start }
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + BLOCK]
    }
}

/// Makes a file whose blocks are all on the disk, so that writing it again writes nothing else.
pub fn make_file(path: &Path) {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path).expect("a scratch file");
    let block = vec![1; BLOCK];
    for _ in 0..SIZE / BLOCK as u64 {
        file.write_all(&block).expect("written");
    }
    file.sync_all().expect("on the disk");
}

fn work(name: &[u8], path: &Path) {
    let name = CString::new(name).expect("no zero in a name");
    // SAFETY: the name is a C string that outlives the calls; the rest are numbers.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::prctl(libc::PR_SET_NAME, name.as_ptr());
    }
    make_file(path);
    let mut options = OpenOptions::new();
    let disk = options.write(true).custom_flags(libc::O_DIRECT).open(path).expect("a disk that takes direct I/O");
    let block = Block::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut client = TcpStream::connect(listener.local_addr().expect("its address")).expect("a connection");
    let (mut server, _) = listener.accept().expect("a connection");
    let mut write = |number: usize| {
        let at = (number * BLOCK) as u64 % SIZE;
        disk.write_all_at(block.bytes(), at).expect("written");
    };
    println!("ready");
    for order in std::io::stdin().lines() {
        let order = order.expect("an order");
        if let Ok(blocks) = order.parse() {
            (0..blocks).for_each(&mut write);
        }
        println!("done");
        if order == "busy" {
            break;
        }
    }
    let mut buffer = [0; 4096];
    for number in 0.. {
        write(number);
        client.write_all(&buffer).expect("sent");
        server.read_exact(&mut buffer).expect("received");
        // Sleeping is what makes it wait for a CPU again.
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs before `main`, in every start of this binary.
extern "C" fn before_main() {
    let Ok(words) = std::env::var(WORDS) else { return };
    let (name, path): (Vec<u8>, String) = serde_json::from_str(&words).expect("a name and a path");
    work(&name, Path::new(&path));
    std::process::exit(0);
}

// SAFETY: the C library calls what this section lists with arguments that may be ignored, once it is
// itself ready; std's environment, files and memory need no more than that.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;
