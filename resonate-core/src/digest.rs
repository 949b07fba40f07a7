//! What tells payloads apart: arguments in a replay, a repeated request from another one.

use std::{collections::BTreeMap, fmt};

use twox_hash::XxHash3_64;

use crate::{Encoding, Payload};

/// What tells payloads apart without their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Digest {
    /// Of encoding and bytes.
    Bytes(u64),
    /// Of what is inside of bytes that never come out equal, once under each key that its writer knew, by the key's id. So
    /// a writer that knows a newer key and one that does not yet still agree on one.
    Keyed(BTreeMap<String, u64>),
}

impl Digest {
    /// Of bytes that are encoded so.
    #[must_use]
    pub fn of(encoding: &Encoding, data: &[u8]) -> Self {
        let seed = XxHash3_64::oneshot(encoding.0.as_bytes());
        Self::Bytes(XxHash3_64::oneshot_with_seed(seed, data))
    }

    /// Whether both are of the same value. Under different keys nobody can say, so they count as different.
    #[must_use]
    pub fn is_that_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(one), Self::Bytes(two)) => one == two,
            (Self::Keyed(one), Self::Keyed(two)) => {
                let mut common = one
                    .iter()
                    .filter_map(|(key, digest)| Some((digest, two.get(key)?)))
                    .peekable();
                common.peek().is_some() && common.all(|(one, two)| one == two)
            }
            (Self::Bytes(_), Self::Keyed(_)) | (Self::Keyed(_), Self::Bytes(_)) => false,
        }
    }

    /// As it stands in a header.
    fn read(text: &str) -> Option<Self> {
        let number = |hex: &str| u64::from_str_radix(hex, 16).ok();
        if !text.contains('=') {
            return number(text).map(Self::Bytes);
        }
        let one = |part: &str| {
            let (key, hex) = part.split_once('=')?;
            Some((key.to_owned(), number(hex)?))
        };
        text.split(',')
            .map(one)
            .collect::<Option<_>>()
            .map(Self::Keyed)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(digest) => write!(f, "{digest:016x}"),
            Self::Keyed(digests) => {
                for (nth, (key, digest)) in digests.iter().enumerate() {
                    let comma = if nth == 0 { "" } else { "," };
                    write!(f, "{comma}{key}={digest:016x}")?;
                }
                Ok(())
            }
        }
    }
}

impl Payload {
    /// The header with the digest of what cannot be told from the bytes.
    pub const DIGEST: &'static str = "digest";

    /// What tells it apart: what its codec or [`without_data`](Self::without_data) noted, else of encoding and bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.noted()
            .unwrap_or_else(|| Digest::of(&self.encoding, &self.data))
    }

    /// Whether both are the same value, as far as can be told: byte for byte, or by what a codec noted of them.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let is_noted = self.noted().is_some() || other.noted().is_some();
        self == other || is_noted && self.digest().is_that_of(&other.digest())
    }

    /// The same payload without its bytes; its digest stays known.
    #[must_use]
    pub fn without_data(&self) -> Self {
        let headers = BTreeMap::from([(Self::DIGEST.to_owned(), self.digest().to_string())]);
        Self {
            encoding: self.encoding.clone(),
            headers,
            data: bytes::Bytes::new(),
        }
    }

    fn noted(&self) -> Option<Digest> {
        self.headers
            .get(Self::DIGEST)
            .and_then(|text| Digest::read(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(bytes: &'static str, digest: &str) -> Payload {
        let mut payload = Payload::new(Encoding("sealed".into()), bytes);
        payload
            .headers
            .insert(Payload::DIGEST.to_owned(), digest.to_owned());
        payload
    }

    #[test]
    fn a_payload_without_its_data_keeps_its_digest() {
        for payload in [Payload::json("[1,2]"), sealed("x", "a=1,b=2")] {
            let stripped = payload.without_data();
            assert_eq!(
                (stripped.digest(), stripped.data.len()),
                (payload.digest(), 0)
            );
            assert_eq!(stripped.without_data(), stripped);
        }
        assert_ne!(Payload::json("").digest(), Payload::json("[1,2]").digest());
    }

    #[test]
    fn what_is_sealed_twice_says_the_same_under_any_key_that_both_writers_knew() {
        let one = sealed("x", "a=1,b=2");
        for (same, digest) in [
            (true, "b=2,c=3"),
            (true, "a=1"),
            (false, "b=3,c=3"),
            // Two values may not agree under one key and differ under another.
            (false, "a=1,b=3"),
            (false, "c=2"),
            (false, "1"),
        ] {
            assert_eq!(one.says_the_same(&sealed("y", digest)), same, "{digest}");
            assert_eq!(sealed("y", digest).says_the_same(&one), same, "{digest}");
        }
    }

    #[test]
    fn what_was_noted_of_a_value_is_compared_with_the_bytes_of_one_that_is_not_sealed() {
        let plain = Payload::json("7");
        let packed = sealed("packed", &plain.digest().to_string());
        assert!(packed.says_the_same(&plain) && plain.says_the_same(&packed));
        assert!(!packed.says_the_same(&Payload::json("8")));
    }

    #[test]
    fn a_digest_that_is_none_counts_for_nothing() {
        for text in ["", "x", "a=", "a=1,", "a=1,b", "="] {
            let payload = sealed("x", text);
            assert!(matches!(payload.digest(), Digest::Bytes(_)), "{text}");
            assert!(!payload.says_the_same(&sealed("y", text)), "{text}");
        }
    }
}
