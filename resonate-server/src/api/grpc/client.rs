//! The service of who only asks.

use std::pin::Pin;

use resonate_core::{Capabilities, Create, HaltCause, Reply, Request as Asked};
use resonate_proto::{
    client::{
        Cancel, ChangeSchedule, Continue, Halt, Info, PromiseReply, Search, Settle, TreeSearch,
        Watch,
    },
    rpc::ClientService,
    stream::PROTOCOL,
    v1,
};
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use super::{unanswered, unlisted};
use crate::{
    api::lists::Lists,
    clock::Clock,
    engine::{Settings, Told, thread::Handle},
    limits::WATCH_IDS,
    process,
};

/// Answers clients.
#[derive(Debug)]
pub(super) struct ClientApi {
    engine: Handle,
    lists: Lists,
    about: About,
    capabilities: Capabilities,
}

/// What the server says about itself.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// Which store it has.
    pub(crate) store: String,
    /// What the engine was told.
    pub(crate) settings: Settings,
    /// When it started.
    pub(crate) started_at: resonate_core::Timestamp,
    /// From the start of the process until it answered.
    pub(crate) ready_after: std::time::Duration,
}

impl About {
    pub(crate) fn new(store: String, settings: Settings, clock: Clock) -> Self {
        Self {
            store,
            settings,
            started_at: clock.now().wall,
            ready_after: process::age().unwrap_or_else(|| clock.running()),
        }
    }
}

type Promise = Result<Response<v1::PromiseReply>, Status>;

impl ClientApi {
    pub(super) fn new(
        engine: Handle,
        lists: Lists,
        about: About,
        capabilities: Capabilities,
    ) -> Self {
        Self {
            engine,
            lists,
            about,
            capabilities,
        }
    }

    async fn promise(&self, asked: Asked) -> Promise {
        let Told { at, answer } = self.engine.ask(asked).await;
        match answer.map_err(|error| unanswered(error, at))? {
            Reply::Promise { record, new } => {
                Ok(Response::new((&PromiseReply { record, new, at }).into()))
            }
            Reply::Claimed(_) | Reply::Held { .. } | Reply::Turn(_) | Reply::Done => {
                Err(Status::internal(
                    "the engine answered something else than was asked; please report it",
                ))
            }
        }
    }
}

#[tonic::async_trait]
impl ClientService for ClientApi {
    async fn create(&self, request: Request<v1::CreateRequest>) -> Promise {
        self.promise(Asked::Create(Create::try_from(request.into_inner())?))
            .await
    }

    async fn get(&self, request: Request<v1::GetRequest>) -> Promise {
        self.promise(Asked::Get {
            id: request.into_inner().try_into()?,
        })
        .await
    }

    async fn url(
        &self,
        request: Request<v1::GetRequest>,
    ) -> Result<Response<v1::UrlReply>, Status> {
        let found = self.get(request).await?.into_inner();
        let id = PromiseReply::try_from(found)?.record.promise.id.clone();
        let url = self.capabilities.url(&id);
        Ok(Response::new(v1::UrlReply { url }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::PromiseReply, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let Watch { ids } = request.into_inner().try_into()?;
        if ids.len() > WATCH_IDS {
            let why = format!(
                "a watch names {} promises; at most {WATCH_IDS} are allowed",
                ids.len()
            );
            return Err(Status::invalid_argument(why));
        }
        let count = ids.len();
        let watched = self
            .engine
            .watch(ids)
            .await
            .map_err(|error| unanswered(error, None))?;
        let replies = ReceiverStream::new(watched)
            .take(count)
            .map(|Told { at, answer }| {
                let record = answer.map_err(|error| unanswered(error, at))?;
                let new = false;
                Ok((&PromiseReply { record, new, at }).into())
            });
        Ok(Response::new(Box::pin(replies)))
    }

    async fn settle(&self, request: Request<v1::SettleRequest>) -> Promise {
        let Settle { id, outcome, key } = request.into_inner().try_into()?;
        self.promise(Asked::Settle { id, outcome, key }).await
    }

    async fn cancel(&self, request: Request<v1::CancelRequest>) -> Promise {
        let Cancel { id, reason, key } = request.into_inner().try_into()?;
        self.promise(Asked::Cancel { id, reason, key }).await
    }

    async fn halt(&self, request: Request<v1::HaltRequest>) -> Promise {
        let Halt { id, reason, key } = request.into_inner().try_into()?;
        self.promise(Asked::Halt {
            id,
            cause: HaltCause::Operator,
            reason,
            key,
        })
        .await
    }

    async fn r#continue(&self, request: Request<v1::ContinueRequest>) -> Promise {
        let Continue { id, key } = request.into_inner().try_into()?;
        self.promise(Asked::Continue { id, key }).await
    }

    async fn schedule(&self, request: Request<v1::ScheduleRequest>) -> Promise {
        let new = request.into_inner().try_into()?;
        self.promise(Asked::Schedule(new)).await
    }

    async fn change_schedule(&self, request: Request<v1::ChangeScheduleRequest>) -> Promise {
        let ChangeSchedule { id, change } = request.into_inner().try_into()?;
        self.promise(Asked::ChangeSchedule { id, change }).await
    }

    async fn search(
        &self,
        request: Request<v1::SearchRequest>,
    ) -> Result<Response<v1::SearchReply>, Status> {
        let search = Search::try_from(request.into_inner())?;
        let page = self.lists.search(search).await.map_err(unlisted)?;
        Ok(Response::new((&page).into()))
    }

    async fn tree(
        &self,
        request: Request<v1::TreeRequest>,
    ) -> Result<Response<v1::TreeReply>, Status> {
        let search = TreeSearch::try_from(request.into_inner())?;
        let page = self.lists.tree(search).await.map_err(unlisted)?;
        Ok(Response::new((&page).into()))
    }

    async fn workers(
        &self,
        _: Request<v1::WorkersRequest>,
    ) -> Result<Response<v1::WorkersReply>, Status> {
        let view = self
            .engine
            .look()
            .await
            .map_err(|error| unanswered(error, None))?;
        Ok(Response::new((&*view.workers).into()))
    }

    async fn functions(
        &self,
        _: Request<v1::FunctionsRequest>,
    ) -> Result<Response<v1::FunctionsReply>, Status> {
        let view = self
            .engine
            .look()
            .await
            .map_err(|error| unanswered(error, None))?;
        Ok(Response::new((&*view.functions).into()))
    }

    async fn info(&self, _: Request<v1::InfoRequest>) -> Result<Response<v1::InfoReply>, Status> {
        let figures = self
            .engine
            .look()
            .await
            .map_err(|error| unanswered(error, None))?
            .figures;
        let info = Info {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL,
            store: self.about.store.clone(),
            partitions: u32::from(resonate_core::limits::PARTS),
            payload_bytes_max: resonate_core::limits::PAYLOAD_BYTES,
            lease: self.about.settings.lease,
            commits: figures.commits,
            requests: figures.requests,
            cpu: process::cpu(),
            resident_bytes: process::resident_bytes(),
            started_at: self.about.started_at,
            ready_after: self.about.ready_after,
        };
        Ok(Response::new((&info).into()))
    }
}
