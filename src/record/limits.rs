//! How much a file may ask for. Whoever writes more has made a mistake, or means harm.

/// Longest line, bytes. A view with 65,000 rows of ten columns writes about 16 MiB.
pub const LINE: usize = 32 << 20;

/// Most bytes that one zstd frame may become. Ours become 8 MiB and a line; a stream that somebody
/// compressed afterwards is one frame as a whole.
pub const CHUNK: u64 = 1 << 30;

/// Window of the decompressor, as a power of two: what it holds in memory.
pub const WINDOW_LOG: u32 = 25;

/// Largest index, bytes.
pub const INDEX: usize = 16 << 20;

/// Most chunks that are told apart.
pub const CHUNKS: usize = 1 << 18;

/// Most cells of one frame.
pub const CELLS: usize = 2 << 20;

/// Most distributions of one frame.
pub const HISTOGRAMS: usize = 1 << 16;

/// Most values in one distribution: nothing happens a million million times in an interval, and sums over
/// any number of intervals stay below 2^64.
pub const COUNT: u64 = 1 << 40;

/// Most columns, settings, hooks, keys or totals.
pub const NAMES: usize = 256;

/// Longest name of a view, column, setting or hook, characters.
pub const NAME: usize = 96;

/// Longest message, characters.
pub const MESSAGE: usize = 4096;

/// Most views of one recording.
pub const VIEWS: usize = 256;

/// Largest head of a document: everything but its frames, bytes.
pub const HEAD: usize = 1 << 20;

/// Times beyond this are no times: room is left to calculate with them.
pub const TIME_NS: u64 = 1 << 61;
