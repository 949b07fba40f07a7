//! What people look for: rows in the order of their creation, filtered. One walk for every store.

use super::record::{Filling, Found, Limit, Place};

/// Which way to walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As people read lists.
    #[default]
    NewestFirst,
    /// As retention goes through them.
    OldestFirst,
}

/// A search. What is `None`, empty or false does not filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Which way to walk.
    pub order: Order,
    /// Where the page before ended: its [`Hits::next`].
    pub after: Option<Place>,
    /// Only roots that begin with this.
    pub root_prefix: String,
    /// Only rows with child number 0.
    pub roots_only: bool,
    /// Only rows with this state.
    pub state: Option<u8>,
    /// Only rows with this function.
    pub function: Option<String>,
    /// Only rows with this target.
    pub target: Option<String>,
    /// How many rows to look at before the page ends, however few have been found: so that a search for what is rare
    /// ends in time. At least one is looked at.
    pub examine: usize,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            order: Order::default(),
            after: None,
            root_prefix: String::new(),
            roots_only: false,
            state: None,
            function: None,
            target: None,
            examine: Self::EXAMINE,
        }
    }
}

impl Search {
    /// Rows looked at for one page unless the search says otherwise: some tens of milliseconds.
    pub const EXAMINE: usize = 10_000;

    fn wants(&self, found: &Found) -> bool {
        let row = &found.row;
        found.root.starts_with(&self.root_prefix)
            && (!self.roots_only || row.child_no == 0)
            && self.state.is_none_or(|state| row.state == state)
            && (self.function.is_none() || row.function == self.function)
            && (self.target.is_none() || row.target == self.target)
    }
}

/// A page of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hits {
    /// What was found, in the order of the search.
    pub rows: Vec<Found>,
    /// Where to go on, if not everything has been looked at; even a page without rows may have one.
    pub next: Option<Place>,
}

/// A search under way: the store offers rows in order until the walk has enough.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    search: &'a Search,
    found: Filling<Found>,
    examined: usize,
    last: Option<Place>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(search: &'a Search, limit: Limit) -> Self {
        Self {
            search,
            found: Filling::new(limit),
            examined: 0,
            last: search.after,
        }
    }

    pub(super) fn has_enough(&self) -> bool {
        self.found.is_full() || self.examined >= self.search.examine.max(1)
    }

    pub(super) fn offer(&mut self, found: Found) {
        self.examined += 1;
        self.last = Some(found.created_place());
        if self.search.wants(&found) {
            let bytes = found.row.doc.len();
            self.found.push(found, bytes);
        }
    }

    /// `more`: whether the store has rows that it did not offer.
    pub(super) fn end(self, more: bool) -> Hits {
        Hits {
            rows: self.found.into_rows(),
            next: self.last.filter(|_| more),
        }
    }
}
