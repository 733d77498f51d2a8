//! What a program needs that a kernel does not have, found before anything is loaded.

pub mod need;
pub mod relocs;
#[cfg(test)]
mod testing;

use std::fmt;

/// How a kernel fails a need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lack {
    /// It has nothing of that name.
    Missing,
    /// A field or type of that name is something else: `folio.flags` is a number up to 6.17, then a struct.
    Retyped,
    /// A field has another size, and libbpf cannot fit the load to it.
    Resized,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lack::Missing => "missing",
            Lack::Retyped => "of another type",
            Lack::Resized => "of another size",
        })
    }
}
