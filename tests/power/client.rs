//! Who asks, and says in the log what was answered, once the answer is here.

use std::{collections::BTreeMap, time::Duration};

use resonate::{Resonate, Search};
use resonate_core::{Create, NewPromise, Outcome, Payload, PromiseId, Timestamp};
use resonate_proto::{
    client::{Cancel, Settle},
    rpc::ClientCaller,
    v1,
};
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};

use crate::{
    harness::{PATIENCE, Process},
    log::Marks,
};

/// The value with which a promise is resolved: whoever has the id knows it. Its size is the id's last part.
pub(crate) fn value_of(id: &str) -> String {
    let size = id
        .rsplit('-')
        .next()
        .and_then(|size| size.parse().ok())
        .unwrap_or(0);
    let mut value = format!("\"{id}");
    while value.len() < size {
        value.push_str(id);
    }
    value + "\""
}

/// A connection that tries nothing again by itself.
#[derive(Clone, Debug)]
pub(crate) struct Client(ClientCaller<Channel>);

impl Client {
    /// Waits for the server to answer; none if it ends instead.
    pub(crate) async fn connect(url: &str, server: &mut Process) -> Option<Self> {
        let endpoint = Endpoint::from_shared(url.to_owned())
            .unwrap()
            .tcp_nodelay(true);
        let begun = tokio::time::Instant::now();
        loop {
            if let Ok(channel) = endpoint.connect().await {
                let client = ClientCaller::new(channel).max_decoding_message_size(16 << 20);
                return Some(Self(client));
            }
            if !server.is_running() {
                return None;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "the server neither answers nor ends"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) async fn create(&mut self, marks: &Marks, id: &str) -> Result<(), Status> {
        let promise = NewPromise {
            id: PromiseId::new(id).unwrap(),
            call: None,
            timeout_at: Timestamp::NEVER,
            labels: BTreeMap::from([("made".to_owned(), "here".to_owned())]),
            tags: BTreeMap::new(),
        };
        self.0
            .create(v1::CreateRequest::from(&Create {
                promise,
                any: false,
            }))
            .await?;
        marks.mark(&format!("created {id}"));
        Ok(())
    }

    pub(crate) async fn settle(&mut self, marks: &Marks, id: &str) -> Result<(), Status> {
        let outcome = Outcome::Resolved(Payload::json(value_of(id)));
        let settle = Settle {
            id: PromiseId::new(id).unwrap(),
            outcome,
            key: None,
        };
        self.0.settle(v1::SettleRequest::from(&settle)).await?;
        marks.mark(&format!("resolved {id}"));
        Ok(())
    }

    pub(crate) async fn cancel(&mut self, marks: &Marks, id: &str) -> Result<(), Status> {
        let cancel = Cancel {
            id: PromiseId::new(id).unwrap(),
            reason: "no longer wanted".to_owned(),
            key: None,
        };
        self.0.cancel(v1::CancelRequest::from(&cancel)).await?;
        marks.mark(&format!("canceled {id}"));
        Ok(())
    }

    pub(crate) async fn is_pending(&mut self, id: &str) -> Result<bool, Status> {
        let get = v1::GetRequest::from(&PromiseId::new(id).unwrap());
        let reply = self.0.get(get).await?.into_inner();
        let reply = resonate_proto::client::PromiseReply::try_from(reply).unwrap();
        Ok(reply.record.promise.is_pending())
    }
}

/// What a list shows is as good as an answer: it comes from a second connection to the file.
pub(crate) async fn look(through: &Resonate, marks: &Marks) -> resonate::Result<()> {
    for found in through.search(Search::new().roots().limit(40)).await? {
        match found.state() {
            "pending" => marks.mark(&format!("created {}", found.id())),
            state => marks.mark(&format!("{state} {}", found.id())),
        }
    }
    Ok(())
}
