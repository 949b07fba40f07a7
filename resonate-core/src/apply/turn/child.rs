//! The ops of a turn: what may be written below a task.

use std::sync::Arc;

use super::super::{compensate, create, edit::Edit, settle};
use crate::{
    ChildKind, Compensation, Kind, Link, Message, NewChild, Origin, Outcome, Promise, PromiseId,
    PromiseState, Record, Refusal, SessionId, Task, TaskState, TaskVersion, Timestamp, limits,
};

/// How deep a call tree may be.
const DEPTH: u32 = 10_000;

/// A child that is pending: a call elsewhere, a timer, an external promise, a proxy, a step that is begun.
pub(super) fn create(
    edit: &mut Edit<'_>,
    parent: &PromiseId,
    child: NewChild,
) -> Result<(), Refusal> {
    let mut record = new_record(edit, parent, child)?;
    if let Kind::Call(call) = &record.promise.kind {
        let ready_at = match record.promise.compensation {
            Some(_) => Compensation::ASLEEP,
            None => call.start_at.max(edit.now()),
        };
        record.task = Some(Task::pending(caller_version(edit, parent), ready_at));
    }
    let message = match &record.promise.kind {
        Kind::Proxy(link) => Some(message(link, &record.promise.id)),
        Kind::Call(_) | Kind::Step | Kind::Timer | Kind::External | Kind::Schedule(_) => None,
    };
    let id = record.promise.id.clone();
    edit.insert(record);
    if let Some(message) = message {
        edit.send(message);
    }
    super::super::expire::touch(edit, &id);
    Ok(())
}

/// A call that starts here: claimed by the session whose turn creates it.
pub(super) fn create_claimed(
    edit: &mut Edit<'_>,
    parent: &PromiseId,
    session: SessionId,
    child: NewChild,
) -> Result<(), Refusal> {
    let mut record = new_record(edit, parent, child)?;
    if record.promise.call().is_none() {
        return Err(Refusal::NotACall(record.promise.id));
    }
    is_no_compensation(&record)?;
    let mut task = Task::pending(caller_version(edit, parent).next(), edit.now());
    task.state = TaskState::Leased {
        session,
        since: edit.now(),
    };
    record.task = Some(task);
    edit.insert(record);
    Ok(())
}

/// A leaf or step that ran here: created and settled in one write.
pub(super) fn record(
    edit: &mut Edit<'_>,
    parent: &PromiseId,
    child: NewChild,
    outcome: Outcome,
) -> Result<(), Refusal> {
    settle::fits(&child.id, &outcome)?;
    super::super::expire::touch(edit, &child.id);
    if let Some(begun) = edit.get(&child.id) {
        // A step that was begun, and ended in the same claim.
        if !matches!(begun.promise.kind, Kind::Step) || begun.promise.parent() != Some(parent) {
            return Err(taken(&child.id));
        }
        settle::settle_one(edit, &child.id, outcome);
        return Ok(());
    }
    let record = new_record(edit, parent, child)?;
    is_no_compensation(&record)?;
    let id = record.promise.id.clone();
    edit.insert(record);
    // Its time counts from when it was called, and may have been over before its outcome came.
    super::super::expire::touch(edit, &id);
    settle::settle_one(edit, &id, outcome);
    Ok(())
}

/// What undoes something is registered, and runs when it is needed, wherever that is.
fn is_no_compensation(record: &Record) -> Result<(), Refusal> {
    if record.promise.compensation.is_none() {
        return Ok(());
    }
    Err(Refusal::NotAllowed {
        id: record.promise.id.clone(),
        why: "what undoes something is created, and runs when it is needed".to_owned(),
    })
}

/// The future of a child was dropped.
pub(super) fn cancel(
    edit: &mut Edit<'_>,
    parent: &PromiseId,
    child: &PromiseId,
) -> Result<(), Refusal> {
    super::super::expire::touch(edit, child);
    let promise = &own(edit, parent, child)?.promise;
    let origin = promise.origin.as_ref();
    // Where a future is dropped nobody can say, but where it was made.
    let called_at = origin.map_or("", |origin| &*origin.location);
    if promise.shielded {
        compensate::dropped(edit, parent, child);
    } else if promise.is_pending() {
        let reason = format!("its caller {parent} dropped the future of the call at {called_at}");
        settle::settle(edit, child, Outcome::Canceled { reason });
    }
    Ok(())
}

/// A pending timer gets another time.
pub(super) fn move_timer(
    edit: &mut Edit<'_>,
    parent: &PromiseId,
    child: &PromiseId,
    at: Timestamp,
) -> Result<(), Refusal> {
    super::super::expire::touch(edit, child);
    let promise = &own(edit, parent, child)?.promise;
    if !matches!(promise.kind, Kind::Timer) {
        return Err(Refusal::NotAllowed {
            id: child.clone(),
            why: "it is no timer; only a timer can be moved".to_owned(),
        });
    }
    if promise.is_pending() {
        let timeout_at = bounded(edit, parent, &ChildKind::Timer, at, promise.shielded);
        edit.update(child, |record| record.promise.timeout_at = timeout_at);
        super::super::expire::touch(edit, child);
    }
    Ok(())
}

/// A label on the task's own promise.
pub(super) fn label(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    name: String,
    value: String,
) -> Result<(), Refusal> {
    let mut labels = edit.known(id)?.promise.labels.clone();
    labels.insert(name, value);
    create::tags_fit(id, "the labels", &labels)?;
    edit.update(id, |record| record.promise.labels = labels);
    Ok(())
}

/// The record of a new child, after everything that can be refused was checked.
fn new_record(edit: &Edit<'_>, parent: &PromiseId, child: NewChild) -> Result<Record, Refusal> {
    let NewChild {
        id,
        position,
        location,
        called_at,
        kind,
        timeout_at,
        shielded,
        compensation,
        labels,
    } = child;
    let caller = &edit.known(parent)?.promise;
    if id.root() != parent.root() || id == *parent || !id.as_str().contains('.') {
        return Err(Refusal::NotAllowed {
            why: format!("a child of {parent} has an id below it"),
            id,
        });
    }
    if edit.get(&id).is_some() {
        return Err(taken(&id));
    }
    let depth = caller.origin.as_ref().map_or(1, |origin| origin.depth + 1);
    if depth > DEPTH {
        return Err(Refusal::NotAllowed {
            id,
            why: format!("more than {DEPTH} calls deep; does the recursion end?"),
        });
    }
    if edit.tree().pending_count(parent) >= limits::CHILDREN {
        return Err(Refusal::NotAllowed {
            id,
            why: format!(
                "{parent} has {} pending calls; await some first",
                limits::CHILDREN
            ),
        });
    }
    create::tags_fit(&id, "the labels", &labels)?;
    kind_fits(&id, &kind)?;
    if compensation.is_some() && !matches!(kind, ChildKind::Call(_)) {
        let why = "only a call can undo something".to_owned();
        return Err(Refusal::NotAllowed { id, why });
    }
    // No wave enters it, and its caller's timeout is what it may be needed for.
    let shielded = shielded || compensation.is_some();
    let promise = Promise {
        timeout_at: bounded(edit, parent, &kind, timeout_at, shielded),
        kind: kind.into(),
        state: PromiseState::Pending,
        created_at: edit.now(),
        origin: Some(Origin {
            parent: parent.clone(),
            generation: caller.generation,
            position,
            location,
            called_at,
            depth,
        }),
        generation: 1,
        shielded,
        compensation,
        labels,
        tags: caller.tags.clone(),
        awaiters: Vec::new(),
        id,
    };
    Ok(Record {
        promise,
        task: None,
    })
}

/// Refuses payloads over their limits.
fn kind_fits(id: &PromiseId, kind: &ChildKind) -> Result<(), Refusal> {
    match kind {
        ChildKind::Call(call) => create::arguments_fit(id, call),
        ChildKind::Proxy(Link::Call { promise, .. }) => create::fits(promise),
        ChildKind::Proxy(Link::Tell { outcome, .. }) => settle::fits(id, outcome),
        ChildKind::Proxy(Link::Await { .. })
        | ChildKind::Step
        | ChildKind::Timer
        | ChildKind::External => Ok(()),
    }
}

/// A child's timeout is never later than its caller's, unless it is shielded. A timer that could only fire with or after
/// its caller's timeout is never armed; it is canceled with it.
fn bounded(
    edit: &Edit<'_>,
    parent: &PromiseId,
    kind: &ChildKind,
    asked: Timestamp,
    shielded: bool,
) -> Timestamp {
    let callers = edit
        .get(parent)
        .map_or(Timestamp::NEVER, |record| record.promise.timeout_at);
    match kind {
        ChildKind::Timer if asked >= callers => Timestamp::NEVER,
        ChildKind::Call(_)
        | ChildKind::Step
        | ChildKind::Timer
        | ChildKind::External
        | ChildKind::Proxy(_) => {
            if shielded {
                asked
            } else {
                asked.min(callers)
            }
        }
    }
}

fn own<'e>(
    edit: &'e Edit<'_>,
    parent: &PromiseId,
    child: &PromiseId,
) -> Result<&'e Arc<Record>, Refusal> {
    let record = edit.known(child)?;
    if record.promise.parent() == Some(parent) {
        return Ok(record);
    }
    Err(Refusal::NotAllowed {
        id: child.clone(),
        why: format!("it is no call of {parent}"),
    })
}

fn taken(id: &PromiseId) -> Refusal {
    Refusal::NotAllowed {
        id: id.clone(),
        why: "the id is taken; a call is created once".to_owned(),
    }
}

fn caller_version(edit: &Edit<'_>, parent: &PromiseId) -> TaskVersion {
    edit.get(parent)
        .and_then(|record| record.task.as_ref())
        .map_or(TaskVersion::default(), |task| task.version)
}

fn message(link: &Link, proxy: &PromiseId) -> Message {
    let back = proxy.clone();
    match link {
        Link::Call { promise, detached } => Message::Create {
            promise: promise.clone(),
            back,
            detached: *detached,
        },
        Link::Await { id } => Message::Subscribe {
            id: id.clone(),
            back,
        },
        Link::Tell { id, outcome } => Message::Tell {
            id: id.clone(),
            outcome: outcome.clone(),
            back,
        },
    }
}

impl From<ChildKind> for Kind {
    fn from(kind: ChildKind) -> Self {
        match kind {
            ChildKind::Call(call) => Self::Call(call),
            ChildKind::Step => Self::Step,
            ChildKind::Timer => Self::Timer,
            ChildKind::External => Self::External,
            ChildKind::Proxy(link) => Self::Proxy(link),
        }
    }
}
