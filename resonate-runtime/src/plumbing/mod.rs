//! All that generated code may name, as `::resonate::__private`. Nothing here is for people.
//!
//! Generated code is thin: what can be a generic function is one here.

mod answer;
mod ask;
mod body;
mod object;
mod output;
pub mod probe;
#[cfg(test)]
mod tests;

pub use inventory;
pub use tokio;

pub use self::{
    ask::{Given, Lent, Tag},
    body::{Arguments, Decoder, Input, NoArguments, run},
    object::{Keeper, Kept, Key, call_of, run_on},
    output::{Ended, Output},
};
pub use crate::{
    Retry,
    call::Call,
    function::{Definition, Hazard, Method, Options, Parameter, Running},
    registry::Registration,
};

pub(crate) use self::output::Ending;

use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

/// What can travel: arguments, results, errors.
pub trait Value: Serialize + DeserializeOwned + Send + 'static {}
impl<T: Serialize + DeserializeOwned + Send + 'static> Value for T {}

/// An error that is an answer and can carry a failure of ours.
pub trait AnswerError: Value + From<Error> {}
impl<E: Value + From<Error>> AnswerError for E {}

/// Starts nothing: builds the lazy call.
#[track_caller]
pub fn call<R>(
    definition: &'static Definition,
    output: Output<R>,
    arguments: Arguments,
) -> Call<R> {
    Call::new(definition, output, arguments.0)
}
