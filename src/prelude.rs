//! What nearly every program with durable functions uses: `use resonate::prelude::*;`.

pub use resonate_macros::durable;
pub use resonate_runtime::{
    Call, Error, ErrorKind, Handle, Promise, Resonate, Result, Retry, Timestamp, cancel, changed,
    days, execution, hours, join_all, label, map, minutes, now, on_cancel, promise, race, random,
    reject, resolve, seconds, shield, sleep, sleep_until, state, step, timeout, uuid,
};
pub use serde::{Deserialize, Serialize};

pub use crate::{join, select, try_join};
