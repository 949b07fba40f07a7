//! Calls and promises outside of durable functions: they go to the process's `Resonate`.
//!
//! Which one that is, is looked up when the function is called, not when its future is polled.

use std::{collections::BTreeMap, panic::Location, sync::Arc, time::Duration};

use resonate_core::{
    Address, Call, Create, NewPromise, Outcome, Payload, PromiseId, Record, SettleKey, Timestamp,
};
use resonate_proto::client::{Cancel, PromiseReply, SendTo, Settle};

use crate::{
    Error, ErrorKind, Result, ambient, layer,
    objects::{is_reference, payload_of},
    resonate::Process,
    settings::Settings,
};

pub(crate) use crate::ambient::settings;

/// A root to be created.
#[derive(Debug)]
pub(crate) struct NewCall {
    pub(crate) id: PromiseId,
    pub(crate) call: Call,
    /// Not started earlier than this from now.
    pub(crate) delay: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) location: &'static Location<'static>,
}

/// Creates the root, or joins the one of that id, and waits for how it ends.
pub(crate) fn start(new: NewCall) -> impl Future<Output = Result<Outcome>> + Send + 'static {
    let process = ambient::process(new.location);
    async move {
        let process = process?;
        let (id, address) = (new.id.clone(), new.call.address.clone());
        let reply = through_layers(&process, new).await?;
        outcome(&process, id, Some(address), Some(reply)).await
    }
}

/// Creates the root, or finds the one of that id, and does not wait for it.
pub(crate) fn create(new: NewCall) -> impl Future<Output = Result<()>> + Send + 'static {
    let process = ambient::process(new.location);
    async move { through_layers(&process?, new).await.map(|_| ()) }
}

/// Waits for a promise that somebody else created.
#[track_caller]
pub(crate) fn wait(id: PromiseId) -> impl Future<Output = Result<Outcome>> + Send + 'static {
    let process = ambient::process(Location::caller());
    async move { outcome(&*process?, id, None, None).await }
}

/// Settles or cancels a promise; false if it was settled already.
#[track_caller]
pub(crate) fn tell(
    id: PromiseId,
    outcome: Outcome,
) -> impl Future<Output = Result<bool>> + Send + 'static {
    let process = ambient::process(Location::caller());
    async move { process?.tell(id, outcome).await }
}

/// Sends a running execution a message.
#[track_caller]
pub(crate) fn send(
    id: PromiseId,
    message: Payload,
) -> impl Future<Output = Result<()>> + Send + 'static {
    let process = ambient::process(Location::caller());
    async move {
        // The client repeats it until it has an answer; it must come once.
        let key = SettleKey(fastrand::u128(..));
        process?.send(id, message, key).await
    }
}

async fn through_layers(process: &Arc<Process>, new: NewCall) -> Result<PromiseReply> {
    let Some(calls) = &process.settings().calls else {
        return process.create(new).await;
    };
    let id = new.id.clone();
    let made = calls.run(layer::NewCall::new(new, Arc::clone(process)));
    made.await
        .map(layer::Made::into_reply)
        .map_err(|error| error.at(&id))
}

impl Process {
    /// Sends a running execution a message, once under this key.
    pub(crate) async fn send(&self, id: PromiseId, message: Payload, key: SettleKey) -> Result<()> {
        let key = Some(key);
        self.client().send(SendTo { id, message, key }).await?;
        Ok(())
    }

    pub(crate) async fn create(&self, mut new: NewCall) -> Result<PromiseReply> {
        new.call.param = self.kept(&new.id, new.call.param).await?;
        if let Some(delay) = new.delay {
            new.call.start_at = self.clock().now().after(delay);
        }
        let timeout_at = new.timeout.map_or(Timestamp::NEVER, |timeout| {
            self.clock().now().after(timeout)
        });
        let call = Some(Arc::new(new.call));
        let promise = NewPromise {
            id: new.id,
            call,
            timeout_at,
            labels: new.labels,
            tags: new.tags,
        };
        self.client()
            .create(Create {
                promise,
                any: false,
            })
            .await
    }

    /// What is sent of a payload.
    async fn kept(&self, id: &PromiseId, payload: Payload) -> Result<Payload> {
        let Settings {
            objects, codecs, ..
        } = &**self.settings();
        match objects {
            Some(objects) if objects.takes(&payload, codecs.server_takes()) => {
                let (objects, id) = (objects.clone(), id.clone());
                let putting = async move { objects.put(&id, &payload).await };
                self.client().run(putting).await
            }
            _ => Ok(payload),
        }
    }

    /// An outcome with what it stands for, if that is kept elsewhere.
    pub(crate) async fn fetched(&self, outcome: Outcome) -> Result<Outcome> {
        match &self.settings().objects {
            Some(objects) if payload_of(&outcome).is_some_and(is_reference) => {
                let objects = objects.clone();
                let getting = async move { objects.get_outcome(outcome).await };
                self.client().run(getting).await?
            }
            _ => Ok(outcome),
        }
    }

    /// Settles or cancels a promise; false if it was settled already.
    pub(crate) async fn tell(&self, id: PromiseId, outcome: Outcome) -> Result<bool> {
        // The client repeats it until it has an answer, and the answer must be the first one's.
        let key = Some(SettleKey(fastrand::u128(..)));
        let outcome = match outcome {
            Outcome::Resolved(value) => Outcome::Resolved(self.kept(&id, value).await?),
            Outcome::Rejected(error) => Outcome::Rejected(self.kept(&id, error).await?),
            other @ (Outcome::Failed(_) | Outcome::Canceled { .. } | Outcome::TimedOut) => other,
        };
        let told = match outcome {
            Outcome::Canceled { reason } => {
                let cancel = Cancel { id, reason, key };
                self.client().cancel(cancel).await
            }
            Outcome::Resolved(_)
            | Outcome::Rejected(_)
            | Outcome::Failed(_)
            | Outcome::TimedOut => self.client().settle(Settle { id, outcome, key }).await,
        };
        match told {
            Ok(reply) => Ok(reply.new),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// How a promise ends, when it does.
pub(crate) async fn outcome(
    process: &Process,
    id: PromiseId,
    waits_for: Option<Address>,
    known: Option<PromiseReply>,
) -> Result<Outcome> {
    let settled = |record: &Record| {
        record
            .promise
            .settled()
            .map(|settled| settled.outcome.clone())
    };
    if let Some(outcome) = known.and_then(|reply| settled(&reply.record)) {
        return process
            .fetched(outcome)
            .await
            .map_err(|error| error.at(&id));
    }
    let record = process.client().settled(id.clone(), waits_for).await?;
    let outcome = settled(&record).ok_or_else(|| {
        Error::of(
            ErrorKind::Unavailable,
            "the server sent a promise that is not settled",
        )
        .at(&id)
    })?;
    process
        .fetched(outcome)
        .await
        .map_err(|error| error.at(&id))
}
