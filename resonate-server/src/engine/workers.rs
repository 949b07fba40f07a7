//! What workers say, turned into requests; and what becomes of sessions.

use std::collections::BTreeSet;

use resonate_core::{
    Address, PromiseId, Record, Refusal, ReleaseReason, Reply, Request, SessionId, TaskVersion,
    Timestamp,
    mutants::{Mutant, planted},
};
use resonate_proto::stream::{
    ANOTHER_TIMELINE, FromWorker, Held, Hello, PROTOCOL, ToWorker, TurnAnswer, Welcome,
};

use super::{Chore, Engine, EngineError, OpenStream, release::Release, round::Round};
use crate::{
    dispatch::{
        acknowledge::Sent,
        registry,
        stream::{Outbound, Push, StreamId},
    },
    limits,
};

impl Engine {
    /// Settles what is named in the hello and over by now, before anything is held: what a settlement tells a worker that
    /// has no stream yet would be lost. False if the round has no room for the rest.
    pub(super) fn expire_named(
        &mut self,
        round: &mut Round,
        hello: &Hello,
    ) -> Result<bool, EngineError> {
        for held in &hello.held {
            if !round.lane.has_room() {
                return Ok(false);
            }
            let request = Request::Expire {
                id: held.task.clone(),
            };
            // What is not known is seen when it is held.
            let _unknown = self.apply(round, request)?;
        }
        Ok(true)
    }

    /// A stream opened. The worker names what it holds before anything is dispatched to it; what the session has and the
    /// worker does not name is given back.
    pub(super) fn handle_open(
        &mut self,
        round: &mut Round,
        stream: StreamId,
        hello: &Hello,
        peer: String,
        out: Outbound,
    ) -> Result<(), EngineError> {
        if let Some((kind, message)) = self.refuses(hello) {
            let refused = Push::item(ToWorker::Refused {
                kind: kind.to_owned(),
                message,
            });
            round.releases.push(Release::Push {
                stream,
                to: out,
                items: vec![refused],
            });
            return Ok(());
        }
        let session = hello.session;
        if let Some(earlier) = self.stream_of(session) {
            self.close_stream(earlier);
        }
        self.leases
            .heartbeat(round.steady, session, self.settings.lease);
        let (let_go, settled) = self.hold(round, hello)?;
        let named: BTreeSet<_> = hello
            .held
            .iter()
            .map(|held| (&held.task, held.version))
            .collect();
        let held = self
            .leases
            .held_by(session)
            .filter(|held| !named.contains(held) && !planted(Mutant::NoSecondDispatch));
        self.chores
            .extend(held.map(|(task, version)| given_back(task.clone(), version, session)));
        self.announced.hear(&hello.functions);
        for function in hello.functions.iter().filter(|function| function.served) {
            let allowed = function.defaults.allowed;
            self.flow.announce(&function.address, allowed, round.now);
            self.ready
                .announce(&function.address, allowed.per_key, round.now);
        }
        self.fleet.join(hello, peer, stream, round.now);
        if self.flow.limited() > limits::ANNOUNCED {
            let fleet = &self.fleet;
            let is_served =
                |address: &Address| fleet.workers().any(|(_, one)| one.executes(address));
            self.flow.forget_unserved(is_served);
            self.ready.forget_unserved(is_served);
        }
        self.streams.insert(stream, OpenStream { session, out });
        let welcome = Welcome {
            protocol: PROTOCOL,
            server: env!("CARGO_PKG_VERSION").to_owned(),
            lease: self.settings.lease,
            heartbeat: self.settings.heartbeat(),
            payload_bytes_max: resonate_core::limits::PAYLOAD_BYTES,
            let_go,
            now: round.now,
            timeline: self.store.timeline(),
            capabilities: self.capabilities.clone(),
        };
        round.push(stream, Push::item(ToWorker::Welcome(welcome)));
        settled
            .into_iter()
            .for_each(|item| round.push(stream, Push::item(item)));
        Ok(())
    }

    /// Why this worker may not join; what kind of reason, and what to do.
    fn refuses(&self, hello: &Hello) -> Option<(&'static str, String)> {
        if hello.protocol != PROTOCOL {
            let message = format!(
                "the worker speaks protocol {}, this server ({}) speaks {PROTOCOL}; use versions that fit",
                hello.protocol,
                env!("CARGO_PKG_VERSION")
            );
            return Some(("protocol", message));
        }
        if let Some(message) = self.is_of_another_timeline(hello) {
            return Some((ANOTHER_TIMELINE, message));
        }
        let differs = registry::compare(&self.fleet, hello.session, &hello.functions).err()?;
        Some(("signature", differs.to_string()))
    }

    /// Sessions and fencing tokens mean something in one timeline of the store only. After a restore the same numbers are
    /// given again, so a worker that holds something of the timeline before must drop it all and begin anew.
    fn is_of_another_timeline(&self, hello: &Hello) -> Option<String> {
        if planted(Mutant::TimelineNotCompared) {
            return None;
        }
        let ours = self.store.timeline();
        let is_of_ours = match hello.timeline {
            Some(theirs) => theirs == ours,
            None => hello.held.is_empty(),
        };
        (!is_of_ours).then(|| {
            "the server's store was restored or copied: what the worker holds is of another timeline; it drops that and \
             registers anew"
                .to_owned()
        })
    }

    /// Answers what the worker names: what it must let go, and what settled since it was last told.
    fn hold(
        &mut self,
        round: &mut Round,
        hello: &Hello,
    ) -> Result<(Vec<PromiseId>, Vec<ToWorker>), EngineError> {
        let (mut let_go, mut news) = (Vec::new(), Vec::new());
        for Held {
            task,
            version,
            shown,
        } in &hello.held
        {
            let (id, version, shown) = (task.clone(), *version, *shown);
            let request = Request::Hold {
                id,
                version,
                session: hello.session,
                shown,
            };
            match self.apply(round, request)? {
                Ok(Reply::Held { settled }) => {
                    // Its acknowledgement may have been lost with the stream.
                    self.unacknowledged.acknowledge(task, version);
                    if !settled.is_empty() {
                        news.push(ToWorker::Settlements {
                            task: task.clone(),
                            version,
                            settled,
                        });
                    }
                }
                // The turn that creates it is not answered yet, and comes next.
                Err(Refusal::NotFound(_)) => {}
                Ok(_) | Err(_) => let_go.push(task.clone()),
            }
        }
        Ok((let_go, news))
    }

    /// One thing that a worker said on an open stream.
    pub(super) fn handle_item(
        &mut self,
        round: &mut Round,
        stream: StreamId,
        item: FromWorker,
    ) -> Result<(), EngineError> {
        // What comes on a stream that was closed here is asked again on the next one.
        let Some(session) = self.streams.get(&stream).map(|open| open.session) else {
            return Ok(());
        };
        self.fleet.seen(session, round.now);
        match item {
            // The reader of the stream lets no second hello through.
            FromWorker::Hello(_) => {}
            FromWorker::Turn(turn) => {
                let (task, version, n) = (turn.id.clone(), turn.version, turn.n);
                self.unacknowledged.acknowledge(&task, version);
                let answer = match self.apply(round, Request::Turn(turn))? {
                    Ok(Reply::Turn(reply)) => Ok(reply),
                    Ok(other) => {
                        return Err(EngineError::Answer {
                            asked: "a turn",
                            answer: Box::new(other),
                        });
                    }
                    Err(refusal) => Err(refusal),
                };
                let answer = TurnAnswer {
                    task,
                    version,
                    n,
                    answer,
                };
                round.push(stream, Push::item(ToWorker::TurnAnswer(answer)));
            }
            FromWorker::Credits { granted } => self.fleet.grant(session, granted),
            FromWorker::Heartbeat { n, stalled } => {
                self.leases
                    .heartbeat(round.steady, session, self.settings.lease);
                for held in stalled {
                    let Held { task, version, .. } = held;
                    let why = ReleaseReason::Stalled;
                    self.release(
                        round,
                        Chore {
                            task,
                            version,
                            session,
                            why,
                        },
                        true,
                    )?;
                }
                round.push(stream, Push::item(ToWorker::HeartbeatAnswer { n }));
            }
            FromWorker::Acknowledge { task, version } => {
                self.unacknowledged.acknowledge(&task, version)
            }
            FromWorker::Reclaim(held) => self.reclaim(round, stream, session, held)?,
            FromWorker::NeedHistory { task, version } => {
                self.send_history(round, stream, session, task, version)?;
            }
            FromWorker::Drain => self.fleet.drain(session),
            FromWorker::GiveBack { task, version } => {
                self.unacknowledged.acknowledge(&task, version);
                self.release(round, given_back(task, version, session), false)?;
            }
        }
        Ok(())
    }

    /// A warm dispatch met no body: the same claim, whole.
    fn send_history(
        &mut self,
        round: &mut Round,
        stream: StreamId,
        session: SessionId,
        task: PromiseId,
        version: TaskVersion,
    ) -> Result<(), EngineError> {
        let request = Request::Recall {
            id: task.clone(),
            version,
            session,
        };
        let push = match self.apply(round, request)? {
            Ok(Reply::Claimed(claimed)) => Push::Dispatch(claimed),
            Ok(_) | Err(_) => Push::item(ToWorker::Drop {
                task,
                version,
                why: "the claim is over".to_owned(),
            }),
        };
        round.push(stream, push);
        Ok(())
    }

    /// Ends a lease or a tie without a turn. A refusal means that it is over already. A worker that did not ask for it is
    /// told, so that it stops.
    pub(super) fn release(
        &mut self,
        round: &mut Round,
        chore: Chore,
        tell: bool,
    ) -> Result<(), EngineError> {
        let Chore {
            task,
            version,
            session,
            why,
        } = chore;
        let request = Request::Release {
            id: task.clone(),
            version,
            session,
            why,
        };
        let is_released = self.apply(round, request)?.is_ok();
        if let Some(stream) = self.stream_of(session).filter(|_| tell && is_released) {
            let why = "its lease was taken back".to_owned();
            round.push(stream, Push::item(ToWorker::Drop { task, version, why }));
        }
        Ok(())
    }

    /// A worker's stream closed. Its leases run on; a worker that holds nothing is forgotten.
    pub(super) fn close_stream(&mut self, stream: StreamId) {
        let Some(OpenStream { session, .. }) = self.streams.remove(&stream) else {
            return;
        };
        self.woken.forget(stream);
        if self.fleet.disconnect(session, stream) && self.leases.count(session) == 0 {
            self.fleet.remove(session);
            self.leases.close(session);
        }
    }

    /// Sessions whose lease has ended lose what they hold; dispatches nobody acknowledged are given back.
    pub(super) fn take_back(&mut self, steady: Timestamp) {
        for session in self.leases.take_expired(steady) {
            self.take_from(session);
        }
        for sent in self.unacknowledged.take_overdue(steady) {
            self.look_at_dispatch(steady, sent);
        }
    }

    fn take_from(&mut self, session: SessionId) {
        let held = self.leases.held_by(session);
        let lost = held.map(|(task, version)| Chore {
            task: task.clone(),
            version,
            session,
            why: ReleaseReason::Lost,
        });
        self.chores.extend(lost);
        if let Some(stream) = self.stream_of(session) {
            self.streams.remove(&stream);
            self.woken.forget(stream);
        }
        if let Some(worker) = self.fleet.remove(session) {
            tracing::warn!(worker = worker.name, %session, "the worker was silent for a lease; its tasks are taken back");
        }
    }

    /// A worker is known to be gone, as in a test that has ended it: its lease ends now.
    pub fn is_gone(&mut self, session: SessionId) {
        self.leases.close(session);
        self.take_from(session);
    }

    /// Nobody has acknowledged it. A dispatch of many pages may still be on its way; one that left and was seen to have
    /// left half a lease before is lost: it counts as an attempt, so that it is not sent for ever.
    fn look_at_dispatch(&mut self, steady: Timestamp, mut sent: Sent) {
        let is_behind = self
            .stream_of(sent.session)
            .and_then(|stream| self.streams.get(&stream))
            .is_some_and(|open| open.out.is_behind());
        if is_behind || !sent.has_left {
            sent.has_left = !is_behind;
            let until = steady.after(self.settings.lease / 2);
            self.unacknowledged.sent(until, sent);
            return;
        }
        let Sent {
            task,
            version,
            session,
            ..
        } = sent;
        tracing::warn!(%task, %version, %session, "the dispatch was not acknowledged; the task is taken back");
        self.chores.push_back(Chore {
            task,
            version,
            session,
            why: ReleaseReason::Lost,
        });
    }

    /// A task that was read from the store, leased or tied to a worker that is connected and did not name it.
    pub(super) fn take_back_if_unnamed(&mut self, record: &Record) {
        let Some(task) = &record.task else { return };
        if let Some(session) = task.session()
            && self.stream_of(session).is_some()
        {
            self.chores
                .push_back(given_back(record.promise.id.clone(), task.version, session));
        }
    }
}

fn given_back(task: PromiseId, version: TaskVersion, session: SessionId) -> Chore {
    Chore {
        task,
        version,
        session,
        why: ReleaseReason::GivenBack,
    }
}
