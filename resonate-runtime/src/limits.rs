//! The bounds of a process that uses Resonate, each with its reason. What both sides must agree on is in the core's.

use std::time::Duration;

/// Bytes of one text of an error that travels: room for a stack of causes in one record.
pub(crate) const ERROR_TEXT_BYTES: usize = 8 << 10;
/// Causes of an error that travel.
pub(crate) const CAUSES: usize = 16;
/// Nesting of a value that is decoded; serde_json's own limit.
pub(crate) const DEPTH: usize = 128;
/// Events that may wait for one execution; more are joined into one until it takes them.
pub(crate) const EXECUTION_EVENTS: usize = 1_024;
/// How long a running execution may stay unknown to the server before it is created there.
pub(crate) const YOUNG: Duration = Duration::from_secs(1);
/// How long an execution that something foreign may wake stays leased before it is suspended, tied to the session.
pub(crate) const FOREIGN_WAIT: Duration = Duration::from_secs(30);
/// Elements of all sequences and maps of a value that is decoded from bincode: elements may take no bytes at all.
pub(crate) const ELEMENTS: usize = 4 << 20;
