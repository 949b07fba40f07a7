//! The tasks that are ready: per function, by priority, then fairly between tenants by weight, then between roots, then
//! oldest first.
//!
//! So a fan-out of 100,000 does not starve the next caller. Suspects stand in a line of their own beside each function's:
//! however many wait there, who may not be given one does not look at them. Derived from the records; a load builds it again.
//!
//! Millions may wait, so an entry is small: its tree need not be in memory, names are shared, and every list is flat.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    Address, PromiseId, Timestamp, limits,
    mutants::{Mutant, planted},
    tenant::{Turns, Weights},
};

/// The ready tasks of all functions.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    lines: BTreeMap<Arc<Address>, Line>,
    suspects: BTreeMap<Arc<Address>, Line>,
    places: BTreeMap<PromiseId, Place>,
    weights: Weights,
    served: u64,
}

/// The ready tasks of one function.
#[derive(Clone, Debug, Default)]
struct Line {
    priorities: BTreeMap<Reverse<i8>, Tenants>,
    ages: BTreeSet<(Timestamp, PromiseId)>,
    last_served: u64,
}

/// The ready tasks of one function and priority, tenant by tenant.
#[derive(Clone, Debug, Default)]
struct Tenants {
    turns: Turns,
    roots: BTreeMap<Arc<str>, Roots>,
}

/// The ready tasks of one function, priority and tenant, root by root.
#[derive(Clone, Debug, Default)]
struct Roots {
    /// Whose turn it is.
    order: BTreeMap<u64, PromiseId>,
    turns: BTreeMap<PromiseId, u64>,
    tasks: BTreeSet<Waiter>,
    next_turn: u64,
}

/// A ready task among those of all roots: root by root, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Waiter {
    ready_at: Timestamp,
    id: PromiseId,
}

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    address: Arc<Address>,
    tenant: Arc<str>,
    ready_at: Timestamp,
    priority: i8,
    is_suspect: bool,
}

/// A ready task.
#[derive(Clone, Copy, Debug)]
pub struct Waits<'a> {
    /// Its function.
    pub address: &'a Address,
    /// Whose it is.
    pub tenant: &'a str,
    /// Before others, when higher.
    pub priority: i8,
    /// Since when.
    pub ready_at: Timestamp,
    /// It goes only to who takes suspects.
    pub is_suspect: bool,
}

/// Somebody who has a place for a task of a function.
#[derive(Clone, Copy, Debug)]
pub struct Serves<'a> {
    /// The function.
    pub address: &'a Address,
    /// Takes a suspect, too.
    pub takes_suspects: bool,
}

/// A task that was taken out of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Which task.
    pub id: PromiseId,
    /// Its function.
    pub address: Arc<Address>,
    /// It goes only to who takes suspects.
    pub is_suspect: bool,
}

/// How many tasks of a function wait, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub tasks: usize,
    /// Since when the oldest of them is ready.
    pub since: Option<Timestamp>,
}

/// What of a function waits for one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantWaiting {
    /// Whose; empty for calls that do not say.
    pub tenant: Arc<str>,
    /// How many.
    pub tasks: usize,
    /// How much more than others it gets.
    pub weight: u32,
}

impl Queue {
    /// An empty one in which tenants weigh so much.
    #[must_use]
    pub fn new(weights: Weights) -> Self {
        Self {
            weights,
            ..Self::default()
        }
    }

    /// How many tasks are ready.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True if no task is ready.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Puts a task in line, or in its new place. One that stands there already stays, and its root keeps its turn.
    pub fn insert(&mut self, id: &PromiseId, waits: Waits<'_>) {
        if self.places.get(id).is_some_and(|place| place.is_of(waits)) {
            return;
        }
        self.remove(id);
        let Waits {
            address,
            tenant,
            priority,
            ready_at,
            is_suspect,
        } = waits;
        let lines = self.lines_mut(is_suspect);
        let known = lines.get_key_value(address).map(|(known, _)| known);
        let address = known.map_or_else(|| Arc::new(address.clone()), Arc::clone);
        let line = lines.entry(Arc::clone(&address)).or_default();
        line.ages.insert((ready_at, id.clone()));
        let tenants = line.priorities.entry(Reverse(priority)).or_default();
        let waiter = Waiter {
            ready_at,
            id: id.clone(),
        };
        let tenant = tenants.insert(tenant, waiter);
        let place = Place {
            address,
            tenant,
            ready_at,
            priority,
            is_suspect,
        };
        self.places.insert(id.clone(), place);
    }

    /// Takes a task out of the line, if it is in it.
    pub fn remove(&mut self, id: &PromiseId) {
        self.take(id);
    }

    /// Takes out the task that is next for somebody who has a place. Costs as much as there are functions asked for,
    /// however many tasks wait.
    pub fn next<'a>(&mut self, serves: impl IntoIterator<Item = Serves<'a>>) -> Option<Taken> {
        let (lines, suspects) = (&self.lines, &self.suspects);
        let heads = serves.into_iter().flat_map(|serves| {
            let plain = lines.get(serves.address).map(|line| (line, false));
            let suspect = suspects
                .get(serves.address)
                .filter(|_| serves.takes_suspects)
                .map(|line| (line, true));
            let both = [plain, suspect].into_iter().flatten();
            both.filter_map(move |(line, is_suspect)| {
                let (priority, _) = line.priorities.first_key_value()?;
                Some((*priority, line.last_served, serves.address, is_suspect))
            })
        });
        let (_, _, address, is_suspect) = heads.min()?;
        self.served += 1;
        let lines = if is_suspect {
            &mut self.suspects
        } else {
            &mut self.lines
        };
        let line = lines.get_mut(address)?;
        line.last_served = self.served;
        let id = line.next(&self.weights)?;
        let Place {
            address,
            is_suspect,
            ..
        } = self.take(&id)?;
        Some(Taken {
            id,
            address,
            is_suspect,
        })
    }

    fn take(&mut self, id: &PromiseId) -> Option<Place> {
        let place = self.places.remove(id)?;
        let lines = self.lines_mut(place.is_suspect);
        let line = lines.get_mut(&place.address)?;
        let (ready_at, id) = (place.ready_at, id.clone());
        line.ages.remove(&(ready_at, id.clone()));
        let priority = Reverse(place.priority);
        if let Some(tenants) = line.priorities.get_mut(&priority) {
            tenants.remove(&place.tenant, &Waiter { ready_at, id });
            if tenants.turns.is_empty() {
                line.priorities.remove(&priority);
            }
        }
        if line.ages.is_empty() {
            lines.remove(&place.address);
        }
        Some(place)
    }

    fn lines_mut(&mut self, is_suspect: bool) -> &mut BTreeMap<Arc<Address>, Line> {
        if is_suspect {
            &mut self.suspects
        } else {
            &mut self.lines
        }
    }

    /// How many tasks of this function wait, and since when.
    #[must_use]
    pub fn waiting(&self, address: &Address) -> Waiting {
        let lines = [self.lines.get(address), self.suspects.get(address)];
        lines
            .into_iter()
            .flatten()
            .map(Line::waiting)
            .fold(Waiting::default(), Waiting::and)
    }

    /// Every function that somebody waits for.
    pub fn all_waiting(&self) -> impl Iterator<Item = (&Address, Waiting)> {
        let addresses: BTreeSet<&Address> = self
            .lines
            .keys()
            .chain(self.suspects.keys())
            .map(|address| &**address)
            .collect();
        addresses
            .into_iter()
            .map(|address| (address, self.waiting(address)))
    }

    /// What of a function waits for each tenant, the longest line first, at most [`limits::TENANTS_SHOWN`].
    #[must_use]
    pub fn tenants(&self, address: &Address) -> Vec<TenantWaiting> {
        let lines = [self.lines.get(address), self.suspects.get(address)];
        let mut counts: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for tenants in lines
            .into_iter()
            .flatten()
            .flat_map(|line| line.priorities.values())
        {
            for (tenant, roots) in &tenants.roots {
                *counts.entry(tenant).or_default() += roots.tasks.len();
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(tenant, tasks)| (Reverse(*tasks), *tenant));
        let shown = counts.into_iter().take(limits::TENANTS_SHOWN);
        let tenants = shown.map(|(tenant, tasks)| TenantWaiting {
            tenant: Arc::clone(tenant),
            tasks,
            weight: self.weights.of(tenant),
        });
        tenants.collect()
    }

    /// The ready tasks, by id.
    pub fn ids(&self) -> impl Iterator<Item = &PromiseId> {
        self.places.keys()
    }
}

impl Place {
    fn is_of(&self, waits: Waits<'_>) -> bool {
        let Waits {
            address,
            tenant,
            priority,
            ready_at,
            is_suspect,
        } = waits;
        *self.address == *address
            && *self.tenant == *tenant
            && (self.priority, self.ready_at, self.is_suspect) == (priority, ready_at, is_suspect)
    }
}

impl Line {
    fn waiting(&self) -> Waiting {
        Waiting {
            tasks: self.ages.len(),
            since: self.ages.first().map(|(at, _)| *at),
        }
    }

    fn next(&mut self, weights: &Weights) -> Option<PromiseId> {
        let mut priorities = self.priorities.values_mut();
        priorities.find_map(|tenants| tenants.next(weights))
    }
}

impl Tenants {
    fn insert(&mut self, tenant: &str, waiter: Waiter) -> Arc<str> {
        let known = self.roots.get_key_value(tenant).map(|(known, _)| known);
        let tenant = known.map_or_else(|| tenant.into(), Arc::clone);
        if !self.roots.contains_key(&tenant) {
            self.turns.join(&tenant);
        }
        let roots = self.roots.entry(Arc::clone(&tenant)).or_default();
        roots.insert(waiter);
        tenant
    }

    /// The next task of the tenant whose turn it is.
    fn next(&mut self, weights: &Weights) -> Option<PromiseId> {
        let tenant = self.turns.next(weights)?;
        self.roots.get_mut(&tenant)?.next()
    }

    fn remove(&mut self, tenant: &Arc<str>, waiter: &Waiter) {
        let Some(roots) = self.roots.get_mut(tenant) else {
            return;
        };
        roots.remove(waiter);
        if roots.order.is_empty() {
            self.roots.remove(tenant);
            self.turns.leave(tenant);
        }
    }
}

impl Waiting {
    fn and(self, other: Self) -> Self {
        let both = self.since.into_iter().chain(other.since);
        Self {
            tasks: self.tasks + other.tasks,
            since: both.min(),
        }
    }
}

impl Roots {
    fn insert(&mut self, waiter: Waiter) {
        let root = waiter.id.to_root();
        self.tasks.insert(waiter);
        if !self.turns.contains_key(&root) {
            self.put_last(root);
        }
    }

    /// The first task of the root whose turn it is; that root goes to the end of the order.
    fn next(&mut self) -> Option<PromiseId> {
        let (turn, root) = self.order.pop_first()?;
        let id = self.first_of(&root)?.id.clone();
        if planted(Mutant::RootStarves) {
            self.order.insert(turn, root);
        } else {
            self.put_last(root);
        }
        Some(id)
    }

    fn remove(&mut self, waiter: &Waiter) {
        self.tasks.remove(waiter);
        let root = waiter.id.to_root();
        if self.first_of(&root).is_none()
            && let Some(turn) = self.turns.remove(&root)
        {
            self.order.remove(&turn);
        }
    }

    fn first_of(&self, root: &PromiseId) -> Option<&Waiter> {
        let least = Waiter {
            ready_at: Timestamp::ZERO,
            id: root.clone(),
        };
        let first = self.tasks.range(least..).next()?;
        (first.id.root() == root.as_str()).then_some(first)
    }

    fn put_last(&mut self, root: PromiseId) {
        self.next_turn += 1;
        self.turns.insert(root.clone(), self.next_turn);
        self.order.insert(self.next_turn, root);
    }
}

impl Ord for Waiter {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_root = self.id.root().cmp(other.id.root());
        by_root.then_with(|| (self.ready_at, &self.id).cmp(&(other.ready_at, &other.id)))
    }
}

impl PartialOrd for Waiter {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PromiseId {
        PromiseId::new(text).expect("a good id")
    }

    fn insert(
        queue: &mut Queue,
        task: &str,
        function: &str,
        priority: i8,
        at: i64,
        is_suspect: bool,
    ) {
        let waits = Waits {
            address: &Address::new("s", function, 1),
            tenant: "",
            priority,
            ready_at: Timestamp::from_millis(at),
            is_suspect,
        };
        queue.insert(&id(task), waits);
    }

    fn queue(tasks: &[(&str, &str, i8, i64)]) -> Queue {
        let mut queue = Queue::default();
        for (task, function, priority, at) in tasks {
            insert(&mut queue, task, function, *priority, *at, false);
        }
        queue
    }

    fn drain(queue: &mut Queue, functions: &[&str], takes_suspects: bool) -> String {
        let addresses: Vec<_> = functions
            .iter()
            .map(|function| Address::new("s", *function, 1))
            .collect();
        let serves = || {
            addresses.iter().map(|address| Serves {
                address,
                takes_suspects,
            })
        };
        let mut order = Vec::new();
        while let Some(taken) = queue.next(serves()) {
            order.push(taken.id.to_string());
        }
        order.join(" ")
    }

    #[test]
    fn a_wide_fan_out_does_not_starve_the_next_caller() {
        let mut queue = queue(&[
            ("a.x", "f", 0, 1),
            ("a.x-1", "f", 0, 1),
            ("a.x-2", "f", 0, 1),
            ("b", "f", 0, 2),
        ]);
        assert_eq!(drain(&mut queue, &["f"], false), "a.x b a.x-1 a.x-2");
    }

    #[test]
    fn tenants_share_by_weight_however_many_roots_each_has() {
        let mut queue = Queue::new(Weights::new([("gold", 2)]));
        let address = Address::new("s", "f", 1);
        for (task, tenant) in [("a", "free"), ("b", "free"), ("c", "free"), ("d", "free")]
            .into_iter()
            .chain([("w", "gold"), ("x", "gold"), ("y", "gold")])
        {
            let waits = Waits {
                address: &address,
                tenant,
                priority: 0,
                ready_at: Timestamp::ZERO,
                is_suspect: false,
            };
            queue.insert(&id(task), waits);
        }
        let seen = queue.tenants(&address);
        let seen: Vec<_> = seen
            .iter()
            .map(|one| (&*one.tenant, one.tasks, one.weight))
            .collect();
        assert_eq!(seen, [("free", 4, 1), ("gold", 3, 2)]);
        assert_eq!(drain(&mut queue, &["f"], false), "a w x b y c d");
    }

    #[test]
    fn who_is_put_in_line_again_keeps_the_turn() {
        let mut queue = queue(&[("a", "f", 0, 1), ("b", "f", 0, 2)]);
        insert(&mut queue, "a", "f", 0, 1, false);
        assert_eq!(drain(&mut queue, &["f"], false), "a b");
    }

    #[test]
    fn roots_whose_names_begin_alike_are_told_apart() {
        let mut queue = queue(&[
            ("a", "f", 0, 3),
            ("a-b", "f", 0, 1),
            ("a.x", "f", 0, 0),
            ("a-b.x", "f", 0, 0),
            ("a:y", "f", 0, 2),
        ]);
        assert_eq!(drain(&mut queue, &["f"], false), "a.x a-b.x a:y a-b a");
    }

    #[test]
    fn a_higher_priority_goes_first() {
        let mut queue = queue(&[("a", "f", 0, 1), ("b", "f", 5, 2), ("c", "g", 9, 3)]);
        assert_eq!(drain(&mut queue, &["f", "g"], false), "c b a");
    }

    #[test]
    fn functions_of_one_worker_take_turns() {
        let mut queue = queue(&[
            ("a", "f", 0, 1),
            ("b", "f", 0, 2),
            ("c", "g", 0, 3),
            ("d", "g", 0, 4),
        ]);
        assert_eq!(drain(&mut queue, &["f", "g"], false), "a c b d");
    }

    #[test]
    fn suspects_stay_for_who_takes_them_and_take_turns_with_the_others() {
        let mut queue = queue(&[("b", "f", 0, 1), ("c", "f", 0, 2), ("d", "f", 0, 3)]);
        for n in 0..1_000 {
            insert(&mut queue, &format!("a{n:03}"), "f", 0, 0, true);
        }
        let address = Address::new("s", "f", 1);
        let serves = |takes_suspects| Serves {
            address: &address,
            takes_suspects,
        };
        let next = |queue: &mut Queue, takes| queue.next([serves(takes)]).unwrap().id.to_string();
        assert_eq!(next(&mut queue, false), "b");
        assert_eq!(next(&mut queue, true), "a000");
        assert_eq!(next(&mut queue, true), "c");
        assert_eq!(next(&mut queue, true), "a001");
        let since = Some(Timestamp::from_millis(0));
        let waiting = Waiting { tasks: 999, since };
        assert_eq!(queue.waiting(&address), waiting);
        assert_eq!(drain(&mut queue, &["f"], false), "d");
        assert_eq!(queue.all_waiting().count(), 1);
        assert_eq!(drain(&mut queue, &["f"], true).split(' ').count(), 998);
        assert!(queue.is_empty() && queue.lines.is_empty() && queue.suspects.is_empty());
    }

    #[test]
    fn who_has_become_a_suspect_stands_in_one_line_only() {
        let mut queue = queue(&[("a", "f", 0, 1)]);
        insert(&mut queue, "a", "f", 0, 5, true);
        assert_eq!(drain(&mut queue, &["f"], false), "");
        queue.remove(&id("a"));
        assert!(queue.is_empty() && queue.suspects.is_empty());
    }
}
