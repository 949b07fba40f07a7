//! Whether anything is polled where bodies run. A thread that never comes back, if it is the last one, leaves a worker
//! whose stream lives and whose tasks do not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, time::Instant};

use crate::{limits, testing::gate};

/// A probe that is spawned with a heartbeat, and again with the first one after it has run.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// The probe that has not been seen to run, and when it was spawned.
    probe: Option<(Instant, Arc<AtomicBool>)>,
}

/// What the pulse says of the threads where bodies run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// One of them polls.
    Beats,
    /// None has polled anything for a lease: what has not begun is better off elsewhere.
    Silent,
    /// None has for so many leases that none is expected back.
    Dead { silence: Duration },
}

impl Pulse {
    /// What to think of these threads now, where leases have this length.
    pub(super) fn verdict(&self, now: Instant, lease: Duration) -> Verdict {
        let silence = self.silence(now);
        if lease * limits::SILENT_LEASES <= silence {
            Verdict::Dead { silence }
        } else if lease <= silence {
            Verdict::Silent
        } else {
            Verdict::Beats
        }
    }

    /// How long nothing has been polled there, as far as is known.
    fn silence(&self, now: Instant) -> Duration {
        match &self.probe {
            Some((spawned, has_run)) if !has_run.load(Ordering::Acquire) => {
                now.saturating_duration_since(*spawned)
            }
            Some(_) | None => Duration::ZERO,
        }
    }

    /// Sends the next probe if the last one has run.
    pub(super) fn beat(&mut self, now: Instant, runtime: &Handle) {
        if matches!(&self.probe, Some((_, has_run)) if !has_run.load(Ordering::Acquire)) {
            return;
        }
        let has_run = Arc::new(AtomicBool::new(false));
        self.probe = Some((now, Arc::clone(&has_run)));
        gate::spawn(runtime, async move {
            has_run.store(true, Ordering::Release);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_that_polls_nothing_is_silent_until_it_does() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let (mut pulse, start) = (Pulse::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pulse.silence(at(0)), Duration::ZERO);
        pulse.beat(at(0), runtime.handle());
        pulse.beat(at(5), runtime.handle());
        assert_eq!(pulse.silence(at(7)), Duration::from_secs(7));
        runtime.block_on(tokio::task::yield_now());
        assert_eq!(pulse.silence(at(7)), Duration::ZERO);
        pulse.beat(at(8), runtime.handle());
        assert_eq!(pulse.silence(at(9)), Duration::from_secs(1));
    }
}
