//! Encryption by XChaCha20-Poly1305: whoever stores a payload, or carries it, learns its size and not what is in it.
//!
//! What is sealed is bound to what the payload says of it (the id of the key, the codecs inside) and to no promise: a
//! result may become an argument.

use std::{collections::BTreeMap, fmt};

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::{Codec, Digest};
use crate::{Error, ErrorKind, Result};

/// In front of the nonce, so that another layout can be told apart one day.
const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;
/// The header with the id of the key.
const KEY_HEADER: &str = "key";
/// See [`super::Codec::seal`].
const FORMAT_HEADER: &str = "format";
const KEY_ID_BYTES: usize = 64;

/// A secret of 32 bytes, and what it is called. Of the secret nothing is ever printed.
#[derive(Clone)]
pub struct Key {
    id: String,
    secret: [u8; 32],
}

/// Why something is no key, or a set of keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadKey {
    /// What it is called.
    #[error(
        "{0:?} is no id of a key; write at most {KEY_ID_BYTES} letters, digits, `-`, `_` and `.`, such as `2026-12`"
    )]
    Id(String),
    /// The secret.
    #[error(
        "the secret of the key `{0}` is not 64 hexadecimal digits; make one with `openssl rand -hex 32`"
    )]
    Secret(String),
    /// There is nothing to encrypt with.
    #[error("there is no key; give the one to encrypt with, and after it those to decrypt with")]
    None,
    /// Two keys are called the same.
    #[error(
        "two keys are called `{0}`; give each an id of its own, for the id is all that a payload says of its key"
    )]
    Twice(String),
}

impl Key {
    /// A key of these random bytes. The id stands in each payload, in the clear: a date does well.
    ///
    /// # Errors
    /// The id is empty, too long, or has other characters than letters, digits, `-`, `_` and `.`.
    pub fn new(id: impl Into<String>, secret: [u8; 32]) -> Result<Self, BadKey> {
        let id = id.into();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if id.is_empty() || KEY_ID_BYTES < id.len() || !id.chars().all(fits) {
            return Err(BadKey::Id(id));
        }
        Ok(Self { id, secret })
    }

    /// A key of 64 hexadecimal digits, as `openssl rand -hex 32` writes them.
    ///
    /// # Errors
    /// See [`new`](Self::new), or the text is something else.
    pub fn from_hex(id: impl Into<String>, text: &str) -> Result<Self, BadKey> {
        let key = Self::new(id, [0; 32])?;
        let digits: Option<Vec<u8>> = text
            .trim()
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let digits = digits.filter(|digits| digits.len() == 2 * key.secret.len());
        let Some(digits) = digits else {
            return Err(BadKey::Secret(key.id));
        };
        let mut secret = [0; 32];
        for (byte, pair) in secret.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
        }
        Ok(Self { secret, ..key })
    }

    /// A secret of its own for each use.
    fn derived(&self, of: &str) -> [u8; 32] {
        mac(&self.secret, of.as_bytes())
    }
}

/// Encrypts what is written, with XChaCha20-Poly1305 and a random nonce.
///
/// Encrypted are arguments, results, answers of an error type, what steps recorded, what is emitted, and messages. Not
/// encrypted are ids, functions, labels, tags, progress, the sizes of payloads, and *texts of errors*, since the server acts
/// on them or people need them: put no secrets there.
///
/// ```
/// # extern crate resonate_runtime as resonate;
/// use resonate::{Resonate, codec::{Compressed, Encrypted, Key}};
///
/// # fn main() -> Result<(), resonate::codec::BadKey> {
/// # let (new, old) = ("11".repeat(32), "22".repeat(32));
/// let keys = [Key::from_hex("2026-12", &new)?, Key::from_hex("2026-06", &old)?];
/// let builder = Resonate::builder().codec(Encrypted::new(keys)?.over(Compressed::new()));
/// # drop(builder);
/// # Ok(())
/// # }
/// # use resonate::codec::Codec as _;
/// ```
///
/// To change keys, add the new one *last* in every process; then put it first; then, when nothing is left that was
/// encrypted with the old one, take that away.
#[derive(Clone)]
pub struct Encrypted {
    keys: Vec<Ready>,
}

/// A key as it is used.
#[derive(Clone)]
struct Ready {
    id: String,
    cipher: XChaCha20Poly1305,
    digests: [u8; 32],
}

impl Encrypted {
    /// Encrypts with the first of these keys, and decrypts with any of them.
    ///
    /// # Errors
    /// There is no key, or two are called the same.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, BadKey> {
        let mut ready: Vec<Ready> = Vec::new();
        for key in keys {
            if ready.iter().any(|earlier| earlier.id == key.id) {
                return Err(BadKey::Twice(key.id));
            }
            ready.push(Ready {
                cipher: XChaCha20Poly1305::new(&key.derived("resonate encryption 1").into()),
                digests: key.derived("resonate digest 1"),
                id: key.id,
            });
        }
        if ready.is_empty() {
            return Err(BadKey::None);
        }
        Ok(Self { keys: ready })
    }
}

impl Codec for Encrypted {
    fn label(&self) -> &'static str {
        "encrypted"
    }

    fn seal(&self, plain: Vec<u8>, headers: &mut BTreeMap<String, String>) -> Result<Vec<u8>> {
        let key = self.keys.first().ok_or(BadKey::None)?;
        headers.insert(KEY_HEADER.to_owned(), key.id.clone());
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let (msg, aad) = (plain.as_slice(), said(headers));
        let sealed = key
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg, aad: &aad })
            .map_err(|_| Error::terminal("it is too long to be encrypted"))?;
        Ok([&[FORMAT], &nonce[..], &sealed].concat())
    }

    fn open(&self, sealed: &[u8], headers: &BTreeMap<String, String>) -> Result<Vec<u8>> {
        let bad = |what: String| Error::of(ErrorKind::Decode, what);
        let id = headers.get(KEY_HEADER).map_or("", String::as_str);
        let Some(key) = self.keys.iter().find(|key| key.id == id) else {
            let known: Vec<_> = self
                .keys
                .iter()
                .map(|key| format!("`{}`", key.id))
                .collect();
            return Err(bad(format!(
                "it is encrypted with the key `{id}`; this process has {}; give it that key too, after the one that it \
                 encrypts with",
                known.join(", ")
            )));
        };
        let Some((&format, bytes)) = sealed.split_first() else {
            return Err(bad("there are no bytes at all".to_owned()));
        };
        if format != FORMAT {
            return Err(bad(format!(
                "its format is {format}, this library reads {FORMAT}; upgrade it"
            )));
        }
        let Some((nonce, msg)) = bytes.split_first_chunk::<NONCE_BYTES>() else {
            return Err(bad("it is cut off".to_owned()));
        };
        let aad = said(headers);
        key.cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg, aad: &aad })
            .map_err(|_| {
                bad(format!(
                    "it was changed after it was encrypted, or what is called `{id}` here is another key"
                ))
            })
    }

    fn digest(&self, plain: &[u8]) -> Digest {
        let of = |key: &Ready| {
            let [a, b, c, d, e, f, g, h, ..] = mac(&key.digests, plain);
            let digest = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            (key.id.clone(), digest)
        };
        Digest::Keyed(self.keys.iter().map(of).collect())
    }
}

/// What the payload says of what is sealed, which nobody may change.
fn said(headers: &BTreeMap<String, String>) -> Vec<u8> {
    let text = |name| headers.get(name).map_or("", String::as_str);
    format!(
        "resonate encrypted {FORMAT}\0{}\0{}",
        text(KEY_HEADER),
        text(FORMAT_HEADER)
    )
    .into_bytes()
}

fn mac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of HMAC may have any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.keys.iter().map(|key| &key.id);
        f.debug_list().entries(ids).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, byte: u8) -> Key {
        Key::new(id, [byte; 32]).unwrap()
    }

    fn codec(keys: &[(&str, u8)]) -> Encrypted {
        Encrypted::new(keys.iter().map(|(id, byte)| key(id, *byte))).unwrap()
    }

    fn sealed(codec: &Encrypted, plain: &[u8]) -> (Vec<u8>, BTreeMap<String, String>) {
        let mut headers = BTreeMap::from([("format".to_owned(), "json".to_owned())]);
        let sealed = codec.seal(plain.to_vec(), &mut headers).unwrap();
        (sealed, headers)
    }

    #[test]
    fn what_is_encrypted_is_read_by_whoever_has_the_key_and_never_looks_the_same() {
        let (before, after) = (codec(&[("old", 1)]), codec(&[("new", 2), ("old", 1)]));
        let (sealed_before, headers) = sealed(&before, b"a secret");
        assert_eq!(headers["key"], "old");
        assert_eq!(after.open(&sealed_before, &headers).unwrap(), b"a secret");
        let (sealed_after, headers) = sealed(&after, b"a secret");
        assert_eq!(headers["key"], "new");
        assert_ne!(sealed(&after, b"a secret").0, sealed_after);
        assert!(!sealed_after.windows(6).any(|six| six == b"secret"));
        let error = before.open(&sealed_after, &headers).unwrap_err();
        let says = "it is encrypted with the key `new`; this process has `old`; give it that key too, after the one that it encrypts with";
        assert_eq!(error.message(), says);
    }

    #[test]
    fn nothing_that_was_changed_is_read() {
        let codec = codec(&[("k", 1)]);
        let (good, headers) = sealed(&codec, b"12");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(codec.open(&bad, &headers).is_err(), "byte {at}");
            assert!(codec.open(&good[..at], &headers).is_err(), "cut at {at}");
        }
        let mut other = headers.clone();
        other.insert("format".to_owned(), "bincode".to_owned());
        let error = codec.open(&good, &other).unwrap_err();
        assert!(
            error.message().contains("changed after it was encrypted"),
            "{error}"
        );
        let impostor = Encrypted::new([key("k", 2)]).unwrap();
        let error = impostor.open(&good, &headers).unwrap_err();
        assert!(error.message().contains("is another key"), "{error}");
    }

    #[test]
    fn digests_agree_under_each_common_key_and_tell_nothing_without_one() {
        let digests = |codec: &Encrypted| {
            let Digest::Keyed(keyed) = codec.digest(b"7") else {
                panic!("they are keyed")
            };
            keyed
        };
        let (old, both) = (
            digests(&codec(&[("old", 1)])),
            digests(&codec(&[("new", 2), ("old", 1)])),
        );
        assert_eq!(both["old"], old["old"]);
        assert_ne!(both["new"], both["old"]);
        assert_ne!(digests(&codec(&[("old", 3)])), old);
    }

    #[test]
    fn keys_that_cannot_be_used_say_why() {
        let text = |bad: BadKey| bad.to_string();
        assert!(text(Key::new("a=b", [0; 32]).unwrap_err()).contains("\"a=b\" is no id of a key"));
        assert!(text(Key::from_hex("k", "12").unwrap_err()).contains("`openssl rand -hex 32`"));
        assert!(text(Key::from_hex("k", &"ä".repeat(64)).unwrap_err()).contains("64 hexadecimal"));
        assert!(text(Encrypted::new([]).unwrap_err()).contains("there is no key"));
        let twice = Encrypted::new([key("k", 1), key("k", 2)]).unwrap_err();
        assert!(text(twice).contains("two keys are called `k`"));
        let one = Key::from_hex("k", &"0f".repeat(32)).unwrap();
        assert_eq!(one.secret, [15; 32]);
        assert_eq!(format!("{one:?}"), "Key { id: \"k\", .. }");
    }
}
