//! Objects: their calls wait in one line, in the order in which they came. One that writes is alone; those that read run
//! beside each other, up to the next that writes.
//!
//! Whose turn has not come is *in line*: its task is never ready. A call holds its place from when its turn comes until it
//! settles, whatever becomes of its attempts. The state is written in the turn that resolves a call that writes, and by
//! nothing else; so an attempt begins with what the one before began with, and an error changes nothing.
//!
//! Refuses `NotAllowed` (no object of that type, a line that is full, a call that its own callers hold up, what only a
//! promise can be asked for), `AlreadyExists` and `TooLarge`.

use std::{sync::Arc, time::Duration};

use super::{create, edit::Edit, expire};
use crate::{
    Access, Call, Create, Kind, Message, NewPromise, Object, ObjectName, Op, Origin, Outcome,
    Payload, Promise, PromiseId, PromiseState, Record, Refusal, Reply, Task, TaskState,
    TaskVersion, Timestamp, held, limits,
    mutants::{Mutant, planted},
    object,
};

/// When the task of a call in line is ready.
const IN_LINE: Timestamp = Timestamp::NEVER;

impl Record {
    /// True for a call of a durable object whose turn has not come.
    #[must_use]
    pub fn is_in_line(&self) -> bool {
        let waits = |task: &Task| matches!(task.state, TaskState::Pending { ready_at } if ready_at == IN_LINE);
        self.promise.access().is_some() && self.task.as_ref().is_some_and(waits)
    }
}

/// A call of an object is created, once, at the end of the line; the object with it, if it is the first.
pub(super) fn call(
    edit: &mut Edit<'_>,
    Create { promise: new, any }: Create,
    access: Access,
) -> Result<Reply, Refusal> {
    let object = new.id.to_root();
    expire::touch(edit, &object);
    expire::touch(edit, &new.id);
    if let Some(existing) = edit.get(&new.id) {
        let record = Arc::clone(existing);
        if record.promise.is_pending() {
            not_held_above(&new, &object)?;
        }
        return create::existing(record, new, any);
    }
    is_method(&new, &object)?;
    not_held_above(&new, &object)?;
    has_room(edit, &new, &object)?;
    let record = record(edit, new, &object)?;
    let id = record.promise.id.clone();
    match edit.get(&object) {
        None => edit.insert(root(&object, edit.now())),
        Some(root) if !root.promise.timeout_at.is_never() => {
            edit.update(&object, |root| root.promise.timeout_at = Timestamp::NEVER);
        }
        Some(_) => {}
    }
    edit.insert(record);
    let is_its_turn = edit.tree().line(&object).is_turn_of(&id);
    if is_its_turn || (access == Access::Write && planted(Mutant::TwoWritersAtOnce)) {
        admit(edit, &id);
    }
    expire::touch(edit, &id);
    Ok(Reply::Promise {
        record: Arc::clone(edit.known(&id)?),
        new: true,
    })
}

/// The state that a call begins with; none for a function, and for an object without one.
pub(super) fn state_for(edit: &Edit<'_>, call: &Record) -> Option<Payload> {
    call.promise.access()?;
    let object = edit.get(call.promise.parent()?)?.promise.object()?;
    object.state.clone()
}

/// A turn writes the state, and ends its call with a value.
pub(super) fn write(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    state: Payload,
    expire_after: Option<Duration>,
) -> Result<(), Refusal> {
    let promise = &edit.known(id)?.promise;
    let (access, parent) = (promise.access(), promise.parent().cloned());
    let (Some(Access::Write), Some(parent)) = (access, parent) else {
        let why = "it may not change the state of an object; only a method with `&mut self` may";
        return Err(not_allowed(id, why));
    };
    let bytes = state.bytes();
    if bytes > limits::PAYLOAD_BYTES {
        return Err(Refusal::TooLarge {
            id: parent,
            what: "the state",
            bytes,
            max: limits::PAYLOAD_BYTES,
        });
    }
    if planted(Mutant::StateNotWritten) {
        return Ok(());
    }
    edit.update(&parent, |record| {
        if let Kind::Object(object) = &mut record.promise.kind {
            object.state = Some(state);
            object.version += 1;
            object.expire_after = expire_after;
        }
    });
    Ok(())
}

/// Refuses a state that is not written with a value.
pub(super) fn is_with_value(id: &PromiseId, ops: &[Op], end: &crate::End) -> Result<(), Refusal> {
    let writes = ops
        .iter()
        .filter(|op| matches!(op, Op::State { .. }))
        .count();
    let ends_well = matches!(end, crate::End::Fulfill(Outcome::Resolved(_)));
    if writes == 0 || (writes == 1 && ends_well) {
        return Ok(());
    }
    let why = "the state of an object is written once, in the turn that gives its call a value";
    Err(not_allowed(id, why))
}

/// A call has settled: whose turn it is now runs, and an object without calls is idle.
pub(super) fn left(edit: &mut Edit<'_>, id: &PromiseId) {
    let Some(record) = edit.get(id) else { return };
    let (Some(access), Some(origin)) = (record.promise.access(), &record.promise.origin) else {
        return;
    };
    let (object, position) = (origin.parent.clone(), origin.position);
    if !planted(Mutant::LineStandsStill) {
        for next in edit.tree().line(&object).after(access, position) {
            admit(edit, &next);
        }
    }
    if edit.tree().line(&object).is_empty() {
        rest(edit, &object);
    }
    let oldest = edit.tree().settled_after(&object, crate::Seq::ZERO).next();
    if oldest.is_some_and(|oldest| is_forgettable(oldest, edit.now())) {
        edit.send(Message::Trim { id: object });
    }
}

/// True for a settled call of an object that nobody can repeat any more.
pub(super) fn is_forgettable(call: &Record, now: Timestamp) -> bool {
    let settled = call.promise.settled();
    settled.is_some_and(|settled| settled.at.after(limits::CALL_KEPT) <= now)
}

/// The object has been idle for long enough.
pub(super) fn expire(edit: &mut Edit<'_>, id: &PromiseId) {
    if edit.tree().line(id).is_empty() {
        forget(edit, id);
    }
}

/// Forgets the state of an object that nobody uses just now.
pub(super) fn delete(edit: &mut Edit<'_>, id: &PromiseId) -> Result<Reply, Refusal> {
    let Some(object) = edit.known(id)?.promise.object() else {
        let why = "it is no durable object; `resonate cancel` ends a promise";
        return Err(not_allowed(id, why));
    };
    let new = object.state.is_some();
    if let Some(first) = edit.tree().line(id).first() {
        let why = format!(
            "it is in use by {first}; wait until it has ended, or cancel it, and delete the object then"
        );
        return Err(not_allowed(id, why));
    }
    if new {
        forget(edit, id);
    }
    Ok(Reply::Promise {
        record: Arc::clone(edit.known(id)?),
        new,
    })
}

/// Refuses for an object what only a promise can be asked for.
pub(super) fn is_promise(record: &Record) -> Result<(), Refusal> {
    if record.promise.object().is_none() {
        return Ok(());
    }
    let why = "it is a durable object, which has no result; `resonate object get` shows it, `resonate object delete` \
        forgets its state";
    Err(not_allowed(&record.promise.id, why))
}

/// A proxy has settled before its answer came: the call that only it awaits is not wanted any more.
pub(super) fn abandon(edit: &mut Edit<'_>, proxy: &PromiseId, promise: &NewPromise) {
    let Some(call) = promise.call.as_deref().filter(|call| call.access.is_some()) else {
        return;
    };
    let through = object::call_through(&promise.id.to_root(), method(call), proxy);
    if through == promise.id {
        let reason = format!("{proxy}, which awaited it, has ended");
        edit.send(Message::Tell {
            id: through,
            outcome: Outcome::Canceled { reason },
            back: proxy.clone(),
        });
    }
}

/// `add` of `Cart.add`.
fn method(call: &Call) -> &str {
    let function = &*call.address.function;
    function.split_once('.').map_or(function, |(_, name)| name)
}

fn forget(edit: &mut Edit<'_>, id: &PromiseId) {
    edit.update(id, |record| {
        record.promise.timeout_at = Timestamp::NEVER;
        if let Kind::Object(object) = &mut record.promise.kind {
            object.state = None;
            object.version += 1;
        }
    });
    edit.send(Message::Trim { id: id.clone() });
}

/// The object is idle from now on.
fn rest(edit: &mut Edit<'_>, id: &PromiseId) {
    let Some(object) = edit.get(id).and_then(|record| record.promise.object()) else {
        return;
    };
    if let Some(idle) = object.expire_after.filter(|_| object.state.is_some()) {
        let timeout_at = edit.now().after(idle);
        edit.update(id, |record| record.promise.timeout_at = timeout_at);
    }
}

/// Its turn has come.
fn admit(edit: &mut Edit<'_>, id: &PromiseId) {
    if edit.get(id).is_some_and(|record| record.is_in_line()) {
        let now = edit.now();
        edit.update_task(id, |task| task.ready(now));
    }
}

fn is_method(new: &NewPromise, object: &PromiseId) -> Result<(), Refusal> {
    let Some(call) = &new.call else { return Ok(()) };
    let name = ObjectName::of(object);
    if new.id == *object || !name.is_some_and(|name| name.has(&call.address)) {
        let why = format!(
            "a call of {} has an id such as `service/Type/key.call`, with its own service and type",
            call.address
        );
        return Err(not_allowed(&new.id, why));
    }
    Ok(())
}

/// A call that waited for what its own callers hold would wait for ever.
fn not_held_above(new: &NewPromise, object: &PromiseId) -> Result<(), Refusal> {
    let root = |id: &str| id.split(['.', ':']).next() == Some(object.as_str());
    let Some(holder) = held::calls(&new.tags).find(|holder| root(holder)) else {
        return Ok(());
    };
    if planted(Mutant::CycleNotFound) {
        return Ok(());
    }
    let why = format!(
        "it would wait for ever: {holder}, which waits for it, holds {object} until it has ended; call the object before \
         or after that, or detach the call"
    );
    Err(not_allowed(&new.id, why))
}

fn has_room(edit: &Edit<'_>, new: &NewPromise, object: &PromiseId) -> Result<(), Refusal> {
    let waiting = edit.tree().line(object).len();
    let kept = edit.tree().settled_count(object);
    if waiting >= limits::LINE {
        let why = format!("{waiting} calls of {object} run or wait; spread them over more keys");
        return Err(not_allowed(&new.id, why));
    }
    if kept >= limits::CALLS_KEPT {
        let minutes = limits::CALL_KEPT.as_secs() / 60;
        let why = format!(
            "{object} had {kept} calls in {minutes} minutes, which are kept for who repeats one; spread them over more keys"
        );
        return Err(not_allowed(&new.id, why));
    }
    let Some(record) = edit.get(object) else {
        return Ok(());
    };
    if record.promise.object().is_some() {
        return Ok(());
    }
    Err(Refusal::AlreadyExists {
        id: object.clone(),
        existing: create::describe(&record.promise, None),
        asked: "a durable object".to_owned(),
    })
}

/// A call at the end of the line.
fn record(edit: &Edit<'_>, mut new: NewPromise, object: &PromiseId) -> Result<Record, Refusal> {
    held::add(&mut new.tags, &new.id);
    create::fits(&new)?;
    let now = edit.now();
    let is_early = |call: &Arc<Call>| call.start_at > now;
    if new.call.as_ref().is_some_and(is_early) {
        let why = "a call of an object would hold it up until it starts; sleep before it instead";
        return Err(not_allowed(&new.id, why));
    }
    let position = edit
        .tree()
        .line(object)
        .last()
        .map_or(Some(1), |last| last.checked_add(1));
    let Some(position) = position else {
        let why = format!("{object} was never idle for too many calls; wait until it is");
        return Err(not_allowed(&new.id, why));
    };
    let promise = Promise {
        id: new.id,
        kind: new.call.map_or(Kind::External, Kind::Call),
        state: PromiseState::Pending,
        created_at: now,
        timeout_at: new.timeout_at,
        origin: Some(Origin {
            parent: object.clone(),
            generation: 1,
            position,
            location: Arc::from(""),
            called_at: now,
            depth: 1,
        }),
        generation: 1,
        shielded: false,
        compensation: None,
        labels: new.labels,
        tags: new.tags,
        awaiters: Vec::new(),
    };
    Ok(Record {
        promise,
        task: Some(Task::pending(TaskVersion::default(), IN_LINE)),
    })
}

fn root(id: &PromiseId, now: Timestamp) -> Record {
    let promise = Promise {
        id: id.clone(),
        kind: Kind::Object(Object::default()),
        state: PromiseState::Pending,
        created_at: now,
        timeout_at: Timestamp::NEVER,
        origin: None,
        generation: 1,
        shielded: false,
        compensation: None,
        labels: std::collections::BTreeMap::new(),
        tags: std::collections::BTreeMap::new(),
        awaiters: Vec::new(),
    };
    Record {
        promise,
        task: None,
    }
}

fn not_allowed(id: &PromiseId, why: impl Into<String>) -> Refusal {
    Refusal::NotAllowed {
        id: id.clone(),
        why: why.into(),
    }
}
