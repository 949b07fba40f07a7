//! The server as others embed it: opened, given a listener, and told when to stop.

use std::{io, net::SocketAddr, pin::pin, sync::Arc};

use tokio::{
    net::{TcpListener, TcpSocket, lookup_host},
    sync::oneshot,
    time::timeout,
};

use crate::{
    api::{
        accept::Incoming,
        grpc::{self, About},
        lists::Lists,
    },
    clock::Clock,
    config::{BadPublicUrl, Builder, PublicUrl},
    engine::{
        Engine, Settings, StartError,
        thread::{self, EndError},
    },
    limits::{CLOSE_WITHIN, LISTEN_QUEUE},
    store::{self, Reader},
    verify::VerifyError,
};

/// A server that has its store and serves nobody yet.
///
/// ```
/// # use resonate_server::{Server, bind};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().in_memory().open().await?;
/// let listener = bind("127.0.0.1:0", false).await?;
/// server.serve(listener, async { /* until this ends */ }).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Server {
    engine: Engine,
    lists: Lists,
    store: String,
    settings: Settings,
    clock: Clock,
    public_url: Option<PublicUrl>,
}

/// Why a server does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] store::OpenError),
    /// It cannot be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The engine does not start on it.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Where it is said to be reached from outside is no URL.
    #[error(transparent)]
    PublicUrl(#[from] BadPublicUrl),
    /// Opening was interrupted.
    #[error("opening was interrupted")]
    Interrupted,
}

/// Why a server stopped serving.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The system gives no thread.
    #[error("cannot start the engine's thread: {0}")]
    Thread(#[source] io::Error),
    /// The engine stopped.
    #[error(transparent)]
    Engine(#[from] EndError),
    /// The network failed as a whole.
    #[error("cannot serve: {0}")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl OpenError {
    /// True if data on the disk is damaged, or written by a newer version.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Store(error) => error.is_damage(),
            Self::Verify(error) => error.is_damage(),
            Self::Start(error) => error.is_damage(),
            Self::PublicUrl(_) | Self::Interrupted => false,
        }
    }
}

impl ServeError {
    /// True if data on the disk is damaged.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Engine(EndError::Engine(error)) => error.is_damage(),
            Self::Engine(EndError::Panicked) | Self::Thread(_) | Self::Transport(_) => false,
        }
    }
}

impl Server {
    /// A server yet to be opened.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(
        engine: Engine,
        reader: Box<dyn Reader>,
        store: String,
        settings: Settings,
        clock: Clock,
        public_url: Option<PublicUrl>,
    ) -> Self {
        Self {
            engine,
            lists: Lists::new(reader),
            store,
            settings,
            clock,
            public_url,
        }
    }

    /// Serves until `shutdown` ends; then nothing more is accepted, what waits is answered, and the store is closed.
    ///
    /// # Errors
    /// If the engine stops by itself, which it does when the disk fails or data are damaged.
    pub async fn serve(
        mut self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let public_url = match self.public_url {
            Some(PublicUrl(url)) => url,
            None => listened(&listener).map_err(|error| ServeError::Transport(error.into()))?,
        };
        let capabilities = self.engine.serve_urls(public_url);
        let (engine, mut running) =
            thread::spawn(self.engine, self.clock).map_err(ServeError::Thread)?;
        let about = About::new(self.store, self.settings, self.clock);
        let (close, closed) = oneshot::channel::<()>();
        let incoming = Incoming::new(listener);
        let serving = grpc::router(engine, self.lists, about, capabilities)
            .serve_with_incoming_shutdown(incoming, async {
                // Its end is the signal, however it comes.
                let _closed = closed.await;
            });
        let mut serving = pin!(serving);
        let ended = tokio::select! {
            () = shutdown => None,
            ended = running.ended() => Some(ended),
            served = &mut serving => {
                served.map_err(|error| ServeError::Transport(error.into()))?;
                None
            }
        };
        drop(close);
        let stopping = async {
            match ended {
                Some(ended) => ended,
                None => running.stop().await,
            }
        };
        // The engine closes its streams, and so the connections come to their end.
        let (_served, stopped) = tokio::join!(timeout(CLOSE_WITHIN, serving), stopping);
        Ok(stopped?)
    }
}

/// The URL of a server that was told none.
fn listened(listener: &TcpListener) -> io::Result<Arc<str>> {
    let address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        tracing::warn!(
            "the URLs of promises begin with http://{address}, which nobody can follow; say where this server is reached with \
             --public-url"
        );
    }
    Ok(format!("http://{address}").into())
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// It is no address.
    #[error(
        "{address:?} is no address to listen on: {source}; write host:port, such as 127.0.0.1:8001"
    )]
    Address {
        /// What was given.
        address: String,
        /// What is wrong.
        source: io::Error,
    },
    /// Others could reach it, without encryption or authentication.
    #[error(
        "{address} can be reached from other machines, and this server has neither TLS nor authentication; \
         listen on 127.0.0.1, or say --insecure-listen if the network is trusted"
    )]
    Reachable {
        /// The address.
        address: SocketAddr,
    },
    /// Somebody listens there.
    #[error("{address} is in use; stop what listens there, or choose another port with --listen")]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system refused.
    #[error("cannot listen on {address}: {source}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// What it said.
        source: io::Error,
    },
}

/// A listener on this address: a loopback address, unless `insecure`.
///
/// # Errors
/// If it is none, can be reached from elsewhere, or is in use.
pub async fn bind(address: &str, insecure: bool) -> Result<TcpListener, BindError> {
    let bad = |source| BindError::Address {
        address: address.to_owned(),
        source,
    };
    let none = || {
        bad(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ))
    };
    let found = lookup_host(address)
        .await
        .map_err(bad)?
        .next()
        .ok_or_else(none)?;
    if !found.ip().is_loopback() {
        if !insecure {
            return Err(BindError::Reachable { address: found });
        }
        tracing::warn!(address = %found, "listening on an address that others can reach, without TLS or authentication");
    }
    let refused = |source: io::Error| {
        if source.kind() == io::ErrorKind::AddrInUse {
            return BindError::InUse { address: found };
        }
        BindError::Refused {
            address: found,
            source,
        }
    };
    listen(found).map_err(refused)
}

/// As `TcpListener::bind`, with a longer line: a herd that comes back at once is not to be told to try again in a second.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A server that is started again finds its port in use by connections of its predecessor.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_QUEUE)
}
