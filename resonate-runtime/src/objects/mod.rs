//! Large payloads in an object store of the user's: what is sent instead is a reference.
//!
//! Here is what a reference says, and how long one tries; `store` is the one place that knows `object_store`. When
//! something is put and fetched is decided by the execution (`worker/execution/objects.rs`) and by the client
//! (`outside.rs`): bodies and codecs see whole payloads only.

mod reference;
#[cfg(feature = "object-store")]
mod store;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use resonate_core::{Encoding, Outcome, Payload, PromiseId};

pub(crate) use self::reference::{Place, is_reference};
#[cfg(feature = "object-store")]
pub use self::store::Objects;
use crate::{Error, ErrorKind, Result, client::Backoff, limits, say};

/// Where large payloads are kept. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    keeper: Arc<dyn Keeper>,
    above: usize,
}

/// What keeps bytes.
pub(crate) trait Keeper: fmt::Debug + Send + Sync {
    /// Keeps them below this root. The same bytes twice are one object.
    fn put(&self, root: String, data: Bytes) -> BoxFuture<'static, Result<Place>>;
    /// Gives them back, whole and unchanged.
    fn get(&self, place: Place) -> BoxFuture<'static, Result<Bytes, Missing>>;
}

/// Why bytes cannot be given back.
#[cfg_attr(
    not(feature = "object-store"),
    allow(dead_code, reason = "nothing is kept without it")
)]
#[derive(Debug)]
pub(crate) enum Missing {
    /// Another try may succeed at once.
    Now(Error),
    /// It is not there, or is not what was put.
    Gone(String),
}

impl Kept {
    #[cfg_attr(
        not(feature = "object-store"),
        allow(dead_code, reason = "nothing is kept without it")
    )]
    pub(crate) fn new(keeper: Arc<dyn Keeper>, above: usize) -> Self {
        Self { keeper, above }
    }

    /// True for what is not sent itself, where a server takes at most so many bytes.
    pub(crate) fn takes(&self, payload: &Payload, server_takes: usize) -> bool {
        self.above.min(server_takes) < payload.bytes() && !is_reference(payload)
    }

    /// Keeps a payload, and gives what is sent instead. Tries until it succeeds, as with a server that is away: what was
    /// asked for cannot be said without it. Cancel-safe: what is kept for nothing is found by its root.
    pub(crate) async fn put(&self, id: &PromiseId, payload: &Payload) -> Payload {
        let (mut backoff, mut tries) = (Backoff::new(), 0u32);
        loop {
            let put = self.keeper.put(id.root().to_owned(), payload.data.clone());
            let error = match put.await {
                Ok(place) => return place.instead_of(payload),
                Err(error) => error,
            };
            tries = tries.saturating_add(1);
            if tries.is_power_of_two() {
                say::warn(format_args!(
                    "{} bytes of `{id}` cannot be put into the object store ({error:#}); it waits, and tries again until they are",
                    payload.data.len()
                ));
            }
            tokio::time::sleep(backoff.next()).await;
        }
    }

    /// What a reference stands for. What is no reference is given back.
    ///
    /// # Errors
    /// It is not there, was changed, or could not be read for a while. None of them is final.
    pub(crate) async fn get(&self, payload: Payload) -> Result<Payload> {
        let Some(place) = Place::of(&payload)? else {
            return Ok(payload);
        };
        let (mut backoff, mut tries) = (Backoff::new(), 0);
        loop {
            tries += 1;
            match self.keeper.get(place.clone()).await {
                Ok(data) => return Ok(place.of_which(payload, data)),
                Err(Missing::Gone(why)) => return Err(Error::of(ErrorKind::Unavailable, why)),
                Err(Missing::Now(error)) if tries == limits::OBJECT_READS => {
                    let what = format!("the object `{}` could not be read", place.key);
                    return Err(Error::of(
                        ErrorKind::Unavailable,
                        format_args!("{what}: {error:#}"),
                    ));
                }
                Err(Missing::Now(_)) => tokio::time::sleep(backoff.next()).await,
            }
        }
    }

    /// The same of an outcome.
    pub(crate) async fn get_outcome(&self, outcome: Outcome) -> Result<Outcome> {
        Ok(match outcome {
            Outcome::Resolved(payload) => Outcome::Resolved(self.get(payload).await?),
            Outcome::Rejected(payload) => Outcome::Rejected(self.get(payload).await?),
            Outcome::Failed(_) | Outcome::Canceled { .. } | Outcome::TimedOut => outcome,
        })
    }
}

/// The payload of an outcome, if it has one.
pub(crate) fn payload_of(outcome: &Outcome) -> Option<&Payload> {
    match outcome {
        Outcome::Resolved(payload) | Outcome::Rejected(payload) => Some(payload),
        Outcome::Failed(_) | Outcome::Canceled { .. } | Outcome::TimedOut => None,
    }
}

/// Why a reference is read where nothing is kept.
pub(crate) fn unread() -> Error {
    let message = format!(
        "its bytes are in an object store (`{}`), and this process has none; give it to `Resonate::builder().objects(..)`, with the feature `object-store`",
        Encoding::OBJECT.0
    );
    Error::of(ErrorKind::Decode, message)
}
