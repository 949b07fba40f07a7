//! What is sent instead of a payload: where its bytes are, and what tells them from others.

use bytes::Bytes;
use resonate_core::{Encoding, Payload};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// The header that says what the bytes are: the encoding, and what is inside of it.
const FORMAT: &str = "format";
/// The layout of a reference, so that another can be told apart one day.
const VERSION: u32 = 1;

/// Where bytes are kept, and what tells them from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Its name in the store.
    pub(crate) key: String,
    /// How many.
    pub(crate) bytes: u64,
    /// Their SHA-256, in hexadecimal digits.
    pub(crate) sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    #[serde(flatten)]
    place: Place,
}

/// True for what stands for a payload that is kept elsewhere.
pub(crate) fn is_reference(payload: &Payload) -> bool {
    payload.encoding == Encoding::OBJECT
}

impl Place {
    /// The place that a payload names; none if it is no reference.
    ///
    /// # Errors
    /// It is a reference that nobody here has written.
    pub(crate) fn of(payload: &Payload) -> Result<Option<Self>> {
        if !is_reference(payload) {
            return Ok(None);
        }
        let bad = |what: String| Error::of(ErrorKind::Decode, what);
        let Written { version, place } =
            serde_json::from_slice(&payload.data).map_err(|error| {
                bad(format!(
                    "it says that it is an object, and not which: {error}"
                ))
            })?;
        if version != VERSION {
            return Err(bad(format!(
                "its format is {version}, this library reads {VERSION}; upgrade it"
            )));
        }
        Ok(Some(place))
    }

    /// What is sent instead of this payload.
    pub(crate) fn instead_of(self, payload: &Payload) -> Payload {
        let mut headers = payload.headers.clone();
        let inside = headers.get(FORMAT);
        let inside = inside.map_or(String::new(), |inside| format!("/{inside}"));
        headers.insert(FORMAT.to_owned(), format!("{}{inside}", payload.encoding.0));
        // Whoever compares the two must find them the same.
        headers.insert(Payload::DIGEST.to_owned(), payload.digest().to_string());
        let written = Written {
            version: VERSION,
            place: self,
        };
        let data = serde_json::to_vec(&written).expect("texts and numbers can be written");
        Payload {
            encoding: Encoding::OBJECT,
            headers,
            data: data.into(),
        }
    }

    /// The payload that a reference stands for, of these bytes.
    pub(crate) fn of_which(self, mut reference: Payload, data: Bytes) -> Payload {
        let format = reference.headers.remove(FORMAT);
        let format = format.unwrap_or_else(|| Encoding::JSON.0.into_owned());
        let encoding = match format.split_once('/') {
            Some((outermost, inside)) => {
                let inside = (FORMAT.to_owned(), inside.to_owned());
                reference.headers.extend([inside]);
                outermost.to_owned()
            }
            None => format,
        };
        Payload {
            encoding: Encoding(encoding.into()),
            data,
            ..reference
        }
    }
}
