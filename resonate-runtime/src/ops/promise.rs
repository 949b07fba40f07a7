//! Promises that somebody else settles.

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use resonate_core::PromiseId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{check_name, returned};
use crate::{
    Error, ErrorKind, Result, ambient,
    call::{Arrived, Waiting, body_or_refusal, in_step, place},
    context::{self, Child, OnDrop, current, current::Whereabouts},
    outside,
    plumbing::{Output, Value},
    replay::{Command, CommandKind},
};

/// A promise below this execution that somebody outside settles: a person, a webhook, another function.
///
/// Its id is made of this execution's and the name. It exists from the moment on that its id was asked for, or that it
/// was awaited.
///
/// ```ignore
/// let approval = promise::<bool>("approval").timeout(days(2));
/// send_mail(approval.id()).await?;
/// if !approval.await? { .. }
/// ```
#[track_caller]
pub fn promise<T: Value>(name: impl Into<String>) -> Promise<T> {
    let wish = Wish {
        name: name.into(),
        timeout: None,
        location: Location::caller(),
    };
    Promise::new(Output::of_promise(), State::Fresh(wish))
}

/// A value to come, which may be an argument, a result or a field: who has it awaits it, wherever it is settled.
///
/// Awaiting it gives `Result<T, resonate::Error>`. A `Promise<Result<T, E>>` is resolved with a `T` and rejected with an `E`,
/// as a call is that returns such a result. One that was made by [`promise`] and is dropped after it was awaited
/// is canceled; every other only stops waiting.
pub struct Promise<T> {
    output: Output<T>,
    id: OnceLock<PromiseId>,
    state: Mutex<State>,
}

enum State {
    /// Made here, not asked for yet.
    Fresh(Wish),
    /// Of another execution, not awaited yet.
    Elsewhere(&'static Location<'static>),
    Waiting(Waiting),
    Done,
}

struct Wish {
    name: String,
    timeout: Option<Duration>,
    location: &'static Location<'static>,
}

impl<T> Promise<T> {
    fn new(output: Output<T>, state: State) -> Self {
        Self {
            output,
            id: OnceLock::new(),
            state: Mutex::new(state),
        }
    }

    /// The promise of a detached call.
    #[track_caller]
    pub(crate) fn of_call(id: PromiseId, output: Output<T>) -> Self {
        Self {
            output,
            id: OnceLock::from(id),
            state: Mutex::new(State::Elsewhere(Location::caller())),
        }
    }

    /// How long it stays open. Must be said before its id is asked for.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with_state(|state| match state {
            State::Fresh(wish) => wish.timeout = Some(timeout),
            State::Elsewhere(_) | State::Waiting(_) | State::Done => {
                let message =
                    "the promise exists already; say its timeout before its id is asked for";
                let error = Error::of(ErrorKind::Misused, message).into_terminal();
                *state = State::Waiting(Waiting::Refused(Some(error)));
            }
        });
        self
    }

    /// Its id, for whoever is to settle it.
    ///
    /// # Panics
    /// If it was made by [`promise`] outside of a durable function, or with a name that is none.
    #[must_use]
    pub fn id(&self) -> &str {
        match self.known_id() {
            Ok(id) => id.as_str(),
            Err(error) => panic!("{error:#}"),
        }
    }

    /// The URL by which whoever has it settles this promise, for a mail or a webhook: `POST` of a JSON value resolves it,
    /// `POST` to `/reject` below it rejects it, `GET` says how it is, and a browser is shown a form.
    ///
    /// It is a secret, the same on every replay, and good as long as the promise. What is passed to a call is recorded and
    /// can be looked at; so pass the promise, and ask for its URL where it is sent.
    ///
    /// ```ignore
    /// let approval = promise::<bool>("approval");
    /// send_mail(&approval).await?;    // in there: `approval.url()`
    /// ```
    ///
    /// # Panics
    /// Like [`id`](Self::id), and in a process without functions of its own, which is not told how URLs are made:
    /// [`Resonate::promise_url`](crate::Resonate::promise_url) asks the server.
    #[must_use]
    pub fn url(&self) -> String {
        let url = self.known_id().and_then(|id| {
            let settings = ambient::settings();
            let url = settings.and_then(|settings| settings.urls.of(id));
            url.ok_or_else(|| no_url(id))
        });
        match url {
            Ok(url) => url,
            Err(error) => panic!("{error:#}"),
        }
    }

    fn known_id(&self) -> Result<&PromiseId> {
        if let Some(id) = self.id.get() {
            return Ok(id);
        }
        let asked = self.with_state(|state| match state {
            State::Fresh(wish) => {
                let child = wish.ask()?;
                let id = child.id().clone();
                *state = State::Waiting(Waiting::inside(child, id.clone()));
                Ok(id)
            }
            State::Waiting(waiting) => waiting.take_refusal().map_or_else(|| Err(gone()), Err),
            State::Elsewhere(_) | State::Done => Err(gone()),
        })?;
        Ok(self.id.get_or_init(|| asked))
    }

    fn with_state<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Value> Promise<T> {
    /// The promise of this id, to be awaited.
    ///
    /// # Errors
    /// The text is no promise id.
    #[track_caller]
    pub fn of(id: &str) -> Result<Self> {
        let id =
            PromiseId::new(id).map_err(|bad| Error::of(ErrorKind::Misused, bad).into_terminal())?;
        Ok(Self::of_call(id, Output::of_promise()))
    }
}

impl Wish {
    /// Asks the execution that is being polled for it.
    fn ask(&self) -> Result<Child> {
        check_name("the promise", &self.name)?;
        let context = body_or_refusal(format_args!("the promise `{}`", self.name), self.location)?;
        let command = Command::new(
            self.name.as_str(),
            place(self.location),
            CommandKind::External,
        );
        Ok(Child::ask(
            &context,
            Command {
                timeout: self.timeout,
                ..command
            },
            OnDrop::Leave,
        ))
    }
}

/// Awaits what another execution, or nobody's, settles.
fn await_elsewhere(id: &PromiseId, location: &'static Location<'static>) -> Waiting {
    match current::whereabouts() {
        Whereabouts::Body(context) => Waiting::inside(proxy(&context, id, location), id.clone()),
        Whereabouts::Step => Waiting::Refused(Some(in_step(
            format_args!("awaiting the promise `{id}`"),
            location,
        ))),
        Whereabouts::Outside => Waiting::Outside {
            outcome: Box::pin(outside::wait(id.clone())),
            subject: id.clone(),
        },
    }
}

fn proxy(context: &Arc<context::Context>, id: &PromiseId, location: &Location<'_>) -> Child {
    let command = Command::new("await", place(location), CommandKind::Await(id.clone()));
    Child::ask(context, command, OnDrop::Cancel)
}

fn no_url(id: &PromiseId) -> Error {
    let message = format!(
        "the URL of `{id}` cannot be made here: no worker of this process is connected to a server that has URLs; ask the \
         server for it with `resonate.promise_url(\"{id}\").await`"
    );
    Error::of(ErrorKind::Misused, message).into_terminal()
}

fn gone() -> Error {
    Error::of(
        ErrorKind::Misused,
        "the promise was awaited already and has no id of its own any more",
    )
    .into_terminal()
}

impl<T> Future for Promise<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let this = &mut *self;
        let refusal = this.known_id().err();
        let state = this.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let (Some(error), State::Fresh(_) | State::Waiting(_)) = (refusal, &*state) {
            *state = State::Waiting(Waiting::Refused(Some(error)));
        }
        if let (State::Elsewhere(location), Some(id)) = (&*state, this.id.get()) {
            *state = State::Waiting(await_elsewhere(id, location));
        }
        let State::Waiting(waiting) = state else {
            return Poll::Pending;
        };
        waiting.cancel_on_drop();
        let arrived = ready!(waiting.poll(cx));
        *state = State::Done;
        Poll::Ready(arrived.and_then(
            |Arrived {
                 outcome,
                 subject,
                 settings,
             }| { this.output.decode(&outcome, &settings.codecs, &subject) },
        ))
    }
}

/// The same promise, to be awaited beside this one or handed on.
///
/// # Panics
/// Like [`Promise::id`].
impl<T> Clone for Promise<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        match self.known_id() {
            Ok(id) => Self::of_call(id.clone(), self.output),
            Err(error) => panic!("{error:#}"),
        }
    }
}

/// As its id.
///
/// One that is bound to the function that returns it is refused: it ends with that function.
impl<T> Serialize for Promise<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let id = self.known_id().map_err(serde::ser::Error::custom)?;
        returned::check(id).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(id.as_str())
    }
}

impl<'de, T: Value> Deserialize<'de> for Promise<T> {
    #[track_caller]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        let id = PromiseId::new(id).map_err(de::Error::custom)?;
        Ok(Self::of_call(id, Output::of_promise()))
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id.get() {
            Some(id) => write!(f, "Promise({id})"),
            None => f.write_str("Promise(not asked for)"),
        }
    }
}
