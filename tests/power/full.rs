//! A disk that is really full: a file system of a fixed size, in a mount namespace of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use resonate::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tonic::Code;

use crate::{
    client::Client,
    harness::{PATIENCE, Process, eventually, free_port, pause, resonate},
    log::{Marks, Op, read},
    site::fast_folder,
    verdict::{Acknowledged, Verdict, judge_folder, note},
};

const SIZE: &str = "size=56m";
/// Promises that exist before the disk is full, and what their values take: more than the reserve.
const PROMISES: usize = 100;
const BYTES: usize = 300_000;

/// A small disk. It goes away with the process that holds its namespace.
struct Small {
    folder: TempDir,
    holder: Child,
}

impl Small {
    /// None where nobody may mount, and then it says so.
    fn mount() -> Option<Self> {
        let folder = fast_folder();
        let (disk, ready) = (folder.path().join("disk"), folder.path().join("ready"));
        fs::create_dir(&disk).unwrap();
        let hold = format!(
            "mount -t tmpfs -o {SIZE} small '{}' && : > '{}' && exec sleep 3600",
            disk.display(),
            ready.display()
        );
        let held = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", &hold])
            .stdin(Stdio::null())
            .spawn();
        let Ok(holder) = held else {
            println!("skipped: there is no unshare");
            return None;
        };
        let mut small = Self { folder, holder };
        while !ready.exists() {
            if small.holder.try_wait().unwrap().is_some() {
                println!("skipped: a file system of a fixed size may not be mounted here");
                return None;
            }
            pause(Duration::from_millis(5));
        }
        Some(small)
    }

    fn disk(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn data(&self) -> PathBuf {
        self.disk().join("data")
    }

    /// The arguments of `nsenter` that run a command where the disk is.
    fn inside(&self, command: &[&str]) -> Vec<String> {
        let holder = self.holder.id().to_string();
        let enter = [
            "--target",
            &holder,
            "--user",
            "--mount",
            "--preserve-credentials",
            "--",
        ];
        enter
            .iter()
            .chain(command)
            .map(ToString::to_string)
            .collect()
    }

    fn run(&self, command: &str) -> bool {
        let mut enter = Command::new("nsenter");
        enter
            .args(self.inside(&["sh", "-c", command]))
            .stderr(Stdio::null());
        enter.status().unwrap().success()
    }

    fn fill(&self) {
        assert!(
            !self.run(&format!(
                "cat /dev/zero > '{}/filler'",
                self.disk().display()
            )),
            "the disk is never full"
        );
    }

    fn empty(&self) {
        assert!(self.run(&format!("rm '{}/filler'", self.disk().display())));
    }

    fn has_reserve(&self) -> bool {
        self.run(&format!(
            "test -e '{}/resonate.reserve'",
            self.data().display()
        ))
    }

    fn serve(&self, name: &str, listen: &str) -> Process {
        let (program, data) = (
            resonate().display().to_string(),
            self.data().display().to_string(),
        );
        let args = self.inside(&[&program, "serve", "--listen", listen, "--data-dir", &data]);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        Process::start(self.folder.path(), name, Path::new("nsenter"), &args)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ended = self.holder.kill();
        let _waited = self.holder.wait();
    }
}

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

/// Tries again while there is no room; how often there was none.
async fn in_the_end(
    mut what: impl AsyncFnMut() -> std::result::Result<(), tonic::Status>,
) -> usize {
    let (begun, mut refused) = (tokio::time::Instant::now(), 0);
    while let Err(status) = what().await {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(begun.elapsed() < PATIENCE, "it does not recover: {status}");
        refused += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    refused
}

#[test]
fn a_full_disk_takes_no_new_promises_ends_those_it_has_and_recovers() {
    let Some(small) = Small::mount() else {
        return;
    };
    let log = small.folder.path().join("recorded");
    let (marks, runtime) = (Marks::of(&log), Runtime::new().unwrap());
    let listen = format!("127.0.0.1:{}", free_port());
    let url = format!("http://{listen}");
    let mut server = small.serve("server-1", &listen);
    let refused = runtime.block_on(async {
        let mut client = Client::connect(&url, &mut server).await.expect("it serves");
        let through = Resonate::builder()
            .url(&url)
            .serve(["gate"])
            .start()
            .await
            .unwrap();
        for n in 0..PROMISES {
            client.create(&marks, &of(n)).await.unwrap();
        }
        let passing = tokio::spawn(through.call(pass().id("gate")));
        eventually_is(|| async { through.find("gate.opened").await.unwrap().is_some() }).await;
        eventually("the reserve is there", || small.has_reserve());
        small.fill();

        let refused = until_refused(&mut client, &marks, "first").await;
        assert!(!small.has_reserve(), "the reserve was not given up");
        let missing = client.is_pending(&refused).await.unwrap_err();
        assert_eq!(
            missing.code(),
            Code::NotFound,
            "a refused create left something behind"
        );
        assert!(client.is_pending(&of(0)).await.unwrap(), "reading goes on");
        client.create(&marks, &of(0)).await.unwrap(); // it exists, so it is found and not refused
        client.cancel(&marks, &of(0)).await.unwrap();
        client.settle(&marks, &of(1)).await.unwrap();
        assert!(through.resolve("gate.opened", &41_u64).await.unwrap());
        assert_eq!(passing.await.unwrap().unwrap(), 42, "turns go on");
        through.shutdown().await;
        refused
    });

    // The same again for who is started on a full disk.
    server.kill();
    let mut server = small.serve("server-2", &listen);
    let (short, took) = runtime.block_on(async {
        let mut client = Client::connect(&url, &mut server)
            .await
            .expect("it serves on a full disk");
        assert!(!client.is_pending(&of(1)).await.unwrap());
        until_refused(&mut client, &marks, "second").await;
        // More than the reserve holds: some are refused now, and none is lost.
        let mut short = Vec::new();
        for n in 2..PROMISES {
            if let Err(status) = client.settle(&marks, &of(n)).await {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                short.push(n);
            }
        }
        assert!(
            !short.is_empty(),
            "the reserve holds everything, so nothing is known of what comes after it"
        );
        assert!(short.len() < PROMISES - 2, "the reserve was of no use");
        small.empty();
        let begun = tokio::time::Instant::now();
        in_the_end(async || client.create(&marks, &refused).await).await;
        let took = begun.elapsed();
        for n in &short {
            in_the_end(async || client.settle(&marks, &of(*n)).await).await;
        }
        (short.len(), took)
    });
    eventually("the reserve is made again", || small.has_reserve());
    server.signal("TERM");
    assert!(server.wait().success(), "{}", server.output());

    let copy = small.folder.path().join("copy");
    assert!(small.run(&format!(
        "cp -r '{}' '{}'",
        small.data().display(),
        copy.display()
    )));
    let mut acknowledged = Acknowledged::new();
    for op in read(&log) {
        if let Op::Mark(mark) = op {
            note(&mut acknowledged, &mark);
        }
    }
    assert_eq!(judge_folder(&copy, &acknowledged), Verdict::Sound);
    let figures = json!({ "test": "full", "acknowledged": acknowledged.len(), "lost": 0,
        "settled_from_the_reserve": PROMISES - short, "refused_beyond_it": short,
        "recovered_ms": u64::try_from(took.as_millis()).unwrap() });
    println!("{figures}");
}

async fn eventually_is<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    let begun = tokio::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
