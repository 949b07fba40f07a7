//! The targets: bytes in; anything but a value, an error that says what is wrong, or a true answer is a panic.

mod applied;
mod payload;
mod stored;
mod typed;
mod wire;

/// Something that takes bytes, and says whether they meant something to it: else it has looked at their beginning only.
pub(crate) type Target = fn(&[u8]) -> bool;

/// All of them, by the names of their seeds and of their binaries.
pub(crate) const ALL: [(&str, Target); 12] = [
    ("apply", applied::drawn),
    ("apply_wire", applied::decoded),
    ("bincode_payload", payload::bincode),
    ("client_reply", wire::client_reply),
    ("client_request", wire::client_request),
    ("command_line", typed::command_line),
    ("from_worker", wire::from_worker),
    ("json_payload", payload::json),
    ("promise_id", typed::promise_id),
    ("store_file", stored::file),
    ("stored_row", stored::row),
    ("to_worker", wire::to_worker),
];

/// Runs the target of this name; true if the bytes meant something to it.
///
/// # Panics
/// If there is none, or if it found something.
pub(crate) fn run(name: &str, data: &[u8]) -> bool {
    let found = ALL.iter().find(|(known, _)| *known == name);
    let (_, target) = found.expect("a target of this name");
    target(data)
}
