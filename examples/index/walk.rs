//! Directories: what is in one, and how many files are below it.

use std::{fs, io, path::Path};

use resonate::prelude::*;

/// What is to be counted of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    /// Paths of files.
    pub(crate) files: Vec<String>,
    /// What cannot be opened here: the directory itself, or a name that is no text.
    pub(crate) unreadable: u64,
    pub(crate) folders: Vec<Share>,
}

/// The first so many files of a directory, in the order of a walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) path: String,
    pub(crate) files: u64,
}

impl Listing {
    /// What is in `path`, in the order of the names: files before directories, no more than `limit` files in all. What
    /// cannot be read counts as a file. Links are not followed.
    pub(crate) fn of(path: &str, limit: u64) -> Self {
        names(Path::new(path)).limited(limit)
    }

    /// The same for directories that are in no common one.
    pub(crate) fn of_roots(paths: &[String], limit: u64) -> Self {
        let folders = paths.iter().cloned().map(Share::unknown).collect();
        let roots = Self {
            folders,
            ..Self::default()
        };
        roots.limited(limit)
    }

    /// Shares `limit` out.
    fn limited(mut self, limit: u64) -> Self {
        self.files
            .truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let mut left = limit - self.files.len() as u64;
        self.unreadable = self.unreadable.min(left);
        left -= self.unreadable;
        for folder in &mut self.folders {
            folder.files = files_below(&folder.path, left);
            left -= folder.files;
        }
        self.folders.retain(|folder| folder.files > 0);
        self
    }
}

impl Share {
    fn unknown(path: String) -> Self {
        Self { path, files: 0 }
    }
}

/// How many files are below a directory, at most `limit`.
fn files_below(path: &str, limit: u64) -> u64 {
    let listing = names(Path::new(path));
    let here = listing.files.len() as u64 + listing.unreadable;
    let below = |found: u64, folder: &Share| found + files_below(&folder.path, limit - found);
    listing.folders.iter().fold(here.min(limit), below)
}

/// Everything in a directory.
pub(crate) fn names(folder: &Path) -> Listing {
    let unreadable = Listing {
        unreadable: 1,
        ..Listing::default()
    };
    try_names(folder).unwrap_or(unreadable)
}

fn try_names(folder: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        match entry.path().into_os_string().into_string() {
            Ok(path) if kind.is_file() => listing.files.push(path),
            Ok(path) if kind.is_dir() => listing.folders.push(Share::unknown(path)),
            Ok(_) => {}
            Err(_) => listing.unreadable += 1,
        }
    }
    listing.files.sort();
    listing
        .folders
        .sort_by(|one, other| one.path.cmp(&other.path));
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a.txt`, `b.txt`, `empty/`, `one/c.txt`, `two/d.txt`, `two/e.txt`
    fn folder() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.txt", "b.txt", "one/c.txt", "two/d.txt", "two/e.txt"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "text").unwrap();
        }
        fs::create_dir(folder.path().join("empty")).unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        (folder, path)
    }

    #[track_caller]
    fn check(limit: u64, files: usize, folders: &[(&str, u64)]) {
        let (_folder, path) = folder();
        let listing = Listing::of(&path, limit);
        let shares: Vec<(&str, u64)> = listing
            .folders
            .iter()
            .map(|share| (share.path.rsplit('/').next().unwrap(), share.files))
            .collect();
        assert_eq!((listing.files.len(), shares.as_slice()), (files, folders));
    }

    #[test]
    fn a_limit_is_shared_out_in_the_order_of_the_names() {
        check(u64::MAX, 2, &[("one", 1), ("two", 2)]);
        check(4, 2, &[("one", 1), ("two", 1)]);
        check(3, 2, &[("one", 1)]);
        check(1, 1, &[]);
        check(0, 0, &[]);
    }

    #[test]
    fn a_directory_that_cannot_be_read_counts_as_one_file() {
        let (_folder, path) = folder();
        let gone = format!("{path}/gone");
        assert_eq!(Listing::of(&gone, 5).unreadable, 1);
        let roots = Listing::of_roots(&[gone.clone(), path.clone()], 2);
        assert_eq!(
            roots.folders,
            [
                Share {
                    path: gone,
                    files: 1
                },
                Share { path, files: 1 }
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_and_a_name_that_is_no_text_is_counted() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        let (folder, path) = folder();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
        fs::write(folder.path().join(OsStr::from_bytes(b"\xff.txt")), "text").unwrap();
        let listing = Listing::of(&path, u64::MAX);
        assert_eq!(
            (
                listing.files.len(),
                listing.unreadable,
                listing.folders.len()
            ),
            (2, 1, 2)
        );
    }
}
