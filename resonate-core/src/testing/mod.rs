//! What tests share: scripts that read like a protocol trace, and generators of requests.

pub mod random;
pub mod script;
