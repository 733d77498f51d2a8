//! A map that cannot grow without end.

use std::collections::HashMap;
use std::hash::Hash;

/// At most `capacity` entries; those looked up least recently go first.
pub struct Bounded<K, V> {
    entries: HashMap<K, (V, u64)>,
    capacity: usize,
    /// Counts look-ups, so that an entry's number tells how long ago it was wanted.
    clock: u64,
}

impl<K: Eq + Hash + Copy, V> Bounded<K, V> {
    /// An empty map for at most `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Bounded { entries: HashMap::new(), capacity: capacity.max(4), clock: 0 }
    }

    /// The value of `key`, which counts as wanted from now on.
    pub fn get(&mut self, key: K) -> Option<&mut V> {
        self.clock += 1;
        let clock = self.clock;
        self.entries.get_mut(&key).map(|(value, wanted)| {
            *wanted = clock;
            value
        })
    }

    /// Sets the value of `key`; drops a quarter of the entries when there is no room.
    pub fn insert(&mut self, key: K, value: V) {
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            let mut wanted: Vec<u64> = self.entries.values().map(|&(_, wanted)| wanted).collect();
            let (_, &mut limit, _) = wanted.select_nth_unstable(self.capacity / 4);
            self.entries.retain(|_, &mut (_, wanted)| wanted > limit);
        }
        self.clock += 1;
        self.entries.insert(key, (value, self.clock));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_grows_past_its_capacity_and_keeps_what_is_wanted() {
        let mut map = Bounded::new(100);
        for key in 0..10_000u32 {
            map.insert(key, key);
            assert!(map.entries.len() <= 100);
            assert_eq!(map.get(0), Some(&mut 0), "0 is asked for all the time");
        }
        assert_eq!(map.get(9_999), Some(&mut 9_999));
        assert_eq!(map.get(5), None);
    }
}
