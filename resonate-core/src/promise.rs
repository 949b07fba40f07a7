//! The durable record of a value to come.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::{
    Address, Outcome, Payload, PromiseId, RetryPolicy, Schedule, Seq, SettleKey, Task, Timestamp,
};

/// A promise and, if it has a target, its task: what one row of a store keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The promise.
    pub promise: Promise,
    /// The right and the duty to execute it.
    pub task: Option<Task>,
}

/// The durable record of a value to come. It leaves `pending` at most once; settled, it never changes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Its name.
    pub id: PromiseId,
    /// What will settle it.
    pub kind: Kind,
    /// Pending, or how it settled.
    pub state: PromiseState,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it settles by itself. A child's is never later than its parent's, unless it is shielded.
    pub timeout_at: Timestamp,
    /// Where it was asked for, if it is a child.
    pub origin: Option<Origin>,
    /// Which history its execution is in: 1, and one more after each `continue_as`.
    pub generation: u32,
    /// No cancellation wave enters it.
    pub shielded: bool,
    /// It undoes something, and runs only if that is needed.
    pub compensation: Option<Compensation>,
    /// Searchable; set by the caller and the function.
    pub labels: BTreeMap<String, String>,
    /// Set at creation, never changed: trace context and the like.
    pub tags: BTreeMap<String, String>,
    /// Proxies in other trees that await it.
    pub awaiters: Vec<PromiseId>,
}

/// What will settle a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// An execution of a function.
    Call(Arc<Call>),
    /// A closure that its caller runs in place.
    Step,
    /// Its own timeout, which resolves it.
    Timer,
    /// Somebody outside.
    External,
    /// What becomes of a promise that is not below its caller.
    Proxy(Link),
    /// Nothing: it creates roots when the clock says so, until it is deleted. Its timeout is its next fire time.
    Schedule(Arc<Schedule>),
}

/// A use of a function: which one and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The function.
    pub address: Address,
    /// What the caller believes of its parameters and result.
    pub signature: u64,
    /// Its arguments.
    pub param: Payload,
    /// When failed attempts are tried again; none if nobody has said so yet, and then as who claims it announced.
    pub retry: Option<RetryPolicy>,
    /// Before others of its service, when higher; none counts as 0.
    pub priority: Option<i8>,
    /// Not started earlier.
    pub start_at: Timestamp,
}

/// What a call undoes that runs only if its caller ends canceled, timed out or with an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compensation {
    /// The call whose value it takes, and without which it is not needed; none runs with arguments of its own.
    pub of: Option<PromiseId>,
    /// The future of that call was dropped: it runs once the call has a value, whatever becomes of the caller.
    pub is_due: bool,
}

/// Where a child was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its caller.
    pub parent: PromiseId,
    /// The generation of the caller's history it belongs to.
    pub generation: u32,
    /// The number of the call in its caller, checked by replay.
    pub position: u32,
    /// File and line of the call.
    pub location: Arc<str>,
    /// The time of the latest log entry the caller had been shown.
    pub called_at: Timestamp,
    /// How many callers are above it.
    pub depth: u32,
}

/// What a proxy stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Link {
    /// A call with an id of its own; awaited, or only started.
    Call {
        /// Its promise.
        promise: Box<NewPromise>,
        /// The proxy settles with the id as soon as the promise exists.
        detached: bool,
    },
    /// A promise from elsewhere.
    Await {
        /// Its id.
        id: PromiseId,
    },
    /// A promise from elsewhere is settled or canceled; the proxy says what came of it.
    Tell {
        /// Its id.
        id: PromiseId,
        /// What it is told.
        outcome: Outcome,
    },
}

impl Link {
    /// The promise it stands for.
    #[must_use]
    pub fn target(&self) -> &PromiseId {
        match self {
            Self::Call { promise, .. } => &promise.id,
            Self::Await { id } | Self::Tell { id, .. } => id,
        }
    }
}

/// A root to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPromise {
    /// Its name.
    pub id: PromiseId,
    /// What to call; none for a promise that somebody outside settles.
    pub call: Option<Arc<Call>>,
    /// When it settles by itself.
    pub timeout_at: Timestamp,
    /// Searchable.
    pub labels: BTreeMap<String, String>,
    /// Never changed.
    pub tags: BTreeMap<String, String>,
}

/// Pending, or settled for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PromiseState {
    /// Nobody knows yet.
    Pending,
    /// It ended so.
    Settled(Box<Settled>),
}

/// How and when a promise settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// How.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
    /// At which place of its partition's log.
    pub seq: Seq,
    /// The request from outside that settled it, if it had a key.
    pub key: Option<SettleKey>,
    /// What it was canceled with: the promise above it whose end, or whose next generation, began the wave; none if it was
    /// settled by itself.
    pub because_of: Option<PromiseId>,
}

impl Promise {
    /// How it settled, if it did.
    #[must_use]
    pub fn settled(&self) -> Option<&Settled> {
        match &self.state {
            PromiseState::Pending => None,
            PromiseState::Settled(settled) => Some(settled),
        }
    }

    /// The schedule, if it is one.
    #[must_use]
    pub fn schedule(&self) -> Option<&Schedule> {
        match &self.kind {
            Kind::Schedule(schedule) => Some(schedule),
            Kind::Call(_) | Kind::Step | Kind::Timer | Kind::External | Kind::Proxy(_) => None,
        }
    }

    /// True until it settles.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.state, PromiseState::Pending)
    }

    /// The call, if it is one.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        match &self.kind {
            Kind::Call(call) => Some(call),
            Kind::Step | Kind::Timer | Kind::External | Kind::Proxy(_) | Kind::Schedule(_) => None,
        }
    }

    /// Its caller, if it is a child.
    #[must_use]
    pub fn parent(&self) -> Option<&PromiseId> {
        self.origin.as_ref().map(|origin| &origin.parent)
    }

    /// Its state, as people read it.
    #[must_use]
    pub fn state_name(&self) -> &'static str {
        self.settled()
            .map_or("pending", |settled| settled.outcome.state())
    }
}

impl Record {
    /// The earliest moment at which somebody must look at it: since when it is ready or leased, its next retry, its timeout.
    /// A store finds it by this after a restart.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        if !self.promise.is_pending() {
            return None;
        }
        let task = self.task.as_ref().and_then(Task::due_at);
        let timeout = Some(self.promise.timeout_at).filter(|at| !at.is_never());
        match (task, timeout) {
            (Some(task), Some(timeout)) => Some(task.min(timeout)),
            (some, other) => some.or(other),
        }
    }
}

impl Payload {
    const DIGEST: &'static str = "digest";

    /// A digest of encoding and bytes, for telling arguments apart.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let kept = self
            .headers
            .get(Self::DIGEST)
            .filter(|_| self.data.is_empty());
        if let Some(digest) = kept.and_then(|digest| u64::from_str_radix(digest, 16).ok()) {
            return digest;
        }
        let seed = XxHash3_64::oneshot(self.encoding.0.as_bytes());
        XxHash3_64::oneshot_with_seed(seed, &self.data)
    }

    /// The same payload without its bytes; its digest stays known.
    #[must_use]
    pub fn without_data(&self) -> Self {
        let digest = format!("{:016x}", self.digest());
        let headers = BTreeMap::from([(Self::DIGEST.to_owned(), digest)]);
        Self {
            encoding: self.encoding.clone(),
            headers,
            data: bytes::Bytes::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_without_its_data_keeps_its_digest() {
        let payload = Payload::json("[1,2]");
        let stripped = payload.without_data();
        assert_eq!(
            (stripped.digest(), stripped.data.len()),
            (payload.digest(), 0)
        );
        assert_ne!(Payload::json("").digest(), payload.digest());
        assert_eq!(stripped.without_data(), stripped);
    }
}
