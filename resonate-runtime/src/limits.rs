//! The bounds of a process that uses Resonate, each with its reason. What both sides must agree on is in the core's.

use std::time::Duration;

/// Bytes of one text of an error that travels: room for a stack of causes in one record.
pub(crate) const ERROR_TEXT_BYTES: usize = 8 << 10;
/// Causes of an error that travel.
pub(crate) const CAUSES: usize = 16;
/// Nesting of a value that is written or read: the deepest that serde_json reads.
pub(crate) const DEPTH: usize = 127;
/// Events that may wait for one execution; more are joined into one until it takes them.
pub(crate) const EXECUTION_EVENTS: usize = 1_024;
/// How long a running execution may stay unknown to the server before it is created there.
pub(crate) const YOUNG: Duration = Duration::from_secs(1);
/// Times a body may wake itself in a row before others run.
pub(crate) const SELF_WAKES: usize = 256;
/// How long an execution that something foreign may wake stays leased before it is suspended, tied to the session.
pub(crate) const FOREIGN_WAIT: Duration = Duration::from_secs(30);
/// How often an execution that has nothing else to write says how far it is.
pub(crate) const PROGRESS: Duration = Duration::from_secs(1);
/// Looks that follow each other faster than this are made without putting the execution aside between them.
pub(crate) const LIGHT_SLEEP: Duration = Duration::from_secs(1);
/// How long a history that is replayed without a server waits for something that it does not hold.
pub(crate) const OFFLINE_WAIT: Duration = Duration::from_secs(10);
/// How often a tree is read for its history that changes meanwhile.
pub(crate) const EXPORTS: usize = 6;
/// Elements of all sequences and maps of a value that is decoded from bincode: elements may take no bytes at all.
pub(crate) const ELEMENTS: usize = 4 << 20;
/// Bytes of a value that a codec of the user's compresses or encrypts: far more than a payload, which what it makes of them
/// must fit, and still no matter for a process.
pub(crate) const UNSEALED_BYTES: usize = 64 << 20;
/// Bytes of a payload above which it is kept in an object store, if there is one and nothing was said: what a server
/// keeps in memory and writes with every commit is better small.
#[cfg(feature = "object-store")]
pub(crate) const OBJECT_BYTES: usize = 256 << 10;
/// Objects of one turn that are written at once.
pub(crate) const OBJECT_WRITES: usize = 8;
/// How often an object is tried to be read before the attempt has failed: some seconds.
pub(crate) const OBJECT_READS: u32 = 6;
/// Codecs around each other: a few are enough, and what a payload says of them is believed by nobody.
pub(crate) const CODECS: usize = 8;
/// How long connecting to a server may take.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// How often an idle connection is probed, and how long the answer may take: both sides notice a dead peer within 15 s.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(10);
/// See [`KEEPALIVE`].
pub(crate) const KEEPALIVE_ANSWER: Duration = Duration::from_secs(5);
/// Bytes under way on a connection: one message of the largest size.
pub(crate) const WINDOW_BYTES: u32 = 4 << 20;
/// How long a reply may take before the request is repeated.
pub(crate) const REPLY: Duration = Duration::from_secs(30);
/// Waits between tries to reach a server begin with at most this.
pub(crate) const BACKOFF_FIRST: Duration = Duration::from_millis(50);
/// No wait is longer: a restarted server sees its workers again well within a lease.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(3);
/// Batches that may wait between a stream and its tokio task; a peer that does not read is not read from.
pub(crate) const BATCHES: usize = 16;
/// Promises that may begin to be waited for, or settle, between two looks of the tokio task that waits for all.
pub(crate) const WANTED: usize = 4_096;
/// Calls that a `map` has under way at once, if nothing is said.
pub(crate) const MAP_WINDOW: usize = 100;
/// How long after something new is waited for it looks whom nobody serves and what nobody waits for any more; twice as
/// long after each look.
pub(crate) const LOOK_AROUND: Duration = Duration::from_secs(5);
/// And at most so long.
pub(crate) const LOOK_AROUND_MOST: Duration = Duration::from_secs(30 * 60);
/// Leases for which no thread of a process has polled anything, after which all that it holds is given back: long after
/// what blocks for a while has come back.
pub(crate) const SILENT_LEASES: u32 = 10;
/// Suspended bodies that are kept in memory.
pub(crate) const WARM: usize = 10_000;
/// How long a suspended body is kept in memory.
pub(crate) const WARM_AGE: Duration = Duration::from_secs(600);
/// Items of one batch to the server.
pub(crate) const BATCH_ITEMS: usize = 1_000;
/// Bytes of what is held that one hello names: what the functions leave of a message, which is 5,600 of the longest ids
/// and 30,000 of common ones. A worker holds what has a slot, what waits here in the middle of its work, and tied bodies.
pub(crate) const HELD_BYTES: usize = 3 << 20;
/// Bytes of one that is held beside its id.
pub(crate) const HELD_ENTRY_BYTES: usize = 48;
/// How soon an execution whose queue was full is told again.
pub(crate) const BACKLOG: Duration = Duration::from_millis(20);
/// How long a leaving worker waits for its executions.
pub(crate) const GRACE: Duration = Duration::from_secs(30);
/// The longest such wait, whatever was asked for: beyond it, points in time are not sure to exist.
pub(crate) const GRACE_MAX: Duration = Duration::from_secs(365 * 86_400);
/// How long a leaving worker waits for the server to end its stream.
pub(crate) const FAREWELL: Duration = Duration::from_secs(1);
/// Executions that run at once if nothing was said: most of them wait for something outside.
pub(crate) const CONCURRENCY: usize = 256;
/// How long a start waits for the first word of a server; a worker that is refused is an error of the start.
pub(crate) const FIRST_LOOK: Duration = Duration::from_secs(2);
/// How long a server that was there may be gone before that is said.
pub(crate) const MISSED_AFTER: Duration = Duration::from_secs(1);
/// Requests of one process that are under way at once; more wait here, where they keep no heartbeat waiting.
pub(crate) const REQUESTS: usize = 512;
