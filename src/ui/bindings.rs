//! The key table: which keys ask for what, where. Everything that knows keys reads it.

use super::action::Action;

/// Where a binding works. A key may mean different things only in places that never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A view that delivers, full screen.
    View,
    /// A view that cannot run.
    Unavailable,
    /// The grid of panes.
    Dashboard,
}

/// One line of the key table.
#[derive(Debug)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// What it is called where keys are bound, and in the palette.
    pub name: &'static str,
    /// Keys, the first one is shown in hints.
    pub keys: &'static [&'static str],
    /// A few words for the help page.
    pub help: &'static str,
    /// One word for the hints; empty: not hinted.
    pub hint: &'static str,
    /// Where it works.
    pub places: &'static [Place],
}

use Place::{Dashboard as D, Unavailable as U, View as V};
const ALL: &[Place] = &[V, U, D];
const DATA: &[Place] = &[V, D];

const fn bind(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    hint: &'static str,
    help: &'static str,
    places: &'static [Place],
) -> Binding {
    Binding { action, name, keys, help, hint, places }
}

/// The key table, in the order of the help page.
pub const BINDINGS: &[Binding] = &[
    bind(Action::Help, "help", &["?", "F1"], "help", "help for this place", ALL),
    bind(Action::Picker, "picker", &["v"], "views", "open a view", ALL),
    bind(Action::Nearest, "nearest", &["Enter"], "open", "open the view that answers the most similar question", &[U]),
    bind(Action::Retry, "retry", &["r"], "retry", "try again to run this view", &[U]),
    bind(Action::Filter, "filter", &["/", "f", "F4", "\\"], "filter", "display filter", DATA),
    bind(Action::SortMenu, "sort-menu", &["s", "F6"], "sort", "choose the column to sort by", DATA),
    bind(Action::Rendering, "rendering", &["m"], "mode", "next way of drawing this view", DATA),
    bind(Action::GroupBy, "group-by", &["b"], "group", "group by: the next choice of this view", DATA),
    bind(Action::Expand, "expand", &["e"], "expand", "one pane on the whole screen, and back", DATA),
    bind(Action::Pause, "pause", &["Space"], "pause", "stand still, or go live again; collection goes on", ALL),
    bind(Action::Detail, "detail", &["Enter"], "detail", "everything about the selected row", DATA),
    bind(Action::Close, "close", &["q"], "quit", "close the top layer; at the base: quit", ALL),
    bind(Action::Export, "export", &["w"], "export", "write what is held to a file", ALL),
    bind(Action::Mode, "mode", &["a"], "", "interval totals, per second, since start", DATA),
    bind(Action::Units, "units", &["u"], "", "human units or raw numbers", DATA),
    bind(Action::Idle, "idle", &["o"], "", "hide idle rows", DATA),
    bind(Action::Reverse, "reverse", &["r", "R", "I"], "", "reverse the order", DATA),
    bind(Action::SortLeft, "sort-left", &["<"], "", "sort by the column to the left", DATA),
    bind(Action::SortRight, "sort-right", &[">"], "", "sort by the column to the right", DATA),
    bind(Action::Explain, "explain", &["i"], "", "what this view measures, and what it cannot see", ALL),
    bind(Action::Down, "down", &["j", "Down"], "", "next row", ALL),
    bind(Action::Up, "up", &["k", "Up"], "", "row before", ALL),
    bind(Action::Left, "left", &["h", "Left"], "", "scroll columns left", DATA),
    bind(Action::Right, "right", &["l", "Right"], "", "scroll columns right", DATA),
    bind(Action::First, "first", &["gg", "Home"], "", "first row", DATA),
    bind(Action::Last, "last", &["G", "End"], "", "last row", DATA),
    bind(Action::PageDown, "page-down", &["PgDn"], "", "page down", DATA),
    bind(Action::PageUp, "page-up", &["PgUp"], "", "page up", DATA),
    bind(Action::HalfDown, "half-down", &["Ctrl-d"], "", "half a page down", DATA),
    bind(Action::HalfUp, "half-up", &["Ctrl-u"], "", "half a page up", DATA),
    bind(Action::Earlier, "earlier", &["[", "T"], "", "one frame earlier", ALL),
    bind(Action::Later, "later", &["]", "t"], "", "one frame later", ALL),
    bind(Action::MinuteEarlier, "minute-earlier", &["{"], "", "one minute earlier", ALL),
    bind(Action::MinuteLater, "minute-later", &["}"], "", "one minute later", ALL),
    bind(Action::Shorter, "shorter", &["+"], "", "shorter interval", ALL),
    bind(Action::Longer, "longer", &["-"], "", "longer interval", ALL),
    bind(Action::Next, "next", &["Tab"], "", "next tab, or pane", ALL),
    bind(Action::Previous, "previous", &["Shift-Tab"], "", "tab, or pane, before", ALL),
    bind(Action::Dashboard, "dashboard", &["0"], "", "dashboard", ALL),
    bind(Action::Tab(1), "tab-1", &["1"], "", "running view 1, and so on to 9", ALL),
    bind(Action::Toggle, "toggle", &["'"], "", "view before this one", ALL),
    bind(Action::FocusLeft, "focus-left", &["H", "Ctrl-Left"], "", "pane to the left", &[D]),
    bind(Action::FocusDown, "focus-down", &["J", "Ctrl-Down"], "", "pane below", &[D]),
    bind(Action::FocusUp, "focus-up", &["K", "Ctrl-Up"], "", "pane above", &[D]),
    bind(Action::FocusRight, "focus-right", &["L", "Ctrl-Right"], "", "pane to the right", &[D]),
    bind(Action::Log, "log", &["!"], "", "log and problems", ALL),
    bind(Action::Redraw, "redraw", &["Ctrl-l"], "", "draw everything again", ALL),
    bind(Action::Suspend, "suspend", &["Ctrl-z"], "", "suspend", ALL),
    bind(Action::Cancel, "cancel", &["Esc"], "", "cancel, close, go live again", ALL),
    bind(Action::QuitLeave, "quit-leave", &["Q"], "", "quit and leave the last frame on the terminal", ALL),
    bind(Action::Quit, "quit", &["Ctrl-c", "F10"], "", "quit now", ALL),
    bind(Action::Tab(2), "tab-2", &["2"], "", "", ALL),
    bind(Action::Tab(3), "tab-3", &["3"], "", "", ALL),
    bind(Action::Tab(4), "tab-4", &["4"], "", "", ALL),
    bind(Action::Tab(5), "tab-5", &["5"], "", "", ALL),
    bind(Action::Tab(6), "tab-6", &["6"], "", "", ALL),
    bind(Action::Tab(7), "tab-7", &["7"], "", "", ALL),
    bind(Action::Tab(8), "tab-8", &["8"], "", "", ALL),
    bind(Action::Tab(9), "tab-9", &["9"], "", "", ALL),
    bind(Action::DrillUp, "drill-up", &["Backspace"], "", "drill up", DATA),
    bind(Action::Palette, "palette", &[":"], "", "command palette", ALL),
    bind(Action::Find, "find", &["F3"], "", "find without hiding rows", DATA),
    bind(Action::FindNext, "find-next", &["n"], "", "next match", DATA),
    bind(Action::FindPrevious, "find-previous", &["N"], "", "match before", DATA),
    bind(Action::Capture, "capture", &["F"], "", "capture filter", ALL),
    bind(Action::Columns, "columns", &["c"], "", "choose columns", DATA),
    bind(Action::Pin, "pin", &["p"], "", "pin a row to the top", DATA),
    bind(Action::Narrower, "narrower", &["("], "", "less time in pictures over time", DATA),
    bind(Action::Wider, "wider", &[")"], "", "more time in pictures over time", DATA),
    bind(Action::Baseline, "baseline", &["B"], "", "set a baseline", DATA),
    bind(Action::Reset, "reset", &["Ctrl-r"], "", "reset counters", DATA),
    bind(Action::Interval, "interval", &["d"], "", "type the interval", ALL),
    bind(Action::AddPane, "add-pane", &["A"], "add", "add a pane", &[D]),
    bind(Action::ClosePane, "close-pane", &["X"], "close", "close a pane", &[D]),
    bind(Action::MovePane, "move-pane", &["M"], "move", "move a pane", &[D]),
    bind(Action::EqualPanes, "equal-panes", &["="], "", "panes of equal size", &[D]),
    bind(Action::SaveLayout, "save-layout", &["W"], "", "save layout", ALL),
    bind(Action::CopyRow, "copy-row", &["y"], "", "copy the row", ALL),
    bind(Action::CopyTable, "copy-table", &["Y"], "", "copy the table", ALL),
    bind(Action::Record, "record", &["x"], "", "record to a file, or end that", ALL),
    bind(Action::Settings, "settings", &["S", "F2"], "", "settings", ALL),
    bind(Action::Cost, "cost", &["C"], "", "what our own programs cost", ALL),
    bind(Action::Themes, "themes", &["Ctrl-t"], "", "themes", ALL),
];
