//! Named hooks that finish the rows of a view where columns, units and the fixed derivations
//! cannot. A declaration asks for one with `post = "NAME"`.

mod page_cache;
mod page_cache_of_host;
mod timed;

use crate::frame::Table;

/// Finishes the rows of each interval of one running view; may keep state between them.
pub trait Post: Send {
    /// Fills the `post` columns of the declaration.
    fn finish(&mut self, table: &mut Table);
}

/// The hook called `name`.
pub fn find(name: &str) -> Option<Box<dyn Post>> {
    match name {
        "page_cache" => Some(Box::new(page_cache::PageCache::default())),
        "page_cache_of_host" => Some(Box::new(page_cache_of_host::PageCacheOfHost::default())),
        "timed" => Some(Box::new(timed::Timed)),
        _ => None,
    }
}
