//! Capabilities: the token in a promise's URL, by which whoever has it may settle that promise and nothing else.
//!
//! A token is a keyed hash of the id, and the id. So it is the same on every replay, nobody has to keep it, and without
//! the store's key nobody can make one. It must not be in logs, lists or errors; neither must the key.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{PromiseId, limits};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of the hash in a token: nobody guesses 128 bits.
const TAG_BYTES: usize = 16;
/// Characters of the longest token.
const TOKEN_CHARS: usize = (TAG_BYTES + limits::ID_BYTES).div_ceil(3) * 4;
/// Keeps these hashes apart from whatever else the key may be used for one day.
const PURPOSE: &[u8] = b"resonate capability 1\0";

/// What the tokens of a store are made with. It lies in the store, and leaves the server for workers only.
#[derive(Clone, PartialEq, Eq)]
pub struct CapabilityKey([u8; KEY_BYTES]);

impl CapabilityKey {
    /// The key of these bytes, which nobody can guess.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// What it is made of, to be kept or sent to a worker.
    #[must_use]
    pub fn secret(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// The token that lets its owner settle this promise.
    #[must_use]
    pub fn token(&self, id: &PromiseId) -> String {
        let tag = self.hash(id.as_str()).finalize().into_bytes();
        let token = tag.iter().take(TAG_BYTES).chain(id.as_str().as_bytes());
        URL_SAFE_NO_PAD.encode(token.copied().collect::<Vec<u8>>())
    }

    /// The promise that a token is for; none if it was not made with this key. How long it takes does not say how much of
    /// it is right.
    #[must_use]
    pub fn promise_of(&self, token: &str) -> Option<PromiseId> {
        if TOKEN_CHARS < token.len() {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (tag, id) = bytes.split_at_checked(TAG_BYTES)?;
        let id = str::from_utf8(id).ok()?;
        self.hash(id).verify_truncated_left(tag).ok()?;
        PromiseId::new(id).ok()
    }

    fn hash(&self, id: &str) -> Hmac<Sha256> {
        let hash = Hmac::<Sha256>::new_from_slice(&self.0);
        let hash = hash.expect("a key of any length is one");
        hash.chain_update(PURPOSE).chain_update(id)
    }
}

/// Without what it is made of.
impl fmt::Debug for CapabilityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CapabilityKey(secret)")
    }
}

/// What the URLs of promises are made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The key of the store.
    pub key: CapabilityKey,
    /// Where the server can be reached by whoever is given a URL, without a slash at the end.
    pub public_url: Arc<str>,
}

impl Capabilities {
    /// The URL by which this promise can be settled.
    #[must_use]
    pub fn url(&self, id: &PromiseId) -> String {
        format!("{}/p/{}", self.public_url, self.key.token(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> CapabilityKey {
        CapabilityKey::new([byte; KEY_BYTES])
    }

    fn id(text: &str) -> PromiseId {
        PromiseId::new(text).unwrap()
    }

    #[test]
    fn a_token_is_the_hash_and_the_id_as_another_program_makes_it() {
        // python3: base64.urlsafe_b64encode(hmac.digest(bytes([7]) * 32, b"resonate capability 1\0a.b", "sha256")[:16] + b"a.b")
        assert_eq!(key(7).token(&id("a.b")), "lRrRobGIU8Hm9BosmFF7p2EuYg");
    }

    #[test]
    fn a_token_is_good_for_its_promise_under_its_key() {
        let longest = "x".repeat(limits::ID_BYTES);
        for text in ["a", "order-42.approval", "käse/1.x-2", &longest] {
            let token = key(7).token(&id(text));
            assert!(token.len() <= TOKEN_CHARS);
            assert_eq!(key(7).promise_of(&token), Some(id(text)));
            assert_eq!(key(8).promise_of(&token), None);
        }
    }

    #[test]
    fn nothing_but_the_whole_token_is_one() {
        let token = key(7).token(&id("order-42.approval"));
        for end in 0..token.len() {
            assert_eq!(key(7).promise_of(&token[..end]), None, "{end}");
        }
        for at in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(key(7).promise_of(&other), None, "{at}");
        }
        let swapped = key(7).token(&id("order-42.refusal"));
        let mixed = format!("{}{}", &swapped[..20], &token[20..]);
        assert_eq!(key(7).promise_of(&mixed), None);
        let long = "A".repeat(TOKEN_CHARS + 1);
        for nothing in ["", "*", "order-42.approval", &long] {
            assert_eq!(key(7).promise_of(nothing), None);
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        let capabilities = Capabilities {
            key: key(42),
            public_url: "https://example.org".into(),
        };
        let printed = format!("{capabilities:?}");
        assert!(!printed.contains("42"), "{printed}");
        let url = capabilities.url(&id("a"));
        assert!(url.starts_with("https://example.org/p/"), "{url}");
        assert!(!url.ends_with('='), "{url}");
    }
}
