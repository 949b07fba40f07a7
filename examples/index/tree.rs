//! The durable part: a call for each file, and a call for each directory that puts the results of its own together.

use futures::{StreamExt, TryStreamExt, stream};
use resonate::prelude::*;
use tokio::task::spawn_blocking;

use crate::{
    count::{Count, FileError, Totals},
    walk::Listing,
};

/// Calls of one directory that are under way at a time.
const CONCURRENCY: usize = 32;

/// Counts what is below all of `paths`, at most `limit` files.
#[durable]
pub(crate) async fn index(paths: &[String], limit: u64) -> Result<Totals> {
    let look = || {
        let paths = paths.to_vec();
        spawn_blocking(move || Listing::of_roots(&paths, limit))
    };
    combine(step(look).label("list").await?).await
}

/// Counts what is below one directory.
#[durable]
async fn folder(path: &str, limit: u64) -> Result<Totals> {
    // A directory may change. What this step has seen of it does not: a replay meets the same files.
    let look = || {
        let path = path.to_owned();
        spawn_blocking(move || Listing::of(&path, limit))
    };
    combine(step(look).label("list").await?).await
}

/// Counts what is in one file.
#[durable]
async fn count(path: &str) -> Result<Count, FileError> {
    let path = path.to_owned();
    spawn_blocking(move || Count::of(&path))
        .await
        .map_err(Error::from)?
}

/// An ordinary function: the calls are those of the directory that it is called for.
async fn combine(listing: Listing) -> Result<Totals> {
    let Listing {
        files,
        unreadable,
        folders,
    } = listing;
    let totals = Totals {
        unreadable,
        ..Totals::default()
    };
    let counts = stream::iter(files)
        .map(|path| count(&path))
        .buffered(CONCURRENCY)
        .map(Ok);
    let totals = counts
        .try_fold(totals, |totals, file| async { totals.count(file) })
        .await?;
    let below = stream::iter(folders)
        .map(|share| folder(&share.path, share.files))
        .buffered(CONCURRENCY);
    below
        .try_fold(totals, |totals, below| async { Ok(totals.and(below)) })
        .await
}
