//! Hits and misses of the page cache of the whole host, and how large it is.
//!
//! The program tells hits from misses by thread. What it takes back in a later interval than it gave (a page that was
//! added, and dirtied after the interval had ended) is owed until there is something to take it from.

use super::Post;
use super::page_cache::indices;
use crate::frame::{Table, Value};

/// Counts that may have to be taken back.
const FROM: [&str; 4] = ["read_hits", "read_misses", "write_misses", "write_hits"];

/// What is owed of each of them; never positive.
#[derive(Default)]
pub struct PageCacheOfHost {
    owed: [i64; 4],
}

impl Post for PageCacheOfHost {
    fn finish(&mut self, table: &mut Table) {
        let (Some(from), Some(to)) = (indices(table, FROM), indices(table, ["hits", "misses", "dirtied"])) else {
            return;
        };
        let sizes = indices(table, ["buffers", "cached"]);
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        for row in 0..table.len() {
            let cells = table.row_mut(row);
            let counts = self.settle(from.map(|at| cells[at].as_i64().unwrap_or(0)));
            from.iter().zip(counts).for_each(|(&at, count)| cells[at] = Value::Int(count));
            let [read_hits, read_misses, write_misses, write_hits] = counts;
            let sums = [read_hits + write_hits, read_misses + write_misses, write_misses + write_hits];
            to.iter().zip(sums).for_each(|(&at, sum)| cells[at] = Value::Int(sum));
            if let Some([buffers, cached]) = sizes {
                cells[buffers] = size(&meminfo, "Buffers");
                cells[cached] = size(&meminfo, "Cached");
            }
        }
        table.derive();
    }
}

impl PageCacheOfHost {
    /// The counts of this interval, none of them negative.
    fn settle(&mut self, counts: [i64; 4]) -> [i64; 4] {
        let mut shown = counts;
        for (count, owed) in shown.iter_mut().zip(&mut self.owed) {
            let net = count.saturating_add(*owed);
            *count = net.max(0);
            *owed = net.min(0);
        }
        shown
    }
}

/// A size in /proc/meminfo, bytes; null if it does not say.
fn size(meminfo: &str, name: &str) -> Value {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.map_or(Value::Null, |kib| Value::Uint(kib.saturating_mul(1024)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_after_the_interval_is_owed() {
        let mut post = PageCacheOfHost::default();
        assert_eq!(post.settle([5, 10, 0, 0]), [5, 10, 0, 0]);
        assert_eq!(post.settle([-3, -10, 10, 0]), [0, 0, 10, 0]);
        assert_eq!(post.settle([1, 15, 0, 0]), [0, 5, 0, 0]);
        assert_eq!(post.settle([4, 0, 0, 0]), [2, 0, 0, 0]);
    }

    #[test]
    fn sizes_are_bytes_and_names_are_whole() {
        let meminfo = "MemTotal: 10 kB\nBuffers:             4 kB\nSwapCached:  7 kB\nCached:   12 kB\nOdd: 3\n";
        assert_eq!(size(meminfo, "Buffers"), Value::Uint(4096));
        assert_eq!(size(meminfo, "Cached"), Value::Uint(12288));
        assert_eq!([size(meminfo, "Odd"), size(meminfo, "Nothing")], [Value::Null; 2]);
    }
}
