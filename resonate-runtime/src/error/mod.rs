//! [`Error`]: what a durable function fails with when it has no error type of its own.
//!
//! It is opaque and made by `?` from any [`std::error::Error`]; therefore it does not implement that trait itself. It
//! knows what kind it is, which promise it began at and what caused it, also when that was in another service.

mod convert;
mod report;
#[cfg(test)]
mod tests;

use std::fmt;

use resonate_core::{Failure, FailureKind, Outcome, PromiseId};

pub(crate) use self::report::{Report, shortened};

/// What kind of error it was.
pub use resonate_core::FailureKind as ErrorKind;

/// The result of most things here; `E` is [`Error`] unless it is said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error without a type of its own: what kind, at which promise, and what caused it, across services.
///
/// `?` makes it from any [`std::error::Error`]. Where it ends a durable function it is a *failure*: the attempt is
/// tried again by the retry policy, unless it was made by [`Error::terminal`].
///
/// ```
/// # extern crate resonate_runtime as resonate;
/// use resonate::{Error, Result};
///
/// fn cents(text: &str) -> Result<u64> {
///     let cents: u64 = text.parse()?;
///     if cents == 0 {
///         return Err(Error::terminal("an order of nothing"));
///     }
///     Ok(cents)
/// }
///
/// assert!(!cents("twelve").unwrap_err().is_terminal());
/// assert!(cents("0").unwrap_err().is_terminal());
/// ```
///
/// It derefs to `dyn std::error::Error + Send + Sync`, so thiserror's `#[from]` works with it, and converts into
/// `Box<dyn std::error::Error + Send + Sync>`; [`Error::into_std`] gives a value for everything else.
pub struct Error(Box<Report>);

impl Error {
    /// An error that says this. The attempt that ends with it is tried again by the retry policy.
    #[must_use]
    pub fn new(message: impl fmt::Display) -> Self {
        Self::of(ErrorKind::Failed, message)
    }

    /// An error that says this and is final: no attempt follows, the caller sees it.
    #[must_use]
    pub fn terminal(message: impl fmt::Display) -> Self {
        Self::new(message).into_terminal()
    }

    /// An error made from a boxed one, or from what becomes one, such as `anyhow::Error`: its text and its causes stay.
    ///
    /// What implements [`std::error::Error`] needs only `?`; those that do not are passed to `map_err`:
    ///
    /// ```
    /// # extern crate resonate_runtime as resonate;
    /// use resonate::{Error, Result};
    ///
    /// fn helper() -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    ///     Ok("12".parse()?)
    /// }
    ///
    /// fn cents() -> Result<u64> {
    ///     Ok(helper().map_err(Error::from_boxed)?)
    /// }
    /// # assert_eq!(cents().unwrap(), 12);
    /// ```
    #[must_use]
    pub fn from_boxed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::of_boxed(error.into())
    }

    /// The same error, final: no attempt follows, the caller sees it.
    #[must_use]
    pub fn into_terminal(mut self) -> Self {
        self.0.terminal = true;
        self
    }

    /// The same error under a message that says what was being done; the old message is the first cause.
    #[must_use]
    pub fn context(self, message: impl fmt::Display) -> Self {
        Self(Box::new(self.0.under(message.to_string())))
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The id of the promise it began at.
    #[must_use]
    pub fn promise(&self) -> Option<&str> {
        self.0.promise.as_ref().map(PromiseId::as_str)
    }

    /// What happened, without promise and causes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What caused it, nearest first.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        self.0.causes()
    }

    /// True if no attempt follows.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.0.terminal
    }

    /// The error that `?` made this from, if it was of this type and made in this process.
    #[must_use]
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.0
            .original
            .as_ref()
            .and_then(|original| original.downcast_ref())
    }

    /// The same as a value that implements [`std::error::Error`]. `?` makes the very same error from it again.
    #[must_use]
    pub fn into_std(self) -> impl std::error::Error + Send + Sync + 'static {
        self.0
    }
}

impl Error {
    /// An error of this kind.
    pub(crate) fn of(kind: ErrorKind, message: impl fmt::Display) -> Self {
        Self(Box::new(Report::new(kind, message.to_string())))
    }

    /// The same, its message begun with what it is about.
    pub(crate) fn about(mut self, what: impl fmt::Display) -> Self {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// The same, at this promise, unless it began at another already.
    pub(crate) fn at(mut self, promise: &PromiseId) -> Self {
        self.0.promise.get_or_insert_with(|| promise.clone());
        self
    }

    /// What awaiting a promise that ended so gives, unless it ended with a value or an answer.
    pub(crate) fn of_outcome(outcome: &Outcome, promise: &PromiseId) -> Option<Self> {
        match outcome {
            Outcome::Resolved(_) | Outcome::Rejected(_) => None,
            Outcome::Failed(failure) => Some(Self::of_failure(failure.clone()).at(promise)),
            Outcome::Canceled { reason } => {
                let message = if reason.is_empty() {
                    "it was canceled".to_owned()
                } else {
                    format!("it was canceled: {reason}")
                };
                Some(Self::of(FailureKind::Canceled, message).at(promise))
            }
            Outcome::TimedOut => Some(
                Self::of(FailureKind::Timeout, "its time was over before it settled").at(promise),
            ),
        }
    }

    /// What travels.
    pub(crate) fn to_failure(&self) -> Failure {
        self.0.to_failure()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
