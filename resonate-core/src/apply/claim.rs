//! Claim: a ready task goes to a session under the next fencing token.
//!
//! The dispatcher claims what is pending and due; a worker claims again what is tied to it. Refuses `NotFound`,
//! `NotACall`, `NotReady`, and `StaleVersion` for a tie that is over.

use std::sync::Arc;

use super::{edit::Edit, object, settle};
use crate::{
    Claimed, Failure, FailureKind, Kind, Outcome, PromiseId, Record, Refusal, Reply, RetryPolicy,
    Seq, SessionId, Task, TaskState, TaskVersion, Tree,
    mutants::{Mutant, planted},
};

pub(super) fn apply(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    session: SessionId,
    tied: Option<TaskVersion>,
    retry: Option<RetryPolicy>,
) -> Result<Reply, Refusal> {
    let task = edit.task(id)?.clone();
    match (&task.state, tied) {
        (TaskState::Pending { ready_at }, None) if *ready_at <= edit.now() => {}
        // Something else woke the body, and meanwhile a child settled: the claim is as good as the dispatcher's.
        (TaskState::Pending { .. }, Some(version))
            if version == task.version && task.is_warm_in(session) => {}
        (TaskState::Suspended { tied: Some(holder) }, Some(version))
            if version == task.version && *holder == session => {}
        (_, Some(version)) => return Err(stale(id, version, &task)),
        (_, None) => {
            return Err(Refusal::NotReady {
                id: id.clone(),
                state: task.state_name(),
            });
        }
    }
    let warm = task
        .warm
        .filter(|warm| warm.session == session || planted(Mutant::WarmForAnybody));
    let since = edit.now();
    if warm.is_none() {
        fail_begun_steps(edit, id);
    }
    edit.update(id, |record| {
        if let Some(task) = &mut record.task {
            if !planted(Mutant::TokenNotRaised) {
                task.version = task.version.next();
            }
            task.state = TaskState::Leased { session, since };
            task.turn = 0;
            task.warm = None;
        }
        keep_retry(record, retry);
    });
    let record = Arc::clone(edit.known(id)?);
    let children = match warm {
        Some(warm) => children_after(edit.tree(), &record, warm.shown),
        None => history(edit.tree(), &record),
    };
    let state = match warm {
        Some(_) => None,
        None => object::state_for(edit, &record),
    };
    Ok(Reply::Claimed(Box::new(Claimed {
        record,
        warm: warm.is_some(),
        children,
        state,
    })))
}

/// When nobody has said how failures are tried again, who serves the function says it.
fn keep_retry(record: &mut Record, announced: Option<RetryPolicy>) {
    if let Kind::Call(call) = &mut record.promise.kind
        && call.retry.is_none()
        && announced.is_some()
    {
        Arc::make_mut(call).retry = announced;
    }
}

/// A step that runs at most once and was begun by a body that is gone: nobody knows what came of it.
pub(super) fn fail_begun_steps(edit: &mut Edit<'_>, id: &PromiseId) {
    let begun: Vec<_> = edit
        .tree()
        .pending_children(id)
        .filter(|child| matches!(child.promise.kind, Kind::Step))
        .map(|child| child.promise.id.clone())
        .collect();
    for step in begun {
        let message = "the step was begun and its worker was lost; it runs at most once, so it is not tried again";
        settle::settle_one(
            edit,
            &step,
            Outcome::Failed(Failure::new(FailureKind::OutcomeUnknown, message).at(&step)),
        );
    }
}

/// Everything known of an execution: settled children in log order, then pending ones by position.
#[must_use]
pub fn history(tree: &Tree, record: &Record) -> Vec<Arc<Record>> {
    let mut pending: Vec<_> = tree
        .pending_children(&record.promise.id)
        .filter(|child| is_of_this_history(record, child))
        .cloned()
        .collect();
    pending.sort_by_key(|child| child.promise.origin.as_ref().map(|origin| origin.position));
    let mut children = children_after(tree, record, Seq::ZERO);
    children.append(&mut pending);
    children
}

fn children_after(tree: &Tree, record: &Record, shown: Seq) -> Vec<Arc<Record>> {
    let children = tree.settled_after(&record.promise.id, shown);
    let mut children: Vec<_> = children
        .filter(|child| is_of_this_history(record, child))
        .cloned()
        .collect();
    if planted(Mutant::HistoryOutOfOrder) {
        children.sort_by(|one, other| one.promise.id.cmp(&other.promise.id));
    }
    children
}

pub(super) fn is_of_this_history(record: &Record, child: &Record) -> bool {
    child
        .promise
        .origin
        .as_ref()
        .is_some_and(|origin| origin.generation == record.promise.generation)
}

pub(super) fn stale(id: &PromiseId, version: TaskVersion, task: &Task) -> Refusal {
    Refusal::StaleVersion {
        id: id.clone(),
        version,
        current: task.version,
        state: task.state_name(),
    }
}

impl Edit<'_> {
    /// The task of a promise that must exist and be a call.
    pub(super) fn task(&self, id: &PromiseId) -> Result<&Task, Refusal> {
        self.known(id)?
            .task
            .as_ref()
            .ok_or_else(|| Refusal::NotACall(id.clone()))
    }

    /// The task, if it is leased to this session under this fencing token.
    pub(super) fn leased(
        &self,
        id: &PromiseId,
        version: TaskVersion,
        session: SessionId,
    ) -> Result<&Task, Refusal> {
        let task = self.task(id)?;
        match task.state {
            TaskState::Leased {
                session: holder, ..
            } if task.version == version
                && (holder == session || planted(Mutant::SessionNotChecked)) =>
            {
                Ok(task)
            }
            TaskState::Leased { .. }
            | TaskState::Pending { .. }
            | TaskState::Suspended { .. }
            | TaskState::Halted(_)
            | TaskState::Done => Err(stale(id, version, task)),
        }
    }
}

impl Task {
    fn is_warm_in(&self, session: SessionId) -> bool {
        self.warm.is_some_and(|warm| warm.session == session)
    }
}
