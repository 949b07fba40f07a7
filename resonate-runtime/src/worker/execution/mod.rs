//! The running of one promise's function on this worker: its body, its claim, its turns.
//!
//! One tokio task per execution, which never blocks but for the body's own polls. Each time something happens it lets
//! the body run until it can do nothing more, starts what it asked for, and writes one turn; then it waits again. What a
//! command is, what is shown next and what a turn says is decided in [`crate::replay`]; when to wait and when to
//! suspend in [`rest`].

mod alarm;
mod birth;
mod body;
mod family;
mod objects;
pub(crate) mod offline;
mod rest;
mod start;
#[cfg(test)]
mod tests;
mod time;
mod turn;

use std::{
    ops::ControlFlow,
    pin::Pin,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use resonate_core::{Record, Settlement, TaskVersion, Timestamp};
use tokio::{sync::mpsc, time::Instant};

pub(crate) use self::birth::start;
use self::{
    body::Body,
    family::{Family, Parent, Report},
    objects::{Transferred, Transfers},
    rest::Facts,
    time::ServerTime,
};
use super::{
    link::{ExecutionEvent, Worker},
    slots::Slot,
};
use crate::{context::Context, limits, replay::Driven};

/// The running of one promise's function on this worker.
struct Execution {
    worker: Worker,
    context: Arc<Context>,
    body: Body,
    standing: Standing,
    /// How the body ended, once it has; sent as soon as a turn may be.
    end: Option<resonate_core::End>,
    /// The right to poll the body; none while it waits.
    slot: Option<Slot>,
    /// The place in the line for a slot.
    slot_wanted: Option<Pin<Box<dyn Future<Output = Slot> + Send>>>,
    events: mpsc::Receiver<ExecutionEvent>,
    family: Family,
    transfers: Transfers,
    time: ServerTime,
    /// When the body was polled last.
    rested_at: Instant,
    /// When the server was told last how far it is.
    progress_at: Option<Instant>,
    /// The body keeps waking itself.
    is_busy: bool,
    is_draining: bool,
    has_warned: bool,
    /// Both are shared with the worker's table.
    version: Arc<AtomicU64>,
    shown: Arc<AtomicU64>,
    record: Arc<Record>,
}

/// What the server knows of it.
#[derive(Debug)]
enum Standing {
    /// Nothing. Its caller records it, or creates it when it must be known.
    Young(Parent),
    /// It is claimed.
    Leased(Claim),
    /// It is claimed, and a turn is not answered yet. `suspends`: tied or not.
    Sent {
        claim: Claim,
        suspends: Option<bool>,
        leaves: bool,
    },
    /// It waits, claimed by nobody.
    Suspended { version: TaskVersion, tied: bool },
    /// It is being claimed again, since something foreign woke its body.
    Reclaiming,
}

/// A claim, and the number of its latest turn.
#[derive(Clone, Copy, Debug)]
struct Claim {
    version: TaskVersion,
    n: u32,
}

/// What an execution waits for.
enum Happened {
    Event(Option<ExecutionEvent>),
    Report(Report),
    /// The server knows it from now on; none if it is not wanted any more.
    Adopted(Option<TaskVersion>),
    Slot(Slot),
    /// From, or in, the object store.
    Transferred(Transferred),
    /// The body was woken, or time has passed.
    Woken,
}

impl Execution {
    async fn run(mut self) {
        loop {
            self.advance();
            let happened = self.next().await;
            if self.handle(happened).is_break() {
                break;
            }
        }
        // Nobody is left to say that they were not created.
        self.family.disown(&self.worker);
        self.body.close(&self.context);
    }

    /// Does everything that can be done without waiting.
    fn advance(&mut self) {
        self.is_busy = false;
        self.wake_sleepers(self.time.now());
        for position in self.family.take_due(Instant::now()) {
            self.context.with(|inner| inner.replay.adopt(position));
        }
        while self.may_run() && self.has_work() && self.take_slot() {
            match self.body.drive(&self.context) {
                Driven::Ended(ending) => self.ended(ending),
                Driven::Busy => {
                    self.is_busy = true;
                    break;
                }
                Driven::Resting => {
                    self.warn_of_changes();
                    self.rested_at = Instant::now();
                    let clock = self.time.now();
                    self.context.with(|inner| inner.replay.arm(clock));
                    self.start_wished();
                }
            }
        }
        if self.may_run() && !self.has_work() && !self.is_busy {
            // What waited for a cancel to be durable.
            self.start_wished();
        }
        self.fetch();
        self.settle();
        if self.body.is_alive() && !self.has_work() && !self.is_busy && self.facts().needs_no_slot()
        {
            self.slot = None;
        }
    }

    async fn next(&mut self) -> Happened {
        let until = self.until();
        let is_listening = self.is_listening();
        let Self {
            events,
            family,
            transfers,
            standing,
            slot_wanted,
            body,
            is_busy,
            ..
        } = self;
        tokio::select! {
            biased;
            event = events.recv() => Happened::Event(event),
            version = adopted(standing) => Happened::Adopted(version),
            report = family.next() => Happened::Report(report),
            transferred = transfers.next() => Happened::Transferred(transferred),
            slot = wanted(slot_wanted) => Happened::Slot(slot),
            () = body.alarm().rung(), if is_listening => Happened::Woken,
            () = tokio::task::yield_now(), if *is_busy => Happened::Woken,
            () = passed(until) => Happened::Woken,
        }
    }

    fn handle(&mut self, happened: Happened) -> ControlFlow<()> {
        match happened {
            Happened::Event(None | Some(ExecutionEvent::Evict)) | Happened::Adopted(None) => {
                return ControlFlow::Break(());
            }
            Happened::Event(Some(ExecutionEvent::Dropped { why })) => {
                tracing::debug!(execution = %self.context.id(), "dropped: {why}");
                return ControlFlow::Break(());
            }
            Happened::Event(Some(ExecutionEvent::TurnAnswered { n, answer })) => {
                return self.handle_answer(n, answer);
            }
            Happened::Event(Some(ExecutionEvent::Settled(settled))) => {
                // A suspended execution is told by its next claim.
                if matches!(self.standing, Standing::Leased(_) | Standing::Sent { .. }) {
                    self.handle_settled(settled);
                }
            }
            Happened::Event(Some(ExecutionEvent::Claimed {
                version,
                settled,
                slot,
                ..
            })) => {
                self.handle_claimed(version, settled, slot);
            }
            Happened::Event(Some(ExecutionEvent::Drain)) => {
                self.is_draining = true;
                self.family.drain();
            }
            Happened::Adopted(Some(version)) => {
                self.standing = Standing::Leased(Claim { version, n: 0 })
            }
            Happened::Report(Report::NeedsServer(position)) => {
                self.context.with(|inner| inner.replay.adopt(position))
            }
            Happened::Report(Report::Ended {
                position,
                outcome,
                slot,
            }) => {
                self.context
                    .with(|inner| inner.replay.end_here(position, outcome));
                self.family.let_go(position);
                // Its caller will run as soon as that is durable.
                self.slot = self.slot.take().or(slot);
            }
            Happened::Transferred(transferred) => self.handle_transferred(transferred),
            Happened::Slot(slot) => {
                self.slot_wanted = None;
                self.slot = Some(slot);
            }
            Happened::Woken => {}
        }
        ControlFlow::Continue(())
    }

    fn handle_claimed(&mut self, version: TaskVersion, settled: Vec<Record>, slot: Option<Slot>) {
        self.version.store(version.0, Ordering::Release);
        self.slot = slot.or(self.slot.take());
        let is_due = settled.is_empty();
        let settled = settled.into_iter().filter_map(|record| {
            let settled = record.promise.settled()?.clone();
            let (seq, at, outcome) = (settled.seq, settled.at, Some(settled.outcome));
            Some(Settlement {
                id: record.promise.id,
                seq,
                at,
                outcome,
            })
        });
        let settled = settled.collect();
        let leased = Standing::Leased(Claim { version, n: 0 });
        match std::mem::replace(&mut self.standing, leased) {
            // The answer was lost with a connection. A body is warm only by the turn that suspended it: it was written.
            Standing::Sent { claim, .. } => self.written(claim, settled),
            Standing::Young(_)
            | Standing::Leased(_)
            | Standing::Suspended { .. }
            | Standing::Reclaiming => {
                self.handle_settled(settled);
            }
        }
        // It was claimed for its next look, whose time the server's clock knows better.
        if let Some(at) = self.context.with(|inner| inner.replay.wake_at())
            && is_due
        {
            self.wake_sleepers(at.max(self.time.now()));
        }
    }

    /// Steps that look for something again and again do so when it is time.
    fn wake_sleepers(&mut self, clock: Timestamp) {
        if self.may_run() {
            let due = self.context.with(|inner| inner.replay.wake_due(clock));
            self.context.wake(due);
        }
    }

    /// Says once per body that its calls have other arguments than before.
    fn warn_of_changes(&mut self) {
        let changed = self.context.with(|inner| inner.replay.changed_arguments());
        if changed > 0 && !std::mem::replace(&mut self.has_warned, true) {
            tracing::warn!(
                execution = %self.context.id(),
                changed,
                "calls have other arguments in replay than in their history, which holds; is a `HashMap` among them, or a time?"
            );
        }
    }

    /// True while the body may be polled: it is claimed, and no turn is on its way that ends that.
    fn may_run(&self) -> bool {
        let is_claimed = match &self.standing {
            Standing::Young(_) | Standing::Leased(_) => true,
            Standing::Sent { leaves, .. } => !leaves,
            Standing::Suspended { .. } | Standing::Reclaiming => false,
        };
        is_claimed && self.body.is_alive() && !self.transfers.has_no_arguments()
    }

    /// True if the body was woken, or there is something to show it.
    fn has_work(&self) -> bool {
        self.body.is_alive()
            && (self.body.alarm().is_fired() || self.context.with(|inner| inner.replay.can_show()))
    }

    /// True if it matters that something wakes the body.
    fn is_listening(&self) -> bool {
        let is_tied = matches!(self.standing, Standing::Suspended { tied: true, .. });
        // One that keeps waking itself waits for the others to have run.
        is_tied || (self.may_run() && self.slot_wanted.is_none() && !self.is_busy)
    }

    /// Takes a slot, or a place in the line for one.
    fn take_slot(&mut self) -> bool {
        if self.slot.is_none() && self.slot_wanted.is_none() {
            self.slot = self.worker.slots().try_take();
        }
        if self.slot.is_some() {
            self.slot_wanted = None;
            return true;
        }
        if self.slot_wanted.is_none() {
            let slots = self.worker.slots().clone();
            self.slot_wanted = Some(Box::pin(async move { slots.take().await }));
        }
        false
    }

    fn facts(&self) -> Facts {
        let is_draining = self.is_draining;
        let rested = self.rested_at.elapsed();
        let clock = self.time.now();
        let told = self.progress_at.map(|at| at.elapsed());
        let until_told = told.map_or(Duration::ZERO, |told| limits::PROGRESS.saturating_sub(told));
        let (facts, own_waiters) = self.context.with(|inner| {
            let progress = inner.replay.has_progress().then_some(until_told);
            let facts = Facts {
                counts: inner.replay.counts(),
                has_ops: inner.replay.has_ops() || progress == Some(Duration::ZERO),
                progress,
                sleeps: inner.replay.wake_at().map(|at| clock.until(at)),
                waiters: inner.waiters(),
                has_unshown: inner.replay.has_unshown(),
                is_foreign: false,
                rested,
                is_draining,
            };
            (facts, inner.own_waiters())
        });
        Facts {
            is_foreign: self.body.has_foreign_holders(own_waiters),
            ..facts
        }
    }

    /// How long until time alone changes something.
    fn until(&self) -> Option<Duration> {
        let rest = match &self.standing {
            Standing::Leased(_) if self.body.is_alive() => self.facts().until(),
            Standing::Young(_)
            | Standing::Leased(_)
            | Standing::Sent { .. }
            | Standing::Suspended { .. }
            | Standing::Reclaiming => None,
        };
        let due = self.family.due();
        let due = due.map(|due| due.saturating_duration_since(Instant::now()));
        rest.into_iter().chain(due).min()
    }

    /// The fencing token of its claim, or what it will be.
    fn own_version(&self) -> TaskVersion {
        self.context.version()
    }
}

async fn adopted(standing: &mut Standing) -> Option<TaskVersion> {
    match standing {
        Standing::Young(parent) => parent.adopted().await,
        Standing::Leased(_)
        | Standing::Sent { .. }
        | Standing::Suspended { .. }
        | Standing::Reclaiming => std::future::pending().await,
    }
}

async fn wanted(slot: &mut Option<Pin<Box<dyn Future<Output = Slot> + Send>>>) -> Slot {
    match slot {
        Some(slot) => slot.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn passed(until: Option<Duration>) {
    match until {
        Some(until) => tokio::time::sleep(until).await,
        None => std::future::pending().await,
    }
}
