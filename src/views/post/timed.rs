//! Times of calls: where none was timed, there is no sum and no longest one.

use super::Post;
use super::page_cache::indices;
use crate::frame::{Table, Value};

/// Keeps nothing.
pub struct Timed;

impl Post for Timed {
    fn finish(&mut self, table: &mut Table) {
        let Some([timed, sum, longest]) = indices(table, ["timed", "latency_sum", "latency_max"]) else { return };
        for row in 0..table.len() {
            let cells = table.row_mut(row);
            if cells[timed] == Value::Uint(0) {
                (cells[sum], cells[longest]) = (Value::Null, Value::Null);
            }
        }
        table.derive();
    }
}
