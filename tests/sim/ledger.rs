//! What user code did, written down outside of everything that can crash.
//!
//! It knows what was tried how often, so that a program can fail a planned number of times; in which order an execution
//! was shown results, which must be the same in every attempt; and it refuses what runs again after its outcome was
//! durable.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use resonate_core::PromiseId;

use crate::sim::Sim;

/// Shared by all functions of a run.
pub(crate) struct Ledger {
    sim: Sim,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tries: BTreeMap<String, u32>,
    /// By execution, in the order in which it was shown them.
    shown: BTreeMap<String, Vec<String>>,
    /// Steps that run at most once, by id: the token they ran under.
    once: BTreeMap<String, u64>,
}

impl Ledger {
    pub(crate) fn new(sim: Sim) -> Self {
        let state = Mutex::default();
        Self { sim, state }
    }

    /// Counts a try; says which one it is.
    pub(crate) fn tries(&self, what: &str) -> u32 {
        let mut state = self.state();
        let tries = state.tries.entry(what.to_owned()).or_default();
        *tries += 1;
        *tries
    }

    /// A body begins.
    pub(crate) fn begins(&self, id: &str, version: u64) {
        self.sim.count("bodies");
        self.sim.trace(format_args!("{id} v{version} begins"));
    }

    /// A leaf runs.
    pub(crate) fn runs(&self, id: &str, version: u64) {
        self.sim.count("leaves");
        self.sim.trace(format_args!("{id} v{version} runs"));
        let id = PromiseId::new(id).unwrap();
        self.not_again(&id, version);
    }

    /// A step runs.
    pub(crate) fn steps(&self, caller: &str, name: &str, version: u64, at_most_once: bool) {
        self.sim.count("steps");
        self.sim
            .trace(format_args!("{caller} v{version} runs {name}"));
        let id = PromiseId::new(caller).unwrap().child(1, name, 0);
        self.not_again(&id, version);
        if at_most_once {
            let earlier = self.state().once.insert(id.to_string(), version);
            if let Some(earlier) = earlier {
                let wrong =
                    format!("{id} runs at most once; it ran under {earlier} and now {version}");
                self.sim.violation(wrong);
            }
        }
    }

    /// Whoever has the token of the claim that recorded an outcome, or a newer one, knows that outcome.
    fn not_again(&self, id: &PromiseId, version: u64) {
        let Some(under) = self.sim.model().recorded_under(id) else {
            return;
        };
        if version < under {
            return self.sim.count("a zombie ran what was recorded elsewhere");
        }
        let wrong =
            format!("{id} runs again under {version}, and its outcome was recorded under {under}");
        self.sim.violation(wrong);
    }

    /// An execution was shown this as its `at`-th result.
    pub(crate) fn shows(&self, id: &str, at: usize, what: &str) {
        self.sim.trace(format_args!("{id} is shown {at}: {what}"));
        let mut state = self.state();
        let shown = state.shown.entry(id.to_owned()).or_default();
        match shown.get(at) {
            None if at == shown.len() => shown.push(what.to_owned()),
            Some(before) if before == what => {
                drop(state);
                self.sim
                    .count("a replay was shown what it was shown before");
            }
            before => {
                let wrong = format!(
                    "{id} was shown {before:?} at place {at} before, and is shown {what} now"
                );
                drop(state);
                self.sim.violation(wrong);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
