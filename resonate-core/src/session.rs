//! Worker sessions: one heartbeat per worker carries all its leases. Times are a monotonic clock's.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    SessionId, Timestamp,
    mutants::{Mutant, planted},
};

/// What a store went through without being set back. One that goes on from a copy or a backup begins another, and what a
/// worker of the first holds, its sessions and fencing tokens, means nothing in the second, even where the numbers are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timeline(pub u64);

impl std::fmt::Display for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The sessions that are alive, and until when.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    expires_at: BTreeMap<SessionId, Timestamp>,
}

impl Sessions {
    /// A worker was heard of: its leases hold for `lease` from now. Also how a session begins, and how one that a store
    /// remembers gets its lease of grace after a restart.
    pub fn heartbeat(&mut self, now: Timestamp, session: SessionId, lease: Duration) {
        self.expires_at.insert(session, now.after(lease));
    }

    /// True while its leases hold.
    #[must_use]
    pub fn is_alive(&self, session: SessionId) -> bool {
        self.expires_at.contains_key(&session)
    }

    /// Takes out the sessions whose lease has ended; their tasks are released as lost.
    pub fn take_expired(&mut self, now: Timestamp) -> Vec<SessionId> {
        if planted(Mutant::LeaseNeverEnds) {
            return Vec::new();
        }
        let expired: Vec<_> = self
            .expires_at
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(session, _)| *session)
            .collect();
        for session in &expired {
            self.expires_at.remove(session);
        }
        expired
    }

    /// When the next lease ends.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Timestamp> {
        let next = self.expires_at.values().min().copied();
        next.filter(|_| !planted(Mutant::LeaseNeverEnds))
    }

    /// The worker has left.
    pub fn close(&mut self, session: SessionId) {
        self.expires_at.remove(&session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_session_expires_once_and_a_heartbeat_keeps_it() {
        let (lease, worker) = (Duration::from_secs(15), SessionId(1));
        let mut sessions = Sessions::default();
        sessions.heartbeat(Timestamp::from_millis(0), worker, lease);
        sessions.heartbeat(Timestamp::from_millis(10_000), worker, lease);
        assert_eq!(sessions.take_expired(Timestamp::from_millis(24_999)), []);
        assert!(sessions.is_alive(worker));
        assert_eq!(
            sessions.take_expired(Timestamp::from_millis(25_000)),
            [worker]
        );
        assert_eq!(sessions.take_expired(Timestamp::from_millis(25_000)), []);
        assert!(!sessions.is_alive(worker));
    }
}
