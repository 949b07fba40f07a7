//! What the end of an attempt means: an answer, a failure to try again, or a body that has left its history.

use resonate_core::{End, Failure, FailureKind, HaltCause, Outcome, Payload, PromiseId};

use super::{Finish, Mismatch, Replay};

/// How a body ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a value.
    Resolved(Payload),
    /// With an error of the function's own type. `again`: its retry policy takes it for a failure.
    Rejected {
        answer: Payload,
        failure: Failure,
        again: bool,
    },
    /// With an error without a type of its own. `again` is what its retry policy says of it, if it says something.
    Failed {
        failure: Failure,
        is_terminal: bool,
        again: Option<bool>,
    },
    /// It panicked.
    Panicked(String),
    /// It goes on as a new one, with these arguments.
    ContinueAs(Payload),
    /// It left its history.
    Diverged(Mismatch),
    /// It asked for what no attempt here can have, for this reason.
    Impossible(String),
}

/// How the turn of a body that has ended ends, and whether that is the promise's answer.
///
/// An error after this attempt has made use of a result is the answer: a new attempt could only replay into the same
/// one. A panic never is: a new build may know better, and until then it is tried and then halted.
pub(crate) fn verdict(ending: Ending, replay: &Replay, task: &PromiseId) -> End {
    if let Some(mismatch) = replay.mismatch() {
        return diverged(&mismatch);
    }
    let may_differ = !replay.has_taken_result();
    let end = match ending {
        Ending::Resolved(value) => End::Fulfill(Outcome::Resolved(value)),
        Ending::Rejected {
            answer,
            failure,
            again,
        } if again && may_differ => End::Fail {
            failure: at(failure, task),
            retryable: true,
            answer: Some(answer),
        },
        Ending::Rejected { answer, .. } => End::Fulfill(Outcome::Rejected(answer)),
        Ending::Failed {
            failure,
            is_terminal,
            again,
        } => {
            let retryable = may_differ && !is_terminal && again.unwrap_or(true);
            End::Fail {
                failure: at(failure, task),
                retryable,
                answer: None,
            }
        }
        Ending::Panicked(text) => {
            let failure = Failure::new(FailureKind::Panicked, format!("it panicked: {text}"));
            return End::Fail {
                failure: at(failure, task),
                retryable: true,
                answer: None,
            };
        }
        Ending::ContinueAs(param) => End::ContinueAs(param),
        Ending::Diverged(mismatch) => return diverged(&mismatch),
        Ending::Impossible(what) => {
            return End::Halt {
                cause: HaltCause::Impossible,
                reason: format!("{what}; then `resonate continue {task}`"),
            };
        }
    };
    match replay.missing() {
        Some(mismatch) if Finish::of(&end) == Finish::Answer => diverged(&mismatch),
        _ => end,
    }
}

impl Finish {
    /// What the end of a body means for what it started.
    pub(crate) fn of(end: &End) -> Self {
        match end {
            End::Fulfill(_)
            | End::ContinueAs(_)
            | End::Fail {
                retryable: false, ..
            } => Self::Answer,
            End::Fail {
                retryable: true, ..
            }
            | End::GoOn
            | End::Suspend { .. }
            | End::Release => Self::Again,
            End::Halt { .. } => Self::Stop,
        }
    }
}

/// The code asks for other calls than its history holds: stop, visibly.
pub(crate) fn diverged(mismatch: &Mismatch) -> End {
    End::Halt {
        cause: HaltCause::NonDeterministic,
        reason: mismatch.to_string(),
    }
}

fn at(failure: Failure, task: &PromiseId) -> Failure {
    if failure.promise.is_some() {
        failure
    } else {
        failure.at(task)
    }
}
