//! How a program may end: every answer that is right, computed without running anything.

use std::collections::BTreeSet;

use super::{
    Answer, CANCELED, DETACHED, Keyed, Op, Place, TIMED_OUT, UNKNOWN, Wrong, caught, mix, value_of,
    value_of_key,
};

/// The answers that are right.
pub(crate) fn answers(op: &Op) -> BTreeSet<Answer> {
    match op {
        Op::Value(value) => one(*value),
        Op::Seq(ops) => ops
            .iter()
            .fold(one(0), |sums, op| then(&sums, &answers(op))),
        Op::Join(ops) => ops
            .iter()
            .fold(one(1), |sums, op| then(&sums, &answers(op))),
        Op::Call {
            place: Place::Cancelable,
            op,
            ..
        } => &answers(op) | &one(CANCELED),
        Op::Call { op, .. } => answers(op),
        Op::Spawn { call, rest } => then(&then(&one(2), &answers(rest)), &answers(call)),
        Op::Leaf { no, .. }
        | Op::Large { no, .. }
        | Op::Sleep { no, .. }
        | Op::Gate { no }
        | Op::Tell { no }
        | Op::OnCancel { no }
        | Op::Panic { no, .. } => one(value_of(*no)),
        Op::Keyed { no, key, keyed, .. } => match keyed {
            Keyed::Alone => one(value_of(*no)),
            Keyed::Latest => &one(value_of(*no)) | &one(CANCELED),
            Keyed::Merged => one(value_of_key(*key)),
        },
        Op::Deadly { no } => &one(value_of(*no)) | &one(CANCELED),
        Op::Lapse { no, .. } => &one(value_of(*no)) | &one(TIMED_OUT),
        Op::Limited { leaf, .. } => &answers(leaf) | &one(TIMED_OUT),
        Op::Generations {
            times, each, last, ..
        } => {
            let mut ends = BTreeSet::new();
            if *times > 0 {
                ends = answers(each);
                let goes_on = ends.iter().any(Result::is_ok);
                ends.retain(Result::is_err);
                if !goes_on {
                    return ends;
                }
            }
            ends.extend(answers(last));
            ends
        }
        Op::Step {
            no, at_most_once, ..
        } => {
            let mut answers = one(value_of(*no));
            if *at_most_once {
                answers.insert(Ok(UNKNOWN));
            }
            answers
        }
        Op::Wrong(code) => BTreeSet::from([Err(Wrong::Meant(*code))]),
        Op::Catch(op) => answers(op)
            .into_iter()
            .map(|answer| Ok(answer.unwrap_or_else(|wrong| caught(&wrong))))
            .collect(),
        Op::Race { one, other } => &answers(one) | &answers(other),
        Op::Timeout { op, .. } => &answers(op) | &one(TIMED_OUT),
        Op::Detach { .. } => one(DETACHED),
    }
}

fn one(value: u64) -> BTreeSet<Answer> {
    BTreeSet::from([Ok(value)])
}

/// The next value is mixed in, unless there was an error before, or is one now.
fn then(sums: &BTreeSet<Answer>, next: &BTreeSet<Answer>) -> BTreeSet<Answer> {
    let mut answers = BTreeSet::new();
    for sum in sums {
        match sum {
            Err(wrong) => drop(answers.insert(Err(wrong.clone()))),
            Ok(sum) => answers.extend(
                next.iter()
                    .map(|next| next.clone().map(|next| mix(*sum, next))),
            ),
        }
    }
    answers
}

/// The detached roots of a program, by number, with what they are to do.
pub(crate) fn detached(op: &Op) -> Vec<(u32, &Op)> {
    match op {
        Op::Detach { no, op, .. } => {
            let mut found = vec![(*no, &**op)];
            found.extend(detached(op));
            found
        }
        Op::Seq(ops) | Op::Join(ops) => ops.iter().flat_map(detached).collect(),
        Op::Call { op, .. } | Op::Catch(op) | Op::Timeout { op, .. } => detached(op),
        Op::Limited { leaf, .. } => detached(leaf),
        Op::Spawn {
            call: one,
            rest: other,
        }
        | Op::Race { one, other }
        | Op::Generations {
            each: one,
            last: other,
            ..
        } => {
            let mut found = detached(one);
            found.extend(detached(other));
            found
        }
        Op::Value(_)
        | Op::Leaf { .. }
        | Op::Large { .. }
        | Op::Deadly { .. }
        | Op::Step { .. }
        | Op::Sleep { .. }
        | Op::OnCancel { .. }
        | Op::Wrong(_)
        | Op::Gate { .. }
        | Op::Lapse { .. }
        | Op::Tell { .. }
        | Op::Keyed { .. }
        | Op::Panic { .. } => Vec::new(),
    }
}
