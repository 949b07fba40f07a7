//! Whose a call is: the label `tenant`, which calls inherit from their callers. Tenants share what waits fairly, by weight.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Promise, limits};

/// The label that says whose a call is.
pub const LABEL: &str = "tenant";

/// How much more than others a tenant gets of what many wait for: 1 unless it is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights(BTreeMap<Arc<str>, u32>);

/// Whose turn it is: each tenant moves on by a step that is the shorter the more it weighs, and who is furthest behind is
/// next. Who has left is remembered until all others have come as far, so that leaving gains nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    order: BTreeSet<(u64, Arc<str>)>,
    at: BTreeMap<Arc<str>, u64>,
    left: BTreeSet<(u64, Arc<str>)>,
    reached: u64,
}

/// The step of a tenant that weighs 1. Every weight up to [`limits::TENANT_WEIGHT`] divides it well enough.
const STEP: u64 = 1 << 32;

impl Promise {
    /// Whose it is; empty if it does not say.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.labels.get(LABEL).map_or("", |tenant| tenant)
    }
}

/// A call that does not say whose it is belongs to its caller's tenant. One that would have too many labels by that does
/// not.
pub(crate) fn inherit(caller: &Promise, labels: &mut BTreeMap<String, String>) {
    if let Some(tenant) = caller.labels.get(LABEL)
        && !labels.contains_key(LABEL)
        && bytes(labels) + LABEL.len() + tenant.len() <= limits::TAG_BYTES
    {
        labels.insert(LABEL.to_owned(), tenant.clone());
    }
}

fn bytes(labels: &BTreeMap<String, String>) -> usize {
    labels
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}

impl Weights {
    /// Of each tenant that is named; a weight is between 1 and [`limits::TENANT_WEIGHT`].
    pub fn new(weights: impl IntoIterator<Item = (impl Into<Arc<str>>, u32)>) -> Self {
        let weights = weights.into_iter();
        Self(
            weights
                .map(|(tenant, weight)| (tenant.into(), weight.clamp(1, limits::TENANT_WEIGHT)))
                .collect(),
        )
    }

    /// Of this tenant.
    #[must_use]
    pub fn of(&self, tenant: &str) -> u32 {
        self.0.get(tenant).copied().unwrap_or(1)
    }
}

impl Turns {
    /// This tenant waits.
    pub(crate) fn join(&mut self, tenant: &Arc<str>) {
        let at = self.at.get(tenant).copied().unwrap_or(0).max(self.reached);
        if let Some(before) = self.at.insert(Arc::clone(tenant), at) {
            self.left.remove(&(before, Arc::clone(tenant)));
            self.order.remove(&(before, Arc::clone(tenant)));
        }
        self.order.insert((at, Arc::clone(tenant)));
    }

    /// It waits no more.
    pub(crate) fn leave(&mut self, tenant: &Arc<str>) {
        let Some(at) = self.at.get(tenant).copied() else {
            return;
        };
        self.order.remove(&(at, Arc::clone(tenant)));
        self.left.insert((at, Arc::clone(tenant)));
        self.forget();
    }

    /// Whose turn it is; it moves on.
    pub(crate) fn next(&mut self, weights: &Weights) -> Option<Arc<str>> {
        let (at, tenant) = self.order.pop_first()?;
        self.reached = self.reached.max(at);
        let next = at.saturating_add(STEP / u64::from(weights.of(&tenant)));
        self.at.insert(Arc::clone(&tenant), next);
        self.order.insert((next, Arc::clone(&tenant)));
        self.forget();
        Some(tenant)
    }

    /// True if nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn forget(&mut self) {
        while let Some((at, tenant)) = self.left.pop_first() {
            if at > self.reached {
                self.left.insert((at, tenant));
                return;
            }
            self.at.remove(&tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(tenant: &str) -> Arc<str> {
        tenant.into()
    }

    fn drawn(turns: &mut Turns, weights: &Weights, count: usize) -> String {
        let next = || turns.next(weights).unwrap().to_string();
        std::iter::repeat_with(next).take(count).collect()
    }

    #[test]
    fn tenants_take_turns_and_a_weight_is_a_share() {
        let mut turns = Turns::default();
        for tenant in ["a", "b"] {
            turns.join(&name(tenant));
        }
        assert_eq!(drawn(&mut turns, &Weights::default(), 6), "ababab");
        let weights = Weights::new([("a", 3)]);
        assert_eq!(drawn(&mut turns, &weights, 400).matches('b').count(), 100);
    }

    #[test]
    fn who_leaves_and_comes_back_gains_nothing() {
        let (mut turns, weights) = (Turns::default(), Weights::new([("a", 4)]));
        for tenant in ["a", "b"] {
            turns.join(&name(tenant));
        }
        let mut served = String::new();
        for _ in 0..100 {
            let tenant = turns.next(&weights).unwrap();
            served.push_str(&tenant);
            if &*tenant == "b" {
                turns.leave(&tenant);
                turns.join(&tenant);
            }
        }
        assert_eq!(served.matches('b').count(), 20, "{served}");
    }

    #[test]
    fn who_comes_later_saved_nothing() {
        let (mut turns, weights) = (Turns::default(), Weights::default());
        turns.join(&name("a"));
        drawn(&mut turns, &weights, 50);
        turns.join(&name("b"));
        let served = drawn(&mut turns, &weights, 20);
        assert_eq!(served.matches('a').count(), 10, "{served}");
        turns.leave(&name("a"));
        drawn(&mut turns, &weights, 3);
        assert_eq!(turns.at.len(), 1);
    }
}
