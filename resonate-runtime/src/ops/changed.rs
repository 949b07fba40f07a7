//! A change inside of a function version: the old way for executions that are beyond it, the new one for all others.

use std::panic::Location;

use crate::{
    Error, ErrorKind, Result,
    call::{body_or_refusal, end_with, place},
};

/// True if this execution meets the change `id` of its function for the first time: it takes the new way. False if it was
/// beyond this point before the change was there: it goes on as its history has it.
///
/// The answer is the same on every replay, attempt and worker, and whenever the same execution asks again; after a
/// [`continue_as`](crate::continue_as) it is asked anew. It is written with the next thing that the function asks for, so it
/// costs no trip to the server. Once no execution is left that was told `false` the call and the old way can be taken out
/// again; executions that were told `true` do not miss it.
///
/// An `id` of anything else than letters, digits, `_` and `-`, and a place outside of a durable function or inside of a
/// [`step`](crate::step), end the function with an error.
///
/// # Panics
/// Outside of durable functions.
#[must_use = "the answer says which way to take"]
#[track_caller]
pub fn changed(id: &str) -> bool {
    try_changed(id, Location::caller()).unwrap_or_else(|error| {
        let _ends = end_with::<()>(error);
        false
    })
}

fn try_changed(id: &str, location: &Location<'_>) -> Result<bool> {
    let is_name = |c: char| matches!(c, '_' | '-') || c.is_ascii_alphanumeric();
    if id.is_empty() || !id.chars().all(is_name) {
        let message = format!("the change {id:?} is no name; use letters, digits, `_` and `-`");
        return Err(Error::of(ErrorKind::Misused, message).into_terminal());
    }
    let context = body_or_refusal(format_args!("the change `{id}`"), location)?;
    Ok(context.changed(id, place(location).into()))
}
