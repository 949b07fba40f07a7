//! How values become payloads and payloads values.
//!
//! A payload says how it is encoded, so either side reads what the other wrote: JSON and bincode are always understood,
//! whatever a process writes itself. A [`Codec`] wraps around one of the two, or around another codec, to encrypt or to
//! compress: a [`Stack`] of them.

mod bincode;
mod bounded;
#[cfg(feature = "compression")]
mod compressed;
mod depth;
#[cfg(feature = "encryption")]
mod encrypted;
mod known;
mod payload;
mod stack;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

#[cfg(feature = "compression")]
pub use self::compressed::Compressed;
#[cfg(feature = "encryption")]
pub use self::encrypted::{BadKey, Encrypted, Key};
pub(crate) use self::{
    bounded::Bounded,
    known::{Codecs, panic_text},
};
pub use self::{
    payload::{Bincode, Format, Json},
    stack::Stack,
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
    /// What stands in the payload; it means the same in every process. No `/` is in it.
    fn label(&self) -> &'static str;

    /// How values are written before they are sealed, unless a function says otherwise with `#[durable(codec = "..")]`.
    fn format(&self) -> Format {
        Format::Json
    }

    /// Wraps what was written. What `open` needs beside the bytes, such as the id of a key, goes into `headers`; what is
    /// inside of it stands there already, as `format`.
    ///
    /// # Errors
    /// Whatever keeps it from doing so; the call that was to be made fails with it.
    fn seal(&self, plain: Vec<u8>, headers: &mut BTreeMap<String, String>) -> Result<Vec<u8>>;

    /// Gives back what was written. The bytes come from elsewhere: they may be anything, so what it makes of few of them
    /// must have a bound.
    ///
    /// # Errors
    /// The bytes are not what `seal` makes.
    fn open(&self, sealed: &[u8], headers: &BTreeMap<String, String>) -> Result<Vec<u8>>;

    /// What tells this value apart from others once it is sealed. Replay compares arguments by it, and a call that is made
    /// again under its id is the same call only if its arguments are the same.
    fn digest(&self, _plain: &[u8]) -> Digest {
        Digest::Sealed
    }

    /// Seals what another codec has sealed before, or a format: `Encrypted::new([key])?.over(Compressed::new())`.
    fn over(self, inner: impl Into<Stack>) -> Stack
    where
        Self: Sized,
    {
        Stack::from(self).over(inner.into())
    }
}

/// What tells values apart that a codec has sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Digest {
    /// The sealed bytes: the same value is always sealed into the same ones.
    Sealed,
    /// The bytes before. Whoever sees the payload may guess what is in it and be sure, so this is for codecs that hide
    /// nothing.
    Plain,
    /// The bytes before, under secret keys, by the ids of the keys (letters, digits, `-`, `_` and `.`): whoever sees two
    /// payloads learns whether they are the same value, and nothing else.
    Keyed(BTreeMap<String, u64>),
}
