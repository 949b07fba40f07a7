//! Plants the bug that the environment names; see `resonate_core::mutants`. Only in builds for `tests/mutants`.

/// Names the bug.
pub const VARIABLE: &str = "RESONATE_MUTANT";

/// Plants it, if one is named.
///
/// # Panics
/// If there is no such bug.
pub fn plant() {
    if let Some(name) = std::env::var_os(VARIABLE) {
        resonate_core::mutants::plant(&name.to_string_lossy());
    }
}
