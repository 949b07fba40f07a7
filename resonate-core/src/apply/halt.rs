//! Halt and continue: a task is stopped by an operator or a proven fault, visibly, and goes on later. One whose history did
//! not fit the code goes on by itself when a worker comes whose code is another.
//!
//! Refuses `NotFound`, `NotACall`, `AlreadySettled`, `NotHalted` for a continue of what is not, and `NotAllowed` for what
//! waits for no other code. What made the difference, repeated under its key, changes nothing and is told again that it did,
//! whatever has happened since.

use super::edit::Edit;
use crate::{
    Effect, Failure, HaltCause, Halted, PromiseId, Refusal, Reply, SettleKey, Task, TaskState,
    limits,
};

pub(super) fn apply(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    cause: HaltCause,
    reason: String,
    key: Option<SettleKey>,
) -> Result<Reply, Refusal> {
    let task = edit.task(id)?;
    if key.is_some() && task.halted_by == key {
        return changed(edit, id);
    }
    unsettled(edit, id)?;
    if reason.len() > limits::TAG_BYTES {
        let (bytes, max) = (reason.len(), limits::TAG_BYTES);
        return Err(Refusal::TooLarge {
            id: id.clone(),
            what: "the reason",
            bytes,
            max,
        });
    }
    if edit.known(id)?.is_dormant() {
        let why = "it runs only if its caller ends badly, and has not begun; cancel it instead"
            .to_owned();
        return Err(Refusal::NotAllowed {
            id: id.clone(),
            why,
        });
    }
    let new = !matches!(edit.task(id)?.state, TaskState::Halted(_));
    if new {
        halt(edit, id, cause, reason);
        edit.update_task(id, |task| task.halted_by = key);
    }
    Ok(Reply::Promise {
        record: edit.known(id)?.clone(),
        new,
    })
}

pub(super) fn go_on(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    key: Option<SettleKey>,
) -> Result<Reply, Refusal> {
    let task = edit.task(id)?;
    if key.is_some() && task.continued_by == key {
        return changed(edit, id);
    }
    let state = task.state_name();
    unsettled(edit, id)?;
    if !matches!(edit.task(id)?.state, TaskState::Halted(_)) {
        return Err(Refusal::NotHalted {
            id: id.clone(),
            state,
        });
    }
    let now = edit.now();
    edit.update_task(id, |task| {
        task.forgive();
        // Whoever lets it go on says that it may be tried by all.
        task.misfits.clear();
        task.continued_by = key;
        task.ready(now);
    });
    changed(edit, id)
}

/// A worker may fit its history: it is tried again, which is nobody's request and can be asked any number of times.
pub(super) fn resume(edit: &mut Edit<'_>, id: &PromiseId) -> Result<Reply, Refusal> {
    let task = edit.task(id)?;
    if !task.awaits_another_body() {
        let why = "no code was found not to fit its history since it was let go on".to_owned();
        return Err(Refusal::NotAllowed {
            id: id.clone(),
            why,
        });
    }
    let now = edit.now();
    edit.update_task(id, |task| {
        // Other code need not fail as the one before did.
        task.forgive();
        task.ready(now);
    });
    changed(edit, id)
}

/// The request made the difference.
fn changed(edit: &Edit<'_>, id: &PromiseId) -> Result<Reply, Refusal> {
    Ok(Reply::Promise {
        record: edit.known(id)?.clone(),
        new: true,
    })
}

/// Stops a task; who runs it or keeps its body is told. A reason over its limit is cut.
pub(super) fn halt(edit: &mut Edit<'_>, id: &PromiseId, cause: HaltCause, mut reason: String) {
    reason.truncate(reason.floor_char_boundary(limits::TAG_BYTES));
    let Some(task) = edit.get(id).and_then(|record| record.task.as_ref()) else {
        return;
    };
    if edit.acting() != Some(id)
        && let Some(session) = task.session().or(task.warm.map(|warm| warm.session))
    {
        let version = task.version;
        edit.effect(Effect::Drop {
            session,
            task: id.clone(),
            version,
            why: format!("halted: {reason}"),
        });
    }
    let at = edit.now();
    edit.update_task(id, |task| {
        if cause == HaltCause::NonDeterministic {
            task.does_not_fit();
        }
        task.state = TaskState::Halted(Box::new(Halted { cause, reason, at }));
        task.is_asleep = false;
        task.warm = None;
    });
}

/// Stops a task that has failed its workers too often without progress, the last time by this panic if it was one. Says
/// why, if it is stopped.
pub(super) fn halt_poison(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    panic: Option<&Failure>,
) -> Option<String> {
    let task = edit.get(id)?.task.as_ref()?;
    let (losses, stalls) = (task.losses, task.stalls);
    if losses < limits::LOSSES {
        return None;
    }
    let what = match (panic, stalls) {
        (None, 0) => format!("{losses} workers in a row were lost while they ran it"),
        (Some(_), 0) => format!("it panicked or lost its worker {losses} times in a row"),
        (None, stalls) if stalls == losses => {
            format!("it blocked its thread for a whole lease {losses} times in a row")
        }
        (_, stalls) => format!(
            "it panicked, lost its worker or blocked its thread {losses} times in a row, {stalls} of them its thread for a \
             whole lease"
        ),
    };
    let last = panic.map_or(String::new(), |panic| format!(", last: {}", panic.message));
    let cure = match (panic, stalls) {
        (None, 0) => "find out why",
        (Some(_), 0) => "mend it",
        (_, _) => "move what blocks into `spawn_blocking`",
    };
    let reason = format!("{what}{last}; {cure}, then `resonate continue {id}`");
    halt(edit, id, HaltCause::Poison, reason.clone());
    Some(reason)
}

fn unsettled(edit: &Edit<'_>, id: &PromiseId) -> Result<(), Refusal> {
    match edit.known(id)?.promise.settled() {
        Some(settled) => Err(Refusal::AlreadySettled {
            id: id.clone(),
            outcome: settled.outcome.clone(),
        }),
        None => Ok(()),
    }
}

impl Edit<'_> {
    /// Changes a task; does nothing if there is none.
    pub(super) fn update_task(&mut self, id: &PromiseId, change: impl FnOnce(&mut Task)) {
        self.update(id, |record| {
            if let Some(task) = &mut record.task {
                change(task);
            }
        });
    }
}
