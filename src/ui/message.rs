//! What goes into the core, and what comes out of it.

use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};

use crate::export::Format;
use crate::feed::{Command, Event, Request, Transport};
use crate::frame::{Frame, Hook};
use crate::host::Sample;

use super::ProcessFacts;
use super::save::Kept;

/// Everything that can happen.
#[derive(Debug)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// Text pasted in one go.
    Paste(String),
    /// The mouse.
    Mouse(MouseEvent),
    /// The terminal has that many columns and rows.
    Resize(u16, u16),
    /// A view says something; the generation tells an earlier loading apart.
    Feed(usize, u32, Event),
    /// Time went by.
    Tick,
    /// The host's gauges.
    Host(Sample),
    /// Facts of a process, asked for earlier.
    Facts(u32, Option<Box<ProcessFacts>>),
    /// Which views cannot run here, and the short reason.
    Unavailable(Vec<(String, String)>),
    /// All that the programs of a view may be attached to.
    Hooks(String, Vec<Hook>),
    /// An export ended: the file and its size, or what went wrong.
    Exported(Result<(String, u64), String>),
    /// What became of what was to be kept: the file, or what went wrong.
    Kept(Result<String, String>),
    /// So large would an export be.
    Measured(u64),
    /// A recording ended.
    Recorded(super::recording::Recorded),
    /// The program was suspended and is back.
    Resumed,
}

/// What the shell around the core has to do.
#[derive(Debug)]
pub enum Effect {
    /// Run a view.
    Open(usize, u32, Request),
    /// Tell a running view.
    Send(usize, Command),
    /// Stop a view.
    Close(usize),
    /// Look a process up.
    Facts(u32),
    /// Find out which views can run.
    Availability,
    /// Look up what the programs of a view may be attached to.
    Hooks(String),
    /// Write frames to a file.
    Export(String, Format, Vec<Arc<Frame>>),
    /// Find out how large that file would be.
    Measure(Format, Vec<Arc<Frame>>),
    /// Write bytes to a file.
    Write(String, Vec<u8>),
    /// Hand text to the terminal's clipboard.
    Copy(String),
    /// Ring the bell.
    Bell,
    /// What the log keeps.
    LogLevel(log::LevelFilter),
    /// Make panes, columns and order last.
    Keep(Box<Kept>),
    /// Start to record under this name, or end it.
    Record(Option<String>),
    /// Move the clock of a recording.
    Play(Transport),
    /// Draw everything again.
    Redraw,
    /// Suspend.
    Suspend,
    /// End; `true` leaves the last frame on the terminal.
    Quit(bool),
}
