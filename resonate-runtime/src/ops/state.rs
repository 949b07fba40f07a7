//! What a worker provides to its functions.

use std::{any::type_name, sync::Arc};

use crate::{context::current, outside};

/// What `Resonate::builder().provide(..)` was given of this type.
///
/// # Panics
/// If nothing of this type was provided.
#[must_use]
#[track_caller]
pub fn state<T: Send + Sync + 'static>() -> Arc<T> {
    match try_state() {
        Some(state) => state,
        None => panic!(
            "no `{}` is provided; give one to `Resonate::builder().provide(..)`",
            type_name::<T>()
        ),
    }
}

/// What `Resonate::builder().provide(..)` was given of this type, if it was.
#[must_use]
pub fn try_state<T: Send + Sync + 'static>() -> Option<Arc<T>> {
    let settings = current::settings().or_else(outside::settings)?;
    settings.state.find()
}
