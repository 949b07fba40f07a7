//! Which execution this is: for idempotency keys and fences in other systems.

use resonate_core::PromiseId;

use crate::context::{Subject, current};

/// The execution whose function asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    id: PromiseId,
    version: u64,
    attempt: u32,
}

impl Execution {
    /// The id of its promise: the same for all attempts, so a good idempotency key.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Its fencing token: higher for every later claim, so an outside system that remembers the highest it saw can
    /// refuse a worker that was taken for dead.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// The execution whose function asks.
///
/// # Panics
/// Outside of durable functions, also in a tokio task that one has spawned.
#[must_use]
#[track_caller]
pub fn execution() -> Execution {
    match try_execution() {
        Some(execution) => execution,
        None => panic!(
            "`execution()` is outside of a durable function; ask in the function itself and hand the answer on"
        ),
    }
}

/// The execution whose function asks, if one does.
#[must_use]
pub fn try_execution() -> Option<Execution> {
    let context = current::scope()?.context;
    let Subject { id, attempt, .. } = context.subject().clone();
    Some(Execution {
        id,
        version: context.version().0,
        attempt,
    })
}

/// True while a durable function does again what it, or an earlier attempt, did before.
#[must_use]
pub fn is_replaying() -> bool {
    current::scope().is_some_and(|scope| scope.context.with(|inner| inner.replay.is_replaying()))
}
