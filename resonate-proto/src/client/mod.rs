//! What the client API carries, in core types: the requests of who only asks, and the answers.
//!
//! A create is the core's [`resonate_core::Create`]; a get, a continue and a watch carry ids only. Both sides convert in
//! their one file that touches the network, and speak these types everywhere else.

mod page;
mod promise;
mod server;

pub use self::{
    page::{FunctionFilter, Page, Search, StateFilter, TreeSearch},
    promise::{Cancel, ChangeSchedule, Continue, Halt, LogPosition, PromiseReply, Settle, Watch},
    server::{Info, ServedFunction, WorkerInfo},
};
