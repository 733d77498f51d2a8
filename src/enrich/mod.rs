//! Turns the numbers that the kernel reports into names.
//!
//! Everything here may read files, so it belongs on a sampler's thread and never on the one that
//! draws. Nothing here asks NSS: a static binary must not load its libraries.

mod bounded;
#[allow(unsafe_code)] // open_by_handle_at
mod cgroup;
mod container;
mod disk;
mod escape;
pub mod host;
mod mount;
mod names;
pub mod process;
mod user;

pub use cgroup::of_name as cgroup_of;
pub use disk::number as disk_number;
pub use mount::{device as mount_device, directory, directory_filters};
pub use names::Names;
