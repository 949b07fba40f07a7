//! The gRPC services, and all that is served beside them on the same port. Wire types end here.

#[cfg(feature = "cli")]
pub(crate) mod caller;
mod client;
mod worker;

use axum::middleware;
use resonate_core::{Capabilities, limits::MESSAGE_BYTES};
use resonate_proto::{
    client::LogPosition,
    convert::status,
    rpc::{ClientServer, WorkerServer},
};
use tonic::{
    Status,
    service::Routes,
    transport::server::{Router, Server},
};

pub(crate) use self::client::About;
use self::{client::ClientApi, worker::WorkerApi};
use super::{
    http,
    lists::{ListError, Lists},
};
use crate::{
    engine::{AskError, thread::Handle},
    limits::{
        CONNECTION_STREAMS, ERROR_RESET_STREAMS, HEADER_BYTES, KEEPALIVE, KEEPALIVE_TIMEOUT,
        RESET_STREAMS, WINDOW_BYTES,
    },
};

/// All services over one engine, and the URLs of promises.
pub(crate) fn router(
    engine: Handle,
    lists: Lists,
    about: About,
    capabilities: Capabilities,
) -> Router {
    let urls = http::routes(engine.clone(), capabilities.key.clone());
    let client = ClientServer::new(ClientApi::new(engine.clone(), lists, about, capabilities))
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(MESSAGE_BYTES);
    let worker = WorkerServer::new(WorkerApi::new(engine))
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(MESSAGE_BYTES);
    let services = Routes::new(client).add_service(worker).into_axum_router();
    let only_urls = middleware::from_fn(http::only_urls_over_http1);
    // Without these tonic has no limits, and notices a dead peer only when it writes.
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_pending_accept_reset_streams(Some(RESET_STREAMS))
        .http2_max_local_error_reset_streams(Some(ERROR_RESET_STREAMS))
        .http2_max_header_list_size(HEADER_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .initial_stream_window_size(WINDOW_BYTES)
        .max_concurrent_streams(CONNECTION_STREAMS)
        .accept_http1(true)
        .add_routes(services.merge(urls).layer(only_urls).into())
}

fn unanswered(error: AskError, at: Option<LogPosition>) -> Status {
    match error {
        AskError::Refused(refusal) => status::to_status_at(&refusal, at),
        AskError::NoRoom(why) => Status::resource_exhausted(why),
        AskError::Unavailable(why) => Status::unavailable(why),
    }
}

fn unlisted(error: ListError) -> Status {
    match error {
        ListError::Cursor(_) => Status::invalid_argument(error.to_string()),
        ListError::NotFound(id) => status::to_status(&resonate_core::Refusal::NotFound(id)),
        ListError::Read(ref read) if read.is_damage() => Status::data_loss(error.to_string()),
        ListError::Read(_) => Status::internal(error.to_string()),
        ListError::Interrupted => Status::unavailable(error.to_string()),
    }
}
