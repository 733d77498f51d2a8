//! Sets and maps by the identity of a row, see [`super::Table::ids`].

use std::hash::{BuildHasherDefault, Hasher};

/// Identities of rows are hashes already.
pub type ById = BuildHasherDefault<IdHasher>;

/// Takes a number as its own hash.
#[derive(Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = self.0.rotate_left(8) ^ u64::from(byte));
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
