//! Deliver: what another tree sent. Idempotent by state, so a late copy does no harm.

use super::{
    awaiters, create,
    edit::Edit,
    schedule,
    settle::{self, By},
    trim, wave,
};
use crate::{Create, Failure, FailureKind, Message, Outcome, Payload, PromiseId, Refusal, Reply};

pub(super) fn apply(edit: &mut Edit<'_>, message: Message) -> Reply {
    match message {
        Message::Create {
            promise,
            back,
            detached,
        } => start(
            edit,
            Create {
                promise: *promise,
                any: false,
            },
            back,
            detached,
        ),
        Message::Subscribe { id, back } => subscribe(edit, &id, back),
        Message::Tell { id, outcome, back } => tell(edit, &id, outcome, back),
        Message::Cancel { id, reason } => cancel(edit, &id, reason),
        Message::Unsubscribe { id, back } => awaiters::remove(edit, &id, &back),
        Message::Answer { proxy, outcome } => settle::settle_by(edit, &proxy, outcome, By::Answer),
        Message::Wave { id } => wave::below(edit, &id),
        Message::Answers { id } => awaiters::go_on(edit, &id),
        Message::Trim { id } => trim::below(edit, &id),
    }
    Reply::Done
}

/// A root is created for a proxy; or was already, for the same call.
fn start(edit: &mut Edit<'_>, create: Create, back: PromiseId, detached: bool) {
    let id = create.promise.id.clone();
    match edit.attempt(|edit| create::apply(edit, create)) {
        Err(refusal) => answer(edit, back, refused(&id, &refusal)),
        Ok(_) if detached => answer(edit, back, Outcome::Resolved(name(&id))),
        Ok(_) => subscribe(edit, &id, back),
    }
}

/// The proxy hears of the settlement: now, or when it comes.
fn subscribe(edit: &mut Edit<'_>, id: &PromiseId, back: PromiseId) {
    if let Err(refusal) = schedule::refuse(edit, id) {
        return answer(edit, back, refused(id, &refusal));
    }
    let Some(record) = edit.get(id) else {
        return answer(edit, back, refused(id, &Refusal::NotFound(id.clone())));
    };
    match record.promise.settled() {
        Some(settled) => {
            let outcome = settled.outcome.clone();
            answer(edit, back, outcome);
        }
        None => awaiters::add(edit, id, back),
    }
}

/// Settles or cancels; the proxy is told `true` when that made the difference, `false` when it was settled already.
fn tell(edit: &mut Edit<'_>, id: &PromiseId, outcome: Outcome, back: PromiseId) {
    let told = match edit.get(id) {
        None => refused(id, &Refusal::NotFound(id.clone())),
        Some(record) if record.promise.is_pending() => match tellable(edit, id, &outcome) {
            Err(refusal) => refused(id, &refusal),
            Ok(()) => {
                settle::settle(edit, id, outcome);
                Outcome::Resolved(Payload::json("true"))
            }
        },
        Some(_) => Outcome::Resolved(Payload::json("false")),
    };
    answer(edit, back, told);
}

fn tellable(edit: &Edit<'_>, id: &PromiseId, outcome: &Outcome) -> Result<(), Refusal> {
    schedule::refuse(edit, id)?;
    settle::fits(id, outcome)
}

/// Nobody is told but those who await it; one that has ended, or never was, is left alone.
fn cancel(edit: &mut Edit<'_>, id: &PromiseId, reason: String) {
    if schedule::refuse(edit, id).is_ok() {
        settle::settle(edit, id, Outcome::Canceled { reason });
    }
}

fn answer(edit: &mut Edit<'_>, proxy: PromiseId, outcome: Outcome) {
    edit.send(Message::Answer { proxy, outcome });
}

fn refused(id: &PromiseId, refusal: &Refusal) -> Outcome {
    let kind = match refusal {
        Refusal::NotFound(_) => FailureKind::NotFound,
        Refusal::AlreadyExists { .. } => FailureKind::AlreadyExists,
        Refusal::TooLarge { .. } => FailureKind::TooLarge,
        Refusal::AlreadySettled { .. }
        | Refusal::StaleVersion { .. }
        | Refusal::TurnGap { .. }
        | Refusal::NotReady { .. }
        | Refusal::NotACall(_)
        | Refusal::NotHalted { .. }
        | Refusal::NotAllowed { .. } => FailureKind::Misused,
    };
    Outcome::Failed(Failure::new(kind, refusal.to_string()).at(id))
}

/// The id as a JSON string.
fn name(id: &PromiseId) -> Payload {
    let mut text = String::from("\"");
    for c in id.as_str().chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    Payload::json(text)
}
