//! Wire to core and back. A message that cannot be understood completely is an error that names the message and the
//! field, never a default; what the core holds can always be written.
//!
//! `From<&core> for v1` writes, `TryFrom<v1> for core` reads. One file per file of the core.

mod field;
mod message;
mod promise;
mod refusal;
mod reply;
mod request;
mod schedule;
pub mod status;
mod task;
mod value;

pub use self::{
    field::{BadMessage, Problem},
    request::turn,
};
pub(crate) use self::{
    field::{Reading, key_to_wire, micros, millis, optional_text, timeout_to_wire},
    reply::{answer_from_wire, answer_to_wire},
};

/// Reads each of a list.
pub(crate) fn read_all<W, C: TryFrom<W, Error = BadMessage>>(
    list: Vec<W>,
) -> Result<Vec<C>, BadMessage> {
    list.into_iter().map(C::try_from).collect()
}

/// Writes each of a list.
pub(crate) fn write_all<'a, C: 'a, W: From<&'a C>>(list: &'a [C]) -> Vec<W> {
    list.iter().map(W::from).collect()
}
