//! What an execution puts into the object store before a turn, and fetches before its body sees it.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture, stream};
use resonate_core::{End, Op, Payload};

use super::{Execution, Standing};
use crate::{
    Error, Result, limits,
    objects::is_reference,
    plumbing::Fetched,
    replay::{Position, each_of_end, each_of_op},
};

/// What is on its way.
#[derive(Default)]
pub(super) struct Transfers {
    /// Arguments that are kept elsewhere: the body begins when they are here.
    arguments: Option<(Payload, Fetched)>,
    fetching: Option<(What, BoxFuture<'static, Result<Payload>>)>,
    keeping: Option<BoxFuture<'static, Vec<(Payload, Payload)>>>,
    /// What is sent instead of which bytes.
    kept: Vec<(Bytes, Payload)>,
}

/// What is fetched.
#[derive(Clone, Copy, Debug)]
enum What {
    Arguments,
    Result(Position),
}

/// What has arrived.
pub(super) enum Transferred {
    Fetched(FetchedWhat),
    Kept(Vec<(Payload, Payload)>),
}

/// What was fetched.
pub(super) struct FetchedWhat {
    what: What,
    payload: Result<Payload>,
}

impl Transfers {
    /// With arguments that are kept elsewhere, if they are.
    pub(super) fn new(param: &Payload, fetched: &Fetched) -> Self {
        let is_elsewhere = is_reference(param);
        let arguments = is_elsewhere.then(|| (param.clone(), Arc::clone(fetched)));
        Self {
            arguments,
            ..Self::default()
        }
    }

    /// True while the body cannot begin.
    pub(super) fn has_no_arguments(&self) -> bool {
        self.arguments.is_some()
    }

    pub(super) fn is_fetching(&self) -> bool {
        self.fetching.is_some()
    }

    /// The next that arrives. Cancel-safe.
    pub(super) async fn next(&mut self) -> Transferred {
        let Self {
            fetching, keeping, ..
        } = self;
        tokio::select! {
            biased;
            fetched = arrived(fetching) => {
                self.fetching = None;
                Transferred::Fetched(fetched)
            }
            kept = put(keeping) => {
                self.keeping = None;
                Transferred::Kept(kept)
            }
        }
    }
}

async fn arrived(
    fetching: &mut Option<(What, BoxFuture<'static, Result<Payload>>)>,
) -> FetchedWhat {
    match fetching {
        Some((what, payload)) => {
            let (what, payload) = (*what, payload.await);
            FetchedWhat { what, payload }
        }
        None => std::future::pending().await,
    }
}

async fn put(
    keeping: &mut Option<BoxFuture<'static, Vec<(Payload, Payload)>>>,
) -> Vec<(Payload, Payload)> {
    match keeping {
        Some(keeping) => keeping.await,
        None => std::future::pending().await,
    }
}

impl Execution {
    /// Begins to fetch what the body needs next, if that is kept elsewhere: one at a time, so that no more than that is in
    /// memory.
    pub(super) fn fetch(&mut self) {
        let is_claimed = !matches!(
            self.standing,
            Standing::Suspended { .. } | Standing::Reclaiming
        );
        if self.transfers.is_fetching() || !self.body.is_alive() || !is_claimed {
            return;
        }
        let (what, reference) = match &self.transfers.arguments {
            Some((param, _)) => (What::Arguments, param.clone()),
            None => match self.context.with(|inner| inner.replay.next_reference()) {
                Some((position, reference)) => (What::Result(position), reference),
                None => return,
            },
        };
        let objects = self.worker.settings().objects.clone();
        let payload = Box::pin(async move {
            match objects {
                Some(objects) => objects.get(reference).await,
                None => Err(crate::objects::unread()),
            }
        });
        self.transfers.fetching = Some((what, payload));
    }

    pub(super) fn handle_transferred(&mut self, transferred: Transferred) {
        let FetchedWhat { what, payload } = match transferred {
            Transferred::Fetched(fetched) => fetched,
            Transferred::Kept(kept) => {
                let kept = kept
                    .into_iter()
                    .map(|(whole, instead)| (whole.data, instead));
                return self.transfers.kept.extend(kept);
            }
        };
        if !self.body.is_alive() {
            return;
        }
        match (what, payload) {
            (What::Arguments, Ok(whole)) => {
                if let Some((_, fetched)) = self.transfers.arguments.take() {
                    // It is empty: arguments are fetched once.
                    let _set = fetched.set(whole).is_ok();
                }
            }
            (What::Result(position), Ok(whole)) => self
                .context
                .with(|inner| inner.replay.handle_fetched(position, whole)),
            (_, Err(error)) => self.fail(error),
        }
    }

    /// The attempt is over, and another one may have what this one needs: that holds also after a result, since it is not
    /// the body that has failed.
    fn fail(&mut self, error: Error) {
        let failure = error.at(self.context.id()).to_failure();
        self.finish(End::Fail {
            failure,
            retryable: true,
            answer: None,
        });
    }

    /// True if everything that the next turn says is as small as it is to be; if not, that begins.
    pub(super) fn is_kept(&mut self, end: &End) -> bool {
        let settings = Arc::clone(self.worker.settings());
        let Some(objects) = &settings.objects else {
            return true;
        };
        if self.transfers.keeping.is_some() {
            return false;
        }
        let server_takes = settings.codecs.server_takes();
        let mut payloads = self.context.with(|inner| inner.replay.unsaid());
        each_of_end(&mut end.clone(), &mut |payload| {
            payloads.push(payload.clone())
        });
        payloads.retain(|payload| {
            objects.takes(payload, server_takes) && self.transfers.instead_of(payload).is_none()
        });
        if payloads.is_empty() {
            return true;
        }
        let (objects, id) = (objects.clone(), self.context.id().clone());
        self.transfers.keeping = Some(Box::pin(async move {
            let putting = payloads.into_iter().map(|payload| {
                let (objects, id) = (objects.clone(), id.clone());
                async move {
                    let instead = objects.put(&id, &payload).await;
                    (payload, instead)
                }
            });
            let putting = stream::iter(putting.collect::<Vec<_>>());
            putting.buffered(limits::OBJECT_WRITES).collect().await
        }));
        false
    }
}

impl Transfers {
    fn instead_of(&self, payload: &Payload) -> Option<&Payload> {
        let is_it = |bytes: &Bytes| {
            bytes.as_ptr() == payload.data.as_ptr() && bytes.len() == payload.data.len()
        };
        let mut kept = self.kept.iter();
        kept.find(|(bytes, _)| is_it(bytes))
            .map(|(_, instead)| instead)
    }

    /// Puts in place what is sent instead.
    pub(super) fn replace(&mut self, ops: &mut [Op], end: &mut End, is_last: bool) {
        if self.kept.is_empty() {
            return;
        }
        let mut each = |payload: &mut Payload| {
            if let Some(instead) = self.instead_of(payload) {
                *payload = instead.clone();
            }
        };
        ops.iter_mut().for_each(|op| each_of_op(op, &mut each));
        each_of_end(end, &mut each);
        if is_last {
            self.kept.clear();
        }
    }
}

impl fmt::Debug for Transfers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfers")
            .field("is_fetching", &self.is_fetching())
            .finish_non_exhaustive()
    }
}
