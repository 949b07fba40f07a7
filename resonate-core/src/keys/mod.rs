//! Who has which key, who waits for one, and what a function allows of each: at once, how often, the latest only, or after
//! a pause. Derived from the records and from what workers announce; a load builds it again. Pure.
//!
//! A task asks for its key before it stands among the ready tasks, and has it from its first claim until its promise has
//! settled: that is written in its record, and such a record is due at once for whoever loads the store. Before all of
//! them are known nobody is let go, so no restart lets two have what is one's.
//!
//! [`line`] is one key's; here is what concerns several.

mod crowd;
mod line;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
    time::Duration,
};

pub use self::line::{Asks, Over};
use self::{
    crowd::Crowd,
    line::{Line, Next},
};
use crate::{
    Address, Key, PromiseId, Record, TaskState, Timestamp, limits,
    mutants::{Mutant, planted},
    rate::Rate,
};

/// What a function allows of calls with the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerKey {
    /// How many have the key at once, from start to result; one if it does not say.
    pub at_once: Option<u32>,
    /// How often one starts.
    pub rate: Option<Rate>,
    /// A later call cancels those before it, also one that runs.
    pub latest_wins: bool,
    /// None starts before so long after the last one came; those before it settle as it does.
    pub debounce: Option<Duration>,
}

impl PerKey {
    /// Of a function whose calls have no key any more.
    const UNLIMITED: Self = Self {
        at_once: Some(u32::MAX),
        rate: None,
        latest_wins: false,
        debounce: None,
    };
}

/// A key, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLook {
    /// Its text.
    pub text: Arc<str>,
    /// Some of those that have it.
    pub holders: Vec<PromiseId>,
    /// How many have it.
    pub held: u64,
    /// How many wait for it.
    pub waiting: u64,
    /// When its rate, or its pause, lets the next one go.
    pub opens_at: Option<Timestamp>,
}

/// The keys of one function, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysLook {
    /// How many calls wait for a key, and since when the oldest of them is ready.
    pub waiting: u64,
    /// See [`waiting`](Self::waiting).
    pub since: Option<Timestamp>,
    /// The keys that most wait for.
    pub most: Vec<KeyLook>,
}

/// All keys that somebody has or waits for.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    allowed: BTreeMap<(Arc<str>, Arc<str>), BTreeMap<u32, PerKey>>,
    lines: BTreeMap<Arc<Key>, Line>,
    crowds: BTreeMap<(Arc<str>, Arc<str>), Crowd>,
    places: BTreeMap<PromiseId, Arc<Key>>,
    /// When a rate or a pause lets somebody go.
    opens: BTreeSet<(Timestamp, Arc<Key>)>,
    /// Lines without anybody, kept until their rate has forgotten what started.
    resting: BTreeSet<(Timestamp, Arc<Key>)>,
    arrivals: u64,
    /// Everything that has a key is known, and everything that started since then.
    known_since: Option<Timestamp>,
    let_go: Vec<Asks>,
    over: BTreeMap<PromiseId, Over>,
}

impl Keys {
    /// What a function allows from now on, as a worker says that serves it; of several versions the highest counts. Gives
    /// those that were let go and must wait again.
    pub fn announce(
        &mut self,
        address: &Address,
        allowed: Option<PerKey>,
        now: Timestamp,
    ) -> Vec<PromiseId> {
        let function = (Arc::clone(&address.service), Arc::clone(&address.function));
        let before = self.allowed_of(&function);
        let has_lines = self.lines_of(&function).next().is_some();
        let versions = self.allowed.entry(function.clone()).or_default();
        match allowed {
            Some(allowed) => versions.insert(address.version, allowed),
            // Calls from when it had a key wait for nobody any more.
            None if has_lines => versions.insert(address.version, PerKey::UNLIMITED),
            None => versions.remove(&address.version),
        };
        if versions.is_empty() {
            self.allowed.remove(&function);
        }
        let after = self.allowed_of(&function);
        if before == after {
            return Vec::new();
        }
        let mut recalled = Vec::new();
        for key in self.keys_of(&function) {
            if let Some(line) = self.lines.get_mut(&key) {
                recalled.append(&mut line.recall());
                if let (Some(_), Some(rate)) = (before.rate, after.rate)
                    && before.rate != after.rate
                {
                    line.nothing_saved(rate, now);
                }
            }
            self.advance(&key, now);
        }
        recalled
    }

    /// Forgets what those allow that nobody serves: whoever serves one later says it again.
    pub fn forget_unserved(&mut self, is_served: impl Fn(&Address) -> bool) {
        self.allowed.retain(|(service, function), versions| {
            versions.retain(|version, _| {
                is_served(&Address::new(
                    Arc::clone(service),
                    Arc::clone(function),
                    *version,
                ))
            });
            !versions.is_empty()
        });
    }

    /// A record changed, or was read from the store. True if its task may stand among the ready ones, if it is ready.
    pub fn update(&mut self, record: &Record, now: Timestamp) -> bool {
        let (Some(key), Some(task)) = (record.key(), &record.task) else {
            return true;
        };
        let id = &record.promise.id;
        let key = self.known(key);
        match &task.state {
            TaskState::Pending { ready_at } if *ready_at <= now => {
                self.arrivals += 1;
                let asks = Asks::of(record, *ready_at, self.arrivals);
                self.line(&key, id).ask(asks, task.holds_key);
            }
            _ if !task.holds_key => self.leave(&key, id),
            TaskState::Leased { .. } => {
                let rate = self.allowed_of(&function_of(&key)).rate;
                let known_since = self.known_since.unwrap_or(now);
                let line = self.line(&key, id);
                if line.has_begun(id)
                    && let Some(rate) = rate
                {
                    line.count(rate, known_since, now);
                }
            }
            TaskState::Pending { .. } | TaskState::Suspended { .. } | TaskState::Halted(_) => {
                self.line(&key, id).has_begun(id);
            }
            TaskState::Merged { .. } | TaskState::Done => self.leave(&key, id),
        }
        self.advance(&key, now);
        self.is_let_go(id)
    }

    /// Everything that has a key is known from now on.
    pub fn know_all(&mut self, now: Timestamp) {
        if self.known_since.is_none() {
            self.known_since = Some(now);
            let keys: Vec<_> = self.lines.keys().cloned().collect();
            for key in keys {
                self.advance(&key, now);
            }
        }
    }

    /// False until [`know_all`](Self::know_all).
    #[must_use]
    pub fn knows_all(&self) -> bool {
        self.known_since.is_some()
    }

    /// Lets go whom a rate or a pause lets go now.
    pub fn open(&mut self, now: Timestamp) {
        while let Some((at, key)) = self.opens.first().cloned().filter(|(at, _)| *at <= now) {
            self.opens.remove(&(at, Arc::clone(&key)));
            self.advance(&key, now);
        }
        while let Some((at, key)) = self.resting.first().cloned().filter(|(at, _)| *at <= now) {
            self.resting.remove(&(at, Arc::clone(&key)));
            self.lines.remove(&key);
        }
    }

    /// When [`open`](Self::open) has something to do.
    #[must_use]
    pub fn opens_at(&self) -> Option<Timestamp> {
        self.opens.first().map(|(at, _)| *at)
    }

    /// Takes out those that may stand among the ready tasks now.
    pub fn take_let_go(&mut self) -> Vec<Asks> {
        std::mem::take(&mut self.let_go)
    }

    /// Takes out one that a later call with the same key has put an end to.
    pub fn take_over(&mut self) -> Option<(PromiseId, Over)> {
        self.over.pop_first()
    }

    /// True if somebody is to be put an end to.
    #[must_use]
    pub fn has_over(&self) -> bool {
        !self.over.is_empty()
    }

    /// Who waits for the keys of a function, and the keys that most wait for.
    #[must_use]
    pub fn look(&self, service: &Arc<str>, function: &Arc<str>) -> KeysLook {
        let function = (Arc::clone(service), Arc::clone(function));
        let Some(crowd) = self.crowds.get(&function) else {
            return KeysLook::default();
        };
        let most = crowd.most().filter_map(|key| {
            let line = self.lines.get(key)?;
            Some(line.look(Arc::clone(&key.text)))
        });
        KeysLook {
            waiting: crowd.waiting(),
            since: crowd.since(),
            most: most.collect(),
        }
    }

    fn is_let_go(&self, id: &PromiseId) -> bool {
        let line = self.places.get(id).and_then(|key| self.lines.get(key));
        line.is_some_and(|line| line.is_let_go(id))
    }

    /// The key as others have it already.
    fn known(&self, key: Key) -> Arc<Key> {
        let known = self.lines.get_key_value(&key);
        known.map_or_else(|| Arc::new(key), |(known, _)| Arc::clone(known))
    }

    /// The line that somebody is in from now on.
    fn line(&mut self, key: &Arc<Key>, id: &PromiseId) -> &mut Line {
        self.places.insert(id.clone(), Arc::clone(key));
        let line = self.lines.entry(Arc::clone(key)).or_default();
        if let Some(at) = line.rests_until.take() {
            self.resting.remove(&(at, Arc::clone(key)));
        }
        line
    }

    fn leave(&mut self, key: &Arc<Key>, id: &PromiseId) {
        self.places.remove(id);
        self.over.remove(id);
        if let Some(line) = self.lines.get_mut(key) {
            line.leave(id);
        }
    }

    /// Lets go whoever may.
    fn advance(&mut self, key: &Arc<Key>, now: Timestamp) {
        self.let_go_of(key, now);
        let Some(line) = self.lines.get_mut(key) else {
            return;
        };
        let (before, after) = line.count_again();
        if before != after {
            let function = function_of(key);
            let crowd = self.crowds.entry(function.clone()).or_default();
            crowd.note(key, before, after);
            if crowd.is_empty() {
                self.crowds.remove(&function);
            }
        }
        if line.is_empty() {
            self.rest(key, now);
        }
    }

    fn let_go_of(&mut self, key: &Arc<Key>, now: Timestamp) {
        let allowed = self.allowed_of(&function_of(key));
        let Some(line) = self.lines.get_mut(key) else {
            return;
        };
        if let Some(at) = line.opens_at.take() {
            self.opens.remove(&(at, Arc::clone(key)));
        }
        let known_since = match self.known_since {
            Some(known_since) => known_since,
            None if planted(Mutant::KeyBeforeAllAreKnown) => now,
            None => return,
        };
        loop {
            match line.next(allowed, known_since, now, &mut self.over) {
                Next::Go(asks) => self.let_go.push(asks),
                Next::At(at) => {
                    line.opens_at = Some(at);
                    self.opens.insert((at, Arc::clone(key)));
                    return;
                }
                Next::Nobody => return,
            }
        }
    }

    /// Nobody has the key or waits for it: its line stays as long as its rate must remember what started.
    fn rest(&mut self, key: &Arc<Key>, now: Timestamp) {
        let Some(line) = self.lines.get_mut(key) else {
            return;
        };
        match line.full_at().filter(|at| *at > now) {
            None => {
                self.lines.remove(key);
            }
            Some(at) => {
                line.rests_until = Some(at);
                self.resting.insert((at, Arc::clone(key)));
            }
        }
        if self.resting.len() > limits::RESTING_KEYS {
            for (_, key) in std::mem::take(&mut self.resting) {
                self.lines.remove(&key);
            }
            self.known_since = Some(now);
        }
    }

    fn allowed_of(&self, function: &(Arc<str>, Arc<str>)) -> PerKey {
        let versions = self.allowed.get(function);
        let highest = versions.and_then(BTreeMap::last_key_value);
        highest.map(|(_, allowed)| *allowed).unwrap_or_default()
    }

    fn lines_of(
        &self,
        (service, function): &(Arc<str>, Arc<str>),
    ) -> impl Iterator<Item = (&Arc<Key>, &Line)> {
        let (service, function) = (Arc::clone(service), Arc::clone(function));
        let first = Key {
            service: Arc::clone(&service),
            function: Arc::clone(&function),
            text: "".into(),
        };
        let lines = self
            .lines
            .range::<Key, _>((Bound::Included(&first), Bound::Unbounded));
        lines.take_while(move |(key, _)| key.service == service && key.function == function)
    }

    fn keys_of(&self, function: &(Arc<str>, Arc<str>)) -> Vec<Arc<Key>> {
        let lines = self.lines_of(function);
        lines.map(|(key, _)| Arc::clone(key)).collect()
    }
}

fn function_of(key: &Key) -> (Arc<str>, Arc<str>) {
    (Arc::clone(&key.service), Arc::clone(&key.function))
}
