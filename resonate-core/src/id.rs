//! Names: promises, roots, partitions, function addresses, sessions.
//!
//! An id is checked once, where it enters; what holds a [`PromiseId`] may rely on it.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::limits;

/// The name of a promise: 1 to 512 bytes of UTF-8 without control characters.
///
/// The id up to its first `.` or `:` is its *root*; everything below one root shares a partition.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PromiseId(Arc<str>);

/// Why a text is no promise id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadId {
    /// Nothing at all.
    #[error("a promise id is empty; give it 1 to 512 bytes")]
    Empty,
    /// Longer than the limit.
    #[error("the promise id `{start}…` has {bytes} bytes; at most {max} are allowed")]
    TooLong {
        /// Its first characters.
        start: String,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// A control character, at this byte.
    #[error("the promise id {text:?} has a control character at byte {at}; remove it")]
    ControlCharacter {
        /// The whole id.
        text: String,
        /// Byte position.
        at: usize,
    },
    /// An empty root, such as `.a`.
    #[error("the promise id {text:?} begins with `.` or `:`; put a root before it")]
    EmptyRoot {
        /// The whole id.
        text: String,
    },
    /// A root id given by a user with a `.` in it.
    #[error(
        "the id {text:?} has a `.`, which stands between a caller and its calls; write `-` or `/` instead"
    )]
    DotInRoot {
        /// The whole id.
        text: String,
    },
}

impl PromiseId {
    /// Checks a text.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, BadId> {
        let text: Arc<str> = text.into();
        if text.is_empty() {
            return Err(BadId::Empty);
        }
        if text.len() > limits::ID_BYTES {
            let start = text.chars().take(32).collect();
            return Err(BadId::TooLong {
                start,
                bytes: text.len(),
                max: limits::ID_BYTES,
            });
        }
        if let Some((at, _)) = text.char_indices().find(|(_, c)| c.is_control()) {
            return Err(BadId::ControlCharacter {
                text: text.to_string(),
                at,
            });
        }
        if text.starts_with(['.', ':']) {
            return Err(BadId::EmptyRoot {
                text: text.to_string(),
            });
        }
        Ok(Self(text))
    }

    /// Checks a text that a user gives to a call of their own: at most 400 bytes and no `.`.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn user_root(text: impl Into<Arc<str>>) -> Result<Self, BadId> {
        let id = Self::new(text)?;
        if id.0.contains('.') {
            return Err(BadId::DotInRoot {
                text: id.0.to_string(),
            });
        }
        if id.0.len() > limits::ROOT_ID_BYTES {
            let start = id.0.chars().take(32).collect();
            return Err(BadId::TooLong {
                start,
                bytes: id.0.len(),
                max: limits::ROOT_ID_BYTES,
            });
        }
        Ok(id)
    }

    /// An id made of a good one by what cannot make it bad.
    pub(crate) fn of_text(text: String) -> Self {
        Self(text.into())
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id up to its first `.` or `:`.
    #[must_use]
    pub fn root(&self) -> &str {
        let end = self.0.find(['.', ':']).unwrap_or(self.0.len());
        self.0.get(..end).unwrap_or(&self.0)
    }

    /// The id of its root: itself, if it is one.
    #[must_use]
    pub fn to_root(&self) -> Self {
        let root = self.root();
        if root.len() == self.0.len() {
            return self.clone();
        }
        Self(root.into())
    }

    /// What follows the root, with its separator; empty for the root itself.
    #[must_use]
    pub fn rest(&self) -> &str {
        self.0.get(self.root().len()..).unwrap_or("")
    }

    /// The partition that keeps this promise.
    #[must_use]
    pub fn part(&self) -> Part {
        Part::of(self.root())
    }

    /// The id of a child: the callee's name and how many of that name came before it in this caller.
    ///
    /// Above 200 bytes it is flattened to root and hash, so depth never makes an id too long.
    #[must_use]
    pub fn child(&self, generation: u32, name: &str, occurrence: u32) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(self.0.len() + name.len() + 8);
        text.push_str(&self.0);
        let written = if generation > 1 {
            write!(text, ".~{generation}.{name}")
        } else {
            write!(text, ".{name}")
        };
        written.expect("writing to a String does not fail");
        if occurrence > 0 {
            write!(text, "-{occurrence}").expect("writing to a String does not fail");
        }
        if text.len() > limits::CHILD_ID_BYTES {
            let (high, low) = (hash(&text, 1), hash(&text, 2));
            text = format!("{}.~h{high:016x}{low:016x}", self.root());
        }
        Self(text.into())
    }
}

impl fmt::Display for PromiseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PromiseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl TryFrom<String> for PromiseId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        Self::new(text)
    }
}

impl From<PromiseId> for String {
    fn from(id: PromiseId) -> Self {
        id.0.to_string()
    }
}

/// One of the single-writer parts that promises are divided into, by the hash of their root.
///
/// Clients route by it, so the hash and its test vectors are part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Part(pub u16);

impl Part {
    /// The partition of a root.
    #[must_use]
    pub fn of(root: &str) -> Self {
        let masked = hash(root, 0) & u64::from(limits::PARTS - 1);
        Self(u16::try_from(masked).expect("the mask keeps it below PARTS, a u16"))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn hash(text: &str, seed: u64) -> u64 {
    XxHash3_64::oneshot_with_seed(seed, text.as_bytes())
}

/// Which function a call means: `payments/charge@1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The service whose workers serve it.
    pub service: Arc<str>,
    /// Its name in that service.
    pub function: Arc<str>,
    /// The function version.
    pub version: u32,
}

impl Address {
    /// An address from its parts.
    #[must_use]
    pub fn new(service: impl Into<Arc<str>>, function: impl Into<Arc<str>>, version: u32) -> Self {
        Self {
            service: service.into(),
            function: function.into(),
            version,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.service, self.function, self.version)
    }
}

/// A text that is not `service/function` or `service/function@version`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no function address; write `service/function` or `service/function@version`")]
pub struct BadAddress(pub String);

impl std::str::FromStr for Address {
    type Err = BadAddress;
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(text.to_owned());
        let (service, rest) = text.split_once('/').ok_or_else(bad)?;
        let (function, version) = match rest.split_once('@') {
            Some((function, version)) => (function, version.parse().map_err(|_| bad())?),
            None => (rest, 1),
        };
        if service.is_empty() || function.is_empty() || text.contains(char::is_control) {
            return Err(bad());
        }
        let address = Self::new(service, function, version);
        // As it will be written from here on, which is longer if the version was left out.
        if address.to_string().len() > limits::ID_BYTES {
            return Err(bad());
        }
        Ok(address)
    }
}

/// A worker's registration: it carries the heartbeat and all its leases. Chosen by the worker at random, once per process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u128);

/// What a client chose for one request to settle, cancel, halt or continue. It is kept with what it changed, so that this
/// very request, repeated because its answer was lost, is told from another one that says the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SettleKey(pub u128);

impl fmt::Debug for SettleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PromiseId {
        PromiseId::new(text).expect("a good id")
    }

    #[test]
    fn the_root_ends_at_the_first_dot_or_colon() {
        for (text, root, rest) in [
            ("order-42", "order-42", ""),
            ("order-42.charge", "order-42", ".charge"),
            ("a:b.c", "a", ":b.c"),
        ] {
            assert_eq!((id(text).root(), id(text).rest()), (root, rest));
        }
    }

    #[test]
    fn the_partition_of_a_root_is_part_of_the_protocol() {
        let parts: Vec<_> = ["order-42", "a", "größe", "order-42.ship-1"]
            .iter()
            .map(|text| id(text).part().0)
            .collect();
        assert_eq!(
            parts,
            [
                PARTS_OF_SAMPLES[0],
                PARTS_OF_SAMPLES[1],
                PARTS_OF_SAMPLES[2],
                PARTS_OF_SAMPLES[0]
            ]
        );
    }
    const PARTS_OF_SAMPLES: [u16; 3] = [60, 31, 44];

    #[test]
    fn child_ids_read_like_the_code() {
        let order = id("order-42");
        assert_eq!(order.child(1, "ship", 0).as_str(), "order-42.ship");
        assert_eq!(
            order.child(1, "ship", 1).child(1, "label", 0).as_str(),
            "order-42.ship-1.label"
        );
        assert_eq!(order.child(2, "ship", 0).as_str(), "order-42.~2.ship");
    }

    #[test]
    fn a_deep_id_is_flattened_and_stays_distinct() {
        let mut seen = std::collections::BTreeSet::new();
        let mut deep = id("order-42");
        for _ in 0..1000 {
            deep = deep.child(1, "descend", 0);
            assert!(deep.as_str().len() <= limits::CHILD_ID_BYTES);
            assert_eq!(deep.root(), "order-42");
            assert!(seen.insert(deep.clone()), "{deep} twice");
        }
    }

    #[test]
    fn bad_ids_are_refused_with_what_is_wrong() {
        assert_eq!(PromiseId::new(""), Err(BadId::Empty));
        assert!(matches!(
            PromiseId::new("x".repeat(513)),
            Err(BadId::TooLong { bytes: 513, .. })
        ));
        assert!(matches!(
            PromiseId::new("a\nb"),
            Err(BadId::ControlCharacter { at: 1, .. })
        ));
        assert!(matches!(PromiseId::new(".a"), Err(BadId::EmptyRoot { .. })));
        assert!(matches!(
            PromiseId::user_root("a.b"),
            Err(BadId::DotInRoot { .. })
        ));
    }

    #[test]
    fn an_address_reads_back_as_written() {
        let address: Address = "payments/charge@2".parse().expect("a good address");
        assert_eq!(address.to_string(), "payments/charge@2");
        assert_eq!(
            "payments/charge"
                .parse::<Address>()
                .expect("a good address")
                .version,
            1
        );
        assert!("payments".parse::<Address>().is_err());
        let long = |bytes| format!("s/{}", "f".repeat(bytes - 2));
        let longest = long(limits::ID_BYTES - 2).parse::<Address>();
        let longest = longest.expect("as long as it may be, with its `@1`");
        assert_eq!(longest.to_string().parse(), Ok(longest));
        assert!(long(limits::ID_BYTES - 1).parse::<Address>().is_err());
    }
}
