//! Accepting connections: no more than the bound, none that stays silent, and nothing that the system refuses ends it.
//!
//! Whoever comes while the server is full waits in the system's line of connections; who is in is not disturbed.

use std::{
    fs, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep, sleep_until},
};
use tokio_stream::Stream;
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::limits::{ACCEPT_AGAIN, CONNECTIONS, DESCRIPTORS_KEPT, PREFACE_BYTES, PREFACE_WITHIN};

/// The connections of a listener.
pub(crate) struct Incoming {
    from: Arc<Source>,
    next: Pin<Box<dyn Future<Output = Connection> + Send>>,
}

/// Where connections come from, and room for so many.
#[derive(Debug)]
struct Source {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

/// One connection. It must say something soon, and takes its room until it is closed.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// None once it has said enough.
    silence: Option<Silence>,
    _room: OwnedSemaphorePermit,
}

/// How much is missing of what a connection must begin with, and until when it may be.
#[derive(Debug)]
struct Silence {
    missing: usize,
    ends: Pin<Box<Sleep>>,
}

impl Incoming {
    /// As many as this process may have.
    pub(crate) fn new(listener: TcpListener) -> Self {
        let descriptors = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        Self::bounded(listener, bound(&descriptors))
    }

    fn bounded(listener: TcpListener, bound: usize) -> Self {
        let room = Arc::new(Semaphore::new(bound));
        let from = Arc::new(Source { listener, room });
        let next = Box::pin(accept(Arc::clone(&from)));
        Self { from, next }
    }
}

/// What the bound on connections is where the system's limits are these.
fn bound(limits: &str) -> usize {
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    let descriptors: Option<usize> = soft.and_then(|soft| soft.parse().ok());
    descriptors.map_or(CONNECTIONS, |descriptors| {
        descriptors
            .saturating_sub(DESCRIPTORS_KEPT)
            .clamp(1, CONNECTIONS)
    })
}

impl Stream for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let connection = ready!(self.next.as_mut().poll(context));
        self.next = Box::pin(accept(Arc::clone(&self.from)));
        Poll::Ready(Some(Ok(connection)))
    }
}

/// Waits for room, and for somebody who takes it.
async fn accept(from: Arc<Source>) -> Connection {
    let room = Arc::clone(&from.room).acquire_owned().await;
    let room = room.expect("nobody closes it");
    loop {
        match from.listener.accept().await {
            Ok((stream, _)) => {
                // Without it answers wait for others; a connection that is broken already says so when it is read.
                let _broken = stream.set_nodelay(true);
                let ends = Box::pin(sleep_until(Instant::now() + PREFACE_WITHIN));
                return Connection {
                    stream,
                    silence: Some(Silence {
                        missing: PREFACE_BYTES,
                        ends,
                    }),
                    _room: room,
                };
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!("cannot accept a connection now: {error}");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// True if whoever wanted to connect has gone again, and the next may be accepted at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(silence) = &mut self.silence else {
            return polled;
        };
        silence.missing = silence
            .missing
            .saturating_sub(buffer.filled().len() - before);
        if silence.missing == 0 {
            self.silence = None;
        } else if polled.is_pending() {
            ready!(silence.ends.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_stream::StreamExt as _;

    use super::*;

    async fn listener() -> (TcpListener, std::net::SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[test]
    fn the_bound_leaves_descriptors_for_the_store() {
        let limits =
            |soft| format!("Limit Soft Hard\nMax open files            {soft}  4096  files\n");
        assert_eq!(bound(&limits("64")), 64 - DESCRIPTORS_KEPT);
        assert_eq!(bound(&limits("3")), 1);
        assert_eq!(bound(&limits("1000000")), CONNECTIONS);
        assert_eq!(bound(&limits("unlimited")), CONNECTIONS);
        assert_eq!(bound(""), CONNECTIONS);
    }

    #[tokio::test]
    async fn who_comes_while_it_is_full_waits_until_somebody_leaves() {
        let (listener, address) = listener().await;
        let mut incoming = Incoming::bounded(listener, 1);
        let _first = TcpStream::connect(address).await.unwrap();
        let _second = TcpStream::connect(address).await.unwrap();
        let first = incoming.next().await.unwrap().unwrap();
        assert!(futures_poll(&mut incoming).await.is_pending());
        drop(first);
        assert!(incoming.next().await.unwrap().is_ok());
    }

    async fn futures_poll(incoming: &mut Incoming) -> Poll<()> {
        let polled = |context: &mut Context<'_>| {
            Poll::Ready(Pin::new(&mut *incoming).poll_next(context).map(drop))
        };
        std::future::poll_fn(polled).await
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_too_little_is_closed_and_who_said_enough_may_be_silent() {
        let (listener, address) = listener().await;
        let mut incoming = Incoming::bounded(listener, 2);
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        silent.write_all(&[0; PREFACE_BYTES - 1]).await.unwrap();
        let mut read = [0; 2 * PREFACE_BYTES];
        let error = loop {
            match connection.read(&mut read).await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let mut polite = TcpStream::connect(address).await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        polite.write_all(&[0; PREFACE_BYTES]).await.unwrap();
        connection
            .read_exact(&mut read[..PREFACE_BYTES])
            .await
            .unwrap();
        let more = tokio::time::timeout(10 * PREFACE_WITHIN, connection.read(&mut read)).await;
        assert!(more.is_err(), "it was closed");
    }
}
