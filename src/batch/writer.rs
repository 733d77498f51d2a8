//! The thread that writes: a reader that stops reading stops this thread and nothing else.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::bug;
use crate::enrich::host::Host;
use crate::export::{Exporter, Format, Shown, exporter};
use crate::frame::Status;
use crate::record;

/// Frames that may wait for the reader here; feeds hold some more and drop the rest.
const QUEUE: usize = 1;

/// What the writer has come to.
pub(super) enum Progress<'a> {
    /// It takes a frame.
    Room(mpsc::Permit<'a, Shown>),
    /// It ended.
    Ended(io::Result<()>),
}

fn gone() -> io::Error {
    io::Error::other("the writer ended")
}

/// A running writer.
pub(super) struct Writer {
    /// Frames to be written. `None` once the end is announced.
    queue: Option<mpsc::Sender<Shown>>,
    done: oneshot::Receiver<io::Result<()>>,
    complete: Arc<AtomicBool>,
}

impl Writer {
    /// Starts the thread; the first thing it writes is what comes before the frames.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(format: Option<Format>, out: Box<dyn Write + Send>, host: Host) -> io::Result<Writer> {
        let (queue, frames) = mpsc::channel(QUEUE);
        let (tell, done) = oneshot::channel();
        let complete = Arc::new(AtomicBool::new(false));
        let flag = complete.clone();
        thread::Builder::new().name("writer".to_owned()).spawn(move || {
            let exporter = match format {
                Some(format) => Ok(exporter(format, out)),
                None => record::write::Writer::new(out).map(|writer| Box::new(writer) as Box<dyn Exporter>),
            };
            let _ = tell.send(exporter.and_then(|mut exporter| write(&mut *exporter, &host, frames, &flag)));
        })?;
        Ok(Writer { queue: Some(queue), done, complete })
    }

    /// Whether a frame of a view that runs was written.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Waits until a frame can be queued without waiting (if `room`), or until the thread ends: while
    /// frames are written it does so only for an error.
    pub async fn progress(&mut self, room: bool) -> Progress<'_> {
        let Writer { queue, done, .. } = self;
        let permit = async {
            match queue {
                Some(queue) if room => queue.reserve().await.ok(),
                _ => None,
            }
        };
        tokio::select! {
            biased;
            result = &mut *done => Progress::Ended(result.unwrap_or_else(|_| Err(gone()))),
            Some(permit) = permit => Progress::Room(permit),
        }
    }

    async fn ended(&mut self) -> io::Result<()> {
        (&mut self.done).await.unwrap_or_else(|_| Err(gone()))
    }

    /// Announces the end and waits until everything is written.
    pub async fn finish(&mut self) -> io::Result<()> {
        self.queue = None;
        self.ended().await
    }

    /// As [`Writer::finish`], but after `limit` the reader is given up.
    pub async fn finish_within(&mut self, limit: Duration) -> io::Result<()> {
        let late = || io::Error::new(io::ErrorKind::TimedOut, "the reader took too long");
        tokio::time::timeout(limit, self.finish()).await.unwrap_or_else(|_| Err(late()))
    }
}

fn write(
    exporter: &mut dyn Exporter,
    host: &Host,
    mut frames: mpsc::Receiver<Shown>,
    complete: &AtomicBool,
) -> io::Result<()> {
    bug::provoke("writer");
    exporter.begin(host)?;
    while let Some(shown) = frames.blocking_recv() {
        exporter.frame(&shown)?;
        if !matches!(shown.frame.status, Status::Unavailable(_)) {
            complete.store(true, Ordering::Release);
        }
    }
    exporter.end()
}
