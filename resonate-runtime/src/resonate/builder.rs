//! What a `Resonate` is told before it starts.

use std::{env, path::PathBuf, process, sync::Arc, time::Duration};

use resonate_core::SessionId;
use tokio::{runtime::Handle, time::timeout};

use super::{
    Process, Resonate, StartError,
    embedded::{Embedded, EmbeddedPlace, EmbeddedServer},
    planned::Planned,
    process::Parts,
};
use crate::{
    Error, Replays, Retry, ambient,
    client::{Client, Grpc, IoThread, Reachability, SharedServer},
    clock::Clock,
    codec::{Codec, Codecs},
    history, inspect, limits,
    registry::Registry,
    settings::{Settings, StateMap, Urls},
    testing::{Stage, TurnPoint, gate, stage},
    worker::{self, About, State, WorkerHandle},
};

/// Where other processes look for a server that was started by nobody in particular.
const LISTEN: &str = "127.0.0.1:8001";
/// Any free port.
const ANYWHERE: &str = "127.0.0.1:0";
/// Where a server inside of the process keeps its data if nothing was said.
const DATA_DIR: &str = "./.resonate";
/// The environment variable that names the server.
const URL: &str = "RESONATE_URL";

/// What a [`Resonate`] is told before it starts.
///
/// With a URL, from [`url`](Self::url) or the environment variable `RESONATE_URL`, it uses the server there. Without one
/// it runs a server inside of this process, on the folder `./.resonate`, listening on 127.0.0.1:8001.
#[derive(Default)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    url: Option<String>,
    data_dir: Option<PathBuf>,
    in_memory: bool,
    listen: Option<String>,
    public_url: Option<String>,
    serve: Option<Vec<String>>,
    concurrency: Option<usize>,
    codecs: Vec<Arc<dyn Codec>>,
    readers: Vec<Arc<dyn Codec>>,
    state: StateMap,
    name: Option<String>,
    retry: Option<Retry>,
    grace: Option<Duration>,
    on_turn: Option<fn(TurnPoint)>,
    registry: Option<Registry>,
    stage: Option<Stage>,
    server: Option<SharedServer>,
}

impl Builder {
    /// The server to use, such as `http://127.0.0.1:8001`.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Runs a server inside of this process that keeps its data in this folder.
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// Runs a server inside of this process that keeps nothing, on any free port: for tests.
    pub fn in_memory(mut self) -> Self {
        self.in_memory = true;
        self
    }

    /// Where a server inside of this process listens, such as `127.0.0.1:8001`; port 0 is any free one.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = Some(address.into());
        self
    }

    /// Where whoever is given the [URL of a promise](crate::Promise::url) reaches a server inside of this process, such as
    /// `https://promises.example.org`; without it, where it listens.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// The services that this process executes; without it, every one that has a function with a body here. With an empty
    /// list it only calls.
    pub fn serve<'a>(mut self, services: impl IntoIterator<Item = &'a str>) -> Self {
        self.serve = Some(services.into_iter().map(str::to_owned).collect());
        self
    }

    /// How many executions run at once; those that wait do not count.
    pub fn concurrency(mut self, executions: usize) -> Self {
        self.concurrency = Some(executions.max(1));
        self
    }

    /// How arguments and results are written here. JSON and bincode are read in any case.
    pub fn codec(mut self, codec: impl Codec) -> Self {
        self.codecs = vec![Arc::new(codec)];
        self
    }

    /// One more codec that is understood here, and can be named by a function.
    pub fn reads(mut self, codec: impl Codec) -> Self {
        self.readers.push(Arc::new(codec));
        self
    }

    /// Provides a value to the functions of this process, one per type: a pool, a client.
    pub fn provide<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.state.insert(value);
        self
    }

    /// What people see of this process; without it, the program's name and its process id.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// When failed attempts of functions are tried again that say nothing about it.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// How long [`Resonate::shutdown`] lets executions run; 30 s without it.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Calls this around every turn of this process's worker, on the thread that carries them: for tests that end the
    /// process there.
    #[doc(hidden)]
    pub fn on_turn(mut self, call: fn(TurnPoint)) -> Self {
        self.on_turn = Some(call);
        self
    }

    /// Starts it: registers every durable function that is linked into this program, and serves.
    ///
    /// A server that is not there is no error: that is said at once, and tried again until it is.
    ///
    /// # Errors
    /// What would never get better by itself: see [`StartError`].
    pub async fn start(mut self) -> Result<Resonate, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let registry = match (self.registry.take(), &self.stage) {
            (Some(registry), _) => registry,
            (None, Some(_)) => stage::registry()?,
            (None, None) => Registry::linked()?,
        };
        let services = services(self.serve.take(), &registry)?;
        let planned = Planned::of(&registry, &services)?;
        // Tests bring a server of their own, and are asked for nothing.
        let is_program = self.server.is_none();
        let settings = Arc::new(self.settings());
        if is_program {
            Box::pin(inspect::answer(&registry, &services, &settings)).await;
        }
        let io = if gate::is_simulated() {
            IoThread::none()
        } else {
            IoThread::start().map_err(StartError::Thread)?
        };
        let (server, embedded) = self.server(&io).await?;
        let reach = Arc::new(Reachability::default());
        let clock = Arc::new(Clock::default());
        let client = Client::new(Arc::clone(&server), Arc::clone(&reach), io.handle().clone());
        let worker = if services.is_empty() {
            client.look_for_server();
            None
        } else {
            let about = self.about(&registry, services);
            let settings_of_calls = Arc::clone(&settings);
            let (settings, clock) = (Arc::clone(&settings), Arc::clone(&clock));
            let begin = worker::execution::start;
            let start = worker::Start {
                server: Arc::clone(&server),
                reach,
                clock,
                settings,
                about,
                registry,
                runtime,
                begin,
            };
            let worker = registered(worker::start(start, io.handle()), server.url()).await?;
            planned
                .create(&client, &settings_of_calls, io.handle())
                .await?;
            Some(worker)
        };
        let url = server.url().to_owned();
        let grace = self.grace.unwrap_or(limits::GRACE);
        let process = Arc::new(Process::new(Parts {
            client,
            settings,
            clock,
            url,
            grace,
            worker,
            embedded,
            io,
        }));
        ambient::started(&process);
        Ok(Resonate::new(process))
    }

    /// Replays a history over the functions of this program. Nothing is started and nobody is asked.
    #[doc(hidden)]
    pub async fn replay(mut self, history: &str) -> crate::Result<Replays> {
        let settings = Arc::new(self.settings());
        let registry = Registry::linked().map_err(Error::terminal)?;
        let replays = history::replay(history, &registry, &settings).await;
        replays.map_err(Error::terminal)
    }

    /// The server to use, and the one inside of this process if that is it.
    async fn server(
        &mut self,
        io: &IoThread,
    ) -> Result<(SharedServer, Option<EmbeddedServer>), StartError> {
        if let Some(server) = self.server.take() {
            return Ok((server, None));
        }
        let embedded = match self.place()? {
            Place::Url(url) => return Ok((connect(&url, io)?, None)),
            Place::Inside(place) => embed(place).await?,
        };
        Ok((connect(&embedded.url, io)?, Some(embedded)))
    }

    fn place(&self) -> Result<Place, StartError> {
        let inside = [
            (self.in_memory, ".in_memory()"),
            (self.data_dir.is_some(), ".data_dir(..)"),
            (self.listen.is_some(), ".listen(..)"),
            (self.public_url.is_some(), ".public_url(..)"),
        ];
        let inside = inside.into_iter().find_map(|(is, what)| is.then_some(what));
        match (&self.url, inside) {
            (Some(_), Some(what)) => Err(StartError::TwoServers { what }),
            (Some(url), None) => Ok(Place::Url(url.clone())),
            (None, Some(_)) => Ok(Place::Inside(self.inside())),
            (None, None) => {
                let named = env::var(URL).ok().filter(|url| !url.is_empty());
                Ok(named.map_or_else(|| Place::Inside(self.inside()), Place::Url))
            }
        }
    }

    fn inside(&self) -> EmbeddedPlace {
        let (data_dir, listen) = if self.in_memory {
            (None, ANYWHERE)
        } else {
            (
                Some(self.data_dir.clone().unwrap_or_else(|| DATA_DIR.into())),
                LISTEN,
            )
        };
        EmbeddedPlace {
            data_dir,
            listen: self.listen.clone().unwrap_or_else(|| listen.to_owned()),
            public_url: self.public_url.clone(),
        }
    }

    fn settings(&mut self) -> Settings {
        let codecs = std::mem::take(&mut self.codecs);
        Settings {
            codecs: Codecs::new(codecs, std::mem::take(&mut self.readers)),
            retry: self.retry.clone().unwrap_or_default().policy(),
            state: std::mem::take(&mut self.state),
            stage: self.stage.take(),
            on_turn: self.on_turn,
            urls: Urls::default(),
        }
    }

    fn about(&mut self, registry: &Registry, services: Vec<String>) -> About {
        let retry = self.retry.as_ref().map(Retry::policy);
        About {
            session: SessionId(fastrand::u128(..)),
            name: self.name.take().unwrap_or_else(default_name),
            functions: About::functions(registry, &services, retry),
            services,
            capacity: self.concurrency.unwrap_or(limits::CONCURRENCY),
            timeline: None,
        }
    }

    /// A test's server.
    pub(crate) fn through(mut self, server: SharedServer) -> Self {
        self.server = Some(server);
        self
    }

    /// What a test puts in place of functions.
    pub(crate) fn on(mut self, stage: Stage) -> Self {
        self.stage = Some(stage);
        self
    }

    /// A test's server and functions.
    #[cfg(test)]
    pub(crate) fn with(mut self, server: SharedServer, registry: Registry) -> Self {
        self.server = Some(server);
        self.registry = Some(registry);
        self
    }
}

enum Place {
    Url(String),
    Inside(EmbeddedPlace),
}

fn services(wanted: Option<Vec<String>>, registry: &Registry) -> Result<Vec<String>, StartError> {
    let known = registry.services();
    let Some(mut wanted) = wanted else {
        return Ok(known);
    };
    wanted.sort();
    wanted.dedup();
    if let Some(service) = wanted.iter().find(|service| !known.contains(service)) {
        let known = if known.is_empty() {
            "there is none".to_owned()
        } else {
            format!("there is {}", known.join(", "))
        };
        return Err(StartError::UnknownService {
            service: service.clone(),
            known,
        });
    }
    Ok(wanted)
}

fn connect(url: &str, io: &IoThread) -> Result<SharedServer, StartError> {
    // Connections are driven by the runtime in which they are made.
    let _io = io.handle().enter();
    Ok(Arc::new(Grpc::new(url)?))
}

async fn embed(place: EmbeddedPlace) -> Result<EmbeddedServer, StartError> {
    let Some(Embedded(start)) = inventory::iter::<Embedded>().next() else {
        return Err(StartError::NoServer);
    };
    start(place)
        .await
        .map_err(|error| StartError::Embedded(error.0))
}

/// Waits until the worker is registered, or its first try has failed.
async fn registered(mut worker: WorkerHandle, url: &str) -> Result<WorkerHandle, StartError> {
    let tried = timeout(
        limits::FIRST_LOOK,
        worker.state.wait_for(|state| *state != State::Connecting),
    )
    .await;
    let state = tried.map(|state| state.map(|state| state.clone()));
    match state.unwrap_or(Ok(State::Connecting)) {
        Ok(State::Refused { kind, message }) => Err(StartError::Refused {
            url: url.to_owned(),
            kind,
            message,
        }),
        Ok(State::Connecting | State::Unreachable | State::Serving | State::Left) | Err(_) => {
            Ok(worker)
        }
    }
}

fn default_name() -> String {
    let program = env::current_exe().ok();
    let program = program
        .as_deref()
        .and_then(|path| path.file_stem())
        .map(|name| name.to_string_lossy().into_owned());
    format!(
        "{}-{}",
        program.unwrap_or_else(|| "resonate".to_owned()),
        process::id()
    )
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("url", &self.url)
            .field("serve", &self.serve)
            .finish_non_exhaustive()
    }
}
