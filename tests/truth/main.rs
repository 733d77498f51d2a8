//! Truth tests: what the views report against what is known to have happened.
//!
//! Every test lets a process of its own do a known amount of work while the real program watches in
//! batch mode, and compares the sums of the rows. The program watches in several ways at once: with
//! each attach alternative that the kernel has, as an ordinary user, without tracefs. They need root,
//! and fail without it. The binary is static, as the program is, so that the same file runs on the
//! host and in the guests.
//!
//! A view's tests are the file with its name beside this one; `build.rs` finds it. It has a list
//! `TESTS` and a function `work`, which is what its worker processes run (see [`support::worker`]).
//!
//!   truth [WORD,WORD…]       the tests whose names hold a word, as `cargo test` runs them
//!   truth --files            files that a guest must be given
//!   truth --matrix DIR       the kernel matrix, from the reports in DIR

mod support;

include!(concat!(env!("OUT_DIR"), "/truth.rs"));

fn main() -> std::process::ExitCode {
    support::harness::main(TESTS)
}
