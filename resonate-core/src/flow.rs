//! How much of a function may run in the whole fleet at once, and how often it may start. Derived from the records and
//! from what workers announce; a load builds it again. Pure.
//!
//! An execution counts as running while a worker has it; one that waits does not. Starts are counted as [`rate`](crate::rate)
//! says. What a function allows of each key is [`keys`](crate::keys)' matter.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Address, PromiseId, Record, TaskState, Timestamp,
    keys::PerKey,
    mutants::{Mutant, planted},
    rate::Meter,
};

pub use crate::rate::Rate;

/// What a function allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// How many run at once, on all workers together.
    pub concurrency: Option<u32>,
    /// How often one starts.
    pub rate: Option<Rate>,
    /// What it allows of calls with the same key; none if its calls have no key.
    pub per_key: Option<PerKey>,
}

/// What runs, and what is allowed.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    allowed: BTreeMap<Address, Allowed>,
    running: BTreeMap<Address, BTreeSet<PromiseId>>,
    meters: BTreeMap<Address, Meter>,
}

impl Flow {
    /// What a function allows from now on, as a worker says that serves it; the latest word counts.
    pub fn announce(&mut self, address: &Address, allowed: Allowed, now: Timestamp) {
        if allowed == Allowed::default() {
            self.allowed.remove(address);
            self.meters.remove(address);
            return;
        }
        let before = self.allowed.insert(address.clone(), allowed);
        let Some(rate) = allowed.rate else {
            self.meters.remove(address);
            return;
        };
        if before.and_then(|before| before.rate) != Some(rate) {
            self.meters.insert(address.clone(), Meter::empty(rate, now));
        }
    }

    /// How many functions do not allow everything.
    #[must_use]
    pub fn limited(&self) -> usize {
        self.allowed.len()
    }

    /// Forgets what those allow that nobody serves: whoever serves one later says it again.
    pub fn forget_unserved(&mut self, is_served: impl Fn(&Address) -> bool) {
        self.allowed.retain(|address, _| is_served(address));
        let allowed = &self.allowed;
        self.meters
            .retain(|address, _| allowed.contains_key(address));
    }

    /// A record changed, or was read from the store.
    pub fn update(&mut self, record: &Record) {
        let (Some(task), Some(call)) = (&record.task, record.promise.call()) else {
            return;
        };
        let id = &record.promise.id;
        if matches!(task.state, TaskState::Leased { .. }) {
            self.running
                .entry(call.address.clone())
                .or_default()
                .insert(id.clone());
        } else if let Some(running) = self.running.get_mut(&call.address) {
            running.remove(id);
            if running.is_empty() {
                self.running.remove(&call.address);
            }
        }
    }

    /// True for a function that allows as much as there is room for.
    #[must_use]
    pub fn is_free(&self, address: &Address) -> bool {
        !self.allowed.contains_key(address)
    }

    /// Functions that say how often one starts, and when the next one may.
    pub fn rated(&self) -> impl Iterator<Item = (&Address, Timestamp)> {
        let rated = self.meters.keys();
        rated.filter_map(|address| Some((address, self.opens_at(address)?)))
    }

    /// True if one more may be given out now.
    #[must_use]
    pub fn is_open(&self, address: &Address, now: Timestamp) -> bool {
        let Some(allowed) = self.allowed.get(address) else {
            return true;
        };
        let has_permit = allowed
            .concurrency
            .is_none_or(|most| self.running(address) < most || planted(Mutant::LimitNotKept));
        has_permit && self.opens_at(address).is_none_or(|at| at <= now)
    }

    /// True if one more of it may be given out now, by somebody who knows all leases or not: before all are known nobody
    /// knows how many run.
    #[must_use]
    pub fn may_start(&self, address: &Address, now: Timestamp, knows_all: bool) -> bool {
        self.is_free(address) || (knows_all && self.is_open(address, now))
    }

    /// One is given out.
    pub fn started(&mut self, address: &Address, now: Timestamp) {
        let rate = self.allowed.get(address).and_then(|allowed| allowed.rate);
        if let (Some(rate), Some(meter)) = (rate, self.meters.get_mut(address)) {
            meter.start(rate, now);
        }
    }

    /// How many run.
    #[must_use]
    pub fn running(&self, address: &Address) -> u32 {
        let running = self.running.get(address).map_or(0, BTreeSet::len);
        u32::try_from(running).unwrap_or(u32::MAX)
    }

    /// What a function allows.
    #[must_use]
    pub fn allowed(&self, address: &Address) -> Allowed {
        self.allowed.get(address).copied().unwrap_or_default()
    }

    /// When the rate lets the next one start; none if there is no rate.
    #[must_use]
    pub fn opens_at(&self, address: &Address) -> Option<Timestamp> {
        let rate = self.allowed.get(address)?.rate?;
        Some(self.meters.get(address)?.opens_at(rate))
    }

    /// What is said counts no more for what runs: everything will be read again.
    pub fn forget_running(&mut self) {
        self.running.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address() -> Address {
        Address::new("s", "f", 1)
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// When each of the starts is that come as early as they may.
    fn starts(flow: &mut Flow, from: i64, count: usize) -> Vec<i64> {
        let mut now = from;
        let mut starts = Vec::new();
        while starts.len() < count {
            if flow.is_open(&address(), at(now)) {
                flow.started(&address(), at(now));
                starts.push(now);
            } else {
                now += 1;
            }
        }
        starts
    }

    fn rated(starts: u32, per: Duration, now: i64) -> Flow {
        let mut flow = Flow::default();
        let rate = Some(Rate { starts, per });
        flow.announce(
            &address(),
            Allowed {
                rate,
                ..Allowed::default()
            },
            at(now),
        );
        flow
    }

    #[test]
    fn a_limiter_begins_with_nothing_saved_and_saves_one_period() {
        let mut flow = rated(4, Duration::from_secs(1), 1_000);
        assert_eq!(starts(&mut flow, 1_000, 3), [1_250, 1_500, 1_750]);
        assert_eq!(
            starts(&mut flow, 60_000, 6),
            [60_000, 60_000, 60_000, 60_000, 60_250, 60_500]
        );
    }

    #[test]
    fn no_period_has_more_starts_than_twice_and_in_the_long_run_the_rate_holds() {
        let mut flow = rated(7, Duration::from_secs(1), 0);
        let starts = starts(&mut flow, 0, 700);
        let last = starts.last().copied().unwrap();
        assert!((99_000..=101_000).contains(&last), "{last}");
        for window in starts.windows(15) {
            assert!(window[14] - window[0] >= 1_000, "{window:?}");
        }
    }

    #[test]
    fn the_same_word_again_changes_nothing_and_another_begins_anew() {
        let mut flow = rated(1, Duration::from_secs(10), 0);
        assert_eq!(starts(&mut flow, 0, 1), [10_000]);
        let rate = Rate {
            starts: 1,
            per: Duration::from_secs(10),
        };
        let allowed = Allowed {
            rate: Some(rate),
            concurrency: Some(3),
            per_key: None,
        };
        flow.announce(&address(), allowed, at(10_001));
        assert_eq!(flow.opens_at(&address()), Some(at(20_000)));
        flow.announce(&address(), Allowed::default(), at(10_002));
        assert!(flow.is_open(&address(), at(10_002)));
    }

    #[test]
    fn only_what_nobody_serves_is_forgotten() {
        let mut flow = rated(1, Duration::from_secs(10), 0);
        let gone = Address::new("s", "gone", 1);
        let allowed = flow.allowed(&address());
        flow.announce(&gone, allowed, at(0));
        flow.forget_unserved(|one| *one != gone);
        assert_eq!((flow.limited(), flow.rated().count()), (1, 1));
        assert!(flow.is_free(&gone) && !flow.is_open(&address(), at(9_999)));
    }
}
