//! What must be the same in every replay: which function, step, timer or promise stands at a position.

use std::fmt;

use resonate_core::{Address, Call, Kind, Link, Promise, PromiseId};

use super::command::{Command, CommandKind};

/// Which function, step, timer or promise it is. The name is in the id, which is compared beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    Call {
        address: Address,
        signature: u64,
    },
    Root {
        address: Address,
        signature: u64,
        id: PromiseId,
        detached: bool,
    },
    Undo {
        address: Address,
        signature: u64,
    },
    Step,
    Timer,
    External,
    Await(PromiseId),
    Tell(PromiseId),
}

impl Identity {
    /// Of what a body asks for.
    pub(crate) fn of_command(command: &Command) -> Self {
        match &command.kind {
            CommandKind::Call { call, .. } => Self::of_call(call),
            CommandKind::Undo { call, .. } => Self::of_undo(call),
            CommandKind::Root {
                id, call, detached, ..
            } => Self::of_root(call, id, *detached),
            CommandKind::Step { .. } => Self::Step,
            CommandKind::Timer(_) => Self::Timer,
            CommandKind::External => Self::External,
            CommandKind::Await(id) => Self::Await(id.clone()),
            CommandKind::Tell { id, .. } => Self::Tell(id.clone()),
        }
    }

    /// Of what the history holds.
    pub(crate) fn of_promise(promise: &Promise) -> Self {
        match &promise.kind {
            Kind::Call(call) if promise.compensation.is_some() => Self::of_undo(call),
            Kind::Call(call) => Self::of_call(call),
            Kind::Step => Self::Step,
            Kind::Timer => Self::Timer,
            Kind::External => Self::External,
            Kind::Proxy(Link::Await { id }) => Self::Await(id.clone()),
            Kind::Proxy(Link::Tell { id, .. }) => Self::Tell(id.clone()),
            Kind::Proxy(Link::Call { promise, detached }) => match &promise.call {
                Some(call) => Self::of_root(call, &promise.id, *detached),
                None => Self::Await(promise.id.clone()),
            },
            // No body asks for one; what stands there instead of a child is told as what it is not.
            Kind::Schedule(_) => Self::External,
        }
    }

    fn of_call(call: &Call) -> Self {
        Self::Call {
            address: call.address.clone(),
            signature: call.signature,
        }
    }

    fn of_undo(call: &Call) -> Self {
        Self::Undo {
            address: call.address.clone(),
            signature: call.signature,
        }
    }

    fn of_root(call: &Call, id: &PromiseId, detached: bool) -> Self {
        Self::Root {
            address: call.address.clone(),
            signature: call.signature,
            id: id.clone(),
            detached,
        }
    }

    /// The function, if it is a call.
    pub(super) fn address(&self) -> Option<&Address> {
        match self {
            Self::Call { address, .. }
            | Self::Root { address, .. }
            | Self::Undo { address, .. } => Some(address),
            Self::Step | Self::Timer | Self::External | Self::Await(_) | Self::Tell(_) => None,
        }
    }

    /// How people call it. `name` is what its id is made of.
    pub(super) fn describe(&self, name: &str) -> String {
        match self {
            Self::Call { .. } => format!("`{name}`"),
            Self::Root {
                id,
                detached: false,
                ..
            } => format!("`{name}` with the id `{id}`"),
            Self::Root {
                id, detached: true, ..
            } => format!("`{name}`, detached as `{id}`"),
            Self::Undo { .. } => format!("`{name}`, to undo something"),
            Self::Step => format!("the step `{name}`"),
            Self::Timer => format!("the timer `{name}`"),
            Self::External => format!("the promise `{name}`"),
            Self::Await(id) => format!("awaiting the promise `{id}`"),
            Self::Tell(id) => format!("settling the promise `{id}`"),
        }
    }

    /// The same, where the short form is the same on both sides.
    pub(super) fn describe_fully(&self, name: &str, id: &PromiseId) -> String {
        match self {
            Self::Call { address, signature }
            | Self::Undo { address, signature }
            | Self::Root {
                address, signature, ..
            } => {
                format!("`{address}` with the signature {signature:016x} as `{id}`")
            }
            Self::Step | Self::Timer | Self::External | Self::Await(_) | Self::Tell(_) => {
                format!("{} as `{id}`", self.describe(name))
            }
        }
    }
}

/// The digest of the arguments in a command, if it has some.
pub(super) fn digest_of_command(command: &Command) -> Option<u64> {
    match &command.kind {
        CommandKind::Call { call, .. } | CommandKind::Root { call, .. } => {
            Some(call.param.digest())
        }
        // Its arguments may be a value that came later.
        CommandKind::Undo { .. }
        | CommandKind::Step { .. }
        | CommandKind::Timer(_)
        | CommandKind::External
        | CommandKind::Await(_)
        | CommandKind::Tell { .. } => None,
    }
}

/// The digest of the arguments that the history holds, if it is a call.
pub(super) fn digest_of_promise(promise: &Promise) -> Option<u64> {
    if promise.compensation.is_some() {
        return None;
    }
    match &promise.kind {
        Kind::Call(call) => Some(call.param.digest()),
        Kind::Proxy(Link::Call { promise, .. }) => {
            promise.call.as_ref().map(|call| call.param.digest())
        }
        Kind::Proxy(Link::Await { .. } | Link::Tell { .. })
        | Kind::Step
        | Kind::Timer
        | Kind::External
        | Kind::Schedule(_) => None,
    }
}

impl fmt::Display for super::Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
