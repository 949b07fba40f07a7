//! What an execution writes, and what the answer changes.

use std::{ops::ControlFlow, sync::atomic::Ordering, task::Wake};

use resonate_core::{
    End, HaltCause, Op, Outcome, Refusal, Settlement, TaskVersion, Turn, TurnReply, TurnStatus,
    limits as core_limits,
};

use super::{Claim, Execution, Standing, rest::Next};
use crate::{
    error::shortened,
    replay::{Finish, diverged, end_bytes, op_bytes, verdict},
    say,
};

impl Execution {
    /// Decides what follows from a body that rests or has ended, and writes it if that may be written now.
    pub(super) fn settle(&mut self) {
        match &self.standing {
            Standing::Leased(claim) => {
                let claim = *claim;
                self.settle_leased(claim);
            }
            Standing::Young(_) => self.settle_young(),
            Standing::Suspended {
                version,
                tied: true,
            } if self.body.alarm().is_fired() => {
                let version = *version;
                let held = self.context.with(|inner| inner.replay.held());
                self.worker.reclaim(self.context.id(), version, held);
                self.standing = Standing::Reclaiming;
            }
            // The answer, or the claim, comes first.
            Standing::Sent { .. } | Standing::Suspended { .. } | Standing::Reclaiming => {}
        }
    }

    fn settle_leased(&mut self, claim: Claim) {
        if let Some(end) = self.end.clone() {
            return self.submit(claim, end);
        }
        if self.has_work() || self.is_busy {
            // It waits for a slot, or lets others run. What is there already must not wait with it: a child may hold the
            // slot until it is written.
            if self.context.with(|inner| inner.replay.has_ops()) {
                self.submit(claim, End::GoOn);
            }
            return;
        }
        match self.facts().next() {
            Next::Stay => {}
            Next::GoOn => self.submit(claim, End::GoOn),
            Next::Suspend { tied } => self.submit(claim, End::Suspend { tied }),
            Next::Release => self.submit(claim, End::Release),
            Next::Unblock => {
                self.context.with(|inner| inner.replay.unblock());
                self.body.alarm().wake_by_ref();
            }
            Next::Diverge => {
                if let Some(mismatch) = self.context.with(|inner| inner.replay.missing()) {
                    self.finish(diverged(&mismatch));
                    self.settle_leased(claim);
                }
            }
        }
    }

    /// Unknown to the server: a plain end goes to the caller, which records it; everything else needs the server.
    fn settle_young(&mut self) {
        let needs_nothing = !self
            .context
            .with(|inner| inner.replay.has_asked() || inner.replay.has_ops());
        let outcome = self.end.as_ref().and_then(plain);
        let Standing::Young(parent) = &mut self.standing else {
            return;
        };
        match outcome {
            Some(outcome) if needs_nothing && !parent.has_reported() => {
                let slot = self.slot.take();
                parent.end(outcome, slot);
            }
            Some(_) if parent.has_reported() => self.slot = None,
            _ if self.end.is_some() || !needs_nothing || self.is_draining => {
                parent.ask();
                if self.end.is_some() {
                    self.slot = None;
                }
            }
            _ => {}
        }
    }

    /// The body has ended, or must: what it started is told apart from what it leaves.
    pub(super) fn finish(&mut self, mut end: End) {
        if let End::Halt { cause, reason } = &mut end {
            let suspect = self.context.subject().definition.suspect();
            if let Some(suspect) = suspect.filter(|_| *cause == HaltCause::NonDeterministic) {
                *reason = format!("{reason}; {suspect}");
            }
            *reason = shortened(reason);
        }
        let finish = Finish::of(&end);
        self.context.with(|inner| inner.replay.finish(finish));
        if finish != Finish::Again {
            // A halt cancels nothing, and an end nothing that is shielded.
            let family = &mut self.family;
            self.context.with(|inner| {
                family.let_all_go(|position| {
                    finish == Finish::Stop || inner.replay.is_shielded(position)
                });
            });
        }
        self.body.close(&self.context);
        if let End::Halt { reason, .. } = &end {
            self.tell_of_halt(reason);
        }
        self.end = Some(end);
    }

    /// The body has ended so.
    pub(super) fn ended(&mut self, ending: crate::replay::Ending) {
        let end = self
            .context
            .with(|inner| verdict(ending, &inner.replay, self.context.id()));
        self.finish(end);
    }

    /// Sends the next turn; `end` is how the last of its pages ends.
    fn submit(&mut self, claim: Claim, end: End) {
        let state = self.state(&end);
        let reserved = end_bytes(&end) + state.as_ref().map_or(0, op_bytes);
        let clock = self.time.now();
        let (mut page, shown) = self
            .context
            .with(|inner| (inner.replay.take_turn(clock, reserved), inner.replay.held()));
        if let Some(unfit) = page.unfit {
            // Every attempt, on every worker, would come to this.
            self.finish(End::Halt {
                cause: HaltCause::Impossible,
                reason: unfit.to_string(),
            });
            return self.settle_leased(claim);
        }
        // The state is written with the value, in the same turn.
        if let Some(state) = state
            && page.is_last
        {
            page.is_last = page.ops.len() < core_limits::TURN_OPS;
            page.ops.extend(page.is_last.then_some(state));
        }
        let end = if page.is_last { end } else { End::GoOn };
        let claim = Claim {
            n: claim.n.saturating_add(1),
            ..claim
        };
        let tied = match end {
            End::Suspend { tied } => Some(tied),
            End::GoOn
            | End::Fulfill(_)
            | End::Fail { .. }
            | End::ContinueAs(_)
            | End::Release
            | End::Halt { .. } => None,
        };
        if !matches!(end, End::GoOn) {
            self.slot = None;
        }
        self.standing = Standing::Sent {
            claim,
            suspends: tied,
            leaves: !matches!(end, End::GoOn),
        };
        let children = claim.version.next();
        // Before the turn: what a stream sends of them may come as soon as it is out.
        for (position, id) in page.opened {
            self.family.announce(position, id, children, &self.worker);
        }
        self.worker.submit(Turn {
            id: self.context.id().clone(),
            version: claim.version,
            session: self.worker.session(),
            n: claim.n,
            shown,
            ops: page.ops,
            end,
        });
        for position in page.adopted {
            self.family.adopt(position, children, &self.worker);
        }
    }

    /// What a method of an object leaves of the state of that, if it ends so that it counts.
    fn state(&self, end: &End) -> Option<Op> {
        let End::Fulfill(Outcome::Resolved(_)) = end else {
            return None;
        };
        let state = self.context.with(|inner| inner.state.clone())?;
        let method = self.context.subject().definition.options.object;
        let expire = method.and_then(|method| method.expire);
        Some(Op::State {
            state,
            expire_after: expire.map(|expire| expire()),
        })
    }

    /// The turn is written, or refused.
    pub(super) fn handle_answer(
        &mut self,
        n: u32,
        answer: Result<TurnReply, Refusal>,
    ) -> ControlFlow<()> {
        let Standing::Sent {
            claim, suspends, ..
        } = self.standing
        else {
            return ControlFlow::Continue(());
        };
        if claim.n != n {
            return ControlFlow::Continue(());
        }
        let reply = match answer {
            Ok(reply) => reply,
            Err(refusal) => {
                tracing::debug!(execution = %self.context.id(), "its claim is over: {refusal}");
                return self.disown(claim.version);
            }
        };
        if let TurnStatus::Halted { reason } = &reply.status {
            if !matches!(self.end, Some(End::Halt { .. })) {
                self.tell_of_halt(reason);
            }
            return self.disown(claim.version);
        }
        self.standing = Standing::Leased(claim);
        self.written(claim, reply.settled);
        match reply.status {
            TurnStatus::Leased => ControlFlow::Continue(()),
            TurnStatus::Suspended if self.is_draining && suspends == Some(false) => {
                self.forget(claim.version)
            }
            TurnStatus::Suspended => {
                self.standing = Standing::Suspended {
                    version: claim.version,
                    tied: suspends == Some(true),
                };
                self.worker.set_aside(self.context.id(), claim.version);
                ControlFlow::Continue(())
            }
            TurnStatus::Over | TurnStatus::Halted { .. } => self.forget(claim.version),
        }
    }

    /// The latest turn of a claim is written, and these settled.
    pub(super) fn written(&mut self, claim: Claim, settled: Vec<Settlement>) {
        self.family.confirm();
        let started = self.context.with(|inner| inner.replay.handle_answered());
        self.handle_settled(settled);
        self.start_durable(started, claim.version);
    }

    /// The turn is not written: nor do the children exist that it was to create.
    fn disown(&mut self, version: TaskVersion) -> ControlFlow<()> {
        self.family.disown(&self.worker);
        self.forget(version)
    }

    /// Some of its children settled, in log order.
    pub(super) fn handle_settled(&mut self, settled: Vec<Settlement>) {
        for settlement in settled {
            self.time.hear(settlement.at);
            let heard = self
                .context
                .with(|inner| inner.replay.handle_settled(settlement));
            if let Err(unheard) = heard {
                self.finish(End::Halt {
                    cause: HaltCause::Impossible,
                    reason: unheard.to_string(),
                });
            }
        }
        let held = self.context.with(|inner| inner.replay.held());
        self.shown.store(held.0, Ordering::Release);
    }

    /// A person is needed.
    fn tell_of_halt(&self, reason: &str) {
        say::warn(format_args!("`{}` is halted: {reason}", self.context.id()));
    }

    fn forget(&self, version: TaskVersion) -> ControlFlow<()> {
        self.worker.forget(self.context.id(), version);
        ControlFlow::Break(())
    }
}

/// The outcome, if the end is one that a caller can record for its child.
fn plain(end: &End) -> Option<Outcome> {
    match end {
        End::Fulfill(outcome) => Some(outcome.clone()),
        End::Fail {
            failure,
            retryable: false,
            answer,
        } => Some(
            answer
                .clone()
                .map_or_else(|| Outcome::Failed(failure.clone()), Outcome::Rejected),
        ),
        End::Fail { .. }
        | End::GoOn
        | End::Suspend { .. }
        | End::ContinueAs(_)
        | End::Release
        | End::Halt { .. } => None,
    }
}
