//! The codecs of a process: one to write with, and all that it can read.

use std::{
    any::Any,
    cell::Cell,
    collections::BTreeMap,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use resonate_core::{
    Encoding, Payload,
    limits::{PAYLOAD_BYTES, TAG_BYTES},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Bincode, Bounded, Codec, Format, Json};
use crate::{Error, ErrorKind, Result, function::Parameter, limits};

/// The header that names the format inside of what a codec of the user's sealed.
const FORMAT_HEADER: &str = "format";

/// The codecs of a process. Cheap to clone; all clones share the limit.
#[derive(Clone)]
pub(crate) struct Codecs(Arc<Inner>);

struct Inner {
    default: &'static str,
    known: BTreeMap<&'static str, Arc<dyn Codec>>,
    payload_bytes_max: AtomicUsize,
}

impl Codecs {
    /// Writes with the first of `writes`, or JSON; reads all of them, JSON and bincode.
    pub(crate) fn new(writes: Vec<Arc<dyn Codec>>, reads: Vec<Arc<dyn Codec>>) -> Self {
        let default = writes
            .first()
            .map_or(Format::Json.label(), |codec| codec.label());
        let built_in: [Arc<dyn Codec>; 2] = [Arc::new(Json), Arc::new(Bincode)];
        let known = built_in
            .into_iter()
            .chain(reads)
            .chain(writes)
            .map(|codec| (codec.label(), codec))
            .collect();
        let payload_bytes_max = AtomicUsize::new(PAYLOAD_BYTES);
        Self(Arc::new(Inner {
            default,
            known,
            payload_bytes_max,
        }))
    }

    /// What the server allows. More than this library's own limit would not fit the messages it sends.
    pub(crate) fn limit(&self, payload_bytes_max: usize) {
        self.0
            .payload_bytes_max
            .store(payload_bytes_max.min(PAYLOAD_BYTES), Ordering::Relaxed);
    }

    /// Bytes that a payload may have.
    pub(crate) fn payload_bytes_max(&self) -> usize {
        self.0.payload_bytes_max.load(Ordering::Relaxed)
    }

    /// Writes a value with the codec of this label, or the process's own.
    pub(crate) fn encode<T: Serialize + ?Sized>(
        &self,
        label: Option<&'static str>,
        value: &T,
    ) -> Result<Payload> {
        self.encode_parts(label, value, &[])
    }

    /// The same for a tuple whose parts have these names, for messages.
    pub(crate) fn encode_parts<T: Serialize + ?Sized>(
        &self,
        label: Option<&'static str>,
        value: &T,
        names: &[Parameter],
    ) -> Result<Payload> {
        let label = label.unwrap_or(self.0.default);
        let codec = self.0.known.get(label).ok_or_else(|| {
            let message =
                format!("no codec `{label}` here; give it to `Resonate::builder().reads(..)`");
            Error::of(ErrorKind::Misused, message).into_terminal()
        })?;
        let format = codec.format();
        let is_sealed = format.label() != label;
        let max = if is_sealed {
            limits::UNSEALED_BYTES
        } else {
            self.payload_bytes_max()
        };
        let (mut out, parts) = (Bounded::new(max), Cell::new(0));
        let written = guarded(|| format.write(value, &mut out, &parts));
        if out.is_over() {
            let part = parts.get().checked_sub(1).and_then(|nth| names.get(nth));
            return Err(too_large(max, part, is_sealed.then_some(label)));
        }
        written.map_err(not_written)?;
        let mut headers = BTreeMap::new();
        let data = guarded(|| codec.seal(out.into_bytes(), &mut headers)).map_err(not_written)?;
        if is_sealed {
            headers.insert(FORMAT_HEADER.to_owned(), format.label().to_owned());
        }
        let payload = Payload {
            encoding: Encoding(label.into()),
            headers,
            data: data.into(),
        };
        self.check(payload)
    }

    /// Reads a value that anybody may have written.
    pub(crate) fn decode<T: DeserializeOwned>(&self, payload: &Payload) -> Result<T> {
        let label = payload.encoding.0.as_ref();
        if let Some(format) = Format::ALL
            .into_iter()
            .find(|format| format.label() == label)
        {
            return guarded(|| format.read(&payload.data)).map_err(|error| not_read(label, error));
        }
        let codec = self.0.known.get(label).ok_or_else(|| {
            let message = format!("it is encoded as `{label}`, which nobody reads here; give that codec to `Resonate::builder().reads(..)`");
            Error::of(ErrorKind::Decode, message).into_terminal()
        })?;
        let named = payload
            .headers
            .get(FORMAT_HEADER)
            .map_or(Format::Json.label(), String::as_str);
        let format = Format::ALL
            .into_iter()
            .find(|format| format.label() == named)
            .ok_or_else(|| {
                Error::of(
                    ErrorKind::Decode,
                    format!("what `{label}` sealed is `{named}`, which is no format"),
                )
                .into_terminal()
            })?;
        guarded(|| format.read(&codec.open(&payload.data, &payload.headers)?))
            .map_err(|error| not_read(label, error))
    }

    fn check(&self, payload: Payload) -> Result<Payload> {
        let headers: usize = payload.headers.iter().map(|(k, v)| k.len() + v.len()).sum();
        if TAG_BYTES < headers {
            let message = format!(
                "the headers that the codec `{}` writes have {headers} bytes; at most {TAG_BYTES} are allowed",
                payload.encoding.0
            );
            return Err(Error::of(ErrorKind::TooLarge, message).into_terminal());
        }
        let (bytes, max) = (payload.bytes(), self.payload_bytes_max());
        if bytes <= max {
            return Ok(payload);
        }
        let message = format!(
            "a payload has {bytes} bytes; at most {max} are allowed; store it elsewhere and pass a reference"
        );
        Err(Error::of(ErrorKind::TooLarge, message).into_terminal())
    }
}

impl Default for Codecs {
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new())
    }
}

impl std::fmt::Debug for Codecs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codecs")
            .field("default", &self.0.default)
            .finish_non_exhaustive()
    }
}

/// Runs code of the user's, such as a hand-written `Deserialize`; what it panics with is an error.
fn guarded<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic_text(&*panic);
        Err(Error::of(
            ErrorKind::Decode,
            format!("its serde code panicked: {text}"),
        ))
    })
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no text)")
}

/// A value was not written to its end; what could be said of its size is that it is over the bound.
fn too_large(max: usize, part: Option<&Parameter>, sealed_by: Option<&str>) -> Error {
    let part = part.map_or(String::new(), |part| format!(" with `{}`", part.name));
    let when = sealed_by.map_or(String::new(), |codec| {
        format!(" before the codec `{codec}` seals it")
    });
    let message = format!(
        "a payload has more than {max} bytes{part}; at most {max} are allowed{when}; store it elsewhere and pass a reference"
    );
    Error::of(ErrorKind::TooLarge, message).into_terminal()
}

fn not_written(error: Error) -> Error {
    Error::of(
        ErrorKind::Decode,
        format!("a value could not be written: {error:#}"),
    )
    .into_terminal()
}

fn not_read(label: &str, error: Error) -> Error {
    Error::of(
        ErrorKind::Decode,
        format!("a value encoded as `{label}` could not be read: {error:#}"),
    )
    .into_terminal()
}
