//! Truth tests: what the views report against what is known to have happened.
//!
//! Every test starts the real program in batch mode, lets a process of its own do a known amount of
//! work, and compares the sums of the rows. They need root, and fail without it. The binary is
//! static, as the program is, so that the same file runs on the host and in the guests.
//!
//! A view's test is the file with its name beside this one; `build.rs` finds it. Beside its tests it
//! has a function `work`, which is what its worker processes run (see [`support::worker`]).

mod support;

include!(concat!(env!("OUT_DIR"), "/truth.rs"));
