//! What a memory store keeps: ordered maps, one per table and index.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound::Included,
};

use resonate_core::{
    Part,
    capability::KEY_BYTES,
    mutants::{Mutant, planted},
};

use super::super::{
    batch::{self, Batch, OutboxRow},
    error::Malformed,
    record::{Found, Head, Key, Limit, Mark, Place, Row},
    search::{Hits, Search, Walk},
};

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) timeline: u64,
    pub(super) capability_key: [u8; KEY_BYTES],
    pub(super) heads: Vec<Head>,
    pub(super) roots: BTreeMap<(Part, String), u64>,
    pub(super) names: BTreeMap<(u64, Part), String>,
    pub(super) rows: BTreeMap<Key, Row>,
    pub(super) due: BTreeSet<Place>,
    pub(super) created: BTreeSet<Place>,
    pub(super) outbox: BTreeMap<(Part, Mark), OutboxRow>,
    pub(super) inbox: BTreeMap<(Part, Part), Mark>,
}

impl State {
    pub(super) fn parts(&self) -> u16 {
        u16::try_from(self.heads.len()).expect("made from a u16")
    }

    pub(super) fn head(&mut self, part: Part) -> &mut Head {
        self.heads
            .get_mut(usize::from(part.0))
            .expect("the partition was checked before")
    }

    pub(super) fn fences(&mut self, batch: &Batch) -> bool {
        let head = self.head(batch.part);
        let is_replaced = head.epoch != batch.epoch || head.seq + 1 != batch.seq;
        is_replaced && !planted(Mutant::EpochNotChecked)
    }

    /// What can be said about a batch only by looking at what is kept.
    pub(super) fn check(&self, batch: &Batch) -> Result<(), Malformed> {
        let part = batch.part;
        let new: BTreeSet<u64> = batch.roots.iter().map(|(_, root_no)| *root_no).collect();
        for (root, root_no) in &batch.roots {
            if self.roots.contains_key(&(part, root.clone()))
                || self.names.contains_key(&(*root_no, part))
            {
                return Err(batch::root_exists(part, root, *root_no));
            }
        }
        for row in &batch.rows {
            match self.rows.get(&row.key(part)) {
                Some(old) if old.id != row.id || old.created_at != row.created_at => {
                    return Err(batch::identity_changed(part, row));
                }
                None if !new.contains(&row.root_no)
                    && !self.names.contains_key(&(row.root_no, part)) =>
                {
                    return Err(batch::root_unknown(part, row));
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    pub(super) fn write(&mut self, batch: &Batch) {
        let part = batch.part;
        for (root, root_no) in &batch.roots {
            self.roots.insert((part, root.clone()), *root_no);
            self.names.insert((*root_no, part), root.clone());
        }
        for row in &batch.rows {
            self.remove(row.key(part));
            self.insert(row.key(part), row);
        }
        for message in &batch.outbox {
            self.outbox
                .insert((part, batch.mark(message)), message.clone());
        }
        self.inbox.extend(
            batch
                .inbox
                .iter()
                .map(|(source, mark)| ((part, *source), *mark)),
        );
        let head = self.head(part);
        head.seq = batch.seq;
        head.next_root_no = head.next_root_no.max(batch.next_root_no());
        head.newest = head.newest.max(batch.newest());
    }

    fn insert(&mut self, key: Key, row: &Row) {
        self.created.insert(Place {
            at: row.created_at,
            key,
        });
        self.due.extend(row.due_at.map(|at| Place { at, key }));
        self.rows.insert(key, row.clone());
    }

    fn remove(&mut self, key: Key) {
        if let Some(old) = self.rows.remove(&key) {
            self.created.remove(&Place {
                at: old.created_at,
                key,
            });
            if let Some(at) = old.due_at {
                self.due.remove(&Place { at, key });
            }
        }
    }

    pub(super) fn found(&self, key: Key) -> Found {
        let row = self
            .rows
            .get(&key)
            .cloned()
            .expect("every index entry has its row");
        let root = self.names.get(&(key.root_no, key.part)).cloned();
        let root = root.expect("no row is written without its root, and the root goes last");
        Found {
            part: key.part,
            root,
            row,
        }
    }

    pub(super) fn tree(&self, part: Part, root_no: u64) -> impl DoubleEndedIterator<Item = &Row> {
        let at = |child_no| {
            Included(Key {
                root_no,
                part,
                child_no,
            })
        };
        self.rows.range((at(0), at(u64::MAX))).map(|(_, row)| row)
    }

    pub(super) fn messages(&self, part: Part) -> impl Iterator<Item = (Mark, &OutboxRow)> {
        let all = self.outbox.range((part, Mark::FIRST)..=(part, Mark::LAST));
        all.map(|((_, mark), message)| (*mark, message))
    }

    pub(super) fn walk<'a>(
        &self,
        search: &Search,
        limit: Limit,
        mut places: impl Iterator<Item = &'a Place>,
    ) -> Hits {
        let mut walk = Walk::new(search, limit);
        loop {
            match places.next() {
                None => return walk.end(false),
                Some(_) if walk.has_enough() => return walk.end(true),
                Some(place) => walk.offer(self.found(place.key)),
            }
        }
    }

    pub(super) fn trim_outbox(&mut self, part: Part, up_to: Mark, limit: usize) -> usize {
        let old: Vec<Mark> = self
            .messages(part)
            .map(|(mark, _)| mark)
            .take_while(|mark| *mark <= up_to)
            .take(limit)
            .collect();
        for mark in &old {
            self.outbox.remove(&(part, *mark));
        }
        old.len()
    }

    pub(super) fn trim_row(&mut self, key: Key, settled_at: i64, limit: usize) -> usize {
        let has_ended = self
            .rows
            .get(&key)
            .is_some_and(|row| row.settled_at == Some(settled_at));
        if !has_ended || key.child_no == 0 || limit == 0 {
            return 0;
        }
        self.remove(key);
        1
    }

    pub(super) fn trim_tree(
        &mut self,
        part: Part,
        root_no: u64,
        before: i64,
        limit: usize,
    ) -> usize {
        let ended = |row: &&Row| row.settled_at.is_some_and(|at| at < before);
        let old: Vec<Key> = self
            .tree(part, root_no)
            .rev()
            .filter(ended)
            .take(limit)
            .map(|row| row.key(part))
            .collect();
        for key in &old {
            self.remove(*key);
        }
        if self.tree(part, root_no).next().is_none()
            && let Some(name) = self.names.remove(&(root_no, part))
        {
            self.roots.remove(&(part, name));
        }
        old.len()
    }
}
