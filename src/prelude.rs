//! What nearly every program with durable functions uses: `use resonate::prelude::*;`.

pub use resonate_macros::durable;
pub use resonate_runtime::{
    Call, Error, ErrorKind, Handle, Promise, Resonate, Result, Retry, Timestamp, cancel, changed,
    days, emit, execution, hours, inbox, join_all, label, map, minutes, now, on_cancel, poll_until,
    progress, promise, race, random, reject, resolve, seconds, send, shield, sleep, sleep_until,
    state, step, timeout, uuid,
};
pub use serde::{Deserialize, Serialize};

pub use crate::{join, select, try_join};
