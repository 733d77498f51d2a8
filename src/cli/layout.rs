//! What the explorer opens, and how it looks: the configuration, and flags on top of it.

use super::options::Options;
use crate::feed::Request;
use crate::frame::filter::find_column;
use crate::frame::{Column, Type};
use crate::probes::object;
use crate::ui::save::Layout;

/// What views look like: as the file says, and as flags say of those that the command line names.
pub(super) fn layout(options: &Options) -> Layout {
    let mut layout = options.config.parsed.config.layout();
    let shape = &options.shape;
    if shape.sort.is_none() && shape.columns.is_empty() {
        return layout;
    }
    for chosen in &options.views {
        let Ok(columns) = object::layout(chosen.view, &chosen.settings) else { continue };
        let schema = &columns.schema;
        let view = layout.views.entry(chosen.view.decl.name.clone()).or_default();
        let named = |name: &str| find_column(schema, name).ok().map(|at| &schema.columns[at]);
        if let Some(sort) = &shape.sort {
            // As in batch mode: numbers the largest first, text from A, unless the name says otherwise.
            let column = named(sort.strip_prefix('-').unwrap_or(sort));
            let down = |column: &Column| (sort.starts_with('-') || column.ty != Type::Text) != shape.reverse;
            view.sort = column.map(|column| format!("{}{}", if down(column) { "-" } else { "" }, column.name));
        }
        if !shape.columns.is_empty() {
            view.columns = Some(shape.columns.iter().filter_map(|name| Some(named(name)?.name.clone())).collect());
        }
    }
    layout
}

/// The views of the command line; without any, the dashboard that the user kept.
pub(super) fn requests(options: &Options, layout: &Layout) -> Vec<Request> {
    let mut requests = options.requests();
    if !options.named && !layout.panes.is_empty() {
        let Some(first) = requests.first().cloned() else { return requests };
        let request = |view: &String| Request { view: view.clone(), settings: Vec::new(), ..first.clone() };
        requests = layout.panes.iter().map(request).collect();
    }
    requests
}
