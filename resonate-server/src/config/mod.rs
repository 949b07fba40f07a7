//! What a server is told before it starts: where its data lies, how long leases are, where it is reached from outside.

mod public_url;

use std::{
    fs::DirEntry,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use resonate_core::{limits, tenant::Weights};

use crate::{
    clock::Clock,
    engine::{Engine, Settings, StartError},
    limits::VERIFY_AT_START_BYTES,
    server::{OpenError, Server},
    store::{self, MemoryDisk, SqliteStore, Store},
    verify::{Source, verify},
};

pub use self::public_url::BadPublicUrl;
pub(crate) use self::public_url::PublicUrl;

/// The data folder of a server that was told nothing else.
pub const DATA_DIR: &str = ".resonate";

/// Builds a [`Server`]. Without a word about data it keeps them in [`DATA_DIR`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it is opened"]
pub struct Builder {
    place: Place,
    settings: Settings,
    clock: Clock,
    public_url: Option<String>,
    tenants: Vec<(String, u32)>,
}

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    Memory,
    Store { store: Box<dyn Store>, name: String },
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            place: Place::Folder(DATA_DIR.into()),
            settings: Settings::with_lease(limits::LEASE),
            clock: Clock::start(),
            public_url: None,
            tenants: Vec::new(),
        }
    }

    /// Keeps the data in one file in this folder, which is made if it is not there.
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.place = Place::Folder(folder.into());
        self
    }

    /// Keeps the data in memory; they are gone with the process.
    pub fn in_memory(mut self) -> Self {
        self.place = Place::Memory;
        self
    }

    /// Keeps the data in this store; `name` is what people see.
    pub fn store(mut self, store: Box<dyn Store>, name: impl Into<String>) -> Self {
        self.place = Place::Store {
            store,
            name: name.into(),
        };
        self
    }

    /// How long a worker may be silent before its tasks are taken back. It is asked for a sign of life three times in that.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// Where whoever is given the URL of a promise reaches this server, such as `https://promises.example.org`; without it,
    /// where it listens.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// How much more than others this tenant gets of what many wait for: 1 to 1000, and 1 for all that are not named. Whose
    /// a call is says its label `tenant`, or its caller's.
    pub fn tenant(mut self, tenant: impl Into<String>, weight: u32) -> Self {
        self.tenants.push((tenant.into(), weight));
        self
    }

    /// Opens the store and takes it over. Nothing is served yet.
    ///
    /// # Errors
    /// If another server has the data, a newer version wrote them, or they cannot be read.
    pub async fn open(self) -> Result<Server, OpenError> {
        // Opening reads and syncs files.
        let opened = tokio::task::spawn_blocking(move || self.open_blocking()).await;
        opened.unwrap_or_else(|_| Err(OpenError::Interrupted))
    }

    fn open_blocking(self) -> Result<Server, OpenError> {
        let public_url = self.public_url.map(PublicUrl::new).transpose()?;
        let (store, name): (Box<dyn Store>, String) = match self.place {
            Place::Folder(folder) => {
                let store = open_sound(&folder)?;
                (Box::new(store), format!("sqlite in {}", folder.display()))
            }
            Place::Memory => (Box::new(own_memory()?.open()), "memory".to_owned()),
            Place::Store { store, name } => (store, name),
        };
        let reader = store
            .reader()
            .map_err(|error| StartError::Read(error.into()))?;
        let mut engine = Engine::start(store, self.settings, self.clock.now())?;
        engine.weigh_tenants(Weights::new(self.tenants));
        Ok(Server::new(
            engine,
            reader,
            name,
            self.settings,
            self.clock,
            public_url,
        ))
    }
}

/// A disk in memory that nobody else has, nor its key.
fn own_memory() -> Result<MemoryDisk, OpenError> {
    let disk = MemoryDisk::default().in_its_own_timeline();
    disk.with_its_own_key().map_err(|source| {
        let (doing, path) = ("draw a key for", "memory".into());
        store::OpenError::Io {
            doing,
            path,
            source,
        }
        .into()
    })
}

/// The store of a folder, verified if it is small.
pub(crate) fn open_sound(folder: &Path) -> Result<SqliteStore, OpenError> {
    let store = SqliteStore::open(folder, limits::PARTS)?;
    sound_if_small(folder)?;
    Ok(store)
}

/// A small store is verified as a whole before anybody is answered from it. What rows and trees can be checked against
/// as they are loaded does not show everything: not an index that has lost an entry. A large one would take too long to
/// start; it is for `resonate verify`, beside the server.
fn sound_if_small(folder: &Path) -> Result<(), OpenError> {
    let bytes = |entry: io::Result<DirEntry>| entry.and_then(|entry| Ok(entry.metadata()?.len()));
    let all = folder
        .read_dir()
        .and_then(|entries| entries.map(bytes).sum::<io::Result<u64>>());
    if all.is_ok_and(|all| VERIFY_AT_START_BYTES < all) {
        return Ok(());
    }
    let report = verify(Source::Folder(folder))?;
    match report.problems.into_iter().next() {
        Some(problem) => Err(store::OpenError::Damaged(problem).into()),
        None => Ok(()),
    }
}
