//! A disk that is really full: nothing new is taken, what is there ends, and the server recovers by itself.

use std::time::Duration;

use resonate::prelude::*;
use serde_json::json;
use tokio::{runtime::Runtime, time::Instant};
use tonic::Code;

use crate::{
    client::Client,
    harness::{PATIENCE, Process, eventually, free_port},
    log::{Marks, Op, read},
    small::Small,
    verdict::{Acknowledged, Verdict, judge_folder, note},
};

/// Promises that exist before the disk is full, and what their values take: more than the reserve.
const PROMISES: usize = 100;
const BYTES: usize = 300_000;

#[durable(service = "gate")]
async fn pass() -> Result<u64> {
    let opened: u64 = promise::<u64>("opened").await?;
    let weighed = step(|| async { Ok::<_, Error>(1) }).await?;
    Ok(opened + weighed)
}

fn of(n: usize) -> String {
    format!("p-{n}-{BYTES}")
}

/// Creates until one is refused; the id of that one.
async fn until_refused(client: &mut Client, marks: &Marks, name: &str) -> String {
    for n in 0..20_000 {
        let id = format!("p-{name}-{n}-10");
        match client.create(marks, &id).await {
            Ok(()) => {}
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                return id;
            }
        }
    }
    panic!("a full disk takes everything");
}

/// Tries again while there is no room.
async fn in_the_end(mut what: impl AsyncFnMut() -> std::result::Result<(), tonic::Status>) {
    let begun = Instant::now();
    while let Err(status) = what().await {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(begun.elapsed() < PATIENCE, "it does not recover: {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A small disk, and what its clients have heard.
struct World {
    small: Small,
    marks: Marks,
    listen: String,
}

impl World {
    fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// The disk becomes full under a server that has work; the id of a create that was refused.
    async fn becomes_full(&self, server: &mut Process) -> String {
        let (small, marks) = (&self.small, &self.marks);
        let mut client = Client::connect(&self.url(), server)
            .await
            .expect("it serves");
        let through = Resonate::builder().url(self.url()).serve(["gate"]);
        let through = through.start().await.unwrap();
        for n in 0..PROMISES {
            client.create(marks, &of(n)).await.unwrap();
        }
        let passing = tokio::spawn(through.call(pass().id("gate")));
        eventually_is(|| async { through.find("gate.opened").await.unwrap().is_some() }).await;
        eventually("the reserve is there", || small.has_reserve());
        small.fill();

        let refused = until_refused(&mut client, marks, "first").await;
        assert!(!small.has_reserve(), "the reserve was not given up");
        let missing = client.is_pending(&refused).await.unwrap_err();
        assert_eq!(
            missing.code(),
            Code::NotFound,
            "a refused create left something behind"
        );
        assert!(client.is_pending(&of(0)).await.unwrap(), "reading goes on");
        client.create(marks, &of(0)).await.unwrap(); // it exists, so it is found and not refused
        client.cancel(marks, &of(0)).await.unwrap();
        client.settle(marks, &of(1)).await.unwrap();
        assert!(through.resolve("gate.opened", &41_u64).await.unwrap());
        assert_eq!(passing.await.unwrap().unwrap(), 42, "turns go on");
        through.shutdown().await;
        refused
    }

    /// More is settled than the reserve holds: some are refused then, and none is lost. Which ones were refused.
    async fn uses_up_the_reserve(&self, client: &mut Client) -> Vec<usize> {
        let mut refused = Vec::new();
        for n in 2..PROMISES {
            if let Err(status) = client.settle(&self.marks, &of(n)).await {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                refused.push(n);
            }
        }
        let (few, most) = (!refused.is_empty(), refused.len() < PROMISES - 2);
        assert!(
            few,
            "the reserve holds everything, so nothing is known of what comes after it"
        );
        assert!(most, "the reserve was of no use");
        refused
    }

    /// What a copy of the folder has, against what clients have heard; how many promises that are.
    fn judge(&self) -> usize {
        let (data, copy) = (self.small.data(), self.small.folder.path().join("copy"));
        assert!(
            self.small
                .run(&format!("cp -r '{}' '{}'", data.display(), copy.display()))
        );
        let mut acknowledged = Acknowledged::new();
        for op in read(&self.small.folder.path().join("recorded")) {
            if let Op::Mark(mark) = op {
                note(&mut acknowledged, &mark);
            }
        }
        assert_eq!(judge_folder(&copy, &acknowledged), Verdict::Sound);
        acknowledged.len()
    }
}

#[test]
fn a_full_disk_takes_no_new_promises_ends_those_it_has_and_recovers() {
    let Some(small) = Small::mount() else {
        return;
    };
    let marks = Marks::of(&small.folder.path().join("recorded"));
    let listen = format!("127.0.0.1:{}", free_port());
    let world = World {
        small,
        marks,
        listen,
    };
    let runtime = Runtime::new().unwrap();
    let mut server = world.small.serve("server-1", &world.listen);
    let refused = runtime.block_on(world.becomes_full(&mut server));

    // Again, for who is started on a full disk.
    server.kill();
    let mut server = world.small.serve("server-2", &world.listen);
    let (short, took) = runtime.block_on(async {
        let client = Client::connect(&world.url(), &mut server).await;
        let (mut client, marks) = (client.expect("it serves on a full disk"), &world.marks);
        assert!(!client.is_pending(&of(1)).await.unwrap());
        until_refused(&mut client, marks, "second").await;
        let short = world.uses_up_the_reserve(&mut client).await;
        world.small.empty();
        let begun = Instant::now();
        in_the_end(async || client.create(marks, &refused).await).await;
        let took = begun.elapsed();
        for n in &short {
            in_the_end(async || client.settle(marks, &of(*n)).await).await;
        }
        (short.len(), took)
    });
    eventually("the reserve is made again", || world.small.has_reserve());
    server.signal("TERM");
    assert!(server.wait().success(), "{}", server.output());
    let figures = json!({ "test": "power/full", "acknowledged": world.judge(), "lost": 0,
        "settled_from_the_reserve": PROMISES - short, "refused_beyond_it": short,
        "recovered_ms": u64::try_from(took.as_millis()).unwrap() });
    println!("{figures}");
}

async fn eventually_is<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
