//! One ready task and the worker that gets it. Pure.
//!
//! The next task is chosen among the functions of workers with a free place: by priority, then functions and roots take
//! turns. The worker that may hold its body is preferred, then workers take turns. A suspect goes only to a worker that
//! runs no other.

use std::sync::Arc;

use resonate_core::{Address, PromiseId, SessionId, queue::Taken};

use super::{fleet::Fleet, ready::Ready};

/// A task for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// Which task.
    pub(crate) task: PromiseId,
    /// Its function.
    pub(crate) address: Arc<Address>,
    /// For whom.
    pub(crate) session: SessionId,
}

/// Takes the next pair out: the task leaves the line, the worker is charged for it.
///
/// Functions that are not open now get none.
pub(crate) fn next(
    ready: &mut Ready,
    fleet: &mut Fleet,
    is_open: impl Fn(&Address) -> bool,
) -> Option<Pair> {
    if ready.is_empty() {
        return None;
    }
    let (taken, warm) = ready.next(fleet.wanted().filter(|serves| is_open(serves.address)))?;
    let Taken {
        id: task,
        address,
        is_suspect,
    } = taken;
    let session = fleet.choose(&address, warm, is_suspect)?;
    fleet.charge(session);
    if is_suspect {
        fleet.suspect_began(session, &task);
    }
    Some(Pair {
        task,
        address,
        session,
    })
}
