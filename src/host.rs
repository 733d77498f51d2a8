//! Gauges of the host and of ourselves, read once a second on a plain thread.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use procfs::{Current, CurrentSI};

/// How the host is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// CPU in use, as a fraction of all CPUs; `None` in the first second.
    pub cpu: Option<f64>,
    /// Memory in use, as a fraction.
    pub memory: Option<f64>,
    /// Load average over one minute.
    pub load: Option<f32>,
    /// CPU that this program uses, as a fraction of one CPU.
    pub own: Option<f64>,
}

/// A running thread; it ends when this is dropped.
#[derive(Debug)]
pub struct Host {
    _stop: Sender<()>,
}

/// Starts the thread; `tell` takes each sample and says whether it wants more.
///
/// # Errors
/// If no thread can be started.
pub fn start(mut tell: impl FnMut(Sample) -> bool + Send + 'static) -> std::io::Result<Host> {
    let (stop, stopped) = channel();
    std::thread::Builder::new().name("host".to_owned()).spawn(move || {
        let mut gauges = Gauges::default();
        while tell(gauges.sample()) {
            if stopped.recv_timeout(Duration::from_secs(1)) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    })?;
    Ok(Host { _stop: stop })
}

#[derive(Default)]
struct Gauges {
    cpu: Option<(u64, u64)>,
    own: Option<(Duration, Instant)>,
}

impl Gauges {
    fn sample(&mut self) -> Sample {
        let before = std::mem::replace(&mut self.cpu, cpu_times());
        let cpu = before.zip(self.cpu).and_then(|((busy, all), (busy_now, all_now))| {
            let all = all_now.checked_sub(all).filter(|&all| all > 0)?;
            Some(busy_now.saturating_sub(busy) as f64 / all as f64)
        });
        let own_now = own_cpu().map(|used| (used, Instant::now()));
        let before = std::mem::replace(&mut self.own, own_now);
        let own = before.zip(own_now).map(|((used, at), (used_now, now))| {
            used_now.saturating_sub(used).as_secs_f64() / now.duration_since(at).as_secs_f64().max(0.001)
        });
        let memory = procfs::Meminfo::current().ok().and_then(|info| {
            let free = info.mem_available?;
            (info.mem_total > 0).then(|| 1.0 - free as f64 / info.mem_total as f64)
        });
        Sample { cpu, memory, load: procfs::LoadAverage::current().ok().map(|load| load.one), own }
    }
}

/// Busy and all ticks since boot.
fn cpu_times() -> Option<(u64, u64)> {
    let total = procfs::KernelStats::current().ok()?.total;
    let idle = total.idle + total.iowait.unwrap_or(0);
    let busy = total.user + total.nice + total.system + total.irq.unwrap_or(0) + total.softirq.unwrap_or(0);
    let busy = busy + total.steal.unwrap_or(0);
    Some((busy, busy + idle))
}

/// CPU time of all threads that live now, ns exact: clock ticks are too coarse for a tenth of a percent.
fn own_cpu() -> Option<Duration> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let times = tasks.flatten().filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Some(Duration::from_nanos(times.sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_are_fractions() {
        let mut gauges = Gauges::default();
        assert_eq!(gauges.sample().cpu, None, "nothing to compare with yet");
        let sample = gauges.sample();
        for fraction in [sample.cpu, sample.memory].into_iter().flatten() {
            assert!((0.0..=1.0).contains(&fraction), "{sample:?}");
        }
        assert!(sample.memory.is_some() && sample.load.is_some());
    }
}
