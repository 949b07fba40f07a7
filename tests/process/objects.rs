//! Large payloads in a folder that all processes share, over `kill -9` of everything.

use std::{env, fs, path::Path, sync::Arc};

use object_store::local::LocalFileSystem;
use resonate::{objects::Objects, prelude::*};

use crate::{
    effects::{self, effect},
    harness::{Process, Server, eventually},
    worker,
};

const LARGE: usize = 5 << 20;

/// What a worker is given that keeps what is large in the folder of its test.
pub(crate) fn folder() -> Objects {
    let folder = Path::new(&env::var(worker::FOLDER).unwrap()).join("objects");
    fs::create_dir_all(&folder).unwrap();
    Objects::new(Arc::new(LocalFileSystem::new_with_prefix(folder).unwrap()))
}

#[durable(service = "objects")]
async fn report() -> Result<usize> {
    let text = step(|| async { Ok::<_, Error>("a".repeat(LARGE)) }).await?;
    effect("asks");
    let answer = shouts(text).await?;
    promise::<bool>("go").await?;
    Ok(answer.len())
}

#[durable(service = "objects_far")]
async fn shouts(text: String) -> Result<String> {
    effect(format_args!("shouts_{}", text.len()));
    Ok(format!("{}!", text.to_uppercase()))
}

#[test]
fn what_is_large_outlives_kills_of_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let mut workers = ["objects", "objects_far"].map(|service| {
        worker::start_with(
            "objects",
            folder.path(),
            service,
            &server.url,
            service,
            None,
        )
    });
    server.json(&["call", "objects/report", "--id", "o", "--no-wait"]);
    eventually("it waits", || server.cli(&["get", "o.go"]).status.success());
    workers.iter_mut().for_each(Process::kill);
    server.process.kill_and_restart();
    server.is_ready();
    workers.iter_mut().for_each(Process::start_again);
    assert!(
        server
            .cli(&["resolve", "o.go", "--json", "true"])
            .status
            .success()
    );
    eventually("it ends", || {
        server.json(&["get", "o"])["state"] == "resolved"
    });
    assert_eq!(server.json(&["get", "o"])["value"], LARGE + 1);
    assert_eq!(
        server.json(&["get", "o.shouts"])["value"]["encoding"],
        "object/json"
    );
    let did: Vec<_> = effects::read(folder.path())
        .into_iter()
        .map(|effect| effect.what)
        .collect();
    assert_eq!(did, ["asks", &format!("shouts_{LARGE}"), "asks"]);
    // The value of the step, the arguments with it, and the result.
    let objects = fs::read_dir(folder.path().join("objects/o")).unwrap();
    assert_eq!(objects.count(), 3);
}
