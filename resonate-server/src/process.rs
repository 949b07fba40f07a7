//! Figures of this process, as the system keeps them. Where there is no `/proc` they are zero.

use std::{fs, time::Duration};

/// How many ticks a second the kernel counts for user programs; the same on every Linux.
const TICKS: u64 = 100;

/// Processor time of all threads so far.
pub(crate) fn cpu() -> Duration {
    let threads = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    // A thread that has ended is counted by ticks only.
    Duration::from_nanos(nanoseconds.sum()).max(cpu_by_ticks().unwrap_or_default())
}

/// Memory that is resident.
pub(crate) fn resident_bytes() -> u64 {
    let read = || {
        let text = fs::read_to_string("/proc/self/statm").ok()?;
        text.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    read().unwrap_or(0) * 4096
}

/// How long ago the process was started.
pub(crate) fn age() -> Option<Duration> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let started = Duration::from_millis(stat(21)? * (1000 / TICKS));
    Duration::try_from_secs_f64(uptime)
        .ok()?
        .checked_sub(started)
}

fn cpu_by_ticks() -> Option<Duration> {
    Some(Duration::from_millis(
        (stat(13)? + stat(14)?) * (1000 / TICKS),
    ))
}

/// A field of `/proc/self/stat`, counted from 0. The second one is a name in brackets that may have spaces.
fn stat(field: usize) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace()
        .nth(field.checked_sub(2)?)?
        .parse()
        .ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_running_process_are_not_zero() {
        assert!(resident_bytes() > 1 << 20);
        assert!(age().is_some_and(|age| age < Duration::from_secs(3600)));
        let mut spent = 0_u64;
        while cpu() == Duration::ZERO {
            spent = spent.wrapping_add(1);
        }
    }
}
