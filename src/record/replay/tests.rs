use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TryRecvError;

use super::super::tests::{knows_nothing, opened, recorded, stream};
use super::*;
use crate::feed::{Event, Feed, Opener, Transport};

fn recording(seconds: u64) -> Arc<Recording> {
    Arc::new(opened(recorded(&stream(seconds)), knows_nothing()).unwrap())
}

fn request(view: &str) -> Request {
    Request { view: view.into(), interval: Duration::from_secs(1), first: None, settings: vec![], force: vec![] }
}

/// The next frame; machines that test are busy. None is one that does not come for a while, or never.
fn next(feed: &mut Feed) -> Option<Arc<Frame>> {
    within(feed, Duration::from_secs(20))
}

fn within(feed: &mut Feed, patience: Duration) -> Option<Arc<Frame>> {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        match feed.events.try_recv() {
            Ok(Event::Frame(frame)) => return Some(frame),
            Ok(_) => {}
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    None
}

fn index(feed: &mut Feed) -> Option<u64> {
    next(feed).map(|frame| frame.interval.index)
}

/// Asserts that nothing comes for a while.
#[track_caller]
fn stands(feed: &mut Feed) {
    assert!(within(feed, Duration::from_millis(300)).is_none(), "it stands still");
}

#[test]
fn batch_mode_gets_frames_in_the_order_of_the_file() {
    let sequence = Sequence::new(recording(40), 2, Some(Duration::from_secs(30)));
    let mut feeds = [sequence.open(request("other")), sequence.open(request("samplelat"))];
    let mut order = vec![];
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until && order.len() < 60 {
        for feed in &mut feeds {
            while let Ok(event) = feed.events.try_recv() {
                if let Event::Frame(frame) = event {
                    order.push((frame.interval.index, frame.view.to_string()));
                }
            }
        }
    }
    let expected: Vec<(u64, String)> =
        (0..30).flat_map(|at| [(at, "samplelat".to_owned()), (at, "other".to_owned())]).collect();
    assert_eq!(order, expected);
}

#[test]
fn a_view_that_is_not_held_says_so() {
    let player = Player::new(recording(3), 1.0);
    let mut feed = player.open(request("tcptop"));
    let frame = next(&mut feed).unwrap();
    let reason = frame.status.reason().unwrap();
    assert_eq!(reason.message, "the recording does not hold tcptop");
    assert!(reason.remedy.ends_with("sampletop, samplelat, other"));
    feed.commands.send(crate::feed::Command::Retry).unwrap();
    assert!(next(&mut feed).is_some());
}

#[test]
fn the_clock_stands_steps_and_jumps() {
    let recording = recording(300);
    let (first, _) = recording.span();
    let player = Player::new(recording, 1.0);
    player.control(Transport::Pause);
    let mut feed = player.open(request("other"));
    assert_eq!((index(&mut feed), index(&mut feed)), (Some(0), Some(1)), "what is due comes at once");
    stands(&mut feed);
    player.control(Transport::Step("other".into()));
    assert_eq!(index(&mut feed), Some(2));
    stands(&mut feed);
    player.control(Transport::Seek(first.mono_ns + 200_000_000_000));
    let mut feed = player.open(request("other"));
    assert_eq!(index(&mut feed), Some(80), "with what was before, for the history");
    for at in 81..=200 {
        assert_eq!(index(&mut feed), Some(at));
    }
    stands(&mut feed);
    player.control(Transport::Speed(1000.0));
    player.control(Transport::Play);
    for at in 201..300 {
        assert_eq!(index(&mut feed), Some(at));
    }
    assert_eq!(index(&mut feed), None);
    assert!(feed.events.is_closed(), "at its end the feed ends");
}

#[test]
fn frames_come_when_their_time_comes() {
    let player = Player::new(recording(10), 10.0);
    let mut feed = player.open(request("other"));
    let begun = Instant::now();
    let times: Vec<Duration> = (0..6).map(|_| next(&mut feed).map(|_| begun.elapsed()).unwrap()).collect();
    assert!(times[5] >= Duration::from_millis(350), "four intervals at ten times the speed: {times:?}");
}
