//! Records, promises and what settles them.

use std::sync::Arc;

use resonate_core::{
    Address, Call, Compensation, Kind, Link, NewPromise, Origin, Promise, PromiseState, Record,
    RetryPolicy, Seq, Settled, Task,
};

use super::{BadMessage, Reading, key_to_wire, timeout_to_wire};
use crate::v1;

impl From<&Record> for v1::Record {
    fn from(record: &Record) -> Self {
        Self {
            promise: Some((&record.promise).into()),
            task: record.task.as_ref().map(v1::Task::from),
        }
    }
}

impl TryFrom<v1::Record> for Record {
    type Error = BadMessage;
    fn try_from(wire: v1::Record) -> Result<Self, BadMessage> {
        let promise = Reading("Record").required("promise", wire.promise)?;
        Ok(Self {
            promise: promise.try_into()?,
            task: wire.task.map(Task::try_from).transpose()?,
        })
    }
}

impl From<&Promise> for v1::Promise {
    fn from(promise: &Promise) -> Self {
        Self {
            id: promise.id.to_string(),
            kind: Some((&promise.kind).into()),
            settled: promise.settled().map(v1::Settled::from),
            created_at_ms: promise.created_at.as_millis(),
            timeout_at_ms: timeout_to_wire(promise.timeout_at),
            origin: promise.origin.as_ref().map(v1::Origin::from),
            generation: promise.generation,
            shielded: promise.shielded,
            compensation: promise.compensation.as_ref().map(Into::into),
            labels: promise.labels.clone(),
            tags: promise.tags.clone(),
            awaiters: promise.awaiters.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::Promise> for Promise {
    type Error = BadMessage;
    fn try_from(wire: v1::Promise) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Promise");
        let state = match wire.settled {
            None => PromiseState::Pending,
            Some(settled) => PromiseState::Settled(Box::new(settled.try_into()?)),
        };
        Ok(Self {
            id: READING.id("id", wire.id)?,
            kind: READING.required("kind", wire.kind)?.try_into()?,
            state,
            created_at: READING.time("created_at_ms", wire.created_at_ms)?,
            timeout_at: READING.timeout("timeout_at_ms", wire.timeout_at_ms)?,
            origin: wire.origin.map(Origin::try_from).transpose()?,
            generation: wire.generation,
            shielded: wire.shielded,
            compensation: wire.compensation.map(TryInto::try_into).transpose()?,
            labels: wire.labels,
            tags: wire.tags,
            awaiters: READING.ids("awaiters", wire.awaiters)?,
        })
    }
}

impl From<&Compensation> for v1::Compensation {
    fn from(compensation: &Compensation) -> Self {
        Self {
            of: compensation
                .of
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            due: compensation.is_due,
        }
    }
}

impl TryFrom<v1::Compensation> for Compensation {
    type Error = BadMessage;
    fn try_from(wire: v1::Compensation) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Compensation");
        let of = (!wire.of.is_empty()).then(|| READING.id("of", wire.of));
        Ok(Self {
            of: of.transpose()?,
            is_due: wire.due,
        })
    }
}

impl From<&Kind> for v1::promise::Kind {
    fn from(kind: &Kind) -> Self {
        match kind {
            Kind::Call(call) => Self::Call((&**call).into()),
            Kind::Step => Self::Step(v1::Step {}),
            Kind::Timer => Self::Timer(v1::Timer {}),
            Kind::External => Self::External(v1::External {}),
            Kind::Proxy(link) => Self::Proxy(link.into()),
            Kind::Schedule(schedule) => Self::Schedule((&**schedule).into()),
        }
    }
}

impl TryFrom<v1::promise::Kind> for Kind {
    type Error = BadMessage;
    fn try_from(wire: v1::promise::Kind) -> Result<Self, BadMessage> {
        use v1::promise::Kind as Wire;
        Ok(match wire {
            Wire::Call(call) => Self::Call(Arc::new(call.try_into()?)),
            Wire::Step(v1::Step {}) => Self::Step,
            Wire::Timer(v1::Timer {}) => Self::Timer,
            Wire::External(v1::External {}) => Self::External,
            Wire::Proxy(link) => Self::Proxy(link.try_into()?),
            Wire::Schedule(schedule) => Self::Schedule(Arc::new(schedule.try_into()?)),
        })
    }
}

/// A retry policy that was said is always written, the default too: a stored promise keeps the policy it has.
impl From<&Call> for v1::Call {
    fn from(call: &Call) -> Self {
        Self {
            service: call.address.service.to_string(),
            function: call.address.function.to_string(),
            version: call.address.version,
            signature: call.signature,
            param: Some((&call.param).into()),
            retry: call.retry.as_ref().map(Into::into),
            priority: call.priority.unwrap_or(0).into(),
            priority_unsaid: call.priority.is_none(),
            start_at_ms: call.start_at.as_millis(),
        }
    }
}

impl TryFrom<v1::Call> for Call {
    type Error = BadMessage;
    fn try_from(wire: v1::Call) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Call");
        Ok(Self {
            address: Address::new(wire.service, wire.function, wire.version),
            signature: wire.signature,
            param: READING.required("param", wire.param)?.try_into()?,
            retry: wire.retry.map(RetryPolicy::from),
            priority: (!wire.priority_unsaid)
                .then(|| READING.number("priority", wire.priority))
                .transpose()?,
            start_at: READING.time("start_at_ms", wire.start_at_ms)?,
        })
    }
}

impl From<&Link> for v1::Link {
    fn from(link: &Link) -> Self {
        use v1::link::Link as Wire;
        let link = match link {
            Link::Call { promise, detached } => Wire::Call(v1::LinkCall {
                promise: Some((&**promise).into()),
                detached: *detached,
            }),
            Link::Await { id } => Wire::AwaitId(id.to_string()),
            Link::Tell { id, outcome } => Wire::Tell(v1::LinkTell {
                id: id.to_string(),
                outcome: Some(outcome.into()),
            }),
        };
        Self { link: Some(link) }
    }
}

impl TryFrom<v1::Link> for Link {
    type Error = BadMessage;
    fn try_from(wire: v1::Link) -> Result<Self, BadMessage> {
        use v1::link::Link as Wire;
        Ok(match Reading("Link").required("link", wire.link)? {
            Wire::Call(call) => {
                let promise = Reading("LinkCall").required("promise", call.promise)?;
                Self::Call {
                    promise: Box::new(promise.try_into()?),
                    detached: call.detached,
                }
            }
            Wire::AwaitId(id) => Self::Await {
                id: Reading("Link").id("await_id", id)?,
            },
            Wire::Tell(tell) => {
                const READING: Reading = Reading("LinkTell");
                let outcome = READING.required("outcome", tell.outcome)?.try_into()?;
                Self::Tell {
                    id: READING.id("id", tell.id)?,
                    outcome,
                }
            }
        })
    }
}

impl From<&NewPromise> for v1::NewPromise {
    fn from(promise: &NewPromise) -> Self {
        Self {
            id: promise.id.to_string(),
            call: promise.call.as_deref().map(v1::Call::from),
            timeout_at_ms: timeout_to_wire(promise.timeout_at),
            labels: promise.labels.clone(),
            tags: promise.tags.clone(),
        }
    }
}

impl TryFrom<v1::NewPromise> for NewPromise {
    type Error = BadMessage;
    fn try_from(wire: v1::NewPromise) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("NewPromise");
        Ok(Self {
            id: READING.id("id", wire.id)?,
            call: wire.call.map(Call::try_from).transpose()?.map(Arc::new),
            timeout_at: READING.timeout("timeout_at_ms", wire.timeout_at_ms)?,
            labels: wire.labels,
            tags: wire.tags,
        })
    }
}

impl From<&Origin> for v1::Origin {
    fn from(origin: &Origin) -> Self {
        Self {
            parent: origin.parent.to_string(),
            generation: origin.generation,
            position: origin.position,
            location: origin.location.to_string(),
            called_at_ms: origin.called_at.as_millis(),
            depth: origin.depth,
        }
    }
}

impl TryFrom<v1::Origin> for Origin {
    type Error = BadMessage;
    fn try_from(wire: v1::Origin) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Origin");
        Ok(Self {
            parent: READING.id("parent", wire.parent)?,
            generation: wire.generation,
            position: wire.position,
            location: wire.location.into(),
            called_at: READING.time("called_at_ms", wire.called_at_ms)?,
            depth: wire.depth,
        })
    }
}

impl From<&Settled> for v1::Settled {
    fn from(settled: &Settled) -> Self {
        Self {
            outcome: Some((&settled.outcome).into()),
            at_ms: settled.at.as_millis(),
            seq: settled.seq.0,
            key: key_to_wire(settled.key),
            because_of: settled
                .because_of
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        }
    }
}

impl TryFrom<v1::Settled> for Settled {
    type Error = BadMessage;
    fn try_from(wire: v1::Settled) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Settled");
        let because_of = wire.because_of;
        let because_of = (!because_of.is_empty()).then(|| READING.id("because_of", because_of));
        Ok(Self {
            outcome: READING.required("outcome", wire.outcome)?.try_into()?,
            at: READING.time("at_ms", wire.at_ms)?,
            seq: Seq(wire.seq),
            key: READING.key("key", &wire.key)?,
            because_of: because_of.transpose()?,
        })
    }
}
