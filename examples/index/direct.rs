//! The same without resonate: one loop over a stack of directories. It shares no code with the durable part but the
//! reading of one file and of one directory.

use std::path::Path;

use resonate::prelude::*;

use crate::{
    count::{Count, Totals},
    walk::names,
};

/// Counts what is below all of `paths`, at most `limit` files.
pub(crate) fn index(paths: &[String], limit: u64) -> Result<Totals> {
    let mut totals = Totals::default();
    let mut left = limit;
    let mut stack: Vec<String> = paths.iter().rev().cloned().collect();
    while let Some(path) = stack.pop() {
        let listing = names(Path::new(&path));
        for file in listing.files {
            if left == 0 {
                return Ok(totals);
            }
            totals = totals.count(Count::of(&file))?;
            left -= 1;
        }
        let unreadable = listing.unreadable.min(left);
        totals.unreadable += unreadable;
        left -= unreadable;
        stack.extend(listing.folders.into_iter().rev().map(|folder| folder.path));
    }
    Ok(totals)
}
