//! What users put around the running of functions and the making of calls: [`tower`](tower_layer) layers.
//!
//! Around functions: a [`Body`] comes in whenever a worker begins to run one, [`Ended`] goes out. That is once for each
//! attempt, and again for each replay of it, which begins from the first line; a body that waits may be dropped and begun
//! again elsewhere. So nothing that happens in a layer is durable, and what it decides must come out the same each time:
//! from the call, its tags, or what the process has. It makes no durable calls and takes no steps of its own; they would
//! become part of the history of every function. Clocks hold up its suspension; a layer measures, and does not wait.
//!
//! Around calls: a [`NewCall`] comes in when a call outside of durable functions is made, [`Made`] goes out once the
//! server has it. Here anything may be done, once for each time that the program makes the call.

mod body;
mod client;

use std::{
    error::Error as StdError,
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tower_layer::Layer;
use tower_service::Service;

pub use self::{
    body::Body,
    client::{Made, NewCall},
};
pub(crate) use self::{
    body::{Bodies, BodyLayers, around as around_bodies, begin},
    client::{CallLayers, Calls, around as around_calls},
};
pub use crate::plumbing::Ended;
use crate::{Error, Result};

/// The running of functions, as a layer finds it below: a [`tower_service::Service`] of `Q` that gives `A`.
pub struct Below<Q, A>(Arc<Run<Q, A>>);

type Run<Q, A> = dyn Fn(Q) -> BoxFuture<'static, Result<A>> + Send + Sync;

/// Layers of one kind, the first around all others.
pub(crate) struct Layers<Q, A>(Vec<Around<Q, A>>);

type Around<Q, A> = Box<dyn Fn(Below<Q, A>) -> Below<Q, A> + Send + Sync>;

impl<Q: Send + 'static, A: 'static> Layers<Q, A> {
    /// One more, inside of those that are there.
    pub(crate) fn push<L>(&mut self, layer: L)
    where
        L: Layer<Below<Q, A>> + Send + Sync + 'static,
        L::Service: Service<Q, Response = A> + Clone + Send + Sync + 'static,
        <L::Service as Service<Q>>::Error: Into<Box<dyn StdError + Send + Sync>>,
        <L::Service as Service<Q>>::Future: Send + 'static,
    {
        self.0.push(Box::new(move |below| {
            let service = layer.layer(below);
            Below::new(move |call| {
                let mut service = service.clone();
                async move {
                    let ready = poll_fn(|cx| service.poll_ready(cx)).await;
                    ready.map_err(Error::from_boxed)?;
                    service.call(call).await.map_err(Error::from_boxed)
                }
            })
        }));
    }

    /// All of them around this; nothing, if there is none.
    pub(crate) fn around<F>(
        &self,
        run: impl Fn(Q) -> F + Send + Sync + 'static,
    ) -> Option<Below<Q, A>>
    where
        F: Future<Output = Result<A>> + Send + 'static,
    {
        let is_any = !self.0.is_empty();
        is_any.then(|| {
            let innermost = Below::new(run);
            let inwards = self.0.iter().rev();
            inwards.fold(innermost, |below, around| around(below))
        })
    }
}

impl<Q, A> Below<Q, A> {
    fn new<F>(run: impl Fn(Q) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<A>> + Send + 'static,
    {
        Self(Arc::new(move |call| Box::pin(run(call))))
    }

    pub(crate) fn run(&self, call: Q) -> BoxFuture<'static, Result<A>> {
        (self.0)(call)
    }
}

impl<Q, A> Service<Q> for Below<Q, A> {
    type Response = A;
    type Error = Error;
    type Future = BoxFuture<'static, Result<A>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Q) -> Self::Future {
        self.run(call)
    }
}

impl<Q, A> Clone for Below<Q, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q, A> Default for Layers<Q, A> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<Q, A> fmt::Debug for Below<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Below")
    }
}

impl<Q, A> fmt::Debug for Layers<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layers", self.0.len())
    }
}
