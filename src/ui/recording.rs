//! Recording what the explorer collects: `x`, and `--record`.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::feed::Event;
use crate::record::{Recorder, Tape};

use super::app::App;
use super::export::file_name;
use super::message::{Effect, Input};
use super::view::Load;

/// How long the end of a recording may take when the program ends.
pub const FINISH: Duration = Duration::from_secs(2);

/// A recording as the screen shows it.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The file.
    pub path: String,
    /// Since when.
    pub since: Instant,
    /// Bytes on the disk.
    pub bytes: u64,
}

/// What became of a recording.
pub type Recorded = Result<Tape, String>;

impl App {
    /// Starts a recording, or ends it.
    pub(super) fn record(&mut self) {
        if self.recording.is_some() {
            self.effects.push(Effect::Record(None));
            return;
        }
        let newest = self.views.iter().filter_map(|view| view.history.last()).map(|frame| frame.time.wall_ns).max();
        let Some(wall_ns) = newest else { return self.say("there is nothing to record yet") };
        let visible: Vec<usize> = self.visible().collect();
        let view = if let [one] = visible[..] { &self.views[one].name } else { "dashboard" };
        let name = file_name(&self.options.host, view, wall_ns, "rec");
        self.effects.push(Effect::Record(Some(name)));
    }

    /// A recording runs.
    pub(super) fn recording_runs(&mut self, path: &Path) {
        let path = crate::frame::text::clean_str(&path.to_string_lossy()).into_owned();
        self.say(format!("recording to {path}; x ends it"));
        self.recording = Some(Recording { path, since: self.now, bytes: 0 });
        // What is recorded stays loaded.
        self.views.iter_mut().for_each(|view| view.hidden_since = None);
    }

    /// So many bytes are on the disk.
    pub(super) fn recording_grows(&mut self, bytes: u64) {
        if let Some(recording) = &mut self.recording {
            recording.bytes = bytes;
        }
    }

    /// A recording has ended.
    pub(super) fn recording_ended(&mut self, ended: Recorded) {
        self.recording = None;
        for at in 0..self.views.len() {
            if !self.is_visible(at) && self.views[at].load != Load::Off {
                self.views[at].hidden_since = Some(self.now);
            }
        }
        match ended {
            Ok(tape) => self.say(words(&tape)),
            Err(problem) => {
                log::error!("recording: {problem}");
                self.say(format!("not recorded: {problem}"));
            }
        }
    }

    /// Views are not unloaded when they leave the screen.
    pub(super) fn keeps_loaded(&self) -> bool {
        self.recording.is_some() || self.replay.is_some()
    }
}

/// What to say of a recording that is complete.
pub fn words(tape: &Tape) -> String {
    if tape.frames == 0 {
        return "nothing was recorded, and no file is left".to_owned();
    }
    let look = crate::frame::format::Look::default();
    let size = crate::frame::format::number(tape.bytes as f64, crate::frame::Unit::Bytes, look);
    let path = tape.path.display().to_string();
    let path = crate::frame::text::clean_str(&path);
    format!("recorded {path} ({} frames, {size}); bcc-top replay {path} shows it", tape.frames)
}

/// Hands a frame on to the recorder, and says how far it is.
pub fn tap(recorder: &mut Option<Recorder>, app: &mut App, input: &Input) {
    let (Some(running), Input::Feed(_, _, Event::Frame(frame))) = (recorder.as_mut(), input) else { return };
    running.push(frame);
    app.recording_grows(running.bytes());
    if let Some(problem) = running.problem().map(str::to_owned) {
        *recorder = None;
        app.recording_ended(Err(problem));
    }
}
