//! The calls of an execution that run in this process and are unknown to the server, or were when they began.
//!
//! A child reports to its caller as long as it is unknown; from the turn on that creates it, it stands on its own.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use resonate_core::{Outcome, PromiseId, TaskVersion};
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::super::{
    link::{ExecutionEvent, ExecutionHandle, Worker},
    slots::Slot,
};
use crate::{limits, replay::Position};

/// The calls of an execution that run here and report to it.
#[derive(Debug, Default)]
pub(super) struct Family {
    inbox: Arc<Inbox>,
    links: BTreeMap<Position, Link>,
    /// Children that the unanswered turn creates.
    unconfirmed: Vec<ExecutionHandle>,
    /// Calls that the unanswered turn creates, and that start once it is written.
    announced: BTreeMap<Position, (PromiseId, TaskVersion)>,
    /// Room for calls that start once they are durable.
    reserved: BTreeMap<Position, Option<Slot>>,
}

/// What children report. Bounded by the calls under way: each reports twice at most.
#[derive(Debug, Default)]
struct Inbox {
    reports: Mutex<VecDeque<Report>>,
    bell: Notify,
}

/// The caller's end of a child.
#[derive(Debug)]
struct Link {
    handle: ExecutionHandle,
    adoption: oneshot::Sender<TaskVersion>,
    /// When it must become known, unless that is under way.
    due: Option<Instant>,
}

/// What a child has to say.
#[derive(Debug)]
pub(super) enum Report {
    /// It needs the server.
    NeedsServer(Position),
    /// It has ended, and needed nothing. Its slot goes back to its caller.
    Ended {
        position: Position,
        outcome: Outcome,
        slot: Option<Slot>,
    },
}

/// The child's end: how it reports, and how it learns that it stands on its own.
#[derive(Debug)]
pub(super) struct Parent {
    position: Position,
    inbox: Arc<Inbox>,
    adoption: oneshot::Receiver<TaskVersion>,
    has_asked: bool,
    has_ended: bool,
}

impl Family {
    /// The next report.
    pub(super) async fn next(&self) -> Report {
        loop {
            if let Some(report) = self.inbox.take() {
                return report;
            }
            self.inbox.bell.notified().await;
        }
    }

    /// A child that reports from this position. `conceive` is given its end of the link; what it gives is to begin.
    pub(super) fn start<E>(
        &mut self,
        position: Position,
        conceive: impl FnOnce(Parent) -> (ExecutionHandle, E),
    ) -> E {
        let (adoption, adopted) = oneshot::channel();
        let inbox = Arc::clone(&self.inbox);
        let parent = Parent {
            position,
            inbox,
            adoption: adopted,
            has_asked: false,
            has_ended: false,
        };
        let (handle, execution) = conceive(parent);
        let due = Some(Instant::now() + limits::YOUNG);
        let link = Link {
            handle,
            adoption,
            due,
        };
        self.links.insert(position, link);
        execution
    }

    /// When the next child has been unknown for long enough.
    pub(super) fn due(&self) -> Option<Instant> {
        self.links.values().filter_map(|link| link.due).min()
    }

    /// Children that have been unknown for long enough, each said once. It is their caller that looks to it: one that
    /// blocks its thread cannot ask.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Position> {
        let links = self.links.iter_mut();
        let due = links.filter_map(|(position, link)| {
            link.due.take_if(|due| *due <= now)?;
            Some(*position)
        });
        due.collect()
    }

    /// The turn that creates it is on its way: it stands on its own.
    pub(super) fn adopt(&mut self, position: Position, version: TaskVersion, worker: &Worker) {
        let Some(Link {
            handle, adoption, ..
        }) = self.links.remove(&position)
        else {
            return;
        };
        handle.version.store(version.0, Ordering::Release);
        self.unconfirmed.push(handle.clone());
        worker.adopt(handle);
        // It may have ended meanwhile for good, which its body's drop has said already.
        let _heard = adoption.send(version);
    }

    /// The turn that creates them is written.
    pub(super) fn confirm(&mut self) {
        self.unconfirmed.clear();
    }

    /// The turn that was to create them is not written, nor will it be: nobody claims them.
    pub(super) fn disown(&mut self, worker: &Worker) {
        for handle in self.unconfirmed.drain(..) {
            worker.disown(&handle.id, handle.version());
            // One whose queue is full hears of it when its next turn is refused.
            let why = "its caller's claim is over".to_owned();
            let _heard = handle.events.try_send(ExecutionEvent::Dropped { why });
        }
        self.disown_announced(worker);
    }

    /// The turn that creates it is on its way; it starts once that is written.
    pub(super) fn announce(
        &mut self,
        position: Position,
        id: PromiseId,
        version: TaskVersion,
        worker: &Worker,
    ) {
        worker.announce(&id, version);
        self.announced.insert(position, (id, version));
    }

    /// It starts, or is started by nobody.
    pub(super) fn has_started(&mut self, position: Position) {
        self.announced.remove(&position);
    }

    /// The turn that creates them is written: those that have not started are not wanted, and end by their cancel.
    pub(super) fn forget_announced(&mut self, worker: &Worker) {
        for (id, version) in std::mem::take(&mut self.announced).into_values() {
            worker.forget(&id, version);
        }
    }

    /// What was announced and has not started will not.
    fn disown_announced(&mut self, worker: &Worker) {
        for (id, version) in std::mem::take(&mut self.announced).into_values() {
            worker.disown(&id, version);
        }
    }

    /// It is recorded, or not wanted: it ends.
    pub(super) fn let_go(&mut self, position: Position) {
        self.links.remove(&position);
        self.reserved.remove(&position);
    }

    /// None is wanted any more but what is created already and stays.
    pub(super) fn let_all_go(&mut self, stays: impl Fn(Position) -> bool) {
        self.links.clear();
        self.reserved.retain(|position, _| stays(*position));
    }

    /// The worker is leaving.
    pub(super) fn drain(&self) {
        for link in self.links.values() {
            // One whose queue is full runs on until it is adopted, and hears of it then.
            let _heard = link.handle.events.try_send(ExecutionEvent::Drain);
        }
    }

    /// Keeps room for a call that starts once it is durable.
    pub(super) fn reserve(&mut self, position: Position, slot: Option<Slot>) {
        self.reserved.insert(position, slot);
    }

    /// The room that was kept; none if the call is no such one.
    pub(super) fn take_reserved(&mut self, position: Position) -> Option<Option<Slot>> {
        self.reserved.remove(&position)
    }
}

impl Inbox {
    fn put(&self, report: Report) {
        self.reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(report);
        self.bell.notify_one();
    }

    fn take(&self) -> Option<Report> {
        self.reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }
}

impl Parent {
    /// It needs the server; said once.
    pub(super) fn ask(&mut self) {
        if !std::mem::replace(&mut self.has_asked, true) {
            self.inbox.put(Report::NeedsServer(self.position));
        }
    }

    /// True if it has asked for the server, or has ended.
    pub(super) fn has_reported(&self) -> bool {
        self.has_asked || self.has_ended
    }

    /// It has ended so; said once.
    pub(super) fn end(&mut self, outcome: Outcome, slot: Option<Slot>) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.inbox.put(Report::Ended {
                position: self.position,
                outcome,
                slot,
            });
        }
    }

    /// The fencing token, once it stands on its own; none if it is not wanted any more.
    pub(super) async fn adopted(&mut self) -> Option<TaskVersion> {
        (&mut self.adoption).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use tokio::{sync::mpsc, time::advance};

    use super::*;

    fn handle() -> ExecutionHandle {
        ExecutionHandle {
            id: PromiseId::new("order.leaf").unwrap(),
            version: Arc::new(AtomicU64::new(0)),
            shown: Arc::new(AtomicU64::new(0)),
            events: mpsc::channel(1).0,
            polling_since: Arc::new(AtomicU64::new(0)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_that_is_never_polled_is_due_once_after_its_time() {
        let mut family = Family::default();
        let (one, two) = (Position(1), Position(2));
        let _never_polled = family.start(one, |parent| (handle(), parent));
        advance(limits::YOUNG / 2).await;
        let _never_polled_either = family.start(two, |parent| (handle(), parent));
        assert_eq!(family.take_due(Instant::now()), []);
        advance(family.due().unwrap() - Instant::now()).await;
        assert_eq!(family.take_due(Instant::now()), [one]);
        assert_eq!(family.take_due(Instant::now()), []);
        family.let_go(two);
        assert_eq!(family.due(), None);
    }
}
