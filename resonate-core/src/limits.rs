//! Every bound of the system, each with its reason.

use std::time::Duration;

/// Partitions of a store, fixed when it is created. A power of two.
pub const PARTS: u16 = 256;
/// Bytes of a promise id.
pub const ID_BYTES: usize = 512;
/// Bytes of an id that a user gives to a call; leaves room for the ids of its children.
pub const ROOT_ID_BYTES: usize = 400;
/// Bytes of a child's id before it is flattened to root and hash.
pub const CHILD_ID_BYTES: usize = 200;
/// Bytes of one payload: arguments, result, error.
pub const PAYLOAD_BYTES: usize = 1 << 20;
/// Bytes of all tags, labels or headers of one promise.
pub const TAG_BYTES: usize = 16 << 10;
/// Promises that one request may settle in a cancellation wave; the rest follows in rounds of their own.
pub const WAVE: usize = 256;
/// Awaiters of a promise that its record names, and those that one page names: a page is written again for each of them.
pub const AWAITERS: usize = 16;
/// See [`AWAITERS`].
pub const AWAITERS_PER_PAGE: usize = 64;
/// Awaiters that one request tells how a promise settled; the rest follows in rounds of their own.
pub const ANSWERS: usize = 256;
/// Bytes of the answers of one request; one is always sent.
pub const ANSWER_BYTES: usize = 1 << 20;
/// Settled promises of earlier generations that one request forgets; the rest follows in rounds of their own.
pub const TRIM: usize = 256;
/// Calls of one durable object that run or wait for their turn.
pub const LINE: usize = 10_000;
/// How long the call of a durable object is kept once it has settled, at least: who repeats a call is told its result
/// and does not call twice.
pub const CALL_KEPT: Duration = Duration::from_secs(600);
/// Settled calls of one durable object that are kept; more within [`CALL_KEPT`] are refused.
pub const CALLS_KEPT: usize = 100_000;
/// Calls with their results that one request copies into another history: they are written at once.
pub const KEPT: usize = 10_000;
/// Bytes of their arguments and results.
pub const KEPT_BYTES: usize = 16 << 20;
/// Pending children of one promise.
pub const CHILDREN: usize = 1_000_000;
/// Ops of one turn.
pub const TURN_OPS: usize = 1_000;
/// Bytes of one turn and of one page of a history: fits a message with room for its envelope.
pub const TURN_BYTES: usize = 3 << 20;
/// Bytes of one message on the wire, both ways.
pub const MESSAGE_BYTES: usize = 4 << 20;
/// Panics, lost workers and stalls in a row, without progress, before a task is halted.
pub const LOSSES: u32 = 10;
/// Losses from which a task is tried with no other suspect beside it.
pub const SUSPECT: u32 = 3;
/// Requests of one round of the engine.
pub const ROUND_REQUESTS: usize = 1_000;
/// Settlements of one round: a seq has 16 bits for the place within its batch.
pub const ROUND_SETTLEMENTS: usize = 60_000;
/// Requests that may wait for the engine before callers are told to slow down.
pub const ENGINE_QUEUE: usize = 8_192;
/// Messages that may wait for one stream before it is closed.
pub const STREAM_QUEUE: usize = 4_096;
/// Due promises settled in one round, so that a million of them do not stall callers.
pub const ROUND_EXPIRED: usize = 1_000;
/// How long a worker may be silent before its leases are taken back.
pub const LEASE: Duration = Duration::from_secs(15);
/// How far ahead timers are held in memory.
pub const DUE_WINDOW: Duration = Duration::from_secs(600);
/// Rows of one page of a list.
pub const PAGE: usize = 1_000;
