//! A server with its workers, on which one run follows the other, each with a crash of its own.

use std::{os::unix::process::ExitStatusExt, time::Duration};

use resonate::{ErrorKind, Resonate};
use resonate_runtime::testing::TurnPoint;
use tokio::{runtime::Handle, task::JoinHandle};

use super::programs::{checkout, tour};
use crate::{
    effects::{self, Effect},
    harness::{Process, Server, eventually},
    worker::{self, Crash},
};

/// How long the server believes in a worker that is dead.
const LEASE: &str = "600ms";
const SIGABRT: i32 = 6;

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Program {
    Tour,
    Shipped,
    OutOfStock,
    Declined,
}

pub(super) const PROGRAMS: [Program; 4] = [
    Program::Tour,
    Program::Shipped,
    Program::OutOfStock,
    Program::Declined,
];

/// What came of a run.
pub(super) struct Run {
    pub(super) answer: String,
    /// The worker died where it was to die.
    pub(super) has_crashed: bool,
    pub(super) effects: Vec<Effect>,
    /// The points that its first worker came to.
    pub(super) points: Vec<Crash>,
}

pub(super) struct Lane {
    folder: tempfile::TempDir,
    server: Server,
    client: Resonate,
    tokio: Handle,
    /// What the workers serve that die.
    mortal: &'static str,
    /// In which those write.
    codec: &'static str,
    _staying: Option<Process>,
}

impl Lane {
    /// With a worker that stays for the services that are named second, if any is.
    pub(super) fn start(
        (mortal, codec): (&'static str, &'static str),
        staying: &str,
        tokio: &Handle,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &["--lease", LEASE]);
        let client = Resonate::builder().url(&server.url).serve([]).start();
        let client = tokio.block_on(client).unwrap();
        let staying = (!staying.is_empty())
            .then(|| worker::start(folder.path(), "staying", &server.url, staying, None));
        Self {
            folder,
            server,
            client,
            tokio: tokio.clone(),
            mortal,
            codec,
            _staying: staying,
        }
    }

    /// Runs a program with a worker that dies at this point, and then with one that lives.
    pub(super) fn run(&self, program: Program, id: &str, crash: Option<Crash>) -> Run {
        let answer = self.call(program, id);
        let approval = self
            .tokio
            .spawn(approve(self.client.clone(), id.to_owned()));
        let mut mortal = self.worker(&format!("{id}-dies"), crash);
        eventually("the worker dies, or is done", || {
            answer.is_finished() || !mortal.is_running()
        });
        let has_crashed = !mortal.is_running();
        let _second = has_crashed.then(|| {
            assert_eq!(mortal.wait().signal(), Some(SIGABRT), "{}", mortal.output());
            self.worker(&format!("{id}-lives"), None)
        });
        eventually(&format!("{id} is answered"), || answer.is_finished());
        let answer = self.tokio.block_on(answer).unwrap();
        approval.abort();
        let below = format!("{id}.");
        let effects = effects::read(self.folder.path());
        let is_of_this =
            |effect: &Effect| effect.promise == id || effect.promise.starts_with(&below);
        Run {
            answer,
            has_crashed,
            effects: effects.into_iter().filter(is_of_this).collect(),
            points: mortal.output().lines().filter_map(point).collect(),
        }
    }

    fn worker(&self, name: &str, crash: Option<Crash>) -> Process {
        let url = &self.server.url;
        let (folder, services) = (self.folder.path(), self.mortal);
        worker::start_with(self.codec, folder, name, url, services, crash)
    }

    fn call(&self, program: Program, id: &str) -> JoinHandle<String> {
        let (client, id) = (self.client.clone(), id.to_owned());
        self.tokio.spawn(async move {
            match program {
                Program::Tour => format!("{:?}", client.call(tour(21).id(id)).await),
                Program::Shipped => answer(&client, &id, 20, &[1, 2, 3]).await,
                Program::OutOfStock => answer(&client, &id, 20, &[1, 0]).await,
                Program::Declined => answer(&client, &id, 13, &[1]).await,
            }
        })
    }
}

async fn answer(client: &Resonate, id: &str, cents: u64, items: &[u64]) -> String {
    let answer = client.call(checkout(cents, items.to_vec()).id(id)).await;
    format!("{answer:?}")
}

/// Plays the person who is waited for.
async fn approve(client: Resonate, id: String) {
    let approval = format!("{id}.approval");
    while let Err(error) = client.resolve(&approval, &true).await {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:#}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A point, if a worker printed one here: libtest may have begun the line.
fn point(line: &str) -> Option<Crash> {
    let at = |name: &str| line.find(name).map(|at| &line[at + name.len()..]);
    let nth = |text: &str| text.trim().parse().expect("points are counted");
    let unsent = at("Unsent ").map(|text| (TurnPoint::Unsent, nth(text)));
    unsent.or_else(|| at("Answered ").map(|text| (TurnPoint::Answered, nth(text))))
}
