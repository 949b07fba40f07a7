//! Which session holds which tasks, by lease or tie, and which sessions are alive. Pure; derived from the records.

use std::{collections::BTreeMap, time::Duration};

use resonate_core::{
    PromiseId, Record, SessionId, TaskVersion, Timestamp,
    mutants::{Mutant, planted},
    session::Sessions,
};

/// All sessions and what they hold.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    sessions: Sessions,
    held: BTreeMap<SessionId, BTreeMap<PromiseId, TaskVersion>>,
}

impl Leases {
    /// A record changed, or was read from the store. A session that only the store remembers gets a lease of grace.
    ///
    /// Returns the session that does not hold the task any more.
    pub(crate) fn update(
        &mut self,
        before: Option<&Record>,
        after: &Record,
        steady: Timestamp,
        lease: Duration,
    ) -> Option<SessionId> {
        let id = &after.promise.id;
        let (was, is) = (before.and_then(holder), holder(after));
        if was == is {
            return None;
        }
        if let Some((session, version)) = is {
            self.held
                .entry(session)
                .or_default()
                .insert(id.clone(), version);
            let lease = if planted(Mutant::NoGrace) {
                Duration::ZERO
            } else {
                lease
            };
            if !self.sessions.is_alive(session) {
                self.sessions.heartbeat(steady, session, lease);
            }
        }
        let (left, _) = was.filter(|(left, _)| is.is_none_or(|(session, _)| session != *left))?;
        if let Some(held) = self.held.get_mut(&left) {
            held.remove(id);
            if held.is_empty() {
                self.held.remove(&left);
            }
        }
        Some(left)
    }

    /// The worker was heard of.
    pub(crate) fn heartbeat(&mut self, steady: Timestamp, session: SessionId, lease: Duration) {
        self.sessions.heartbeat(steady, session, lease);
    }

    /// The worker has left and holds nothing.
    pub(crate) fn close(&mut self, session: SessionId) {
        self.sessions.close(session);
    }

    /// Takes out the sessions whose lease has ended.
    pub(crate) fn take_expired(&mut self, steady: Timestamp) -> Vec<SessionId> {
        self.sessions.take_expired(steady)
    }

    /// When the next lease ends.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.sessions.next_expiry()
    }

    /// What a session holds.
    pub(crate) fn held_by(
        &self,
        session: SessionId,
    ) -> impl Iterator<Item = (&PromiseId, TaskVersion)> {
        self.held
            .get(&session)
            .into_iter()
            .flatten()
            .map(|(id, version)| (id, *version))
    }

    /// How much a session holds.
    pub(crate) fn count(&self, session: SessionId) -> usize {
        self.held.get(&session).map_or(0, BTreeMap::len)
    }
}

fn holder(record: &Record) -> Option<(SessionId, TaskVersion)> {
    let task = record.task.as_ref()?;
    task.session().map(|session| (session, task.version))
}
