//! Steps that look for something again and again: between two looks they sleep, and nothing of that is in the history.

use std::{collections::BTreeMap, time::Duration};

use resonate_core::Timestamp;

use super::{Position, Replay, journal::Stage};

/// Who sleeps.
#[derive(Debug, Default)]
pub(super) struct Sleepers {
    /// Fell asleep since the body rested last, for so long.
    fresh: BTreeMap<Position, Duration>,
    /// Looks again then.
    alarms: BTreeMap<Position, Timestamp>,
}

impl Sleepers {
    pub(super) fn forget(&mut self, position: Position) {
        self.fresh.remove(&position);
        self.alarms.remove(&position);
    }
}

impl Replay {
    /// A step that runs here has found nothing, and looks again after this time.
    pub(crate) fn sleep_here(&mut self, position: Position, every: Duration) {
        let is_here = self
            .journal
            .get(position)
            .is_some_and(|child| matches!(child.stage(), Stage::Here { .. }));
        if is_here {
            self.journal.shift(position, Stage::Asleep);
            self.sleepers.fresh.insert(position, every);
        }
    }

    /// The body rests at this time: what fell asleep sleeps from now.
    pub(crate) fn arm(&mut self, clock: Timestamp) {
        let fresh = std::mem::take(&mut self.sleepers.fresh).into_iter();
        let armed = fresh.map(|(position, every)| (position, clock.after(every)));
        self.sleepers.alarms.extend(armed);
    }

    /// When the next one looks again.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        self.sleepers.alarms.values().min().copied()
    }

    /// Those that look again by now: they may run.
    pub(crate) fn wake_due(&mut self, clock: Timestamp) -> Vec<Position> {
        let alarms = self.sleepers.alarms.iter();
        let due: Vec<_> = alarms
            .filter(|(_, at)| **at <= clock)
            .map(|(position, _)| *position)
            .collect();
        for position in &due {
            self.sleepers.alarms.remove(position);
            let here = Stage::Here {
                is_known: false,
                is_leaving: false,
            };
            self.journal.shift(*position, here);
        }
        due
    }
}
