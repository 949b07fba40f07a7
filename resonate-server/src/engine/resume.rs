//! Executions that were halted because the code had left their history, and a worker with other code: they go on by
//! themselves. Which bodies did not fit is in their records, so each body tries each of them once.
//!
//! They stand in no index: when a worker brings a body that no other connected worker has, all rows are walked for them,
//! some at a time, between rounds.

use std::collections::VecDeque;

use resonate_core::{Address, PromiseId, Record, Request};
use resonate_proto::{client::StateFilter, stream::Function};

use super::{Engine, EngineError, disk, disk::ReadError, round::Round};
use crate::{
    dispatch::fleet::Fit,
    limits,
    store::{Limit, Place, Search},
};

/// What was found, and how far the walk is.
#[derive(Debug, Default)]
pub(super) struct Resume {
    walk: Option<Walk>,
    /// Halted executions that a worker may fit; each is looked at again before it goes on.
    found: VecDeque<PromiseId>,
    /// Some of them have not been looked at.
    has_news: bool,
}

#[derive(Debug, Default)]
struct Walk {
    after: Option<Place>,
    /// Another body came meanwhile: the walk begins again when it is over.
    again: bool,
}

impl Resume {
    /// A worker has a body that no other has.
    pub(super) fn another_body(&mut self) {
        match &mut self.walk {
            Some(walk) => walk.again = true,
            None => self.walk = Some(Walk::default()),
        }
    }

    /// This one was halted just now; a worker that is connected may fit it.
    pub(super) fn found(&mut self, id: PromiseId) {
        if self.found.len() < limits::RESUMES {
            self.found.push_back(id);
            self.has_news = true;
        }
    }

    /// True if a round, or a page of the walk, would make a difference now.
    pub(super) fn is_under_way(&self) -> bool {
        self.has_news || (self.walk.is_some() && self.found.is_empty())
    }
}

impl Engine {
    /// True if none of the workers has this very body.
    pub(super) fn is_another_body(&self, function: &Function) -> bool {
        function.served
            && !self.fleet.workers().any(|(_, worker)| {
                let known = worker.functions.get(&function.address);
                known.is_some_and(|known| {
                    known.served && known.body_fingerprint == function.body_fingerprint
                })
            })
    }

    /// One page of the walk, once what it found before is done with.
    pub(super) fn look_for_halted(&mut self) -> Result<(), EngineError> {
        let Some(walk) = (self.resume.walk.as_mut()).filter(|_| self.resume.found.is_empty())
        else {
            return Ok(());
        };
        let search = Search {
            after: walk.after,
            state: disk::number_of(StateFilter::Halted),
            examine: limits::RESUME_ROWS,
            ..Search::default()
        };
        let hits = self
            .store
            .search(&search, Limit::default())
            .map_err(ReadError::from)?;
        match hits.next {
            Some(next) => walk.after = Some(next),
            None if walk.again => *walk = Walk::default(),
            None => self.resume.walk = None,
        }
        for found in hits.rows {
            let record = disk::read_record(found.part, &found.root, &found.row)?;
            let waits = |record: &Record| {
                record
                    .task
                    .as_ref()
                    .is_some_and(|task| task.awaits_another_body())
            };
            if let Some(record) = record.filter(waits) {
                self.resume.found.push_back(record.promise.id);
                self.resume.has_news = true;
            }
        }
        Ok(())
    }

    /// Hands what was found to workers that may fit it, some per round.
    pub(super) fn resume_halted(&mut self, round: &mut Round) -> Result<(), EngineError> {
        let share = round.share();
        self.resume.has_news = false;
        for _ in 0..self.resume.found.len() {
            if !round.has_room_in(share) {
                self.resume.has_news = true;
                break;
            }
            let Some(id) = self.resume.found.pop_front() else {
                break;
            };
            self.resume_one(round, id)?;
        }
        Ok(())
    }

    fn resume_one(&mut self, round: &mut Round, id: PromiseId) -> Result<(), EngineError> {
        self.load(round, id.part(), id.root())?;
        let Some((address, misfits)) = self.memory.record(&id).and_then(|record| wanted(record))
        else {
            return Ok(());
        };
        let knows_all = self.window.has_reached(round.now);
        match self.fleet.fits(&address, &misfits) {
            // Whoever comes with another body looks again.
            Fit::Nobody => {}
            Fit::Free(session) if self.flow.may_start(&address, round.now, knows_all) => {
                let resumed = self.apply(round, Request::Resume { id: id.clone() })?;
                if resumed.is_ok() {
                    self.fleet.charge(session);
                    self.give(round, id, &address, session)?;
                }
            }
            Fit::Free(_) | Fit::Busy => self.resume.found.push_back(id),
        }
        Ok(())
    }
}

/// Whom this record waits for: somebody who serves the function, with none of these bodies.
fn wanted(record: &Record) -> Option<(Address, Vec<u64>)> {
    let task = record.task.as_ref()?;
    let call = record.promise.call()?;
    task.awaits_another_body()
        .then(|| (call.address.clone(), task.misfits.clone()))
}
