//! Clients that abuse HTTP/2, on raw sockets: each is stopped at a limit, and others are served.
//!
//! The limits are in `resonate-server/src/limits.rs`.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::json;
use tokio::time::Instant;

use crate::harness::{Server, figures};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const MAX_HEADER_LIST_SIZE: u16 = 6;
const REFUSED_STREAM: [u8; 4] = [0, 0, 0, 7];
const ENHANCE_YOUR_CALM: [u8; 4] = [0, 0, 0, 11];
/// `POST http` to the authority `a`: indexed, but for the last.
const REQUEST: &[u8] = &[0x83, 0x86, 0x41, 1, b'a'];
/// The stream of a worker, of which the server waits for the first word.
const PATH: &[u8] = b"/resonate.v1.WorkerStream/Work";
const CONTENT: &[u8] = b"application/grpc";
const STREAMS: u32 = 256;
const HEADER_BYTES: u32 = 16 << 10;
const SERVER_MEMORY_KIB: u64 = 128 << 10;
/// Nothing more is expected after so much silence.
const QUIET: Duration = Duration::from_secs(2);

/// A client that sends what it likes.
struct Raw {
    socket: TcpStream,
    /// What came and is no whole frame yet.
    rest: Vec<u8>,
}

/// One frame from the server.
struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Raw {
    fn connect(server: &Server) -> Self {
        let address = server.url.trim_start_matches("http://");
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(QUIET)).unwrap();
        socket.set_write_timeout(Some(QUIET)).unwrap();
        Self {
            socket,
            rest: Vec::new(),
        }
    }

    /// The same, and it begins as HTTP/2 does.
    fn greet(server: &Server) -> Self {
        let mut raw = Self::connect(server);
        raw.socket
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .unwrap();
        assert!(raw.send(SETTINGS, 0, 0, &[]));
        raw
    }

    /// Sends a frame; false if the connection is closed.
    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.socket.write_all(&frame).is_ok()
    }

    /// The next frame; none if the connection is closed, or nothing comes.
    fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            let mut bytes = [0; 16 << 10];
            match self.socket.read(&mut bytes) {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.rest.extend(&bytes[..length]),
            }
        }
    }

    fn take(&mut self) -> Option<Frame> {
        let head: [u8; 9] = self.rest.get(..9)?.try_into().unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = self.rest.get(9..9 + length)?.to_vec();
        self.rest.drain(..9 + length);
        Some(Frame {
            kind: head[3],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload,
        })
    }

    fn frames(&mut self) -> Vec<Frame> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// Waits until the server closes the connection; false if it does not.
    fn is_closed(&mut self) -> bool {
        let mut bytes = [0; 1 << 10];
        loop {
            match self.socket.read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => {
                    return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                }
            }
        }
    }
}

/// The headers of a request that stays open.
fn request() -> Vec<u8> {
    let literal = |name: u8, value: &[u8]| [&[name, value.len() as u8], value].concat();
    [REQUEST, &literal(0x44, PATH), &literal(0x5F, CONTENT)].concat()
}

fn start() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    (folder, server)
}

/// Others are served, and it cost little.
fn expect_well(server: &mut Server, what: &str, counted: u64) {
    assert!(server.process.is_running());
    assert!(server.cli(&["list"]).status.success());
    let (_, most) = server.process.memory_kib();
    figures(
        &json!({ "kind": "http2_abuse", "what": what, "counted": counted, "server_most_kib": most }),
    );
    assert!(most < SERVER_MEMORY_KIB, "the server had {most} KiB");
}

#[test]
fn the_server_says_its_limits_and_refuses_the_stream_that_is_too_many() {
    let (_folder, mut server) = start();
    let mut raw = Raw::greet(&server);
    let settings = raw.next().unwrap();
    assert_eq!(settings.kind, SETTINGS);
    let said = |id: u16| {
        let mut all = settings.payload.chunks(6);
        let found = all.find(|one| one[..2] == id.to_be_bytes())?;
        Some(u32::from_be_bytes(found[2..].try_into().unwrap()))
    };
    assert_eq!(said(MAX_CONCURRENT_STREAMS), Some(STREAMS));
    assert_eq!(said(MAX_HEADER_LIST_SIZE), Some(HEADER_BYTES));
    // Not ended, so that each is under way.
    for nth in 0..STREAMS + 10 {
        assert!(raw.send(HEADERS, END_HEADERS, 2 * nth + 1, &request()));
    }
    let frames = raw.frames();
    let is_refusal = |frame: &&Frame| frame.kind == RST_STREAM && frame.payload == REFUSED_STREAM;
    let refused: Vec<_> = frames
        .iter()
        .filter(is_refusal)
        .map(|frame| frame.stream)
        .collect();
    let too_many: Vec<_> = (STREAMS..STREAMS + 10).map(|nth| 2 * nth + 1).collect();
    assert_eq!(refused, too_many);
    expect_well(&mut server, "streams", refused.len() as u64);
}

#[test]
fn who_opens_and_resets_streams_without_end_is_disconnected() {
    let (_folder, mut server) = start();
    let mut raw = Raw::greet(&server);
    let mut sent = 0_u32;
    for nth in 0..200_000 {
        let stream = 2 * nth + 1;
        let is_open = raw.send(HEADERS, END_HEADERS, stream, &request())
            && raw.send(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        if !is_open {
            break;
        }
        sent += 1;
    }
    assert!(sent < 200_000, "it went on for ever");
    // What was on its way when the connection was reset may be lost, its reason with it.
    let told = raw.frames();
    let told = told.iter().find(|frame| frame.kind == GOAWAY);
    assert!(told.is_none_or(|frame| frame.payload[4..8] == ENHANCE_YOUR_CALM));
    expect_well(&mut server, "resets", u64::from(sent));
}

#[test]
fn headers_without_end_are_cut_off() {
    let (_folder, mut server) = start();
    let mut raw = Raw::greet(&server);
    let (mut sent, start) = (0_u64, Instant::now());
    // A header of 1,000 bytes that is not indexed, again and again.
    let mut field = vec![0, 1, b'x', 0x7F, 0xE9, 0x06];
    field.extend([b'y'; 1_000]);
    let fields = field.repeat(15);
    let mut is_open = raw.send(HEADERS, 0, 1, &request());
    while is_open && sent < 256 << 20 {
        is_open = raw.send(CONTINUATION, 0, 1, &fields);
        sent += fields.len() as u64;
    }
    assert!(
        !is_open,
        "{sent} bytes of headers were taken in {:?}",
        start.elapsed()
    );
    expect_well(&mut server, "header_bytes", sent);
}

#[test]
fn empty_frames_without_end_cost_no_memory() {
    let (_folder, mut server) = start();
    let mut raw = Raw::greet(&server);
    assert!(raw.send(HEADERS, END_HEADERS, 1, &request()));
    let mut sent = 0;
    while sent < 50_000 && raw.send(DATA, 0, 1, &[]) {
        sent += 1;
    }
    expect_well(&mut server, "empty_frames", sent);
}

#[test]
fn who_connects_and_says_nothing_is_disconnected() {
    let (_folder, mut server) = start();
    let start = Instant::now();
    let mut silent: Vec<_> = (0..50).map(|_| Raw::connect(&server)).collect();
    for raw in &mut silent {
        raw.socket.write_all(b"PRI * HTTP/2.0").unwrap();
        raw.socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
    }
    assert!(silent.iter_mut().all(Raw::is_closed));
    let took = start.elapsed();
    assert!(Duration::from_secs(9) < took, "after {took:?}");
    expect_well(&mut server, "silent_connections", 50);
}
