//! The explorer's core, without a terminal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bcc_top::feed::{Event, Request};
use bcc_top::frame::Frame;
use bcc_top::ui::app::App;
use bcc_top::ui::glyphs::{Depth, Level};
use bcc_top::ui::message::{Effect, Input};
use bcc_top::ui::screen::Screen;

/// Its state and its screen.
pub struct Explorer {
    app: App,
    screen: Screen,
    generations: Vec<u32>,
}

impl Explorer {
    /// Opened on these views, on a terminal of this many columns and rows.
    pub fn open(views: &[&str], size: (u16, u16)) -> Explorer {
        let look = bcc_top::ui::Options {
            level: Some(Level::Unicode),
            depth: Some(Depth::Indexed),
            ..bcc_top::ui::Options::default()
        };
        let request = |view: &&str| Request {
            view: (*view).into(),
            interval: Duration::from_secs(1),
            first: None,
            settings: vec![],
            force: vec![],
        };
        let mut app = App::new(look, views.iter().map(request).collect(), Instant::now());
        let opened = app.start().into_iter().filter_map(|effect| match effect {
            Effect::Open(_, generation, _) => Some(generation),
            _ => None,
        });
        let generations: Vec<u32> = opened.collect();
        assert_eq!(generations.len(), views.len(), "all views are opened");
        app.handle(Instant::now(), Input::Resize(size.0, size.1));
        Explorer { app, screen: Screen::new(size.into(), Level::Unicode, true), generations }
    }

    /// Takes in a frame of each view and draws: how many bytes go to the terminal.
    pub fn show(&mut self, frames: impl Iterator<Item = Arc<Frame>>) -> usize {
        let now = Instant::now();
        for (at, frame) in frames.enumerate() {
            self.app.handle(now, Input::Feed(at, self.generations[at], Event::Frame(frame)));
        }
        self.app.handle(now, Input::Tick);
        self.screen.draw(&mut self.app).len()
    }
}
