//! Who gets which task: ready tasks meet workers with free places.
//!
//! `ready`, `fleet`, `pairing`, `announced` and `acknowledge` are pure: values in, pairs out. [`stream`] only sends. Nothing
//! here is durable; all of it is derived from the records and from what connected workers say.

pub(crate) mod acknowledge;
pub(crate) mod announced;
pub(crate) mod fleet;
pub(crate) mod leases;
mod pages;
pub(crate) mod pairing;
pub(crate) mod ready;
pub(crate) mod registry;
pub mod stream;

#[cfg(test)]
mod tests;
