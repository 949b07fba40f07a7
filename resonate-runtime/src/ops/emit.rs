//! What a function lets others see while it runs: the items of its stream, and how far it is.

use std::panic::Location;

use resonate_core::{Progress, limits};
use serde::Serialize;

use crate::{
    Error, ErrorKind, Result,
    call::{body_or_refusal, end_with},
};

/// Appends an item to the stream of this execution, which [`Resonate::stream`](crate::Resonate::stream) and
/// `resonate tail` read while it runs, and afterwards.
///
/// It takes no trip: the item leaves with the next thing that is written, at the latest when the function waits. Items are
/// numbered, and what was written once is not written again, by no replay and no other attempt. So an attempt that says
/// something else than the one before it is heard from the first new item on; a function that emits what chance, or
/// another service, gives it says first which [`attempt`](crate::Execution::attempt) it is.
///
/// The latest 10,000 items, and 4 MiB of them, are kept. An item of more than 64 KiB, one that cannot be written, more than
/// is kept without an `.await` between, and a place outside of a durable function or inside of a [`step`](crate::step) end
/// the function with an error.
///
/// ```ignore
/// for page in pages {
///     emit(&read(&page).await?);
/// }
/// ```
///
/// # Panics
/// Outside of durable functions.
#[track_caller]
pub fn emit<T: Serialize + ?Sized>(item: &T) {
    if let Err(error) = try_emit(item, Location::caller()) {
        let _ends = end_with::<()>(error);
    }
}

fn try_emit<T: Serialize + ?Sized>(item: &T, location: &Location<'_>) -> Result<()> {
    let context = body_or_refusal("`emit`", location)?;
    let item = context.settings().encode(None, item)?;
    let (bytes, max) = (item.bytes(), limits::ITEM_BYTES);
    if bytes > max {
        let message = format!(
            "{bytes} bytes are too many for an item of a stream; at most {max} are allowed; store it elsewhere and emit a reference"
        );
        return Err(Error::of(ErrorKind::TooLarge, message).into_terminal());
    }
    if context.with(|inner| inner.replay.emit(item)) {
        return Ok(());
    }
    let message = format!(
        "more than {} items, or {} bytes, were emitted without an `.await` between them; a stream keeps no more",
        limits::STREAM_ITEMS,
        limits::STREAM_BYTES
    );
    Err(Error::of(ErrorKind::TooLarge, message).into_terminal())
}

/// Says how far this execution is: `done` of `total`. `resonate get` and `resonate tree` show it.
///
/// The latest word counts. It leaves with what is written anyway, and by itself at most once a second; so it costs nothing
/// to say it often.
///
/// A place outside of a durable function, or inside of a [`step`](crate::step), ends the function with an error.
///
/// # Panics
/// Outside of durable functions.
#[track_caller]
pub fn progress(done: u64, total: u64) {
    match body_or_refusal("`progress`", Location::caller()) {
        Ok(context) => context.with(|inner| inner.replay.progress(Progress { done, total })),
        Err(error) => {
            let _ends = end_with::<()>(error);
        }
    }
}
