//! Chance, from a seed: the same seed throws the same dice.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A stream of numbers. Clones throw the same dice in turn.
#[derive(Clone, Debug)]
pub(crate) struct Dice(Arc<Mutex<fastrand::Rng>>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// A stream of its own, so that one who throws more does not change what others throw.
    pub(crate) fn apart(&self) -> Self {
        Self::new(self.throw(fastrand::Rng::u64_full))
    }

    /// True so often, of 1,000 times.
    pub(crate) fn per_mille(&self, of: u32) -> bool {
        self.below(1_000) < u64::from(of)
    }

    /// Less than this; 0 if it is 0.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.throw(|rng| if end == 0 { 0 } else { rng.u64(..end) })
    }

    /// Both ends included.
    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub(crate) fn millis(&self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    pub(crate) fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    fn throw<T>(&self, throw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        throw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

trait Full {
    fn u64_full(&mut self) -> u64;
}

impl Full for fastrand::Rng {
    fn u64_full(&mut self) -> u64 {
        self.u64(..)
    }
}
