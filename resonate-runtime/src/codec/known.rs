//! The codecs of a process: one to write with, and all that it can read.

use std::{
    any::Any,
    borrow::Cow,
    cell::Cell,
    collections::BTreeMap,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use resonate_core::{
    Digest, Encoding, Payload,
    limits::{PAYLOAD_BYTES, TAG_BYTES},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Bincode, Bounded, Codec, Format, Json, Stack};
use crate::{Error, ErrorKind, Result, function::Parameter, limits, objects};

/// The header that names what is inside of what a codec sealed: a format, or codecs and at last a format, as in
/// `lz4/json`.
const FORMAT_HEADER: &str = "format";
/// Headers that are written here, and by no codec.
const RESERVED: [&str; 3] = [FORMAT_HEADER, Payload::DIGEST, Payload::ONLY_ARGUMENT];

/// The codecs of a process. Cheap to clone; all clones share the limit.
#[derive(Clone)]
pub(crate) struct Codecs(Arc<Inner>);

struct Inner {
    writes: Stack,
    known: BTreeMap<&'static str, Arc<dyn Codec>>,
    payload_bytes_max: AtomicUsize,
    /// What no server takes is kept elsewhere.
    is_beyond_servers: bool,
}

impl Codecs {
    /// Writes with `writes`; reads all of them, JSON and bincode.
    pub(crate) fn new(writes: Stack, reads: Vec<Stack>) -> Self {
        let built_in: [Arc<dyn Codec>; 2] = [Arc::new(Json), Arc::new(Bincode)];
        let stacks = reads.into_iter().chain([writes.clone()]);
        let known = built_in
            .into_iter()
            .chain(stacks.flat_map(Stack::into_codecs))
            .map(|codec| (codec.label(), codec))
            .collect();
        let payload_bytes_max = AtomicUsize::new(PAYLOAD_BYTES);
        Self(Arc::new(Inner {
            writes,
            known,
            payload_bytes_max,
            is_beyond_servers: false,
        }))
    }

    /// The same where what no server takes is kept elsewhere.
    pub(crate) fn beyond_servers(self) -> Self {
        Self(Arc::new(Inner {
            writes: self.0.writes.clone(),
            known: self.0.known.clone(),
            payload_bytes_max: AtomicUsize::new(self.server_takes()),
            is_beyond_servers: true,
        }))
    }

    /// What the server allows. More than this library's own limit would not fit the messages it sends.
    pub(crate) fn limit(&self, payload_bytes_max: usize) {
        self.0
            .payload_bytes_max
            .store(payload_bytes_max.min(PAYLOAD_BYTES), Ordering::Relaxed);
    }

    /// Bytes that a payload may have for the server.
    pub(crate) fn server_takes(&self) -> usize {
        self.0.payload_bytes_max.load(Ordering::Relaxed)
    }

    /// Bytes that a payload may have.
    fn payload_bytes_max(&self) -> usize {
        if self.0.is_beyond_servers {
            limits::UNSEALED_BYTES
        } else {
            self.server_takes()
        }
    }

    /// Writes a result in the format of this label, or the process's own, and seals it with the process's codecs.
    pub(crate) fn encode<T: Serialize + ?Sized>(
        &self,
        label: Option<&'static str>,
        value: &T,
    ) -> Result<Payload> {
        let (payload, _) = self.write(label, value, &[])?;
        self.check(payload)
    }

    /// Writes what a promise is to be settled with from outside, where the same may be said twice.
    pub(crate) fn encode_answer<T: Serialize + ?Sized>(&self, value: &T) -> Result<Payload> {
        let (payload, digest) = self.write(None, value, &[])?;
        self.check(noted(payload, digest))
    }

    /// Writes arguments, a tuple whose parts have these names, for messages. They are compared with others.
    pub(crate) fn encode_parts<T: Serialize + ?Sized>(
        &self,
        label: Option<&'static str>,
        value: &T,
        names: &[Parameter],
    ) -> Result<Payload> {
        let (payload, digest) = self.write(label, value, names)?;
        self.check(noted(payload, digest))
    }

    /// Also what is to be noted of the value, so that it can be told apart.
    fn write<T: Serialize + ?Sized>(
        &self,
        label: Option<&'static str>,
        value: &T,
        names: &[Parameter],
    ) -> Result<(Payload, Option<Digest>)> {
        let writes = &self.0.writes;
        let named = |label| {
            Format::named(label).ok_or_else(|| {
                let message = format!("`{label}` is no format; write `codec = \"json\"` or `codec = \"bincode\"`, and give a codec that seals to `Resonate::builder().codec(..)`");
                Error::of(ErrorKind::Misused, message).into_terminal()
            })
        };
        let format = label.map_or_else(|| Ok(writes.format()), named)?;
        let outermost = writes.sealing().next().map(|codec| codec.label());
        let max = if outermost.is_some() {
            limits::UNSEALED_BYTES
        } else {
            self.payload_bytes_max()
        };
        let (mut out, parts) = (Bounded::new(max), Cell::new(0));
        let written = guarded(|| format.write(value, &mut out, &parts));
        if out.is_over() {
            let part = parts.get().checked_sub(1).and_then(|nth| names.get(nth));
            return Err(too_large(max, part, outermost));
        }
        written.map_err(not_written)?;
        let plain = out.into_bytes();
        let digest = guarded(|| Ok(writes.digest(format, &plain))).map_err(not_written)?;
        Ok((self.seal(format, plain)?, digest))
    }

    fn seal(&self, format: Format, plain: Vec<u8>) -> Result<Payload> {
        let mut payload = Payload::new(Encoding(format.label().into()), plain);
        let mut inside = format.label().to_owned();
        for codec in self.0.writes.sealing().rev() {
            let mut own = BTreeMap::from([(FORMAT_HEADER.to_owned(), inside.clone())]);
            let plain = Vec::from(payload.data);
            let sealed = guarded(|| codec.seal(plain, &mut own)).map_err(not_written)?;
            own.remove(FORMAT_HEADER);
            for (name, text) in own {
                let is_taken = RESERVED.contains(&name.as_str());
                if is_taken || payload.headers.insert(name.clone(), text).is_some() {
                    let message = format!(
                        "the codec `{}` writes the header `{name}`, which is taken; give it another name",
                        codec.label()
                    );
                    return Err(Error::of(ErrorKind::Misused, message).into_terminal());
                }
            }
            payload.data = sealed.into();
            payload.encoding = Encoding(codec.label().into());
            inside = format!("{}/{inside}", codec.label());
        }
        if let Some((_, inside)) = inside.split_once('/') {
            let named = (FORMAT_HEADER.to_owned(), inside.to_owned());
            payload.headers.extend([named]);
        }
        Ok(payload)
    }

    /// Reads a value that anybody may have written.
    pub(crate) fn decode<T: DeserializeOwned>(&self, payload: &Payload) -> Result<T> {
        let (format, data) = self.open(payload)?;
        guarded(|| format.read(&data)).map_err(|error| not_read(&payload.encoding.0, error))
    }

    /// What a payload is before it is sealed, which anybody may have done.
    pub(crate) fn open<'a>(&self, payload: &'a Payload) -> Result<(Format, Cow<'a, [u8]>)> {
        let mut label = payload.encoding.0.as_ref();
        let named = payload.headers.get(FORMAT_HEADER);
        let mut inside = named.map_or(Format::Json.label(), String::as_str);
        let mut data = Cow::Borrowed(payload.data.as_ref());
        for _ in 0..=limits::CODECS {
            if let Some(format) = Format::named(label) {
                return Ok((format, as_arguments(payload, format, data)));
            }
            if label == Encoding::OBJECT.0 {
                return Err(objects::unread().into_terminal());
            }
            let codec = self.0.known.get(label).ok_or_else(|| {
                let message = format!("it is encoded as `{label}`, which nobody reads here; give that codec to `Resonate::builder().reads(..)`");
                Error::of(ErrorKind::Decode, message).into_terminal()
            })?;
            let mut headers = payload.headers.clone();
            headers.insert(FORMAT_HEADER.to_owned(), inside.to_owned());
            let opened =
                guarded(|| codec.open(&data, &headers)).map_err(|error| not_read(label, error))?;
            if limits::UNSEALED_BYTES < opened.len() {
                let what = format!("there are {} bytes in it", opened.len());
                return Err(not_read(label, Error::of(ErrorKind::TooLarge, what)));
            }
            data = Cow::Owned(opened);
            (label, inside) = inside.split_once('/').unwrap_or((inside, ""));
        }
        let message = format!(
            "it says that there are more than {} codecs around each other",
            limits::CODECS
        );
        Err(not_read(
            &payload.encoding.0,
            Error::of(ErrorKind::Decode, message),
        ))
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
        Self::new(Stack::from(Json), Vec::new())
    }
}

impl std::fmt::Debug for Codecs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codecs")
            .field("writes", &self.0.writes)
            .finish_non_exhaustive()
    }
}

fn noted(mut payload: Payload, digest: Option<Digest>) -> Payload {
    let noted = digest.map(|digest| (Payload::DIGEST.to_owned(), digest.to_string()));
    payload.headers.extend(noted);
    payload
}

/// A value that became arguments while it was sealed.
fn as_arguments<'a>(payload: &Payload, format: Format, data: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
    if format == Format::Json && payload.headers.contains_key(Payload::ONLY_ARGUMENT) {
        return Cow::Owned([b"[".as_slice(), &data, b"]"].concat());
    }
    data
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
