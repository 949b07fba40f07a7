//! What a body asks for, and what becomes of it in a turn.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use resonate_core::{
    Call, ChildKind, Compensation, Link, NewChild, NewPromise, Outcome, Payload, PromiseId,
    Timestamp,
};

use super::Position;

/// One thing that a body asks for and awaits.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    /// What its id is made of: the function, the step's label, the timer, the promise.
    pub(crate) name: Arc<str>,
    /// File and line where it was asked for.
    pub(crate) location: Arc<str>,
    pub(crate) kind: CommandKind,
    /// How long it may take; its caller's timeout holds as well.
    pub(crate) timeout: Option<Duration>,
    pub(crate) shielded: bool,
    /// Something undoes it: then it is shielded, too.
    pub(crate) is_undone: bool,
    /// Searchable.
    pub(crate) labels: BTreeMap<String, String>,
    /// Of a root: what those below it inherit.
    pub(crate) tags: BTreeMap<String, String>,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum CommandKind {
    /// A call below the caller.
    Call {
        call: Arc<Call>,
        place: Place,
        start: Due,
    },
    /// A closure run in place.
    Step { at_most_once: bool },
    /// A durable timer.
    Timer(Due),
    /// A promise that somebody outside settles.
    External,
    /// The next message of the caller's inbox.
    Receive,
    /// A call with an id of its own; awaited, or only started.
    Root {
        id: PromiseId,
        call: Arc<Call>,
        start: Due,
        detached: bool,
    },
    /// A call that is made only if the caller ends badly: of this call's value, or with its own arguments.
    Undo {
        call: Arc<Call>,
        of: Option<PromiseId>,
    },
    /// A promise from elsewhere is awaited.
    Await(PromiseId),
    /// A promise from elsewhere is settled or canceled.
    Tell { id: PromiseId, outcome: Outcome },
    /// An execution elsewhere is sent a message.
    Send { id: PromiseId, message: Payload },
}

/// Where a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Here if there is room, else anywhere.
    Anywhere,
    /// Here, and it waits for room.
    Here,
    /// On whichever worker claims it.
    Elsewhere,
}

/// When something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Now,
    /// So long after it is asked for.
    After(Duration),
    At(Timestamp),
}

impl Due {
    pub(crate) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Now => now,
            Self::After(duration) => now.after(duration),
            Self::At(time) => time,
        }
    }
}

impl Command {
    /// A command of this kind without anything else.
    pub(crate) fn new(
        name: impl Into<Arc<str>>,
        location: impl Into<Arc<str>>,
        kind: CommandKind,
    ) -> Self {
        Self {
            name: name.into(),
            location: location.into(),
            kind,
            timeout: None,
            shielded: false,
            is_undone: false,
            labels: BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }

    /// The function it calls, and the root that this becomes, if it is one.
    pub(crate) fn called(&self) -> Option<(Arc<str>, Option<PromiseId>)> {
        match &self.kind {
            CommandKind::Call { call, .. } => Some((Arc::clone(&call.address.function), None)),
            CommandKind::Root { id, call, .. } => {
                Some((Arc::clone(&call.address.function), Some(id.clone())))
            }
            CommandKind::Step { .. }
            | CommandKind::Timer(_)
            | CommandKind::External
            | CommandKind::Undo { .. }
            | CommandKind::Await(_)
            | CommandKind::Receive
            | CommandKind::Send { .. }
            | CommandKind::Tell { .. } => None,
        }
    }

    /// True for what its caller's end does not take back.
    pub(super) fn outlives_its_caller(&self) -> bool {
        matches!(
            self.kind,
            CommandKind::Root { detached: true, .. }
                | CommandKind::Tell { .. }
                | CommandKind::Send { .. }
                | CommandKind::Undo { .. }
        )
    }

    /// The child it becomes, asked for at `called_at` of the log and written at `clock`.
    pub(super) fn child(
        &self,
        id: PromiseId,
        position: Position,
        called_at: Timestamp,
        clock: Timestamp,
    ) -> NewChild {
        let own_timeout = self
            .timeout
            .map_or(Timestamp::NEVER, |timeout| clock.after(timeout));
        let (kind, timeout_at) = match &self.kind {
            CommandKind::Call { call, start, .. } => {
                (ChildKind::Call(started(call, *start, clock)), own_timeout)
            }
            CommandKind::Step { .. } => (ChildKind::Step, own_timeout),
            CommandKind::Timer(due) => (ChildKind::Timer, due.at(clock)),
            CommandKind::External => (ChildKind::External, own_timeout),
            CommandKind::Receive => (ChildKind::Receive, own_timeout),
            CommandKind::Send { id, message } => {
                let link = Link::Send {
                    id: id.clone(),
                    message: message.clone(),
                };
                (ChildKind::Proxy(link), own_timeout)
            }
            CommandKind::Root {
                id,
                call,
                start,
                detached,
            } => {
                let promise = NewPromise {
                    id: id.clone(),
                    call: Some(started(call, *start, clock)),
                    timeout_at: own_timeout,
                    labels: self.labels.clone(),
                    tags: self.tags.clone(),
                };
                let link = Link::Call {
                    promise: Box::new(promise),
                    detached: *detached,
                };
                (ChildKind::Proxy(link), Timestamp::NEVER)
            }
            CommandKind::Undo { call, .. } => (ChildKind::Call(Arc::clone(call)), Timestamp::NEVER),
            CommandKind::Await(id) => (
                ChildKind::Proxy(Link::Await { id: id.clone() }),
                own_timeout,
            ),
            CommandKind::Tell { id, outcome } => {
                let link = Link::Tell {
                    id: id.clone(),
                    outcome: outcome.clone(),
                };
                (ChildKind::Proxy(link), own_timeout)
            }
        };
        let compensation = if let CommandKind::Undo { of, .. } = &self.kind {
            let (of, is_due) = (of.clone(), false);
            Some(Compensation { of, is_due })
        } else {
            None
        };
        NewChild {
            id,
            position: position.0,
            location: Arc::clone(&self.location),
            called_at,
            kind,
            timeout_at,
            shielded: self.shielded,
            compensation,
            labels: self.labels.clone(),
        }
    }
}

fn started(call: &Arc<Call>, start: Due, clock: Timestamp) -> Arc<Call> {
    match start {
        Due::Now => Arc::clone(call),
        Due::After(_) | Due::At(_) => Arc::new(Call {
            start_at: start.at(clock),
            ..Call::clone(call)
        }),
    }
}
