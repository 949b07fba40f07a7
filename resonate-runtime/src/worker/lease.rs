//! What a worker believes of its lease: it holds for its length from when the last word was sent that the server answered.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The lease of a session, from the worker's side. Pure: time is an argument.
#[derive(Debug)]
pub(crate) struct Lease {
    length: Duration,
    /// When the last answered word was sent; none before the first and after a loss.
    confirmed: Option<Instant>,
    /// Heartbeats without an answer, oldest first.
    unanswered: VecDeque<(u64, Instant)>,
    last: u64,
}

impl Lease {
    pub(crate) const fn new() -> Self {
        Self {
            length: resonate_core::limits::LEASE,
            confirmed: None,
            unanswered: VecDeque::new(),
            last: 0,
        }
    }

    /// The hello that was sent at `sent` was answered: leases have this length.
    pub(crate) fn welcomed(&mut self, sent: Instant, length: Duration) {
        self.length = length;
        self.confirmed = Some(sent);
        self.unanswered.clear();
    }

    /// The number of the heartbeat that is sent now.
    pub(crate) fn beat(&mut self, now: Instant) -> u64 {
        self.last += 1;
        self.unanswered.push_back((self.last, now));
        self.last
    }

    /// The server answered this one, and so had all before it.
    pub(crate) fn answered(&mut self, n: u64) {
        while let Some((beat, sent)) = self.unanswered.front().copied()
            && beat <= n
        {
            self.unanswered.pop_front();
            self.confirmed = self.confirmed.max(Some(sent));
        }
    }

    /// True if the server has answered this heartbeat, so whatever it sent before it has arrived.
    pub(crate) fn is_answered(&self, n: u64) -> bool {
        let oldest = self.unanswered.front();
        oldest.is_none_or(|(beat, _)| n < *beat)
    }

    /// Everything was dropped: there is no lease until the next welcome.
    pub(crate) fn lose(&mut self) {
        self.confirmed = None;
        self.unanswered.clear();
    }

    /// When it is over unless something is answered; none if there is none.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        self.confirmed.map(|confirmed| confirmed + self.length)
    }

    /// True if there was one and it is over.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.ends_at().is_some_and(|end| end <= now)
    }

    pub(crate) fn length(&self) -> Duration {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(15);

    #[test]
    fn it_counts_from_when_the_answered_word_was_sent() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut lease = Lease::new();
        assert!(!lease.is_over(at(1_000)));
        lease.welcomed(at(0), LENGTH);
        let (first, second) = (lease.beat(at(5)), lease.beat(at(10)));
        assert!(lease.is_over(at(15)));
        assert!(!lease.is_answered(first));
        lease.answered(first);
        assert!(lease.is_answered(first) && !lease.is_answered(second));
        assert!(!lease.is_over(at(19)) && lease.is_over(at(20)));
        lease.answered(second);
        assert!(lease.is_answered(second));
        lease.answered(first);
        assert_eq!(lease.ends_at(), Some(at(25)));
    }

    #[test]
    fn a_lost_lease_begins_again_with_a_welcome_only() {
        let start = Instant::now();
        let mut lease = Lease::new();
        lease.welcomed(start, LENGTH);
        let n = lease.beat(start);
        lease.lose();
        lease.answered(n);
        assert_eq!(lease.ends_at(), None);
        lease.welcomed(start, LENGTH);
        assert_eq!(lease.ends_at(), Some(start + LENGTH));
    }
}
