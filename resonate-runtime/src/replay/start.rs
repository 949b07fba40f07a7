//! What starts, what is dropped, and what is left when the body has ended.

use std::sync::Arc;

use resonate_core::{Outcome, Timestamp};

use super::{
    CommandKind, Place, Position, Replay,
    journal::{Child, Stage, Start},
};

/// True for a call that was, or is about to be, created.
fn exists(child: &Child) -> bool {
    !matches!(
        child.stage(),
        Stage::Wished | Stage::Queued(_) | Stage::Over
    )
}

/// True for a call that something undoes.
pub(super) fn is_undone(child: &Child) -> bool {
    let asked = child.asked.as_ref();
    asked.is_some_and(|asked| asked.command.is_undone)
}

/// What may start in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Startable {
    /// A step; it may run.
    Step(Position),
    /// A call; say where, by `start_here`, `start_claimed` or `start_elsewhere`. If it may not run here yet and is not to
    /// run elsewhere, leave it: it comes again once the next turn is durable.
    Call {
        position: Position,
        may_run_here: bool,
    },
}

impl Startable {
    pub(crate) fn position(self) -> Position {
        match self {
            Self::Step(position) | Self::Call { position, .. } => position,
        }
    }
}

/// What the end of a body means for what it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// It is the answer: what is left behind is dropped, or canceled with it.
    Answer,
    /// Another attempt follows, and meets what this one started.
    Again,
    /// The body has left its history: what it asked for is not to be.
    Stop,
}

impl Replay {
    /// Out, once the body can do nothing more: the effects of what it dropped since it last rested.
    ///
    /// What was not started never existed. What was is canceled. Returned is what this process need not run any more.
    pub(crate) fn drop_unwanted(&mut self) -> Vec<Position> {
        for position in std::mem::take(&mut self.dropped) {
            self.sleepers.forget(position);
            let Some(child) = self.journal.get(position) else {
                continue;
            };
            // What undoes it runs, also if it has ended and the body did not see that.
            if is_undone(child) && exists(child) {
                self.say_cancel(position);
                continue;
            }
            match child.stage() {
                Stage::Wished
                | Stage::Asleep
                | Stage::Shown(_)
                | Stage::Ended {
                    is_known: false, ..
                } => {
                    self.journal.shift(position, Stage::Over);
                }
                Stage::Queued(_)
                | Stage::Here {
                    is_known: false, ..
                } => {
                    self.let_go.push(position);
                    self.journal.shift(position, Stage::Over);
                }
                Stage::Here { is_known: true, .. } => {
                    self.journal.shift(position, Stage::Pending);
                    self.say_cancel(position);
                }
                // It exists already, and outlives this.
                Stage::Opening(_) if self.is_shielded(position) => {}
                Stage::Opening(_) => {
                    self.let_go.push(position);
                    self.say_cancel(position);
                }
                Stage::Pending => self.say_cancel(position),
                Stage::Ended { is_known: true, .. }
                | Stage::Recording(_)
                | Stage::Settled(_)
                | Stage::Over => {}
            }
        }
        std::mem::take(&mut self.let_go)
    }

    /// Out, after that: the next command after `after` that may start. Everything that can only happen elsewhere goes into
    /// the next turn on the way.
    pub(crate) fn next_start(&mut self, after: Option<Position>) -> Option<Startable> {
        let mut last = after.unwrap_or(Position(0));
        loop {
            let position = self.journal.next_wished(last)?;
            last = position;
            let asked = self.journal.get(position)?.asked.as_ref()?;
            let command = Arc::clone(&asked.command);
            let may_run_here = !self.is_bound();
            match &command.kind {
                CommandKind::Step {
                    at_most_once: false,
                } if may_run_here => {
                    self.journal.shift(
                        position,
                        Stage::Here {
                            is_known: false,
                            is_leaving: false,
                        },
                    );
                    return Some(Startable::Step(position));
                }
                // What was canceled or told before it comes first.
                CommandKind::Step {
                    at_most_once: false,
                } => {}
                CommandKind::Step { at_most_once: true } => self.queue(position, Start::Begun),
                CommandKind::Call {
                    place: Place::Anywhere | Place::Here,
                    ..
                } => {
                    return Some(Startable::Call {
                        position,
                        may_run_here,
                    });
                }
                CommandKind::Call {
                    place: Place::Elsewhere,
                    ..
                }
                | CommandKind::Timer(_)
                | CommandKind::External
                | CommandKind::Receive
                | CommandKind::Send { .. }
                | CommandKind::Root { .. }
                | CommandKind::Undo { .. }
                | CommandKind::Await(_)
                | CommandKind::Tell { .. } => self.queue(position, Start::Elsewhere),
            }
        }
    }

    /// The call runs here, unknown to the server as long as it needs nothing from it. It is over then, whenever it becomes
    /// known.
    pub(crate) fn start_here(&mut self, call: Position, timeout_at: Timestamp) {
        let child = self.journal.get_mut(call);
        if let Some(asked) = child.and_then(|child| child.asked.as_mut()) {
            asked.timeout_at = Some(timeout_at);
        }
        self.journal.shift(
            call,
            Stage::Here {
                is_known: false,
                is_leaving: false,
            },
        );
    }

    /// The call runs here once the server knows it.
    pub(crate) fn start_claimed(&mut self, call: Position) {
        self.queue(call, Start::Claimed);
    }

    /// The call runs wherever it is claimed.
    pub(crate) fn start_elsewhere(&mut self, call: Position) {
        self.queue(call, Start::Elsewhere);
    }

    fn queue(&mut self, position: Position, start: Start) {
        self.journal.shift(position, Stage::Queued(start));
        self.say_child(position);
    }

    /// A call that runs here needs the server: the next turn creates it, claimed by this worker.
    pub(crate) fn adopt(&mut self, call: Position) {
        let is_young = self.journal.get(call).is_some_and(|child| {
            matches!(
                child.stage(),
                Stage::Here {
                    is_known: false,
                    is_leaving: false
                }
            )
        });
        if is_young {
            self.journal.shift(
                call,
                Stage::Here {
                    is_known: false,
                    is_leaving: true,
                },
            );
            self.say_child(call);
        }
    }

    /// A step or call that runs here has ended. The body sees it once it is durable, and its turn in the log has come.
    pub(crate) fn end_here(&mut self, position: Position, outcome: Outcome) {
        let Some(Stage::Here { is_known, .. }) = self.journal.get(position).map(Child::stage)
        else {
            return;
        };
        let is_known = *is_known;
        self.journal
            .shift(position, Stage::Ended { outcome, is_known });
        self.say_child(position);
    }

    /// The body has ended. The turns that follow say only what outlives it.
    pub(crate) fn finish(&mut self, finish: Finish) {
        for position in std::mem::take(&mut self.dropped) {
            let Some(child) = self.journal.get_mut(position) else {
                continue;
            };
            match finish {
                // What was dropped in the run that failed is not canceled: the next attempt meets it.
                Finish::Again => child.is_wanted = true,
                // What undoes it would not run if the caller ends well.
                Finish::Answer if is_undone(child) && exists(child) => self.say_cancel(position),
                Finish::Answer | Finish::Stop => {}
            }
        }
        for position in self.journal.young() {
            match finish {
                Finish::Again => self.adopt(position),
                Finish::Answer | Finish::Stop => {
                    self.journal.shift(position, Stage::Over);
                }
            }
        }
        // Also with a failure: it may be the last, and then nobody asks for them again.
        if finish != Finish::Stop {
            while let Some(position) = self.next_lasting() {
                self.queue(position, Start::Elsewhere);
            }
        }
        self.retain_lasting(finish);
    }

    /// A detached call or a tell that was asked for and is still wanted.
    fn next_lasting(&self) -> Option<Position> {
        let mut last = Position(0);
        loop {
            last = self.journal.next_wished(last)?;
            let child = self.journal.get(last)?;
            if child.is_wanted
                && child
                    .asked
                    .as_ref()
                    .is_some_and(|asked| asked.command.outlives_its_caller())
            {
                return Some(last);
            }
        }
    }

    /// True for what no cancel reaches.
    pub(crate) fn is_shielded(&self, position: Position) -> bool {
        let asked = self
            .journal
            .get(position)
            .and_then(|child| child.asked.as_ref());
        asked.is_some_and(|asked| asked.command.shielded)
    }

    pub(super) fn is_lasting(&self, position: Position) -> bool {
        let Some(child) = self.journal.get(position) else {
            return false;
        };
        match child.stage() {
            Stage::Ended { .. } | Stage::Here { .. } => true,
            Stage::Queued(_) => child
                .asked
                .as_ref()
                .is_some_and(|asked| asked.command.outlives_its_caller()),
            Stage::Wished
            | Stage::Asleep
            | Stage::Opening(_)
            | Stage::Recording(_)
            | Stage::Pending
            | Stage::Settled(_)
            | Stage::Shown(_)
            | Stage::Over => false,
        }
    }
}
