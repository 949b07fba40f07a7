//! A durable object that many callers change, while server and workers are killed.

use resonate::prelude::*;

use crate::{
    harness::{PATIENCE, Server, pause},
    worker,
};

const CALLERS: usize = 8;
const TIMES: usize = 15;

#[derive(Default, Serialize, Deserialize)]
struct Tally {
    count: usize,
}

#[durable(service = "tally")]
impl Tally {
    async fn add(&mut self, n: usize) -> Result<usize> {
        self.count += n;
        // Time to be killed in, with the change made and not written.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        Ok(self.count)
    }
}

#[durable(service = "tally")]
async fn tallies(times: usize) -> Result<usize> {
    let mut last = 0;
    for _ in 0..times {
        let count = Tally::at("t").add(1).await?;
        if count <= last {
            return Err(Error::terminal(format!("{count} came after {last}")));
        }
        last = count;
    }
    Ok(last)
}

#[test]
fn no_change_is_lost_or_made_twice_by_kills_of_server_and_workers() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--lease", "2s"]);
    let start = |name: &str| worker::start(folder.path(), name, &server.url, "tally", None);
    let mut workers = [start("one"), start("other")];
    let id = |caller: usize| format!("caller-{caller}");
    let times = TIMES.to_string();
    for caller in 0..CALLERS {
        let id = id(caller);
        let call = [
            "call",
            "tally/tallies",
            "--id",
            &id,
            "--arg",
            &times,
            "--no-wait",
        ];
        let called = server.cli(&call);
        assert!(called.status.success(), "{called:?}");
    }
    let began = tokio::time::Instant::now();
    let mut kills = 0;
    loop {
        pause(std::time::Duration::from_millis(300));
        server.is_ready();
        let states = (0..CALLERS).map(|caller| server.json(&["get", &id(caller)]));
        let states: Vec<_> = states.map(|found| found["state"].clone()).collect();
        if states.iter().all(|state| state == "resolved") {
            break;
        }
        assert!(
            states
                .iter()
                .all(|state| state == "pending" || state == "resolved"),
            "{states:?}"
        );
        assert!(
            began.elapsed() < PATIENCE,
            "the calls do not end: {states:?}"
        );
        match kills % 3 {
            0 => workers[0].kill_and_restart(),
            1 => workers[1].kill_and_restart(),
            _ => server.process.kill_and_restart(),
        }
        kills += 1;
    }
    assert!(kills > 3, "too few kills to mean anything: {kills}");
    let object = server.json(&["object", "get", "tally/Tally/t"]);
    assert_eq!(object["state"]["count"], CALLERS * TIMES, "{object}");
    assert_eq!(object["version"], CALLERS * TIMES, "{object}");
    assert_eq!(object["calls"], serde_json::json!([]), "{object}");
    let listed = server.cli(&["object", "list", "tally/Tally"]);
    assert!(
        String::from_utf8_lossy(&listed.stdout).contains("tally/Tally/t"),
        "{listed:?}"
    );
    let deleted = server.json(&["object", "delete", "tally/Tally/t"]);
    assert_eq!(deleted["state"], serde_json::Value::Null, "{deleted}");
    let no_object = server.cli(&["object", "delete", &id(0)]);
    assert_eq!(no_object.status.code(), Some(4), "{no_object:?}");
}
