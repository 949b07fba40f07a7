//! The tasks that are ready: per function, by priority, then fairly between roots, then oldest first.
//!
//! So a fan-out of 100,000 does not starve the next caller. Derived from the records; a load builds it again.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Address, PromiseId, Timestamp};

/// The ready tasks of all functions.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    lines: BTreeMap<Address, Line>,
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
    pub fn insert(&mut self, id: &PromiseId, address: &Address, priority: i8, ready_at: Timestamp) {
        self.remove(id);
        let line = self.lines.entry(address.clone()).or_default();
        line.ages.insert((ready_at, id.clone()));
        let roots = line.priorities.entry(Reverse(priority)).or_default();
        roots.insert(id.root(), (ready_at, id.clone()));
        self.places.insert(
            id.clone(),
            Place {
                address: address.clone(),
                priority,
                ready_at,
            },
        );
    }

    /// Takes a task out of the line, if it is in it.
    pub fn remove(&mut self, id: &PromiseId) {
        let Some(place) = self.places.remove(id) else {
            return;
        };
        let Some(line) = self.lines.get_mut(&place.address) else {
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
            self.lines.remove(&place.address);
        }
    }

    /// Takes out the task that is next for somebody who serves these functions and accepts it.
    pub fn next<'a>(
        &mut self,
        serves: impl IntoIterator<Item = &'a Address>,
        accepts: impl Fn(&PromiseId) -> bool,
    ) -> Option<PromiseId> {
        let mut candidates: Vec<_> = serves
            .into_iter()
            .filter_map(|address| {
                let line = self.lines.get(address)?;
                let (priority, _) = line.priorities.first_key_value()?;
                Some((*priority, line.last_served, address))
            })
            .collect();
        candidates.sort();
        let (address, id) = candidates.into_iter().find_map(|(_, _, address)| {
            let id = self.lines.get_mut(address)?.next(&accepts)?;
            Some((address, id))
        })?;
        self.served += 1;
        if let Some(line) = self.lines.get_mut(address) {
            line.last_served = self.served;
        }
        self.remove(&id);
        Some(id)
    }

    /// How many tasks of this function wait, and since when.
    #[must_use]
    pub fn waiting(&self, address: &Address) -> Waiting {
        self.lines
            .get(address)
            .map_or(Waiting::default(), Line::waiting)
    }

    /// Every function that somebody waits for.
    pub fn all_waiting(&self) -> impl Iterator<Item = (&Address, Waiting)> {
        self.lines
            .iter()
            .map(|(address, line)| (address, line.waiting()))
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

    fn next(&mut self, accepts: impl Fn(&PromiseId) -> bool) -> Option<PromiseId> {
        self.priorities
            .values_mut()
            .find_map(|roots| roots.next(&accepts))
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

    /// The first acceptable task, root by root; its root goes to the end of the order.
    fn next(&mut self, accepts: impl Fn(&PromiseId) -> bool) -> Option<PromiseId> {
        let (turn, id) = self.order.iter().find_map(|(turn, root)| {
            let (_, id) = self
                .tasks
                .get(root)?
                .tasks
                .iter()
                .find(|(_, id)| accepts(id))?;
            Some((*turn, id.clone()))
        })?;
        let root = self.order.remove(&turn)?;
        let turn = self.take_turn();
        if let Some(served) = self.tasks.get_mut(&root) {
            served.turn = turn;
        }
        self.order.insert(turn, root);
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

    fn queue(tasks: &[(&str, &str, i8, i64)]) -> Queue {
        let mut queue = Queue::default();
        for (task, function, priority, at) in tasks {
            queue.insert(
                &id(task),
                &Address::new("s", *function, 1),
                *priority,
                Timestamp::from_millis(*at),
            );
        }
        queue
    }

    fn drain(
        queue: &mut Queue,
        functions: &[&str],
        accepts: impl Fn(&PromiseId) -> bool,
    ) -> String {
        let serves: Vec<_> = functions
            .iter()
            .map(|function| Address::new("s", *function, 1))
            .collect();
        let mut order = Vec::new();
        while let Some(id) = queue.next(&serves, &accepts) {
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
        assert_eq!(drain(&mut queue, &["f"], |_| true), "a.x b a.x-1 a.x-2");
    }

    #[test]
    fn a_higher_priority_goes_first() {
        let mut queue = queue(&[("a", "f", 0, 1), ("b", "f", 5, 2), ("c", "g", 9, 3)]);
        assert_eq!(drain(&mut queue, &["f", "g"], |_| true), "c b a");
    }

    #[test]
    fn functions_of_one_worker_take_turns() {
        let mut queue = queue(&[
            ("a", "f", 0, 1),
            ("b", "f", 0, 2),
            ("c", "g", 0, 3),
            ("d", "g", 0, 4),
        ]);
        assert_eq!(drain(&mut queue, &["f", "g"], |_| true), "a c b d");
    }

    #[test]
    fn what_is_not_accepted_stays_and_blocks_nobody() {
        let mut queue = queue(&[("a", "f", 0, 1), ("b", "f", 0, 2)]);
        assert_eq!(drain(&mut queue, &["f"], |task| task != &id("a")), "b");
        assert_eq!(
            queue.waiting(&Address::new("s", "f", 1)),
            Waiting {
                tasks: 1,
                since: Some(Timestamp::from_millis(1))
            }
        );
        assert_eq!(drain(&mut queue, &["g"], |_| true), "");
        queue.remove(&id("a"));
        assert!(queue.is_empty() && queue.lines.is_empty());
    }
}
