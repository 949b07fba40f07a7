//! Settle: a pending promise gets its answer, once; whoever awaits it goes on; what is pending below it is canceled.
//!
//! Refuses `NotFound`, `AlreadySettled` (another answer came first), `TooLarge`, and `NotAllowed` for what a client may
//! not write. A settle with the outcome that it has changes nothing; the one that made the difference, repeated under its
//! key, is told again that it did.

use std::sync::Arc;

use super::{awaiters, compensate, edit::Edit, feed, wave};
use crate::{
    Effect, Kind, Link, Message, Outcome, PromiseId, PromiseState, Refusal, Reply, SettleKey,
    Settled, Settlement, Task, TaskState, Timestamp, Warm, limits,
    mutants::{Mutant, planted},
};

pub(super) fn apply(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    outcome: Outcome,
    key: Option<SettleKey>,
) -> Result<Reply, Refusal> {
    if !matches!(
        outcome,
        Outcome::Resolved(_) | Outcome::Rejected(_) | Outcome::Failed(_)
    ) {
        let why = format!(
            "a client cannot write the state `{}`; resolve, reject or cancel it",
            outcome.state()
        );
        return Err(Refusal::NotAllowed {
            id: id.clone(),
            why,
        });
    }
    fits(id, &outcome)?;
    let record = edit.known(id)?;
    if let Some(earlier) = record
        .promise
        .settled()
        .filter(|_| !planted(Mutant::LateSettleOverwrites))
    {
        return if earlier.outcome.says_the_same(&outcome) || planted(Mutant::LateSettleNotTold) {
            Ok(Reply::Promise {
                record: Arc::clone(record),
                new: earlier.is_by(&outcome, key),
            })
        } else {
            Err(Refusal::AlreadySettled {
                id: id.clone(),
                outcome: earlier.outcome.clone(),
            })
        };
    }
    refuse_receive(edit, id)?;
    settle_by(edit, id, outcome, By::Request(key));
    Ok(Reply::Promise {
        record: Arc::clone(edit.known(id)?),
        new: true,
    })
}

/// What waits for a message gets the next one of its caller's inbox, and nothing else.
pub(super) fn refuse_receive(edit: &Edit<'_>, id: &PromiseId) -> Result<(), Refusal> {
    let promise = &edit.known(id)?.promise;
    let (Kind::Receive, Some(parent)) = (&promise.kind, promise.parent()) else {
        return Ok(());
    };
    Err(Refusal::NotAllowed {
        why: format!("it waits for a message; send one to {parent}"),
        id: id.clone(),
    })
}

/// Refuses an outcome over the payload limit.
pub(super) fn fits(id: &PromiseId, outcome: &Outcome) -> Result<(), Refusal> {
    let bytes = outcome.bytes();
    if bytes <= limits::PAYLOAD_BYTES {
        return Ok(());
    }
    let what = if matches!(outcome, Outcome::Resolved(_)) {
        "the result"
    } else {
        "the error"
    };
    Err(Refusal::TooLarge {
        id: id.clone(),
        what,
        bytes,
        max: limits::PAYLOAD_BYTES,
    })
}

/// Settles a pending promise and everything pending below it.
pub(super) fn settle(edit: &mut Edit<'_>, id: &PromiseId, outcome: Outcome) {
    settle_by(edit, id, outcome, By::Rule);
}

/// Who settles a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Its own turn, its caller's, its timeout.
    Rule,
    /// The wave that this promise above it began.
    Wave(PromiseId),
    /// A request from outside, and its key.
    Request(Option<SettleKey>),
    /// The promise that it stands for.
    Answer,
}

/// The same, and by whom.
pub(super) fn settle_by(edit: &mut Edit<'_>, id: &PromiseId, outcome: Outcome, by: By) {
    settle_one_by(edit, id, outcome, by);
    wave::below(edit, id);
}

/// Settles one pending promise; the caller starts the wave below it.
pub(super) fn settle_one(edit: &mut Edit<'_>, id: &PromiseId, outcome: Outcome) {
    settle_one_by(edit, id, outcome, By::Rule);
}

/// The same, and by whom.
pub(super) fn settle_one_by(edit: &mut Edit<'_>, id: &PromiseId, outcome: Outcome, by: By) {
    if !edit
        .get(id)
        .is_some_and(|record| record.promise.is_pending() || planted(Mutant::LateSettleOverwrites))
    {
        return;
    }
    feed::receive::drop_unread(edit, id);
    let was_dormant = edit.get(id).is_some_and(|record| record.is_dormant());
    let (at, seq) = (edit.now(), edit.next_seq());
    tell_holder(edit, id, &outcome);
    leave_target(edit, id, &by);
    let mut named = Vec::new();
    let is_request = matches!(by, By::Request(_));
    let (key, because_of) = match by {
        By::Request(key) => (key, None),
        By::Wave(id) => (None, Some(id)),
        By::Rule | By::Answer => (None, None),
    };
    let settled = Settled {
        outcome,
        at,
        seq,
        key,
        because_of,
    };
    let settlement = Settlement {
        id: id.clone(),
        seq,
        at,
        outcome: Some(settled.outcome.clone()),
    };
    edit.update(id, |record| {
        named = std::mem::take(&mut record.promise.awaiters);
        record.promise.state = PromiseState::Settled(Box::new(settled));
        if let Some(task) = &mut record.task
            && !planted(Mutant::CancelLeavesTask)
        {
            task.state = TaskState::Done;
            task.warm = None;
            task.is_asleep = false;
        }
    });
    if let Some(outcome) = &settlement.outcome {
        awaiters::answer(edit, id, named, outcome);
    }
    edit.effect(Effect::Settled(id.clone()));
    wake_parent(edit, id, settlement);
    // One that lapses is not the end of anything.
    if !was_dormant || is_request {
        compensate::settled(edit, id);
    }
}

/// A proxy that settles before its answer came takes itself out of those who await it.
fn leave_target(edit: &mut Edit<'_>, id: &PromiseId, by: &By) {
    let Some(record) = edit.get(id).filter(|_| *by != By::Answer) else {
        return;
    };
    let target = match &record.promise.kind {
        Kind::Proxy(Link::Call { promise, detached }) if !detached => promise.id.clone(),
        Kind::Proxy(Link::Await { id }) => id.clone(),
        Kind::Proxy(Link::Call { .. } | Link::Tell { .. } | Link::Send { .. })
        | Kind::Call(_)
        | Kind::Step
        | Kind::Timer
        | Kind::External
        | Kind::Receive => return,
    };
    let back = id.clone();
    edit.send(Message::Unsubscribe { id: target, back });
}

/// The worker that runs the task, or keeps its body, learns that it is void; unless it is the one that settles.
fn tell_holder(edit: &mut Edit<'_>, id: &PromiseId, outcome: &Outcome) {
    if edit.acting() == Some(id) || planted(Mutant::CancelNotTold) {
        return;
    }
    let Some(task) = edit.get(id).and_then(|record| record.task.as_ref()) else {
        return;
    };
    let version = task.version;
    let Some(session) = task.session().or(task.warm.map(|warm| warm.session)) else {
        return;
    };
    let why = match outcome {
        Outcome::Canceled { reason } => format!("canceled: {reason}"),
        Outcome::TimedOut => "its timeout passed".to_owned(),
        Outcome::Resolved(_) | Outcome::Rejected(_) | Outcome::Failed(_) => {
            format!("{} from outside", outcome.state())
        }
    };
    edit.effect(Effect::Drop {
        session,
        task: id.clone(),
        version,
        why,
    });
}

/// A suspended caller becomes ready; a running one is sent the settlement, in log order.
fn wake_parent(edit: &mut Edit<'_>, id: &PromiseId, settlement: Settlement) {
    let Some(parent) = edit
        .get(id)
        .and_then(|record| record.promise.parent().cloned())
    else {
        return;
    };
    if edit.acting() == Some(&parent) || planted(Mutant::WakeUpMissing) {
        return;
    }
    let Some(record) = edit.get(&parent) else {
        return;
    };
    let generation = record.promise.generation;
    let of_this_history = edit
        .get(id)
        .and_then(|child| child.promise.origin.as_ref())
        .is_some_and(|origin| origin.generation == generation);
    let Some(task) = record
        .task
        .as_ref()
        .filter(|_| of_this_history && record.promise.is_pending())
    else {
        return;
    };
    let version = task.version;
    match task.state {
        TaskState::Suspended { .. } | TaskState::Pending { .. } if task.waits() => {
            let now = edit.now();
            edit.update(&parent, |record| {
                if let Some(task) = &mut record.task {
                    task.ready(now);
                }
            });
        }
        TaskState::Leased { session, .. } => edit.effect(Effect::Push {
            session,
            task: parent,
            version,
            settlement,
        }),
        TaskState::Suspended { .. }
        | TaskState::Pending { .. }
        | TaskState::Halted(_)
        | TaskState::Done => {}
    }
}

impl Settled {
    /// True if this very request settled it: not only one that says the same.
    pub(super) fn is_by(&self, outcome: &Outcome, key: Option<SettleKey>) -> bool {
        key.is_some() && self.key == key && self.outcome.says_the_same(outcome)
    }
}

impl Task {
    /// Nobody runs it until a child settles, or until a look of its own is due.
    fn waits(&self) -> bool {
        self.is_asleep || matches!(self.state, TaskState::Suspended { .. })
    }

    /// Anybody may claim it from `at` on; who keeps the body warm is preferred.
    pub(super) fn ready(&mut self, at: Timestamp) {
        self.state = TaskState::Pending { ready_at: at };
        self.is_asleep = false;
    }

    /// The body waits in this session's memory.
    pub(super) fn keep_warm(&mut self, warm: Warm) {
        self.warm = Some(warm);
    }
}
