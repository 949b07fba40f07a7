//! The worker's way to the server.

use std::sync::Weak;

use resonate_core::{End, Op, PromiseId, Request, Seq, TaskVersion, Turn};

use resonate_proto::stream::FromWorker;

use super::Server;
use crate::worker::link::{ExecutionHandle, Link};

/// The worker's way to the server.
pub(super) struct Wire(pub(super) Weak<Server>);

impl Link for Wire {
    fn submit(&self, turn: Turn) {
        let Some(server) = self.0.upgrade() else {
            return;
        };
        // Something else would have to go with the next message.
        let sent = [FromWorker::Turn(turn.clone()), FromWorker::Drain];
        assert_eq!(
            FromWorker::batches(&sent).len(),
            1,
            "{} fits no message",
            turn.id
        );
        let mut state = server.state();
        state.log.push(told(&turn));
        if state.stops_after == Some(0) {
            state.stops_after = None;
            state.held = Some(Vec::new());
            if std::mem::take(&mut state.loses_answer) {
                drop(state);
                server.request(Request::Turn(turn)).answer.unwrap();
                return;
            }
        }
        if let Some(held) = &mut state.held {
            return held.push(turn);
        }
        state.stops_after = state.stops_after.map(|turns| turns - 1);
        drop(state);
        server.answer(turn);
    }

    fn reclaim(&self, id: &PromiseId, version: TaskVersion, _: Seq) {
        let Some(server) = self.0.upgrade() else {
            return;
        };
        server.state().log.push(format!("reclaim {id}"));
        let address = server
            .record(id.as_str())
            .promise
            .call()
            .map(|call| call.address.clone())
            .unwrap();
        let definition = server.worker().local(&address).unwrap();
        server.claim(id, definition, None, Some(version));
    }

    fn adopt(&self, handle: ExecutionHandle) {
        let Some(server) = self.0.upgrade() else {
            return;
        };
        server.state().handles.insert(handle.id.clone(), handle);
    }

    fn announce(&self, _: &PromiseId, _: TaskVersion) {}

    fn began(&self, handle: ExecutionHandle) -> bool {
        self.adopt(handle);
        true
    }

    fn disown(&self, id: &PromiseId, version: TaskVersion) {
        self.forget(id, version);
    }

    fn set_aside(&self, id: &PromiseId, _: TaskVersion) {
        let Some(server) = self.0.upgrade() else {
            return;
        };
        server.state().aside.push(id.clone());
    }

    fn forget(&self, id: &PromiseId, version: TaskVersion) {
        let Some(server) = self.0.upgrade() else {
            return;
        };
        let mut state = server.state();
        if state
            .handles
            .get(id)
            .is_some_and(|handle| handle.version() == version)
        {
            state.handles.remove(id);
        }
    }
}

fn told(turn: &Turn) -> String {
    let mut said = vec![format!("turn {} {}:", turn.id, turn.n)];
    said.extend(turn.ops.iter().map(|op| match op {
        Op::Create(child) => format!("create {}", child.id),
        Op::CreateClaimed(child) => format!("create claimed {}", child.id),
        Op::Record(child, _) => format!("record {}", child.id),
        Op::Cancel { id } => format!("cancel {id}"),
        Op::MoveTimer { id, .. } => format!("move {id}"),
        Op::Label { name, value } => format!("label {name} {value}"),
        Op::State { .. } => "state".to_owned(),
    }));
    said.push(match &turn.end {
        End::GoOn => "go on".to_owned(),
        End::Suspend { tied } => format!("suspend{}", if *tied { " tied" } else { "" }),
        End::Fulfill(_) => "fulfill".to_owned(),
        End::Fail {
            failure, retryable, ..
        } => format!(
            "fail {}{}",
            failure.kind.name(),
            if *retryable { ", again" } else { "" }
        ),
        End::ContinueAs(_) => "continue as".to_owned(),
        End::Release => "release".to_owned(),
        End::Halt { reason, .. } => format!("halt: {reason}"),
    });
    said.join(" ")
}
