//! Pages of awaiters: rows beside the records, so that no record grows with the number of those who await it.

use serde::{Deserialize, Serialize};

use crate::PromiseId;

/// Some of the proxies that await a promise and have no place in its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaiterPage {
    /// The promise.
    pub of: PromiseId,
    /// Which of its pages.
    pub number: u32,
    /// Who hears how it settles, in the order in which they are told. A page without any is over.
    pub proxies: Vec<PromiseId>,
}
