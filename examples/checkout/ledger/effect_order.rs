//! What the order of the effects proves: nothing ran again after its result was recorded.
//!
//! A result is shown only when it is recorded, so what can follow only from a result proves that it was. A label follows
//! from the recorded charge, and the answer that the shop was told follows from everything.

use std::collections::{BTreeMap, BTreeSet};

use super::verdict::{Effects, Finding};
use crate::effects::{Effect, What};

/// Counts the runs and finds those that came too late.
pub(super) fn check(effects: &[Effect], findings: &mut Vec<Finding>) -> Effects {
    let mut ran: BTreeMap<(&str, What), u32> = BTreeMap::new();
    let mut runs: BTreeSet<(&str, u64, u32)> = BTreeSet::new();
    let mut over: BTreeMap<&str, What> = BTreeMap::new();
    for effect in effects {
        let promise = effect.run.promise.as_str();
        let order = promise.split('.').next().unwrap_or(promise);
        let mut find = |what: String| {
            findings.push(Finding {
                order: order.to_owned(),
                what,
            })
        };
        match over.get(order) {
            Some(What::Answer) if effect.what != What::Answer => {
                find(format!("was answered, and then {promise} ran again"));
            }
            Some(What::Label | What::Refund) if effect.what == What::Charge => {
                find(format!("{promise} ran again after its result was used"));
            }
            _ => {}
        }
        if effect.what == What::Charge {
            over.entry(order).or_insert(What::Charge);
        } else if over.get(order) != Some(&What::Answer) {
            over.insert(order, effect.what);
        }
        if effect.what == What::Answer {
            continue;
        }
        if !runs.insert((promise, effect.run.version, effect.run.attempt)) {
            let version = effect.run.version;
            find(format!(
                "{promise} ran twice in one attempt of version {version}"
            ));
        }
        *ran.entry((promise, effect.what)).or_default() += 1;
    }
    let again = ran.values().map(|times| u64::from(times - 1)).sum();
    Effects {
        once: ran.len(),
        again,
    }
}
