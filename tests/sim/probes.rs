//! What a batch must have met at least once, or it has proved nothing.

/// Faults and rare moments, by the names they are counted under.
pub(crate) const PROBES: [&str; 33] = [
    "a connection without a sign of life was given up",
    "a crash kept an unsynced commit",
    "a crash lost an unsynced commit",
    "a crash took answers that were durable",
    "a lease ended during a sync",
    "a replay was shown what it was shown before",
    "a stale turn was refused",
    "a suspend met a settled child",
    "a task lost its worker, or panicked",
    "a turn came a second time",
    "a warm body went on",
    "a wave canceled",
    "a worker left and had time for it",
    "fault: a busy disk refused a commit",
    "fault: a client crashed",
    "fault: a full disk refused a commit",
    "fault: a half-open connection",
    "fault: a partition in one direction",
    "fault: a read failed",
    "fault: a reply was lost",
    "fault: a request came twice",
    "fault: a request was lost",
    "fault: a stream broke",
    "fault: a sync failed",
    "fault: a worker crashed",
    "fault: a worker stood still for less than a lease",
    "fault: a worker stood still for more than a lease",
    "fault: a worker was told to leave",
    "fault: the clock was set back",
    "fault: the clock was set forward",
    "fault: the server crashed",
    "messages lost",
    "roots answered again",
];

/// What only a long batch meets.
pub(crate) const RARE: [&str; 1] = ["a zombie ran what was recorded elsewhere"];
