//! Random keys, mouse, pastes, sizes and frames: the state never panics, and can always be left.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Size;

use super::super::bindings::BINDINGS;
use super::super::glyphs::{Depth, Level};
use super::super::message::{Effect, Input};
use super::super::screen::Screen;
use super::super::testing::{self, Rig, cache_frame, disk_frame, hist_frame, net_frame, unavailable_frame};
use super::heat_frame;
use crate::feed::{Event, LoadStep};

/// A small generator: tests need the same numbers every time, not good ones.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

fn some_key(dice: &mut Dice) -> KeyEvent {
    let bound: Vec<&str> = BINDINGS.iter().flat_map(|binding| binding.keys.iter().copied()).collect();
    match dice.roll(10) {
        0..6 => testing::key(bound[dice.roll(bound.len())]),
        6 | 7 => KeyEvent::new(KeyCode::Char((b' ' + dice.roll(95) as u8) as char), KeyModifiers::NONE),
        8 => KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE),
        _ => {
            let odd = ['é', '日', '\u{202e}', '\u{7f}', '\u{0}', '🦀'];
            let modifiers = [KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT, KeyModifiers::SHIFT];
            KeyEvent::new(KeyCode::Char(odd[dice.roll(odd.len())]), modifiers[dice.roll(4)])
        }
    }
}

fn some_mouse(dice: &mut Dice, rig: &Rig) -> MouseEvent {
    let kinds = [
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Drag(MouseButton::Left),
        MouseEventKind::Up(MouseButton::Left),
        MouseEventKind::ScrollDown,
        MouseEventKind::ScrollUp,
        MouseEventKind::Down(MouseButton::Right),
    ];
    let (width, height) = (rig.app.area.width as usize, rig.app.area.height as usize);
    MouseEvent {
        kind: kinds[dice.roll(kinds.len())],
        column: dice.roll(width + 3) as u16,
        row: dice.roll(height + 3) as u16,
        modifiers: KeyModifiers::NONE,
    }
}

fn some_frame(dice: &mut Dice, rig: &mut Rig, index: u64) {
    let frame = match dice.roll(7) {
        0 => disk_frame(index),
        1 => net_frame(index),
        2 => cache_frame(index),
        3 => hist_frame(index, true),
        4 => unavailable_frame(),
        5 => heat_frame(index),
        _ => {
            let mut frame = disk_frame(index);
            frame = frame.select(&[]);
            frame
        }
    };
    let Some(at) = rig.app.views.iter().position(|view| view.name == *frame.view) else { return };
    let generation = rig.app.views[at].generation;
    let event = match dice.roll(12) {
        0 => Event::First(frame.into()),
        1 => Event::Loading(LoadStep::Attach),
        2 => Event::Attached,
        3 => Event::Ended,
        _ => Event::Frame(frame.into()),
    };
    rig.input(Input::Feed(at, generation, event));
}

fn run(seed: u64, steps: usize) {
    let mut dice = Dice(seed | 1);
    let levels = [Level::Unicode, Level::Box, Level::Ascii];
    let mut rig = Rig::new(&[], (80, 24), levels[dice.roll(3)]);
    rig.set_depth([Depth::Mono, Depth::Ansi, Depth::Indexed, Depth::True][dice.roll(4)]);
    let mut screen = Screen::new(Size::new(80, 24), rig.app.glyphs.level, true);
    for step in 0..steps {
        match dice.roll(100) {
            0..80 => {
                let key = some_key(&mut dice);
                rig.input(Input::Key(key));
            }
            80..90 => {
                let event = some_mouse(&mut dice, &rig);
                rig.input(Input::Mouse(event));
            }
            90 | 91 => {
                let texts =
                    ["x", "pid=1", "at 11:13", "warn 1 crit 2", "\x1b[2J\u{202e}", "theme light", "=((", "日本 语"];
                rig.input(Input::Paste(texts[dice.roll(texts.len())].to_owned()));
            }
            92 => {
                let (width, height) = (dice.roll(210) as u16, dice.roll(65) as u16);
                rig.input(Input::Resize(width, height));
                screen.resize(Size::new(width, height));
            }
            93 => rig.pass(std::time::Duration::from_millis(dice.roll(40_000) as u64)),
            _ => some_frame(&mut dice, &mut rig, step as u64),
        }
        rig.effects.clear();
        // Drawing is what costs; what it sees are states, most of which last.
        if step % 41 == 0 {
            screen.draw(&mut rig.app);
        }
    }
    // However deep it is in, it can be left and looks as it did.
    rig.input(Input::Resize(80, 24));
    screen.resize(Size::new(80, 24));
    for _ in 0..200 {
        rig.keys("Esc");
    }
    assert!(rig.app.overlays.is_empty() && rig.app.cursor.is_none(), "{:?}", rig.app.overlays.last());
    assert!(!screen.draw(&mut rig.app).is_empty());
    rig.effects.clear();
    rig.keys("Q");
    assert!(rig.effects.iter().any(|effect| matches!(effect, Effect::Quit(true))));
    assert!(!rig.screen().trim().is_empty());
}

#[test]
fn random_input_never_breaks_it() {
    // 100,000 inputs, in four parts that run side by side.
    std::thread::scope(|scope| {
        for seed in [0x9e37_79b9_7f4a_7c15, 0x1234_5678_9abc_def1, 0xdead_beef_cafe_f00d, 0x0bad_5eed_0bad_5eed] {
            scope.spawn(move || run(seed, 25_000));
        }
    });
}
