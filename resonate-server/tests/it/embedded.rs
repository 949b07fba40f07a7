//! The server in this process, over loopback: every service once, end to end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use resonate_core::{Call, Create, End, NewPromise, Payload, RetryPolicy, Timestamp, limits};
use resonate_proto::{
    client::{Page, PromiseReply, Watch},
    convert::status,
    rpc::ClientCaller,
    stream::{FromWorker, PROTOCOL, ToWorker},
    v1,
};
use tonic::{Code, transport::Channel};

use crate::{
    served::Served,
    worker::{Worker, hello, id, message, value, version},
};

fn create(id_: &str, function: &str, arguments: &str) -> v1::CreateRequest {
    let call = Call {
        address: function.parse().unwrap(),
        signature: 0,
        param: Payload::json(arguments.to_owned()),
        retry: Some(RetryPolicy::DEFAULT),
        priority: None,
        start_at: Timestamp::ZERO,
        access: None,
    };
    let promise = NewPromise {
        id: id(id_),
        call: Some(Arc::new(call)),
        timeout_at: Timestamp::NEVER,
        labels: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    (&Create {
        promise,
        any: false,
    })
        .into()
}

async fn state(client: &mut ClientCaller<Channel>, id_: &str) -> &'static str {
    let reply = client
        .get(v1::GetRequest::from(&id(id_)))
        .await
        .unwrap()
        .into_inner();
    PromiseReply::try_from(reply)
        .unwrap()
        .record
        .promise
        .state_name()
}

#[tokio::test]
async fn a_call_is_dispatched_fulfilled_and_watched() {
    let served = Served::in_memory().await;
    let mut client = served.client().await;
    let mut worker = Worker::connect(&served, hello(1, &["s/f"])).await;
    assert!(
        matches!(worker.hear().await, Ok(Some(ToWorker::Welcome(welcome))) if welcome.protocol == PROTOCOL)
    );

    client.create(create("a", "s/f", "[1]")).await.unwrap();
    let watch = v1::WatchRequest::from(&Watch { ids: vec![id("a")] });
    let mut watched = client.watch(watch).await.unwrap().into_inner();
    let dispatch = worker.dispatch().await;
    let acknowledge = FromWorker::Acknowledge {
        task: id("a"),
        version: version(&dispatch),
    };
    worker.say(acknowledge).await;
    worker
        .turn(&dispatch, 1, Vec::new(), End::Fulfill(value("7")))
        .await;

    let settled = PromiseReply::try_from(watched.message().await.unwrap().unwrap()).unwrap();
    assert_eq!(settled.record.promise.state_name(), "resolved");
    assert_eq!(
        watched.message().await.unwrap(),
        None,
        "the watch ends with the last of its promises"
    );
    assert!(
        matches!(worker.hear().await, Ok(Some(ToWorker::TurnAnswer(answer))) if answer.answer.is_ok())
    );
    served.stop().await;
}

#[tokio::test]
async fn a_refusal_travels_as_a_status_and_comes_back_whole() {
    let served = Served::in_memory().await;
    let mut client = served.client().await;
    client.create(create("a", "s/f", "[1]")).await.unwrap();
    let refused = client.create(create("a", "s/g", "[1]")).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    let refusal = status::from_status(&refused).unwrap().unwrap();
    assert_eq!(
        refusal.to_string(),
        "the id `a` belongs to s/f@1 already, this is s/g@1; choose another id"
    );
    let missing = client
        .get(v1::GetRequest::from(&id("b")))
        .await
        .unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let bad = client
        .get(v1::GetRequest {
            id: "a\nb".to_owned(),
        })
        .await
        .unwrap_err();
    assert_eq!(bad.code(), Code::InvalidArgument);
    served.stop().await;
}

#[tokio::test]
async fn arguments_up_to_the_limit_pass_and_one_byte_more_is_refused_with_the_name() {
    let served = Served::in_memory().await;
    let mut client = served.client().await;
    let arguments = "x".repeat(limits::PAYLOAD_BYTES);
    client
        .create(create("fits", "s/f", &arguments))
        .await
        .unwrap();
    let refused = client
        .create(create("too-large", "s/f", &format!("{arguments}x")))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(
        refused.message().contains("`too-large`") && refused.message().contains("1048577"),
        "{}",
        refused.message()
    );
    let mut worker = Worker::connect(&served, hello(1, &["s/f"])).await;
    assert_eq!(
        worker
            .dispatch()
            .await
            .record
            .promise
            .call()
            .unwrap()
            .param
            .data
            .len(),
        limits::PAYLOAD_BYTES
    );
    served.stop().await;
}

#[tokio::test]
async fn lists_and_trees_show_what_is_committed_page_by_page() {
    let served = Served::in_memory().await;
    let mut client = served.client().await;
    for n in 0..5 {
        client
            .create(create(&format!("order-{n}"), "s/f", "[]"))
            .await
            .unwrap();
    }
    client
        .cancel(v1::CancelRequest {
            id: "order-3".to_owned(),
            ..v1::CancelRequest::default()
        })
        .await
        .unwrap();
    let mut search = v1::SearchRequest {
        prefix: "order-".to_owned(),
        state: "pending".to_owned(),
        limit: 2,
        ..Default::default()
    };
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let page =
            Page::try_from(client.search(search.clone()).await.unwrap().into_inner()).unwrap();
        found.extend(
            page.records
                .iter()
                .map(|record| record.promise.id.to_string()),
        );
        pages += 1;
        if page.cursor.is_empty() {
            break;
        }
        search.cursor = page.cursor;
    }
    found.sort();
    assert_eq!(found, ["order-0", "order-1", "order-2", "order-4"]);
    assert!(pages > 1, "{pages}");
    let tree = client
        .tree(v1::TreeRequest {
            id: "order-3".to_owned(),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        Page::try_from(tree).unwrap().records[0]
            .promise
            .state_name(),
        "canceled"
    );
    let missing = client
        .tree(v1::TreeRequest {
            id: "none".to_owned(),
            ..Default::default()
        })
        .await
        .unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let cursor = client
        .search(v1::SearchRequest {
            cursor: "x".to_owned(),
            ..Default::default()
        })
        .await
        .unwrap_err();
    assert_eq!(cursor.code(), Code::InvalidArgument);
    served.stop().await;
}

#[tokio::test]
async fn a_promise_without_a_caller_is_listed_as_a_root_whatever_its_id() {
    let served = Served::in_memory().await;
    let mut client = served.client().await;
    for id in ["user:42", "user:43", "user"] {
        client.create(create(id, "s/f", "[]")).await.unwrap();
    }
    let roots = client
        .search(v1::SearchRequest {
            roots_only: true,
            limit: 3,
            ..Default::default()
        })
        .await
        .unwrap();
    let page = Page::try_from(roots.into_inner()).unwrap();
    let mut found: Vec<_> = page
        .records
        .iter()
        .map(|record| record.promise.id.to_string())
        .collect();
    found.sort();
    assert_eq!(found, ["user", "user:42", "user:43"]);
    assert_eq!(page.cursor, "");
    served.stop().await;
}

#[tokio::test]
async fn workers_functions_and_figures_can_be_asked_for() {
    let served = Served::in_memory().await;
    let mut client = served.client().await;
    let mut worker = Worker::connect(&served, hello(1, &["s/f"])).await;
    worker.hear().await.unwrap();
    let workers = client
        .workers(v1::WorkersRequest {})
        .await
        .unwrap()
        .into_inner()
        .workers;
    assert_eq!(workers[0].name, "by-hand");
    assert!(
        workers[0].address.starts_with("127.0.0.1:"),
        "{}",
        workers[0].address
    );
    let functions = client
        .functions(v1::FunctionsRequest {})
        .await
        .unwrap()
        .into_inner()
        .functions;
    assert_eq!(functions.len(), 1);
    let info = client.info(v1::InfoRequest {}).await.unwrap().into_inner();
    assert_eq!(
        (info.store.as_str(), info.partitions),
        ("memory", u32::from(limits::PARTS))
    );
    served.stop().await;
}

#[tokio::test]
async fn a_stream_that_does_not_begin_with_a_hello_is_refused() {
    let served = Served::in_memory().await;
    let (out, messages) = tokio::sync::mpsc::channel(1);
    out.send(message(FromWorker::Drain)).await.unwrap();
    let reply = served
        .worker()
        .await
        .work(tokio_stream::wrappers::ReceiverStream::new(messages))
        .await;
    let refused = match reply {
        Ok(reply) => reply.into_inner().message().await.unwrap_err(),
        Err(refused) => refused,
    };
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    served.stop().await;
}

#[tokio::test]
async fn stopping_ends_streams_and_watches_and_data_are_there_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::on(folder.path()).await;
    let mut client = served.client().await;
    client.create(create("a", "s/f", "[]")).await.unwrap();
    client.create(create("b", "s/g", "[]")).await.unwrap();
    let mut worker = Worker::connect(&served, hello(1, &["s/f"])).await;
    let dispatch = worker.dispatch().await;
    worker
        .turn(&dispatch, 1, Vec::new(), End::Fulfill(value("1")))
        .await;
    assert!(matches!(
        worker.hear().await,
        Ok(Some(ToWorker::TurnAnswer(_)))
    ));
    let watch = v1::WatchRequest::from(&Watch { ids: vec![id("b")] });
    let mut watched = client.watch(watch).await.unwrap().into_inner();
    let stopping = tokio::spawn(served.stop());
    assert_eq!(
        watched.message().await.unwrap_err().code(),
        Code::Unavailable
    );
    assert!(!matches!(worker.hear().await, Ok(Some(_))));
    tokio::time::timeout(Duration::from_secs(4), stopping)
        .await
        .expect("it does not wait for clients")
        .unwrap();

    let served = Served::on(folder.path()).await;
    let mut client = served.client().await;
    assert_eq!(
        (state(&mut client, "a").await, state(&mut client, "b").await),
        ("resolved", "pending")
    );
    served.stop().await;
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::on(folder.path()).await;
    let second = resonate_server::Server::builder()
        .data_dir(folder.path())
        .open()
        .await;
    let message = second.unwrap_err().to_string();
    assert!(message.contains("in use by another server"), "{message}");
    served.stop().await;
}

#[tokio::test]
async fn addresses_that_others_can_reach_and_ports_in_use_are_refused() {
    let reachable = resonate_server::bind("0.0.0.0:0", false)
        .await
        .unwrap_err()
        .to_string();
    assert!(reachable.contains("--insecure-listen"), "{reachable}");
    assert!(resonate_server::bind("0.0.0.0:0", true).await.is_ok());
    let taken = resonate_server::bind("127.0.0.1:0", false).await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let in_use = resonate_server::bind(&address, false)
        .await
        .unwrap_err()
        .to_string();
    assert!(in_use.contains(&format!("{address} is in use")), "{in_use}");
    assert!(resonate_server::bind("nonsense", false).await.is_err());
}
