//! Arguments on their way in and out, and a body as the worker runs it.

use std::{any::type_name, fmt};

use resonate_core::Payload;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, SeqAccess, Visitor},
    ser::SerializeTuple,
};

use super::{Ended, Output};
use crate::{
    Error, ErrorKind, Result, ambient,
    codec::Codecs,
    function::{Definition, Running},
};

/// Arguments as they were written when the call was made, or why they could not be; the call's first poll says so.
pub struct Arguments(pub(crate) Result<Payload>);

impl Arguments {
    pub(super) fn write<A: Serialize>(definition: &'static Definition, arguments: &A) -> Self {
        let Definition {
            options,
            parameters,
            ..
        } = definition;
        let written = ambient::codecs().encode_parts(options.codec, arguments, parameters);
        Self(written.map_err(|error| {
            error.about(format_args!("the arguments of {}", definition.address()))
        }))
    }

    /// For arguments that cannot be written; the program that has them did not compile.
    pub(super) fn none(definition: &'static Definition) -> Self {
        let message = format!(
            "the arguments of {} cannot be written",
            definition.address()
        );
        Self(Err(Error::of(ErrorKind::Decode, message).into_terminal()))
    }
}

/// What a body is given: its arguments as they arrived, and how it reads and writes.
pub struct Input {
    param: Payload,
    codecs: Codecs,
    definition: &'static Definition,
    /// Of the object whose method it is.
    state: Option<Payload>,
}

impl Input {
    pub(crate) fn new(definition: &'static Definition, param: Payload, codecs: Codecs) -> Self {
        Self {
            param,
            codecs,
            definition,
            state: None,
        }
    }

    /// The same with the state of the object whose method it is.
    pub(crate) fn on(self, state: Option<Payload>) -> Self {
        Self { state, ..self }
    }

    pub(super) fn state(&self) -> Option<&Payload> {
        self.state.as_ref()
    }

    pub(super) fn codecs(&self) -> &Codecs {
        &self.codecs
    }

    /// Writes what the body leaves of the state, with the function's codec.
    pub(super) fn encode_state<S: Serialize>(&self, state: &S) -> Result<Payload> {
        let written = self.codecs.encode(self.definition.options.codec, state);
        written.map_err(|error| {
            error.about(format_args!(
                "the state that {} leaves",
                self.definition.address()
            ))
        })
    }

    pub(crate) fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// The same with these arguments.
    pub(crate) fn with(self, param: Payload) -> Self {
        Self { param, ..self }
    }

    /// Writes what the body ended with, with the function's codec.
    pub(super) fn encode<T: Serialize>(&self, value: &T) -> Result<Payload> {
        let written = self.codecs.encode(self.definition.options.codec, value);
        written.map_err(|error| {
            error.about(format_args!("the result of {}", self.definition.address()))
        })
    }

    pub(super) fn read<A>(&self, decoder: Decoder<A>) -> Result<A> {
        (decoder.read)(&self.param, &self.codecs).map_err(|error| {
            let message = format!(
                "the arguments of {} do not fit its parameters",
                self.definition.address()
            );
            error.context(message)
        })
    }
}

/// How the owned arguments `A` of a function, a tuple, are read.
pub struct Decoder<A> {
    read: fn(&Payload, &Codecs) -> Result<A>,
}

impl<A: DeserializeOwned> Decoder<A> {
    pub(crate) fn new() -> Self {
        Self {
            read: |param, codecs| codecs.decode(param),
        }
    }
}

impl<A> Decoder<A> {
    /// For arguments that cannot be read; the program that has it did not compile.
    pub(super) fn none() -> Self {
        let read = |_: &Payload, _: &Codecs| {
            let message = format!("`{}` cannot be read from a payload", type_name::<A>());
            Err(Error::of(ErrorKind::Decode, message).into_terminal())
        };
        Self { read }
    }
}

/// Reads the arguments and runs the body; everything happens when it is polled.
pub fn run<A, R, Fut>(
    input: Input,
    decoder: Decoder<A>,
    output: Output<R>,
    body: impl FnOnce(A) -> Fut + Send + 'static,
) -> Running
where
    A: 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: 'static,
{
    Box::pin(async move {
        let running = match input.read(decoder) {
            Ok(arguments) => body(arguments),
            Err(error) => return Ended::in_vain(error),
        };
        output.close(running.await, &input)
    })
}

/// The arguments of a function without parameters: an empty sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoArguments;

impl Serialize for NoArguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_tuple(0)?.end()
    }
}

impl<'de> Deserialize<'de> for NoArguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nothing;
        impl<'de> Visitor<'de> for Nothing {
            type Value = NoArguments;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("no arguments")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<NoArguments, A::Error> {
                Ok(NoArguments)
            }
        }
        deserializer.deserialize_tuple(0, Nothing)
    }
}

impl<A> Clone for Decoder<A> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A> Copy for Decoder<A> {}

impl<A> fmt::Debug for Decoder<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder<{}>", type_name::<A>())
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Arguments").field(&self.0).finish()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("definition", &self.definition)
            .field("param", &self.param)
            .finish_non_exhaustive()
    }
}
