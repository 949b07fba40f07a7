//! Encrypted payloads over kills of everything and a change of keys: no secret in any file of the server, nothing lost.

use std::{fs, path::Path};

use resonate::{
    codec::{Codec as _, Compressed, Encrypted, Key, Stack},
    prelude::*,
};
use serde_json::json;

use crate::{
    effects::{self, Effects},
    harness::{Process, Server, eventually},
    worker,
};

/// In every secret, and nowhere else.
const SECRET: &str = "4111-1111";

/// What workers seal with that have the keys of these ids, the first to encrypt with.
pub(crate) fn codec(ids: &str) -> Stack {
    let key = |id: &str| Key::new(id, [*id.as_bytes().last().unwrap(); 32]).unwrap();
    let encrypted = Encrypted::new(ids.split(',').map(key)).unwrap();
    encrypted.over(Compressed::new())
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Receipt {
    card: String,
    cents: u64,
}

#[durable(service = "sealed")]
async fn order(name: String, cents: u64) -> Result<Receipt> {
    let card = step(|| async { Ok::<_, Error>(format!("{SECRET} of {name}")) })
        .label("card")
        .await?;
    let receipt = charge(&card, cents).compensate(refund).await?;
    if promise::<bool>("approval").await? {
        return Ok(receipt);
    }
    Err(Error::terminal("it was turned down"))
}

#[durable(service = "sealed_vault")]
async fn charge(card: &str, cents: u64) -> Result<Receipt> {
    assert!(card.starts_with(SECRET));
    let card = card.to_owned();
    Ok(Receipt { card, cents })
}

/// Its argument was sealed as a value, by whoever had charged.
#[durable(service = "sealed_vault")]
async fn refund(receipt: &Receipt) -> Result<()> {
    assert!(receipt.card.starts_with(SECRET));
    let execution = execution();
    let what = format!("refund_{}", receipt.cents);
    state::<Effects>().append(what, execution.id(), execution.version());
    Ok(())
}

fn start(folder: &Path, url: &str, service: &str, keys: &str) -> Process {
    let (codec, name) = (format!("sealed {keys}"), format!("{service} with {keys}"));
    worker::start_with(&codec, folder, &name, url, service, None)
}

fn order_waits(server: &Server, id: &str, cents: u64) {
    let cents = cents.to_string();
    let args = ["--arg", "\"Ferris\"", "--arg", &cents, "--no-wait"];
    server.json(&[&["call", "sealed/order", "--id", id], &args[..]].concat());
    let approval = format!("{id}.approval");
    eventually("it waits", || {
        server.cli(&["get", &approval]).status.success()
    });
}

fn ends(server: &Server, id: &str, state: &str) -> serde_json::Value {
    eventually(&format!("{id} is {state}"), || {
        server.json(&["get", id])["state"] == state
    });
    server.json(&["get", id])
}

#[test]
fn what_is_encrypted_outlives_kills_and_a_change_of_keys_and_is_in_no_file_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let before =
        ["sealed", "sealed_vault"].map(|service| start(folder.path(), &server.url, service, "k1"));
    for (id, cents) in [("good", 300), ("bad", 500)] {
        order_waits(&server, id, cents);
    }
    let charged = &server.json(&["get", "good.charge"])["value"];
    assert_eq!(
        (&charged["encoding"], &charged["key"]),
        (&json!("encrypted/lz4/json"), &json!("k1"))
    );

    // The new key comes last everywhere, then first, here while everything is down.
    drop(before);
    server.process.kill_and_restart();
    server.is_ready();
    let _after = [
        start(folder.path(), &server.url, "sealed", "k2,k1"),
        start(folder.path(), &server.url, "sealed_vault", "k1,k2"),
    ];
    // What people write is no secret, and understood.
    assert!(
        server
            .cli(&["resolve", "good.approval", "--json", "true"])
            .status
            .success()
    );
    assert!(
        server
            .cli(&["resolve", "bad.approval", "--json", "false"])
            .status
            .success()
    );
    let good = ends(&server, "good", "resolved");
    assert_eq!(good["value"]["key"], "k2", "{good}");
    ends(&server, "bad", "rejected");
    ends(&server, "bad.refund", "resolved");
    let refunds: Vec<_> = effects::read(folder.path())
        .into_iter()
        .map(|effect| effect.what)
        .collect();
    assert_eq!(refunds, ["refund_500"]);
    let said = server.cli(&["get", "good"]).stdout;
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.contains("bytes of encrypted/lz4/json, key k2"),
        "{said}"
    );

    server.process.kill();
    let mut files = 0;
    for file in fs::read_dir(folder.path().join("server")).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|is| is == text.as_bytes());
        assert!(!has(SECRET));
        // The argument from the command line: such a secret would be found.
        files += usize::from(has("Ferris"));
    }
    assert_ne!(files, 0);
}

#[test]
fn a_key_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let _workers = [
        start(folder.path(), &server.url, "sealed", "k1"),
        start(folder.path(), &server.url, "sealed_vault", "k7"),
    ];
    let args = [
        "--id",
        "o",
        "--arg",
        "\"Ferris\"",
        "--arg",
        "1",
        "--no-wait",
    ];
    server.json(&[&["call", "sealed/order"], &args[..]].concat());
    let failure = ends(&server, "o", "rejected").to_string();
    for says in [
        "it is encrypted with the key `k1`",
        "this process has `k7`",
        "give it that key too, after the one that it encrypts with",
    ] {
        assert!(failure.contains(says), "{failure}");
    }
}
