//! The part of a process that serves functions: one stream to the server, a table of executions, slots, a lease.

pub(crate) mod link;
pub(crate) mod slots;
