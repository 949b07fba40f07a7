//! Where the calls of a body that rests run: here if there is room, before the server knows them or after, or elsewhere.

use std::{sync::Arc, time::Duration};

use resonate_core::{
    Call, Failure, FailureKind, NewChild, Outcome, Promise, TaskVersion, Timestamp, flow::Allowed,
};

use super::{
    super::slots::Slot,
    Claim, Execution, Standing,
    birth::{self, Born},
};
use crate::{
    function::Definition,
    replay::{CommandKind, Place, Position, Startable},
};

/// A call whose time is shorter is created before it starts: its timeout is the server's to keep, and a call is known to
/// the server before such a time is over only if it is so from the beginning.
const SHORT: Duration = Duration::from_secs(2);

impl Execution {
    /// The body can do nothing more: what it dropped is dropped, what it asked for starts.
    pub(super) fn start_wished(&mut self) {
        for position in self.context.with(|inner| inner.replay.drop_unwanted()) {
            self.family.let_go(position);
        }
        let mut last = None;
        while let Some(startable) = self.context.with(|inner| inner.replay.next_start(last)) {
            last = Some(startable.position());
            match startable {
                Startable::Step(position) => self.context.wake([position]),
                Startable::Call {
                    position,
                    may_run_here,
                } => self.start_call(position, may_run_here),
            }
        }
    }

    fn start_call(&mut self, position: Position, may_run_here: bool) {
        let Some(mut wished) = self.wished(position) else {
            return;
        };
        let Some(definition) = self.worker.local(&wished.call.address) else {
            return self.start_away(position, &wished);
        };
        // Only the server knows what runs of it elsewhere.
        if definition.options.allowed() != Allowed::default() {
            return self
                .context
                .with(|inner| inner.replay.start_elsewhere(position));
        }
        if !may_run_here {
            return;
        }
        // What a declaration leaves unsaid the server would fill in, and count from when it hears of the call.
        if wished.child.timeout_at == Timestamp::NEVER
            && let Some(timeout) = definition.options.timeout
        {
            wished.child.timeout_at = self.time.now().after(timeout());
        }
        let Some(slot) = self.room(wished.place) else {
            return self
                .context
                .with(|inner| inner.replay.start_elsewhere(position));
        };
        if self.must_be_known(&wished, definition) {
            self.context
                .with(|inner| inner.replay.start_claimed(position));
            self.family.reserve(position, slot);
            return;
        }
        let timeout_at = wished.child.timeout_at;
        self.context
            .with(|inner| inner.replay.start_here(position, timeout_at));
        let version = self.own_version().next();
        self.begin_child(position, definition, wished, (version, false), slot);
    }

    /// A call of a function that is not served here.
    fn start_away(&mut self, position: Position, wished: &Wished) {
        self.context.with(|inner| {
            if wished.place != Place::Here {
                return inner.replay.start_elsewhere(position);
            }
            let message = format!(
                "{} is called with `.local()`, and this process does not serve it; start its worker here, or leave `.local()` out",
                wished.call.address
            );
            let failure = Failure::new(FailureKind::NoSuchFunction, message).at(&wished.child.id);
            inner.replay.start_here(position, wished.child.timeout_at);
            inner.replay.end_here(position, Outcome::Failed(failure));
        });
    }

    /// What waited for the turn that was answered now: steps that run at most once, and calls that are created first.
    pub(super) fn start_durable(&mut self, started: Vec<Position>, caller: TaskVersion) {
        for position in started {
            match self.family.take_reserved(position) {
                None => self.context.wake([position]),
                // It may have settled in the same moment.
                Some(_) if !self.context.with(|inner| inner.replay.is_pending(position)) => {}
                Some(slot) => {
                    let Some(wished) = self.wished(position) else {
                        continue;
                    };
                    let Some(definition) = self.worker.local(&wished.call.address) else {
                        continue;
                    };
                    self.begin_child(position, definition, wished, (caller.next(), true), slot);
                }
            }
        }
        self.family.forget_announced(&self.worker);
    }

    /// With the fencing token that it has, or will have, and whether the server knows it.
    fn begin_child(
        &mut self,
        position: Position,
        definition: &'static Definition,
        wished: Wished,
        (version, is_known): (TaskVersion, bool),
        slot: Option<Slot>,
    ) {
        let Some(run) = definition.run else { return };
        let record = birth::child_record(&self.record.promise, wished.child, self.time);
        let (worker, time, call) = (self.worker.clone(), self.time, wished.call);
        let born = |standing| Born {
            definition,
            run,
            call,
            record,
            history: Vec::new(),
            state: None,
            standing,
            version,
            slot,
            time,
        };
        if is_known {
            let (handle, execution) =
                birth::conceive(worker, born(Standing::Leased(Claim { version, n: 0 })));
            self.family.has_started(position);
            // Its claim may have ended, or be a newer one's, since the turn was sent that created it.
            if self.worker.began(handle) {
                execution.begin();
            }
        } else {
            self.family
                .start(position, |parent| {
                    birth::conceive(worker, born(Standing::Young(parent)))
                })
                .begin();
        }
    }

    /// Room for a call here: a caller that begins to wait gives its own slot to the first.
    fn room(&mut self, place: Place) -> Option<Option<Slot>> {
        let is_running_steps = self.context.with(|inner| inner.replay.counts().steps > 0);
        let own = if is_running_steps {
            None
        } else {
            self.slot.take()
        };
        match own.or_else(|| self.worker.slots().try_take()) {
            Some(slot) => Some(Some(slot)),
            // It waits for room here.
            None if place == Place::Here => Some(None),
            None => None,
        }
    }

    /// True for a call that must not run before the server keeps count of its attempts and its time.
    fn must_be_known(&self, wished: &Wished, definition: &Definition) -> bool {
        let Promise { timeout_at, .. } = &self.record.promise;
        let ends_at = wished.child.timeout_at.min(*timeout_at);
        // What a declaration left out the server fills in from what this worker announced.
        let retry = wished.call.retry.or_else(|| definition.retry());
        let is_short = self.time.now().until(ends_at) < SHORT;
        let is_suspect = self
            .record
            .task
            .as_ref()
            .is_some_and(|task| task.losses > 0);
        let is_limited = retry.is_some_and(|retry| retry.max_attempts.is_some());
        wished.child.shielded || is_limited || is_short || is_suspect
    }

    fn wished(&self, position: Position) -> Option<Wished> {
        let clock = self.time.now();
        self.context.with(|inner| {
            let child = inner.replay.child(position, clock)?;
            let (_, command, _) = inner.replay.command(position)?;
            match &command.kind {
                CommandKind::Call { call, place, .. } => Some(Wished {
                    call: Arc::clone(call),
                    place: *place,
                    child,
                }),
                CommandKind::Step { .. }
                | CommandKind::Timer(_)
                | CommandKind::External
                | CommandKind::Root { .. }
                | CommandKind::Await(_)
                | CommandKind::Undo { .. }
                | CommandKind::Tell { .. } => None,
            }
        })
    }
}

/// A call that the body asked for.
struct Wished {
    call: Arc<Call>,
    place: Place,
    child: NewChild,
}
