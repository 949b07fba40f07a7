//! What goes to the server, in order: turns until they are answered, everything else once.
//!
//! Its bound is that of the table: an execution has at most one unanswered turn, and asks for one thing at a time.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use resonate_core::{
    ChildKind, End, Link, NewChild, Op, Payload, PromiseId, TaskVersion, Turn,
    limits::MESSAGE_BYTES,
};
use resonate_proto::stream::FromWorker;
use tokio::sync::Notify;

/// The way out of a worker. It is filled from any thread and emptied by the stream's.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// Not yet sent on this stream.
    unsent: VecDeque<Item>,
    /// By the order in which they were submitted.
    unanswered: BTreeMap<u64, Turn>,
    of_task: HashMap<PromiseId, u64>,
    last: u64,
}

#[derive(Debug)]
enum Item {
    /// Still to be sent, if it is still in `unanswered`.
    Turn(u64),
    Other(Box<FromWorker>),
}

impl Outbox {
    /// A turn, sent again on each new stream until it is answered or forgotten.
    ///
    /// One of an older claim than that of the turn that waits is nobody's any more.
    pub(crate) fn submit(&self, turn: Turn) {
        let mut queue = self.lock();
        let waiting = queue.of_task.get(&turn.id);
        let waiting = waiting.and_then(|no| queue.unanswered.get(no));
        if waiting.is_some_and(|waiting| waiting.version > turn.version) {
            return;
        }
        queue.last += 1;
        let no = queue.last;
        if let Some(earlier) = queue.of_task.insert(turn.id.clone(), no) {
            // The execution went on, so it has the answer to its earlier turn by other means.
            queue.unanswered.remove(&earlier);
        }
        queue.unanswered.insert(no, turn);
        queue.unsent.push_back(Item::Turn(no));
        drop(queue);
        self.filled.notify_one();
    }

    /// Anything else; it is lost with the stream.
    pub(crate) fn send(&self, item: FromWorker) {
        self.lock().unsent.push_back(Item::Other(Box::new(item)));
        self.filled.notify_one();
    }

    /// Wakes the stream although nothing was added: a slot became free.
    pub(crate) fn wake(&self) {
        self.filled.notify_one();
    }

    /// Returns when something may have been added. Cancel-safe.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes the next items to be sent, at most so many and about one message of them.
    pub(crate) fn take(&self, max: usize) -> Vec<FromWorker> {
        let mut queue = self.lock();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < max
            && bytes < MESSAGE_BYTES
            && let Some(item) = queue.unsent.pop_front()
        {
            match item {
                Item::Turn(no) => {
                    if let Some(turn) = queue.unanswered.get(&no).cloned() {
                        bytes += payload_bytes(&turn);
                        batch.push(FromWorker::Turn(turn));
                    }
                }
                Item::Other(item) => batch.push(*item),
            }
        }
        if !queue.unsent.is_empty() {
            self.filled.notify_one();
        }
        batch
    }

    /// A new stream: all turns that are not answered go again, in order; the rest was of the old one.
    pub(crate) fn reopen(&self) {
        let mut queue = self.lock();
        queue.unsent = queue.unanswered.keys().copied().map(Item::Turn).collect();
        self.filled.notify_one();
    }

    /// A turn is answered; false if nobody waits for this answer.
    pub(crate) fn answered(&self, task: &PromiseId, version: TaskVersion, n: u32) -> bool {
        let mut queue = self.lock();
        let is_this = |turn: &Turn| turn.version == version && turn.n == n;
        let no = queue.of_task.get(task).copied();
        let Some(no) = no.filter(|no| queue.unanswered.get(no).is_some_and(is_this)) else {
            return false;
        };
        queue.unanswered.remove(&no);
        queue.of_task.remove(task);
        true
    }

    /// The claim is over here: what it had to say is said by nobody any more.
    pub(crate) fn forget(&self, task: &PromiseId, version: TaskVersion) {
        let mut queue = self.lock();
        let no = queue.of_task.get(task).copied();
        if let Some(no) = no.filter(|no| {
            queue
                .unanswered
                .get(no)
                .is_some_and(|turn| turn.version <= version)
        }) {
            queue.unanswered.remove(&no);
            queue.of_task.remove(task);
        }
    }

    /// The server has let go of the task: it is not to be asked for again.
    pub(crate) fn unask(&self, task: &PromiseId) {
        self.lock().unsent.retain(|item| {
            !matches!(item, Item::Other(other) if matches!(&**other, FromWorker::Reclaim(held) if held.task == *task))
        });
    }

    /// True if a turn of this task waits for its answer.
    pub(crate) fn waits_for(&self, task: &PromiseId) -> bool {
        self.lock().of_task.contains_key(task)
    }

    /// True if there is nothing to send and no answer to wait for.
    pub(crate) fn is_idle(&self) -> bool {
        let queue = self.lock();
        queue.unsent.is_empty() && queue.unanswered.is_empty()
    }

    /// Every claim is over.
    pub(crate) fn clear(&self) {
        let last = self.lock().last;
        *self.lock() = Queue {
            last,
            ..Queue::default()
        };
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held, and the queue is whole after each statement.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// About how large a turn is: what it carries of the user's.
fn payload_bytes(turn: &Turn) -> usize {
    let child = |child: &NewChild| match &child.kind {
        ChildKind::Call(call) => call.param.bytes(),
        ChildKind::Proxy(Link::Call { promise, .. }) => {
            promise.call.as_ref().map_or(0, |call| call.param.bytes())
        }
        ChildKind::Proxy(Link::Tell { outcome, .. }) => outcome.bytes(),
        ChildKind::Proxy(Link::Await { .. })
        | ChildKind::Step
        | ChildKind::Timer
        | ChildKind::External => 0,
    };
    let op = |op: &Op| match op {
        Op::Create(new) | Op::CreateClaimed(new) => child(new),
        Op::Record(new, outcome) => child(new) + outcome.bytes(),
        Op::State { state, .. } => state.bytes(),
        Op::Cancel { .. } | Op::MoveTimer { .. } | Op::Label { .. } => 0,
    };
    let end = match &turn.end {
        End::Fulfill(outcome) => outcome.bytes(),
        End::ContinueAs(payload) => payload.bytes(),
        End::Fail {
            failure, answer, ..
        } => failure.bytes() + answer.as_ref().map_or(0, Payload::bytes),
        End::GoOn | End::Suspend { .. } | End::Release | End::Halt { .. } => 0,
    };
    turn.ops.iter().map(op).sum::<usize>() + end
}

#[cfg(test)]
mod tests {
    use resonate_core::{Outcome, Seq, SessionId};

    use super::*;

    fn turn(id: &str, n: u32) -> Turn {
        let id = PromiseId::new(id).unwrap();
        Turn {
            id,
            version: TaskVersion(1),
            session: SessionId(1),
            n,
            shown: Seq::ZERO,
            ops: vec![],
            end: End::GoOn,
        }
    }

    #[test]
    fn a_turn_of_an_older_claim_does_not_replace_a_newer_one() {
        let outbox = Outbox::default();
        let newer = Turn {
            version: TaskVersion(2),
            ..turn("a", 1)
        };
        outbox.submit(newer);
        outbox.submit(turn("a", 7));
        assert_eq!(outbox.take(9).len(), 1);
        assert!(outbox.answered(&PromiseId::new("a").unwrap(), TaskVersion(2), 1));
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a test knows what must come"
    )]
    fn sent(outbox: &Outbox) -> Vec<String> {
        let name = |item| match item {
            FromWorker::Turn(turn) => format!("{} {}", turn.id, turn.n),
            other => format!("{other:?}"),
        };
        outbox.take(100).into_iter().map(name).collect()
    }

    #[test]
    fn turns_go_again_in_order_until_they_are_answered() {
        let outbox = Outbox::default();
        ["a", "b", "c"]
            .iter()
            .for_each(|id| outbox.submit(turn(id, 1)));
        assert_eq!(sent(&outbox), ["a 1", "b 1", "c 1"]);
        assert!(outbox.answered(&turn("b", 1).id, TaskVersion(1), 1));
        outbox.send(FromWorker::Drain);
        outbox.reopen();
        outbox.submit(turn("b", 2));
        assert_eq!(sent(&outbox), ["a 1", "c 1", "b 2"]);
        assert_eq!(sent(&outbox), [""; 0]);
    }

    #[test]
    fn an_answer_is_for_one_turn_of_one_claim() {
        let outbox = Outbox::default();
        outbox.submit(turn("a", 2));
        let id = turn("a", 2).id;
        assert!(!outbox.answered(&id, TaskVersion(1), 1));
        assert!(!outbox.answered(&id, TaskVersion(2), 2));
        assert!(outbox.answered(&id, TaskVersion(1), 2));
        assert!(!outbox.answered(&id, TaskVersion(1), 2));
        assert!(!outbox.is_idle());
        assert_eq!(sent(&outbox), [""; 0]);
        assert!(outbox.is_idle());
    }

    #[test]
    fn what_is_forgotten_is_not_sent_again() {
        let outbox = Outbox::default();
        outbox.submit(turn("a", 1));
        outbox.submit(turn("b", 1));
        outbox.forget(&turn("a", 1).id, TaskVersion(1));
        outbox.forget(&turn("b", 1).id, TaskVersion(0));
        assert_eq!(sent(&outbox), ["b 1"]);
        outbox.clear();
        outbox.reopen();
        assert!(outbox.is_idle());
    }

    #[test]
    fn a_batch_has_its_limit_and_the_rest_follows() {
        let outbox = Outbox::default();
        ["a", "b", "c"]
            .iter()
            .for_each(|id| outbox.submit(turn(id, 1)));
        assert_eq!(outbox.take(2).len(), 2);
        assert_eq!(outbox.take(2).len(), 1);
    }

    #[test]
    fn large_turns_do_not_gather() {
        let outbox = Outbox::default();
        for id in ["a", "b", "c"] {
            let answer = Outcome::Resolved(Payload::json(vec![b'1'; MESSAGE_BYTES / 2]));
            outbox.submit(Turn {
                end: End::Fulfill(answer),
                ..turn(id, 1)
            });
        }
        assert_eq!(outbox.take(100).len(), 2);
        assert_eq!(outbox.take(100).len(), 1);
    }
}
