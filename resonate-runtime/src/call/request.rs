//! What a call says before it starts, and how that becomes a child, or a root.

use std::{collections::BTreeMap, fmt, panic::Location, sync::Arc, time::Duration};

use resonate_core::{Address, Call, Encoding, Payload, PromiseId, RetryPolicy, Timestamp};

use crate::{
    Error, ErrorKind, Result, Retry,
    context::{Child, Context, OnDrop},
    function::Definition,
    ops::check_labels,
    outside::{self, NewCall},
    replay::{Command, CommandKind, Due, Place},
};

/// What a call says before it starts.
pub(crate) struct Request {
    pub(super) definition: &'static Definition,
    pub(super) arguments: Result<Payload>,
    pub(super) location: &'static Location<'static>,
    pub(super) id: Option<String>,
    pub(super) service: Option<Arc<str>>,
    pub(super) version: Option<u32>,
    pub(super) timeout: Option<Duration>,
    pub(super) retry: Option<Retry>,
    pub(super) due: Due,
    pub(super) place: Place,
    pub(super) priority: Option<i8>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) is_shielded: bool,
    /// What undoes it is registered.
    pub(super) is_undone: bool,
    /// What undoes it.
    pub(super) undo: Option<Result<&'static Definition>>,
}

/// What is awaited, and how it is named in errors.
pub(super) struct Started {
    pub(super) child: Child,
    /// The promise whose outcome it is: the child's own, or the root it stands for.
    pub(super) subject: PromiseId,
}

impl Request {
    pub(super) fn new(
        definition: &'static Definition,
        arguments: Result<Payload>,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            definition,
            arguments,
            location,
            id: None,
            service: None,
            version: None,
            timeout: None,
            retry: None,
            due: Due::Now,
            place: Place::Anywhere,
            priority: None,
            labels: BTreeMap::new(),
            is_shielded: false,
            is_undone: false,
            undo: None,
        }
    }

    fn address(&self) -> Address {
        let own = self.definition.address();
        Address {
            service: self.service.clone().unwrap_or(own.service),
            version: self.version.unwrap_or(own.version),
            function: own.function,
        }
    }

    /// Starts as a child of the execution that is being polled. Its place is taken also if that fails, so what follows
    /// keeps its own.
    pub(super) fn start(mut self, context: &Arc<Context>, is_detached: bool) -> Result<Started> {
        let (name, location) = (self.definition.name, self.location);
        let unwritten = self.take_unwritten();
        if let Some(undo) = self.undo.take() {
            self.register_undo(context, undo?, is_detached)?;
        }
        let command = match self.into_command(context, is_detached) {
            Ok(command) => command,
            Err(error) => {
                let nothing = Command::new(name, place(location), CommandKind::External);
                return Err(error.at(Child::ask(context, nothing, OnDrop::Cancel).id()));
            }
        };
        let root = match &command.kind {
            CommandKind::Root { id, .. } => Some(id.clone()),
            CommandKind::Call { .. }
            | CommandKind::Step { .. }
            | CommandKind::Timer(_)
            | CommandKind::External
            | CommandKind::Undo { .. }
            | CommandKind::Await(_)
            | CommandKind::Tell { .. } => None,
        };
        let on_drop = if is_detached {
            OnDrop::Leave
        } else {
            OnDrop::Cancel
        };
        let mut child = Child::ask(context, command, on_drop);
        let subject = root.unwrap_or_else(|| child.id().clone());
        match unwritten {
            None => Ok(Started { child, subject }),
            Some(error) => {
                child.set_on_drop(OnDrop::Cancel);
                Err(error.at(&subject))
            }
        }
    }

    /// Registers what undoes this call, which then has the next place.
    fn register_undo(
        &mut self,
        context: &Arc<Context>,
        undo: &'static Definition,
        is_detached: bool,
    ) -> Result<()> {
        if is_detached {
            let message = format!(
                "the call of {} at {} is detached, so its caller's end is not its own; leave `compensate` or `detach` out",
                self.definition.address(),
                place(self.location)
            );
            return Err(Error::of(ErrorKind::Misused, message).into_terminal());
        }
        (self.is_shielded, self.is_undone) = (true, true);
        let of = context.with(|inner| inner.replay.id_after(undo.name, self.definition.name));
        let nothing = Payload::new(Encoding::JSON, "[]");
        let call =
            Self::new(undo, Ok(nothing), self.location).into_call(context.settings().retry)?;
        let kind = CommandKind::Undo {
            call: Arc::new(call),
            of: Some(of),
        };
        let command = Command::new(undo.name, place(self.location), kind);
        ask_undo(context, command);
        Ok(())
    }

    /// Registers this call to be made if its caller ends badly.
    pub(super) fn register(mut self, context: &Arc<Context>) -> Result<()> {
        if let Some(error) = self.take_unwritten() {
            return Err(error);
        }
        let (name, location) = (self.definition.name, self.location);
        let is_odd = self.id.is_some() || self.undo.is_some() || self.due != Due::Now;
        if is_odd || self.timeout.is_some() {
            let message = format!(
                "what `on_cancel` at {} is given runs once its caller has ended badly, as a call of it: it has no id, no delay, no \
                 timeout and nothing that undoes it",
                place(location)
            );
            return Err(Error::of(ErrorKind::Misused, message).into_terminal());
        }
        let labels = std::mem::take(&mut self.labels);
        check_labels(&labels)?;
        let call = Arc::new(self.into_call(context.settings().retry)?);
        let kind = CommandKind::Undo { call, of: None };
        let command = Command::new(name, place(location), kind);
        ask_undo(context, Command { labels, ..command });
        Ok(())
    }

    /// The root it is outside of durable functions.
    pub(super) fn into_root(self) -> Result<NewCall> {
        let Some(id) = self.own_id()? else {
            return Err(self.refusal());
        };
        if self.undo.is_some() {
            let message = format!(
                "the call of {} at {} has no caller that could end badly; write `compensate` in a durable function",
                self.definition.address(),
                place(self.location)
            );
            return Err(Error::of(ErrorKind::Misused, message).into_terminal());
        }
        let retry = outside::settings().map_or(RetryPolicy::DEFAULT, |settings| settings.retry);
        let (location, timeout, due) = (self.location, self.own_timeout(), self.due);
        let (delay, start_at) = match due {
            Due::Now => (None, Timestamp::ZERO),
            Due::After(delay) => (Some(delay), Timestamp::ZERO),
            Due::At(time) => (None, time),
        };
        let labels = self.labels.clone();
        let call = self.into_call(retry).map_err(|error| error.at(&id))?;
        Ok(NewCall {
            id,
            call: Call { start_at, ..call },
            delay,
            timeout,
            labels,
            location,
        })
    }

    /// What a schedule calls, and how long each call may take.
    pub(crate) fn into_scheduled(self, default: RetryPolicy) -> Result<(Call, Option<Duration>)> {
        let is_odd = self.id.is_some() || self.undo.is_some() || !self.labels.is_empty();
        if is_odd || self.due != Due::Now || self.place != Place::Anywhere {
            let message = format!(
                "the call of {} at {} is made by a schedule: each firing has an id and a time of its own, and runs where its \
                 function is served; leave out the id, delay, labels, place and what undoes it",
                self.definition.address(),
                place(self.location)
            );
            return Err(Error::of(ErrorKind::Misused, message).into_terminal());
        }
        let timeout = self.own_timeout();
        Ok((self.into_call(default)?, timeout))
    }

    /// Why the arguments could not be written; then they are nothing from now on.
    fn take_unwritten(&mut self) -> Option<Error> {
        let nothing = Ok(Payload::new(Encoding::JSON, Vec::new()));
        match std::mem::replace(&mut self.arguments, nothing) {
            Ok(written) => {
                self.arguments = Ok(written);
                None
            }
            Err(error) => Some(error),
        }
    }

    fn into_command(self, context: &Context, is_detached: bool) -> Result<Command> {
        let name = self.definition.name;
        let (due, place_asked, shielded) = (self.due, self.place, self.is_shielded);
        let is_undone = self.is_undone;
        let (location, timeout, labels) = (
            place(self.location),
            self.own_timeout(),
            self.labels.clone(),
        );
        let id = match self.own_id()? {
            None if is_detached => Some(context.detached_id(name)?),
            id => id,
        };
        let call = Arc::new(self.into_call(context.settings().retry)?);
        let kind = match id {
            Some(id) => CommandKind::Root {
                id,
                call,
                start: due,
                detached: is_detached,
            },
            None if due == Due::Now => CommandKind::Call {
                call,
                place: place_asked,
                start: due,
            },
            None => CommandKind::Call {
                call,
                place: Place::Elsewhere,
                start: due,
            },
        };
        Ok(Command {
            timeout,
            shielded,
            is_undone,
            labels,
            ..Command::new(name, location, kind)
        })
    }

    /// The call of a function without parameters, by nobody.
    pub(crate) fn of_nobody(
        definition: &'static Definition,
        location: &'static Location<'static>,
    ) -> Self {
        Self::new(definition, Ok(Payload::new(Encoding::JSON, "[]")), location)
    }

    fn own_id(&self) -> Result<Option<PromiseId>> {
        let checked = self.id.as_deref().map(PromiseId::user_root).transpose();
        checked.map_err(|bad| Error::of(ErrorKind::Misused, bad).into_terminal())
    }

    fn own_timeout(&self) -> Option<Duration> {
        self.timeout
            .or_else(|| self.definition.options.timeout.map(|timeout| timeout()))
    }

    fn into_call(self, default: RetryPolicy) -> Result<Call> {
        let address = self.address();
        if self.retry.as_ref().is_some_and(Retry::has_condition) {
            let message = format!(
                "the retry policy of the call of {address} at {} has a `when`, which cannot travel; write `retry = ..` at the function",
                place(self.location)
            );
            return Err(Error::of(ErrorKind::Misused, message).into_terminal());
        }
        check_labels(&self.labels)?;
        let options = &self.definition.options;
        let retry = self.retry.or_else(|| options.retry.map(|retry| retry()));
        // What a declaration leaves out is not for its caller to say: whoever serves the function has announced it.
        let default = self.definition.run.is_some().then_some(default);
        Ok(Call {
            address,
            signature: self.definition.signature(),
            param: self.arguments?,
            retry: retry.map(|retry| retry.policy()).or(default),
            priority: self.priority.or(options.priority),
            start_at: Timestamp::ZERO,
        })
    }

    /// Why a call outside of durable functions needs an id.
    fn refusal(&self) -> Error {
        let message = format!(
            "the call of {} at {} is outside of a durable function and has no id; write `.id(\"..\")`, or make the call in the \
             function itself if this is a task that a durable function has spawned",
            self.definition.address(),
            place(self.location)
        );
        Error::of(ErrorKind::Misused, message).into_terminal()
    }

    /// Why a call inside of a step is refused.
    pub(super) fn refusal_in_step(&self) -> Error {
        in_step(
            format_args!("the call of {}", self.definition.address()),
            self.location,
        )
    }
}

/// Why something durable inside of a step is refused.
pub(crate) fn in_step(what: impl fmt::Display, location: &Location<'_>) -> Error {
    let message = format!(
        "{what} at {} is inside of a step, whose closure is not replayed; do it in the function, outside of the step",
        place(location)
    );
    Error::of(ErrorKind::Misused, message).into_terminal()
}

/// File and line.
pub(crate) fn place(location: &Location<'_>) -> String {
    format!("{}:{}", location.file(), location.line())
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.address(), place(self.location))
    }
}

/// Nobody awaits it.
fn ask_undo(context: &Arc<Context>, command: Command) {
    drop(Child::ask(context, command, OnDrop::Leave));
}
