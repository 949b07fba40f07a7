//! What must happen if a function does not end well: registered beforehand, since no code of a canceled function runs.

use std::{any::type_name, panic::Location};

use crate::{
    Call, Error, ErrorKind, Result,
    call::{body_or_refusal, end_with},
    function::Definition,
    registry::Registration,
};

/// If this execution ends canceled, timed out or with an error, this call is made then. It is written down before
/// anything starts that is asked for after it.
///
/// Those that were registered run last to first, each when the one before has ended, also what
/// [`compensate`](Call::compensate) registers. Nothing cancels them, they have no timeout, and nobody waits for them;
/// what they fail with is seen at their own promises. An execution that returns needs none of them, and
/// [`continue_as`](crate::continue_as) begins anew without them.
///
/// Arguments that cannot be written, or a place outside of a durable function, end the function with an error.
///
/// ```ignore
/// on_cancel(void(&key));
/// reserve(&key).await?;
/// ```
///
/// # Panics
/// Outside of durable functions.
#[track_caller]
pub fn on_cancel<R>(call: Call<R>) {
    let registered = body_or_refusal("`on_cancel`", Location::caller())
        .and_then(|context| call.register(&context));
    if let Err(error) = registered {
        let _ends = end_with::<()>(error);
    }
}

/// A durable function that undoes what gave a `T`: its only parameter is `T`, or `&T`.
#[diagnostic::on_unimplemented(
    message = "this cannot undo a call that gives `{T}`",
    label = "not a durable function of one parameter `{T}` or `&{T}`",
    note = "name the function itself: `.compensate(refund)`"
)]
pub trait Undo<T, How> {}

/// It takes the value itself.
#[derive(Debug)]
pub struct ByValue<R>(std::marker::PhantomData<fn() -> R>);

/// It borrows the value.
#[derive(Debug)]
pub struct ByReference<R>(std::marker::PhantomData<fn() -> R>);

impl<F: Fn(T) -> Call<R>, T, R> Undo<T, ByValue<R>> for F {}
impl<F: for<'a> Fn(&'a T) -> Call<R>, T, R> Undo<T, ByReference<R>> for F {}

/// The durable function that is this item.
///
/// # Errors
/// It is none; a closure, for instance.
pub(crate) fn definition_of<F>(location: &Location<'_>) -> Result<&'static Definition> {
    let name = type_name::<F>();
    let mut found = inventory::iter::<Registration>()
        .map(|registration| registration.0)
        .filter(|definition| definition.is_item(name));
    let (first, second) = (found.next(), found.next());
    match (first, second) {
        (Some(definition), None) => Ok(definition),
        (None, _) => Err(wrong(format!(
            "what `compensate` at {location} is given is no durable function; write its name, `.compensate(refund)`, and no \
             closure"
        ))),
        (Some(one), Some(other)) => Err(wrong(format!(
            "what `compensate` at {location} is given is one of two functions of the same path, at {} and {}; rename one",
            one.location(),
            other.location()
        ))),
    }
}

fn wrong(message: String) -> Error {
    Error::of(ErrorKind::Misused, message).into_terminal()
}
