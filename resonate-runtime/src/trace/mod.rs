//! Spans of executions and calls, and where the code that asks stands in a trace.
//!
//! An execution has a span for each body, entered whenever that is polled: what is logged inside names the promise, the
//! function and the attempt. A call has one in its caller, from when it is asked for until its result is taken; a replay
//! opens none for what its history holds. The ids in their fields are derived from the promise
//! ([`TraceContext`]), so they are the same on every worker and in every replay.

#[cfg(feature = "tracing-layer")]
mod quiet;

pub use resonate_core::TraceContext;
use resonate_core::{PromiseId, trace::TRACEPARENT};
use tracing::{Span, field::display, info_span};

#[cfg(feature = "tracing-layer")]
pub use self::quiet::Quiet;
use crate::context::{Subject, current};

/// Where the attempt that asks stands in its trace: for the headers of requests to other systems. Outside of durable
/// functions there is none.
///
/// ```
/// # extern crate resonate_runtime as resonate;
/// # struct Request;
/// # impl Request { fn header(self, _: &str, _: String) -> Self { self } }
/// fn traced(request: Request) -> Request {
///     match resonate::trace_context() {
///         Some(context) => request.header("traceparent", context.to_string()),
///         None => request,
///     }
/// }
/// # traced(Request);
/// ```
#[must_use]
pub fn trace_context() -> Option<TraceContext> {
    current::scope().map(|scope| scope.context.subject().trace)
}

/// The tags of a root that is created within this trace.
pub(crate) fn tag(context: Option<TraceContext>) -> Option<(String, String)> {
    context.map(|context| (TRACEPARENT.to_owned(), context.to_string()))
}

/// Of an execution, for the body that runs here.
pub(crate) fn of_execution(subject: &Subject) -> Span {
    let Subject { trace, address, .. } = subject;
    let span = info_span!(
        target: "resonate",
        parent: None,
        "execution",
        id = %subject.id,
        function = %address,
        attempt = subject.attempt,
        generation = subject.generation,
        otel.name = %address.function,
        otel.kind = "consumer",
        trace_id = %format_args!("{:032x}", trace.trace_id()),
        span_id = %format_args!("{:016x}", trace.span_id()),
        parent_id = tracing::field::Empty,
    );
    with_parent(span, trace)
}

/// Of a call that the body being polled makes, whose own call is `above` in the trace. Where nobody listens it costs next
/// to nothing.
pub(crate) fn of_call(id: &PromiseId, function: &str, above: &TraceContext) -> Span {
    let span = info_span!(
        target: "resonate",
        "call",
        id = %id,
        function,
        otel.name = function,
        otel.kind = "producer",
        trace_id = tracing::field::Empty,
        span_id = tracing::field::Empty,
        parent_id = tracing::field::Empty,
    );
    if span.is_disabled() {
        return span;
    }
    let trace = above.child(id);
    let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
    span.record("trace_id", display(format_args!("{trace_id:032x}")));
    span.record("span_id", display(format_args!("{span_id:016x}")));
    with_parent(span, &trace)
}

fn with_parent(span: Span, trace: &TraceContext) -> Span {
    if let Some(parent) = trace.parent_id() {
        span.record("parent_id", display(format_args!("{parent:016x}")));
    }
    span
}
