//! The wire of Resonate: protobuf messages, gRPC services, conversions to the core.
//!
//! Read in this order: `proto/resonate/v1/*.proto`, which is the protocol; [`stream`], what a worker's stream carries, in
//! core types; [`client`], the same for who only asks; [`convert`], how one becomes the other; [`status`], how a refusal
//! becomes a gRPC status and back; [`store`], the bytes of a row; [`history`], a tree as text; [`rpc`], the services as
//! tonic has them.
//!
//! The types in [`v1`] stay in the one file of the server and the one of the runtime that touch the network: everything
//! else speaks core types. Nothing here decides anything.

pub mod client;
pub mod convert;
mod generated;
pub mod history;
pub mod rpc;
pub mod store;
pub mod stream;

pub use self::{
    convert::{BadMessage, status},
    generated::v1,
};
