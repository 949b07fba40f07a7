//! Methods of durable objects: how their state comes to a body, and what becomes of it.

use std::{any::type_name, fmt};

use resonate_core::Payload;
use serde::{Serialize, de::DeserializeOwned};

use super::{Arguments, Decoder, Ended, Ending, Input, Output};
use crate::{
    Error, ErrorKind, Result,
    call::Call,
    codec::Codecs,
    context::current,
    function::{Definition, Running},
};

/// What can be the state of a durable object.
pub trait Kept: Serialize + DeserializeOwned + Default + Send + Sync + 'static {}
impl<S: Serialize + DeserializeOwned + Default + Send + Sync + 'static> Kept for S {}

/// Which object of a type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// The object of this key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

/// Starts nothing: builds the lazy call of a method.
#[track_caller]
pub fn call_of<R>(
    definition: &'static Definition,
    output: Output<R>,
    arguments: Arguments,
    key: &Key,
) -> Call<R> {
    Call::new(definition, output, arguments.0).of_object(key.0.clone())
}

/// How the state of an object is read and written.
pub struct Keeper<S> {
    read: fn(&Payload, &Codecs) -> Result<S>,
    write: fn(&S, &Input) -> Result<Payload>,
    first: fn() -> Result<S>,
}

impl<S: Kept> Keeper<S> {
    pub(super) fn new() -> Self {
        Self {
            read: |state, codecs| codecs.decode(state),
            write: |state, input| input.encode_state(state),
            first: || Ok(S::default()),
        }
    }
}

impl<S> Keeper<S> {
    /// For a type that can be no state; the program that has it did not compile.
    pub(super) fn none() -> Self {
        Self {
            read: |_, _| Err(cannot_be_kept::<S>()),
            write: |_, _| Err(cannot_be_kept::<S>()),
            first: || Err(cannot_be_kept::<S>()),
        }
    }

    /// The state that this call begins with.
    fn begin(&self, input: &Input) -> Result<S> {
        let Some(state) = input.state() else {
            return (self.first)();
        };
        (self.read)(state, input.codecs()).map_err(|error| {
            let message = format!(
                "the state of the object does not fit `{}`, of which {} is a method",
                type_name::<S>(),
                input.definition().address()
            );
            error.context(message)
        })
    }
}

/// Reads state and arguments and runs the body; what it leaves of the state is written with its value, if it may change it
/// and ends with one.
pub fn run_on<S, A, R, Fut>(
    input: Input,
    keeper: Keeper<S>,
    decoder: Decoder<A>,
    output: Output<R>,
    body: impl FnOnce(S, A) -> Fut + Send + 'static,
) -> Running
where
    S: Send + 'static,
    A: 'static,
    Fut: Future<Output = (S, R)> + Send + 'static,
    R: 'static,
{
    Box::pin(async move {
        let running = match (keeper.begin(&input), input.read(decoder)) {
            (Ok(state), Ok(arguments)) => body(state, arguments),
            (Err(error), _) | (_, Err(error)) => return Ended::in_vain(error),
        };
        let (state, result) = running.await;
        let ended = output.close(result, &input);
        let writes = input
            .definition()
            .options
            .object
            .is_some_and(|method| method.writes);
        if !writes || !matches!(ended.0, Ending::Resolved(_)) {
            return ended;
        }
        match (keeper.write)(&state, &input) {
            Ok(state) => {
                if let Some(scope) = current::scope() {
                    scope.context.with(|inner| inner.state = Some(state));
                }
                ended
            }
            Err(error) => Ended::in_vain(error),
        }
    })
}

fn cannot_be_kept<S>() -> Error {
    let message = format!(
        "`{}` cannot be the state of a durable object",
        type_name::<S>()
    );
    Error::of(ErrorKind::Decode, message).into_terminal()
}

impl<S> fmt::Debug for Keeper<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keeper<{}>", type_name::<S>())
    }
}
