//! The running views of a batch run, read in turn so that none starves another.

use std::future::poll_fn;
use std::task::Poll;

use super::shaper::{Shape, Shaper};
use crate::feed::{Command, Event, Feed, Opener, Request};

/// One view.
pub(super) struct Running {
    /// `None` once it was closed.
    feed: Option<Feed>,
    /// Attached, or known to be unavailable.
    pub ready: bool,
    /// Frames taken.
    pub frames: u64,
    /// Shapes its frames.
    pub shaper: Shaper,
}

/// All views of a run.
pub(super) struct Feeds {
    feeds: Vec<Running>,
    /// The one that is asked first next time.
    turn: usize,
}

impl Feeds {
    /// Starts the views.
    pub fn open(opener: &dyn Opener, requests: &[Request], shape: &Shape) -> Feeds {
        let open = |request: &Request| Running {
            feed: Some(opener.open(request.clone())),
            ready: false,
            frames: 0,
            shaper: Shaper::new(shape.clone()),
        };
        Feeds { feeds: requests.iter().map(open).collect(), turn: 0 }
    }

    /// How many views there are, open or not.
    pub fn len(&self) -> usize {
        self.feeds.len()
    }

    /// How many are open.
    pub fn open_count(&self) -> usize {
        self.feeds.iter().filter(|running| running.feed.is_some()).count()
    }

    pub fn all_ready(&self) -> bool {
        self.feeds.iter().all(|running| running.ready)
    }

    pub fn at(&mut self, index: usize) -> &mut Running {
        &mut self.feeds[index]
    }

    /// Stops a view. Its detaching is not waited for.
    pub fn close(&mut self, index: usize) {
        let running = &mut self.feeds[index];
        running.ready = true;
        if let Some(feed) = running.feed.take() {
            // An error means that it ended by itself.
            let _ = feed.commands.send(Command::Stop);
        }
    }

    pub fn close_all(&mut self) {
        (0..self.feeds.len()).for_each(|index| self.close(index));
    }

    /// Asks every view for its last frame.
    pub fn finish(&self) {
        for feed in self.feeds.iter().filter_map(|running| running.feed.as_ref()) {
            let _ = feed.commands.send(Command::Finish);
        }
    }

    /// The next event of one of the open views that `wanted` chooses; `None` is the end of that view.
    /// Waits for ever if there is none.
    pub async fn next(&mut self, wanted: impl Fn(&Running) -> bool) -> (usize, Option<Event>) {
        poll_fn(|context| {
            let n = self.feeds.len();
            for step in 0..n {
                let index = (self.turn + step) % n;
                let running = &mut self.feeds[index];
                if !wanted(running) {
                    continue;
                }
                if let Some(feed) = &mut running.feed
                    && let Poll::Ready(event) = feed.events.poll_recv(context)
                {
                    self.turn = (index + 1) % n;
                    return Poll::Ready((index, event));
                }
            }
            Poll::Pending
        })
        .await
    }
}
