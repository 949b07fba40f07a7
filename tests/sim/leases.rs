//! Leases, once more: a worker that said hello keeps what it holds for a whole lease from then on at least, and after a
//! restart of the server every worker does.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use resonate_core::{PromiseId, Record, SessionId, Task, TaskState, TaskVersion, Timestamp};
use resonate_proto::stream::FromWorker;

/// Who said hello, and which claims have arrived.
#[derive(Default)]
pub(crate) struct Leases {
    length: Duration,
    started: Timestamp,
    heard: BTreeMap<SessionId, Timestamp>,
    /// What came after the round had begun that is under way.
    came: Vec<(SessionId, Timestamp)>,
    acknowledged: BTreeSet<(PromiseId, TaskVersion)>,
    stalled: BTreeSet<(PromiseId, TaskVersion)>,
}

impl Leases {
    /// The server starts.
    pub(crate) fn begins(&mut self, now: Timestamp, length: Duration) {
        (self.started, self.length) = (now, length);
        self.came.clear();
    }

    /// The engine looks at what has come.
    pub(crate) fn round_begins(&mut self) {
        self.heard.extend(self.came.drain(..));
    }

    /// A worker says something.
    pub(crate) fn hears(&mut self, session: SessionId, item: &FromWorker, now: Timestamp) {
        match item {
            FromWorker::Hello(_) => self.came.push((session, now)),
            // It makes the lease longer, unless its stream is over for the engine; so nothing is made of it here.
            FromWorker::Heartbeat { stalled, .. } => {
                let stalled = stalled.iter();
                self.stalled
                    .extend(stalled.map(|held| (held.task.clone(), held.version)));
            }
            FromWorker::Acknowledge { task, version } => {
                self.acknowledged.insert((task.clone(), *version));
            }
            FromWorker::Turn(_)
            | FromWorker::Credits { .. }
            | FromWorker::Reclaim(_)
            | FromWorker::NeedHistory { .. }
            | FromWorker::Drain
            | FromWorker::GiveBack { .. } => {}
        }
    }

    /// A claim that has arrived is not counted as lost before its lease is over.
    pub(crate) fn may_take_back(
        &self,
        before: Option<&Record>,
        after: &Record,
        now: Timestamp,
    ) -> Result<(), String> {
        let tasks = before
            .and_then(|before| before.task.as_ref())
            .zip(after.task.as_ref());
        let Some((before, after_task)) = tasks else {
            return Ok(());
        };
        let Some(session) = holder(before) else {
            return Ok(());
        };
        let is_lost = after_task.losses > before.losses
            && after_task.failures == before.failures
            && after_task.version == before.version;
        let claim = (after.promise.id.clone(), before.version);
        if !is_lost || !self.acknowledged.contains(&claim) || self.stalled.contains(&claim) {
            return Ok(());
        }
        let heard = self.heard.get(&session).copied().unwrap_or_default();
        // What takes time between its arrival and the engine's look at it only makes it longer.
        let ends = heard.max(self.started).after(self.length);
        if ends <= now {
            return Ok(());
        }
        Err(format!(
            "its lease ends at {ends}, and was taken back at {now}"
        ))
    }
}

fn holder(task: &Task) -> Option<SessionId> {
    match task.state {
        TaskState::Leased { session, .. } => Some(session),
        TaskState::Pending { .. }
        | TaskState::Suspended { .. }
        | TaskState::Halted(_)
        | TaskState::Done => None,
    }
}
