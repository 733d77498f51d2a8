//! How frames reach whoever shows or writes them: a running view is a [`Feed`].
//!
//! The live sampler opens feeds; screen and batch mode read them and know nothing of BPF.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;

use crate::frame::{Frame, SettingValue};

/// Frames that may wait unread. A reader that lags further loses whole intervals, which the next
/// frame counts in `lost.intervals`; the polling itself never waits.
pub const BACKLOG: usize = 8;

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// Name of the view.
    pub view: String,
    /// Refresh interval.
    pub interval: Duration,
    /// A shorter first interval, for the screen only; its frame comes as [`Event::First`].
    pub first: Option<Duration>,
    /// Settings that differ from their defaults: the view's own (`queued`, `by`) and the capture
    /// filters common to all views (`pid`, `comm`, `cgroup`). Already checked against the view.
    pub settings: Vec<(String, SettingValue)>,
    /// Hook kinds or alternatives that the user insists on.
    pub force: Vec<Force>,
}

/// `--hook`: the user insists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Force {
    /// `--hook fentry`: every hook that has such an alternative uses it.
    Kind(String),
    /// `--hook send=2`: exactly that alternative.
    Alternative {
        /// Purpose of the hook.
        hook: String,
        /// Number of the alternative, as in the program's name.
        number: u32,
    },
}

/// What a running view tells its reader, in this order: any number of `Loading`, then `First` if
/// it was asked for, then frames, then `Ended`.
#[derive(Clone, Debug)]
pub enum Event {
    /// How far the loading is.
    Loading(LoadStep),
    /// Every hook is attached and the first interval has begun.
    Attached,
    /// The short first frame, for the screen only.
    First(Arc<Frame>),
    /// One interval. A view that cannot run sends one frame whose status says so, then waits for
    /// [`Command::Retry`] or [`Command::Stop`].
    Frame(Arc<Frame>),
    /// No more frames will come.
    Ended,
}

/// Steps of loading a view, for the progress line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadStep {
    /// The kernel verifies the programs.
    Verify,
    /// The programs are attached to their hooks.
    Attach,
    /// The first interval runs.
    FirstSample,
}

/// What a reader asks of a running view.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Another interval, from the next flip on.
    Interval(Duration),
    /// Other settings: the program is loaded again and totals restart.
    Settings(Vec<(String, SettingValue)>),
    /// Try again to run a view that could not.
    Retry,
    /// End the current interval now, send its frame, detach, then [`Event::Ended`].
    Finish,
    /// Detach and end at once.
    Stop,
}

/// A running view. Dropping it stops the view.
#[derive(Debug)]
pub struct Feed {
    /// Name of the view.
    pub view: String,
    /// What it tells.
    pub events: Receiver<Event>,
    /// What it is asked.
    pub commands: Sender<Command>,
}

/// What a reader asks of a source with a clock of its own: a recording.
#[derive(Clone, Debug, PartialEq)]
pub enum Transport {
    /// The clock goes on.
    Play,
    /// The clock stands still.
    Pause,
    /// The clock stands still at the next frame of this view.
    Step(String),
    /// The clock goes to this moment, `CLOCK_MONOTONIC` in ns. Feeds that are open do not follow: they
    /// are to be opened again.
    Seek(u64),
    /// So many times as fast.
    Speed(f64),
}

/// Something that can run views: the live kernel, or a recording.
pub trait Opener: Send + Sync {
    /// Starts a view on a thread of its own and returns at once; failures arrive as frames.
    fn open(&self, request: Request) -> Feed;

    /// Moves the clock of a recording. The kernel's cannot be moved.
    fn control(&self, transport: Transport) {
        let _ = transport;
    }
}
