//! The rules of Resonate, once, as pure functions: promises, tasks, turns.
//!
//! [`apply()`] takes a tree, a stamp (time and place in the log) and a request; it changes the tree and says what to
//! write, what to answer and what to do once the write is durable. No clock, no I/O, no async, no randomness. The server,
//! the in-process mode, the simulator and the tests all run these same rules.
//!
//! Read in this order: [`id`], [`value`], [`promise`], [`task`], [`request`], [`reply`], [`tree`], then one file per verb
//! in [`mod@apply`]; [`check()`] knows what must always hold; [`memory`] is a whole server without a disk.

pub mod apply;
pub mod awaiter;
pub mod capability;
pub mod check;
pub mod flow;
pub mod id;
pub mod limits;
pub mod memory;
#[doc(hidden)]
pub mod mutants;
pub mod promise;
pub mod queue;
pub mod reply;
pub mod request;
pub mod retry;
pub mod schedule;
pub mod session;
pub mod task;
pub mod testing;
pub mod time;
pub mod tree;
pub mod value;

pub use self::{
    apply::{Applied, Change, PageChange, apply, history},
    awaiter::AwaiterPage,
    capability::{Capabilities, CapabilityKey},
    check::{Violation, check, check_changes},
    id::{Address, BadAddress, BadId, Part, PromiseId, SessionId, SettleKey},
    memory::Memory,
    promise::{
        Call, Compensation, Kind, Link, NewPromise, Origin, Promise, PromiseState, Record, Settled,
    },
    reply::{Claimed, Effect, Refusal, Reply, Settlement, TurnReply, TurnStatus},
    request::{ChildKind, Create, End, Message, NewChild, Op, ReleaseReason, Request, Turn},
    retry::RetryPolicy,
    schedule::{
        BadCron, BadTiming, Cron, Missed, Mode, NewSchedule, Overlap, Plan, Schedule,
        ScheduleChange, Timing, Waiting, WhyMissed,
    },
    session::Timeline,
    task::{HaltCause, Halted, Task, TaskState, TaskVersion, Warm},
    time::{Seq, Stamp, Timestamp},
    tree::Tree,
    value::{Encoding, Failure, FailureKind, Outcome, Payload},
};
