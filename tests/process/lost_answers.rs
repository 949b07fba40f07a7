//! Every request is repeated when its answer was lost, and the state is as if it had not been.

use resonate::{Search, prelude::*};
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::{
    checkout::Checkout,
    effects::{self, effect},
    harness::{Process, Server, eventually},
    proxy::Proxy,
    worker,
};

/// The answers that are lost among those of a checkout: many, but a worker gets on.
const EVERY: usize = 11;
/// Frames of an answer: its head, its message, its end.
const FRAMES: usize = 3;
/// Those without which there is no answer.
const PARTS: [usize; 2] = [1, 2];

#[test]
fn orders_go_on_although_answers_get_lost() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let proxy = Proxy::start(&server.url, EVERY);
    let checkout = Checkout::new(folder.path(), &proxy.url, 60);
    let _payments = checkout.start("payments", &["payments"]);
    let _warehouse = checkout.start("warehouse", &["warehouse"]);
    let mut shop = checkout.start("shop", &["shop", "--pace", "20"]);
    checkout.expect_once(&mut shop);
    println!("{} answers were lost", proxy.lost());
    assert!(
        proxy.lost() >= 30,
        "only {} answers were lost",
        proxy.lost()
    );
}

#[durable(service = "vote")]
async fn vote(question: &str) -> Result<String> {
    let vote = promise::<String>("vote").await;
    effect(question);
    Ok(vote.unwrap_or_else(|error| format!("{:?}", error.kind())))
}

/// A client that can be made deaf for an answer, one that hears everything, and a worker for [`vote`].
struct Clients {
    folder: tempfile::TempDir,
    tokio: Runtime,
    proxy: Proxy,
    deaf: Resonate,
    direct: Resonate,
    _worker: Process,
    _server: Server,
}

impl Clients {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &[]);
        let proxy = Proxy::start(&server.url, 0);
        let tokio = Runtime::new().unwrap();
        let client = |url: &str| {
            let client = Resonate::builder().url(url).serve([]).start();
            tokio.block_on(client).unwrap()
        };
        let (deaf, direct) = (client(&proxy.url), client(&server.url));
        // What a client asks first is whether its server is there.
        eventually("the client is at rest", || proxy.seen() == FRAMES);
        let worker = worker::start(folder.path(), "worker", &server.url, "vote", None);
        Self {
            folder,
            tokio,
            proxy,
            deaf,
            direct,
            _worker: worker,
            _server: server,
        }
    }

    /// Asks with this part of the answer lost, and gives the answer of the repetition.
    fn ask<T>(&self, part: usize, request: impl Future<Output = Result<T>>) -> T {
        let lost = self.proxy.lost();
        self.proxy.lose(part);
        let answer = self.tokio.block_on(request).unwrap();
        assert_eq!(self.proxy.lost(), lost + 1, "no answer was lost");
        answer
    }

    /// Asks the client that hears everything.
    fn see<T>(&self, request: impl Future<Output = Result<T>>) -> T {
        self.tokio.block_on(request).unwrap()
    }

    /// A vote that waits for its value.
    fn open(&self, id: &str) -> JoinHandle<Result<String>> {
        let call = self.tokio.spawn(self.direct.call(vote(id).id(id)));
        self.wait_for_question(id);
        call
    }

    fn wait_for_question(&self, id: &str) {
        let question = format!("{id}.vote");
        eventually("the vote is open", || {
            self.see(self.direct.find(&question)).is_some()
        });
    }

    /// Every promise of this tree with its state and when it came to it.
    fn states(&self, id: &str) -> Vec<String> {
        let tree = self.see(self.direct.tree(id));
        let states = tree.iter().map(|found| {
            let (id, state, at) = (found.id(), found.state(), found.settled_at());
            format!("{id} {state} {at:?}")
        });
        states.collect()
    }

    /// How often the vote came to its end.
    fn ends(&self, id: &str) -> usize {
        let effects = effects::read(self.folder.path());
        effects.iter().filter(|effect| effect.what == id).count()
    }
}

#[test]
fn a_call_is_created_and_answered_once_although_both_answers_get_lost() {
    let clients = Clients::start();
    for part in PARTS {
        let id = format!("call-{part}");
        clients.proxy.lose(part);
        let call = clients.deaf.call(vote(&id).id(&id));
        let call = clients.tokio.spawn(call);
        clients.wait_for_question(&id);
        eventually("the answer is lost", || clients.proxy.is_done());
        // Its next answer is that of the stream on which the client waits.
        clients.proxy.lose(1);
        clients.see(clients.direct.resolve(format!("{id}.vote"), "yes"));
        let answer = clients.tokio.block_on(call).unwrap().unwrap();
        assert_eq!((answer.as_str(), clients.ends(&id)), ("yes", 1));
        let roots = Search::new().prefix(&id).roots();
        assert_eq!(clients.see(clients.direct.search(roots)).len(), 1);
    }
    assert_eq!(clients.proxy.lost(), 2 * PARTS.len());
}

#[test]
fn a_promise_is_settled_once_although_the_answer_gets_lost() {
    let clients = Clients::start();
    for part in PARTS {
        for (verb, answer) in [("resolve", "yes"), ("reject", "Failed")] {
            let id = format!("{verb}-{part}");
            let (call, question) = (clients.open(&id), format!("{id}.vote"));
            let (deaf, direct) = (&clients.deaf, &clients.direct);
            let (is_first, is_again) = if verb == "resolve" {
                let is_first = clients.ask(part, deaf.resolve(&question, "yes"));
                (is_first, clients.see(direct.resolve(&question, "yes")))
            } else {
                let is_first = clients.ask(part, deaf.reject(&question, "no"));
                (is_first, clients.see(direct.reject(&question, "no")))
            };
            assert!(
                is_first,
                "{id}: its request made the difference, whoever heard of it"
            );
            assert!(
                !is_again,
                "{id}: another request says the same, and changed nothing"
            );
            let heard = clients.tokio.block_on(call).unwrap().unwrap();
            assert_eq!((heard.as_str(), clients.ends(&id)), (answer, 1), "{id}");
            let states = clients.states(&id);
            assert!(!clients.see(clients.deaf.resolve(&question, "late")));
            assert_eq!(clients.states(&id), states);
        }
    }
}

#[test]
fn a_tree_is_canceled_once_although_the_answer_gets_lost() {
    let clients = Clients::start();
    for part in PARTS {
        let id = format!("cancel-{part}");
        let call = clients.open(&id);
        let is_first = clients.ask(part, clients.deaf.cancel(&id, "nobody votes"));
        assert!(is_first, "its request made the difference");
        let error = clients.tokio.block_on(call).unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Canceled);
        assert!(format!("{error:#}").contains("nobody votes"), "{error:#}");
        let states = clients.states(&id);
        let canceled = states.iter().filter(|state| state.contains(" canceled "));
        assert_eq!((canceled.count(), states.len()), (2, 2), "{states:?}");
        assert!(!clients.ask(part, clients.deaf.cancel(&id, "once more")));
        assert_eq!(clients.states(&id), states);
        assert_eq!(clients.ends(&id), 0, "no code of a canceled function runs");
    }
}

#[test]
fn who_looks_sees_the_same_although_the_answer_gets_lost() {
    let clients = Clients::start();
    let _call = clients.open("look");
    for part in PARTS {
        let found = clients.ask(part, clients.deaf.find("look.vote"));
        assert_eq!(found.unwrap().state(), "pending");
        let tree = clients.ask(part, clients.deaf.tree("look"));
        assert_eq!(tree.len(), 2);
        let found = clients.ask(part, clients.deaf.search(Search::new().prefix("look")));
        assert_eq!(found.len(), 2);
    }
}
