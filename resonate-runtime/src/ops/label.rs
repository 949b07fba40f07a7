//! Labels that a function gives its own promise.

use std::{fmt, panic::Location};

use super::check_name;
use crate::{
    Result,
    call::{body_or_refusal, end_with},
};

/// Gives the promise of this execution a searchable label. The latest value of a name stands.
///
/// A name that is none, or a place outside of a durable function, ends the function with an error.
///
/// # Panics
/// Outside of durable functions.
#[track_caller]
pub fn label(name: &str, value: impl fmt::Display) {
    if let Err(error) = try_label(name, &value, Location::caller()) {
        let _ends = end_with::<()>(error);
    }
}

fn try_label(name: &str, value: &dyn fmt::Display, location: &Location<'_>) -> Result<()> {
    check_name("the label", name)?;
    let context = body_or_refusal(format_args!("the label `{name}`"), location)?;
    context.label(name, value.to_string())
}
