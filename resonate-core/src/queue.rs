//! The tasks that are ready: per function, by priority, then fairly between roots, then oldest first.
//!
//! So a fan-out of 100,000 does not starve the next caller. Suspects stand in a line of their own beside each function's:
//! however many wait there, who may not be given one does not look at them. Derived from the records; a load builds it again.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    Address, PromiseId, Timestamp,
    mutants::{Mutant, planted},
};

/// The ready tasks of all functions.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    lines: BTreeMap<Address, Line>,
    suspects: BTreeMap<Address, Line>,
    places: BTreeMap<PromiseId, Place>,
    served: u64,
}

/// The ready tasks of one function.
#[derive(Clone, Debug, Default)]
struct Line {
    priorities: BTreeMap<Reverse<i8>, Roots>,
    ages: BTreeSet<(Timestamp, PromiseId)>,
    last_served: u64,
}

/// The ready tasks of one function and priority, root by root.
#[derive(Clone, Debug, Default)]
struct Roots {
    order: BTreeMap<u64, Arc<str>>,
    tasks: BTreeMap<Arc<str>, Root>,
    next_turn: u64,
}

/// The ready tasks of one root, and when it is its turn.
#[derive(Clone, Debug)]
struct Root {
    turn: u64,
    tasks: BTreeSet<(Timestamp, PromiseId)>,
}

/// Where a task stands.
#[derive(Clone, Debug)]
struct Place {
    address: Address,
    priority: i8,
    ready_at: Timestamp,
    is_suspect: bool,
}

/// A ready task.
#[derive(Clone, Copy, Debug)]
pub struct Waits<'a> {
    /// Its function.
    pub address: &'a Address,
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

/// How many tasks of a function wait, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub tasks: usize,
    /// Since when the oldest of them is ready.
    pub since: Option<Timestamp>,
}

impl Queue {
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

    /// Puts a task in line, or in its new place.
    pub fn insert(&mut self, id: &PromiseId, waits: Waits<'_>) {
        self.remove(id);
        let Waits {
            address,
            priority,
            ready_at,
            is_suspect,
        } = waits;
        let line = self
            .lines_mut(is_suspect)
            .entry(address.clone())
            .or_default();
        line.ages.insert((ready_at, id.clone()));
        let roots = line.priorities.entry(Reverse(priority)).or_default();
        roots.insert(id.root(), (ready_at, id.clone()));
        let place = Place {
            address: address.clone(),
            priority,
            ready_at,
            is_suspect,
        };
        self.places.insert(id.clone(), place);
    }

    /// Takes a task out of the line, if it is in it.
    pub fn remove(&mut self, id: &PromiseId) {
        let Some(place) = self.places.remove(id) else {
            return;
        };
        let lines = self.lines_mut(place.is_suspect);
        let Some(line) = lines.get_mut(&place.address) else {
            return;
        };
        let entry = (place.ready_at, id.clone());
        line.ages.remove(&entry);
        let priority = Reverse(place.priority);
        if let Some(roots) = line.priorities.get_mut(&priority) {
            roots.remove(id.root(), &entry);
            if roots.order.is_empty() {
                line.priorities.remove(&priority);
            }
        }
        if line.ages.is_empty() {
            lines.remove(&place.address);
        }
    }

    /// Takes out the task that is next for somebody who has a place. Costs as much as there are functions asked for,
    /// however many tasks wait.
    pub fn next<'a>(&mut self, serves: impl IntoIterator<Item = Serves<'a>>) -> Option<PromiseId> {
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
        let served = self.served;
        let line = self.lines_mut(is_suspect).get_mut(address)?;
        line.last_served = served;
        let id = line.next()?;
        self.remove(&id);
        Some(id)
    }

    fn lines_mut(&mut self, is_suspect: bool) -> &mut BTreeMap<Address, Line> {
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
        let addresses: BTreeSet<_> = self.lines.keys().chain(self.suspects.keys()).collect();
        addresses
            .into_iter()
            .map(|address| (address, self.waiting(address)))
    }

    /// The ready tasks, by id.
    pub fn ids(&self) -> impl Iterator<Item = &PromiseId> {
        self.places.keys()
    }
}

impl Line {
    fn waiting(&self) -> Waiting {
        Waiting {
            tasks: self.ages.len(),
            since: self.ages.first().map(|(at, _)| *at),
        }
    }

    fn next(&mut self) -> Option<PromiseId> {
        self.priorities.values_mut().find_map(Roots::next)
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
    fn insert(&mut self, root: &str, entry: (Timestamp, PromiseId)) {
        if let Some(root) = self.tasks.get_mut(root) {
            root.tasks.insert(entry);
            return;
        }
        let root: Arc<str> = root.into();
        let turn = self.take_turn();
        self.order.insert(turn, Arc::clone(&root));
        self.tasks.insert(
            root,
            Root {
                turn,
                tasks: BTreeSet::from([entry]),
            },
        );
    }

    /// The first task of the root whose turn it is; that root goes to the end of the order.
    fn next(&mut self) -> Option<PromiseId> {
        let (turn, root) = self.order.pop_first()?;
        let next_turn = if planted(Mutant::RootStarves) {
            turn
        } else {
            self.take_turn()
        };
        let tasks = self.tasks.get_mut(&root).filter(|root| root.turn == turn)?;
        tasks.turn = next_turn;
        let (_, id) = tasks.tasks.first()?.clone();
        self.order.insert(next_turn, root);
        Some(id)
    }

    fn remove(&mut self, root: &str, entry: &(Timestamp, PromiseId)) {
        let Some(found) = self.tasks.get_mut(root) else {
            return;
        };
        found.tasks.remove(entry);
        if found.tasks.is_empty() {
            self.order.remove(&found.turn);
            self.tasks.remove(root);
        }
    }

    fn take_turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
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
        while let Some(id) = queue.next(serves()) {
            order.push(id.to_string());
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
        let next = |queue: &mut Queue, takes| queue.next([serves(takes)]).unwrap().to_string();
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
