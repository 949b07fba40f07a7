//! What a function must not return: a promise that ends with it.
//!
//! What is pending below an execution is canceled when that execution ends. Who gets such a promise with the result would
//! await what can only be canceled, and find that out much later and elsewhere. So it cannot be written, and the function
//! that returns it fails.

use std::{cell::Cell, fmt};

use resonate_core::PromiseId;

use crate::context::current;

thread_local! {
    /// What is written on this thread is the result of the body that is being polled.
    static IS_RESULT: Cell<bool> = const { Cell::new(false) };
}

/// Writes the result of the body that is being polled.
pub(crate) fn writing_result<T>(write: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IS_RESULT.set(self.0);
        }
    }
    let _restore = Restore(IS_RESULT.replace(true));
    write()
}

/// A promise is in a result that is below the function which returns it.
#[derive(Debug)]
pub(super) struct EndsWithItsFunction(PromiseId);

impl fmt::Display for EndsWithItsFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the promise `{}` ends with the function that returns it; await it and return its value, let the caller make it \
             and pass it down, or return the promise of a call with `.detach()`",
            self.0
        )
    }
}

/// Whether this promise may be written here.
pub(super) fn check(id: &PromiseId) -> Result<(), EndsWithItsFunction> {
    let Some(scope) = current::scope().filter(|_| IS_RESULT.get()) else {
        return Ok(());
    };
    if scope.context.with(|inner| inner.replay.knows(id)) {
        return Err(EndsWithItsFunction(id.clone()));
    }
    Ok(())
}
