//! What a fuzzer needs to reach: doors by which bytes come in and that no public function is. No part of the API.

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
