//! Recording beside something else: frames are handed to a thread that writes, and nobody waits for it.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use super::write::{Writer, whole};
use crate::enrich::host::Host;
use crate::export::Exporter;
use crate::export::output::{PartFile, to_file};
use crate::frame::Frame;
use crate::privilege::Invoker;
use crate::privilege::rights::{self, Role};

/// Frames that may wait for the disk. A disk that lags further costs whole intervals, which the next
/// frame of the view counts.
const QUEUE: usize = 64;

/// A recording that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Frames in it.
    pub frames: u64,
}

/// A recording that runs.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    /// `None` asks for the end.
    queue: SyncSender<Option<Arc<Frame>>>,
    done: Receiver<Result<Tape, String>>,
    bytes: Arc<AtomicU64>,
    /// Intervals by view that the disk was too slow for, not told yet.
    dropped: HashMap<Arc<str>, u64>,
    ended: Option<Result<Tape, String>>,
}

impl Recorder {
    /// Starts to record to `path`.
    ///
    /// # Errors
    /// What stands in the way, in a sentence that names the file.
    pub fn start(path: &Path, invoker: Option<&Invoker>, host: Host) -> io::Result<Recorder> {
        let (part, file) = PartFile::create(path, invoker)?;
        let (queue, frames) = sync_channel(QUEUE);
        let (tell, done) = sync_channel(1);
        let bytes = Arc::new(AtomicU64::new(0));
        let (asked, size) = (path.to_owned(), bytes.clone());
        thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            rights::narrow(Role::Bystander);
            let _ = tell.send(write(&asked, part, to_file(file), &host, &frames, &size));
        })?;
        Ok(Recorder { path: path.to_owned(), queue, done, bytes, dropped: HashMap::new(), ended: None })
    }

    /// The file that is asked for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes on the disk.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Records a frame, or drops it if the disk lags.
    pub fn push(&mut self, frame: &Arc<Frame>) {
        let missed = self.dropped.get(&frame.view).copied().unwrap_or(0);
        let frame = if missed > 0 {
            let mut late = Frame::clone(frame);
            late.lost.intervals = late.lost.intervals.saturating_add(missed);
            Arc::new(late)
        } else {
            frame.clone()
        };
        let view = frame.view.clone();
        match self.queue.try_send(Some(frame)) {
            Ok(()) => drop(self.dropped.remove(&view)),
            Err(TrySendError::Full(_)) => *self.dropped.entry(view).or_default() += 1,
            // It failed, which `problem` tells.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    /// Why it ended by itself, if it did.
    pub fn problem(&mut self) -> Option<&str> {
        if self.ended.is_none() {
            self.ended = self.done.try_recv().ok();
        }
        self.ended.as_ref()?.as_ref().err().map(String::as_str)
    }

    /// Completes the file, which may take `limit`.
    ///
    /// # Errors
    /// What went wrong, and where what was recorded until then is.
    pub fn finish(mut self, limit: Duration) -> Result<Tape, String> {
        if let Some(ended) = self.ended.take() {
            return ended;
        }
        // Frames that wait are written first; a queue that is full is a disk that is stuck.
        let until = std::time::Instant::now() + limit;
        while let Err(TrySendError::Full(_)) = self.queue.try_send(None) {
            if std::time::Instant::now() >= until {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let left = until.saturating_duration_since(std::time::Instant::now());
        match self.done.recv_timeout(left) {
            Ok(ended) => ended,
            Err(RecvTimeoutError::Timeout) => Err(format!(
                "{}: the disk takes too long; what was recorded is in {}.part",
                self.path.display(),
                self.path.display()
            )),
            Err(RecvTimeoutError::Disconnected) => Err(format!("{}: the recorder ended", self.path.display())),
        }
    }
}

fn write(
    path: &Path,
    part: PartFile,
    out: Box<dyn Write + Send>,
    host: &Host,
    queue: &Receiver<Option<Arc<Frame>>>,
    size: &AtomicU64,
) -> Result<Tape, String> {
    let mut frames = 0;
    let run = || -> io::Result<u64> {
        let mut writer = Writer::new(out)?;
        writer.begin(host)?;
        // A recorder that is dropped completes its file too.
        while let Ok(Some(frame)) = queue.recv() {
            writer.frame(&whole(&frame))?;
            frames += 1;
            size.store(writer.bytes(), Ordering::Relaxed);
        }
        writer.end()?;
        Ok(writer.bytes())
    };
    let result = run();
    match result {
        Ok(bytes) if frames > 0 => {
            part.complete().map_err(|e| e.to_string())?;
            Ok(Tape { path: path.to_owned(), bytes, frames })
        }
        // There was nothing to be had, which is no failure, and makes no file.
        Ok(_) => {
            part.discard();
            Ok(Tape { path: path.to_owned(), bytes: 0, frames: 0 })
        }
        Err(error) => Err(failed(part, &format!("{}: {error}", path.display()))),
    }
}

/// What to say of a recording that could not be written, and what becomes of its part: whole chunks are
/// worth keeping, under the name that says that they are not all.
pub fn failed(part: PartFile, what: &str) -> String {
    match part.keep() {
        Some(kept) => format!("{what}; what was recorded until then is in {}", kept.display()),
        None => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::{host, knows_nothing, nth, read};
    use super::super::{Recording, Source};
    use super::*;
    use crate::export::sample;

    const LIMIT: Duration = Duration::from_secs(20);

    fn frames(path: &Path) -> Vec<Frame> {
        read(&Recording::open(Source::open(path).unwrap(), knows_nothing()).unwrap()).0
    }

    #[test]
    fn frames_are_written_and_what_the_disk_missed_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.rec");
        let mut recorder = Recorder::start(&path, None, host()).unwrap();
        recorder.dropped.insert("sampletop".into(), 3);
        (0..4).for_each(|index| recorder.push(&Arc::new(nth(&sample::table(), index))));
        assert_eq!(recorder.problem(), None);
        assert_eq!(recorder.path(), path);
        assert!(!path.exists(), "it has no name before it is complete");
        let tape = recorder.finish(LIMIT).unwrap();
        assert_eq!((tape.frames, tape.bytes), (4, fs::metadata(&path).unwrap().len()));
        let lost: Vec<u64> = frames(&path).iter().map(|frame| frame.lost.intervals).collect();
        assert_eq!(lost, [3, 0, 0, 0]);
    }

    #[test]
    fn nothing_recorded_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(&dir.path().join("out.rec"), None, host()).unwrap();
        assert_eq!(recorder.finish(LIMIT).unwrap().frames, 0);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_recorder_that_is_dropped_completes_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.rec");
        let mut recorder = Recorder::start(&path, None, host()).unwrap();
        recorder.push(&Arc::new(sample::table()));
        drop(recorder);
        let until = std::time::Instant::now() + LIMIT;
        while !path.exists() && std::time::Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(frames(&path).len(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_told_at_once() {
        let error = Recorder::start(Path::new("/no/such/dir/x"), None, host()).unwrap_err();
        assert!(error.to_string().contains("/no/such/dir/x.part"), "{error}");
    }
}
