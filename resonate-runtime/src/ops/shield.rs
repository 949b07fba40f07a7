//! Shields.

use crate::call::Call;

/// The same call, into which no cancellation wave enters from the write on that creates it.
pub fn shield<R>(call: Call<R>) -> Call<R> {
    call.shielded()
}
