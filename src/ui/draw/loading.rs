//! A view on its way, or one that is not loaded.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::feed::LoadStep;

use super::super::action::Action;
use super::super::app::App;
use super::super::glyphs::SPIN;
use super::super::view::{Load, View};
use super::put;

/// Draws the heads that are known and one line of progress.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect, view: &View) {
    let mut x = area.x + 1;
    for name in view.decl.map_or(&[][..], |decl| decl.columns.as_slice()) {
        if x + name.len() as u16 > area.right() {
            break;
        }
        x = put(buf, x, area.y, area.right(), &name.to_uppercase(), app.theme.header) + 2;
    }
    let text = match view.load {
        _ if app.replay.is_some() => "nothing was recorded before this".to_owned(),
        Load::Loading(step, since) => {
            let spin = (app.now - app.started).as_millis() / SPIN.as_millis() % 4;
            let sign = if app.options.slow { "" } else { app.glyphs.spinner[spin as usize] };
            let progress = progress(app, step, since);
            // Only where it is, where there is no room for where it has been.
            let progress = if area.width < 70 {
                progress.rsplit("  ").next().and_then(|step| step.split(" in ").next()).unwrap_or_default()
            } else {
                &progress
            };
            format!("{sign} loading {}  {progress}", view.name)
        }
        Load::Off if app.cursor.is_some() => "nothing is held of that time".to_owned(),
        Load::Off => format!("not loaded; {} loads it", app.options.keys.hint(Action::Retry)),
        Load::Running => "waiting for the first interval".to_owned(),
        Load::Ended => "ended without a frame".to_owned(),
    };
    put(
        buf,
        area.x + 1,
        area.y + area.height.min(2).saturating_sub(1) + u16::from(area.height > 4),
        area.right(),
        text.trim_start(),
        app.theme.fg,
    );
}

fn progress(app: &App, step: LoadStep, since: std::time::Instant) -> String {
    match step {
        LoadStep::Verify => "1/3 verify".to_owned(),
        LoadStep::Attach => "1/3 verify  2/3 attach".to_owned(),
        LoadStep::FirstSample => {
            let first = app.interval.min(std::time::Duration::from_millis(300));
            let left = first.saturating_sub(app.now.saturating_duration_since(since));
            format!("1/3 verify  2/3 attach  3/3 first sample in {:.1} s", left.as_secs_f64())
        }
    }
}
