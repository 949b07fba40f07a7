//! How a turn ends.

use std::sync::Arc;

use super::super::{claim, edit::Edit, halt, settle, wave};
use crate::{
    End, Failure, FailureKind, HaltCause, Kind, Outcome, Payload, PromiseId, Refusal, Seq,
    SessionId, TaskState, Timestamp, TurnStatus, Warm, limits,
    mutants::{Mutant, planted},
};

pub(super) fn apply(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    session: SessionId,
    shown: Seq,
    end: End,
) -> TurnStatus {
    match end {
        End::GoOn => TurnStatus::Leased,
        End::Suspend { tied, wake_at } => {
            let by = tied.then_some(session);
            let wake_at = wake_at.filter(|at| !at.is_never());
            suspend(edit, id, Warm { session, shown }, by, wake_at)
        }
        End::Fulfill(outcome) => {
            settle::settle(edit, id, outcome);
            TurnStatus::Over
        }
        End::Fail {
            failure,
            retryable,
            answer,
        } => fail(edit, id, failure, retryable, answer),
        End::ContinueAs(param) => continue_as(edit, id, param),
        End::Release => {
            let now = edit.now();
            edit.update_task(id, |task| task.ready(now));
            TurnStatus::Over
        }
        End::Halt { cause, reason } => {
            halt::halt(edit, id, cause, reason.clone());
            TurnStatus::Halted { reason }
        }
    }
}

/// Refuses an end that is over the payload limit.
pub(super) fn fits(id: &PromiseId, end: &End) -> Result<(), Refusal> {
    match end {
        End::Fulfill(outcome) => settle::fits(id, outcome),
        End::Fail {
            failure, answer, ..
        } => {
            settle::fits(id, &Outcome::Failed(failure.clone()))?;
            answer
                .iter()
                .try_for_each(|answer| settle::fits(id, &Outcome::Rejected(answer.clone())))
        }
        End::GoOn | End::Suspend { .. } | End::ContinueAs(_) | End::Release | End::Halt { .. } => {
            Ok(())
        }
    }
}

/// Takes effect if nothing settled below the task that the worker does not hold: so no wake-up is lost between.
fn suspend(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    warm: Warm,
    tied: Option<SessionId>,
    wake_at: Option<Timestamp>,
) -> TurnStatus {
    let has_news = !super::settled_after(edit, id, warm.shown, &[]).is_empty();
    if has_news && !planted(Mutant::WakeUpLostInSuspend) {
        return TurnStatus::Leased;
    }
    if let Some(at) = wake_at {
        edit.update_task(id, |task| {
            task.ready(at);
            task.keep_warm(warm);
            task.is_asleep = true;
        });
        return TurnStatus::Suspended;
    }
    let awaits_something = edit.get(id).is_some_and(|record| {
        edit.tree()
            .pending_children(id)
            .any(|child| claim::is_of_this_history(record, child) && !child.is_dormant())
    });
    if !awaits_something {
        let reason =
            "it waits for nothing; a worker may suspend a task only while a call of it is pending";
        halt::halt(edit, id, HaltCause::Impossible, reason.to_owned());
        return TurnStatus::Halted {
            reason: reason.to_owned(),
        };
    }
    edit.update_task(id, |task| {
        task.state = TaskState::Suspended { tied };
        task.keep_warm(warm);
    });
    TurnStatus::Suspended
}

/// The retry policy decides, unless the failure is the answer. What the attempt has asked for stays for the next one.
fn fail(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    failure: Failure,
    retryable: bool,
    answer: Option<Payload>,
) -> TurnStatus {
    let policy = edit
        .get(id)
        .and_then(|record| record.promise.call()?.retry)
        .unwrap_or_default();
    let is_panic = failure.kind == FailureKind::Panicked;
    let mut failures = 0;
    edit.update_task(id, |task| {
        task.attempts += 1;
        task.failures += 1;
        task.losses += u32::from(is_panic);
        failures = task.failures;
        task.last_failure = Some(failure.clone());
    });
    let wait = if retryable {
        policy.wait(id, failures)
    } else {
        None
    };
    let Some(wait) = wait else {
        settle::settle(
            edit,
            id,
            answer.map_or(Outcome::Failed(failure), Outcome::Rejected),
        );
        return TurnStatus::Over;
    };
    if let Some(reason) = halt::halt_poison(edit, id, Some(&failure)) {
        return TurnStatus::Halted { reason };
    }
    let ready_at = edit.now().after(wait);
    edit.update_task(id, |task| task.ready(ready_at));
    TurnStatus::Over
}

/// The same promise goes on with other arguments and an empty history; what is pending of the old one is canceled.
fn continue_as(edit: &mut Edit<'_>, id: &PromiseId, param: Payload) -> TurnStatus {
    let bytes = param.bytes();
    if bytes > limits::PAYLOAD_BYTES {
        let reason = format!(
            "the arguments of the next {id} have {bytes} bytes; at most {} are allowed",
            limits::PAYLOAD_BYTES
        );
        halt::halt(edit, id, HaltCause::Impossible, reason.clone());
        return TurnStatus::Halted { reason };
    }
    let now = edit.now();
    edit.update(id, |record| {
        record.begin_anew(now);
        if let Kind::Call(call) = &mut record.promise.kind {
            Arc::make_mut(call).param = param;
        }
    });
    wave::below(edit, id);
    TurnStatus::Over
}
