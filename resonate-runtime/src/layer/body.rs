//! A body that is about to run, and how it ended.

use std::{collections::BTreeMap, fmt, sync::Arc};

use resonate_core::TraceContext;

use super::{Below, Layers};
use crate::{
    Error,
    context::Subject,
    function::{Definition, Running},
    plumbing::{Ended, Ending, Input},
    settings::Settings,
};

/// The body of a function that is about to run.
pub struct Body {
    subject: Arc<Subject>,
    function: String,
    is_replay: bool,
    running: Running,
}

impl Body {
    /// The id of its promise.
    #[must_use]
    pub fn id(&self) -> &str {
        self.subject.id.as_str()
    }

    /// The function: `service/function@version`.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// Which attempt it is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.subject.attempt
    }

    /// Whether an earlier body has been here: this one does again what that did, and goes on from there.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.is_replay
    }

    /// What the promise was labelled with when it was claimed.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.subject.labels
    }

    /// What the root was created with, and everything below it has. Whoever may create a root writes them: what is to be
    /// believed needs a signature.
    #[must_use]
    pub fn tags(&self) -> &BTreeMap<String, String> {
        &self.subject.tags
    }

    /// Where this attempt stands in a trace.
    #[must_use]
    pub fn trace(&self) -> TraceContext {
        self.subject.trace
    }
}

/// What a layer may see of how a body ended.
impl Ended {
    /// `resolved`, `rejected` (with an answer of the function's error type) or `failed`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match &self.0 {
            Ending::Resolved(_) => "resolved",
            Ending::Rejected { .. } => "rejected",
            Ending::Failed { .. } => "failed",
        }
    }

    /// The error that it failed with.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        match &self.0 {
            Ending::Failed { error, .. } => Some(error),
            Ending::Resolved(_) | Ending::Rejected { .. } => None,
        }
    }
}

/// The layers around the functions of a process.
pub(crate) type BodyLayers = Layers<Body, Ended>;
/// What they are around of.
pub(crate) type Bodies = Below<Body, Ended>;

/// How they are, if there are any.
pub(crate) fn around(layers: &BodyLayers) -> Option<Bodies> {
    layers.around(|body: Body| async move { Ok(body.running.await) })
}

/// Begins a body: what a test puts in its place, else its own, with the layers of the process around it.
pub(crate) fn begin(
    settings: &Settings,
    subject: &Subject,
    is_replay: bool,
    (definition, run): (&'static Definition, fn(Input) -> Running),
    input: Input,
) -> Running {
    let running = match &settings.stage {
        Some(stage) => stage.play(definition, run, input),
        None => run(input),
    };
    let Some(bodies) = settings.bodies.clone() else {
        return running;
    };
    let body = Body {
        function: subject.address.to_string(),
        subject: Arc::new(subject.clone()),
        is_replay,
        running,
    };
    // Also their first line runs where the body is polled, and its panics are caught.
    Box::pin(async move {
        let ended = bodies.run(body).await;
        ended.unwrap_or_else(|error| Ended(Ending::Failed { error, again: None }))
    })
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject, function, ..
        } = self;
        write!(f, "{function} as {}", subject.id)
    }
}
