//! What a fuzzer and a server inside of a test need to reach. No part of the API.

use resonate_proto::client::{Page, Search, TreeSearch};

use crate::{api::lists, store::Reader};

pub use crate::engine::disk::{ReadError, read_record, write_record};

/// Reads a command line and the values in it as the program does, and does nothing.
///
/// # Errors
/// What the user is told.
#[cfg(feature = "cli")]
pub fn command_line<T: Into<std::ffi::OsString> + Clone>(
    line: impl IntoIterator<Item = T>,
) -> Result<(), String> {
    crate::cli::read(line)
}

/// A page of promises that look like this.
///
/// # Errors
/// Why there is none.
pub fn search(reader: &mut dyn Reader, asked: &Search) -> Result<Page, String> {
    lists::search(reader, asked).map_err(|error| error.to_string())
}

/// A page of what is below a promise.
///
/// # Errors
/// Why there is none.
pub fn tree(reader: &mut dyn Reader, asked: &TreeSearch) -> Result<Page, String> {
    lists::tree(reader, asked).map_err(|error| error.to_string())
}
