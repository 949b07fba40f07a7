//! What tests of whole processes need to know of a worker. No part of the public API, and nothing that runs in a release
//! but a look at an `Option`.

/// A moment of a turn, by which a worker writes. A process that ends between two of them has either written or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnPoint {
    /// It is about to be sent, for the first time or again: the server knows nothing of it yet.
    Unsent,
    /// It is written, or refused, and nothing here has heard of that yet.
    Answered,
}
