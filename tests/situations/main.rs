//! Batch mode in bad situations, against the live kernel: what is missing, who interrupts, who does
//! not read, who lies about its name. Needs root, and fails without it.

#[path = "../support/mod.rs"]
mod support;

mod budget;
mod faults;
mod filters;
mod interrupts;
mod names;
mod privileges;
mod readers;
mod recordings;
mod unavailable;
