//! The checker that believes no position: an exhaustive search for an order, after Wing and Gong. For small histories of
//! one promise, as a check of the other checker.

use std::collections::HashSet;

use crate::{history::Operation, model::Model};

/// Operations that a search takes at most.
pub(crate) const MOST: usize = 12;

/// True if there is an order in which a correct server could have answered so.
pub(crate) fn is_linearizable(history: &[Operation]) -> bool {
    assert!(
        history.len() <= MOST,
        "{} operations are too many",
        history.len()
    );
    let mut seen = HashSet::new();
    search(history, 0, Model::default(), &mut seen)
}

fn search(
    history: &[Operation],
    done: u32,
    model: Model,
    seen: &mut HashSet<(u32, Model)>,
) -> bool {
    let is_left = |at: usize| done & (1 << at) == 0;
    let left = || (0..history.len()).filter(|at| is_left(*at));
    // Who was answered before another was sent comes first.
    let first_end = left()
        .filter_map(|at| history[at].answered.as_ref().map(|answered| answered.end))
        .min();
    let Some(first_end) = first_end else {
        // What is left was never answered, and need not have been done.
        return true;
    };
    if !seen.insert((done, model)) {
        return false;
    }
    left()
        .filter(|at| history[*at].start < first_end)
        .any(|at| {
            let operation = &history[at];
            let mut next = model;
            let expected = next.apply(operation.request);
            let agrees = operation
                .answered
                .as_ref()
                .is_none_or(|answered| next.agrees(expected, answered.answer));
            agrees && search(history, done | 1 << at, next, seen)
        })
}
