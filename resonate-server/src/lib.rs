//! The server of Resonate: the single writer of all promises, on a durable store, behind gRPC.
//!
//! Read in this order: `server` (open, serve, stop), [`engine`] (a round: apply, commit, release), [`store`] (where batches
//! become durable), `dispatch` (ready tasks meet workers), `timers` (when the due index is asked), `api` (gRPC and lists),
//! [`verify`] and [`backup`] (a store without a server), `cli` (the command `resonate`, over the same gRPC as everybody), [`clock`], `limits`.

mod api;
pub mod backup;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
mod config;
pub mod dispatch;
pub mod engine;
mod limits;
#[cfg(feature = "mutants")]
#[doc(hidden)]
pub mod mutants;
mod process;
mod server;
pub mod store;
#[doc(hidden)]
pub mod testing;
mod timers;
pub mod verify;

pub use self::{
    config::{BadPublicUrl, Builder, DATA_DIR},
    server::{BindError, OpenError, ServeError, Server, bind},
};
