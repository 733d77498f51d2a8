//! How a run ends: what was written is completed, and the exit code found.

use std::io::ErrorKind;
use std::time::Duration;

use super::writer::Writer;
use super::{Batch, Ended, FINISH_LIMIT, Failure, SIGNAL_LIMIT, Signals, fail};
use crate::bug;
use crate::export::output::PartFile;
use crate::frame::ReasonClass;

impl Batch<'_> {
    /// Completes what was written and finds the exit code.
    pub(super) async fn end(
        &mut self,
        ended: Ended,
        mut writer: Writer,
        file: Option<PartFile>,
        signals: &mut Signals,
    ) -> u8 {
        self.feeds.close_all();
        let mut failure = None;
        let written = match ended {
            Ended::Written(result) => result,
            Ended::Done if self.signal.is_none() => tokio::select! {
                biased;
                signal = signals.next() => {
                    self.signal = Some(signal);
                    writer.finish_within(self.patience(SIGNAL_LIMIT)).await
                }
                result = writer.finish() => result,
            },
            Ended::Done => writer.finish_within(self.patience(SIGNAL_LIMIT / 2)).await,
            Ended::Failed(what) => {
                failure = Some(what);
                writer.finish_within(SIGNAL_LIMIT).await
            }
        };
        match written {
            Ok(()) => self.complete(file, self.code(failure, &writer)),
            // Whoever read our output has read enough.
            Err(error) if file.is_none() && error.kind() == ErrorKind::BrokenPipe => 0,
            Err(error) if file.is_none() && error.kind() == ErrorKind::TimedOut => {
                // The rest of a long line may still have been on its way to a reader that is only slow.
                (self.tell)(
                    "the reader took too long: the end of the output is missing, and its last line may be cut off",
                );
                self.code(failure, &writer)
            }
            // The thread that writes panicked, which is told already.
            Err(_) if bug::seen() => {
                file.into_iter().for_each(PartFile::discard);
                101
            }
            Err(error) => match file {
                Some(part) if self.run.format.is_none() => {
                    let what = crate::record::failed(part, &format!("cannot write: {error}"));
                    fail(None, 5, self.tell, &what)
                }
                file => fail(file, 5, self.tell, &format!("cannot write: {error}")),
            },
        }
    }

    /// How long writing the rest may take after a signal: a recording is worth more than a moment.
    fn patience(&self, limit: Duration) -> Duration {
        if self.run.format.is_none() { FINISH_LIMIT } else { limit }
    }

    /// Completes the recording that runs beside, and finds the exit code.
    pub(super) fn end_recording(&mut self, code: u8) -> u8 {
        match self.recorder.take().map(|recorder| recorder.finish(FINISH_LIMIT)) {
            Some(Err(what)) if matches!(code, 0 | 3 | 4) => fail(None, 5, self.tell, &format!("cannot record: {what}")),
            _ => code,
        }
    }

    fn code(&self, failure: Option<Failure>, writer: &Writer) -> u8 {
        if let Some(Failure(code, message)) = failure {
            (self.tell)(&message);
            return code;
        }
        if let Some(signal) = self.signal {
            return if writer.is_complete() { 0 } else { u8::try_from(128 + signal).unwrap_or(u8::MAX) };
        }
        let denied = self.unavailable.iter().any(|reason| reason.class == ReasonClass::NoPrivilege);
        match self.unavailable.len() {
            0 if writer.is_complete() || bug::seen() || self.run.replayed => 0,
            0 => {
                (self.tell)("no view gave a frame");
                1
            }
            n if self.run.strict || n == self.feeds.len() => {
                if denied {
                    3
                } else {
                    4
                }
            }
            _ => 0,
        }
    }

    /// Gives the file its name. An interrupted or failed run without a frame leaves none behind.
    fn complete(&self, file: Option<PartFile>, code: u8) -> u8 {
        match file {
            None => code,
            Some(file) if code >= 128 || matches!(code, 1 | 2) => {
                file.discard();
                code
            }
            Some(file) => match file.complete() {
                Ok(()) => code,
                Err(error) => fail(None, 5, self.tell, &format!("cannot write: {error}")),
            },
        }
    }
}
