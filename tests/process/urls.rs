//! The URL of a promise over kills of everything, and what the command line says of it; promises from process to process.

use std::{fs, path::Path};

use resonate::prelude::*;
use serde_json::json;

use crate::{
    harness::{Process, Server, eventually, resonate},
    http::{get, post},
    worker,
};

/// What the functions do outside goes here.
#[derive(Serialize, Deserialize)]
struct Asked {
    folder: String,
    approval: Promise<bool>,
}

#[durable(service = "urls")]
async fn expense(folder: String) -> Result<String> {
    let approval = promise::<bool>("approval");
    mail(Asked {
        folder: folder.clone(),
        approval: approval.clone(),
    })
    .await?;
    let verdict = judge(approval).await?;
    let paid = pays(verdict.clone()).await?;
    Ok(format!("{verdict}, {}", paid.await??))
}

#[durable(service = "urls_mail")]
async fn mail(asked: Asked) -> Result<()> {
    fs::write(Path::new(&asked.folder).join("mail"), asked.approval.url())?;
    Ok(())
}

/// In another process than whoever made the promise.
#[durable(service = "urls_judge")]
async fn judge(approval: Promise<bool>) -> Result<String> {
    Ok(if approval.await? {
        "approved"
    } else {
        "turned down"
    }
    .to_owned())
}

/// Gives back what it only began.
#[durable(service = "urls_judge")]
async fn pays(verdict: String) -> Result<Promise<Result<String>>> {
    transfer(verdict).detach().await
}

#[durable(service = "urls_mail")]
async fn transfer(verdict: String) -> Result<String> {
    Ok(if verdict == "approved" {
        "paid"
    } else {
        "kept"
    }
    .to_owned())
}

const SERVICES: [&str; 3] = ["urls", "urls_mail", "urls_judge"];

#[test]
fn a_url_that_was_mailed_is_good_after_everything_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let mut workers =
        SERVICES.map(|service| worker::start(folder.path(), service, &server.url, service, None));
    let argument = folder.path().to_str().unwrap();
    server.json(&[
        "call",
        "urls/expense",
        "--id",
        "e",
        "--arg",
        &json!(argument).to_string(),
        "--no-wait",
    ]);
    eventually("it waits", || {
        server.json(&["get", "e"])["task"]["state"] == "suspended"
    });
    let url = fs::read_to_string(folder.path().join("mail")).unwrap();
    assert_eq!(server.json(&["url", "e.approval"])["url"], url);
    assert_eq!(server.cli(&["url", "nobody"]).status.code(), Some(3));

    workers.iter_mut().for_each(Process::kill);
    server.process.kill_and_restart();
    server.is_ready();
    assert_eq!(server.json(&["url", "e.approval"])["url"], url);
    assert_eq!(
        get(&url).body,
        "{\"id\":\"e.approval\",\"state\":\"pending\"}\n"
    );
    assert_eq!(post(&url, "true").status, 200);
    assert_eq!(post(&url, "true").status, 200);
    assert_eq!(post(&url, "false").status, 409);
    workers.iter_mut().for_each(Process::start_again);
    eventually("it goes on", || {
        server.json(&["get", "e"])["state"] == "resolved"
    });
    assert_eq!(server.json(&["get", "e"])["value"], "approved, paid");

    // It is in nothing that is listed, recorded or logged.
    let token = url.rsplit('/').next().unwrap();
    let told = [
        String::from_utf8(server.cli(&["list", "--json"]).stdout).unwrap(),
        String::from_utf8(server.cli(&["tree", "e", "--json"]).stdout).unwrap(),
        server.process.output(),
    ];
    for told in told.iter().chain(&workers.each_ref().map(Process::output)) {
        assert!(!told.contains(token), "{told}");
    }
}

#[test]
fn a_server_says_what_is_wrong_with_its_public_url() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("server");
    let args = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        data.to_str().unwrap(),
        "--public-url",
        "example.org",
    ];
    let output = std::process::Command::new(resonate())
        .args(args)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("\"example.org\" is not where a server is reached"),
        "{said}"
    );
    assert!(!data.exists(), "nothing was made");
}
