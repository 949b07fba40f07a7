//! What calls of one function have in common: the value of an argument that the function names as its key.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::{Call, limits};

/// A key of a function. All versions of the function share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The function's service.
    pub service: Arc<str>,
    /// Its name.
    pub function: Arc<str>,
    /// The value, as text; empty if all calls of the function have one key.
    pub text: Arc<str>,
}

impl Key {
    /// The key of a call, if it has one.
    #[must_use]
    pub fn of(call: &Call) -> Option<Self> {
        let text = Arc::clone(call.key.as_ref()?);
        Some(Self {
            service: Arc::clone(&call.address.service),
            function: Arc::clone(&call.address.function),
            text,
        })
    }

    /// The text of a value: as it is, or its beginning and a digest of it all if it is over [`limits::KEY_BYTES`].
    #[must_use]
    pub fn text(value: &str) -> Arc<str> {
        if value.len() <= limits::KEY_BYTES {
            return value.into();
        }
        let digest = XxHash3_64::oneshot(value.as_bytes());
        let kept = value.floor_char_boundary(limits::KEY_BYTES - 17);
        let beginning = value.get(..kept).unwrap_or_default();
        format!("{beginning}~{digest:016x}").into()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            function,
            text,
        } = self;
        if text.is_empty() {
            return write!(f, "the key of {service}/{function}");
        }
        write!(f, "the key `{text}` of {service}/{function}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_and_stays_itself() {
        let long = "ä".repeat(limits::KEY_BYTES);
        let (one, other) = (Key::text(&long), Key::text(&format!("{long}!")));
        assert!(one.len() <= limits::KEY_BYTES && other.len() <= limits::KEY_BYTES);
        assert_ne!(one, other);
        assert_eq!(one, Key::text(&long));
        assert_eq!(&*Key::text("a.com"), "a.com");
    }
}
