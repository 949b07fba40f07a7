//! Statuses and batches over a real connection: what we send is what peers take.

use resonate_core::{Outcome, Payload, PromiseId, Refusal, SessionId, TaskVersion, limits};
use resonate_proto::{
    rpc::{WorkerCaller, WorkerServer, WorkerService},
    status::{self, BadRefusal},
    stream::{FromWorker, FromWorkerReader, Hello, PROTOCOL, ToWorker},
    v1,
};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status, Streaming, async_trait,
    codegen::{BoxStream, tokio_stream},
    transport::{Server, server::TcpIncoming},
};

/// Refuses, or answers each stream with these.
struct Answering(Result<Vec<ToWorker>, Refusal>);

#[async_trait]
impl WorkerService for Answering {
    type WorkStream = BoxStream<v1::ToWorker>;

    async fn work(
        &self,
        request: Request<Streaming<v1::FromWorker>>,
    ) -> Result<Response<Self::WorkStream>, Status> {
        let first = request.into_inner().message().await?;
        let first = first.ok_or_else(|| Status::invalid_argument("nothing came"))?;
        FromWorkerReader::default().read(first)?;
        let items = self.0.as_ref().map_err(status::to_status)?;
        let batches = ToWorker::batches(items).into_iter().map(Ok);
        Ok(Response::new(Box::pin(tokio_stream::iter(
            batches.collect::<Vec<_>>(),
        ))))
    }
}

fn id() -> PromiseId {
    PromiseId::new("order-42").expect("a good id")
}

fn hello() -> Vec<v1::FromWorker> {
    FromWorker::batches(&[FromWorker::Hello(Hello {
        protocol: PROTOCOL,
        session: SessionId(7),
        name: "worker".to_owned(),
        version: "0.1.0".to_owned(),
        functions: Vec::new(),
        services: Vec::new(),
        held: Vec::new(),
        capacity: 1,
        granted: 1,
        timeline: None,
    })])
}

/// What a worker gets that opens a stream with these batches.
async fn opened(
    answer: Result<Vec<ToWorker>, Refusal>,
    batches: Vec<v1::FromWorker>,
) -> Result<Vec<ToWorker>, Status> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let service = WorkerServer::new(Answering(answer));
    let served = Server::builder()
        .add_service(service)
        .serve_with_incoming(TcpIncoming::from(listener));
    let serving = tokio::spawn(served);

    let mut caller = WorkerCaller::connect(format!("http://{address}"))
        .await
        .expect("it listens");
    let answer = caller.work(tokio_stream::iter(batches)).await;
    let mut items = Vec::new();
    let read = async {
        let mut stream = answer?.into_inner();
        while let Some(batch) = stream.message().await? {
            items.extend(Vec::<ToWorker>::try_from(batch).expect("what was written can be read"));
        }
        Ok(items)
    };
    let read = read.await;
    serving.abort();
    read
}

async fn refused(refusal: Refusal) -> Result<Option<Refusal>, BadRefusal> {
    let status = opened(Err(refusal), hello()).await.expect_err("it refuses");
    status::from_status(&status)
}

#[tokio::test]
async fn the_largest_refusals_pass_through_the_headers() {
    let small = Refusal::AlreadySettled {
        id: id(),
        outcome: Outcome::Resolved(Payload::json(vec![b'1'; 3_900])),
    };
    assert_eq!(refused(small.clone()).await, Ok(Some(small)));
    let large = Refusal::AlreadySettled {
        id: id(),
        outcome: Outcome::Resolved(Payload::json(vec![b'1'; 5_000])),
    };
    assert_eq!(
        refused(large).await,
        Err(BadRefusal::AnswerLeftOut { id: id() })
    );
    let long = Refusal::NotAllowed {
        id: id(),
        why: "ü".repeat(1_900),
    };
    assert_eq!(refused(long.clone()).await, Ok(Some(long)));
    let longer = Refusal::NotAllowed {
        id: id(),
        why: "ü".repeat(100_000),
    };
    assert_eq!(refused(longer).await, Ok(None));
}

#[tokio::test]
async fn more_than_a_message_holds_arrives_in_batches() {
    let why = "x".repeat(limits::MESSAGE_BYTES / 5);
    let items: Vec<_> = (0..12)
        .map(|n| ToWorker::Drop {
            task: id(),
            version: TaskVersion(n),
            why: why.clone(),
        })
        .collect();
    assert_eq!(
        opened(Ok(items.clone()), hello())
            .await
            .expect("it answers"),
        items
    );
}

#[tokio::test]
async fn a_stream_without_a_hello_is_an_invalid_argument() {
    let status = opened(Ok(Vec::new()), FromWorker::batches(&[FromWorker::Drain]))
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(
        status.message(),
        "WorkerItem.item: the first item of a stream is a hello"
    );
}
