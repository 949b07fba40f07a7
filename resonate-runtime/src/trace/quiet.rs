//! Silence while a body does again what it did before.

use tracing::{Event, Metadata, Subscriber, subscriber::Interest};
use tracing_subscriber::{
    Layer,
    layer::{Context, Filter},
};

use crate::ops::is_replaying;

/// Mutes events of durable functions while they replay: what they logged before is not logged again.
///
/// As a [`Layer`] it mutes them for all layers; as a [`Filter`] for the one that it is given to.
///
/// ```
/// # extern crate resonate_runtime as resonate;
/// use resonate::trace::Quiet;
/// use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};
///
/// tracing_subscriber::registry()
///     .with(tracing_subscriber::fmt::layer())
///     .with(Quiet)
///     .init();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl<S: Subscriber> Layer<S> for Quiet {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        interest(metadata)
    }

    fn event_enabled(&self, _: &Event<'_>, _: Context<'_, S>) -> bool {
        !is_replaying()
    }
}

impl<S> Filter<S> for Quiet {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        metadata.is_span() || !is_replaying()
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        interest(metadata)
    }
}

fn interest(metadata: &Metadata<'_>) -> Interest {
    if metadata.is_span() {
        Interest::always()
    } else {
        Interest::sometimes()
    }
}
