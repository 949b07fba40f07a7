//! What a worker provides to its functions.

use std::{any::type_name, panic::Location, sync::Arc};

use crate::{
    call::place,
    context::{Forced, current},
    outside,
};

/// What `Resonate::builder().provide(..)` was given of this type.
///
/// # Panics
/// If nothing of this type was provided. An execution that asks for it is halted at once: every attempt on this worker
/// would end so, and nothing is wrong with the call. It goes on with `resonate continue`, once a process provides it.
#[must_use]
#[track_caller]
pub fn state<T: Send + Sync + 'static>() -> Arc<T> {
    if let Some(state) = try_state() {
        return state;
    }
    let missing = format!(
        "no `{}` is provided for `state` at {}; give one to `Resonate::builder().provide(..)`",
        type_name::<T>(),
        place(Location::caller())
    );
    if let Some(scope) = current::scope() {
        scope.context.force(Forced::Halt(missing.clone()));
    }
    panic!("{missing}")
}

/// What `Resonate::builder().provide(..)` was given of this type, if it was.
#[must_use]
pub fn try_state<T: Send + Sync + 'static>() -> Option<Arc<T>> {
    let settings = current::settings().or_else(outside::settings)?;
    settings.state.find()
}
