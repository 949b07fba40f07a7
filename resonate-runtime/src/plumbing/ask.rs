//! Questions to the compiler, by the order in which it looks for methods.
//!
//! A missing derive should be one error at the user's own type, not four in generated code. So exactly one place
//! complains about a bound (`must_travel`, `must_answer`, `must_lend`), and whatever else depends on it falls back in
//! silence: the program did not compile anyway. For `(&&Tag).method()` the compiler looks at `impl for &Tag` first,
//! then at `impl for &&Tag`, then at `impl for Tag`; for `(&Tag).method()` at `impl for Tag`, then at `impl for &Tag`.
//! Generated code brings the traits into scope by [`probe`](super::probe).

use std::{fmt, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};

use super::{AnswerError, Arguments, Decoder, Keeper, Kept, Output, Value};
use crate::{Error, Result, function::Definition};

/// A type to be asked about.
pub struct Tag<T>(PhantomData<fn() -> T>);

/// A type behind a reference to be asked about.
pub struct Lent<T: ?Sized>(PhantomData<fn() -> PhantomData<T>>);

/// Arguments to be written: a tuple of references, or [`NoArguments`](super::NoArguments).
pub struct Given<A>(pub A);

impl<T> Tag<T> {
    /// Asks about `T`.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: ?Sized> Lent<T> {
    /// Asks about `T`.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// Never implemented: says what is missing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel between processes",
    label = "not `Serialize + DeserializeOwned + Send + 'static`",
    note = "derive `Serialize` and `Deserialize` for it, and own what it holds"
)]
pub trait Travels {}

/// Never implemented: says what is missing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot carry a failure of resonate",
    label = "`From<resonate::Error>` is missing",
    note = "implement `From<resonate::Error>` for it, or return `resonate::Result<_>`"
)]
pub trait Answers {}

/// Never implemented: says what is missing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be lent to a durable function",
    label = "not `Serialize`",
    note = "take its owned type by value"
)]
pub trait Lends {}

/// Never implemented: says what is missing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the state of a durable object",
    label = "not `Serialize + DeserializeOwned + Default + Send + Sync + 'static`",
    note = "derive `Serialize`, `Deserialize` and `Default` for it, and own what it holds"
)]
pub trait Keeps {}

/// `value()` and `error()` of a result type.
pub trait ResultParts {
    /// What a success carries.
    type Value;
    /// What an answer that is an error carries.
    type Error;
    /// What a success carries.
    fn value(&self) -> Tag<Self::Value> {
        Tag::new()
    }
    /// What an answer that is an error carries.
    fn error(&self) -> Tag<Self::Error> {
        Tag::new()
    }
}
impl<T, E> ResultParts for Tag<Result<T, E>> {
    type Value = T;
    type Error = E;
}

/// `value()` and `error()` of any other type.
pub trait PlainParts {
    /// What a success carries.
    type Value;
    /// What a success carries.
    fn value(&self) -> Tag<Self::Value> {
        Tag::new()
    }
    /// There is none; this one passes every check.
    fn error(&self) -> Tag<Error> {
        Tag::new()
    }
}
impl<T> PlainParts for &Tag<T> {
    type Value = T;
}

/// `must_travel()` where it can.
pub trait CanTravel {
    /// It can.
    fn must_travel(&self) {}
}
impl<T: Value> CanTravel for Tag<T> {}

/// `must_travel()` where it cannot.
pub trait CannotTravel {
    /// What cannot.
    type T;
    /// Does not compile.
    fn must_travel(&self)
    where
        Self::T: Travels,
    {
    }
}
impl<T> CannotTravel for &Tag<T> {
    type T = T;
}

/// `must_answer()` where it can.
pub trait CanAnswer {
    /// It can.
    fn must_answer(&self) {}
}
impl<E: From<Error>> CanAnswer for Tag<E> {}

/// `must_answer()` where it cannot.
pub trait CannotAnswer {
    /// What cannot.
    type T;
    /// Does not compile.
    fn must_answer(&self)
    where
        Self::T: Answers,
    {
    }
}
impl<E> CannotAnswer for &Tag<E> {
    type T = E;
}

/// `must_keep()` and `keeper()` of what can be the state of an object.
pub trait CanKeep {
    /// The state.
    type S;
    /// It can.
    fn must_keep(&self) {}
    /// How it is read and written.
    fn keeper(&self) -> Keeper<Self::S>;
}
impl<S: Kept> CanKeep for Tag<S> {
    type S = S;
    fn keeper(&self) -> Keeper<S> {
        Keeper::new()
    }
}

/// `must_keep()` and `keeper()` of what cannot.
pub trait CannotKeep {
    /// What cannot.
    type S;
    /// Does not compile.
    fn must_keep(&self)
    where
        Self::S: Keeps,
    {
    }
    /// It is none.
    fn keeper(&self) -> Keeper<Self::S>;
}
impl<S> CannotKeep for &Tag<S> {
    type S = S;
    fn keeper(&self) -> Keeper<S> {
        Keeper::none()
    }
}

/// `must_lend()` of what can be written.
pub trait CanLend {
    /// It can.
    fn must_lend(&self) {}
}
impl<T: ?Sized + Serialize> CanLend for &Lent<T> {}

/// `must_lend()` of what cannot be written, though its owned type travels.
pub trait CannotLend {
    /// What cannot.
    type T: ?Sized;
    /// Does not compile.
    fn must_lend(&self)
    where
        Self::T: Lends,
    {
    }
}
impl<T: ?Sized + ToOwned<Owned: Value>> CannotLend for &&Lent<T> {
    type T = T;
}

/// `must_lend()` where `must_travel()` complains already.
pub trait MayLend {
    /// Says nothing.
    fn must_lend(&self) {}
}
impl<T: ?Sized> MayLend for Lent<T> {}

/// `output()` of a result with an error type.
pub trait ResultOutput {
    /// The result type.
    type R;
    /// How it travels.
    fn output(&self) -> Output<Self::R>;
}
impl<T: Value, E: AnswerError> ResultOutput for &Tag<Result<T, E>> {
    type R = Result<T, E>;
    fn output(&self) -> Output<Self::R> {
        Output::of_result()
    }
}

/// `output()` of any other result.
pub trait PlainOutput {
    /// The result type.
    type R;
    /// How it travels.
    fn output(&self) -> Output<Self::R>;
}
impl<T: Value> PlainOutput for &&Tag<T> {
    type R = T;
    fn output(&self) -> Output<T> {
        Output::of_value()
    }
}

/// `output()` where a check complains already.
pub trait NoOutput {
    /// The result type.
    type R;
    /// It does not travel.
    fn output(&self) -> Output<Self::R>;
}
impl<T> NoOutput for Tag<T> {
    type R = T;
    fn output(&self) -> Output<T> {
        Output::none()
    }
}

/// `decoder()` of arguments that can be read.
pub trait CanDecode {
    /// The arguments.
    type A;
    /// How they are read.
    fn decoder(&self) -> Decoder<Self::A>;
}
impl<A: DeserializeOwned> CanDecode for Tag<A> {
    type A = A;
    fn decoder(&self) -> Decoder<A> {
        Decoder::new()
    }
}

/// `decoder()` where a check complains already.
pub trait CannotDecode {
    /// The arguments.
    type A;
    /// They are not read.
    fn decoder(&self) -> Decoder<Self::A>;
}
impl<A> CannotDecode for &Tag<A> {
    type A = A;
    fn decoder(&self) -> Decoder<A> {
        Decoder::none()
    }
}

/// `encode()` of arguments that can be written.
pub trait CanEncode {
    /// Writes them as this function wants them.
    fn encode(&self, definition: &'static Definition) -> Arguments;
}
impl<A: Serialize> CanEncode for Given<A> {
    fn encode(&self, definition: &'static Definition) -> Arguments {
        Arguments::write(definition, &self.0)
    }
}

/// `encode()` where a check complains already.
pub trait CannotEncode {
    /// Writes nothing.
    fn encode(&self, definition: &'static Definition) -> Arguments;
}
impl<A> CannotEncode for &Given<A> {
    fn encode(&self, definition: &'static Definition) -> Arguments {
        Arguments::none(definition)
    }
}

impl<T> fmt::Debug for Tag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag<{}>", std::any::type_name::<T>())
    }
}

impl<T: ?Sized> fmt::Debug for Lent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lent<{}>", std::any::type_name::<T>())
    }
}

impl<A> fmt::Debug for Given<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given(..)")
    }
}

impl<T> Default for Tag<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: ?Sized> Default for Lent<T> {
    fn default() -> Self {
        Self::new()
    }
}
