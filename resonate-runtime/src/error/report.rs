//! What is inside an error: its parts, its text, and how long what travels of it may be.

use std::{error, fmt};

use resonate_core::{Failure, FailureKind, PromiseId};

use crate::limits;

/// The inside of an [`Error`](crate::Error). Unlike that it is a [`std::error::Error`].
pub(crate) struct Report {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    pub(crate) promise: Option<PromiseId>,
    pub(crate) terminal: bool,
    /// What `?` made it from; its text is the message, its sources are causes.
    pub(crate) original: Option<Box<dyn error::Error + Send + Sync>>,
    /// What caused it beyond the original's own sources.
    pub(crate) cause: Option<Box<Cause>>,
}

/// A cause that is known by its text only, and what caused that.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    text: String,
    next: Option<Box<Self>>,
}

impl Report {
    pub(crate) fn new(kind: FailureKind, message: String) -> Self {
        Self {
            kind,
            message,
            promise: None,
            terminal: false,
            original: None,
            cause: None,
        }
    }

    /// The same under another message; what it said is the first cause.
    pub(crate) fn under(self, message: String) -> Self {
        let texts: Vec<String> = std::iter::once(self.message.clone())
            .chain(self.causes())
            .collect();
        Self {
            message,
            cause: Cause::chain(texts),
            original: None,
            ..self
        }
    }

    /// What caused it, nearest first.
    pub(crate) fn causes(&self) -> Vec<String> {
        let first = error::Error::source(self);
        std::iter::successors(first, |cause| cause.source())
            .take(limits::CAUSES)
            .map(ToString::to_string)
            .collect()
    }

    pub(crate) fn to_failure(&self) -> Failure {
        Failure {
            kind: self.kind,
            message: shortened(&self.message),
            promise: self.promise.clone(),
            causes: self.causes().iter().map(|cause| shortened(cause)).collect(),
        }
    }
}

impl Cause {
    pub(crate) fn chain(texts: Vec<String>) -> Option<Box<Self>> {
        texts
            .into_iter()
            .rev()
            .fold(None, |next, text| Some(Box::new(Self { text, next })))
    }
}

/// A text that fits a record beside others of its kind.
pub(crate) fn shortened(text: &str) -> String {
    let end = text.floor_char_boundary(limits::ERROR_TEXT_BYTES);
    match text.get(..end) {
        Some(start) if end < text.len() => format!("{start}… ({} bytes)", text.len()),
        _ => text.to_owned(),
    }
}

impl error::Error for Report {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match (&self.original, &self.cause) {
            (Some(original), _) => original.source(),
            (None, Some(cause)) => Some(cause.as_ref()),
            (None, None) => None,
        }
    }
}

impl error::Error for Cause {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.next.as_deref().map(|next| next as _)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The message and the promise; with `{:#}` the causes too.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(promise) = &self.promise
            && !self.message.contains(&format!("`{promise}`"))
        {
            write!(f, " (promise `{promise}`)")?;
        }
        if f.alternate() {
            for cause in self.causes() {
                write!(f, ": {cause}")?;
            }
        }
        Ok(())
    }
}

/// What `fn main` prints: everything, a line each.
impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} [{}]", self.kind.name())?;
        let causes = self.causes();
        if !causes.is_empty() {
            f.write_str("\n\nCaused by:")?;
        }
        for cause in causes {
            write!(f, "\n    {cause}")?;
        }
        Ok(())
    }
}
