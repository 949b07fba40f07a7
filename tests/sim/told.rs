//! What left the server, compared with what was durable at that moment: nothing leaves ahead of its commit, and no answer
//! goes back.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use resonate_core::{
    End, PromiseId, Record, Refusal, Seq, SessionId, Settlement, TaskVersion, Timestamp, Turn,
    TurnStatus,
};
use resonate_proto::{
    client::LogPosition,
    stream::{Dispatch, FromWorker, ToWorker, TurnAnswer, Welcome},
};
use resonate_server::engine::AskError;

use crate::{sim::Sim, times::Asked};

/// What was told so far.
#[derive(Default)]
pub(crate) struct Told {
    settled: BTreeSet<PromiseId>,
    /// Who was given a task under which token.
    claims: BTreeMap<(PromiseId, TaskVersion), SessionId>,
    /// Turns that were stale when they arrived.
    stale: BTreeSet<(PromiseId, TaskVersion, u32)>,
    /// Turns that suspend their task.
    suspends: BTreeSet<(PromiseId, TaskVersion, u32)>,
}

impl Sim {
    /// A turn reaches the server.
    pub(crate) fn arrives(&self, session: SessionId, item: &FromWorker) {
        let now = self.now().steady;
        self.model().leases.hears(session, item, now);
        let FromWorker::Turn(Turn {
            id,
            version,
            n,
            end,
            ..
        }) = item
        else {
            return;
        };
        let mut model = self.model();
        let task = model.get(id).and_then(|record| record.task.clone());
        let turn = (id.clone(), *version, *n);
        if task.as_ref().is_some_and(|task| task.version > *version) {
            model.told.stale.insert(turn.clone());
        }
        if matches!(end, End::Suspend { .. }) {
            model.told.suspends.insert(turn);
        }
        drop(model);
        if task.is_some_and(|task| task.version == *version && task.turn >= *n) {
            self.count("a turn came a second time");
        }
    }

    /// A client is answered: with a promise, or why not.
    pub(crate) fn answers(
        &self,
        asked: &Asked,
        at: Option<LogPosition>,
        answer: Result<&Arc<Record>, Option<&AskError>>,
    ) {
        if let Some(at) = at {
            let right = self.model().answers(asked, at);
            self.check(right);
        }
        let right = match answer {
            Ok(record) => {
                let right = self.model().answers_with(asked, record);
                right.and_then(|()| self.may_tell(record))
            }
            Err(Some(AskError::Refused(refusal))) => self.model().refuses(asked, refusal),
            Err(_) => Ok(()),
        };
        self.check(right);
    }

    fn may_tell(&self, record: &Record) -> Result<(), String> {
        let mut model = self.model();
        let id = &record.promise.id;
        let Some(durable) = model.get(id).cloned() else {
            return Err(format!("{id} was told of before it was durable"));
        };
        match record.promise.settled() {
            None if model.told.settled.contains(id) => Err(format!(
                "{id} was told to be settled before, and is told to be pending now"
            )),
            None => Ok(()),
            Some(settled) if durable.promise.settled() == Some(settled) => {
                model.told.settled.insert(id.clone());
                Ok(())
            }
            Some(settled) => {
                let durable = &durable.promise.state;
                Err(format!(
                    "{id} was told as {settled:?}, and {durable:?} is durable"
                ))
            }
        }
    }

    /// A worker is sent this.
    pub(crate) fn sends(&self, session: SessionId, opened: Timestamp, item: &ToWorker) {
        let right = match item {
            ToWorker::Dispatch(dispatch) => self.may_dispatch(session, dispatch),
            ToWorker::TurnAnswer(answer) => self.may_answer(answer),
            ToWorker::Settlements { task, settled, .. } => self.may_show(task, settled),
            ToWorker::Refused { kind, message } => {
                Err(format!("a worker was refused ({kind}): {message}"))
            }
            // What was durable when its stream was opened is earlier.
            ToWorker::Welcome(Welcome { now, .. }) if *now < opened => Err(format!(
                "a worker is told that it is {now}, and it was {opened} before"
            )),
            ToWorker::Welcome(_) | ToWorker::Drop { .. } | ToWorker::HeartbeatAnswer { .. } => {
                Ok(())
            }
        };
        self.check(right);
    }

    fn may_dispatch(&self, session: SessionId, dispatch: &Dispatch) -> Result<(), String> {
        let Dispatch {
            record, children, ..
        } = dispatch;
        let id = &record.promise.id;
        let mut model = self.model();
        let version = record
            .task
            .as_ref()
            .ok_or("a dispatch without a task")?
            .version;
        let durable = model.known(id).and_then(|record| record.task.as_ref());
        if durable.is_none_or(|task| task.version < version) {
            return Err(format!(
                "{id} was dispatched under {version} before that was durable"
            ));
        }
        let mut last = Seq::ZERO;
        for child in children {
            let Some(settled) = child.promise.settled() else {
                continue;
            };
            if settled.seq <= last {
                return Err(format!(
                    "the history of {id} is not in the order of the log"
                ));
            }
            last = settled.seq;
            let durable = model.known(&child.promise.id);
            if durable.and_then(|record| record.promise.settled()) != Some(settled) {
                return Err(format!(
                    "{} was dispatched before it was durable",
                    child.promise.id
                ));
            }
        }
        let holder = model
            .told
            .claims
            .entry((id.clone(), version))
            .or_insert(session);
        if *holder != session {
            return Err(format!("{id} was dispatched twice under {version}"));
        }
        drop(model);
        self.count("dispatches");
        if record
            .promise
            .call()
            .and_then(|call| call.priority)
            .is_some()
        {
            self.count("urgent calls");
        }
        if dispatch.warm {
            self.count("a warm body went on");
        }
        Ok(())
    }

    fn may_answer(&self, answer: &TurnAnswer) -> Result<(), String> {
        let TurnAnswer {
            task,
            version,
            n,
            answer,
        } = answer;
        let turn = (task.clone(), *version, *n);
        let is_stale = self.model().told.stale.remove(&turn);
        let suspends = self.model().told.suspends.remove(&turn);
        let reply = match answer {
            Ok(reply) => reply,
            Err(refusal) => {
                self.refuses(refusal);
                return Ok(());
            }
        };
        if is_stale {
            return Err(format!(
                "turn {n} of {task} under {version} was stale, and was taken"
            ));
        }
        self.count("turns");
        match reply.status {
            TurnStatus::Leased if suspends => self.count("a suspend met a settled child"),
            TurnStatus::Suspended => self.count("suspends"),
            TurnStatus::Leased | TurnStatus::Over | TurnStatus::Halted { .. } => {}
        }
        let model = self.model();
        let durable = model
            .known(task)
            .ok_or_else(|| format!("{task} has a turn and is not durable"))?;
        let known = durable.task.as_ref().ok_or("a turn of no task")?;
        let is_durable = known.version > *version
            || (known.version == *version && known.turn >= *n)
            || !durable.promise.is_pending();
        drop(model);
        if !is_durable {
            return Err(format!(
                "turn {n} of {task} under {version} was answered before it was durable"
            ));
        }
        self.may_show(task, &reply.settled)
    }

    fn refuses(&self, refusal: &Refusal) {
        match refusal {
            Refusal::StaleVersion { .. } => self.count("a stale turn was refused"),
            // A worker repeats the last turn only, and what comes on a stream that is over is not looked at.
            Refusal::TurnGap { .. } => {
                self.violation(format!("a turn was out of order: {refusal}"))
            }
            Refusal::NotFound(_)
            | Refusal::AlreadyExists { .. }
            | Refusal::AlreadySettled { .. }
            | Refusal::NotReady { .. }
            | Refusal::NotACall(_)
            | Refusal::NotHalted { .. }
            | Refusal::TooLarge { .. }
            | Refusal::NotAllowed { .. } => self.count("a turn was refused otherwise"),
        }
    }

    /// Settlements leave in the order of the log, as they are durable.
    fn may_show(&self, task: &PromiseId, settled: &[Settlement]) -> Result<(), String> {
        let model = self.model();
        let mut last = Seq::ZERO;
        for Settlement {
            id, seq, outcome, ..
        } in settled
        {
            if *seq <= last {
                return Err(format!("{task} is sent {id} out of the order of the log"));
            }
            last = *seq;
            let durable = model
                .known(id)
                .and_then(|record| record.promise.settled().cloned());
            let is_same = durable.as_ref().is_some_and(|durable| {
                durable.seq == *seq && outcome.as_ref().is_none_or(|told| *told == durable.outcome)
            });
            if !is_same {
                return Err(format!(
                    "{task} is sent {id} as {outcome:?}, and {durable:?} is durable"
                ));
            }
        }
        Ok(())
    }
}
