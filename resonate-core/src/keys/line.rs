//! The line of one key: who has it, who may begin, who waits.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{KeyLook, PerKey, crowd::Counts};
use crate::{
    Address, PromiseId, Record, Timestamp, limits,
    mutants::{Mutant, planted},
    queue::Waits,
    rate::{Meter, Rate},
};

/// A task that asks to stand among the ready ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asks {
    /// Which.
    pub id: PromiseId,
    address: Arc<Address>,
    tenant: Arc<str>,
    priority: i8,
    ready_at: Timestamp,
    is_suspect: bool,
    arrival: Arrival,
}

/// Which of two that are ready since the same moment came first: of one caller the one that was asked for first, else the
/// one that was met first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    position: u32,
    met: u64,
}

/// What a later call with the same key does to one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// It is canceled, for this one.
    Superseded(PromiseId),
    /// It settles as this one does.
    Merged(PromiseId),
}

/// What comes next in a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This one may stand among the ready tasks.
    Go(Asks),
    /// Somebody may then.
    At(Timestamp),
    /// Nobody, as long as nothing changes.
    Nobody,
}

/// The line of one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// Who has the key: what has begun, and what may begin.
    holders: BTreeSet<PromiseId>,
    /// Who stands among the ready tasks, and has not been claimed since.
    let_go: BTreeMap<PromiseId, (Rank, Asks)>,
    waiting: BTreeMap<Rank, Asks>,
    ranks: BTreeMap<PromiseId, Rank>,
    /// Those that have not begun, as they came.
    ages: BTreeMap<(Timestamp, Arrival), Rank>,
    /// The newest for which all before it were put an end to: done once, however many they are.
    ended_for: Option<Rank>,
    meter: Option<Meter>,
    counted: Counts,
    pub(super) opens_at: Option<Timestamp>,
    pub(super) rests_until: Option<Timestamp>,
}

/// What has begun goes on before anything begins; then by priority, then oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_new: bool,
    priority: Reverse<i8>,
    ready_at: Timestamp,
    arrival: Arrival,
}

impl Rank {
    /// Whatever has begun comes before it, whatever has not after it.
    const FIRST_NEW: Self = Self {
        is_new: true,
        priority: Reverse(i8::MAX),
        ready_at: Timestamp::ZERO,
        arrival: Arrival {
            position: 0,
            met: 0,
        },
    };
}

impl Asks {
    /// Of a ready task, the how manieth that was met.
    pub(super) fn of(record: &Record, ready_at: Timestamp, met: u64) -> Self {
        let origin = record.promise.origin.as_ref();
        let position = origin.map_or(0, |origin| origin.position);
        let arrival = Arrival { position, met };
        let call = record.promise.call();
        let address = call.map_or_else(|| Address::new("", "", 1), |call| call.address.clone());
        Self {
            id: record.promise.id.clone(),
            address: Arc::new(address),
            tenant: record.promise.tenant().into(),
            priority: call.and_then(|call| call.priority).unwrap_or(0),
            ready_at,
            is_suspect: record.is_suspect(),
            arrival,
        }
    }

    /// As the queue takes it.
    #[must_use]
    pub fn waits(&self) -> Waits<'_> {
        Waits {
            address: &self.address,
            tenant: &self.tenant,
            priority: self.priority,
            ready_at: self.ready_at,
            is_suspect: self.is_suspect,
        }
    }

    fn rank(&self, is_new: bool) -> Rank {
        Rank {
            is_new,
            priority: Reverse(self.priority),
            ready_at: self.ready_at,
            arrival: self.arrival,
        }
    }
}

impl Line {
    /// A ready task asks. One that stands here already keeps its place.
    pub(super) fn ask(&mut self, asks: Asks, has_begun: bool) {
        let (id, rank) = (asks.id.clone(), asks.rank(!has_begun));
        if has_begun {
            self.holders.insert(id.clone());
        }
        if let Some((of, let_go)) = self.let_go.get_mut(&id) {
            (*of, *let_go) = (rank, asks);
            return;
        }
        if let Some(before) = self.ranks.get(&id) {
            let arrival = before.arrival;
            if *before == (Rank { arrival, ..rank }) {
                return;
            }
        }
        self.take(&id);
        self.put(rank, asks);
    }

    /// It has the key and does not wait for anything of it. True if it was claimed just now.
    pub(super) fn has_begun(&mut self, id: &PromiseId) -> bool {
        self.take(id);
        self.holders.insert(id.clone());
        self.let_go.remove(id).is_some()
    }

    pub(super) fn leave(&mut self, id: &PromiseId) {
        self.take(id);
        self.holders.remove(id);
        self.let_go.remove(id);
    }

    /// Those that were let go wait again.
    pub(super) fn recall(&mut self) -> Vec<PromiseId> {
        let recalled = std::mem::take(&mut self.let_go);
        self.ended_for = None;
        for (id, (rank, asks)) in &recalled {
            if rank.is_new {
                self.holders.remove(id);
            }
            self.put(*rank, asks.clone());
        }
        recalled.into_keys().collect()
    }

    pub(super) fn is_let_go(&self, id: &PromiseId) -> bool {
        self.let_go.contains_key(id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.holders.is_empty() && self.waiting.is_empty()
    }

    /// One has started.
    pub(super) fn count(&mut self, rate: Rate, known_since: Timestamp, now: Timestamp) {
        let unknown = || Meter::empty(rate, known_since);
        self.meter.get_or_insert_with(unknown).start(rate, now);
    }

    pub(super) fn nothing_saved(&mut self, rate: Rate, now: Timestamp) {
        self.meter = Some(Meter::empty(rate, now));
    }

    /// When its rate has forgotten what started.
    pub(super) fn full_at(&self) -> Option<Timestamp> {
        self.meter.map(Meter::full_at)
    }

    /// Who is let go next, or when; whom that puts an end to is added to `over`.
    pub(super) fn next(
        &mut self,
        allowed: PerKey,
        known_since: Timestamp,
        now: Timestamp,
        over: &mut BTreeMap<PromiseId, Over>,
    ) -> Next {
        let rank = match self.candidate(allowed, now, over) {
            Ok(rank) => rank,
            Err(next) => return next,
        };
        if let Some(rate) = allowed.rate {
            // One after the other, or those that a worker takes late would start together.
            if !self.let_go.is_empty() {
                return Next::Nobody;
            }
            let unknown = || Meter::empty(rate, known_since);
            let opens_at = self.meter.unwrap_or_else(unknown).opens_at(rate);
            if opens_at > now {
                return Next::At(opens_at);
            }
        }
        let Some(asks) = self.waiting.get(&rank).cloned() else {
            return Next::Nobody;
        };
        self.take(&asks.id);
        self.holders.insert(asks.id.clone());
        self.let_go.insert(asks.id.clone(), (rank, asks.clone()));
        Next::Go(asks)
    }

    /// Who would be next if the rate lets it.
    fn candidate(
        &mut self,
        allowed: PerKey,
        now: Timestamp,
        over: &mut BTreeMap<PromiseId, Over>,
    ) -> Result<Rank, Next> {
        let newcomer = self.newcomer(allowed, now, over);
        match self.waiting.first_key_value() {
            Some((rank, asks)) if !rank.is_new && !over.contains_key(&asks.id) => Ok(*rank),
            Some(_) | None => newcomer,
        }
    }

    /// Who would be next of those that have not begun.
    fn newcomer(
        &mut self,
        allowed: PerKey,
        now: Timestamp,
        over: &mut BTreeMap<PromiseId, Over>,
    ) -> Result<Rank, Next> {
        let (&(came_at, _), &newest) = self.ages.last_key_value().ok_or(Next::Nobody)?;
        if let Some(pause) = allowed.debounce {
            let quiet_at = came_at.after(pause);
            if quiet_at > now {
                return Err(Next::At(quiet_at));
            }
            if self.ages.len() > 1 {
                self.end_older(newest, over, Over::Merged);
                return Err(Next::Nobody);
            }
        }
        if allowed.latest_wins {
            self.end_older(newest, over, Over::Superseded);
            if let Some(newest) = self.waiting.get(&newest) {
                let by = || Over::Superseded(newest.id.clone());
                over.extend(self.holders.iter().map(|id| (id.clone(), by())));
            }
            let is_free = self.holders.is_empty() && self.ages.len() == 1;
            return is_free.then_some(newest).ok_or(Next::Nobody);
        }
        let most = usize::try_from(allowed.at_once.unwrap_or(1)).unwrap_or(usize::MAX);
        let is_free = self.holders.len() < most || planted(Mutant::KeyNotKept);
        let new = self.waiting.range(Rank::FIRST_NEW..).next();
        let first = new.filter(|_| is_free);
        first.map(|(rank, _)| *rank).ok_or(Next::Nobody)
    }

    /// All that came before the newest are over.
    fn end_older(
        &mut self,
        newest: Rank,
        over: &mut BTreeMap<PromiseId, Over>,
        how: impl Fn(PromiseId) -> Over,
    ) {
        if self.ended_for.replace(newest) == Some(newest) {
            return;
        }
        let Some(newest) = self.waiting.get(&newest) else {
            return;
        };
        let older = self.ages.values().filter_map(|rank| self.waiting.get(rank));
        let older = older.filter(|asks| asks.id != newest.id);
        over.extend(older.map(|asks| (asks.id.clone(), how(newest.id.clone()))));
    }

    /// How many are in it: when that was counted last, and now.
    pub(super) fn count_again(&mut self) -> (Counts, Counts) {
        let now = Counts {
            waiting: self.waiting.len() as u64,
            held: self.holders.len() as u64,
            since: self.ages.first_key_value().map(|((at, _), _)| *at),
        };
        (std::mem::replace(&mut self.counted, now), now)
    }

    pub(super) fn look(&self, text: Arc<str>) -> KeyLook {
        let holders = self.holders.iter().take(limits::HOLDERS_SHOWN);
        KeyLook {
            text,
            holders: holders.cloned().collect(),
            held: self.counted.held,
            waiting: self.counted.waiting,
            opens_at: self.opens_at,
        }
    }

    fn put(&mut self, rank: Rank, asks: Asks) {
        if rank.is_new {
            self.ages.insert((rank.ready_at, rank.arrival), rank);
            self.ended_for = None;
        }
        self.ranks.insert(asks.id.clone(), rank);
        self.waiting.insert(rank, asks);
    }

    fn take(&mut self, id: &PromiseId) {
        if let Some(rank) = self.ranks.remove(id) {
            self.waiting.remove(&rank);
            self.ages.remove(&(rank.ready_at, rank.arrival));
        }
    }
}
