//! Whether the write-ahead log is whole as far as somebody was told that it is durable.
//!
//! SQLite reads a log up to the first frame whose checksum is wrong and takes what follows for the torn end of the last
//! write. That is right after a power cut: each commit is synced before the next one begins, so only the last one can be
//! torn. Two things cannot come from that, and SQLite would drop durable commits without a word: a whole frame that follows
//! the end of a commit behind the break, and whole commits below a header that is not (it is synced before the first frame).
//!
//! The last commit of a log, damaged or cut off, cannot be told from one that was never finished.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use super::{super::error::Damage, error::OpenError, folder};

/// Of the log, and of each frame in front of its page.
const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The pages of every store.
const PAGE: usize = 4_096;
const MAGIC: u32 = 0x377F_0682;

/// Refuses a log that has lost durable commits.
pub(super) fn check(log: &Path) -> Result<(), OpenError> {
    let file = match File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(folder::failed("open", log)(error)),
    };
    let lost = lost(&mut BufReader::new(file)).map_err(folder::failed("read", log))?;
    let Some(Lost { frame, why }) = lost else {
        return Ok(());
    };
    let (file, table, key, why) = (log.to_owned(), "log", frame, why.to_owned());
    Err(OpenError::Damaged(Damage {
        file,
        table,
        key,
        why,
    }))
}

#[derive(Debug, PartialEq, Eq)]
struct Lost {
    frame: String,
    why: &'static str,
}

/// What says that durable commits are lost.
fn lost(log: &mut impl Read) -> io::Result<Option<Lost>> {
    let mut header = [0; HEADER];
    if !fill(log, &mut header)? {
        return Ok(None);
    }
    let words = Words::of(&header);
    let is_sound = words.magic & !1 == MAGIC && words.sum == words.sum_of(Sum::default(), &header);
    // One of the two is that of the header as it was written.
    let mut sums = [words.sum, words.sum_of(Sum::default(), &header)];
    let mut is_broken = !is_sound;
    let (mut salts, mut broken_at) = (is_sound.then_some(words.salts), None);
    let (mut frame, mut ends_after_break) = ([0; FRAME_HEADER + PAGE], false);
    let mut number = 0_u64;
    while fill(log, &mut frame)? {
        number += 1;
        let (is_whole, kept) = words.reads(&frame, sums, salts);
        sums = [kept.sum; 2];
        // Below a header that cannot be believed, a frame says to which writing of the log it belongs.
        if !is_sound {
            salts = Some(kept.salts);
        }
        if !is_whole {
            is_broken = true;
            broken_at.get_or_insert(number);
            // Behind a commit may be what is left of one that was longer and never finished: it does not follow that one.
            ends_after_break = false;
            continue;
        }
        if !is_sound && kept.is_end {
            let why = "it cannot be read, and commits follow it that were durable";
            return Ok(Some(Lost {
                frame: "its header".to_owned(),
                why,
            }));
        }
        if ends_after_break {
            let frame = format!("frame {}", broken_at.unwrap_or(number));
            let why = "its checksum is wrong, and commits follow it that were durable";
            return Ok(Some(Lost { frame, why }));
        }
        ends_after_break = is_broken && kept.is_end;
    }
    Ok(None)
}

/// How the log writes its numbers, and what its header says.
struct Words {
    magic: u32,
    is_big: bool,
    salts: [u32; 2],
    sum: Sum,
}

/// What a frame says of itself.
struct Frame {
    salts: [u32; 2],
    sum: Sum,
    /// It is the last of a commit.
    is_end: bool,
}

/// The running checksum of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum(u32, u32);

impl Words {
    fn of(header: &[u8; HEADER]) -> Self {
        let magic = big(header, 0);
        // A log is written in the order of its machine, and read by its like; an unreadable number says nothing else.
        let is_known = magic & !1 == MAGIC;
        let is_big = (is_known && magic & 1 == 1) || (!is_known && cfg!(target_endian = "big"));
        Self {
            magic,
            is_big,
            salts: [big(header, 16), big(header, 20)],
            sum: Sum(big(header, 24), big(header, 28)),
        }
    }

    /// Of the header: without its own checksum.
    fn sum_of(&self, before: Sum, header: &[u8; HEADER]) -> Sum {
        self.add(before, header.get(..HEADER - 8).unwrap_or_default())
    }

    /// Whether a frame is whole and follows one with such a checksum, in the writing of the log with these salts.
    fn reads(&self, bytes: &[u8], before: [Sum; 2], salts: Option<[u32; 2]>) -> (bool, Frame) {
        let frame = Frame {
            salts: [big(bytes, 8), big(bytes, 12)],
            sum: Sum(big(bytes, 16), big(bytes, 20)),
            is_end: big(bytes, 4) != 0,
        };
        let (numbers, page) = (bytes.get(..8), bytes.get(FRAME_HEADER..));
        let follows = |before: Sum| {
            let numbers = self.add(before, numbers.unwrap_or_default());
            self.add(numbers, page.unwrap_or_default()) == frame.sum
        };
        let is_here = big(bytes, 0) != 0 && salts.is_none_or(|salts| salts == frame.salts);
        let is_whole = is_here && before.into_iter().any(follows);
        (is_whole, frame)
    }

    fn add(&self, before: Sum, bytes: &[u8]) -> Sum {
        let word = |bytes: &[u8; 4]| {
            if self.is_big {
                u32::from_be_bytes(*bytes)
            } else {
                u32::from_le_bytes(*bytes)
            }
        };
        let (words, _) = bytes.as_chunks::<4>();
        let (pairs, _) = words.as_chunks::<2>();
        pairs
            .iter()
            .fold(before, |Sum(one, other), [first, second]| {
                let one = one.wrapping_add(word(first)).wrapping_add(other);
                Sum(one, other.wrapping_add(word(second)).wrapping_add(one))
            })
    }
}

fn big(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    word.copied().map_or(0, u32::from_be_bytes)
}

/// False at the end; a part of a frame there is as good as none.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALTS: [u32; 2] = [7, 8];

    /// A log that grows as SQLite writes it, in the order of this machine.
    struct Log {
        bytes: Vec<u8>,
        words: Words,
        sum: Sum,
    }

    impl Log {
        fn new() -> Self {
            let mut header = [0; HEADER];
            let magic = MAGIC | u32::from(cfg!(target_endian = "big"));
            for (at, word) in [(0, magic), (8, 4_096), (16, SALTS[0]), (20, SALTS[1])] {
                header[at..at + 4].copy_from_slice(&word.to_be_bytes());
            }
            let sum = Words::of(&header).sum_of(Sum::default(), &header);
            header[24..28].copy_from_slice(&sum.0.to_be_bytes());
            header[28..].copy_from_slice(&sum.1.to_be_bytes());
            let words = Words::of(&header);
            Self {
                bytes: header.to_vec(),
                words,
                sum,
            }
        }

        /// A commit of so many pages; unfinished without its last.
        fn commit(&mut self, pages: u32, is_finished: bool) -> &mut Self {
            for page in 1..=pages {
                let is_end = is_finished && page == pages;
                let mut frame = [u8::try_from(page).unwrap(); FRAME_HEADER + PAGE];
                let end = if is_end { 9 } else { 0 };
                for (at, word) in [(0, page), (4, end), (8, SALTS[0]), (12, SALTS[1])] {
                    frame[at..at + 4].copy_from_slice(&u32::to_be_bytes(word));
                }
                self.sum = self.words.add(self.sum, &frame[..8]);
                self.sum = self.words.add(self.sum, &frame[FRAME_HEADER..]);
                frame[16..20].copy_from_slice(&self.sum.0.to_be_bytes());
                frame[20..24].copy_from_slice(&self.sum.1.to_be_bytes());
                self.bytes.extend(frame);
            }
            self
        }

        fn break_page(&mut self, frame: usize) -> &mut Self {
            self.bytes[HEADER + frame * (FRAME_HEADER + PAGE) - 100] ^= 1;
            self
        }

        fn lost(&self) -> Option<String> {
            lost(&mut &self.bytes[..]).unwrap().map(|lost| lost.frame)
        }
    }

    #[test]
    fn a_whole_log_and_a_torn_end_have_lost_nothing() {
        assert_eq!(Log::new().lost(), None);
        assert_eq!(Log::new().commit(2, true).commit(3, true).lost(), None);
        for torn in 3..=5 {
            let mut log = Log::new();
            log.commit(2, true).commit(3, true).break_page(torn);
            assert_eq!(log.lost(), None, "frame {torn}");
        }
    }

    #[test]
    fn what_is_left_of_a_longer_commit_that_was_never_finished_is_no_evidence() {
        let mut log = Log::new();
        let sum = log.commit(2, true).sum;
        let begin = log.bytes.len();
        let unfinished = log.commit(6, false).bytes.split_off(begin);
        log.sum = sum;
        log.commit(2, true).break_page(3);
        log.bytes.extend(&unfinished[2 * (FRAME_HEADER + PAGE)..]);
        assert_eq!(log.lost(), None);
    }

    #[test]
    fn a_break_before_commits_that_were_durable_is_told() {
        for (broken, frame) in [(1, "frame 1"), (2, "frame 2")] {
            let mut log = Log::new();
            log.commit(2, true).commit(3, true).commit(1, true);
            assert_eq!(log.break_page(broken).lost().as_deref(), Some(frame));
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_above_a_commit_is_told() {
        for at in 0..HEADER {
            let mut log = Log::new();
            log.commit(2, true);
            log.bytes[at] ^= 4;
            assert_eq!(log.lost().as_deref(), Some("its header"), "byte {at}");
        }
    }
}
