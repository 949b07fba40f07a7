//! What the engine does in a round besides answering: messages, leases, timers, dispatches. Each is bounded, so that none
//! of them stalls the others or a caller.

use std::sync::Arc;

use resonate_core::{
    Address, Part, PromiseId, Record, Reply, Request, SessionId, TaskState, limits as bounds,
};

use super::{Engine, EngineError, memory::Due, messages::Waiting, round::Round};
use crate::{
    dispatch::{acknowledge::Sent, pairing, stream::Push},
    limits,
};

impl Engine {
    /// Delivers messages that earlier rounds have made durable; their marks move in this round's commit.
    pub(super) fn deliver(&mut self, round: &mut Round) -> Result<(), EngineError> {
        let share = round.share();
        for _ in 0..limits::ROUND_MESSAGES {
            if !round.has_room_in(share) {
                break;
            }
            let Some(Waiting {
                source,
                mark,
                message,
            }) = self.messages.take()
            else {
                break;
            };
            let part = message.target().part();
            if let Err(refusal) = self.apply(round, Request::Deliver(message))? {
                tracing::error!(%refusal, %source, "a message between trees was refused");
            }
            round.lane.take(part, source, mark);
            round.delivered.push((source, mark));
        }
        Ok(())
    }

    /// Takes leases back, a bounded number per round.
    pub(super) fn do_chores(&mut self, round: &mut Round) -> Result<(), EngineError> {
        let share = round.share();
        for _ in 0..limits::ROUND_RELEASES {
            if !round.has_room_in(share) {
                break;
            }
            let Some(chore) = self.chores.pop_front() else {
                break;
            };
            self.release(round, chore, true)?;
        }
        Ok(())
    }

    /// What is due: promises whose time has passed, tasks that are ready to be tried again.
    pub(super) fn expire(&mut self, round: &mut Round) -> Result<(), EngineError> {
        let share = round.share();
        for _ in 0..bounds::ROUND_EXPIRED {
            if !round.has_room_in(share) {
                break;
            }
            let id = match self.memory.take_due(round.now) {
                Some(Due::Timer(id)) => id,
                // At once, or a large tree could be loaded and leave again, round after round.
                Some(Due::Away(root)) => {
                    let root = self.load(round, Part::of(&root), &root)?;
                    match self.memory.take_timer(&root, round.now) {
                        Some(id) => id,
                        None => continue,
                    }
                }
                None => break,
            };
            let is_over = |record: &Arc<Record>| {
                record.promise.is_pending() && record.promise.timeout_at <= round.now
            };
            if self.memory.record(&id).is_some_and(is_over) {
                self.apply(round, Request::Expire { id: id.clone() })?
                    .map_err(EngineError::Expire)?;
            }
            let Some(record) = self.memory.record(&id).cloned() else {
                continue;
            };
            let task = record.task.as_ref().map(|task| &task.state);
            if matches!(task, Some(TaskState::Pending { ready_at }) if *ready_at <= round.now) {
                self.memory.became_ready(&id);
                self.ready.update(&record, round.now);
            }
        }
        Ok(())
    }

    /// Hands ready tasks to workers with free places, in the same commit.
    pub(super) fn pair(&mut self, round: &mut Round) -> Result<(), EngineError> {
        self.has_more_pairs = true;
        let share = round.share();
        let knows_all = self.window.has_reached(round.now);
        for _ in 0..limits::ROUND_CLAIMS {
            if !round.has_room_in(share) {
                break;
            }
            let Some(pairing::Pair {
                task,
                address,
                session,
            }) = pairing::next(&mut self.ready, &mut self.fleet, |address| {
                self.flow.may_start(address, round.now, knows_all)
            })
            else {
                self.has_more_pairs = false;
                break;
            };
            self.give(round, task, &address, session)?;
        }
        Ok(())
    }

    /// Claims a ready task for a worker that was charged for it, and sends it.
    pub(super) fn give(
        &mut self,
        round: &mut Round,
        task: PromiseId,
        address: &Address,
        session: SessionId,
    ) -> Result<(), EngineError> {
        let request = Request::Claim {
            id: task.clone(),
            session,
            tied: None,
            retry: self.announced.retry(address),
            body: self.fleet.body(session, address),
        };
        let Ok(Reply::Claimed(claimed)) = self.apply(round, request)? else {
            // Its time has passed just now.
            self.fleet.refund(session);
            self.fleet.let_go(session, &task);
            return Ok(());
        };
        let version = claimed
            .record
            .task
            .as_ref()
            .map(|task| task.version)
            .unwrap_or_default();
        self.flow.started(address, round.now);
        let until = round.steady.after(self.settings.lease / 2);
        let sent = Sent {
            task,
            version,
            session,
            has_left: false,
        };
        self.unacknowledged.sent(until, sent);
        if let Some(stream) = self.stream_of(session) {
            round.push(stream, Push::Dispatch(claimed));
        }
        Ok(())
    }
}
