//! What the explorer opens, and how it looks: the configuration, and flags on top of it.

use super::options::Options;
use crate::batch::Shape;
use crate::feed::Request;
use crate::frame::filter::find_column;
use crate::frame::{Column, Schema, Type};
use crate::probes::object;
use crate::ui::save::Layout;

/// What views look like: as the file says, and as flags say of those that the command line names.
pub(super) fn layout(options: &Options) -> Layout {
    let mut layout = options.config.parsed.config.layout();
    if !asks(&options.shape) {
        return layout;
    }
    for chosen in &options.views {
        if let Ok(columns) = object::layout(chosen.view, &chosen.settings) {
            apply(&mut layout, &options.shape, &chosen.view.decl.name, &columns.schema);
        }
    }
    layout
}

/// Whether flags say anything of order or columns.
pub(super) fn asks(shape: &Shape) -> bool {
    shape.sort.is_some() || shape.reverse || !shape.columns.is_empty()
}

/// Shows a view with these columns as flags say.
pub(super) fn apply(layout: &mut Layout, shape: &Shape, name: &str, schema: &Schema) {
    let view = layout.views.entry(name.to_owned()).or_default();
    let named = |name: &str| find_column(schema, name).ok().map(|at| &schema.columns[at]);
    let word = |down: bool, name: &str| format!("{}{name}", if down { "-" } else { "" });
    if let Some(sort) = &shape.sort {
        // As in batch mode: numbers the largest first, text from A, unless the name says otherwise.
        let column = named(sort.strip_prefix('-').unwrap_or(sort));
        let down = |column: &Column| (sort.starts_with('-') || column.ty != Type::Text) != shape.reverse;
        view.sort = column.map(|column| word(down(column), &column.name));
    } else if shape.reverse {
        let own = schema.sort.map(|(at, down)| word(!down, &schema.columns[at].name));
        let kept = view.sort.as_deref().map(|sort| sort.strip_prefix('-').map_or(word(true, sort), str::to_owned));
        view.sort = kept.or(own);
    }
    if !shape.columns.is_empty() {
        view.columns = Some(shape.columns.iter().filter_map(|name| Some(named(name)?.name.clone())).collect());
    }
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
