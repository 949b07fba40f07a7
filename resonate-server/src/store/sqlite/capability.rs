//! What the URLs of promises are made with: a line of the header, drawn when a file has none.
//!
//! The folder and the file are for their owner alone. Copies and backups have the line as well: a URL stays good as long as
//! its promise, wherever the store is served; so a backup is as secret as the store.

use std::{fmt::Write as _, path::Path};

use resonate_core::{CapabilityKey, capability::KEY_BYTES};
use rusqlite::Connection;

use super::{super::drawn_key, error::OpenError, folder, open::damaged_header, schema, timeline};

const NAME: &str = "capability_key";

/// The key of the file, written down before anything is made with it.
pub(super) fn settle(conn: &Connection, file: &Path) -> Result<CapabilityKey, OpenError> {
    if let Some(text) = timeline::text(conn, file, NAME)? {
        let key = read(&text).ok_or_else(|| damaged_header(file, NAME, "it is no key"))?;
        return Ok(CapabilityKey::new(key));
    }
    let key = drawn_key().map_err(folder::failed("draw a key for", file))?;
    schema::set_header(conn, NAME, &written(&key))
        .map_err(|error| OpenError::database(file, error))?;
    Ok(CapabilityKey::new(key))
}

fn written(key: &[u8; KEY_BYTES]) -> String {
    key.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
        text
    })
}

fn read(text: &str) -> Option<[u8; KEY_BYTES]> {
    let digits = text.as_bytes().chunks_exact(2);
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.map(byte).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key: [u8; KEY_BYTES] = std::array::from_fn(|at| u8::try_from(at * 7).unwrap());
        assert_eq!(read(&written(&key)), Some(key));
        for nothing in [
            "",
            "00",
            &"0".repeat(2 * KEY_BYTES + 2),
            &"x".repeat(2 * KEY_BYTES),
        ] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
    }
}
