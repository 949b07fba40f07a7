//! What a person must learn even if the program has no log: through `tracing` when somebody listens to it, else on
//! standard error.

use std::{
    fmt,
    io::{self, Write as _},
};

/// Something is wrong, and what to do.
pub fn warn(text: fmt::Arguments<'_>) {
    if tracing::dispatcher::has_been_set() {
        tracing::warn!("{text}");
    } else {
        line("warning", text);
    }
}

/// Something worth knowing.
pub(crate) fn info(text: fmt::Arguments<'_>) {
    if tracing::dispatcher::has_been_set() {
        tracing::info!("{text}");
    } else {
        line("note", text);
    }
}

fn line(what: &str, text: fmt::Arguments<'_>) {
    // Standard error may be closed; then there is nobody to tell.
    let _told = writeln!(io::stderr().lock(), "resonate: {what}: {text}").is_ok();
}
