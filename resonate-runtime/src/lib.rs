//! What runs in a process that uses Resonate: calls, replay, worker, client. Use it through the package `resonate`.

mod ambient;
mod call;
mod client;
mod clock;
pub mod codec;
mod context;
mod duration;
mod error;
mod function;
mod history;
mod inspect;
mod limits;
mod ops;
mod outside;
pub mod plumbing;
mod registry;
mod replay;
mod resonate;
mod retry;
mod say;
mod settings;
#[doc(hidden)]
pub mod testing;
mod worker;

pub use self::{
    call::{Call, CallResult, ContinueAs, Detached, Handle, continue_as},
    duration::{days, hours, minutes, seconds},
    error::{Error, ErrorKind, Result},
    history::{Fit, Replayed, Replays},
    ops::{
        ByReference, ByValue, Execution, JoinAll, Map, MapOutcome, MapWhole, Promise, Race, Sleep,
        Step, Tell, Timeout, Undo, Why, cancel, changed, execution, is_replaying, join_all, label,
        map, now, on_cancel, promise, race, random, reject, resolve, shield, sleep, sleep_until,
        state, step, timeout, try_execution, try_state, uuid,
    },
    registry::DuplicateFunction,
    resonate::{Builder, Found, Resonate, Schedule, ScheduleBuilder, Search, StartError, Through},
    retry::Retry,
};

pub use resonate_core::{Overlap, Timestamp};

/// All that generated code may name, where the attribute looks for it.
#[doc(hidden)]
pub use self::plumbing as __private;

#[doc(hidden)]
pub mod embedded {
    //! What the package `resonate` gives a server inside of the process with.
    pub use crate::{
        resonate::{Embedded, EmbeddedError, EmbeddedPlace, EmbeddedServer},
        say::warn,
    };
}
