//! What a process left in the write-ahead log is written again and synced before SQLite builds on it.
//!
//! After a sync that failed, the page cache may show bytes that the disk does not hold and will never be asked to hold:
//! the pages count as clean. Written again, they are dirty again, and a sync that succeeds means what it says.

use std::{
    fs::OpenOptions,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use super::{error::OpenError, folder};

/// Bytes moved at a time.
const CHUNK: usize = 1 << 20;

/// Writes the log's bytes over themselves and syncs them. A missing log is as good as an empty one.
pub(super) fn rewrite(log: &Path) -> Result<(), OpenError> {
    match rewrite_file(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done.map_err(folder::unsynced(log)),
    }
}

fn rewrite_file(log: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(log)?;
    write_again(&mut file)?;
    file.sync_all()
}

fn write_again(file: &mut (impl Read + Write + Seek)) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    let mut place = 0;
    loop {
        file.seek(SeekFrom::Start(place))?;
        let length = file.read(&mut chunk)?;
        let Some(bytes) = chunk.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        file.seek(SeekFrom::Start(place))?;
        file.write_all(bytes)?;
        place = file.stream_position()?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A file that reads a little at a time, and remembers which of its bytes were written.
    struct Watched {
        file: Cursor<Vec<u8>>,
        written: Vec<bool>,
    }

    impl Read for Watched {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(4_099);
            self.file.read(&mut buffer[..most])
        }
    }

    impl Write for Watched {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let begin = usize::try_from(self.file.position()).unwrap();
            self.written[begin..begin + bytes.len()].fill(true);
            self.file.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Watched {
        fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
            self.file.seek(place)
        }
    }

    #[test]
    fn every_byte_is_written_and_none_is_changed() {
        for length in [0, 1, 4_098, 4_099, 4_100, 100_000] {
            let bytes: Vec<u8> = (0..length)
                .map(|n: u32| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
                .collect();
            let written = vec![false; bytes.len()];
            let mut file = Watched {
                file: Cursor::new(bytes.clone()),
                written,
            };
            write_again(&mut file).unwrap();
            assert!(
                file.written.iter().all(|written| *written),
                "{length} bytes"
            );
            assert!(file.file.into_inner() == bytes, "{length} bytes");
        }
    }
}
