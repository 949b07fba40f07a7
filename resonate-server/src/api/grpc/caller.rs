//! Calls the client API, in core types. What the command line asks with.

use std::{sync::Arc, time::Duration};

use resonate_core::limits::MESSAGE_BYTES;
use resonate_core::{Create, NewSchedule, PromiseId, Record, Refusal};
use resonate_proto::{
    BadMessage,
    client::{
        Cancel, ChangeSchedule, Continue, Halt, Info, Page, PromiseReply, Search, ServedFunction,
        Settle, TreeSearch, Watch, WorkerInfo,
    },
    convert::status,
    rpc::ClientCaller,
    v1,
};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

use crate::limits::{KEEPALIVE, KEEPALIVE_TIMEOUT};

/// A connection to a server.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    client: ClientCaller<Channel>,
    url: String,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The URL is none.
    #[error("{url:?} is no URL of a server: {why}; write it like http://127.0.0.1:8001")]
    BadUrl { url: String, why: String },
    /// Nobody answers there.
    #[error(
        "no server answers at {url}: {why}; start one with `resonate serve`, or name another with --server"
    )]
    Unreachable { url: String, why: String },
    /// A documented no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another no, in the server's words.
    #[error("{0}")]
    NotDone(String),
    /// The server is in trouble.
    #[error("the server could not answer: {0}")]
    Broken(String),
    /// The answer cannot be understood.
    #[error("the server answered something this version cannot read: {0}")]
    Answer(#[from] BadMessage),
}

impl Caller {
    /// Connects at once, so that a server that is not there is noticed before anything else.
    pub(crate) async fn connect(url: &str) -> Result<Self, CallError> {
        let full = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let endpoint = Endpoint::from_shared(full.clone())
            .map_err(|error| CallError::BadUrl {
                url: url.to_owned(),
                why: said(&error),
            })?
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        let channel = endpoint
            .connect()
            .await
            .map_err(|error| CallError::Unreachable {
                url: full.clone(),
                why: said(&error),
            })?;
        let client = ClientCaller::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES);
        Ok(Self { client, url: full })
    }

    pub(crate) async fn create(&mut self, create: &Create) -> Result<PromiseReply, CallError> {
        let reply = self.client.create(v1::CreateRequest::from(create)).await;
        Ok(self.answer(reply)?.try_into()?)
    }

    pub(crate) async fn get(&mut self, id: &PromiseId) -> Result<PromiseReply, CallError> {
        let reply = self.client.get(v1::GetRequest::from(id)).await;
        Ok(self.answer(reply)?.try_into()?)
    }

    /// The URL by which whoever has it settles this promise.
    pub(crate) async fn url_of(&mut self, id: &PromiseId) -> Result<String, CallError> {
        let reply = self.client.url(v1::GetRequest::from(id)).await;
        Ok(self.answer(reply)?.try_into()?)
    }

    /// Waits until the promise has settled.
    pub(crate) async fn settled(&mut self, id: &PromiseId) -> Result<Arc<Record>, CallError> {
        let watch = Watch {
            ids: vec![id.clone()],
        };
        let stream = self.client.watch(v1::WatchRequest::from(&watch)).await;
        let next = self.answer(stream)?.message().await;
        let gone = || CallError::Unreachable {
            url: self.url.clone(),
            why: "it ended the watch".to_owned(),
        };
        let reply = next.map_err(|status| self.no(&status))?.ok_or_else(gone)?;
        Ok(PromiseReply::try_from(reply)?.record)
    }

    pub(crate) async fn settle(&mut self, settle: &Settle) -> Result<PromiseReply, CallError> {
        let reply = self.client.settle(v1::SettleRequest::from(settle)).await;
        Ok(self.answer(reply)?.try_into()?)
    }

    pub(crate) async fn cancel(&mut self, cancel: &Cancel) -> Result<PromiseReply, CallError> {
        let reply = self.client.cancel(v1::CancelRequest::from(cancel)).await;
        Ok(self.answer(reply)?.try_into()?)
    }

    pub(crate) async fn halt(&mut self, halt: &Halt) -> Result<PromiseReply, CallError> {
        let reply = self.client.halt(v1::HaltRequest::from(halt)).await;
        Ok(self.answer(reply)?.try_into()?)
    }

    pub(crate) async fn go_on(&mut self, go_on: &Continue) -> Result<PromiseReply, CallError> {
        let reply = self.client.r#continue(v1::ContinueRequest::from(go_on));
        let reply = reply.await;
        Ok(self.answer(reply)?.try_into()?)
    }

    /// Creates a schedule, or gives it this plan.
    pub(crate) async fn schedule(&mut self, new: &NewSchedule) -> Result<PromiseReply, CallError> {
        let reply = self.client.schedule(v1::ScheduleRequest::from(new)).await;
        Ok(self.answer(reply)?.try_into()?)
    }

    pub(crate) async fn change_schedule(
        &mut self,
        change: &ChangeSchedule,
    ) -> Result<PromiseReply, CallError> {
        let asked = v1::ChangeScheduleRequest::from(change);
        let reply = self.client.change_schedule(asked).await;
        Ok(self.answer(reply)?.try_into()?)
    }

    pub(crate) async fn search(&mut self, search: &Search) -> Result<Page, CallError> {
        let reply = self.client.search(v1::SearchRequest::from(search)).await;
        Ok(self.answer(reply)?.try_into()?)
    }

    /// A promise and everything below it, callers before their calls.
    pub(crate) async fn tree(&mut self, id: &PromiseId) -> Result<Vec<Arc<Record>>, CallError> {
        let mut search = TreeSearch {
            id: id.clone(),
            limit: None,
            cursor: String::new(),
        };
        let mut records = Vec::new();
        loop {
            let reply = self.client.tree(v1::TreeRequest::from(&search)).await;
            let page = Page::try_from(self.answer(reply)?)?;
            records.extend(page.records);
            if page.cursor.is_empty() {
                return Ok(records);
            }
            search.cursor = page.cursor;
        }
    }

    pub(crate) async fn workers(&mut self) -> Result<Vec<WorkerInfo>, CallError> {
        let reply = self.client.workers(v1::WorkersRequest {}).await;
        Ok(self.answer(reply)?.try_into()?)
    }

    pub(crate) async fn functions(&mut self) -> Result<Vec<ServedFunction>, CallError> {
        let reply = self.client.functions(v1::FunctionsRequest {}).await;
        Ok(self.answer(reply)?.try_into()?)
    }

    pub(crate) async fn info(&mut self) -> Result<Info, CallError> {
        let reply = self.client.info(v1::InfoRequest {}).await;
        Ok(self.answer(reply)?.try_into()?)
    }

    fn answer<T>(&self, reply: Result<tonic::Response<T>, Status>) -> Result<T, CallError> {
        reply
            .map(tonic::Response::into_inner)
            .map_err(|status| self.no(&status))
    }

    fn no(&self, status: &Status) -> CallError {
        match status::from_status(status) {
            Ok(Some(refusal)) => return CallError::Refused(refusal),
            Ok(None) => {}
            Err(bad) => return CallError::NotDone(bad.to_string()),
        }
        let why = status.message().to_owned();
        // What the server says has no source; a connection that breaks under a request has one, and any code.
        if status.code() == Code::Unavailable || std::error::Error::source(status).is_some() {
            let url = self.url.clone();
            return CallError::Unreachable { url, why };
        }
        let is_asked_wrongly = matches!(
            status.code(),
            Code::InvalidArgument
                | Code::FailedPrecondition
                | Code::ResourceExhausted
                | Code::OutOfRange
        );
        if is_asked_wrongly {
            CallError::NotDone(why)
        } else {
            CallError::Broken(why)
        }
    }
}

/// An error with what caused it, without repetitions.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
