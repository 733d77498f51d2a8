//! The log pane.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use tui_logger::{TuiLoggerLevelOutput, TuiLoggerWidget};

use super::super::app::App;
use super::{clear, line, put};

/// Draws the newest lines of the log.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect) {
    clear(app, buf, area);
    line(buf, Rect { height: 1, ..area }, app.glyphs.border[0], app.theme.border);
    put(buf, area.x + 1, area.y, area.right(), " log  ! closes ", app.theme.title);
    let inside = Rect::new(area.x + 1, area.y + 1, area.width - 1, area.height - 1);
    TuiLoggerWidget::default()
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
