//! What user code did, written down outside of everything that can crash.
//!
//! It knows what was tried how often, so that a program can fail a planned number of times; in which order an execution
//! was shown results, which must be the same in every attempt; and it refuses what runs again after its outcome was
//! durable, and what is shown before.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use resonate_core::{PromiseId, limits};

use crate::{program::Answer, sim::Sim};

/// Shared by all functions of a run.
pub(crate) struct Ledger {
    sim: Sim,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tries: BTreeMap<String, u32>,
    /// By execution and generation, in the order in which it was shown them.
    shown: BTreeMap<(String, u32), Vec<String>>,
    /// Steps that run at most once, by id: the token they ran under.
    once: BTreeMap<String, u64>,
    /// Workers that each deadly function took down since somebody last let it go on.
    killed: BTreeMap<PromiseId, u32>,
    mended: BTreeSet<PromiseId>,
}

/// A result that an execution is shown.
pub(crate) struct Shown<'a> {
    pub(crate) id: &'a str,
    pub(crate) generation: u32,
    /// It is its `at`-th.
    pub(crate) at: usize,
    /// Of what, and which number that has in the program.
    pub(crate) what: &'static str,
    pub(crate) no: u32,
    pub(crate) answer: &'a Answer,
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
    pub(crate) fn begins(&self, id: &str, version: u64, generation: u32) {
        self.sim.count("bodies");
        if generation > 1 {
            self.sim.count("bodies of a later generation");
        }
        self.sim.trace(format_args!("{id} v{version} begins"));
    }

    /// A leaf runs.
    pub(crate) fn runs(&self, id: &str, version: u64) {
        self.sim.count("leaves");
        self.sim.trace(format_args!("{id} v{version} runs"));
        let id = PromiseId::new(id).unwrap();
        self.not_again(&id, version);
    }

    /// The body of a call with a key runs: whoever has its token knows that it has the key.
    pub(crate) fn runs_with_its_key(&self, id: &str, version: u64) {
        self.sim.count("bodies with a key");
        self.runs(id, version);
        let id = PromiseId::new(id).unwrap();
        let right = self.sim.model().keys.may_run(&id, version);
        self.sim.check(right);
    }

    /// A step runs: of this execution, in this generation, with this name.
    pub(crate) fn steps(
        &self,
        (caller, generation, name): (&str, u32, &str),
        version: u64,
        at_most_once: bool,
    ) {
        self.sim.count("steps");
        self.sim
            .trace(format_args!("{caller} v{version} runs {name}"));
        let id = PromiseId::new(caller).unwrap().child(generation, name, 0);
        self.not_again(&id, version);
        if !at_most_once {
            return;
        }
        if !self.sim.model().is_known(&id) {
            let wrong = format!("{id} runs at most once, and runs before it is durable");
            self.sim.violation(wrong);
        }
        let earlier = self.state().once.insert(id.to_string(), version);
        if let Some(earlier) = earlier {
            let wrong = format!("{id} runs at most once; it ran under {earlier} and now {version}");
            self.sim.violation(wrong);
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

    /// Something is undone: its caller has ended badly, or has dropped the call, whose value this is.
    pub(crate) fn undoes(&self, id: &str, value: u64) {
        let id = PromiseId::new(id).unwrap();
        let right = self.sim.model().may_undo(&id, value);
        self.sim.check(right);
        self.sim.count("calls undone");
    }

    /// A function runs that takes its worker down, unless somebody has mended it.
    pub(crate) fn kills(&self, id: &str, version: u64) -> bool {
        self.runs(id, version);
        let id = PromiseId::new(id).unwrap();
        let mut state = self.state();
        if state.mended.contains(&id) {
            return false;
        }
        let killed = state.killed.entry(id.clone()).or_default();
        *killed += 1;
        let killed = *killed;
        drop(state);
        if killed > limits::LOSSES {
            let wrong = format!("{id} took {killed} workers down, and is not halted");
            self.sim.violation(wrong);
        }
        true
    }

    /// An operator lets a deadly function go on, as it is or mended.
    pub(crate) fn goes_on(&self, id: &PromiseId, mended: bool) {
        let mut state = self.state();
        let killed = state.killed.remove(id).unwrap_or_default();
        if mended {
            state.mended.insert(id.clone());
        }
        drop(state);
        self.sim.trace(format_args!(
            "{id} goes on after {killed} workers, mended: {mended}"
        ));
    }

    /// An execution is shown a result.
    pub(crate) fn shows(&self, result: &Shown<'_>) {
        let Shown { id, at, .. } = *result;
        let what = format!("{}{} {:?}", result.what, result.no, result.answer);
        self.sim.trace(format_args!("{id} is shown {at}: {what}"));
        if result.what == "large" {
            self.sim.count("large payloads");
        }
        let right = self.sim.model().may_see(result);
        self.sim.check(right);
        let mut state = self.state();
        let key = (id.to_owned(), result.generation);
        let shown = state.shown.entry(key).or_default();
        match shown.get(at) {
            None if at == shown.len() => shown.push(what),
            Some(before) if *before == what => {
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
