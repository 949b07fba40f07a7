//! HTTP/1 as plain text, so that a test says exactly what it sends. Also used by the tests with real processes.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends one request to a URL, with these lines of header.
pub(crate) fn send(method: &str, url: &str, header: &[&str], body: &str) -> Answer {
    let (host, path) = split(url);
    let mut lines = vec![
        format!("{method} {path} HTTP/1.1"),
        format!("Host: {host}"),
        format!("Content-Length: {}", body.len()),
    ];
    lines.extend(header.iter().map(ToString::to_string));
    say(&host, &format!("{}\r\n\r\n{body}", lines.join("\r\n")))
}

/// Posts JSON.
pub(crate) fn post(url: &str, body: &str) -> Answer {
    send("POST", url, &["Content-Type: application/json"], body)
}

/// Looks.
pub(crate) fn get(url: &str) -> Answer {
    send("GET", url, &[], "")
}

/// Says this, and reads until the other side has ended the connection.
pub(crate) fn say(host: &str, text: &str) -> Answer {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no answer: {answer:?}")),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// Host and path of a URL.
pub(crate) fn split(url: &str) -> (String, String) {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    (host.to_owned(), format!("/{path}"))
}
