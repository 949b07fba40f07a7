//! When the due index is asked: trees that have something due soon are loaded ahead of time, in bounded pages.
//!
//! Rows are found by their earliest due time, of all partitions in one order. What is due after [`Window::passed`] may
//! be evicted, since the window will come to it.

use std::time::Duration;

use resonate_core::{Timestamp, limits};

use crate::{
    limits::{LONGEST_WAIT, ROUND_DUE, TIMERS},
    store::{Due, Found, Limit, Place},
};

/// How far the due index has been loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// So much is loaded ahead of the time.
    ahead: Duration,
    /// All rows due before this have been loaded.
    from: i64,
    /// The page under way ends here.
    to: i64,
    /// The last row of the page before.
    after: Option<Place>,
}

impl Window {
    /// Nothing is loaded yet, for an engine that looks at least so often.
    pub(crate) fn new(longest_wait: Duration) -> Self {
        Self {
            ahead: limits::DUE_WINDOW.max(4 * longest_wait),
            from: 0,
            to: 0,
            after: None,
        }
    }

    /// Rows due up to and with this may have been passed: their trees must stay in memory.
    pub(crate) fn passed(&self) -> Timestamp {
        let passed = self.after.map_or(self.from - 1, |place| place.at);
        Timestamp::from_millis(passed)
    }

    /// Everything due before this has been loaded.
    fn loaded_before(&self) -> Timestamp {
        Timestamp::from_millis(self.after.map_or(self.from, |place| place.at))
    }

    /// The next page to load, if there is one to load now.
    pub(crate) fn next_page(&mut self, now: Timestamp, timers: usize) -> Option<(Due, Limit)> {
        if self.after.is_none() {
            let refill = now.after(self.ahead / 2).as_millis();
            if self.from > refill {
                return None;
            }
            self.to = now.after(self.ahead).as_millis();
        }
        // With very many timers at once only what is due next is held.
        let is_urgent = self.loaded_before() <= now.after(2 * LONGEST_WAIT);
        if timers > TIMERS && !is_urgent {
            return None;
        }
        let due = Due {
            part: None,
            from: self.from,
            to: self.to,
            after: self.after,
        };
        Some((
            due,
            Limit {
                rows: ROUND_DUE,
                ..Limit::default()
            },
        ))
    }

    /// A page was loaded.
    pub(crate) fn loaded(&mut self, last: Option<&Found>, more: bool) {
        match last.and_then(Found::due_place).filter(|_| more) {
            Some(place) => self.after = Some(place),
            None => {
                self.from = self.to;
                self.after = None;
            }
        }
    }

    /// True if everything that is due by now has been loaded.
    pub(crate) fn has_reached(&self, now: Timestamp) -> bool {
        now < self.loaded_before()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_moves_on_before_its_end_is_reached() {
        let mut window = Window::new(LONGEST_WAIT);
        let start = Timestamp::from_millis(1_000_000);
        let (due, _) = window.next_page(start, 0).expect("nothing is loaded yet");
        assert_eq!((due.from, due.to), (0, 1_600_000));
        window.loaded(None, false);
        assert!(window.has_reached(start));
        assert!(window.next_page(start, 0).is_none());
        let later = start.after(limits::DUE_WINDOW / 2);
        assert_eq!(
            window
                .next_page(later, 0)
                .map(|(due, _)| (due.from, due.to)),
            Some((1_600_000, 1_900_000))
        );
    }

    #[test]
    fn with_too_many_timers_only_what_is_due_next_is_loaded() {
        let mut window = Window {
            ahead: limits::DUE_WINDOW,
            from: 5_000,
            to: 9_000,
            after: None,
        };
        let start = Timestamp::from_millis(1_000);
        assert!(window.next_page(start, TIMERS + 1).is_none());
        assert!(
            window
                .next_page(start.after(LONGEST_WAIT * 3), TIMERS + 1)
                .is_some()
        );
    }
}
