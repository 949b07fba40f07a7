//! What runs in a process that uses Resonate: calls, replay, worker, client. Use it through the package `resonate`.

mod ambient;
pub mod codec;
mod duration;
mod error;
mod function;
mod limits;
pub mod plumbing;
mod registry;
mod retry;
mod settings;
mod worker;

pub use self::{
    duration::{days, hours, minutes, seconds},
    error::{Error, ErrorKind, Result},
    registry::DuplicateFunction,
    retry::Retry,
};
