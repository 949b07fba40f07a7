//! The one place that calls bincode, which nobody maintains any more: pinned, through serde only, of limited size and
//! nesting, every byte read, a format number in front.

use std::io::Write as _;

use bincode::{
    config::{Configuration, Limit, LittleEndian, Varint},
    error::{DecodeError, EncodeError},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Bounded,
    depth::{Guarded, Guarding},
};
use crate::{Error, ErrorKind, Result, limits::UNSEALED_BYTES};

pub(super) const LABEL: &str = "bincode";
/// Stands in front of the bytes, so that another layout can be told apart one day.
const FORMAT: u8 = 1;

type Config = Configuration<LittleEndian, Varint, Limit<UNSEALED_BYTES>>;
const CONFIG: Config = bincode::config::standard().with_limit::<UNSEALED_BYTES>();

pub(super) fn write<T: Serialize + ?Sized>(
    value: Guarding<'_, T>,
    out: &mut Bounded,
) -> Result<()> {
    out.write_all(&[FORMAT])?;
    bincode::serde::encode_into_std_write(value, out, CONFIG).map_err(not_written)?;
    Ok(())
}

/// What serde code said, without bincode's name for that.
fn not_written(error: EncodeError) -> Error {
    if let EncodeError::OtherString(text) = error {
        return Error::of(ErrorKind::Decode, text);
    }
    error.into()
}

fn not_read(error: DecodeError) -> Error {
    if let DecodeError::OtherString(text) = error {
        return Error::of(ErrorKind::Decode, text);
    }
    error.into()
}

pub(super) fn read<T: DeserializeOwned>(data: &[u8]) -> Result<T> {
    let bad = |what: String| Error::of(ErrorKind::Decode, what);
    let (format, bytes) = data
        .split_first()
        .ok_or_else(|| bad("there are no bytes at all".to_owned()))?;
    if *format != FORMAT {
        return Err(bad(format!(
            "its format is {format}, this library reads {FORMAT}; upgrade it"
        )));
    }
    let (Guarded(value), read) =
        bincode::serde::decode_from_slice(bytes, CONFIG).map_err(not_read)?;
    if read < bytes.len() {
        let left = bytes.len() - read;
        return Err(bad(format!(
            "{left} of {} bytes are left over: the types differ",
            bytes.len()
        )));
    }
    Ok(value)
}
