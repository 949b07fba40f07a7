//! The server inside of this process, as the package `resonate` provides it. This package knows no server.

use std::path::PathBuf;

use futures_util::future::BoxFuture;

/// Starts a server inside of this process. Submitted once, by the package `resonate` with its feature `embedded`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Embedded(
    pub fn(EmbeddedPlace) -> BoxFuture<'static, Result<EmbeddedServer, EmbeddedError>>,
);

inventory::collect!(Embedded);

/// Where an embedded server keeps its data and where it listens.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct EmbeddedPlace {
    /// The data folder; none keeps everything in memory.
    pub data_dir: Option<PathBuf>,
    /// The address it listens on; port 0 is any free one.
    pub listen: String,
    /// Where it is reached from outside; none is where it listens.
    pub public_url: Option<String>,
    /// What tenants weigh.
    pub tenants: Vec<(String, u32)>,
}

/// A server that runs inside of this process. Dropping it stops the server too, without waiting for it.
#[doc(hidden)]
pub struct EmbeddedServer {
    /// Where it can be reached.
    pub url: String,
    /// Stops it and waits for its end.
    pub stop: Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send + Sync>,
}

/// Why a server inside of this process does not start; its text says what to do.
#[doc(hidden)]
#[derive(Debug)]
pub struct EmbeddedError(pub Box<dyn std::error::Error + Send + Sync>);

impl std::fmt::Debug for EmbeddedServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EmbeddedServer({})", self.url)
    }
}
