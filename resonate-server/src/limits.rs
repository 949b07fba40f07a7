//! The bounds that only a server has, each with its reason; the others are in `resonate_core::limits`.

use std::time::Duration;

/// Bytes of records that one round writes, and of trees that it loads, before it takes no further request: it stays short.
pub(crate) const ROUND_BYTES: usize = 8 << 20;
/// Bytes that each thing an engine does by itself in a round may add to that, so that large requests do not starve it.
pub(crate) const PHASE_BYTES: usize = 4 << 20;
/// Messages of the outbox that one round delivers.
pub(crate) const ROUND_MESSAGES: usize = 1_000;
/// Tasks that one round hands out.
pub(crate) const ROUND_CLAIMS: usize = 1_000;
/// Leases that one round takes back from lost workers.
pub(crate) const ROUND_RELEASES: usize = 1_000;
/// Rows of the due index that one round loads, so that a start or a wide timer window stalls nobody.
pub(crate) const ROUND_DUE: usize = 1_000;
/// Timers in memory above which the window of what is loaded ahead stops growing.
pub(crate) const TIMERS: usize = 200_000;
/// Bytes of trees that are kept although nobody holds a task of them: settled ones, those that sleep, those in line.
pub(crate) const IDLE_TREE_BYTES: usize = 64 << 20;
/// How long a tree is kept after it was touched, as long as all idle trees take no more than the next bound.
pub(crate) const IDLE_TREE_FOR: Duration = Duration::from_secs(1);
/// Bytes of idle trees above which the longest untouched go, even those that were touched a moment ago.
pub(crate) const IDLE_TREE_BYTES_AT_WORK: usize = 4 * IDLE_TREE_BYTES;
/// What a record costs in memory besides its payloads and words, for the bounds above.
pub(crate) const RECORD_BYTES: usize = 1_000;
/// What a tree costs besides its records.
pub(crate) const TREE_BYTES: usize = 1_000;
/// The longest wait of the engine. Time it did not look is not held against workers beyond this.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Functions whose retry policy, timeout, priority and limits are remembered when their workers have left.
pub(crate) const ANNOUNCED: usize = 10_000;
/// Halted executions that wait for their turn to be tried on other code.
pub(crate) const RESUMES: usize = 1_000;
/// Rows that are looked at for them between two rounds: about a millisecond.
pub(crate) const RESUME_ROWS: usize = 1_000;
/// Promises that one watch names.
pub(crate) const WATCH_IDS: usize = 1_000;
/// How long a reader of a stream waits for something new before it is told that there is nothing yet.
pub(crate) const TAIL_WAIT: Duration = Duration::from_secs(20);
/// Delivered messages of one partition after which its outbox is trimmed.
pub(crate) const TRIM_EVERY: usize = 256;
/// Rows that one search looks at before it answers with what it has and where to go on.
pub(crate) const SEARCH_ROWS: usize = 10_000;
/// Items that are sent to a worker in one message of the wire.
pub(crate) const WIRE_ITEMS: usize = 512;
/// Payload bytes that may wait for the engine, of all clients and workers.
pub(crate) const QUEUE_BYTES: usize = 64 << 20;
/// Messages of the wire that may wait for the engine per stream.
pub(crate) const WIRE_QUEUE: usize = 16;
/// How often watches whose client has left are swept out.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// Bytes of one page of a list. The row that crosses it is the last, and has arguments and a result of up to the payload
/// limit each: together they fit a message.
pub(crate) const LIST_BYTES: usize = 1 << 20;
/// How long a worker may take to say who it is.
pub(crate) const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// Both sides of a connection ask for a sign of life this often, and give up after [`KEEPALIVE_TIMEOUT`] without one.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(10);
/// See [`KEEPALIVE`].
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections at once, less where the system gives fewer descriptors: each costs a descriptor and some 100 KiB when busy.
pub(crate) const CONNECTIONS: usize = 10_000;
/// Connections that wait in the system's line to be accepted, if the system allows so many: all workers of a fleet may
/// come back in the same moment, and whom the line has no place for tries again after a second or more.
pub(crate) const LISTEN_QUEUE: u32 = 4_096;
/// Descriptors that are not for connections: the store's files, its readers, the runtime's own, and one to say no with.
pub(crate) const DESCRIPTORS_KEPT: usize = 32;
/// How long a connection may take to say what every connection of HTTP/2 begins with.
pub(crate) const PREFACE_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection of HTTP/1 may last: it has one request, for the URL of a promise.
pub(crate) const HTTP1_WITHIN: Duration = Duration::from_secs(30);
/// How long the body of such a request may take, with its wait for a place.
pub(crate) const URL_BODY_WITHIN: Duration = Duration::from_secs(10);
/// Bodies of such requests that are read at once, each of up to the payload limit.
pub(crate) const URL_BODIES: usize = 64;
/// How soon the next connection is accepted when the system refused: trying at once takes a whole core until it does not.
pub(crate) const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Requests under way on one connection: a worker has one, a client as many as it has calls that do not share a watch.
pub(crate) const CONNECTION_STREAMS: u32 = 256;
/// Bytes of the headers of one request: ours have a path and a few words, and what is kept of them is not bounded by
/// the limit of messages.
pub(crate) const HEADER_BYTES: u32 = 16 << 10;
/// Streams that a client opened and reset before we have looked at them, on one connection, before it is closed: each
/// costs us work and the client nothing (CVE-2023-44487). A client of ours that gives up many calls at once resets
/// those that we have looked at, which do not count.
pub(crate) const RESET_STREAMS: usize = 20;
/// Streams of one connection that we had to reset because of what the client sent, before it is closed.
pub(crate) const ERROR_RESET_STREAMS: usize = 256;
/// Bytes that may be under way to this server on one connection, and on one stream of it.
pub(crate) const WINDOW_BYTES: u32 = 4 << 20;
/// How long connections may take to close at the end.
pub(crate) const CLOSE_WITHIN: Duration = Duration::from_secs(5);
/// How far the time of day may leave the clock that only runs before somebody is told.
pub(crate) const CLOCK_JUMP: Duration = Duration::from_secs(10);
/// Bytes of a data folder up to which a start verifies all of it: a tenth of a second, measured.
pub(crate) const VERIFY_AT_START_BYTES: u64 = 4 << 20;
