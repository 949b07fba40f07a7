//! Layers in real processes: a caller signs its calls, every callee checks that and counts its bodies, also after kills.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use resonate::{
    layer::{Below, Body, Ended, Made, NewCall},
    prelude::*,
};
use tower_layer::layer_fn;
use tower_service::Service;

use crate::{
    effects::{self, Effects},
    harness::{Process, Server, eventually},
    worker,
};

type Ready<A> = Pin<Box<dyn Future<Output = Result<A>> + Send>>;

/// The tag that says who called.
const TOKEN: &str = "token";

/// Stands for a signature of the id.
fn token(root: &str) -> String {
    format!("signed {root}")
}

/// Around the bodies of every worker here: those of this file need a token, and are counted.
#[derive(Clone)]
pub(crate) struct Checks {
    below: Below<Body, Ended>,
    counted: Arc<Effects>,
}

impl Checks {
    pub(crate) fn new(effects: &Effects) -> impl Fn(Below<Body, Ended>) -> Self + use<> {
        let counted = Arc::new(effects.again());
        move |below| Self {
            below,
            counted: Arc::clone(&counted),
        }
    }
}

impl Service<Body> for Checks {
    type Response = Ended;
    type Error = Error;
    type Future = Ready<Ended>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.below.poll_ready(cx)
    }

    fn call(&mut self, body: Body) -> Ready<Ended> {
        if !body.function().starts_with("layers") {
            return self.below.call(body);
        }
        let root = body.id().split('.').next().unwrap_or_default();
        if body.tags().get(TOKEN) != Some(&token(root)) {
            let error = Error::terminal(format!("{} has no token", body.id()));
            return Box::pin(async move { Err(error) });
        }
        let again = if body.is_replay() { "again" } else { "first" };
        let (id, counted) = (body.id().to_owned(), Arc::clone(&self.counted));
        counted.append(format_args!("begins_{again}"), &id, 0);
        let running = self.below.call(body);
        Box::pin(async move {
            let ended = running.await?;
            counted.append(ended.state(), &id, 0);
            Ok(ended)
        })
    }
}

/// Around the calls of the client.
#[derive(Clone)]
struct Signs(Below<NewCall, Made>);

impl Service<NewCall> for Signs {
    type Response = Made;
    type Error = Error;
    type Future = Ready<Made>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut call: NewCall) -> Ready<Made> {
        let token = token(call.id());
        call.tag(TOKEN, token);
        self.0.call(call)
    }
}

#[durable(service = "layers")]
async fn near() -> Result<u64> {
    let one = far().await?;
    promise::<bool>("go").await?;
    Ok(one + 1)
}

#[durable(service = "layers_far")]
async fn far() -> Result<u64> {
    Ok(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_caller_is_checked_in_every_process_and_every_body_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let mut workers = ["layers", "layers_far"]
        .map(|service| worker::start(folder.path(), service, &server.url, service, None));
    let client = Resonate::builder().url(&server.url).serve([]);
    let client = client.client_layer(layer_fn(Signs)).start().await.unwrap();
    let calling = tokio::spawn(client.call(near().id("o")));
    eventually("it waits", || server.cli(&["get", "o.go"]).status.success());
    workers.iter_mut().for_each(Process::kill);
    server.process.kill_and_restart();
    server.is_ready();
    workers.iter_mut().for_each(Process::start_again);
    assert!(client.resolve("o.go", &true).await.unwrap());
    assert_eq!(calling.await.unwrap().unwrap(), 2);
    let counted = effects::read(folder.path());
    let of = |id: &str| -> Vec<_> {
        let own = counted.iter().filter(|effect| effect.promise == id);
        own.map(|effect| effect.what.as_str()).collect()
    };
    assert_eq!(of("o"), ["begins_first", "begins_again", "resolved"]);
    assert_eq!(of("o.far"), ["begins_first", "resolved"]);

    // The command line signs nothing.
    let args = ["call", "layers/near", "--id", "unsigned"];
    let refused = server.cli(&args);
    assert!(!refused.status.success());
    let said = [refused.stdout, refused.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.contains("unsigned has no token"), "{said}");
}
