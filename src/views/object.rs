//! BPF objects as they ship: compressed, and unpacked once when a view is first opened.

use std::sync::OnceLock;

use object::pod;

/// A compiled BPF program.
pub struct Object {
    packed: &'static [u8],
    len: usize,
    /// libbpf reads ELF headers in place, so the bytes must be aligned as the file's would be in memory.
    words: OnceLock<Box<[u64]>>,
}

impl Object {
    /// An object of `len` bytes, compressed with zstd.
    pub const fn packed(packed: &'static [u8], len: usize) -> Object {
        Object { packed, len, words: OnceLock::new() }
    }

    /// The ELF file, 8-aligned.
    ///
    /// # Panics
    /// If the compressed bytes are not what the build wrote, which a test rules out.
    pub fn bytes(&self) -> &[u8] {
        let words = self.words.get_or_init(|| {
            let mut words = vec![0u64; self.len.div_ceil(8)];
            let read = zstd::bulk::decompress_to_buffer(self.packed, pod::bytes_of_slice_mut(&mut words));
            assert!(read.is_ok_and(|len| len == self.len), "a built-in BPF object is damaged");
            words.into_boxed_slice()
        });
        &pod::bytes_of_slice(words)[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use crate::views::Registry;

    #[test]
    fn every_object_unpacks_aligned() {
        for view in Registry::get().views() {
            let bytes = view.object.bytes();
            assert!(bytes.starts_with(b"\x7fELF") && bytes.as_ptr().addr() % 8 == 0, "{}", view.decl.name);
        }
    }
}
