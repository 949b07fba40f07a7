//! What functions say of their calls, as the worker announced it that came last. Pure.
//!
//! A caller that does not know a function, as the command line or a declaration in another program, leaves its retry
//! policy, timeout and priority unsaid; they are filled in here when its promise is created. It is derived like
//! everything of the dispatcher: a server that starts knows nothing before workers have said it, and what a call takes
//! is written in its record.

use std::{collections::BTreeMap, sync::Arc};

use resonate_core::{
    Address, Call, ChildKind, Create, Link, Message, NewPromise, Op, Request, RetryPolicy,
    Timestamp, Turn,
};
use resonate_proto::stream::{Defaults, Function};

use crate::limits::ANNOUNCED;

/// What functions say of their calls; also of those whose worker has left.
#[derive(Debug, Default)]
pub(crate) struct Announced(BTreeMap<Address, Defaults>);

impl Announced {
    /// A worker says what it serves. Of too many functions those are forgotten that it does not name.
    pub(crate) fn hear(&mut self, functions: &[Function]) {
        if self.0.len() + functions.len() > ANNOUNCED {
            self.0.clear();
        }
        let served = functions.iter().filter(|function| function.served);
        self.0
            .extend(served.map(|function| (function.address.clone(), function.defaults)));
    }

    /// When failed attempts of this function are tried again.
    pub(crate) fn retry(&self, address: &Address) -> Option<RetryPolicy> {
        self.0.get(address)?.retry
    }

    /// Fills in what the request leaves unsaid of the calls it creates.
    pub(crate) fn fill(&self, request: &mut Request, now: Timestamp) {
        match request {
            Request::Create(Create { promise, .. }) => self.fill_root(promise, now),
            // What a schedule leaves unsaid is said when it fires: its function may have changed since.
            Request::Deliver(Message::Create { promise, .. }) => self.fill_root(promise, now),
            Request::Turn(Turn { ops, .. }) => {
                ops.iter_mut().for_each(|op| self.fill_op(op, now));
            }
            Request::Get { .. }
            | Request::Settle { .. }
            | Request::Cancel { .. }
            | Request::Claim { .. }
            | Request::Hold { .. }
            | Request::Recall { .. }
            | Request::Release { .. }
            | Request::Halt { .. }
            | Request::Continue { .. }
            | Request::Schedule(_)
            | Request::ChangeSchedule { .. }
            | Request::Expire { .. }
            | Request::Deliver(_) => {}
        }
    }

    fn fill_op(&self, op: &mut Op, now: Timestamp) {
        let (Op::Create(child) | Op::CreateClaimed(child) | Op::Record(child, _)) = op else {
            return;
        };
        match &mut child.kind {
            ChildKind::Call(call) => self.fill_call(call, &mut child.timeout_at, now),
            ChildKind::Proxy(Link::Call { promise, .. }) => self.fill_root(promise, now),
            ChildKind::Step
            | ChildKind::Timer
            | ChildKind::External
            | ChildKind::Proxy(Link::Await { .. } | Link::Tell { .. }) => {}
        }
    }

    fn fill_root(&self, promise: &mut NewPromise, now: Timestamp) {
        if let Some(call) = &mut promise.call {
            self.fill_call(call, &mut promise.timeout_at, now);
        }
    }

    fn fill_call(&self, call: &mut Arc<Call>, timeout_at: &mut Timestamp, now: Timestamp) {
        let Some(said) = self.0.get(&call.address) else {
            return;
        };
        if *timeout_at == Timestamp::NEVER
            && let Some(timeout) = said.timeout
        {
            *timeout_at = now.after(timeout);
        }
        if call.retry.is_none() && said.retry.is_some() {
            Arc::make_mut(call).retry = said.retry;
        }
        if call.priority.is_none() && said.priority != 0 {
            Arc::make_mut(call).priority = Some(said.priority);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use resonate_core::{Payload, PromiseId};

    use super::*;

    const SAID: Defaults = Defaults {
        allowed: resonate_core::flow::Allowed {
            concurrency: None,
            rate: None,
        },
        retry: Some(RetryPolicy::NEVER),
        timeout: Some(Duration::from_millis(5)),
        priority: 3,
    };

    fn function(served: bool) -> Function {
        Function {
            address: Address::new("s", "f", 1),
            parameters: Vec::new(),
            result: "u64".to_owned(),
            signature: 1,
            body_fingerprint: 1,
            served,
            location: String::new(),
            defaults: SAID,
        }
    }

    /// The retry policy, timeout and priority of a call after it was filled.
    fn filled(
        announced: &Announced,
        (retry, timeout_at, priority): (Option<RetryPolicy>, Timestamp, Option<i8>),
    ) -> (Option<RetryPolicy>, Timestamp, Option<i8>) {
        let call = Call {
            address: Address::new("s", "f", 1),
            signature: 0,
            param: Payload::json("[]"),
            retry,
            priority,
            start_at: Timestamp::ZERO,
        };
        let promise = NewPromise {
            id: PromiseId::new("a").unwrap(),
            call: Some(Arc::new(call)),
            timeout_at,
            labels: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        let mut request = Request::Create(Create {
            promise,
            any: false,
        });
        announced.fill(&mut request, Timestamp::from_millis(100));
        let Request::Create(Create { promise, .. }) = request else {
            panic!("{request:?}")
        };
        let call = promise.call.unwrap();
        (call.retry, promise.timeout_at, call.priority)
    }

    const UNSAID: (Option<RetryPolicy>, Timestamp, Option<i8>) = (None, Timestamp::NEVER, None);

    #[test]
    fn what_a_call_leaves_unsaid_is_what_its_function_says() {
        let mut announced = Announced::default();
        assert_eq!(filled(&announced, UNSAID), UNSAID);
        announced.hear(&[function(true)]);
        let own = (
            Some(RetryPolicy::NEVER),
            Timestamp::from_millis(105),
            Some(3),
        );
        assert_eq!(filled(&announced, UNSAID), own);
    }

    #[test]
    fn what_a_call_says_stands() {
        let mut announced = Announced::default();
        announced.hear(&[function(true)]);
        let said = (
            Some(RetryPolicy::DEFAULT),
            Timestamp::from_millis(7),
            Some(0),
        );
        assert_eq!(filled(&announced, said), said);
    }

    #[test]
    fn a_declaration_does_not_speak_for_its_function() {
        let mut announced = Announced::default();
        announced.hear(&[function(false)]);
        assert_eq!(filled(&announced, UNSAID), UNSAID);
    }
}
