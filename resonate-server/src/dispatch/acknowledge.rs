//! Dispatches that no worker has acknowledged yet; after a lease they count as lost. Pure.
//!
//! The lease counts from when the dispatch was on its way: while its stream is behind, it is looked at again later.

use std::collections::{BTreeMap, VecDeque};

use resonate_core::{
    PromiseId, SessionId, TaskVersion, Timestamp,
    mutants::{Mutant, planted},
};

/// A dispatch that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Which task.
    pub(crate) task: PromiseId,
    /// Under which fencing token.
    pub(crate) version: TaskVersion,
    /// To whom.
    pub(crate) session: SessionId,
    /// It was looked at once, and had left for its worker by then.
    pub(crate) has_left: bool,
}

/// What was sent and not acknowledged, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Unacknowledged {
    open: BTreeMap<PromiseId, (TaskVersion, SessionId)>,
    order: VecDeque<(Timestamp, Sent)>,
}

impl Unacknowledged {
    /// A dispatch was sent; it is looked at again at `until` if nobody acknowledges it. `until` never goes back.
    pub(crate) fn sent(&mut self, until: Timestamp, sent: Sent) {
        self.open
            .insert(sent.task.clone(), (sent.version, sent.session));
        self.order.push_back((until, sent));
    }

    /// It arrived.
    pub(crate) fn acknowledge(&mut self, task: &PromiseId, version: TaskVersion) {
        if self
            .open
            .get(task)
            .is_some_and(|(open, _)| *open == version)
        {
            self.open.remove(task);
        }
        self.skip_answered();
    }

    /// Takes out what nobody acknowledged in time.
    pub(crate) fn take_overdue(&mut self, now: Timestamp) -> Vec<Sent> {
        if planted(Mutant::NoSecondDispatch) {
            return Vec::new();
        }
        let mut overdue = Vec::new();
        while let Some((until, _)) = self.order.front()
            && *until <= now
        {
            let Some((_, sent)) = self.order.pop_front() else {
                break;
            };
            if self.is_open(&sent) {
                self.open.remove(&sent.task);
                overdue.push(sent);
            }
        }
        overdue
    }

    /// When the next one is overdue.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let next = self.order.front().map(|(until, _)| *until);
        next.filter(|_| !planted(Mutant::NoSecondDispatch))
    }

    fn is_open(&self, sent: &Sent) -> bool {
        self.open.get(&sent.task) == Some(&(sent.version, sent.session))
    }

    /// Acknowledgements come nearly in order, so what is answered leaves at the front.
    fn skip_answered(&mut self) {
        while let Some((_, sent)) = self.order.front()
            && !self.is_open(sent)
        {
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(task: &str, version: u64) -> Sent {
        let task = PromiseId::new(task).expect("a good id");
        Sent {
            task,
            version: TaskVersion(version),
            session: SessionId(1),
            has_left: false,
        }
    }

    #[test]
    fn only_what_nobody_acknowledged_is_overdue() {
        let at = Timestamp::from_millis;
        let mut open = Unacknowledged::default();
        open.sent(at(10), sent("a", 1));
        open.sent(at(11), sent("b", 1));
        open.acknowledge(&sent("a", 1).task, TaskVersion(1));
        assert_eq!(open.take_overdue(at(10)), []);
        assert_eq!(open.take_overdue(at(11)), [sent("b", 1)]);
        assert_eq!(open.next(), None);
    }

    #[test]
    fn a_late_acknowledgement_of_an_earlier_claim_does_not_count_for_the_next() {
        let at = Timestamp::from_millis;
        let mut open = Unacknowledged::default();
        open.sent(at(10), sent("a", 1));
        open.sent(at(20), sent("a", 2));
        open.acknowledge(&sent("a", 1).task, TaskVersion(1));
        assert_eq!(open.take_overdue(at(20)), [sent("a", 2)]);
    }
}
