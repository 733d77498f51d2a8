//! Hits and misses of the page cache from what was accessed, added and dirtied.
//!
//! Pages that were read ahead are misses when they are added, and must not become hits when they
//! are read an interval later. Nor may a page that is added in one interval and dirtied in the
//! next make a negative number. Both are carried over by process.

use std::collections::HashMap;

use super::Post;
use crate::frame::{Table, Value};

/// A process that did nothing for this many intervals has nothing to carry any more: what it read
/// ahead and never used was a miss, and stays one.
const FORGET_AFTER: u64 = 60;

/// What a process still owes.
#[derive(Clone, Copy, Debug, Default)]
struct Carry {
    /// Pages added and not read yet: their first access is no hit.
    unread: i64,
    /// Read misses to take back because the pages were dirtied after the interval ended.
    taken_back: i64,
    seen: u64,
}

/// State by process.
#[derive(Default)]
pub struct PageCache {
    tick: u64,
    carry: HashMap<u64, Carry>,
}

impl Post for PageCache {
    fn finish(&mut self, table: &mut Table) {
        self.tick += 1;
        let tick = self.tick;
        self.carry.retain(|_, carry| tick - carry.seen <= FORGET_AFTER);
        let names = ["pid", "accessed", "read_misses", "write_misses", "write_hits"];
        let made = ["read_hits", "hits", "misses", "dirtied"];
        let (Some(from), Some(to)) = (indices(table, names), indices(table, made)) else { return };
        for row in 0..table.len() {
            let cells = table.row_mut(row);
            let [pid, accessed, read_misses, write_misses, write_hits] = from.map(|i| cells[i].as_i64().unwrap_or(0));
            let carry = self.carry.entry(pid as u64).or_default();
            carry.seen = tick;
            let (read_misses, read_hits) = carry.settle(accessed, read_misses);
            let values = [read_hits, read_hits + write_hits, read_misses + write_misses, write_misses + write_hits];
            for (index, value) in to.into_iter().zip(values) {
                cells[index] = Value::Int(value);
            }
            cells[from[2]] = Value::Int(read_misses);
        }
        table.derive();
    }
}

impl Carry {
    /// Read misses and read hits of this interval; neither is negative.
    fn settle(&mut self, accessed: i64, read_misses: i64) -> (i64, i64) {
        let net = read_misses - self.taken_back;
        let misses = net.max(0);
        self.taken_back = misses - net;
        // Every page added is read (at most) once without being a hit.
        let owed = self.unread + net;
        let hits = (accessed - owed).max(0);
        self.unread = (owed - accessed).max(0);
        (misses, hits)
    }
}

/// Places of these columns, if there are all of them.
pub(super) fn indices<const N: usize>(table: &Table, names: [&str; N]) -> Option<[usize; N]> {
    let mut out = [0; N];
    for (slot, name) in out.iter_mut().zip(names) {
        *slot = table.schema.index(name)?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_read_ahead_are_no_hits_later() {
        let mut carry = Carry::default();
        assert_eq!(carry.settle(50, 100), (100, 0));
        assert_eq!(carry.settle(50, 0), (0, 0));
        assert_eq!(carry.settle(100, 0), (0, 100));
    }

    #[test]
    fn cold_read_and_warm_rewrite_in_one_interval_stay_positive() {
        // 100 pages read cold, read again, and rewritten: hits of the rewrite are counted in C.
        assert_eq!(Carry::default().settle(200, 100), (100, 100));
    }

    #[test]
    fn a_page_dirtied_after_its_interval_is_taken_back() {
        let mut carry = Carry::default();
        assert_eq!(carry.settle(0, 10), (10, 0));
        assert_eq!(carry.settle(0, -10), (0, 0));
        assert_eq!(carry.settle(0, 15), (5, 0));
    }
}
