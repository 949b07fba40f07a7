//! The checker for histories of any length. Every answer says where it stands in the log, which is the order that the
//! server claims. The history is sorted by it and replayed: each answer must be what the model says, and no answer may
//! stand before one that had come before it was asked for. O(n log n).
//!
//! A request without an answer was done or not. What it wrote names it, so the first answer that shows its value says
//! that it was done before, and nothing else can have written that.

use std::collections::{HashMap, hash_map::Entry};

use resonate_proto::client::LogPosition;

use crate::{
    history::{Answered, Operation, Request},
    model::Model,
};

/// What a checked history was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Answers that were compared.
    pub(crate) answered: u64,
    /// Requests of which nobody knows what became of them.
    pub(crate) open: u64,
    /// Those of them that were done, as a later answer shows.
    pub(crate) done: u64,
    /// Answers that changed something.
    pub(crate) writes: u64,
}

/// Why a history is not what a correct server could have answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) what: What,
    /// The answers that show it.
    pub(crate) operations: Vec<Operation>,
    /// What was known of the promise before.
    pub(crate) known: Option<Model>,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Two answers claim the same place.
    SamePlace,
    /// The first stands behind the second in the log, and had come before the second was asked for.
    Order,
    /// A promise is in two partitions.
    OtherPart,
    /// The answer is not what the model says.
    Answer,
    /// A settlement is not in the batch that is said to have written it.
    OtherBatch,
}

impl What {
    fn of(self, operations: &[&Operation]) -> Violation {
        let operations = operations.iter().map(|one| (*one).clone()).collect();
        Violation {
            what: self,
            operations,
            known: None,
        }
    }
}

/// What a promise came to, as any answer shows it: which request created it, and which settled it.
#[derive(Clone, Copy, Debug, Default)]
struct Fate<'a> {
    created_by: Option<&'a Operation>,
    settled_by: Option<&'a Operation>,
}

/// The replay of one promise.
#[derive(Debug)]
struct Replayed {
    model: Model,
    part: u16,
}

/// Checks a whole history.
pub(crate) fn check(history: &[Operation]) -> Result<Checked, Violation> {
    let mut answers: Vec<_> = history
        .iter()
        .filter_map(|operation| Some((operation.answered.as_ref()?, operation)))
        .collect();
    answers.sort_unstable_by_key(|(answered, _)| answered.at);
    let fates = fates(history);
    let mut checked = Checked {
        open: (history.len() - answers.len()) as u64,
        ..Checked::default()
    };
    let mut replay = HashMap::new();
    let mut before: Option<(LogPosition, &Operation)> = None;
    // Of all that stands before in this partition, what was asked for last.
    let mut newest: Option<&Operation> = None;
    for (answered, operation) in answers {
        if let Some((at, first)) = before {
            if at == answered.at {
                return Err(What::SamePlace.of(&[first, operation]));
            }
            if at.part != answered.at.part {
                newest = None;
            }
        }
        before = Some((answered.at, operation));
        let fate = fates.get(&operation.key).copied().unwrap_or_default();
        for done in replayed(&mut replay, operation, answered, fate, &mut checked)? {
            newest = later(newest, done);
        }
        newest = later(newest, operation);
        if let Some(newest) = newest
            && answered.end < newest.start
        {
            return Err(What::Order.of(&[operation, newest]));
        }
    }
    Ok(checked)
}

fn later<'a>(newest: Option<&'a Operation>, operation: &'a Operation) -> Option<&'a Operation> {
    Some(newest.map_or(operation, |newest| {
        if newest.start < operation.start {
            operation
        } else {
            newest
        }
    }))
}

/// Which request without an answer wrote what some answer shows.
fn fates(history: &[Operation]) -> HashMap<u32, Fate<'_>> {
    let (mut creates, mut settles) = (HashMap::new(), HashMap::new());
    for operation in history
        .iter()
        .filter(|operation| operation.answered.is_none())
    {
        if let Request::Create(create) = operation.request {
            earliest(creates.entry((operation.key, create.by)), operation);
        } else if let Some(outcome) = operation.request.writes() {
            earliest(settles.entry((operation.key, outcome)), operation);
        }
    }
    let mut fates = HashMap::<u32, Fate<'_>>::new();
    for operation in history {
        let created_by = operation
            .shown()
            .and_then(|shown| creates.get(&(operation.key, shown.by)));
        let settled_by = operation
            .outcome()
            .and_then(|outcome| settles.get(&(operation.key, outcome)));
        if created_by.is_none() && settled_by.is_none() {
            continue;
        }
        let fate = fates.entry(operation.key).or_default();
        fate.created_by = fate.created_by.or(created_by.copied());
        fate.settled_by = fate.settled_by.or(settled_by.copied());
    }
    fates
}

/// Of repetitions the first: the others may have been sent when it was done already.
fn earliest<'a, K>(known: Entry<'_, K, &'a Operation>, operation: &'a Operation) {
    let first = known.or_insert(operation);
    if operation.start < first.start {
        *first = operation;
    }
}

/// Replays one answer; gives the requests without an answer that must have been done before it.
fn replayed<'a>(
    replay: &mut HashMap<u32, Replayed>,
    operation: &'a Operation,
    answered: &Answered,
    fate: Fate<'a>,
    checked: &mut Checked,
) -> Result<Vec<&'a Operation>, Violation> {
    let part = answered.at.part.0;
    let of_key = replay.entry(operation.key).or_insert(Replayed {
        model: Model::default(),
        part,
    });
    if of_key.part != part {
        return Err(What::OtherPart.of(&[operation]));
    }
    let was = of_key.model;
    let agrees = |model: &mut Model| {
        let expected = model.apply(operation.request);
        model.agrees(expected, answered.answer)
    };
    // As late as possible, and only what an answer shows: nothing, a create, a settle, both.
    let candidates = [
        [None, None],
        [fate.created_by, None],
        [fate.settled_by, None],
        [fate.created_by, fate.settled_by],
    ];
    for done in candidates {
        let mut model = was;
        let done: Vec<_> = done.into_iter().flatten().collect();
        let mut changed = 0;
        for hidden in &done {
            let before = model;
            model.apply(hidden.request);
            changed += usize::from(before != model);
        }
        if changed == done.len() && agrees(&mut model) {
            of_key.model = model;
            checked.answered += 1;
            checked.done += done.len() as u64;
            return is_in_its_batch(operation, answered, checked).map(|()| done);
        }
    }
    Err(Violation {
        known: Some(was),
        ..What::Answer.of(&[operation])
    })
}

/// Who settled it is told the batch of which the settlement itself says that it was written with it.
fn is_in_its_batch(
    operation: &Operation,
    answered: &Answered,
    checked: &mut Checked,
) -> Result<(), Violation> {
    const PLACE_BITS: u32 = 16;
    let crate::history::Answer::Promise { promise, new: true } = answered.answer else {
        return Ok(());
    };
    checked.writes += 1;
    match promise.settled {
        Some(settled) if settled.seq >> PLACE_BITS != answered.at.seq => {
            Err(What::OtherBatch.of(&[operation]))
        }
        Some(_) | None => Ok(()),
    }
}
