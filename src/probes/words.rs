//! Names of the kernel's numbers.

/// Soft interrupts by number (include/linux/interrupt.h), in the words of `softirq_to_name`.
pub const SOFTIRQS: &[&str] =
    &["hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched", "hrtimer", "rcu"];
