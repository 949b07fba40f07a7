//! The server inside of the process: on a thread of its own, so that no function of the user's keeps it from answering.

use std::{
    error, fs, io,
    path::{Path, PathBuf},
    pin::Pin,
    thread,
};

use resonate_runtime::{
    embedded::{Embedded, EmbeddedError, EmbeddedPlace, EmbeddedServer, warn},
    plumbing::inventory,
};
use resonate_server::{BindError, OpenError, Server, bind, store};
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
    sync::oneshot,
};

inventory::submit! { Embedded(start) }

/// In the data folder: where the server that has it can be reached.
const URL_FILE: &str = "url";
/// Threads that talk to clients; the engine has its own.
const THREADS: usize = 2;

/// Why a server inside of the process does not start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("another process has the folder {}; {}", folder.display(), instead(url.as_deref()))]
    Locked {
        folder: PathBuf,
        url: Option<String>,
    },
    #[error(transparent)]
    Open(OpenError),
    #[error(
        "{address} is in use; if a server listens there, use it: RESONATE_URL=http://{address}; else listen elsewhere, with \
         `.listen(\"127.0.0.1:0\")` for instance"
    )]
    InUse { address: String },
    #[error(transparent)]
    Bind(BindError),
    #[error("the system refused what a server needs: {0}")]
    System(#[from] io::Error),
    #[error("its thread ended before it was ready")]
    Interrupted,
}

fn instead(url: Option<&str>) -> String {
    match url {
        Some(url) => format!("set RESONATE_URL={url} to use its server"),
        None => "set RESONATE_URL to its URL, or use another folder".to_owned(),
    }
}

type Starting = Pin<Box<dyn Future<Output = Result<EmbeddedServer, EmbeddedError>> + Send>>;

fn start(place: EmbeddedPlace) -> Starting {
    Box::pin(async move {
        let boxed =
            |error: StartError| EmbeddedError(Box::<dyn error::Error + Send + Sync>::from(error));
        begin(place).await.map_err(boxed)
    })
}

async fn begin(place: EmbeddedPlace) -> Result<EmbeddedServer, StartError> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("resonate-server")
        .enable_all()
        .build()?;
    let (ready, opened) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let (done, ended) = oneshot::channel::<()>();
    let serving = async move {
        match open(&place).await {
            Ok((server, listener, url)) => {
                // Who asked may have given up; then `stopped` has ended too.
                let _asked = ready.send(Ok(url)).is_ok();
                serve(server, listener, stopped).await;
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    };
    thread::Builder::new()
        .name("resonate-server".to_owned())
        .spawn(move || {
            run(&runtime, serving);
            drop(done);
        })?;
    let url = opened.await.map_err(|_| StartError::Interrupted)??;
    let stop = Box::new(move || -> Pin<Box<dyn Future<Output = ()> + Send>> {
        drop(stop);
        Box::pin(async move {
            // It is dropped at the end, never sent.
            let _ended = ended.await.is_err();
        })
    });
    Ok(EmbeddedServer { url, stop })
}

fn run(runtime: &Runtime, serving: impl Future<Output = ()>) {
    runtime.block_on(serving);
}

async fn open(place: &EmbeddedPlace) -> Result<(Server, TcpListener, String), StartError> {
    let builder = match &place.data_dir {
        Some(folder) => Server::builder().data_dir(folder),
        None => Server::builder().in_memory(),
    };
    let builder = match &place.public_url {
        Some(url) => builder.public_url(url),
        None => builder,
    };
    let tenants = place.tenants.iter();
    let builder = tenants.fold(builder, |builder, (tenant, weight)| {
        builder.tenant(tenant, *weight)
    });
    let server = builder.open().await.map_err(not_opened)?;
    let listener = bind(&place.listen, false).await.map_err(not_bound)?;
    let url = format!("http://{}", listener.local_addr()?);
    if let Some(folder) = &place.data_dir {
        fs::write(folder.join(URL_FILE), &url)?;
    }
    Ok((server, listener, url))
}

async fn serve(server: Server, listener: TcpListener, stopped: oneshot::Receiver<()>) {
    let stop = async {
        // It is dropped, never sent.
        let _stopped = stopped.await.is_err();
    };
    if let Err(error) = server.serve(listener, stop).await {
        warn(format_args!(
            "the server inside of this process stopped: {error}"
        ));
    }
}

fn not_opened(error: OpenError) -> StartError {
    let OpenError::Store(store::OpenError::Locked { folder }) = error else {
        return StartError::Open(error);
    };
    let url = url_of(&folder);
    StartError::Locked { folder, url }
}

fn not_bound(error: BindError) -> StartError {
    let BindError::InUse { address } = error else {
        return StartError::Bind(error);
    };
    let address = address.to_string();
    StartError::InUse { address }
}

/// Where the server that has the folder said it can be reached.
fn url_of(folder: &Path) -> Option<String> {
    let url = fs::read_to_string(folder.join(URL_FILE)).ok()?;
    url.starts_with("http://").then_some(url)
}
