//! What the order of the effects proves: nothing ran again after its result was recorded.
//!
//! A result is shown only when it is recorded, so what can follow only from a result proves that it was. A label and a
//! refund follow from the recorded charge, and the answer that the shop was told follows from everything.
//!
//! A worker that was taken for dead and wakes up is another matter: it runs on with its old version, once. The books
//! refuse it before it leaves a line; writing the same label again does no harm.

use std::collections::{BTreeMap, BTreeSet};

use super::verdict::{Effects, Finding};
use crate::effects::{Effect, What};

/// Counts the runs and finds those that came too late.
pub(super) fn check(effects: &[Effect], findings: &mut Vec<Finding>) -> Effects {
    let mut lines = Lines::default();
    for effect in effects {
        if let Some(what) = lines.add(effect) {
            let order = order(effect).to_owned();
            findings.push(Finding { order, what });
        }
    }
    lines.counts
}

/// The lines so far.
#[derive(Default)]
struct Lines<'a> {
    counts: Effects,
    runs: BTreeSet<(&'a str, u64, u32)>,
    /// By promise.
    newest: BTreeMap<&'a str, u64>,
    /// By order.
    furthest: BTreeMap<&'a str, u8>,
}

impl<'a> Lines<'a> {
    /// Adds a line and says what is wrong with it.
    fn add(&mut self, effect: &'a Effect) -> Option<String> {
        let stage = stage(effect.what);
        let furthest = self.furthest.entry(order(effect)).or_default();
        let is_recorded = stage < *furthest;
        *furthest = stage.max(*furthest);
        if effect.what == What::Answer {
            return None;
        }
        let promise = effect.run.promise.as_str();
        let version = effect.run.version;
        if !self.runs.insert((promise, version, effect.run.attempt)) {
            return Some(format!(
                "{promise} ran twice in one attempt of version {version}"
            ));
        }
        match self.newest.insert(promise, version) {
            None => self.counts.once += 1,
            Some(newest) if version < newest => {
                self.newest.insert(promise, newest);
                self.counts.late += 1;
                let is_fenced = effect.what != What::Label;
                return is_fenced.then(|| {
                    format!("{promise} ran with version {version} after {newest}: no fence")
                });
            }
            Some(_) => self.counts.again += 1,
        }
        is_recorded.then(|| format!("{promise} ran again after its result was recorded"))
    }
}

/// What is later follows from the recorded results of what is earlier.
const fn stage(what: What) -> u8 {
    match what {
        What::Charge => 1,
        What::Refund | What::Label => 2,
        What::Answer => 3,
    }
}

fn order(effect: &Effect) -> &str {
    let promise = effect.run.promise.as_str();
    promise.split_once('.').map_or(promise, |(order, _)| order)
}
