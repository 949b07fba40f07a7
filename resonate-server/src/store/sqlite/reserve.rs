//! Room put aside while the disk has it: a file whose bytes nobody reads. It is given up when a write finds no room, so
//! that what is under way can end, and made again when there is room.
//!
//! A power cut may leave any part of the file or none; a file that is not whole is made again.

use std::{
    fs::{self, File, Metadata},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

/// The file in the data folder.
pub(super) const FILE: &str = "resonate.reserve";
/// The room put aside: what a folded log takes, and thousands of commits that end something.
const BYTES: usize = 16 << 20;
/// Room that must be left beside it when it is made, or the next write would cost it again.
const BESIDE: usize = 4 << 20;
/// Written at a time.
const CHUNK: usize = 1 << 20;
/// How often it is tried to make it again. On a full disk the first write fails, and nothing is synced.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Whether there is room put aside.
#[derive(Debug)]
pub(super) struct Reserve {
    file: PathBuf,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// The file is there.
    Held,
    /// It is not there, and nobody has tried yet.
    Missing,
    /// There was no room. To be tried again then.
    GivenUp { again: Instant },
    /// It cannot be made, and not for want of room.
    Impossible,
}

impl Reserve {
    /// Looks whether the file is there; does not make it.
    pub(super) fn find(folder: &Path) -> Self {
        let file = folder.join(FILE);
        let is_whole = file.metadata().is_ok_and(|metadata| is_whole(&metadata));
        let state = if is_whole {
            State::Held
        } else {
            State::Missing
        };
        Self { file, state }
    }

    /// True while there is no room to put aside.
    pub(super) fn is_given_up(&self) -> bool {
        matches!(self.state, State::GivenUp { .. })
    }

    /// A write found no room. True if there is more room now.
    pub(super) fn give_up(&mut self) -> bool {
        if matches!(self.state, State::Impossible) {
            return false;
        }
        if !self.is_given_up() {
            tracing::error!(
                reserve = %self.file.display(),
                "the disk is full: new promises are refused until there is room, what is under way uses the reserve"
            );
        }
        self.state = State::GivenUp {
            again: Instant::now() + TRY_EVERY,
        };
        fs::remove_file(&self.file).is_ok()
    }

    /// Makes the file if it is missing and there is room. Returns at once when there is nothing to do.
    pub(super) fn keep(&mut self) {
        match self.state {
            State::Held | State::Impossible => return,
            State::GivenUp { again } if Instant::now() < again => return,
            State::Missing | State::GivenUp { .. } => {}
        }
        let was_given_up = self.is_given_up();
        match make(&self.file) {
            Ok(()) => {
                self.state = State::Held;
                if was_given_up {
                    tracing::info!("the disk has room again: new promises are taken");
                }
            }
            Err(error) if is_no_room(&error) => drop(self.give_up()),
            Err(error) => {
                tracing::warn!(%error, reserve = %self.file.display(), "no room can be put aside for a full disk");
                self.state = State::Impossible;
            }
        }
    }
}

fn is_no_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Not synced: it must take room, and need not be remembered.
fn make(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let chunk = noise();
    for _ in 0..(BYTES + BESIDE).div_ceil(CHUNK) {
        file.write_all(&chunk)?;
    }
    file.set_len(BYTES as u64)
}

/// Bytes that no file system can press together: zeros would take no room on some.
fn noise() -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(CHUNK).collect()
}

/// As long as it has to be, and not only by name.
fn is_whole(metadata: &Metadata) -> bool {
    metadata.len() == BYTES as u64 && taken(metadata) >= BYTES as u64
}

#[cfg(unix)]
fn taken(metadata: &Metadata) -> u64 {
    const BLOCK: u64 = 512;
    std::os::unix::fs::MetadataExt::blocks(metadata) * BLOCK
}

#[cfg(not(unix))]
fn taken(metadata: &Metadata) -> u64 {
    metadata.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::find(folder.path());
        assert_eq!(reserve.state, State::Missing);
        reserve.keep();
        assert_eq!(reserve.state, State::Held);
        assert_eq!(Reserve::find(folder.path()).state, State::Held);
        assert_eq!(
            folder.path().join(FILE).metadata().unwrap().len(),
            BYTES as u64
        );
    }

    #[test]
    fn a_reserve_that_is_not_whole_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for length in [0, 1, BYTES / 2, BYTES] {
            // Only its name and its length: a hole takes no room.
            File::create(&path).unwrap().set_len(length as u64).unwrap();
            let mut reserve = Reserve::find(folder.path());
            assert_eq!(reserve.state, State::Missing, "{length} bytes");
            reserve.keep();
            assert!(is_whole(&path.metadata().unwrap()), "{length} bytes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_given_up_is_tried_again_but_not_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::find(folder.path());
        reserve.keep();
        assert!(reserve.give_up(), "there is more room now");
        assert!(!reserve.give_up(), "and no more after that");
        assert!(!folder.path().join(FILE).exists());
        reserve.keep();
        assert!(reserve.is_given_up(), "too early");
        tokio::time::advance(TRY_EVERY).await;
        reserve.keep();
        assert_eq!(reserve.state, State::Held);
    }

    #[test]
    fn what_cannot_be_made_keeps_nobody_from_creating() {
        let mut reserve = Reserve::find(Path::new("no such folder"));
        reserve.keep();
        assert_eq!(reserve.state, State::Impossible);
        assert!(!reserve.give_up() && !reserve.is_given_up());
    }
}
