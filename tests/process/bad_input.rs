//! Bad input through the real binary: a clear error, the documented exit code, and nothing lost.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use resonate::prelude::*;
use rusqlite::Connection;
use serde_json::Value;

use crate::{
    harness::{Process, Server, eventually, free_port, resonate},
    worker,
};

const SERVICE: &str = "bad_input";

#[durable(service = "bad_input")]
async fn greet(name: &str) -> Result<String> {
    Ok(format!("Hello, {name}!"))
}

#[durable(service = "bad_input")]
async fn repeat(text: &str, times: usize) -> Result<String> {
    Ok(text.repeat(times))
}

/// How a command ended and what it said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
    after: Duration,
}

impl Said {
    /// It ended so, and said this.
    #[track_caller]
    fn expect(&self, code: i32, says: &[&str]) {
        let Self { out, err, .. } = self;
        assert_eq!(self.code, Some(code), "{out}{err}");
        for text in says {
            assert!(
                out.contains(text) || err.contains(text),
                "it does not say {text:?}:\n{out}{err}"
            );
        }
    }
}

fn run(args: &[&str]) -> Said {
    #[expect(
        clippy::disallowed_methods,
        reason = "real processes live in real time"
    )]
    let start = Instant::now();
    let output = Command::new(resonate())
        .args(args)
        .env_remove("RESONATE_URL")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        code: output.status.code(),
        out: text(&output.stdout),
        err: text(&output.stderr),
        after: start.elapsed(),
    }
}

fn ask(server: &Server, args: &[&str]) -> Said {
    run(&[args, &["--server", &server.url]].concat())
}

/// A server and a worker of this file's functions.
fn served(folder: &Path) -> (Server, Process) {
    let server = Server::start(folder, &[]);
    let worker = worker::start(folder, "worker", &server.url, SERVICE, None);
    eventually("the worker is there", || {
        let workers = ask(&server, &["workers", "--json"]);
        workers.out.contains(&format!("\"{SERVICE}\""))
    });
    (server, worker)
}

#[test]
fn a_function_that_its_service_does_not_have_is_refused_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _worker) = served(folder.path());
    let call = |function: &str| {
        ask(
            &server,
            &["call", function, "--id", "typo", "--arg", "\"Ada\""],
        )
    };
    call("bad_input/gret").expect(
        4,
        &["has bad_input/gret@1; did you mean bad_input/greet@1?"],
    );
    call("bad_input/greet@2").expect(4, &["did you mean bad_input/greet@1?"]);
    call("greet").expect(2, &["greet", "service/function"]);
    ask(&server, &["get", "typo"]).expect(3, &["there is no promise `typo`"]);
    call("bad_input/greet").expect(0, &["Hello, Ada!"]);
}

#[test]
fn arguments_that_do_not_decode_fail_at_once_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _worker) = served(folder.path());
    let call = |id: &str, arguments: &str| {
        ask(
            &server,
            &["call", "bad_input/greet", "--id", id, "--json", arguments],
        )
    };
    let says = "decode: the arguments of bad_input/greet@1 do not fit its parameters";
    call("number", "[7]").expect(1, &[says, "invalid type: integer `7`, expected a string"]);
    let takes = "bad_input/greet@1 takes 1 argument, (name: ";
    call("few", "[]").expect(2, &[takes, "and got 0: [];"]);
    call("many", "[\"Ada\", 1]").expect(2, &[takes, "and got 2: [\"Ada\",1];"]);
    ask(&server, &["get", "many"]).expect(3, &[]);
    call("syntax", "[\"Ada\"").expect(2, &["EOF while parsing", "give an array of all arguments"]);
    ask(
        &server,
        &["call", "bad_input/greet", "--id", "text", "--arg", "Ada"],
    )
    .expect(2, &["text is written '\"Ada\"'"]);
    let found = server.json(&["get", "number"]);
    assert_eq!(
        (&found["state"], &found["failure"]["kind"]),
        (&"rejected".into(), &"decode".into())
    );
    assert_eq!(found["task"]["failures"], 1, "it was not tried again");
}

#[test]
fn ids_that_are_none_are_refused_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let (long, longest) = ("x".repeat(513), "x".repeat(401));
    for command in [
        &["get"][..],
        &["tree"],
        &["cancel"],
        &["resolve"],
        &["reject"],
        &["halt"],
        &["continue"],
    ] {
        let of = |id: &str| ask(&server, &[command, &[id]].concat());
        of(&long).expect(2, &["has 513 bytes; at most 512 are allowed"]);
        of("a\tb").expect(2, &["has a control character at byte 1; remove it"]);
        of("").expect(2, &["a promise id is empty"]);
        of("nobody").expect(3, &["there is no promise `nobody`"]);
    }
    let call = |id: &str| {
        ask(
            &server,
            &["call", "bad_input/greet", "--no-wait", "--id", id],
        )
    };
    call(&long).expect(2, &["has 513 bytes; at most 512 are allowed"]);
    call(&longest).expect(2, &["has 401 bytes; at most 400 are allowed"]);
    call("a\u{7}").expect(2, &["control character"]);
    call("order.1").expect(2, &["has a `.`", "write `-` or `/` instead"]);
    assert_eq!(ask(&server, &["list", "--json"]).out, "");
}

#[test]
fn a_payload_over_the_limit_is_refused_on_both_sides_with_promise_and_size() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _worker) = served(folder.path());
    // One argument of a command line has 128 KiB at most.
    let text = format!("\"{}\"", "x".repeat(120_000));
    // Of a function that nobody serves: so nobody knows how many arguments it takes.
    let mut args = vec!["call", "nobody/greet", "--id", "arguments"];
    args.extend(["--arg", text.as_str()].repeat(9));
    let says = "1080028 bytes are too many for the arguments of `arguments`; at most 1048576 are allowed; store it elsewhere";
    ask(&server, &args).expect(4, &[says]);
    ask(&server, &["get", "arguments"]).expect(3, &[]);
    let call = |id: &str, times: &str| {
        ask(
            &server,
            &[
                "call",
                "bad_input/repeat",
                "--id",
                id,
                "--arg",
                &text,
                "--arg",
                times,
            ],
        )
    };
    let says = "too_large: the result of bad_input/repeat@1: a payload has more than 1048576 bytes; at most 1048576 are allowed";
    call("result", "9").expect(1, &["result  rejected", says]);
    call("fits", "8").expect(0, &["resolved"]);
}

#[test]
fn a_server_that_is_not_there_is_told_at_once_to_who_asks() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    for command in [
        &["get", "a"][..],
        &["list"],
        &["tree", "a"],
        &["workers"],
        &["functions"],
        &["info"],
        &["cancel", "a"],
        &["resolve", "a"],
        &["call", "bad_input/greet", "--id", "a"],
    ] {
        let said = run(&[command, &["--server", &nobody]].concat());
        let says = format!("no server answers at {nobody}: ");
        said.expect(
            69,
            &[
                &says,
                "start one with `resonate serve`, or name another with --server",
            ],
        );
        assert!(
            said.after < Duration::from_secs(3),
            "{command:?} took {:?}",
            said.after
        );
    }
    let said = run(&["get", "a", "--json", "--server", &nobody]);
    let error: Value = serde_json::from_str(&said.err).unwrap();
    assert_eq!(error["code"], 69);
    run(&["list", "--server", "not a url"]).expect(
        2,
        &[
            "is no URL of a server",
            "write it like http://127.0.0.1:8001",
        ],
    );
}

#[test]
fn a_worker_without_a_server_says_so_at_once_and_goes_on_when_it_appears() {
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let url = format!("http://{listen}");
    let mut worker = worker::start(folder.path(), "worker", &url, SERVICE, None);
    eventually("the worker misses its server", || {
        let said = worker.output();
        said.contains(&format!("no server at {url} ("))
            && said.contains("start one with `resonate serve`, or set RESONATE_URL")
    });
    assert!(worker.is_running());
    let data = folder.path().join("data");
    let args = [
        "serve",
        "--listen",
        &listen,
        "--data-dir",
        data.to_str().unwrap(),
    ];
    let _server = Process::start(folder.path(), "server", resonate(), &args);
    eventually("the worker finds its server", || {
        worker
            .output()
            .contains(&format!("the server at {url} is there"))
    });
    let call = [
        "call",
        "bad_input/greet",
        "--id",
        "late",
        "--arg",
        "\"Ada\"",
        "--server",
        &url,
    ];
    run(&call).expect(0, &["Hello, Ada!"]);
    assert_eq!(
        worker.output().matches("no server at").count(),
        1,
        "{}",
        worker.output()
    );
}

#[test]
fn a_second_server_on_a_folder_and_one_on_a_port_in_use_do_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let data = folder.path().join("server");
    let data = data.to_str().unwrap();
    let second = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data]);
    let says = format!(
        "the data folder {data} is in use by another server; stop that one, or choose another folder"
    );
    second.expect(70, &[&says]);
    let address = server.url.trim_start_matches("http://");
    let other = folder.path().join("other");
    let port = run(&[
        "serve",
        "--listen",
        address,
        "--data-dir",
        other.to_str().unwrap(),
    ]);
    let says = format!(
        "{address} is in use; stop what listens there, or choose another port with --listen"
    );
    port.expect(70, &[&says]);
    assert!(
        !other.exists(),
        "a folder was made for a server that did not start"
    );
    assert!(server.process.is_running());
    ask(&server, &["list"]).expect(0, &[]);
}

#[test]
fn a_server_listens_where_others_can_reach_it_only_if_it_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    for address in ["0.0.0.0:0", "[::]:0"] {
        let said = run(&["serve", "--listen", address, "--data-dir", data]);
        said.expect(
            2,
            &[
                address,
                "neither TLS nor authentication",
                "--insecure-listen",
            ],
        );
    }
    run(&["dev", "--listen", "nowhere"]).expect(
        2,
        &["\"nowhere\" is no address to listen on", "127.0.0.1:8001"],
    );
    let args = ["dev", "--listen", "0.0.0.0:0", "--insecure-listen"];
    let open = Process::start(folder.path(), "open", resonate(), &args);
    eventually("it listens", || {
        open.output().contains("at http://0.0.0.0:")
    });
    assert!(
        open.output().contains("without TLS or authentication"),
        "{}",
        open.output()
    );
}

/// A data folder that a server has left, and its file.
fn left(folder: &Path) -> std::path::PathBuf {
    let mut server = Server::start(folder, &[]);
    ask(
        &server,
        &["call", "bad_input/greet", "--id", "kept", "--no-wait"],
    )
    .expect(0, &[]);
    server.process.signal("TERM");
    assert!(server.process.wait().success());
    let data = folder.join("server");
    let files = fs::read_dir(&data)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut stores = files.filter(|file| fs::read(file).unwrap().starts_with(b"SQLite format 3"));
    let store = stores.next().unwrap();
    assert!(stores.next().is_none());
    store
}

#[test]
fn data_of_a_newer_format_are_refused_and_left_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let store = left(folder.path());
    let format = |set: &str| {
        let conn = Connection::open(&store).unwrap();
        let was: String = conn
            .query_row(
                "select value from header where name = 'format'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        conn.execute("update header set value = ?1 where name = 'format'", [set])
            .unwrap();
        was
    };
    let was = format("4000000000");
    let before = fs::read(&store).unwrap();
    let data = folder.path().join("server");
    let said = run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        data.to_str().unwrap(),
    ]);
    let says = format!(
        "{} has format 4000000000, this program reads up to format {was}",
        store.display()
    );
    said.expect(
        65,
        &[&says, "start the version that wrote it, or a newer one"],
    );
    assert_eq!(fs::read(&store).unwrap(), before, "it was changed");
    format(&was);
    let server = Server::start(folder.path(), &[]);
    ask(&server, &["get", "kept"]).expect(0, &["ready"]);
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = left(folder.path());
    for (name, bytes) in [
        ("text", b"my diary, of which there is no copy".to_vec()),
        ("zeros", vec![0; 100_000]),
        (
            "nothing to be recognized",
            (0..60_000u32).map(|at| (at * 7 % 251) as u8).collect(),
        ),
    ] {
        fs::write(&store, &bytes).unwrap();
        let data = folder.path().join("server");
        let said = run(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            data.to_str().unwrap(),
        ]);
        println!("{name}: {:?} {}", said.code, said.err);
        said.expect(
            65,
            &[
                store.to_str().unwrap(),
                "is not a store of Resonate; choose another folder",
            ],
        );
        assert!(fs::read(&store).unwrap() == bytes, "{name}: it was changed");
    }
}

#[test]
fn a_store_whose_inside_is_overwritten_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = left(folder.path());
    let mut bytes = fs::read(&store).unwrap();
    bytes[100..].fill(0xa5);
    fs::write(&store, &bytes).unwrap();
    let data = folder.path().join("server");
    let data = data.to_str().unwrap();
    let said = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data]);
    said.expect(65, &[store.to_str().unwrap(), "is damaged"]);
}

#[test]
fn what_a_server_prints_into_files_has_no_colours() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    server.process.signal("TERM");
    assert!(server.process.wait().success());
    let output = server.process.output();
    assert!(
        output.contains("INFO") && !output.contains('\u{1b}'),
        "{output}"
    );
}

#[test]
fn every_exit_code_that_is_told_here_is_documented_in_the_help() {
    let said = run(&["--help"]);
    said.expect(0, &["Exit codes:"]);
    let documented: Vec<i32> = said
        .out
        .lines()
        .skip_while(|line| !line.starts_with("Exit codes:"))
        .skip(1)
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    assert_eq!(documented, [0, 1, 2, 3, 4, 65, 69, 70, 75]);
}
