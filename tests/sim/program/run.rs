//! The durable functions that do what a program says: for each service one that calls others and one that is a leaf.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use resonate::{Call, Error, Retry, durable, promise, shield, sleep, step, timeout};

use super::{Answer, DETACHED, Op, Place, TIMED_OUT, UNKNOWN, Wrong, caught, mix, value_of};
use crate::ledger::Ledger;

#[durable(service = "red")]
async fn red(op: &Op) -> Result<u64, Wrong> {
    Body::new(0).run(op).await
}

#[durable(service = "green", retry = Retry::fixed(Duration::from_millis(300)))]
async fn green(op: &Op) -> Result<u64, Wrong> {
    Body::new(1).run(op).await
}

#[durable(service = "blue", retry = Retry::exponential().initial(Duration::from_secs(1)))]
async fn blue(op: &Op) -> Result<u64, Wrong> {
    Body::new(2).run(op).await
}

#[durable(service = "red")]
async fn red_leaf(no: u32, millis: u64, fails: u8, panics: u8) -> resonate::Result<u64> {
    leaf(no, millis, fails, panics).await
}

#[durable(service = "green", retry = Retry::fixed(Duration::from_millis(300)))]
async fn green_leaf(no: u32, millis: u64, fails: u8, panics: u8) -> resonate::Result<u64> {
    leaf(no, millis, fails, panics).await
}

#[durable(service = "blue")]
async fn blue_leaf(no: u32, millis: u64, fails: u8, panics: u8) -> resonate::Result<u64> {
    leaf(no, millis, fails, panics).await
}

/// The call that does this.
pub(crate) fn call(to: u8, op: &Op) -> Call<Answer> {
    match to {
        0 => red(op),
        1 => green(op),
        _ => blue(op),
    }
}

async fn leaf(no: u32, millis: u64, fails: u8, panics: u8) -> resonate::Result<u64> {
    let ledger = resonate::state::<Arc<Ledger>>();
    let execution = resonate::execution();
    ledger.runs(execution.id(), execution.version());
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    let tries = ledger.tries(execution.id());
    if tries <= u32::from(panics) {
        panic!("{}", crate::PLANNED);
    }
    if tries <= u32::from(panics) + u32::from(fails) {
        return Err(Error::new("as the program wants it"));
    }
    Ok(value_of(no))
}

type Doing<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// One body of one execution.
struct Body {
    ledger: Arc<Ledger>,
    id: String,
    version: u64,
    service: u8,
    shown: AtomicUsize,
}

impl Body {
    fn new(service: u8) -> Self {
        let execution = resonate::execution();
        Self {
            ledger: Arc::clone(&resonate::state::<Arc<Ledger>>()),
            id: execution.id().to_owned(),
            version: execution.version(),
            service,
            shown: AtomicUsize::new(0),
        }
    }

    async fn run(&self, op: &Op) -> Answer {
        self.ledger.begins(&self.id, self.version);
        self.eval(op).await
    }

    /// A result was shown: the same as in every other attempt at this place.
    fn shows(&self, what: &str, no: u32, answer: &Answer) {
        let at = self.shown.fetch_add(1, Ordering::Relaxed);
        self.ledger
            .shows(&self.id, at, &format!("{what}{no} {answer:?}"));
    }

    fn eval<'a>(&'a self, op: &'a Op) -> Doing<'a> {
        match op {
            Op::Value(value) => Box::pin(async move { Ok(*value) }),
            Op::Seq(ops) => Box::pin(self.sequence(ops)),
            Op::Join(ops) => Box::pin(self.join(ops)),
            Op::Call { no, to, place, op } => Box::pin(self.call(*no, *to, *place, op)),
            Op::Spawn { call, rest } => Box::pin(self.spawn(call, rest)),
            Op::Leaf { no, .. } => Box::pin(self.leaf(*no, op)),
            Op::Step { no, .. } => Box::pin(self.step(*no, op)),
            Op::Sleep { no, millis } => Box::pin(async move {
                sleep(Duration::from_millis(*millis)).await;
                let answer = Ok(value_of(*no));
                self.shows("sleep", *no, &answer);
                answer
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
            Op::Gate { no } => Box::pin(async move {
                let answer = promise::<u64>(format!("g{no}")).await.map_err(Wrong::from);
                self.shows("gate", *no, &answer);
                answer
            }),
            Op::Panic { no, times } => Box::pin(async move {
                if self.ledger.tries(&format!("{} {no}", self.id)) <= u32::from(*times) {
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
    fn placed<R>(&self, call: Call<R>, to: u8, place: Place) -> Call<R> {
        match place {
            Place::Local if to == self.service => call.local(),
            Place::Remote => call.remote(),
            Place::Shielded => shield(call),
            Place::Local | Place::Anywhere => call,
        }
    }

    async fn call(&self, no: u32, to: u8, place: Place, op: &Op) -> Answer {
        let answer = self.placed(call(to, op), to, place).await;
        self.shows("call", no, &answer);
        answer
    }

    async fn spawn(&self, of: &Op, rest: &Op) -> Answer {
        let Op::Call { no, to, place, op } = of else {
            return self.eval(of).await;
        };
        let handle = self.placed(call(*to, op), *to, *place).spawn();
        let sum = mix(2, self.eval(rest).await?);
        let answer = handle.await;
        self.shows("handle", *no, &answer);
        Ok(mix(sum, answer?))
    }

    async fn leaf(&self, no: u32, op: &Op) -> Answer {
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
        let call = match to {
            0 => red_leaf(no, *millis, *fails, *panics),
            1 => green_leaf(no, *millis, *fails, *panics),
            _ => blue_leaf(no, *millis, *fails, *panics),
        };
        let answer = self.placed(call, *to, *place).await.map_err(Wrong::from);
        self.shows("leaf", no, &answer);
        answer
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
            self.ledger
                .steps(&self.id, &name, self.version, *at_most_once);
            if *millis > 0 {
                tokio::time::sleep(Duration::from_millis(*millis)).await;
            }
            let tries = self.ledger.tries(&format!("{} {name}", self.id));
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
