//! What a truth test is, and what it wants to have: the tests of a view are a list beside them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Case;

/// One truth test.
pub struct Test {
    /// Its function's name.
    pub name: &'static str,
    /// What it does; it panics if the view was wrong.
    pub run: fn(&Case),
    /// Whether all ways of running the view watch the same work: every attach alternative that this
    /// kernel has, as an ordinary user, without tracefs.
    pub every_way: bool,
    /// What no other test may use meanwhile.
    pub uses: &'static [Thing],
    /// What must be there.
    pub needs: &'static [Need],
}

impl Test {
    /// See [`test!`](crate::test).
    pub const fn new(name: &'static str, run: fn(&Case)) -> Test {
        Test { name, run, every_way: false, uses: &[], needs: &[] }
    }

    /// Watched in every way. Each view has one such test at least.
    pub const fn every_way(self) -> Test {
        Test { every_way: true, ..self }
    }

    /// Shares these with no other test.
    pub const fn uses(self, uses: &'static [Thing]) -> Test {
        Test { uses, ..self }
    }

    /// Cannot run without these.
    pub const fn needs(self, needs: &'static [Need]) -> Test {
        Test { needs, ..self }
    }
}

/// A [`Test`] called like its function.
#[macro_export]
macro_rules! test {
    ($run:ident) => {
        $crate::support::Test::new(stringify!($run), $run)
    };
}

/// What two tests cannot both use at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// The disk that is written all over.
    ScratchDisk,
    /// All CPUs: the test is about who has to wait for one.
    Machine,
}

/// What a test needs that a kernel, or a guest without a distribution, may not have.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// A kind of filesystem.
    Filesystem(&'static str),
    /// A filesystem that the tests cannot make themselves: `BCC_TOP_SCRATCH_KIND` names a directory in one.
    Mounted(&'static str),
    /// A program with whatever it is linked against, by its full name.
    Program(&'static str),
    /// The dynamic program of [`super::lookup`], which is compiled here, and copied to guests.
    Lookup,
}

impl Need {
    /// What is missing.
    pub fn missing(self) -> Option<String> {
        match self {
            Need::Filesystem(kind) if !has_filesystem(kind) => Some(format!("this kernel has no {kind}")),
            Need::Mounted(kind) if !has_filesystem(kind) => Some(format!("this kernel has no {kind}")),
            Need::Mounted(kind) if std::env::var_os(super::filesystem::variable(kind)).is_none() => {
                Some(format!("{} names no directory", super::filesystem::variable(kind)))
            }
            Need::Lookup => super::lookup::missing(),
            Need::Program(path) if !Path::new(path).exists() => Some(format!("there is no {path}")),
            _ => None,
        }
    }

    /// The file that a guest must be given for it.
    pub fn file(self) -> Option<PathBuf> {
        match self {
            Need::Program(path) => Some(path.into()),
            Need::Lookup => Some(super::lookup::compile().unwrap_or_else(|error| panic!("{error}"))),
            Need::Filesystem(_) | Need::Mounted(_) => None,
        }
    }
}

fn has_filesystem(kind: &str) -> bool {
    let known = || std::fs::read_to_string("/proc/filesystems").expect("procfs").split_whitespace().any(|k| k == kind);
    if known() {
        return true;
    }
    // A module is not known before it is loaded.
    let _ = Command::new("modprobe").arg(kind).stdout(Stdio::null()).stderr(Stdio::null()).status();
    known()
}
