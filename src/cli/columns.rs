//! The columns of a view that is not running, from its object: no kernel is asked.

use std::sync::Arc;

use super::options::Options;
use crate::batch::Plan;
use crate::frame::{Schema, SettingValue};
use crate::probes::object;
use crate::views::View;

/// The columns this view will have with these settings; `None` if its object cannot be read.
pub fn of(view: &View, settings: &[(String, SettingValue)]) -> Option<Arc<Schema>> {
    object::layout(view, settings).ok().map(|layout| layout.schema)
}

/// Looks for the columns that filter, sort and columns name, before anything is attached.
///
/// # Errors
/// One line: which view, what is wrong, and what there is.
pub fn check(options: &Options) -> Result<(), String> {
    for chosen in &options.views {
        if let Some(schema) = of(chosen.view, &chosen.settings) {
            Plan::new(&options.shape, &schema).map_err(|e| format!("{}: {e}", chosen.view.decl.name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::Registry;

    #[test]
    fn every_built_in_view_has_its_declared_columns_without_a_kernel() {
        for view in Registry::get().views() {
            let schema = of(view, &[]).unwrap_or_else(|| panic!("{} cannot be read", view.decl.name));
            for column in &view.decl.columns {
                assert!(schema.index(column).is_some(), "{} has no {column}", view.decl.name);
            }
        }
    }
}
