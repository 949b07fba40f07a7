//! A way to the server on which answers get lost: everything reaches the server, not everything comes back.
//!
//! It can hold up for a while what should reach either side, too. It understands of HTTP/2 what a frame is, so that what it swallows is an answer and not a sign of life.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crate::harness::eventually;

const FRAME_HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;

/// The proxy. It goes on until the process ends.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    losses: Arc<Losses>,
}

/// Which answers are lost, and how many were.
#[derive(Debug, Default)]
struct Losses {
    /// Every so manieth frame; 0 for none.
    every: usize,
    seen: AtomicUsize,
    /// The next but so many; 0 for none.
    armed: AtomicUsize,
    lost: AtomicUsize,
    /// Nothing reaches the server now.
    holds: AtomicBool,
    /// Nothing comes back from the server now.
    holds_answers: AtomicBool,
}

impl Proxy {
    /// To this server. Every so manieth frame of an answer is lost, and the connection with it; none if it is 0.
    pub(crate) fn start(server: &str, every: usize) -> Self {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let losses = Arc::new(Losses {
            every,
            ..Losses::default()
        });
        let shared = Arc::clone(&losses);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Without a server there the connection is dropped, as the server's own port would do.
                if let Ok(server) = TcpStream::connect(&server) {
                    connect(client, server, &shared).expect("a socket can be shared");
                }
            }
        });
        Self { url, losses }
    }

    /// The frame that is the so manieth from now is lost.
    pub(crate) fn lose(&self, nth: usize) {
        self.losses.armed.store(nth, Ordering::SeqCst);
    }

    /// True if what was to be lost is lost.
    pub(crate) fn is_done(&self) -> bool {
        self.losses.armed.load(Ordering::SeqCst) == 0
    }

    /// How many frames of answers there were.
    pub(crate) fn seen(&self) -> usize {
        self.losses.seen.load(Ordering::SeqCst)
    }

    /// From now on nothing reaches the server, or what was held up does.
    pub(crate) fn hold(&self, holds: bool) {
        self.losses.holds.store(holds, Ordering::SeqCst);
    }

    /// From now on nothing comes back from the server, or what was held up does.
    pub(crate) fn hold_answers(&self, holds: bool) {
        self.losses.holds_answers.store(holds, Ordering::SeqCst);
    }

    /// How many answers were lost.
    pub(crate) fn lost(&self) -> usize {
        self.losses.lost.load(Ordering::SeqCst)
    }
}

impl Losses {
    fn loses(&self) -> bool {
        let seen = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        let is_armed = |armed: usize| armed.checked_sub(1);
        let armed = self
            .armed
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_armed);
        let loses = armed == Ok(1) || (self.every > 0 && seen.is_multiple_of(self.every));
        self.lost.fetch_add(usize::from(loses), Ordering::SeqCst);
        loses
    }
}

/// Carries one connection, on two threads, until either side ends it or an answer is lost.
fn connect(client: TcpStream, server: TcpStream, losses: &Arc<Losses>) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let (losses, holder) = (Arc::clone(losses), Arc::clone(losses));
    std::thread::spawn(move || {
        // Whatever came from the client is the server's, also when the connection is cut.
        let _ended = ask(&mut from_client, &mut to_server, &holder);
        let _ended = to_server.shutdown(Shutdown::Write);
    });
    std::thread::spawn(move || {
        let _ended = answer(&server, &client, &losses);
        let _ended = client.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// Carries what the client says.
fn ask(from: &mut TcpStream, to: &mut TcpStream, losses: &Losses) -> io::Result<()> {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut bytes)?;
        eventually("it goes on", || !losses.holds.load(Ordering::SeqCst));
        if length == 0 {
            return Ok(());
        }
        to.write_all(&bytes[..length])?;
    }
}

/// Carries answers, frame by frame, until one is lost.
fn answer(mut server: &TcpStream, mut client: &TcpStream, losses: &Losses) -> io::Result<()> {
    loop {
        let mut frame = vec![0; FRAME_HEAD];
        server.read_exact(&mut frame)?;
        let length = u32::from_be_bytes([0, frame[0], frame[1], frame[2]]) as usize;
        let kind = frame[3];
        frame.resize(FRAME_HEAD + length, 0);
        server.read_exact(&mut frame[FRAME_HEAD..])?;
        if matches!(kind, DATA | HEADERS) && losses.loses() {
            return Ok(());
        }
        eventually("it goes on", || {
            !losses.holds_answers.load(Ordering::SeqCst)
        });
        client.write_all(&frame)?;
    }
}
