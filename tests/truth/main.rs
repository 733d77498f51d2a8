//! Truth tests.
include!(concat!(env!("OUT_DIR"), "/truth.rs"));
