//! Why a `Resonate` does not start.

use std::{error, io};

use crate::{client::BadUrl, registry::DuplicateFunction};

/// Why a `Resonate` does not start. That no server is there is no reason: it is said, and tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Two functions of this binary have the same address.
    #[error(transparent)]
    DuplicateFunction(#[from] DuplicateFunction),
    /// A service is to be served of which no function has a body here.
    #[error("no function of the service `{service}` is linked into this program; {known}")]
    UnknownService {
        /// Which.
        service: String,
        /// What there is.
        known: String,
    },
    /// A function's schedule cannot be.
    #[error("the schedule of {function} ({location}) cannot be: {why}")]
    Schedule {
        /// Which function.
        function: String,
        /// File and line.
        location: String,
        /// What is the matter with it.
        why: String,
    },
    /// The URL cannot be used.
    #[error("{url:?} is no URL of a server ({why}); write it like `http://127.0.0.1:8001`")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A URL was given, and a place for a server inside of this process too.
    #[error(
        "both a URL and a server inside of this process were asked for; leave out `{what}`, or the URL"
    )]
    TwoServers {
        /// What asks for a server inside.
        what: &'static str,
    },
    /// The program is built without a server.
    #[error(
        "no URL is given and this program has no server inside; set RESONATE_URL, or use the feature `embedded` of `resonate`"
    )]
    NoServer,
    /// The server inside of this process does not start.
    #[error("the server inside of this process does not start: {0}")]
    Embedded(Box<dyn error::Error + Send + Sync>),
    /// The server will not have this worker: a signature differs, or the protocol.
    #[error("the server at {url} refuses this worker ({kind}): {message}")]
    Refused {
        /// Which server.
        url: String,
        /// What is the matter, by name.
        kind: String,
        /// What is the matter and what to do.
        message: String,
    },
    /// It was started outside of tokio.
    #[error("`start` needs a tokio runtime; call it below `#[tokio::main]`")]
    NoRuntime,
    /// The system gives no thread.
    #[error("the system gives no thread: {0}")]
    Thread(io::Error),
}

impl From<BadUrl> for StartError {
    fn from(BadUrl { url, why }: BadUrl) -> Self {
        Self::BadUrl { url, why }
    }
}
