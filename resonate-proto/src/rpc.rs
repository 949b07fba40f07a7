//! The gRPC services as tonic has them, under the names we use. For the two files that touch the network.

pub use crate::v1::{
    client_client::ClientClient as ClientCaller,
    client_server::{Client as ClientService, ClientServer},
    worker_stream_client::WorkerStreamClient as WorkerCaller,
    worker_stream_server::{WorkerStream as WorkerService, WorkerStreamServer as WorkerServer},
};
