//! A line of progress: one that changes on a terminal, one each second elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{answers::Outcome, orders::grouped, say::say};

/// What is counted, and when it was last said.
#[derive(Debug)]
pub(crate) struct Progress {
    state: Mutex<State>,
    is_live: bool,
}

#[derive(Debug)]
struct State {
    orders: usize,
    counts: Counts,
    /// What was last said, to say nothing twice.
    said: Option<(Counts, Instant)>,
    began: Instant,
    answered_before: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    shipped: usize,
    labels: usize,
    declined: usize,
    failed: usize,
}

impl Progress {
    /// Of so many orders in all.
    pub(crate) fn new(orders: usize) -> Self {
        let state = State {
            orders,
            counts: Counts::default(),
            said: None,
            began: Instant::now(),
            answered_before: 0,
        };
        Self {
            state: Mutex::new(state),
            is_live: io::stdout().is_terminal(),
        }
    }

    /// One more order is through.
    pub(crate) fn count(&self, outcome: &Outcome) {
        self.state().counts.add(outcome);
    }

    /// An earlier start of this program was told this.
    pub(crate) fn count_earlier(&self, outcome: &Outcome) {
        let mut state = self.state();
        state.counts.add(outcome);
        state.answered_before += 1;
    }

    /// How many orders are through.
    pub(crate) fn answered(&self) -> usize {
        self.state().counts.answered()
    }

    /// Says how far it is, if that is news.
    pub(crate) fn show(&self) {
        let pause = Duration::from_millis(if self.is_live { 100 } else { 1_000 });
        let mut state = self.state();
        let is_news = state
            .said
            .is_none_or(|(counts, at)| counts != state.counts && at.elapsed() >= pause);
        if is_news {
            state.say(self.is_live);
        }
    }

    /// Says how far it is, whatever was said before, and ends the line.
    pub(crate) fn finish(&self) {
        let mut state = self.state();
        if state.said.is_none_or(|(counts, _)| counts != state.counts) || self.is_live {
            state.say(self.is_live);
        }
        if self.is_live {
            say!();
        }
    }

    /// Says something else in between.
    pub(crate) fn note(&self, text: &str) {
        let mut state = self.state();
        if self.is_live && state.said.is_some() {
            print!("\r\x1b[K");
        }
        say!("{text}");
        if self.is_live {
            state.say(true);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn say(&mut self, is_live: bool) {
        let line = self.line();
        if is_live {
            print!("\r{line}\x1b[K");
            // A terminal that is gone is no reason to stop.
            let _ = io::stdout().flush();
        } else {
            say!("{line}");
        }
        self.said = Some((self.counts, Instant::now()));
    }

    fn line(&self) -> String {
        let Counts {
            shipped,
            labels,
            declined,
            failed,
        } = self.counts;
        let answered = self.counts.answered();
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = (answered - self.answered_before) as f64 / seconds;
        let failed = if failed == 0 {
            String::new()
        } else {
            format!(", {failed} FAILED")
        };
        format!(
            "{:>5} of {} orders: {} shipped with {} labels, {declined} declined{failed}  {rate:.0} a second",
            grouped(answered),
            grouped(self.orders),
            grouped(shipped),
            grouped(labels),
        )
    }
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Shipped(shipped) => {
                self.shipped += 1;
                self.labels += shipped.labels.len();
            }
            Outcome::Declined(_) => self.declined += 1,
            Outcome::Failed(_) => self.failed += 1,
        }
    }

    const fn answered(self) -> usize {
        self.shipped + self.declined + self.failed
    }
}
