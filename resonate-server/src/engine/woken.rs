//! Bodies that wait in a worker's memory and were woken by something else than a promise: they are claimed again.
//!
//! Such a claim needs what every other needs: its function must let one more run. Until it does, the worker waits for its
//! answer. They come before what has not begun, oldest first, or a body that is woken late would never get to its end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use resonate_core::{Address, PromiseId, Reply, Request, SessionId};
use resonate_proto::stream::{Held, ToWorker};

use super::{Engine, EngineError, round::Round};
use crate::{
    dispatch::stream::{Push, StreamId},
    limits,
};

/// Who asked for a tied task of a function that allowed no more. A stream has each task here once, however often it
/// asks; one that closes takes its own along, and the worker asks again on the next one.
#[derive(Debug, Default)]
pub(super) struct Woken {
    lines: BTreeMap<Address, VecDeque<Asked>>,
    asked: BTreeSet<(StreamId, PromiseId)>,
}

#[derive(Debug)]
struct Asked {
    stream: StreamId,
    session: SessionId,
    held: Held,
}

impl Asked {
    fn key(&self) -> (StreamId, PromiseId) {
        (self.stream, self.held.task.clone())
    }
}

impl Woken {
    /// The stream has closed.
    pub(super) fn forget(&mut self, stream: StreamId) {
        self.asked.retain(|(of, _)| *of != stream);
        self.lines.retain(|_, line| {
            line.retain(|asked| asked.stream != stream);
            !line.is_empty()
        });
    }

    /// True if somebody waits for a place of this function.
    pub(super) fn waits_for(&self, address: &Address) -> bool {
        self.lines.contains_key(address)
    }

    /// True if the last round did not get to somebody whose function is open.
    pub(super) fn may_go_on(&self, is_open: impl Fn(&Address) -> bool) -> bool {
        self.lines.keys().any(is_open)
    }

    /// Who asks again, under another fencing token perhaps, keeps the place.
    fn put_last(&mut self, address: Address, asked: Asked) {
        let line = self.lines.entry(address).or_default();
        if self.asked.insert(asked.key()) {
            return line.push_back(asked);
        }
        if let Some(earlier) = line.iter_mut().find(|one| one.key() == asked.key()) {
            *earlier = asked;
        }
    }

    /// Takes out who is first among those whose function is open.
    fn next(&mut self, is_open: impl Fn(&Address) -> bool) -> Option<(Address, Asked)> {
        let mut addresses = self.lines.keys();
        let address = addresses.find(|address| is_open(address))?.clone();
        let line = self.lines.get_mut(&address)?;
        let asked = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&address);
        }
        let asked = asked?;
        self.asked.remove(&asked.key());
        Some((address, asked))
    }
}

impl Engine {
    /// Something else than a promise woke a body: its tie becomes a lease again, at once if its function is free.
    pub(super) fn reclaim(
        &mut self,
        round: &mut Round,
        stream: StreamId,
        session: SessionId,
        held: Held,
    ) -> Result<(), EngineError> {
        let id = held.task.clone();
        let asked = Asked {
            stream,
            session,
            held,
        };
        let known = match self.apply(round, Request::Get { id })? {
            Ok(Reply::Promise { record, .. }) => record.promise.call().cloned(),
            Ok(_) | Err(_) => None,
        };
        if let Some(call) = known.filter(|call| !self.flow.is_free(&call.address)) {
            self.woken.put_last(call.address.clone(), asked);
            return Ok(());
        }
        let _is_still_theirs = self.claim_again(round, asked)?;
        Ok(())
    }

    /// Lets those go on whose functions are open now.
    pub(super) fn let_woken_go_on(&mut self, round: &mut Round) -> Result<(), EngineError> {
        let share = round.share();
        let knows_all = self.window.has_reached(round.now);
        for _ in 0..limits::ROUND_CLAIMS {
            if !round.has_room_in(share) {
                break;
            }
            let flow = &self.flow;
            let is_open = |address: &Address| flow.may_start(address, round.now, knows_all);
            let Some((address, asked)) = self.woken.next(is_open) else {
                break;
            };
            if self.claim_again(round, asked)? {
                self.flow.started(&address, round.now);
            }
        }
        Ok(())
    }

    /// False if it is not theirs any more.
    fn claim_again(&mut self, round: &mut Round, asked: Asked) -> Result<bool, EngineError> {
        let Asked {
            stream,
            session,
            held: Held { task, version, .. },
        } = asked;
        let request = Request::Claim {
            id: task.clone(),
            session,
            tied: Some(version),
            retry: None,
            body: None,
        };
        let (push, is_claimed) = match self.apply(round, request)? {
            Ok(Reply::Claimed(claimed)) => (Push::Dispatch(claimed), true),
            Ok(other) => {
                return Err(EngineError::Answer {
                    asked: "a claim",
                    answer: Box::new(other),
                });
            }
            Err(refusal) => {
                let why = refusal.to_string();
                (Push::item(ToWorker::Drop { task, version, why }), false)
            }
        };
        round.push(stream, push);
        Ok(is_claimed)
    }
}

#[cfg(test)]
mod tests {
    use resonate_core::{Seq, TaskVersion};

    use super::*;

    fn asked(stream: u64, task: &str, version: u64) -> Asked {
        Asked {
            stream: StreamId(stream),
            session: SessionId(1),
            held: Held {
                task: PromiseId::new(task).unwrap(),
                version: TaskVersion(version),
                shown: Seq::ZERO,
            },
        }
    }

    fn all(woken: &mut Woken) -> Vec<(String, u64)> {
        let next = || woken.next(|_| true);
        let all = std::iter::from_fn(next).map(|(_, asked)| asked.held);
        all.map(|held| (held.task.to_string(), held.version.0))
            .collect()
    }

    #[test]
    fn who_asks_again_is_in_line_once_under_the_last_token() {
        let (mut woken, f) = (Woken::default(), || Address::new("s", "f", 1));
        for (task, version) in [("a", 3), ("b", 1), ("a", 3), ("a", 4)] {
            woken.put_last(f(), asked(1, task, version));
        }
        assert_eq!(all(&mut woken), [("a".to_owned(), 4), ("b".to_owned(), 1)]);
        assert!(!woken.waits_for(&f()));
    }

    #[test]
    fn a_stream_that_closes_takes_its_own_along() {
        let (mut woken, f) = (Woken::default(), || Address::new("s", "f", 1));
        woken.put_last(f(), asked(1, "a", 1));
        woken.put_last(f(), asked(2, "b", 1));
        woken.put_last(f(), asked(3, "a", 2));
        woken.forget(StreamId(1));
        assert_eq!(all(&mut woken), [("b".to_owned(), 1), ("a".to_owned(), 2)]);
        woken.put_last(f(), asked(1, "c", 1));
        woken.forget(StreamId(1));
        assert!(!woken.may_go_on(|_| true));
    }
}
