//! What is known of one file, and of many together.

use std::{collections::BTreeMap, fs, io, path::Path};

use resonate::prelude::*;

/// How far into a file its licence is looked for.
const LICENCE_LINES: usize = 50;
/// Characters of a licence that are kept.
const LICENCE_CHARS: usize = 60;

/// What is in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    pub(crate) words: u64,
    pub(crate) is_utf8: bool,
    pub(crate) licence: Option<String>,
}

/// Why a file is not counted: an answer, not a failure, since another attempt would find the same.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum FileError {
    /// The system refused it.
    #[error("{path}: {why}")]
    Unreadable { path: String, why: String },
    /// The call itself failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// What is in many files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) files: u64,
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    pub(crate) words: u64,
    pub(crate) not_utf8: u64,
    pub(crate) unreadable: u64,
    /// How many files have this licence line.
    pub(crate) licences: BTreeMap<String, u64>,
}

impl Count {
    /// Reads a file.
    pub(crate) fn of(path: &str) -> Result<Self, FileError> {
        let unreadable = |error: io::Error| FileError::Unreadable {
            path: path.to_owned(),
            why: error.to_string(),
        };
        Ok(Self::of_bytes(
            &fs::read(Path::new(path)).map_err(unreadable)?,
        ))
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
        let has_open_line = bytes.last().is_some_and(|last| *last != b'\n');
        let words = bytes
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .count();
        Self {
            lines: ends as u64 + u64::from(has_open_line),
            bytes: bytes.len() as u64,
            words: words as u64,
            is_utf8: std::str::from_utf8(bytes).is_ok(),
            licence: licence(bytes),
        }
    }
}

/// What the first line says that names a licence: `SPDX-License-Identifier: MIT`, or `license = "MIT"`.
fn licence(bytes: &[u8]) -> Option<String> {
    let lines = bytes.split(|byte| *byte == b'\n').take(LICENCE_LINES);
    lines.map(String::from_utf8_lossy).find_map(|line| {
        let said = match line.split_once("SPDX-License-Identifier:") {
            Some((_, said)) => said,
            None => line
                .trim_start()
                .strip_prefix("license")?
                .trim_start()
                .strip_prefix('=')?,
        };
        let is_frame = |c: char| c.is_whitespace() || "\"'*/<>-#".contains(c);
        let said = said.trim_matches(is_frame);
        (!said.is_empty()).then(|| said.chars().take(LICENCE_CHARS).collect())
    })
}

impl Totals {
    /// One more file; one that cannot be read counts as such.
    ///
    /// # Errors
    /// The call failed, so that nothing is known of the file.
    pub(crate) fn count(mut self, file: Result<Count, FileError>) -> Result<Self> {
        match file {
            Ok(count) => {
                self.files += 1;
                self.lines += count.lines;
                self.bytes += count.bytes;
                self.words += count.words;
                self.not_utf8 += u64::from(!count.is_utf8);
                if let Some(licence) = count.licence {
                    *self.licences.entry(licence).or_default() += 1;
                }
            }
            Err(FileError::Unreadable { .. }) => self.unreadable += 1,
            Err(FileError::Failed(error)) => return Err(error),
        }
        Ok(self)
    }

    /// What is in the files of both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.files += other.files;
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.words += other.words;
        self.not_utf8 += other.not_utf8;
        self.unreadable += other.unreadable;
        for (licence, files) in other.licences {
            *self.licences.entry(licence).or_default() += files;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], lines: u64, words: u64, licence: Option<&str>) {
        let count = Count::of_bytes(bytes);
        let found = (count.lines, count.words, count.licence.as_deref());
        assert_eq!(found, (lines, words, licence));
    }

    #[test]
    fn lines_words_and_licence_are_counted_in_bytes() {
        check(b"", 0, 0, None);
        check(b"one two\nthree", 2, 3, None);
        check(b"one\n\n", 2, 1, None);
        check(
            b"// SPDX-License-Identifier: MIT OR Apache-2.0\n",
            1,
            5,
            Some("MIT OR Apache-2.0"),
        );
        check(b"/* SPDX-License-Identifier: MIT */", 1, 4, Some("MIT"));
        check(b"[package]\n license = \"MIT\"\n", 2, 4, Some("MIT"));
        check(b"license-file = \"LICENSE\"\n", 1, 3, None);
    }

    #[test]
    fn a_file_that_is_no_text_is_counted_all_the_same() {
        let count = Count::of_bytes(b"\xff\xfe\nSPDX-License-Identifier: Zlib \xff\n");
        assert!(!count.is_utf8);
        assert_eq!((count.lines, count.bytes, count.words), (2, 35, 4));
        assert!(count.licence.unwrap().starts_with("Zlib"));
    }

    #[test]
    fn a_file_that_is_not_there_is_an_answer() {
        let gone = Count::of("no/such/file");
        let totals = Totals::default().count(gone).unwrap();
        assert_eq!((totals.files, totals.unreadable), (0, 1));
    }
}
