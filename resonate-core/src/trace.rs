//! Where a promise stands in a trace: derived from its id, so that whoever computes it, whenever, comes to the same.
//!
//! A call has a span, below that of its caller's call; each attempt of an execution has one below its call's. Nothing of
//! it is stored but what a root was created with: the tag [`TRACEPARENT`], which everything below a root inherits.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::{Promise, PromiseId};

/// The tag of a root that was created within a trace, as W3C Trace Context writes it.
pub const TRACEPARENT: &str = "traceparent";

/// A place in a trace, as W3C Trace Context has it.
///
/// Its text is that of a `traceparent` header: `00-<trace>-<span>-<flags>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    parent: Option<u64>,
    is_sampled: bool,
}

impl TraceContext {
    /// Of a call: the same on every worker, over all attempts. After `continue_as` it is another one in the same trace.
    #[must_use]
    pub fn of_call(promise: &Promise) -> Self {
        let above = promise.origin.as_ref();
        let above = above.map(|origin| span_of(&origin.parent, origin.generation));
        let Promise {
            id,
            generation,
            tags,
            ..
        } = promise;
        Self::within(id, tags).below(above, span_of(id, *generation))
    }

    /// The same of a child that is about to be made below this call.
    #[must_use]
    pub fn child(&self, id: &PromiseId) -> Self {
        self.below(Some(self.span), span_of(id, 1))
    }

    /// The same of a root that is about to be made with these tags.
    #[must_use]
    pub fn root(id: &PromiseId, tags: &BTreeMap<String, String>) -> Self {
        Self::within(id, tags).below(None, span_of(id, 1))
    }

    /// Of this attempt of the call, from 1.
    #[must_use]
    pub fn attempt(&self, attempt: u32) -> Self {
        let span = hash(self.span, &attempt.to_le_bytes());
        self.below(Some(self.span), span)
    }

    /// What a `traceparent` header says; none if it says nothing that is understood.
    #[must_use]
    pub fn read(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version = hex(version, 2)?;
        // Later versions may append something.
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let (trace, span) = (hex(trace, 32)?, u64::try_from(hex(span, 16)?).ok()?);
        (trace != 0 && span != 0).then_some(Self {
            trace,
            span,
            parent: None,
            is_sampled: hex(flags, 2)? & 1 == 1,
        })
    }

    /// The trace.
    #[must_use]
    pub const fn trace_id(&self) -> u128 {
        self.trace
    }

    /// The span.
    #[must_use]
    pub const fn span_id(&self) -> u64 {
        self.span
    }

    /// The span above it, if it is known.
    #[must_use]
    pub const fn parent_id(&self) -> Option<u64> {
        self.parent
    }

    /// Whether whoever began the trace records it.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// The trace of a promise, and the place in it that its root was created at.
    fn within(id: &PromiseId, tags: &BTreeMap<String, String>) -> Self {
        let given = tags.get(TRACEPARENT).and_then(|header| Self::read(header));
        given.unwrap_or_else(|| {
            let [high, low] = [1, 2].map(|half| u128::from(hash(half, id.root().as_bytes())));
            Self {
                trace: high << 64 | low,
                span: 0,
                parent: None,
                is_sampled: true,
            }
        })
    }

    fn below(&self, above: Option<u64>, span: u64) -> Self {
        Self {
            span,
            parent: above.or((self.span != 0).then_some(self.span)),
            ..*self
        }
    }
}

fn span_of(id: &PromiseId, generation: u32) -> u64 {
    hash(hash(3, &generation.to_le_bytes()), id.as_str().as_bytes())
}

/// Never 0, which is no id in a trace.
fn hash(seed: u64, text: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(seed, text).max(1)
}

/// So many lower-case digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_one = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_number = text.len() == digits && text.bytes().all(is_one);
    is_number
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn id(text: &str) -> PromiseId {
        PromiseId::new(text).unwrap()
    }

    #[test]
    fn a_header_is_read_and_written_as_it_was() {
        let context = TraceContext::read(GIVEN).unwrap();
        assert_eq!(context.to_string(), GIVEN);
        assert_eq!(context.span_id(), 0x00f0_67aa_0ba9_02b7);
        let later = TraceContext::read(&format!("cc-{}-what-follows", &GIVEN[3..])).unwrap();
        assert_eq!(later, context);
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473ä-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn everything_below_a_root_is_in_its_trace_and_each_span_below_another() {
        let tags = BTreeMap::from([(TRACEPARENT.to_owned(), GIVEN.to_owned())]);
        let given = TraceContext::read(GIVEN).unwrap();
        let root = TraceContext::root(&id("order"), &tags);
        assert_eq!(root.parent_id(), Some(given.span_id()));
        let child = root.child(&id("order.ship"));
        assert_eq!(child.parent_id(), Some(root.span_id()));
        let (first, second) = (child.attempt(1), child.attempt(2));
        assert_eq!(first.parent_id(), Some(child.span_id()));
        assert_ne!(first.span_id(), second.span_id());
        for context in [root, child, first, second] {
            assert_eq!(context.trace_id(), given.trace_id());
        }
        let alone = TraceContext::root(&id("order"), &BTreeMap::new());
        assert_eq!(alone.parent_id(), None);
        assert_ne!(alone.trace_id(), given.trace_id());
        // Part of what is exported: it must not change with the library.
        assert_eq!(
            alone.to_string(),
            "00-ea1f32d5c1aa14f58378896df8420879-fdd3deccd81a3606-01"
        );
    }
}
