//! How values become payloads and payloads values.
//!
//! A payload says how it is encoded, so either side reads what the other wrote: JSON and bincode are always understood,
//! whatever a process writes itself. A [`Codec`] of the user's wraps around one of the two, to encrypt or to compress.

mod bincode;
mod bounded;
mod depth;
mod known;
mod payload;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::payload::{Bincode, Format, Json};
pub(crate) use self::{
    bounded::Bounded,
    known::{Codecs, panic_text},
};

use crate::Result;

/// How a process writes its arguments and results, and what it can read beside JSON and bincode.
///
/// A value is first written in [`format`](Self::format), then given to [`seal`](Self::seal). Who reads it needs a codec
/// with the same label.
///
/// ```
/// use std::collections::BTreeMap;
/// # extern crate resonate_runtime as resonate;
/// use resonate::{Result, codec::Codec};
///
/// struct Reversed;
///
/// impl Codec for Reversed {
///     fn label(&self) -> &'static str {
///         "reversed"
///     }
///     fn seal(&self, mut plain: Vec<u8>, _: &mut BTreeMap<String, String>) -> Result<Vec<u8>> {
///         plain.reverse();
///         Ok(plain)
///     }
///     fn open(&self, sealed: &[u8], _: &BTreeMap<String, String>) -> Result<Vec<u8>> {
///         Ok(sealed.iter().rev().copied().collect())
///     }
/// }
/// ```
pub trait Codec: Send + Sync + 'static {
    /// What stands in the payload and in `#[durable(codec = "..")]`; it means the same in every process.
    fn label(&self) -> &'static str;

    /// How values are written before they are sealed.
    fn format(&self) -> Format {
        Format::Json
    }

    /// Wraps what was written. What `open` needs beside the bytes, such as the id of a key, goes into `headers`.
    ///
    /// # Errors
    /// Whatever keeps it from doing so; the call that was to be made fails with it.
    fn seal(&self, plain: Vec<u8>, headers: &mut BTreeMap<String, String>) -> Result<Vec<u8>>;

    /// Gives back what was written. The bytes come from elsewhere: they may be anything.
    ///
    /// # Errors
    /// The bytes are not what `seal` makes.
    fn open(&self, sealed: &[u8], headers: &BTreeMap<String, String>) -> Result<Vec<u8>>;
}
