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
/// Bytes of an id of a schedule: the fire time follows it in the id of a root.
pub const SCHEDULE_ID_BYTES: usize = 370;
/// Bytes of the arguments of a scheduled call: each firing that is kept has them.
pub const SCHEDULE_ARGUMENT_BYTES: usize = 64 << 10;
/// Bytes of a cron expression.
pub const CRON_BYTES: usize = 256;
/// Firings of a schedule that are kept after they have ended.
pub const FIRINGS_KEPT: usize = 100;
/// Firings of a schedule that may be under way at once.
pub const FIRINGS_UNDER_WAY: usize = 1_000;
/// Firings of a schedule that may wait for the one before; also what one backfill may ask for.
pub const FIRINGS_WAITING: usize = 1_000;
/// Firings that one request starts; the rest follows in rounds of their own.
pub const FIRINGS: usize = 16;
/// Firings that are counted one by one when they are missed; more are said to be that many.
pub const FIRINGS_COUNTED: u32 = 1_000;
/// A firing that is no later than this is never missed: a server is busy at times.
pub const CATCH_UP_MIN: Duration = Duration::from_secs(10);
/// Of the missed firings, how many entries a schedule keeps.
pub const MISSED_KEPT: usize = 20;
