//! Many calls at once: [`map`] with a window and a policy, [`race`] and [`join_all`].
//!
//! All of them poll with the waker of their function, which so can be put aside as soon as it waits; foreign combinators
//! have wakers of their own, which hold it in memory for a while. They poll in a fixed order, so they do the same in every
//! replay.

mod join;
mod map;
mod window;

pub use self::{
    join::{JoinAll, Race, join_all, race},
    map::{Map, MapOutcome, MapWhole, Why, map},
};
