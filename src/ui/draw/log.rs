//! The log pane.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use tui_logger::{TuiLoggerLevelOutput, TuiLoggerWidget, TuiWidgetState};

use super::super::app::App;
use super::{clear, kernel, line, put};

/// Draws the newest lines of the log.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect) {
    clear(app, buf, area);
    line(buf, Rect { height: 1, ..area }, app.glyphs.border[0], app.theme.border);
    let view = app.view().filter(|_| app.log_view);
    let which = view.map_or(String::new(), |view| format!("of {}  ", view.name));
    // Said where it can be found; the two words are the palette's.
    let title = format!(" log  ! closes  {which}:log-level {}  :log-view ", app.log_level.as_str().to_lowercase());
    let end = put(buf, area.x + 1, area.y, area.right(), &title, app.theme.title);
    kernel(app, buf, area, end);
    let inside = Rect::new(area.x + 1, area.y + 1, area.width - 1, area.height - 1);
    let state = TuiWidgetState::new();
    if let Some(view) = view {
        let level = app.log_level;
        let others = crate::ui::registry().views().iter().map(|view| view.decl.name.as_str());
        // Every target but this one is off; those of libraries are the default.
        let state = state.set_default_display_level(log::LevelFilter::Off).set_level_for_target(&view.name, level);
        return draw_lines(
            app,
            buf,
            inside,
            &others
                .filter(|name| *name != view.name)
                .fold(state, |state, name| state.set_level_for_target(name, log::LevelFilter::Off)),
        );
    }
    draw_lines(app, buf, inside, &state);
}

fn draw_lines(app: &App, buf: &mut Buffer, inside: Rect, state: &TuiWidgetState) {
    TuiLoggerWidget::default()
        .state(state)
        .output_separator(' ')
        .output_timestamp(Some("%H:%M:%S".to_owned()))
        .output_level(Some(TuiLoggerLevelOutput::Abbreviated))
        .output_target(false)
        .output_file(false)
        .output_line(false)
        .style(app.theme.fg)
        .style_error(app.theme.crit)
        .style_warn(app.theme.warn)
        .style_debug(app.theme.dim)
        .style_trace(app.theme.dim)
        .render(inside, buf);
}
