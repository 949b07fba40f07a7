//! Workers and the server are killed while a key is held: it goes from one call to the next, and never to two.

use std::time::Duration;

use resonate::prelude::*;

use crate::{
    effects::{self, effect, gate, open_gate},
    harness::{Server, eventually, pause},
    worker,
};

const CALLS: usize = 3;

/// It has its key while it runs, while it waits for a call of another function, and while that waits for a worker.
#[durable(service = "vault", key = vault)]
async fn open_vault(vault: String, n: usize) -> Result<usize> {
    let begun = step(|| async {
        effect(format!("begins_{vault}"));
        gate(&format!("gate_{n}")).await;
        Ok::<_, Error>(n)
    });
    let n = begun.label("begun").await?;
    let done = count_money(n).await?;
    let ended = step(|| async {
        effect(format!("ends_{vault}"));
        Ok::<_, Error>(done)
    });
    ended.label("ended").await
}

#[durable(service = "money")]
async fn count_money(n: usize) -> Result<usize> {
    Ok(n)
}

#[test]
fn no_kill_gives_a_key_to_two() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--lease", "1s"]);
    let start = |name, services, url: &str| worker::start(folder.path(), name, url, services, None);
    let mut workers = [
        start("vault-1", "vault", &server.url),
        start("vault-2", "vault", &server.url),
    ];
    eventually("the vault is served", || {
        let functions = server.cli(&["functions"]);
        String::from_utf8_lossy(&functions.stdout).contains("vault/open_vault")
    });
    for n in 0..CALLS {
        let (id, n) = (format!("open-{n}"), n.to_string());
        let args = ["call", "vault/open_vault", "--id", &id, "--no-wait"];
        let args = [&args[..], &["--arg", "\"gold\"", "--arg", &n]].concat();
        let created = server.cli(&args);
        assert!(created.status.success(), "{created:?}");
    }
    let begun = |at_least: usize| {
        eventually("somebody has the key", || {
            let effects = effects::read(folder.path());
            effects
                .iter()
                .filter(|one| one.what == "begins_gold")
                .count()
                >= at_least
        });
    };
    begun(1);
    let listed = server.cli(&["queues", "--json"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let vault = listed
        .lines()
        .find(|line| line.contains("vault/open_vault"));
    let queues: serde_json::Value = serde_json::from_str(vault.unwrap()).unwrap();
    assert_eq!(queues["keys"][0]["key"], "gold", "{queues}");
    assert_eq!(queues["keys"][0]["holders"], serde_json::json!(["open-0"]));
    assert_eq!(
        (&queues["waiting_for_key"], &queues["why"]),
        (&2.into(), &"key".into())
    );
    // Whoever has it dies while it runs.
    workers
        .iter_mut()
        .for_each(|worker| worker.kill_and_restart());
    begun(2);
    open_gate(folder.path(), "gate_0");
    // It waits for a call that nobody serves, and the server dies.
    eventually("it waits", || {
        server.json(&["get", "open-0"])["task"]["state"] == "suspended"
    });
    server.process.kill();
    server.process.start_again();
    server.is_ready();
    pause(Duration::from_secs(2));
    assert_eq!(
        holders(folder.path()),
        ["open-0"],
        "the key was given to another"
    );
    let _money = start("money", "money", &server.url);
    for n in 1..CALLS {
        open_gate(folder.path(), &format!("gate_{n}"));
    }
    for n in 0..CALLS {
        let ended = server.json(&["get", &format!("open-{n}"), "--wait"]);
        assert_eq!(ended["value"], n, "{ended}");
    }
    assert_eq!(holders(folder.path()), ["open-0", "open-1", "open-2"]);
}

/// Who had the key, in order; nobody began before the one before had ended.
fn holders(folder: &std::path::Path) -> Vec<String> {
    let (mut holders, mut holds) = (Vec::new(), None);
    for effect in effects::read(folder) {
        let promise = effect.promise;
        if effect.what == "begins_gold" {
            let before = holds.replace(promise.clone());
            if before.is_none() {
                holders.push(promise);
            } else {
                assert_eq!(before.as_deref(), Some(&*promise), "two have one key");
            }
        } else {
            assert_eq!(holds.take().as_deref(), Some(&*promise));
        }
    }
    holders
}
