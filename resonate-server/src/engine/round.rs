//! One round under way: requests are applied in order in memory; what they write and what must leave is gathered.
//!
//! Nothing leaves here. The caller commits the lane and only then hands out the releases.

use std::{collections::BTreeMap, sync::Arc};

use resonate_core::{
    Effect, Part, PromiseId, Record, Refusal, Reply, Request, SessionId, Settlement, TaskVersion,
    Timestamp, apply, check_changes,
    mutants::{Mutant, planted},
};
use resonate_proto::{client::LogPosition, stream::ToWorker};

use super::{
    Engine, EngineError,
    batch::Lane,
    disk,
    input::{Answer, AskError, Seen, Told, Watched},
    memory::RowNo,
    release::Release,
    tails::Reader,
};
use crate::{
    dispatch::stream::{Push, StreamId},
    limits,
    store::{Mark, Trim},
};
use tokio::sync::{mpsc, oneshot};

/// How far one phase of a round may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    written: usize,
    loaded: usize,
}

/// What a round has gathered so far.
#[derive(Debug)]
pub(super) struct Round {
    /// The one time of the round.
    pub(super) now: Timestamp,
    /// The same by the clock that only runs.
    pub(super) steady: Timestamp,
    pub(super) lane: Lane,
    pub(super) releases: Vec<Release>,
    pub(super) looks: Vec<oneshot::Sender<Seen>>,
    /// Messages that were delivered, by source.
    pub(super) delivered: Vec<(Part, Mark)>,
    /// Who reads a stream that has something new.
    pub(super) awake: Vec<Reader>,
    pushes: BTreeMap<StreamId, Vec<Push>>,
    touched: Vec<Arc<str>>,
    /// Bytes of the trees that it loaded, about.
    loaded: usize,
    /// Rows that nobody needs any more, once the round is durable.
    pub(super) forgotten: Vec<Trim>,
}

impl Round {
    pub(super) fn new(now: Timestamp, steady: Timestamp) -> Self {
        Self {
            now,
            steady,
            lane: Lane::new(now),
            releases: Vec::new(),
            looks: Vec::new(),
            delivered: Vec::new(),
            awake: Vec::new(),
            pushes: BTreeMap::new(),
            touched: Vec::new(),
            loaded: 0,
            forgotten: Vec::new(),
        }
    }

    /// True if the round may take one more request.
    pub(super) fn has_room(&self) -> bool {
        self.lane.has_room() && self.loaded < limits::ROUND_BYTES
    }

    /// What each thing that the engine does by itself may add, whatever was there before.
    pub(super) fn share(&self) -> Share {
        Share {
            written: self.lane.bytes() + limits::PHASE_BYTES,
            loaded: self.loaded + limits::PHASE_BYTES,
        }
    }

    /// True while this share is not used up.
    pub(super) fn has_room_in(&self, share: Share) -> bool {
        self.lane.has_room_below(share.written) && self.loaded < share.loaded
    }

    /// A row that ended at this moment is to be removed from the store.
    fn forget(&mut self, part: Part, row: RowNo, settled_at: Timestamp) {
        self.forgotten.push(Trim::Row {
            part,
            root_no: row.root_no,
            child_no: row.child_no,
            settled_at: settled_at.as_millis(),
        });
    }

    pub(super) fn answer(
        &mut self,
        to: oneshot::Sender<Told<Reply>>,
        at: LogPosition,
        answer: Answer,
    ) {
        let at = Some(at);
        let is_read = matches!(&answer, Ok(Reply::Promise { new: false, .. }));
        let told = Told { at, answer };
        if planted(Mutant::AnswerAheadOfCommit) || (planted(Mutant::ReadAheadOfCommit) && is_read) {
            return drop(to.send(told));
        }
        self.releases.push(Release::Answer { to, told });
    }

    pub(super) fn watched(
        &mut self,
        to: mpsc::Sender<Watched>,
        at: LogPosition,
        answer: Result<Arc<Record>, AskError>,
    ) {
        let at = Some(at);
        let told = Told { at, answer };
        if planted(Mutant::ReadAheadOfCommit) {
            return drop(to.try_send(told));
        }
        self.releases.push(Release::Watched { to, told });
    }

    /// Something for a worker, after what this round has for it already.
    pub(super) fn push(&mut self, stream: StreamId, push: Push) {
        self.pushes.entry(stream).or_default().push(push);
    }

    /// A settlement for a worker; those of one task that follow each other travel together.
    fn push_settlement(
        &mut self,
        stream: StreamId,
        id: PromiseId,
        fence: TaskVersion,
        settlement: Settlement,
    ) {
        let pushes = self.pushes.entry(stream).or_default();
        if let Some(Push::Item(item)) = pushes.last_mut()
            && let ToWorker::Settlements {
                task,
                version,
                settled,
            } = &mut **item
            && *task == id
            && *version == fence
        {
            settled.push(settlement);
            return;
        }
        let settled = vec![settlement];
        pushes.push(Push::item(ToWorker::Settlements {
            task: id,
            version: fence,
            settled,
        }));
    }

    pub(super) fn take_pushes(&mut self) -> BTreeMap<StreamId, Vec<Push>> {
        std::mem::take(&mut self.pushes)
    }

    pub(super) fn take_touched(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.touched)
    }
}

impl Engine {
    /// Applies one request and books what it changed.
    pub(super) fn apply(
        &mut self,
        round: &mut Round,
        mut request: Request,
    ) -> Result<Result<Reply, Refusal>, EngineError> {
        self.announced.fill(&mut request, round.now);
        let part = request.target().part();
        let root = self.load(round, part, request.target().root())?;
        let tree = self
            .memory
            .tree_mut(&root)
            .expect("the tree was loaded a line before");
        let stamp = &mut round.lane.open(part, &self.parts).stamp;
        let applied = apply(tree, stamp, request);
        self.figures.requests += 1;
        check_changes(&applied.changed).map_err(EngineError::Broken)?;
        if round.lane.has_overrun(part) {
            return Err(EngineError::Overrun(part));
        }
        for change in &applied.changed {
            if let Some(row) = self
                .memory
                .note(&root, change, round.now, &mut self.next_root)
            {
                round.lane.write(part, &root, row, &change.after);
            }
            self.derive(round, change.before.as_deref(), &change.after);
        }
        for change in &applied.pages {
            let noted = self
                .memory
                .note_page(&root, change, round.now, &mut self.next_root);
            if let Some((row, page)) = noted {
                round.lane.write_page(part, row, page);
            }
        }
        for change in &applied.slips {
            let noted = self.memory.note_slip(&root, change, &mut self.next_root);
            match (noted, &change.after) {
                (Some((row, _)), Some(slip)) => round.lane.write_slip(part, row, slip),
                (Some((row, made_at)), None) => round.forget(part, row, made_at),
                (None, _) => {}
            }
        }
        for record in &applied.removed {
            for (row, ended_at) in self.memory.forget(&root, record) {
                round.forget(part, row, ended_at);
            }
        }
        round.lane.send(part, applied.messages);
        for effect in applied.effects {
            self.effect(round, effect);
        }
        Ok(applied.answer)
    }

    /// Brings a tree into memory, if it is not there.
    pub(super) fn load(
        &mut self,
        round: &mut Round,
        part: Part,
        root: &str,
    ) -> Result<Arc<str>, EngineError> {
        if let Some((root, is_first)) = self.memory.visit(root) {
            if is_first {
                round.touched.push(Arc::clone(&root));
            }
            return Ok(root);
        }
        let root: Arc<str> = root.into();
        let stored = disk::load_tree(&mut *self.store, part, &root)?;
        let held = self.memory.insert(&root, stored, round.now);
        round.touched.push(Arc::clone(&root));
        round.loaded += held.bytes;
        let with_tasks: Vec<_> = held
            .tree
            .records()
            .filter(|record| record.task.is_some())
            .cloned()
            .collect();
        for (row, made_at) in self.memory.take_stale(&root) {
            round.forget(part, row, made_at);
        }
        for record in with_tasks {
            self.derive(round, None, &record);
            self.take_back_if_unnamed(&record);
        }
        Ok(root)
    }

    /// Brings the line, the leases and the fleet in line with a record.
    pub(super) fn derive(&mut self, round: &Round, before: Option<&Record>, after: &Record) {
        if after.task.is_none() {
            return;
        }
        self.ready.update(after, round.now);
        self.flow.update(after);
        if let Some(left) = self
            .leases
            .update(before, after, round.steady, self.settings.lease)
        {
            self.fleet.let_go(left, &after.promise.id);
        }
    }

    fn effect(&mut self, round: &mut Round, effect: Effect) {
        match effect {
            Effect::Emitted(id) => round
                .awake
                .extend(self.tails.remove(&id).into_iter().flatten()),
            Effect::Settled(id) => {
                round
                    .awake
                    .extend(self.tails.remove(&id).into_iter().flatten());
                let Some(record) = self.memory.record(&id) else {
                    return;
                };
                for to in self.watchers.remove(&id).into_iter().flatten() {
                    let at = self.parts.place(id.part());
                    round.watched(to, at, Ok(Arc::clone(record)));
                }
            }
            // A worker without a stream names what it holds when it comes back, and gets the rest.
            Effect::Push {
                session,
                task,
                version,
                settlement,
            } => {
                if let Some(stream) = self.stream_of(session) {
                    round.push_settlement(stream, task, version, settlement);
                }
            }
            Effect::Drop {
                session,
                task,
                version,
                why,
            } => {
                if let Some(stream) = self.stream_of(session) {
                    round.push(stream, Push::item(ToWorker::Drop { task, version, why }));
                }
            }
        }
    }

    pub(super) fn stream_of(&self, session: SessionId) -> Option<StreamId> {
        self.fleet.worker(session).and_then(|worker| worker.stream)
    }
}
