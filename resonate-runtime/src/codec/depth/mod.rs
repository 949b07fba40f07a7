//! How deep a value may be nested. What could not be read is not written either: so it is refused where it is made.

mod read;
mod write;

use std::fmt;

pub(super) use self::{read::Guarded, write::Guarding};
use crate::limits;

/// It is nested too deep.
#[derive(Debug)]
pub(super) struct TooDeep;

impl fmt::Display for TooDeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is nested deeper than {}", limits::DEPTH)
    }
}

/// So many levels deeper.
fn deeper(depth: usize, levels: usize) -> Result<usize, TooDeep> {
    let below = depth + levels;
    if below <= limits::DEPTH {
        Ok(below)
    } else {
        Err(TooDeep)
    }
}
