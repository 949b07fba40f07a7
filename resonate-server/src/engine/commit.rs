//! The end of a round: made durable, and only then released; or thrown away.

use resonate_core::mutants::{Mutant, planted};

use super::{
    AskError, Engine, EngineError, Release, messages::Messages, round::Round, woken::Woken,
};
use crate::{
    dispatch::{acknowledge::Unacknowledged, fleet::Fleet, leases::Leases, ready::Ready},
    limits,
    store::{CommitError, WriteError},
    timers::Window,
};

impl Engine {
    /// Makes the round durable; only then is anything released.
    pub(super) fn commit(&mut self, mut round: Round) -> Result<Vec<Release>, EngineError> {
        if planted(Mutant::DispatchAheadOfCommit) {
            self.push_all(&mut round);
            round.releases.drain(..).for_each(|release| {
                let _unread = release.carry_out();
            });
        }
        let batches = round.lane.batches();
        if !batches.is_empty() {
            match self.store.commit(&batches) {
                Ok(()) => {
                    self.figures.commits += 1;
                    self.figures.rows += batches
                        .iter()
                        .map(|batch| batch.rows.len() as u64)
                        .sum::<u64>();
                }
                Err(CommitError::Write(
                    error @ (WriteError::Full { .. } | WriteError::Busy { .. }),
                )) => {
                    return self.throw_away(round, &error);
                }
                Err(error) => return Err(EngineError::Commit(error)),
            }
        }
        self.forgotten.append(&mut round.forgotten);
        let touched = round.take_touched();
        self.memory.settle_down(
            touched.into_iter().chain(self.loaded.drain(..)),
            self.window.passed(),
            round.steady,
        );
        self.push_all(&mut round);
        for to in std::mem::take(&mut round.looks) {
            let view = Box::new(Ok(self.view()));
            round.releases.push(Release::View { to, view });
        }
        for (source, mark) in round.delivered {
            self.messages.delivered(source, mark);
        }
        round.lane.committed(&mut self.parts, &mut self.messages);
        Ok(round.releases)
    }

    /// What the round has for workers leaves with the rest.
    fn push_all(&self, round: &mut Round) {
        for (stream, items) in round.take_pushes() {
            if let Some(open) = self.streams.get(&stream) {
                let to = open.out.clone();
                round.releases.push(Release::Push { stream, to, items });
            }
        }
    }

    /// Nothing was written: memory is ahead of the disk, so all of it goes, and with it every stream.
    fn throw_away(
        &mut self,
        round: Round,
        error: &WriteError,
    ) -> Result<Vec<Release>, EngineError> {
        tracing::error!(%error, "a commit was not written; what was asked is answered so, and memory is read again");
        self.figures.failed_commits += 1;
        self.paused_until = round.steady.after(limits::LONGEST_WAIT);
        let told = match error {
            WriteError::Full { .. } => AskError::NoRoom(error.to_string()),
            WriteError::Busy { .. }
            | WriteError::Malformed(_)
            | WriteError::Damaged(_)
            | WriteError::Failed { .. }
            | WriteError::Poisoned => AskError::Unavailable(error.to_string()),
        };
        if !planted(Mutant::MemoryKept) {
            self.memory.clear();
        }
        self.messages = Messages::load(&mut *self.store)?;
        self.window = Window::new(self.settings.longest_wait);
        self.ready = Ready::new(self.weights.clone());
        self.flow.forget_running();
        self.leases = Leases::default();
        self.fleet = Fleet::default();
        self.unacknowledged = Unacknowledged::default();
        self.streams.clear();
        self.woken = Woken::default();
        self.chores.clear();
        self.forgotten.clear();
        self.loaded.clear();
        let watchers = std::mem::take(&mut self.watchers).into_values().flatten();
        let ended = watchers.map(|to| Release::Watched {
            to,
            told: told.clone().into(),
        });
        let looks = round.looks.into_iter().map(|to| Release::View {
            to,
            view: Box::new(Err(told.clone())),
        });
        let failed = round
            .releases
            .into_iter()
            .filter_map(|release| release.failed(&told));
        Ok(failed.chain(looks).chain(ended).collect())
    }
}
