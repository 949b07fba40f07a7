//! A client of its own: the wire and nothing else, so that no client library can repair or repeat anything unseen.

use std::collections::BTreeMap;

use resonate_core::{Outcome as CoreOutcome, Payload, Refusal};
use resonate_proto::{client::LogPosition, rpc::ClientCaller, status, v1};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

use crate::history::{Answer, Create, Outcome, Promise, Request, Settled};

const LABEL: &str = "by";

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct Client(ClientCaller<Channel>);

/// No answer: nobody knows whether it was done.
#[derive(Debug)]
pub(crate) struct Unanswered(pub(crate) Status);

impl Client {
    /// Connects when it first asks, and again after every break.
    pub(crate) fn new(url: &str) -> Self {
        let endpoint = Endpoint::from_shared(url.to_owned()).expect("a URL");
        Self(ClientCaller::new(endpoint.tcp_nodelay(true).connect_lazy()))
    }

    /// Sends one request, once.
    pub(crate) async fn ask(
        &mut self,
        key: u32,
        request: Request,
    ) -> Result<(LogPosition, Answer), Unanswered> {
        let id = format!("k{key}");
        let reply = match request {
            Request::Create(create) => self.0.create(new_promise(id, create)).await,
            Request::Get => self.0.get(v1::GetRequest { id }).await,
            Request::Settle(outcome) => {
                let outcome = Some(wire(outcome));
                let key = Default::default();
                self.0.settle(v1::SettleRequest { id, outcome, key }).await
            }
            Request::Cancel(reason) => {
                let reason = reason.to_string();
                let key = Default::default();
                self.0.cancel(v1::CancelRequest { id, reason, key }).await
            }
        };
        match reply {
            Ok(reply) => Ok(read(reply.into_inner())),
            Err(status) => refused(status),
        }
    }
}

fn new_promise(id: String, create: Create) -> v1::CreateRequest {
    let call = create.call.map(|argument| v1::Call {
        service: "nobody".to_owned(),
        function: "executes".to_owned(),
        version: 1,
        param: Some(payload(argument)),
        ..v1::Call::default()
    });
    let promise = v1::NewPromise {
        id,
        call,
        timeout_at_ms: i64::from(create.late),
        labels: BTreeMap::from([(LABEL.to_owned(), create.by.to_string())]),
        ..v1::NewPromise::default()
    };
    v1::CreateRequest {
        promise: Some(promise),
        any: create.any,
    }
}

fn payload(value: u64) -> v1::Payload {
    (&Payload::json(value.to_string())).into()
}

fn wire(outcome: Outcome) -> v1::Outcome {
    use v1::outcome::Outcome as Wire;
    let outcome = match outcome {
        Outcome::Resolved(value) => Wire::Resolved(payload(value)),
        Outcome::Rejected(value) => Wire::Rejected(payload(value)),
        Outcome::Canceled(_) | Outcome::TimedOut => {
            unreachable!("{outcome:?} is not settled with")
        }
    };
    v1::Outcome {
        outcome: Some(outcome),
    }
}

fn read(reply: v1::PromiseReply) -> (LogPosition, Answer) {
    let at = reply.at.expect("every reply says where it stands");
    let record = reply.record.and_then(|record| record.promise);
    let promise = record.expect("every reply has a promise");
    let argument = |call: v1::Call| number(&call.param.expect("a call has an argument").data);
    let call = match promise.kind.expect("a promise is of some kind") {
        v1::promise::Kind::Call(call) => Some(argument(call)),
        v1::promise::Kind::External(_) => None,
        other @ (v1::promise::Kind::Step(_)
        | v1::promise::Kind::Timer(_)
        | v1::promise::Kind::Proxy(_)
        | v1::promise::Kind::Schedule(_)) => panic!("nobody created {other:?}"),
    };
    let settled = promise.settled.map(|settled| Settled {
        outcome: outcome(settled.outcome.and_then(|outcome| outcome.outcome)),
        seq: settled.seq,
        at: settled.at_ms,
    });
    let promise = Promise {
        by: number(promise.labels[LABEL].as_bytes()),
        call,
        created_at: promise.created_at_ms,
        settled,
    };
    let at = at.try_into().expect("a position");
    let new = reply.new;
    (at, Answer::Promise { promise, new })
}

fn outcome(outcome: Option<v1::outcome::Outcome>) -> Outcome {
    use v1::outcome::Outcome as Wire;
    match outcome.expect("a settled promise has an outcome") {
        Wire::Resolved(payload) => Outcome::Resolved(number(&payload.data)),
        Wire::Rejected(payload) => Outcome::Rejected(number(&payload.data)),
        Wire::Canceled(reason) => Outcome::Canceled(number(reason.as_bytes())),
        Wire::TimedOut(_) => Outcome::TimedOut,
        Wire::Failed(failure) => panic!("nobody failed it with {failure:?}"),
    }
}

fn number(text: &[u8]) -> u64 {
    let text = std::str::from_utf8(text).expect("a number in decimal");
    text.parse().expect("a number in decimal")
}

/// A refusal is an answer.
fn refused(status: Status) -> Result<(LogPosition, Answer), Unanswered> {
    let Some(refusal) = status::from_status(&status).expect("details can be read") else {
        let is_gone = matches!(
            status.code(),
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal
        );
        assert!(is_gone, "an answer that nothing explains: {status:?}");
        return Err(Unanswered(status));
    };
    let at = status::position(&status).expect("details can be read");
    let answer = match refusal {
        Refusal::NotFound(_) => Answer::NotFound,
        Refusal::AlreadyExists { .. } => Answer::AlreadyExists,
        Refusal::AlreadySettled { outcome, .. } => Answer::AlreadySettled(core(&outcome)),
        other @ (Refusal::StaleVersion { .. }
        | Refusal::TurnGap { .. }
        | Refusal::NotReady { .. }
        | Refusal::NotACall(_)
        | Refusal::NotHalted { .. }
        | Refusal::TooLarge { .. }
        | Refusal::NotAllowed { .. }) => panic!("nobody should be refused so: {other}"),
    };
    Ok((at.expect("every refusal says where it stands"), answer))
}

fn core(outcome: &CoreOutcome) -> Outcome {
    match outcome {
        CoreOutcome::Resolved(payload) => Outcome::Resolved(number(&payload.data)),
        CoreOutcome::Rejected(payload) => Outcome::Rejected(number(&payload.data)),
        CoreOutcome::Canceled { reason } => Outcome::Canceled(number(reason.as_bytes())),
        CoreOutcome::TimedOut => Outcome::TimedOut,
        CoreOutcome::Failed(failure) => panic!("nobody failed it with {failure:?}"),
    }
}
