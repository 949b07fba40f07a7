//! One file per verb; no other place knows its rule.
//!
//! [`apply()`] is total: every state and request has an answer, bad input gets a [`Refusal`] and changes nothing.

mod awaiters;
mod cancel;
mod claim;
mod compensate;
mod create;
mod deliver;
mod edit;
mod expire;
mod halt;
mod hold;
mod recall;
mod release;
mod schedule;
mod settle;
mod trim;
mod turn;
mod wave;

use std::sync::Arc;

pub use self::claim::history;
use self::edit::Edit;
use crate::{
    AwaiterPage, Effect, Message, PromiseId, Record, Refusal, Reply, Request, Stamp, Tree,
    mutants::{Mutant, planted},
};

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// A reply, or a documented no that changed nothing.
    pub answer: Result<Reply, Refusal>,
    /// What to write: each changed record once, as it was and as it is.
    pub changed: Vec<Change>,
    /// Settled records that are forgotten, as they were: to be removed some time after the rest is durable. Losing that in
    /// a crash loses nothing; they are forgotten again with the next ones. Each call comes before its caller.
    pub removed: Vec<Arc<Record>>,
    /// Pages of awaiters to write, each once.
    pub pages: Vec<PageChange>,
    /// What to write to the outbox, in order.
    pub messages: Vec<Message>,
    /// What to do once all of that is durable.
    pub effects: Vec<Effect>,
}

/// One record that a request changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// As it was; none if it is new.
    pub before: Option<Arc<Record>>,
    /// As it is.
    pub after: Arc<Record>,
}

/// One page of awaiters that a request changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageChange {
    /// Whose awaiters.
    pub of: PromiseId,
    /// Which of their pages.
    pub number: u32,
    /// As it was; none if it is new.
    pub before: Option<Arc<AwaiterPage>>,
    /// As it is; none if it is over.
    pub after: Option<Arc<AwaiterPage>>,
}

/// Applies one request to the tree of its target.
///
/// The stamp's `seq` moves on by one per settlement; its `now` is the batch's. A refused request leaves tree and stamp
/// as they were, except that promises whose time has passed are settled first: so no answer about a promise depends on
/// when a timer happened to run.
pub fn apply(tree: &mut Tree, stamp: &mut Stamp, request: Request) -> Applied {
    let mut edit = Edit::new(tree, stamp);
    if !(planted(Mutant::TouchMissing) && matches!(request, Request::Settle { .. })) {
        expire::touch(&mut edit, request.target());
    }
    let answer = edit.attempt(|edit| match request {
        Request::Create(create) => create::apply(edit, create),
        Request::Get { id } => Ok(Reply::Promise {
            record: Arc::clone(edit.known(&id)?),
            new: false,
        }),
        Request::Settle { id, outcome, key } => settle::apply(edit, &id, outcome, key),
        Request::Cancel { id, reason, key } => cancel::apply(edit, &id, reason, key),
        Request::Claim {
            id,
            session,
            tied,
            retry,
        } => claim::apply(edit, &id, session, tied, retry),
        Request::Hold {
            id,
            version,
            session,
            shown,
        } => hold::apply(edit, &id, version, session, shown),
        Request::Recall {
            id,
            version,
            session,
        } => recall::apply(edit, &id, version, session),
        Request::Turn(turn) => turn::apply(edit, turn),
        Request::Release {
            id,
            version,
            session,
            why,
        } => release::apply(edit, &id, version, session, why),
        Request::Halt {
            id,
            cause,
            reason,
            key,
        } => halt::apply(edit, &id, cause, reason, key),
        Request::Continue { id, key } => halt::go_on(edit, &id, key),
        Request::Schedule(new) => schedule::create(edit, new),
        Request::ChangeSchedule { id, change } => schedule::change(edit, &id, change),
        Request::Expire { .. } => Ok(Reply::Done),
        Request::Deliver(message) => Ok(deliver::apply(edit, message)),
    });
    edit.into_applied(answer)
}

impl Edit<'_> {
    /// The record of a promise that must exist.
    fn known(&self, id: &PromiseId) -> Result<&Arc<Record>, Refusal> {
        self.get(id).ok_or_else(|| Refusal::NotFound(id.clone()))
    }
}
