//! The network between the server and the processes: each has a line that is slow, stands still in one direction, or
//! breaks what runs over it. It carries TCP: within a stream nothing is lost, doubled or reordered, a stream breaks
//! instead, and the two sides learn of that at different times.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

use crate::{dice::Dice, faults::Swarm, sim::Sim};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    FromServer,
}

/// After so long without a sign of life a side gives a connection up.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// The line of one process. Clones are the same.
#[derive(Clone)]
pub(crate) struct Line(Arc<Inner>);

struct Inner {
    sim: Sim,
    dice: Dice,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Nothing passes in this direction, since then.
    blocked: [Option<Instant>; 2],
    /// Grows with each order to break everything that is open.
    breaks: u64,
    /// The longest that a message takes.
    slowest: u64,
    /// Of 1,000 requests so many are lost, or answered in vain; so many come twice.
    lost: u32,
    doubled: u32,
    /// Of 1,000 streams so many are never answered, and do not break.
    withheld: u32,
}

impl Line {
    pub(crate) fn new(sim: &Sim, swarm: &Swarm) -> Self {
        let state = State {
            slowest: swarm.slowest_line,
            lost: swarm.lost,
            doubled: swarm.doubled,
            withheld: swarm.withheld,
            ..State::default()
        };
        Self(Arc::new(Inner {
            sim: sim.clone(),
            dice: sim.dice().apart(),
            state: Mutex::new(state),
            changed: Notify::new(),
        }))
    }

    pub(crate) fn dice(&self) -> &Dice {
        &self.0.dice
    }

    /// Nothing passes this way, or everything does.
    pub(crate) fn block(&self, way: Way, blocked: bool) {
        self.state().blocked[way as usize] = blocked.then(Instant::now);
        self.0.changed.notify_waiters();
    }

    /// Everything that is open breaks.
    pub(crate) fn break_all(&self) {
        self.state().breaks += 1;
        self.0.changed.notify_waiters();
    }

    /// No faults from now on.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        state.blocked = [None, None];
        state.slowest = 5;
        (state.lost, state.doubled, state.withheld) = (0, 0, 0);
        drop(state);
        self.0.changed.notify_waiters();
    }

    /// A message is on its way.
    pub(crate) async fn travel(&self, way: Way) {
        let slowest = self.state().slowest;
        // Most are fast.
        let longest = if self.0.dice.per_mille(50) {
            slowest
        } else {
            slowest / 10 + 1
        };
        sleep(self.0.dice.millis(0, longest)).await;
        loop {
            let changed = self.0.changed.notified();
            if self.state().blocked[way as usize].is_none() {
                return;
            }
            changed.await;
        }
    }

    /// True if this request, or its answer, does not arrive.
    pub(crate) fn loses(&self) -> bool {
        let lost = self.state().lost;
        self.0.dice.per_mille(lost)
    }

    /// True if this request arrives a second time.
    pub(crate) fn doubles(&self) -> bool {
        let doubled = self.state().doubled;
        self.0.dice.per_mille(doubled)
    }

    /// True if nothing that the server says on this stream arrives.
    pub(crate) fn withholds(&self) -> bool {
        let withheld = self.state().withheld;
        self.0.dice.per_mille(withheld)
    }

    /// Returns when what was opened now is broken: by order, or since there was no sign of life for too long.
    pub(crate) async fn broken(&self) {
        let opened = self.state().breaks;
        loop {
            let changed = self.0.changed.notified();
            let dead_at = {
                let state = self.state();
                if state.breaks != opened {
                    return;
                }
                let since = state.blocked.iter().flatten().min();
                since.map(|since| *since + KEEPALIVE)
            };
            match dead_at {
                None => changed.await,
                Some(at) if at <= Instant::now() => {
                    self.0
                        .sim
                        .count("a connection without a sign of life was given up");
                    return;
                }
                Some(at) => tokio::select! {
                    biased;
                    () = changed => {}
                    () = sleep_until(at) => {}
                },
            }
        }
    }

    /// How long it takes a side to notice that a connection is broken: at once, or only by the missing sign of life.
    pub(crate) fn notice(&self) -> Duration {
        if self.0.dice.per_mille(250) {
            self.0.dice.millis(1_000, 15_000)
        } else {
            self.0.dice.millis(0, 20)
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
