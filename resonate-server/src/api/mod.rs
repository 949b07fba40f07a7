//! What others may ask, and how: lists from committed rows, everything else through the engine.

pub(crate) mod accept;
pub(crate) mod grpc;
mod http;
pub(crate) mod lists;
