//! From a line to a request.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::{
    Address, Call, ChildKind, Compensation, Create, End, Failure, FailureKind, HaltCause, Link,
    Message, NewChild, NewPromise, NewSchedule, Op, Outcome, Overlap, Payload, Plan, PromiseId,
    ReleaseReason, Request, RetryPolicy, ScheduleChange, Seq, SessionId, SettleKey, TaskVersion,
    Timestamp, Turn,
};

/// One line, read.
pub(super) struct Step {
    pub(super) now: Timestamp,
    pub(super) what: What,
}

/// What a line asks for.
pub(super) enum What {
    Request(Box<Request>),
    DeliverAll,
    ExpireAll,
}

/// Reads lines; numbers the calls of each task.
#[derive(Default)]
pub(super) struct Parser {
    positions: BTreeMap<PromiseId, u32>,
}

type Words<'a> = VecDeque<&'a str>;
type Read<T> = Result<T, String>;

impl Parser {
    pub(super) fn line(&mut self, line: &str) -> Read<Step> {
        let mut words: Words<'_> = line.split_whitespace().collect();
        let now = moment(&mut words)?;
        let verb = word(&mut words)?;
        let what = match (verb, words.len()) {
            ("deliver", 0) => What::DeliverAll,
            ("expire", 0) => What::ExpireAll,
            _ => What::Request(Box::new(self.request(verb, &mut words)?)),
        };
        if words.is_empty() {
            Ok(Step { now, what })
        } else {
            Err(format!("{words:?} is left over"))
        }
    }

    fn request(&mut self, verb: &str, words: &mut Words<'_>) -> Read<Request> {
        let id = id(words)?;
        Ok(match verb {
            "create" => Request::Create(create(id, words)?),
            "get" => Request::Get { id },
            "settle" => Request::Settle {
                id,
                outcome: outcome(words)?,
                key: key(words),
            },
            "cancel" => Request::Cancel {
                id,
                key: key(words),
                reason: rest(words),
            },
            "claim" => {
                let session = session(words)?;
                let announced = option(words, "announced=").map(attempts);
                Request::Claim {
                    id,
                    session,
                    tied: words.pop_front().map(version_of).transpose()?,
                    retry: announced,
                }
            }
            "recall" => Request::Recall {
                id,
                version: version(words)?,
                session: session(words)?,
            },
            "hold" => Request::Hold {
                id,
                version: version(words)?,
                session: session(words)?,
                shown: shown(words)?,
            },
            "turn" => Request::Turn(self.turn(id, words)?),
            "release" => Request::Release {
                id,
                version: version(words)?,
                session: session(words)?,
                why: match word(words)? {
                    "lost" => ReleaseReason::Lost,
                    "stalled" => ReleaseReason::Stalled,
                    _ => ReleaseReason::GivenBack,
                },
            },
            "halt" => Request::Halt {
                id,
                cause: HaltCause::Operator,
                key: key(words),
                reason: rest(words),
            },
            "continue" => Request::Continue {
                id,
                key: key(words),
            },
            "schedule" => Request::Schedule(schedule(id, words)?),
            "pause" | "resume" | "delete" | "trigger" | "backfill" => {
                let change = schedule_change(verb, words)?;
                Request::ChangeSchedule { id, change }
            }
            "expire" => Request::Expire { id },
            "message" => Request::Deliver(message(id, words)?),
            other => return Err(format!("no verb `{other}`")),
        })
    }

    fn turn(&mut self, id: PromiseId, words: &mut Words<'_>) -> Read<Turn> {
        let (version, session) = (version(words)?, session(words)?);
        let n = word(words)?
            .strip_prefix('n')
            .and_then(|n| n.parse().ok())
            .ok_or("a turn has a number, `n1`")?;
        let shown = if words.front().is_some_and(|word| word.starts_with("shown=")) {
            shown(words)?
        } else {
            Seq::ZERO
        };
        let mut ops = Vec::new();
        while words.front().is_some_and(|word| *word != "=>") {
            ops.push(self.op(&id, words)?);
        }
        words.pop_front();
        Ok(Turn {
            id,
            version,
            session,
            n,
            shown,
            ops,
            end: end(words)?,
        })
    }

    fn op(&mut self, task: &PromiseId, words: &mut Words<'_>) -> Read<Op> {
        let verb = word(words)?;
        if verb == "label" {
            let (name, value) = (word(words)?.to_owned(), word(words)?.to_owned());
            return Ok(Op::Label { name, value });
        }
        let id = id(words)?;
        match verb {
            "drop" => return Ok(Op::Cancel { id }),
            "move" => {
                let timeout_at = Timestamp::from_millis(number(words)?);
                return Ok(Op::MoveTimer { id, timeout_at });
            }
            _ => {}
        }
        let child = self.child(task, id, verb, words)?;
        Ok(match verb {
            "+claimed" => Op::CreateClaimed(child),
            "+leaf" | "+record" => Op::Record(child, outcome(words)?),
            _ => Op::Create(child),
        })
    }

    fn child(
        &mut self,
        task: &PromiseId,
        id: PromiseId,
        verb: &str,
        words: &mut Words<'_>,
    ) -> Read<NewChild> {
        let mut timeout_at = Timestamp::NEVER;
        let kind = match verb {
            "+call" | "+claimed" | "+leaf" => ChildKind::Call(call(words)?),
            "+record" | "+step" => ChildKind::Step,
            "+timer" => {
                timeout_at = Timestamp::from_millis(number(words)?);
                ChildKind::Timer
            }
            "+external" => ChildKind::External,
            "+await" => ChildKind::Proxy(Link::Await {
                id: self::id(words)?,
            }),
            "+tell" => {
                let (id, outcome) = (self::id(words)?, outcome(words)?);
                ChildKind::Proxy(Link::Tell { id, outcome })
            }
            "+own" | "+detach" => {
                let promise = Box::new(create(self::id(words)?, words)?.promise);
                let detached = verb == "+detach";
                ChildKind::Proxy(Link::Call { promise, detached })
            }
            other => return Err(format!("no op `{other}`")),
        };
        timeout_at = option(words, "timeout=").map_or(timeout_at, Timestamp::from_millis);
        let shielded = words.front() == Some(&"shielded") && words.pop_front().is_some();
        let compensation = match words.front() {
            Some(&"undo") => {
                words.pop_front();
                let of = match words.front().and_then(|word| word.strip_prefix("of=")) {
                    Some(of) => Some(PromiseId::new(of).map_err(|bad| bad.to_string())?),
                    None => None,
                };
                if of.is_some() {
                    words.pop_front();
                }
                Some(Compensation { of, is_due: false })
            }
            _ => None,
        };
        let position = self.positions.entry(task.clone()).or_default();
        *position += 1;
        Ok(NewChild {
            id,
            position: *position,
            location: Arc::from("here"),
            called_at: Timestamp::ZERO,
            kind,
            timeout_at,
            shielded,
            compensation,
            labels: BTreeMap::new(),
        })
    }
}

/// `message order-1 subscribe a.x`: what another tree, `a`, sent to `order-1`.
fn message(id: PromiseId, words: &mut Words<'_>) -> Read<Message> {
    Ok(match word(words)? {
        "wave" => Message::Wave { id },
        "answers" => Message::Answers { id },
        "trim" => Message::Trim { id },
        "cancel" => Message::Cancel {
            id,
            reason: rest(words),
        },
        "unsubscribe" => Message::Unsubscribe {
            id,
            back: self::id(words)?,
        },
        "answer" => Message::Answer {
            proxy: id,
            outcome: outcome(words)?,
        },
        "subscribe" => Message::Subscribe {
            id,
            back: self::id(words)?,
        },
        "tell" => Message::Tell {
            id,
            back: self::id(words)?,
            outcome: outcome(words)?,
        },
        "create" => {
            let back = self::id(words)?;
            let promise = Box::new(create(id, words)?.promise);
            Message::Create {
                promise,
                back,
                detached: false,
            }
        }
        other => return Err(format!("no message `{other}`")),
    })
}

/// `schedule nightly s/f cron=0_3_*_*_* zone=Europe/Berlin overlap=skip catchup=60000 timeout=5`.
fn schedule(id: PromiseId, words: &mut Words<'_>) -> Read<NewSchedule> {
    let call = call(words)?;
    let mut named = |name: &str| {
        let value = words.front().and_then(|word| word.strip_prefix(name))?;
        words.pop_front();
        Some(value)
    };
    let cron = named("cron=")
        .ok_or("`cron=` is missing")?
        .replace('_', " ");
    let timezone = named("zone=").unwrap_or("UTC").to_owned();
    let overlap = named("overlap=").map_or(Some(Overlap::Skip), Overlap::of_name);
    let millis = |text: &str| text.parse().map(Duration::from_millis).ok();
    let plan = Plan {
        cron,
        timezone,
        overlap: overlap.ok_or("no such overlap policy")?,
        catch_up: named("catchup=")
            .and_then(millis)
            .unwrap_or(Duration::from_secs(3_600)),
        call,
        timeout: named("timeout=").and_then(millis),
    };
    Ok(NewSchedule { id, plan })
}

fn schedule_change(verb: &str, words: &mut Words<'_>) -> Read<ScheduleChange> {
    Ok(match verb {
        "pause" => ScheduleChange::Pause {
            reason: rest(words),
        },
        "resume" => ScheduleChange::Resume,
        "delete" => ScheduleChange::Delete,
        "trigger" => ScheduleChange::Trigger { key: key(words) },
        _ => ScheduleChange::Backfill {
            from: moment(words)?,
            to: moment(words)?,
        },
    })
}

fn create(id: PromiseId, words: &mut Words<'_>) -> Read<Create> {
    let call = match words.front() {
        Some(word) if word.contains('/') => Some(call(words)?),
        _ => None,
    };
    let timeout_at = option(words, "timeout=").map_or(Timestamp::NEVER, Timestamp::from_millis);
    let any = words.front() == Some(&"any") && words.pop_front().is_some();
    Ok(Create {
        promise: NewPromise {
            id,
            call,
            timeout_at,
            labels: BTreeMap::new(),
            tags: BTreeMap::new(),
        },
        any,
    })
}

fn call(words: &mut Words<'_>) -> Read<Arc<Call>> {
    let address: Address = word(words)?.parse().map_err(|bad| format!("{bad}"))?;
    let param =
        Payload::json(option(words, "arg=").map_or("[]".to_owned(), |arg: i64| format!("[{arg}]")));
    let start_at = option(words, "at=").map_or(Timestamp::ZERO, Timestamp::from_millis);
    let priority = option(words, "priority=").and_then(|priority| i8::try_from(priority).ok());
    let retry = if words.front() == Some(&"unsaid") && words.pop_front().is_some() {
        None
    } else {
        Some(attempts(option(words, "attempts=").unwrap_or(0)))
    };
    Ok(Arc::new(Call {
        address,
        signature: 0,
        param,
        retry,
        priority,
        start_at,
    }))
}

/// So many attempts, one right after the other; 0: without end.
fn attempts(max: i64) -> RetryPolicy {
    RetryPolicy {
        initial: Duration::ZERO,
        max: Duration::ZERO,
        max_attempts: u32::try_from(max).ok().filter(|max| *max > 0),
        ..RetryPolicy::DEFAULT
    }
}

fn outcome(words: &mut Words<'_>) -> Read<Outcome> {
    Ok(match word(words)? {
        "resolved" => Outcome::Resolved(Payload::json(word(words)?.to_owned())),
        "rejected" => Outcome::Rejected(Payload::json(word(words)?.to_owned())),
        "failed" => Outcome::Failed(Failure::new(FailureKind::Failed, word(words)?)),
        "canceled" => Outcome::Canceled {
            reason: word(words)?.to_owned(),
        },
        "timedout" => Outcome::TimedOut,
        other => return Err(format!("no outcome `{other}`")),
    })
}

fn end(words: &mut Words<'_>) -> Read<End> {
    Ok(match word(words)? {
        "go" => End::GoOn,
        "suspend" => End::Suspend { tied: false },
        "tie" => End::Suspend { tied: true },
        "fulfill" => End::Fulfill(outcome(words)?),
        "fail" => End::Fail {
            failure: Failure::new(FailureKind::Failed, word(words)?),
            retryable: true,
            answer: None,
        },
        "panic" => End::Fail {
            failure: Failure::new(FailureKind::Panicked, word(words)?),
            retryable: true,
            answer: None,
        },
        "end" => End::Fail {
            failure: Failure::new(FailureKind::Failed, word(words)?),
            retryable: false,
            answer: None,
        },
        "refuse" => {
            let answer = Some(Payload::json(word(words)?.to_owned()));
            End::Fail {
                failure: Failure::new(FailureKind::Failed, "an answer"),
                retryable: true,
                answer,
            }
        }
        "continue" => End::ContinueAs(Payload::json(word(words)?.to_owned())),
        "release" => End::Release,
        "halt" => End::Halt {
            cause: HaltCause::NonDeterministic,
            reason: rest(words),
        },
        other => return Err(format!("no end `{other}`")),
    })
}

fn word<'a>(words: &mut Words<'a>) -> Read<&'a str> {
    words
        .pop_front()
        .ok_or_else(|| "a word is missing".to_owned())
}

fn rest(words: &mut Words<'_>) -> String {
    std::mem::take(words)
        .into_iter()
        .collect::<Vec<_>>()
        .join(" ")
}

fn number(words: &mut Words<'_>) -> Read<i64> {
    word(words)?
        .parse()
        .map_err(|_| "a number is missing".to_owned())
}

/// Milliseconds, or a time as it stands in the id of a firing: `20260329T010000Z`.
fn moment(words: &mut Words<'_>) -> Read<Timestamp> {
    let text = word(words)?;
    if let Ok(millis) = text.parse() {
        return Ok(Timestamp::from_millis(millis));
    }
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text)
        .and_then(|civil| jiff::tz::Offset::UTC.to_timestamp(civil))
        .map_err(|_| format!("`{text}` is no time"))?;
    Ok(Timestamp::from_millis(time.as_millisecond()))
}

fn option(words: &mut Words<'_>, name: &str) -> Option<i64> {
    let value = words.front()?.strip_prefix(name)?.parse().ok()?;
    words.pop_front();
    Some(value)
}

/// `key=1`, if it is there.
fn key(words: &mut Words<'_>) -> Option<SettleKey> {
    option(words, "key=").map(|key| SettleKey(u128::from(key.unsigned_abs())))
}

fn id(words: &mut Words<'_>) -> Read<PromiseId> {
    PromiseId::new(word(words)?).map_err(|bad| bad.to_string())
}

fn version(words: &mut Words<'_>) -> Read<TaskVersion> {
    version_of(word(words)?)
}

fn version_of(word: &str) -> Read<TaskVersion> {
    let number = word
        .strip_prefix('v')
        .and_then(|version| version.parse().ok());
    number
        .map(TaskVersion)
        .ok_or_else(|| "a fencing token is written `v1`".to_owned())
}

/// A session is a letter.
fn session(words: &mut Words<'_>) -> Read<SessionId> {
    match word(words)?.as_bytes() {
        [letter @ b'A'..=b'Z'] => Ok(SessionId(u128::from(*letter))),
        _ => Err("a session is a capital letter".to_owned()),
    }
}

/// `shown=3.2`: place 2 of batch 3.
fn shown(words: &mut Words<'_>) -> Read<Seq> {
    let text = word(words)?
        .strip_prefix("shown=")
        .ok_or("`shown=0` is missing")?;
    let Some((batch, place)) = text.split_once('.') else {
        return Ok(Seq::ZERO);
    };
    let (batch, place): (u64, u64) = (
        batch.parse().map_err(|_| "no batch")?,
        place.parse().map_err(|_| "no place")?,
    );
    Ok(Seq(Seq::before_batch(batch).0 + place))
}
