//! The part of a process that serves functions: one stream to the server, a table of executions, slots, a lease.
//!
//! What is decided is in [`table`], [`outbox`] and [`lease`]; [`stream`] carries it over one connection, [`run`] over
//! all of them. Executions see none of it but [`link`].

pub(crate) mod execution;
mod lease;
pub(crate) mod link;
mod outbox;
mod pulse;
mod run;
mod serving;
pub(crate) mod slots;
mod stream;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    run::{Orders, Start, State, WorkerHandle, start},
    serving::About,
};
