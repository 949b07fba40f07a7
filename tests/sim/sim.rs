//! What every part of a run shares: the clock, the trace, the counters, the model, and the first thing that was wrong.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use resonate_core::Timestamp;
use resonate_server::clock::Moment;
use tokio::{sync::Notify, time::Instant};

use crate::{dice::Dice, model::Model, trace::Trace};

/// Counts by name: faults, probes, figures.
pub(crate) type Counters = BTreeMap<&'static str, u64>;

/// What every part of a run shares. Clones are the same.
#[derive(Clone)]
pub(crate) struct Sim(Arc<Inner>);

struct Inner {
    started: Instant,
    trace: Mutex<Trace>,
    counters: Mutex<Counters>,
    model: Mutex<Model>,
    wrong: Mutex<Option<String>>,
    ended: Notify,
    dice: Dice,
    latest: AtomicI64,
    /// Commits since the last look at the whole state, and after how many the next one is.
    unchecked: AtomicU64,
    check_every: u64,
}

/// When it begins: in 2026.
const EPOCH: i64 = 1_790_000_000_000;

thread_local! {
    /// How far the time of day is ahead of the clock that only runs.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
    static STARTED: Cell<Option<Instant>> = const { Cell::new(None) };
}

impl Sim {
    /// A run that begins now, in the runtime that this is called in.
    pub(crate) fn begin(dice: Dice, is_shown: bool) -> Self {
        let started = Instant::now();
        AHEAD.set(EPOCH);
        STARTED.set(Some(started));
        Self(Arc::new(Inner {
            started,
            trace: Mutex::new(Trace::new(is_shown)),
            counters: Mutex::default(),
            model: Mutex::default(),
            wrong: Mutex::default(),
            ended: Notify::new(),
            latest: AtomicI64::new(EPOCH),
            unchecked: AtomicU64::new(0),
            check_every: dice.pick(&[1, 4, 16, 64]),
            dice,
        }))
    }

    pub(crate) fn dice(&self) -> &Dice {
        &self.0.dice
    }

    /// Since the run began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// Both clocks of the server.
    pub(crate) fn now(&self) -> Moment {
        Moment {
            wall: Timestamp::from_millis(wall()),
            steady: Timestamp::ZERO.after(self.elapsed()),
        }
    }

    /// Somebody sets the time of day.
    pub(crate) fn step_clock(&self, millis: i64) {
        self.latest_wall();
        AHEAD.set(AHEAD.get().saturating_add(millis).max(0));
    }

    /// The latest time of day that there ever was: the server's does not go back.
    pub(crate) fn latest_wall(&self) -> Timestamp {
        let latest = self
            .0
            .latest
            .fetch_max(wall(), Ordering::Relaxed)
            .max(wall());
        Timestamp::from_millis(latest)
    }

    /// Looks at the whole state after every so many commits.
    pub(crate) fn check_now_and_then(&self) {
        let commits = self.0.unchecked.fetch_add(1, Ordering::Relaxed) + 1;
        if commits >= self.0.check_every {
            self.0.unchecked.store(0, Ordering::Relaxed);
            let right = self.model().check();
            self.check(right);
            self.count("whole states checked");
        }
    }

    pub(crate) fn count(&self, what: &'static str) {
        self.add(what, 1);
    }

    pub(crate) fn add(&self, what: &'static str, count: u64) {
        *lock(&self.0.counters).entry(what).or_default() += count;
    }

    pub(crate) fn counters(&self) -> Counters {
        lock(&self.0.counters).clone()
    }

    pub(crate) fn trace(&self, line: fmt::Arguments<'_>) {
        let elapsed = self.elapsed();
        lock(&self.0.trace).add(elapsed, line);
    }

    pub(crate) fn trace_hash(&self) -> u64 {
        lock(&self.0.trace).hash()
    }

    pub(crate) fn last_lines(&self) -> Vec<String> {
        lock(&self.0.trace).last_lines()
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        lock(&self.0.model)
    }

    /// Something is as it must never be. The first one is kept, and the run ends.
    pub(crate) fn violation(&self, wrong: String) {
        self.trace(format_args!("WRONG: {wrong}"));
        lock(&self.0.wrong).get_or_insert(wrong);
        self.0.ended.notify_one();
    }

    pub(crate) fn check(&self, right: Result<(), String>) {
        if let Err(wrong) = right {
            self.violation(wrong);
        }
    }

    pub(crate) fn wrong(&self) -> Option<String> {
        lock(&self.0.wrong).clone()
    }

    /// Returns when something was wrong.
    pub(crate) async fn went_wrong(&self) {
        while self.wrong().is_none() {
            self.0.ended.notified().await;
        }
    }
}

/// The time of day, in milliseconds since 1970.
pub(crate) fn wall() -> i64 {
    let elapsed = STARTED.get().map(|started| started.elapsed());
    let millis = elapsed.unwrap_or_default().as_millis();
    AHEAD.get().saturating_add(i64::try_from(millis).unwrap())
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
