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

use crate::limits::{ACCEPT_AGAIN, CONNECTIONS, DESCRIPTORS_KEPT, HTTP1_WITHIN, PREFACE_WITHIN};

/// What a connection of HTTP/2 begins with. Whoever opens one and sends less holds a place for nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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
    /// None once it is known to be of HTTP/2, which asks for signs of life itself.
    end: Option<End>,
    _room: OwnedSemaphorePermit,
}

/// When a connection ends, whatever it does: one that says too little, or one of HTTP/1.
#[derive(Debug)]
struct End {
    /// How much of what a connection of HTTP/2 begins with has come; none once something else has.
    preface: Option<usize>,
    at: Pin<Box<Sleep>>,
}

impl End {
    /// Takes note of what came. True if the connection is of HTTP/2.
    fn hears(&mut self, came: &[u8]) -> bool {
        let Some(said) = self.preface else {
            return false;
        };
        let missing = PREFACE.get(said..).unwrap_or_default();
        let as_expected = came
            .iter()
            .zip(missing)
            .all(|(came, expected)| came == expected);
        if as_expected {
            self.preface = Some(said + came.len().min(missing.len()));
            return missing.len() <= came.len();
        }
        self.preface = None;
        self.at.as_mut().reset(Instant::now() + HTTP1_WITHIN);
        false
    }
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
                let at = Box::pin(sleep_until(Instant::now() + PREFACE_WITHIN));
                return Connection {
                    stream,
                    end: Some(End {
                        preface: Some(0),
                        at,
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
        let Some(end) = &mut self.end else {
            return polled;
        };
        let came = buffer.filled().get(before..).unwrap_or_default();
        if end.hears(came) {
            self.end = None;
        }
        self.in_time(context, polled)
    }
}

impl Connection {
    /// What cannot go on now is over if the connection's time is.
    fn in_time<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let Some(end) = self.end.as_mut().filter(|_| polled.is_pending()) else {
            return polled;
        };
        ready!(end.at.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.in_time(context, polled)
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
    async fn who_says_too_little_is_closed_and_who_speaks_http2_may_be_silent() {
        let (listener, address) = listener().await;
        let mut incoming = Incoming::bounded(listener, 2);
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        silent
            .write_all(&PREFACE[..PREFACE.len() - 1])
            .await
            .unwrap();
        assert_eq!(until_closed(&mut connection).await, io::ErrorKind::TimedOut);
        let mut polite = TcpStream::connect(address).await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        let mut read = [0; PREFACE.len()];
        for part in PREFACE.chunks(7) {
            polite.write_all(part).await.unwrap();
            connection
                .read_exact(&mut read[..part.len()])
                .await
                .unwrap();
        }
        let more = tokio::time::timeout(10 * HTTP1_WITHIN, connection.read(&mut read)).await;
        assert!(more.is_err(), "it was closed");
    }

    /// Reads whatever comes, until the connection ends by itself.
    async fn until_closed(connection: &mut Connection) -> io::ErrorKind {
        let mut read = [0; 64];
        loop {
            if let Err(error) = connection.read(&mut read).await {
                return error.kind();
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_of_http1_ends_in_time_however_often_it_says_something() {
        let (listener, address) = listener().await;
        let mut incoming = Incoming::bounded(listener, 1);
        let mut slow = TcpStream::connect(address).await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        let began = Instant::now();
        let drips = async {
            slow.write_all(b"POST /p/x HTTP/1.1\r\n").await.unwrap();
            while slow.write_all(b"a: b\r\n").await.is_ok() {
                sleep(PREFACE_WITHIN / 4).await;
            }
        };
        tokio::select! {
            () = drips => panic!("it cannot write any more, and was not closed"),
            closed = until_closed(&mut connection) => assert_eq!(closed, io::ErrorKind::TimedOut),
        }
        assert!(
            began.elapsed() <= HTTP1_WITHIN + PREFACE_WITHIN,
            "{:?}",
            began.elapsed()
        );
    }
}
