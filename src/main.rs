//! The binary: everything is in the library, so that tests reach it. Here the parts are put together.

#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::{Arc, Mutex};

use bcc_top::cli::{self, Parts};
use bcc_top::examine::LiveExaminer;
use bcc_top::explore;
use bcc_top::memory;
use bcc_top::sampler::Live;
use bcc_top::sampler::budget::Budget;

fn main() {
    memory::give_back();
    let parts = Parts {
        opener: |options| {
            let budget = options.look.max_overhead.map(|percent| Arc::new(Mutex::new(Budget::new(percent / 100.0))));
            Arc::new(Live { btf: options.btf.clone(), overhead: options.look.overhead, budget })
        },
        examiner: Some(|btf| Box::new(LiveExaminer { btf: btf.map(Path::to_owned) })),
        explorer: Some(explore::run),
    };
    // Threads of views may still be loading or detaching: the process ends without them.
    std::process::exit(cli::run(&parts).into());
}
