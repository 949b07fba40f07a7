//! What is fuzzed: one function per door by which bytes come in. `cargo fuzz run NAME` drives them by coverage; the test
//! `fuzz` of the workspace runs the same functions on the seeds and on mutations of them, with any compiler.

mod targets;

/// Runs the target of this name on one input.
///
/// # Panics
/// If there is none, or if it found something.
pub fn run(name: &str, data: &[u8]) {
    targets::run(name, data);
}
