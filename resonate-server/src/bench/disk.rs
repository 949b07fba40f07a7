//! The floor: how long this disk takes to keep 512 bytes.

use std::{fs::File, io, io::Write as _, path::Path, time::Duration};

use tokio::time::Instant;

const WRITES: usize = 200;

/// Half of the appends with fdatasync were faster than this.
pub(crate) fn sync_floor(folder: &Path) -> io::Result<Duration> {
    let path = folder.join("floor");
    let mut file = File::create(&path)?;
    let mut took = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let start = Instant::now();
        file.write_all(&[7; 512])?;
        file.sync_data()?;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    std::fs::remove_file(path)?;
    Ok(took.get(WRITES / 2).copied().unwrap_or_default())
}
