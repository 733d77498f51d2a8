//! The terminal itself: how it is taken, given back, and written to.

use std::io;
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::stdout;
use tokio::sync::mpsc;

use crate::bug;

/// Another screen, no cursor, pasted text in one piece.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h";

/// Buttons and wheel with exact coordinates. Never 1003: it reports every move of the pointer.
const MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1002h\x1b[?1006h";

/// All of that undone, and a frame that was cut off ended.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?1006l\x1b[?1002l\x1b[?1000l\x1b[?2004l\x1b[m\x1b[?25h\x1b[?1049l";

/// Whether the terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes the terminal.
pub fn enter(mouse: bool) -> io::Result<()> {
    crossterm::terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    write_all(ENTER)?;
    if mouse { write_all(MOUSE) } else { Ok(()) }
}

/// Gives the terminal back; does nothing if it is not ours. A terminal that takes no bytes is not waited for.
pub fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    if writable(Duration::from_millis(100)) {
        let _ = write_all(LEAVE);
    }
    let _ = crossterm::terminal::disable_raw_mode();
}

/// Writes text to the terminal that was given back.
pub fn print(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = write_all(text.as_bytes());
}

/// Columns and rows; 80 x 24 if nobody knows.
pub fn size() -> (u16, u16) {
    let size = rustix::termios::tcgetwinsize(stdout()).ok();
    size.map(|size| (size.ws_col, size.ws_row)).filter(|&(x, y)| x > 0 && y > 0).unwrap_or((80, 24))
}

fn writable(wait: Duration) -> bool {
    let out = stdout();
    let mut fds = [PollFd::new(&out, PollFlags::OUT)];
    let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
    matches!(poll(&mut fds, Some(&wait)), Ok(n) if n > 0)
}

fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(stdout(), bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => bytes = &bytes[n..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                writable(Duration::from_millis(100));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Hands frames to the terminal on a thread of its own: one that is slow, or stopped, never holds
/// up the loop. There is at most one frame on its way; while it is, nothing else is drawn.
pub struct Writer {
    frames: SyncSender<Vec<u8>>,
    busy: Arc<AtomicBool>,
    took: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the thread; `drained` is told whenever the terminal has taken a frame.
    pub fn start(drained: mpsc::Sender<()>) -> io::Result<Writer> {
        let (frames, waiting) = sync_channel::<Vec<u8>>(1);
        let busy = Arc::new(AtomicBool::new(false));
        let took = Arc::new(AtomicU64::new(0));
        let (flag, time) = (busy.clone(), took.clone());
        std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
            for frame in waiting {
                let start = Instant::now();
                // A terminal that is gone makes the reading side end the program.
                let _ = write_all(&frame);
                time.store(start.elapsed().as_millis() as u64, Ordering::SeqCst);
                flag.store(false, Ordering::SeqCst);
                let _ = drained.try_send(());
            }
        })?;
        Ok(Writer { frames, busy, took })
    }

    /// Whether the last frame is still on its way.
    pub fn busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }

    /// How long the terminal needed for the last frame.
    pub fn took(&self) -> Duration {
        Duration::from_millis(self.took.load(Ordering::SeqCst))
    }

    /// Sends a frame on its way. Only when not [`Writer::busy`].
    pub fn write(&self, frame: Vec<u8>) {
        self.busy.store(true, Ordering::SeqCst);
        if self.frames.try_send(frame).is_err() {
            self.busy.store(false, Ordering::SeqCst);
        }
    }
}

/// A panic of this thread gives the terminal back, says three lines and ends with code 101. One of
/// another thread ends that thread only: it is in the log, and told when the explorer is closed.
pub fn install_panic_hook() {
    let screen = std::thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        let what = what(info);
        let place = report(&what).unwrap_or_else(|error| format!("(no report could be written: {error})"));
        let address = option_env!("CARGO_PKG_REPOSITORY").filter(|r| !r.is_empty());
        let address = address.unwrap_or("the address is in the README");
        let lines = format!("bcc-top: our bug: {what}\n  report    {place}\n  please    send it to us: {address}\n");
        if std::thread::current().id() != screen {
            log::error!("our bug: {what}");
            return bug::keep(lines);
        }
        restore();
        // Standard error may be closed; a second panic here would end in an abort.
        let _ = io::Write::write_all(&mut io::stderr(), lines.as_bytes());
        std::process::exit(101);
    }));
}

fn what(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
    let text = crate::frame::text::clean_str(&text).into_owned();
    info.location().map_or(text.clone(), |place| format!("{text} ({}:{})", place.file(), place.line()))
}

fn report(what: &str) -> io::Result<String> {
    let text =
        format!("bcc-top {}\n{what}\n\n{}\n", env!("CARGO_PKG_VERSION"), std::backtrace::Backtrace::force_capture());
    let mut file = tempfile::Builder::new().prefix("bcc-top-report-").suffix(".txt").tempfile()?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    crate::privilege::give_to_invoker(file.as_file(), crate::privilege::Invoker::from_env().as_ref())?;
    let (_, path) = file.keep().map_err(|error| error.error)?;
    Ok(path.display().to_string())
}
