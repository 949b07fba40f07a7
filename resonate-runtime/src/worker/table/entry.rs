//! One execution in the table, and how it is told what happens to it.

use std::sync::atomic::Ordering;

use resonate_core::{Record, Seq, TaskVersion};
use tokio::{
    sync::mpsc::{Sender, error::TrySendError},
    time::Instant,
};

use crate::worker::link::{Dispatched, ExecutionEvent, ExecutionHandle, NOT_BEGUN};

/// An execution that is here.
#[derive(Debug)]
pub(super) struct Entry {
    /// The fencing token of its claim.
    pub(super) version: TaskVersion,
    pub(super) body: Body,
    /// Suspended with its body kept: its place among those that are, and since when.
    pub(super) aside: Option<(u64, Instant)>,
    /// Its last turn suspended it tied to this session.
    pub(super) tied: bool,
    /// It was said that its body blocks.
    pub(super) blocks: bool,
    /// What it has not taken yet.
    pub(super) backlog: Vec<ExecutionEvent>,
}

/// Where an execution stands.
#[derive(Debug)]
pub(super) enum Body {
    /// It waits for a slot; the highest place of the log it was dispatched with.
    Waiting(Seq),
    /// It waits for the turn that creates it.
    Announced,
    Running(ExecutionHandle),
}

impl Entry {
    pub(super) fn waiting(version: TaskVersion, dispatched: &Dispatched) -> Self {
        Self::new(version, Body::Waiting(highest(&dispatched.children)))
    }

    pub(super) fn announced(version: TaskVersion) -> Self {
        Self::new(version, Body::Announced)
    }

    /// True if it is dispatched or announced, and is not here yet.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.body, Body::Waiting(_) | Body::Announced)
    }

    /// True if the server sent it and its body was not polled yet: nothing of it is lost here.
    pub(super) fn is_unbegun(&self) -> bool {
        match &self.body {
            Body::Waiting(_) => true,
            Body::Announced => false,
            Body::Running(handle) => handle.polling_since.load(Ordering::Acquire) == NOT_BEGUN,
        }
    }

    pub(super) fn running(handle: ExecutionHandle) -> Self {
        Self::new(handle.version(), Body::Running(handle))
    }

    fn new(version: TaskVersion, body: Body) -> Self {
        Self {
            version,
            body,
            aside: None,
            tied: false,
            blocks: false,
            backlog: Vec::new(),
        }
    }

    /// The highest place of the log it holds.
    pub(super) fn shown(&self) -> Seq {
        match &self.body {
            Body::Waiting(shown) => *shown,
            Body::Announced => Seq::ZERO,
            Body::Running(handle) => handle.shown(),
        }
    }

    /// True if the session holds the task: leased, or suspended and tied.
    pub(super) fn is_held(&self) -> bool {
        self.aside.is_none() || self.tied
    }

    /// Tells it; what it cannot take now waits, settlements joined into one. True if it is to be told again soon.
    pub(super) fn tell(&mut self, event: ExecutionEvent) -> bool {
        self.keep(event);
        self.flush()
    }

    /// Tells it what waits; true if it could not take everything. One that has not begun takes nothing.
    pub(super) fn flush(&mut self) -> bool {
        let Body::Running(handle) = &self.body else {
            return false;
        };
        let events = handle.events.clone();
        let mut waiting = std::mem::take(&mut self.backlog).into_iter();
        while let Some(event) = waiting.next() {
            if let Err(event) = give(&events, event) {
                self.backlog.push(event);
                self.backlog.extend(waiting);
                return true;
            }
        }
        false
    }

    /// What is to be told to one that leaves the table: everything that waits, and this.
    pub(super) fn part(mut self, last: ExecutionEvent) -> Option<Parting> {
        let Body::Running(handle) = self.body else {
            return None;
        };
        self.backlog.push(last);
        Some(Parting {
            events: handle.events,
            backlog: self.backlog,
        })
    }

    fn keep(&mut self, event: ExecutionEvent) {
        match (self.backlog.last_mut(), event) {
            (Some(ExecutionEvent::Settled(waiting)), ExecutionEvent::Settled(more)) => {
                waiting.extend(more)
            }
            (_, event) => self.backlog.push(event),
        }
    }
}

/// An execution that has left the table and has not been told so yet.
#[derive(Debug)]
pub(super) struct Parting {
    events: Sender<ExecutionEvent>,
    backlog: Vec<ExecutionEvent>,
}

impl Parting {
    /// Tells it; gives itself back if it cannot take everything now.
    pub(super) fn flush(self) -> Option<Self> {
        let Self { events, backlog } = self;
        let mut waiting = backlog.into_iter();
        while let Some(event) = waiting.next() {
            if let Err(event) = give(&events, event) {
                let backlog = std::iter::once(event).chain(waiting).collect();
                return Some(Self { events, backlog });
            }
        }
        None
    }
}

/// Gives one event, or gets it back. One that has ended needs none.
fn give(events: &Sender<ExecutionEvent>, event: ExecutionEvent) -> Result<(), ExecutionEvent> {
    match events.try_send(event) {
        Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
        Err(TrySendError::Full(event)) => Err(event),
    }
}

fn highest(children: &[Record]) -> Seq {
    let seqs = children
        .iter()
        .filter_map(|child| child.promise.settled().map(|settled| settled.seq));
    seqs.max().unwrap_or(Seq::ZERO)
}
