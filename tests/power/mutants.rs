//! Planted bugs that the images must show: a harness that finds nothing here proves nothing elsewhere.
//!
//! A mutant is the real server on a store that is wrong, in a process of this test binary, or a system call that lies.

use std::{env, path::Path};

use resonate_core::{CapabilityKey, Part, Timeline, limits::PARTS};
use resonate_server::{
    Server, bind,
    store::{
        Batch, CommitError, Due, Floor, Found, Head, Hits, Key, Limit, LoadError, Mark, OutboxRow,
        Page, Reader, Search, SqliteStore, Store, Tree, Trim, WriteError,
    },
};

use crate::{
    images::{SHORT, Tally, seed, sweep},
    site::{Program, Site},
    workload::{End, record},
};

const MUTANT: &str = "RESONATE_POWER_MUTANT";
const LISTEN: &str = "RESONATE_POWER_LISTEN";
const DATA: &str = "RESONATE_POWER_DATA";

/// The environment and the command that run a mutant.
pub(crate) fn command(name: &str, listen: &str, data: &str) -> Vec<String> {
    let this = env::current_exe().expect("the test has a path");
    let set = [
        format!("{MUTANT}={name}"),
        format!("{LISTEN}={listen}"),
        format!("{DATA}={data}"),
    ];
    let run = [
        &this.display().to_string(),
        "mutants::entry",
        "--exact",
        "--nocapture",
    ]
    .map(str::to_owned);
    set.into_iter().chain(run).collect()
}

/// No test of its own: what [`command`] runs.
#[test]
fn entry() {
    let Ok(name) = env::var(MUTANT) else {
        return;
    };
    let mut sqlite = SqliteStore::open(Path::new(&env::var(DATA).unwrap()), PARTS).unwrap();
    let store: Box<dyn Store> = match name.as_str() {
        "none" => Box::new(sqlite),
        "normal" => {
            sqlite.trust_the_disk().unwrap();
            Box::new(sqlite)
        }
        "early" => Box::new(Early {
            sqlite,
            owed: Vec::new(),
        }),
        _ => panic!("there is no mutant {name}"),
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let server = Server::builder().store(store, name).open().await.unwrap();
        let listener = bind(&env::var(LISTEN).unwrap(), false).await.unwrap();
        server
            .serve(listener, std::future::pending())
            .await
            .unwrap();
    });
}

/// A store that says "durable" one commit too early.
#[derive(Debug)]
struct Early {
    sqlite: SqliteStore,
    owed: Vec<Batch>,
}

impl Early {
    fn pay(&mut self) {
        self.sqlite.commit(&std::mem::take(&mut self.owed)).unwrap();
    }
}

impl Reader for Early {
    fn tree(
        &mut self,
        part: Part,
        root: &str,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Option<Tree>, LoadError> {
        self.sqlite.tree(part, root, after, limit)
    }

    fn due(&mut self, due: &Due, limit: Limit) -> Result<Page<Found>, LoadError> {
        self.sqlite.due(due, limit)
    }

    fn search(&mut self, search: &Search, limit: Limit) -> Result<Hits, LoadError> {
        self.sqlite.search(search, limit)
    }

    fn outbox(
        &mut self,
        part: Part,
        after: Option<Mark>,
        limit: Limit,
    ) -> Result<Page<(Mark, OutboxRow)>, LoadError> {
        self.sqlite.outbox(part, after, limit)
    }

    fn inbox(&mut self, part: Part) -> Result<Vec<(Part, Mark)>, LoadError> {
        self.sqlite.inbox(part)
    }

    fn rows(&mut self, after: Option<Key>, limit: Limit) -> Result<Page<Found>, LoadError> {
        self.sqlite.rows(after, limit)
    }
}

impl Store for Early {
    fn take(&mut self, floors: &[Floor]) -> Result<Vec<Head>, WriteError> {
        self.sqlite.take(floors)
    }

    fn commit(&mut self, lane: &[Batch]) -> Result<(), CommitError> {
        self.pay();
        self.owed = lane.to_vec();
        Ok(())
    }

    fn trim(&mut self, what: &[Trim], limit: usize) -> Result<usize, WriteError> {
        self.pay();
        self.sqlite.trim(what, limit)
    }

    fn upkeep(&mut self) -> Result<(), WriteError> {
        self.sqlite.upkeep()
    }

    fn has_room(&mut self) -> bool {
        self.sqlite.has_room()
    }

    fn timeline(&self) -> Timeline {
        self.sqlite.timeline()
    }

    fn capability_key(&self) -> CapabilityKey {
        self.sqlite.capability_key()
    }

    fn reader(&self) -> Result<Box<dyn Reader>, LoadError> {
        self.sqlite.reader()
    }
}

/// Images of a run that is killed in the end: a clean end would make up for much.
fn images_of(mut site: Site, program: Program) -> Tally {
    let ops = record(&mut site, program, &[(SHORT, End::Killed)]);
    sweep(&ops, 48, seed())
}

#[test]
fn a_server_of_this_binary_without_a_bug_loses_nothing() {
    images_of(Site::new(), Program::Mutant("none")).expect_nothing_lost();
}

#[test]
fn a_log_that_is_not_synced_at_each_commit_is_found() {
    let tally = images_of(Site::new(), Program::Mutant("normal"));
    assert!(
        tally.lost() > 10,
        "{} of {} images",
        tally.lost(),
        tally.images
    );
}

#[test]
fn an_answer_before_its_commit_is_found() {
    let tally = images_of(Site::new(), Program::Mutant("early"));
    assert!(
        tally.lost() > 3,
        "{} of {} images",
        tally.lost(),
        tally.images
    );
}

#[test]
fn a_folder_that_is_never_synced_is_found() {
    let tally = images_of(Site::new().blind(), Program::Real);
    assert!(
        tally.lost() > 5,
        "{} of {} images",
        tally.lost(),
        tally.images
    );
}
