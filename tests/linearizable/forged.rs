//! The checkers can fail: honest histories pass, forged ones are refused, and the two checkers agree.

use std::collections::BTreeMap;

use resonate_core::Part;
use resonate_proto::client::LogPosition;

use crate::{
    draw::Draw,
    history::{Answer, Answered, Create, Operation, Outcome, Promise, Request, Settled},
    model::{Expected, Model},
    search,
    witness::{self, What},
};

/// A server that does everything right, in one thread, and clients whose requests overlap.
struct Honest {
    draw: Draw,
    now: u64,
    value: u64,
    promises: BTreeMap<u32, (Model, Option<Promise>)>,
    heads: BTreeMap<u16, LogPosition>,
    history: Vec<Operation>,
}

impl Honest {
    /// A history of at most `count` operations of four clients.
    fn history(seed: u64, count: usize, keys: u64) -> Vec<Operation> {
        let mut honest = Self {
            draw: Draw::new(seed),
            now: 0,
            value: 0,
            promises: BTreeMap::new(),
            heads: BTreeMap::new(),
            history: Vec::new(),
        };
        // Of each client the request under way, and whether it was done.
        let mut clients = [None::<(usize, bool)>; 4];
        while honest.history.len() < count || clients.iter().any(Option::is_some) {
            let client = honest.draw.index(clients.len());
            clients[client] = match clients[client] {
                None if honest.history.len() < count => Some((honest.send(keys), false)),
                None => None,
                // Now and then the server dies: with the request, or before it.
                Some(_) if honest.draw.one_in(12) => None,
                Some((at, false)) => {
                    honest.done(at);
                    Some((at, true))
                }
                Some((at, true)) => honest.answer(at),
            };
        }
        honest.forget_unanswered();
        honest.history
    }

    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn value(&mut self) -> u64 {
        self.value += 1;
        self.value
    }

    fn send(&mut self, keys: u64) -> usize {
        let key = u32::try_from(self.draw.below(keys)).unwrap();
        let again = self.draw.index(self.history.len() + 1);
        let again = self.history.get(again).filter(|_| self.draw.one_in(6));
        let (key, request) = match again.map(|earlier| (earlier.key, earlier.request)) {
            Some(again) => again,
            None => (key, self.request()),
        };
        let start = self.tick();
        self.history.push(Operation {
            key,
            request,
            start,
            answered: None,
        });
        self.history.len() - 1
    }

    fn request(&mut self) -> Request {
        match self.draw.below(8) {
            0..2 => Request::Create(Create {
                by: self.value(),
                call: self.draw.one_in(2).then(|| self.value()),
                late: self.draw.one_in(8),
                any: self.draw.one_in(3),
            }),
            2..5 => Request::Get,
            5 => Request::Settle(Outcome::Resolved(self.value())),
            6 => Request::Settle(Outcome::Rejected(self.value())),
            _ => Request::Cancel(self.value()),
        }
    }

    /// The server does it; its answer has no end yet.
    fn done(&mut self, at: usize) {
        let Operation { key, request, .. } = self.history[at];
        let part = u16::try_from(key % 3).unwrap();
        let head = self.heads.entry(part).or_insert(LogPosition {
            part: Part(part),
            epoch: 1,
            seq: 1,
            n: 0,
        });
        let (model, promise) = self.promises.entry(key).or_default();
        let was = *model;
        let expected = model.apply(request);
        if let (Model::Absent, Request::Create(create)) = (was, request) {
            *promise = Some(Promise {
                by: create.by,
                call: create.call,
                created_at: i64::try_from(self.now).unwrap(),
                settled: None,
            });
        }
        if let (Model::Known { outcome, .. }, Some(promise)) = (*model, promise.as_mut())
            && promise.settled.is_none()
        {
            promise.settled = outcome.map(|outcome| Settled {
                outcome,
                seq: head.seq << 16,
                at: i64::try_from(self.now).unwrap(),
            });
        }
        let answer = match expected {
            Expected::Promise { new } => Answer::Promise {
                promise: promise.expect("a known promise was created"),
                new,
            },
            Expected::NotFound => Answer::NotFound,
            Expected::AlreadyExists => Answer::AlreadyExists,
            Expected::AlreadySettled(outcome) => Answer::AlreadySettled(outcome),
        };
        let place = *head;
        // Between two places there is room for a forged one.
        head.n += 2;
        if was != *model && self.draw.one_in(2) {
            (head.seq, head.n) = (head.seq + 1, 0);
            head.epoch += u64::from(self.draw.one_in(20));
        }
        self.history[at].answered = Some(Answered {
            end: u64::MAX,
            at: place,
            answer,
        });
    }

    fn answer(&mut self, at: usize) -> Option<(usize, bool)> {
        let end = self.tick();
        if let Some(answered) = &mut self.history[at].answered {
            answered.end = end;
        }
        None
    }

    /// Answers that never arrived are unknown.
    fn forget_unanswered(&mut self) {
        for operation in &mut self.history {
            operation.answered = operation
                .answered
                .take()
                .filter(|answered| answered.end != u64::MAX);
        }
        self.history
            .extend(self.promises.clone().keys().map(|key| Operation {
                key: *key,
                request: Request::Get,
                start: u64::MAX - 1,
                answered: None,
            }));
        // Somebody reads at last, so that it shows what became of those.
        let first = self.history.len() - self.promises.len();
        for at in first..self.history.len() {
            self.history[at].start = self.tick();
            self.done(at);
            self.answer(at);
        }
    }
}

fn long() -> Vec<Operation> {
    Honest::history(7, 6_000, 300)
}

/// Changes the first answer that can be forged so; the whole must be refused.
#[track_caller]
fn refused(forge: impl Fn(&mut Vec<Operation>, usize) -> bool) -> What {
    let mut history = long();
    let middle = history.len() / 2;
    let is_forged = (middle..history.len()).any(|at| forge(&mut history, at));
    assert!(is_forged, "nothing in the history can be forged so");
    let refused = witness::check(&history);
    refused.expect_err("a forged history passed").what
}

fn answered(operation: &mut Operation) -> Option<&mut Answered> {
    operation.answered.as_mut()
}

/// The settlement that an answer shows.
fn settled(answer: &mut Answer) -> Option<&mut Settled> {
    match answer {
        Answer::Promise { promise, .. } => promise.settled.as_mut(),
        Answer::NotFound | Answer::AlreadyExists | Answer::AlreadySettled(_) => None,
    }
}

#[test]
fn an_honest_history_passes() {
    let history = long();
    let checked = witness::check(&history).unwrap();
    assert!(
        checked.done > 20 && checked.open > checked.done,
        "{checked:?}"
    );
    assert!(checked.writes > 500, "{checked:?}");
    assert_eq!(checked.answered + checked.open, history.len() as u64);
}

#[test]
fn two_answers_with_their_values_swapped_are_refused() {
    let violation = refused(|history, at| {
        let of = |operation: &Operation| match operation.request {
            Request::Settle(_) => operation.outcome(),
            Request::Create(_) | Request::Get | Request::Cancel(_) => None,
        };
        let (Some(mine), Some(other)) = (of(&history[at]), of(&history[at - 1])) else {
            return false;
        };
        if mine == other || history[at].key == history[at - 1].key {
            return false;
        }
        for (at, outcome) in [(at, other), (at - 1, mine)] {
            match &mut history[at].answered.as_mut().unwrap().answer {
                Answer::AlreadySettled(shown) => *shown = outcome,
                answer @ (Answer::Promise { .. } | Answer::NotFound | Answer::AlreadyExists) => {
                    settled(answer).unwrap().outcome = outcome;
                }
            }
        }
        true
    });
    assert_eq!(violation, What::Answer);
}

#[test]
fn a_write_that_nobody_made_is_refused() {
    let violation = refused(|history, at| {
        let operation = &history[at];
        let is_write = matches!(
            (&operation.answered, operation.request),
            (
                Some(Answered {
                    answer: Answer::Promise { new: true, .. },
                    ..
                }),
                Request::Settle(_)
            )
        );
        let wrote = (operation.key, operation.request);
        if is_write {
            history.retain(|other| (other.key, other.request) != wrote);
        }
        is_write
    });
    assert_eq!(violation, What::Answer);
}

#[test]
fn a_write_that_is_lost_is_refused() {
    let violation = refused(|history, at| {
        let is_last = history[at + 1..]
            .iter()
            .all(|other| other.key != history[at].key);
        let Some(Answered { answer, .. }) = &mut history[at].answered else {
            return false;
        };
        let lost = is_last && settled(answer).is_some();
        if let Answer::Promise { promise, .. } = answer
            && lost
        {
            promise.settled = None;
        }
        lost
    });
    assert_eq!(violation, What::Answer);
}

/// It stands in the log where it was still true, but the new value had been answered before it was asked.
#[test]
fn a_stale_read_is_refused_though_it_names_the_place_it_read_at() {
    let violation = refused(|history, at| {
        let settle = history[at].clone();
        let Some(Answered {
            at: place,
            answer: Answer::Promise { promise, new: true },
            end,
        }) = settle.answered
        else {
            return false;
        };
        let is_read = |other: &&mut Operation| {
            let is_after = other.key == settle.key && end < other.start;
            is_after && other.request == Request::Get && other.answered.is_some()
        };
        if place.n == 0 || !matches!(settle.request, Request::Settle(_)) {
            return false;
        }
        let Some(read) = history.iter_mut().find(is_read).and_then(answered) else {
            return false;
        };
        read.at = LogPosition {
            n: place.n - 1,
            ..place
        };
        let promise = Promise {
            settled: None,
            ..promise
        };
        read.answer = Answer::Promise {
            promise,
            new: false,
        };
        true
    });
    assert_eq!(violation, What::Order);
}

#[test]
fn a_server_that_counts_back_after_a_restart_is_refused() {
    let violation = refused(|history, at| {
        let part = history[at].key % 3;
        let Some(first) = history[at].answered.as_ref().map(|answered| answered.at) else {
            return false;
        };
        for operation in history.iter_mut().filter(|other| other.key % 3 == part) {
            if let Some(answered) = &mut operation.answered
                && first < answered.at
            {
                answered.at.epoch = 0;
            }
        }
        true
    });
    assert!(
        matches!(violation, What::Answer | What::Order),
        "{violation:?}"
    );
}

#[test]
fn positions_that_cannot_be_are_refused() {
    let twice = refused(|history, at| {
        let place = history[at - 1]
            .answered
            .as_ref()
            .map(|answered| answered.at);
        let same = history[at].answered.as_mut().zip(place);
        same.map(|(answered, place)| answered.at = place).is_some()
    });
    assert_eq!(twice, What::SamePlace);
    let elsewhere = refused(|history, at| {
        let changed = answered(&mut history[at]).map(|answered| answered.at.part = Part(200));
        changed.is_some()
    });
    assert_eq!(elsewhere, What::OtherPart);
    let batch = refused(|history, at| match &mut history[at].answered {
        Some(Answered {
            answer: Answer::Promise { promise, new: true },
            at: place,
            ..
        }) => {
            let is_settled = promise.settled.is_some();
            place.seq += u64::from(is_settled);
            place.n = 1;
            is_settled
        }
        Some(_) | None => false,
    });
    assert!(
        matches!(batch, What::OtherBatch | What::Order | What::Answer),
        "{batch:?}"
    );
}

#[test]
fn a_repeated_request_with_another_answer_is_refused() {
    let violation = refused(|history, at| {
        let is_read = history[at].request == Request::Get;
        match &mut history[at].answered {
            Some(Answered {
                answer: Answer::Promise { new, .. },
                ..
            }) if !*new && !is_read => {
                *new = true;
                true
            }
            Some(_) | None => false,
        }
    });
    assert_eq!(violation, What::Answer);
}

/// Whatever the witness lets pass has an order. What has an order only the witness may refuse: its place must fit, too.
#[test]
fn the_witness_lets_nothing_pass_that_no_order_explains() {
    let (mut honest, mut forged, mut without_order) = (0, 0, 0);
    for seed in 0..3_000 {
        let mut history = Honest::history(seed, 11, 1);
        assert!(
            search::is_linearizable(&history),
            "seed {seed}: {history:#?}"
        );
        witness::check(&history).unwrap_or_else(|why| panic!("seed {seed}: {why:#?}"));
        honest += 1;
        let mut draw = Draw::new(seed);
        if !forge(&mut history, &mut draw) {
            continue;
        }
        forged += 1;
        let has_order = search::is_linearizable(&history);
        without_order += usize::from(!has_order);
        let passes = witness::check(&history).is_ok();
        assert!(
            has_order || !passes,
            "seed {seed}: passed without an order: {history:#?}"
        );
    }
    assert!(
        forged > honest / 3 && without_order > forged / 3,
        "{honest} honest, {forged} forged, {without_order} without an order: too tame"
    );
}

/// Changes something somewhere; false if nothing changed.
fn forge(history: &mut [Operation], draw: &mut Draw) -> bool {
    let was = history.to_vec();
    let (one, two) = (draw.index(history.len()), draw.index(history.len()));
    let (Some(mut first), Some(mut second)) =
        (history[one].answered.clone(), history[two].answered.clone())
    else {
        return false;
    };
    match draw.below(5) {
        0 => std::mem::swap(&mut first.answer, &mut second.answer),
        1 => std::mem::swap(&mut first.at, &mut second.at),
        2 => first.answer = Answer::NotFound,
        3 => match &mut first.answer {
            Answer::Promise { new, .. } => *new = !*new,
            Answer::AlreadySettled(outcome) => *outcome = Outcome::Rejected(1_000),
            Answer::NotFound | Answer::AlreadyExists => first.answer = second.answer,
        },
        _ => {
            if let Answer::Promise { promise, .. } = &mut first.answer {
                promise.settled = None;
            }
        }
    }
    if one == two {
        second = first.clone();
    }
    history[one].answered = Some(first);
    history[two].answered = Some(second);
    history != was.as_slice()
}
