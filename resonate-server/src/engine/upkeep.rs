//! Between rounds: what must not delay an answer, when to run again, and the end.

use super::{
    AskError, Engine, EngineError, Next,
    disk::{self, ReadError},
    round::Round,
};
use crate::{limits, store::WriteError};
use resonate_core::{Timestamp, limits as bounds};

impl Engine {
    /// What must not delay an answer: the due index is read on, delivered messages and old pages are removed.
    ///
    /// # Errors
    /// When the engine must stop.
    pub fn upkeep(&mut self) -> Result<(), EngineError> {
        self.load_ahead()?;
        self.sweep();
        self.trim(limits::TRIM_EVERY)
    }

    /// Removes delivered messages and old pages; a disk that has no room or time for it now is not broken.
    pub(super) fn trim(&mut self, at_least: usize) -> Result<(), EngineError> {
        let trimmed = self
            .messages
            .trim(&mut *self.store, at_least)
            .and_then(|()| self.trim_forgotten(at_least));
        put_off(trimmed.and_then(|()| self.store.upkeep()))
    }

    /// Removes the rows that nobody needs any more, a page at a time.
    fn trim_forgotten(&mut self, at_least: usize) -> Result<(), WriteError> {
        if self.forgotten.len() < at_least {
            return Ok(());
        }
        let page = self.forgotten.len().min(bounds::PAGE);
        if let Some(what) = self.forgotten.get(..page) {
            self.store.trim(what, bounds::PAGE)?;
        }
        self.forgotten.drain(..page);
        Ok(())
    }

    /// One page of the due index: what is due is loaded, what is due soon is remembered.
    fn load_ahead(&mut self) -> Result<(), EngineError> {
        let Some((due, limit)) = self.window.next_page(self.last.wall, self.memory.timers()) else {
            return Ok(());
        };
        let page = self.store.due(&due, limit).map_err(ReadError::from)?;
        let mut round = Round::new(self.last.wall, self.steady);
        let share = round.share();
        let mut rows = page.rows.iter();
        let mut last = None;
        while round.has_room_in(share)
            && let Some(found) = rows.next()
        {
            match found.row.due_at.map(Timestamp::from_millis) {
                Some(at) if at > self.last.wall && !disk::is_leased(&found.row) => {
                    self.memory.remind(&found.root, at);
                }
                // A lease counts from the start, also one that began later than now: the clock may have been set back.
                Some(_) | None => {
                    self.load(&mut round, found.part, &found.root)?;
                }
            }
            last = Some(found);
        }
        self.loaded.extend(round.take_touched());
        self.window.loaded(last, page.more || rows.next().is_some());
        Ok(())
    }

    /// Watches whose client has left are forgotten.
    fn sweep(&mut self) {
        if self.swept_at.until(self.steady) < limits::SWEEP_EVERY {
            return;
        }
        self.swept_at = self.steady;
        self.watchers.retain(|_, watchers| {
            watchers.retain(|watcher| !watcher.is_closed());
            !watchers.is_empty()
        });
    }

    /// When to run again though nothing comes in.
    #[must_use]
    pub fn next(&self) -> Next {
        let wait = Next::After(self.settings.longest_wait);
        if self.paused_until > self.steady {
            return wait.at(self.steady, Some(self.paused_until));
        }
        let now = self.last.wall;
        let knows_all = self.window.has_reached(now);
        let is_behind = !knows_all
            || !self.ready.is_open()
            || self.ready.has_over()
            || !self.loaded.is_empty()
            || self.has_more_pairs
            || self
                .woken
                .may_go_on(|address| self.flow.may_start(address, now, knows_all));
        if is_behind || !self.messages.is_empty() || !self.chores.is_empty() {
            return Next::Now;
        }
        // By what the clock says: after it was set back, what is due soon by the time of the last round is not due so soon.
        let opens = self.flow.rated().filter(|(address, at)| {
            let is_wanted = self.ready.waiting(address).tasks > 0 || self.woken.waits_for(address);
            *at > self.last.wall && is_wanted
        });
        wait.at(self.seen.wall, opens.map(|(_, at)| at).min())
            .at(self.seen.wall, self.ready.opens_at())
            .at(self.seen.wall, self.memory.next_due())
            .at(self.steady, self.leases.next_expiry())
            .at(self.steady, self.unacknowledged.next())
    }

    /// Finishes what a restart would have to do again. Call it when no further round follows.
    ///
    /// # Errors
    /// When the store cannot be written; nothing that was acknowledged is lost by that.
    pub fn close(mut self) -> Result<(), EngineError> {
        for watcher in std::mem::take(&mut self.watchers).into_values().flatten() {
            let stopping = AskError::Unavailable(
                "the server is stopping; ask again when it is back".to_owned(),
            );
            // A watch has room for all it waits for.
            let _left = watcher.try_send(stopping.into());
        }
        self.trim(1)?;
        put_off(self.store.close())
    }
}

/// What only keeps the store in order can wait for room, or for whoever has the file.
fn put_off(done: Result<(), WriteError>) -> Result<(), EngineError> {
    match done {
        Err(error @ (WriteError::Full { .. } | WriteError::Busy { .. })) => {
            tracing::warn!(%error, "upkeep is put off");
            Ok(())
        }
        other => Ok(other?),
    }
}
