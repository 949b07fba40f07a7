//! The bodies of the durable functions that do what a program says.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    Answer, CANCELED, DETACHED, Keyed, Op, Place, TIMED_OUT, UNKNOWN, Wrong, caught,
    functions::{self, blue_undo, call, deadly, large, leaf},
    mix, value_of,
};
use crate::ledger::{Ledger, Shown};
use resonate::{
    Call, Error, ErrorKind, Promise, continue_as, on_cancel, promise, resolve, shield, sleep, step,
    timeout,
};

type Doing<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// One body of one execution.
pub(super) struct Body {
    ledger: Arc<Ledger>,
    id: String,
    version: u64,
    service: u8,
    /// Of its history: one more after each `continue_as`.
    generation: u32,
    shown: AtomicUsize,
}

impl Body {
    pub(super) fn new(service: u8, op: &Op) -> Self {
        let execution = resonate::execution();
        Self {
            ledger: Arc::clone(&resonate::state::<Arc<Ledger>>()),
            id: execution.id().to_owned(),
            version: execution.version(),
            service,
            generation: if let Op::Generations { at, .. } = op {
                at + 1
            } else {
                1
            },
            shown: AtomicUsize::new(0),
        }
    }

    pub(super) async fn run(&self, op: &Op) -> Answer {
        self.ledger.begins(&self.id, self.version, self.generation);
        self.eval(op).await
    }

    /// A result was shown: durable, and the same as in every other attempt at this place.
    fn shows(&self, what: &'static str, no: u32, answer: &Answer) {
        self.ledger.shows(&Shown {
            id: &self.id,
            generation: self.generation,
            at: self.shown.fetch_add(1, Ordering::Relaxed),
            what,
            no,
            answer,
        });
    }

    /// What an attempt of this generation tries.
    fn tried(&self, what: impl std::fmt::Display) -> String {
        format!("{}~{} {what}", self.id, self.generation)
    }

    fn eval<'a>(&'a self, op: &'a Op) -> Doing<'a> {
        match op {
            Op::Value(value) => Box::pin(async move { Ok(*value) }),
            Op::Seq(ops) => Box::pin(self.sequence(ops)),
            Op::Join(ops) => Box::pin(self.join(ops)),
            Op::Call { no, to, place, op } => Box::pin(self.call(*no, *to, *place, op)),
            Op::Spawn { call, rest } => Box::pin(self.spawn(call, rest)),
            Op::Leaf { no, .. } => Box::pin(self.leaf(*no, op, None)),
            Op::Limited { millis, leaf } => Box::pin(self.limited(*millis, leaf)),
            Op::Large { no, bytes, place } => Box::pin(self.large(*no, *bytes, *place)),
            Op::Deadly { no } => Box::pin(self.deadly(*no)),
            Op::Generations {
                at,
                times,
                each,
                last,
            } => Box::pin(self.generations(*at, *times, each, last)),
            Op::Step { no, .. } => Box::pin(self.step(*no, op)),
            Op::Sleep { no, millis } => Box::pin(async move {
                sleep(Duration::from_millis(*millis)).await;
                let answer = Ok(value_of(*no));
                self.shows("sleep", *no, &answer);
                answer
            }),
            Op::OnCancel { no } => Box::pin(async move {
                on_cancel(blue_undo(value_of(*no)));
                Ok(value_of(*no))
            }),
            Op::Wrong(code) => Box::pin(async move { Err(Wrong::Meant(*code)) }),
            Op::Catch(op) => {
                Box::pin(
                    async move { Ok(self.eval(op).await.unwrap_or_else(|wrong| caught(&wrong))) },
                )
            }
            Op::Race { one, other } => Box::pin(async move {
                resonate::select! {
                    answer = self.eval(one) => answer,
                    answer = self.eval(other) => answer,
                }
            }),
            Op::Timeout { millis, op } => Box::pin(async move {
                let limit = Duration::from_millis(*millis);
                timeout(limit, self.eval(op)).await.unwrap_or(Ok(TIMED_OUT))
            }),
            Op::Detach { no, to, op } => Box::pin(self.detach(*no, *to, op)),
            Op::Gate { no } => Box::pin(self.gate(*no, promise(format!("g{no}")))),
            Op::Lapse { no, millis } => {
                let limit = Duration::from_millis(*millis);
                Box::pin(self.gate(*no, promise(format!("g{no}")).timeout(limit)))
            }
            Op::Tell { no } => Box::pin(self.tell(*no)),
            Op::Keyed {
                no,
                key,
                keyed,
                millis,
            } => Box::pin(self.keyed(*no, *key, *keyed, *millis)),
            Op::Panic { no, times } => Box::pin(async move {
                if self.ledger.tries(&self.tried(no)) <= u32::from(*times) {
                    panic!("{}", crate::PLANNED);
                }
                Ok(value_of(*no))
            }),
        }
    }

    async fn sequence(&self, ops: &[Op]) -> Answer {
        let mut sum = 0;
        for op in ops {
            sum = mix(sum, self.eval(op).await?);
        }
        Ok(sum)
    }

    async fn join(&self, ops: &[Op]) -> Answer {
        let doing = ops.iter().map(|op| self.eval(op));
        let answers = futures::future::join_all(doing).await;
        answers
            .into_iter()
            .try_fold(1, |sum, answer| Ok(mix(sum, answer?)))
    }

    /// Each service's own is the only one that is surely served where this runs.
    fn placed<R>(&self, no: u32, call: Call<R>, to: u8, place: Place) -> Call<R> {
        let call = call.label("no", no);
        match place {
            Place::Local if to == self.service => call.local(),
            Place::Remote => call.remote(),
            Place::Shielded => shield(call),
            Place::Urgent => call.priority(9),
            Place::Cancelable => call.remote().label("cancelable", no),
            Place::Local | Place::Anywhere | Place::Undone => call,
        }
    }

    fn undone<E>(call: Call<Result<u64, E>>, place: Place) -> Call<Result<u64, E>> {
        if place == Place::Undone {
            return call.compensate(blue_undo);
        }
        call
    }

    async fn call(&self, no: u32, to: u8, place: Place, op: &Op) -> Answer {
        let call = self.placed(no, call(to, op), to, place);
        let answer = Self::undone(call, place).await;
        let answer = unless_canceled(place, answer);
        self.shows("call", no, &answer);
        answer
    }

    async fn spawn(&self, of: &Op, rest: &Op) -> Answer {
        let Op::Call { no, to, place, op } = of else {
            return self.eval(of).await;
        };
        let call = self.placed(*no, call(*to, op), *to, *place);
        let handle = Self::undone(call, *place).spawn();
        let sum = mix(2, self.eval(rest).await?);
        let answer = unless_canceled(*place, handle.await);
        self.shows("handle", *no, &answer);
        Ok(mix(sum, answer?))
    }

    async fn leaf(&self, no: u32, op: &Op, limit: Option<Duration>) -> Answer {
        let Op::Leaf {
            to,
            place,
            millis,
            fails,
            panics,
            ..
        } = op
        else {
            return Ok(0);
        };
        let call = leaf(*to, (no, *millis), (*fails, *panics));
        let call = Self::undone(self.placed(no, call, *to, *place), *place);
        let call = match limit {
            Some(limit) => call.timeout(limit),
            None => call,
        };
        let answer = match call.await.map_err(Wrong::from) {
            Err(wrong) if limit.is_some() && wrong.is("timeout") => Ok(TIMED_OUT),
            answer => answer,
        };
        self.shows("leaf", no, &answer);
        answer
    }

    async fn limited(&self, millis: u64, leaf: &Op) -> Answer {
        let limit = Duration::from_millis(millis);
        let Op::Leaf { no, .. } = leaf else {
            return self.eval(leaf).await;
        };
        self.leaf(*no, leaf, Some(limit)).await
    }

    async fn large(&self, no: u32, bytes: usize, place: Place) -> Answer {
        let answer = self.placed(no, large(no, bytes), 1, place).await;
        let answer = answer.map_err(Wrong::from).and_then(|back| {
            let meant = Err(Wrong::Meant(u32::MAX));
            if back.len() == bytes {
                Ok(value_of(no))
            } else {
                meant
            }
        });
        self.shows("large", no, &answer);
        answer
    }

    async fn deadly(&self, no: u32) -> Answer {
        let call = deadly(no).remote().label("no", no).label("deadly", no);
        let answer = match call.await {
            Err(error) if error.kind() == ErrorKind::Canceled => Ok(CANCELED),
            answer => answer.map_err(Wrong::from),
        };
        self.shows("deadly", no, &answer);
        answer
    }

    async fn gate(&self, no: u32, gate: Promise<u64>) -> Answer {
        let answer = match gate.await {
            Err(error) if error.kind() == ErrorKind::Timeout => Ok(TIMED_OUT),
            answer => answer.map_err(Wrong::from),
        };
        self.shows("gate", no, &answer);
        answer
    }

    /// Makes a promise and resolves it by its id; somebody outside may be faster.
    async fn tell(&self, no: u32) -> Answer {
        let gate = promise::<u64>(format!("g{no}"));
        let told = resolve(gate.id(), &value_of(no)).await;
        self.shows("told", no, &told.map(u64::from).map_err(Wrong::from));
        self.gate(no, gate).await
    }

    async fn keyed(&self, no: u32, key: u8, keyed: Keyed, millis: u64) -> Answer {
        let call = functions::keyed(keyed, key, no, millis).label("no", no);
        let answer = match call.await {
            Err(error) if keyed == Keyed::Latest && error.kind() == ErrorKind::Canceled => {
                Ok(CANCELED)
            }
            answer => answer.map_err(Wrong::from),
        };
        self.shows("keyed", no, &answer);
        answer
    }

    /// Ends as the last one does, or with the first error.
    async fn generations(&self, at: u32, times: u32, each: &Op, last: &Op) -> Answer {
        if at >= times {
            return self.eval(last).await;
        }
        self.eval(each).await?;
        let next = Op::Generations {
            at: at + 1,
            times,
            each: Box::new(each.clone()),
            last: Box::new(last.clone()),
        };
        continue_as(call(self.service, &next)).await
    }

    async fn step(&self, no: u32, op: &Op) -> Answer {
        let Op::Step {
            millis,
            fails,
            at_most_once,
            ..
        } = op
        else {
            return Ok(0);
        };
        let name = format!("s{no}");
        let fails = if *at_most_once { 0 } else { u32::from(*fails) };
        let doing = step(|| async {
            let id = (&*self.id, self.generation, &*name);
            self.ledger.steps(id, self.version, *at_most_once);
            if *millis > 0 {
                tokio::time::sleep(Duration::from_millis(*millis)).await;
            }
            let tries = self.ledger.tries(&self.tried(&name));
            if tries <= fails {
                return Err(Error::new("as the program wants it"));
            }
            Ok(value_of(no))
        })
        .label(name.clone());
        let answer = if *at_most_once {
            let unknown = |error: &Error| error.kind() == resonate::ErrorKind::OutcomeUnknown;
            match doing.at_most_once().await {
                Err(error) if unknown(&error) => Ok(UNKNOWN),
                other => other.map_err(Wrong::from),
            }
        } else {
            doing.await.map_err(Wrong::from)
        };
        self.shows("step", no, &answer);
        answer
    }

    async fn detach(&self, no: u32, to: u8, op: &Op) -> Answer {
        let root = self.id.split('.').next().unwrap_or_default();
        let detached = call(to, op).id(format!("{root}-d{no}")).detach();
        let started = detached.await.map_err(Wrong::from);
        let answer = started.map(|_| DETACHED);
        self.shows("detached", no, &answer);
        answer
    }
}

/// Somebody outside may cancel what is cancelable.
fn unless_canceled(place: Place, answer: Answer) -> Answer {
    match answer {
        Err(wrong) if place == Place::Cancelable && wrong.is("canceled") => Ok(CANCELED),
        answer => answer,
    }
}
