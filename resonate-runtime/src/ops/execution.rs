//! Which execution this is: for idempotency keys and fences in other systems.

use resonate_core::PromiseId;

use crate::context::{
    Subject,
    current::{self, Scope},
};

/// The execution whose function asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    id: PromiseId,
    version: u64,
    attempt: u32,
    key: String,
}

impl Execution {
    /// The id of its promise: the same for all attempts.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// What to give another system so that it does something once: the same on every attempt, on whatever worker.
    ///
    /// In a step it is the step's own, so each step of an execution has another; in one that is [`pure`] it is the
    /// function's. A function that goes on as another by [`continue_as`] has a new one.
    ///
    /// ```ignore
    /// let receipt = step(|| async {
    ///     let request = client.post(&url).header("Idempotency-Key", execution().idempotency_key());
    ///     Ok::<_, Error>(request.json(&charge).send().await?.error_for_status()?.json().await?)
    /// });
    /// ```
    ///
    /// [`pure`]: crate::Step::pure
    /// [`continue_as`]: crate::continue_as
    #[must_use]
    pub fn idempotency_key(&self) -> &str {
        &self.key
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
    let Scope { context, step } = current::scope()?;
    let Subject {
        id,
        attempt,
        generation,
        ..
    } = context.subject().clone();
    let step = step.and_then(|step| step.id.clone());
    let key = match step {
        Some(step) => step.as_str().to_owned(),
        // As its children's ids do.
        None if generation > 1 => format!("{id}.~{generation}"),
        None => id.as_str().to_owned(),
    };
    Some(Execution {
        id,
        version: context.version().0,
        attempt,
        key,
    })
}

/// True while a durable function does again what it, or an earlier attempt, did before.
#[must_use]
pub fn is_replaying() -> bool {
    current::scope().is_some_and(|scope| scope.context.is_replaying())
}
