//! A call that is about to be made outside of durable functions, and that it was made.

use std::{collections::BTreeMap, fmt, sync::Arc};

use resonate_core::{TraceContext, trace::TRACEPARENT};
use resonate_proto::client::PromiseReply;

use super::{Below, Layers};
use crate::{Result, ops::check_labels, outside, resonate::Process, trace};

/// A call that is about to be made outside of durable functions, as a root.
pub struct NewCall {
    call: outside::NewCall,
    process: Arc<Process>,
}

/// A call that the server has.
pub struct Made(PromiseReply);

impl NewCall {
    pub(crate) fn new(call: outside::NewCall, process: Arc<Process>) -> Self {
        Self { call, process }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.call.id.as_str()
    }

    /// The function: `service/function@version`.
    #[must_use]
    pub fn function(&self) -> String {
        self.call.call.address.to_string()
    }

    /// Its labels, which are searchable.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.call.labels
    }

    /// One more label, or another value for one.
    pub fn label(&mut self, name: impl Into<String>, value: impl fmt::Display) {
        self.call.labels.insert(name.into(), value.to_string());
    }

    /// Its tags: [`Body::tags`](super::Body::tags) has them, for this call and everything below it.
    #[must_use]
    pub fn tags(&self) -> &BTreeMap<String, String> {
        &self.call.tags
    }

    /// One more tag, or another value for one. All of them have 16 KiB.
    pub fn tag(&mut self, name: impl Into<String>, value: impl fmt::Display) {
        self.call.tags.insert(name.into(), value.to_string());
    }

    /// Where in a trace it is made, if that was said.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        TraceContext::read(self.call.tags.get(TRACEPARENT)?)
    }

    /// Says where in a trace it is made.
    pub fn set_trace(&mut self, parent: TraceContext) {
        self.call.tags.extend(trace::tag(Some(parent)));
    }
}

impl Made {
    /// False if a call with this id was there already: then this is that call, with the tags and labels it was made with.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.0.new
    }

    pub(crate) fn into_reply(self) -> PromiseReply {
        self.0
    }
}

/// The layers around the calls of a process.
pub(crate) type CallLayers = Layers<NewCall, Made>;
/// What they are around of.
pub(crate) type Calls = Below<NewCall, Made>;

/// How they are, if there are any.
pub(crate) fn around(layers: &CallLayers) -> Option<Calls> {
    layers.around(|NewCall { call, process }: NewCall| async move { make(call, &process).await })
}

async fn make(call: outside::NewCall, process: &Process) -> Result<Made> {
    check_labels(&call.labels)?;
    process.create(call).await.map(Made)
}

impl fmt::Debug for NewCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}", self.call.call.address, self.call.id)
    }
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").field("is_new", &self.0.new).finish()
    }
}
